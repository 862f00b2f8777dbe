"""An archive by DICOMweb: STOW-RS to store, QIDO-RS to search, WADO-RS to fetch.

Source: DICOM PS3.18 10.4 (retrieve), 10.5 (store), 10.6 (search). The requests are dicomweb-client's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urlsplit

from pydicom.dataset import Dataset
from pydicom.filereader import dcmread

from metaspine.errors import NetworkError
from metaspine.exchange.dicom_files import MALFORMED, Elements, damage_reported
from metaspine.exchange.dicom_prewalk import TooElaborate, UnreadSyntax, walk
from metaspine.exchange.network import handshake
from metaspine.exchange.network.dealings import RETURNED, SERIES, STUDY, Match, Retrieved, Sent, check_filters
from metaspine.exchange.network.nodes import Certificates, require_archive_packages
from metaspine.exchange.network.received import identity_of
from metaspine.exchange.network.spool import Spool

_HTTPS = 443
_PATIENCE_S = 10.0


def is_address(text: str) -> bool:
    """Return whether a text is the address of a DICOMweb service."""
    return text.startswith(("http://", "https://"))


def send(paths: Sequence[Path], url: str, certificates: Certificates | None = None) -> Sent:
    """Store files by STOW-RS, one in each request, so that one that is refused takes no other with it.

    Raises
    ------
    ImageError
        When a file is no DICOM.
    NetworkError
        When the service does not answer.
    """
    client = _client(url, certificates)
    stored, refused = [], []
    for path in paths:
        with damage_reported(path):
            dataset = dcmread(path)
        with _answers(url, certificates):
            reason = _refusal(client.store_instances([dataset]), str(dataset.SOPInstanceUID))
        if reason:
            refused.append((path, reason))
        else:
            stored.append(path)
    return Sent(tuple(stored), tuple(refused))


def find(
    url: str, level: str, filters: Mapping[str, str], certificates: Certificates | None = None
) -> tuple[Match, ...]:
    """Search by QIDO-RS.

    Parameters
    ----------
    level
        STUDY or SERIES.
    filters
        Values by DICOM keyword, as DICOM matches them.

    Raises
    ------
    InputError
        When a filter is no DICOM keyword.
    NetworkError
        When the service does not answer, or does not search.
    """
    check_filters(filters)
    client = _client(url, certificates)
    search = {STUDY: client.search_for_studies, SERIES: client.search_for_series}[level]
    wanted = dict.fromkeys((*RETURNED[level], *filters))
    with _answers(url, certificates):
        answers = [Dataset.from_json(item) for item in search(search_filters=dict(filters), fields=list(wanted))]
    found = [Elements(answer, url) for answer in answers]
    return tuple({keyword: elements.text(keyword) for keyword in wanted} for elements in found)


def get(url: str, spool: Spool, *, study: str, series: str = "", certificates: Certificates | None = None) -> Retrieved:
    """Fetch a study, or one series of it, by WADO-RS into a spool, in the encoding in which the archive keeps it.

    What is damaged, deflated or too elaborate (EXCHANGE-10) is not kept, and counted as failed.

    Raises
    ------
    NetworkError
        When the service does not answer, does not have it, or the connection was cut: what came whole is kept.
    OSError
        When the disk is full or fails.
    """
    client = _client(url, certificates)
    any_encoding = (("application/dicom", "*"),)
    paths, touched = [], set()
    with _answers(url, certificates):
        if series:
            objects = client.iter_series(study, series, media_types=any_encoding)
        else:
            objects = client.iter_study(study, media_types=any_encoding)
        for dataset in objects:
            raw = _bytes_of(dataset)
            identity = identity_of(raw, str(dataset.SOPInstanceUID))
            spool.begin(identity.series)
            touched.add(identity.series)
            paths.append(spool.keep(raw, identity).path)
    for name in touched if not client.refused else ():
        spool.finish(name)
    return Retrieved(tuple(paths), failed=len(client.refused), notes=tuple(client.refused))


def _client(url: str, certificates: Certificates | None) -> Any:
    require_archive_packages()
    from dicomweb_client.api import DICOMwebClient
    from requests import PreparedRequest, Request, Session

    class StarsAsTheyAre(Session):  # type: ignore[misc]
        """Sends * as such, which RFC 3986 allows in a query: some archives look for the text %2A and find nothing."""

        def prepare_request(self, request: Request) -> PreparedRequest:
            prepared = super().prepare_request(request)
            prepared.url = (prepared.url or "").replace("%2A", "*")
            return prepared

        def merge_environment_settings(self, *request: Any) -> Any:
            """Trust whom the user named: requests puts REQUESTS_CA_BUNDLE of the environment before it."""
            settings = super().merge_environment_settings(*request)
            return settings if certificates is None else {**settings, "verify": str(certificates.authority)}

    class WalkedOver(DICOMwebClient):  # type: ignore[misc]
        """Walks over each object before the library decodes it; only here are its bytes at hand."""

        refused: list[str]

        def _decode_multipart_message(self, *response: Any, **more: Any) -> Iterator[bytes]:
            for number, part in enumerate(super()._decode_multipart_message(*response, **more), start=1):
                try:
                    walk(BytesIO(part))
                except (TooElaborate, UnreadSyntax, *MALFORMED) as error:
                    self.refused.append(f"refused: object {number} of those that came: {error}")
                else:
                    yield part

    session = StarsAsTheyAre()
    if certificates is not None:
        certificates.for_client()
        if certificates.own is not None:
            session.cert = (str(certificates.own), str(certificates.key))
    client = WalkedOver(url=url, session=session)
    client.set_http_retry_params(retry=False)
    client.refused = []
    return client


@contextmanager
def _answers(url: str, certificates: Certificates | None) -> Iterator[None]:
    """Turn what goes wrong between here and the service into one error that names it."""
    from requests import RequestException
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import HTTPError, InvalidJSONError

    remedy = "Check the address (it ends in /dicom-web with Orthanc) and, for https, the certificates"
    try:
        yield
    except HTTPError as error:
        code = error.response.status_code if error.response is not None else "?"
        raise NetworkError(f"answered with HTTP status {code}", where=url, remedy=remedy) from error
    except InvalidJSONError as error:
        raise NetworkError("answered with what is no DICOM JSON", where=url, remedy=remedy) from error
    except RequestException as error:
        tls = _tls_trouble(error, url, certificates) if isinstance(error, NoConnection) else ""
        raise NetworkError(tls or "cannot be reached, or the connection was cut", where=url, remedy=remedy) from error
    except MALFORMED as error:
        if isinstance(error, OSError):
            raise
        raise NetworkError(f"sent what is no DICOM ({error})"[:300], where=url, remedy=remedy) from error


def _tls_trouble(error: BaseException, url: str, certificates: Certificates | None) -> str:
    """Return what TLS failed of; empty where it did not. Where the other side only hangs up, it is asked again."""
    failed, place = handshake.tls_error_in(error), urlsplit(url)
    if isinstance(failed, SSLCertVerificationError) or certificates is None or place.scheme != "https":
        return handshake.reason(failed) if failed else ""
    port = place.port or _HTTPS
    return handshake.trouble(place.hostname or "", port, certificates.for_client(), within_s=_PATIENCE_S)


def _refusal(answer: Dataset, instance: str) -> str:
    """Return why an object was not stored; empty where the answer says that it was."""
    for item in answer.get("FailedSOPSequence", []):
        return f"refused with reason 0x{int(item.get('FailureReason', 0)):04X}"
    stored = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence", [])}
    return "" if instance in stored else "the answer does not say that it was stored"


def _bytes_of(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
