"""An archive by DICOM's own network: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE.

Source: DICOM PS3.4 annexes B and C (Study Root), PS3.7 9.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filereader import dcmread, read_file_meta_info
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
)

from metaspine.errors import NetworkError
from metaspine.exchange.dicom_files import Elements, damage_reported
from metaspine.exchange.network import handshake
from metaspine.exchange.network.dealings import RETURNED, Caller, Match, Retrieved, Sent, check_filters
from metaspine.exchange.network.listener import STORED, Listener, checked_and_kept
from metaspine.exchange.network.nodes import Node, application_entity, require_archive_packages
from metaspine.exchange.network.received import Identity
from metaspine.exchange.network.spool import Kept, Spool

_MOST_CONTEXTS = 128
"""PS3.8 9.3.2: their numbers are the odd ones below 256."""
_COERCED = range(0xB000, 0xC000)
_UNCOMPRESSED = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_COMPRESSED = [JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless]
FETCHED = (
    "CTImageStorage",
    "EnhancedCTImageStorage",
    "LegacyConvertedEnhancedCTImageStorage",
    "MRImageStorage",
    "EnhancedMRImageStorage",
    "PositronEmissionTomographyImageStorage",
    "XRay3DAngiographicImageStorage",
    "SecondaryCaptureImageStorage",
    "SegmentationStorage",
    "ParametricMapStorage",
    "SpatialRegistrationStorage",
    "RTStructureSetStorage",
    "RTDoseStorage",
    "RTPlanStorage",
    "RTImageStorage",
    "RTBrachyTreatmentRecordStorage",
    "RTTreatmentSummaryRecordStorage",
    "BasicTextSRStorage",
    "EnhancedSRStorage",
    "ComprehensiveSRStorage",
    "EncapsulatedPDFStorage",
)
"""The kinds that C-GET asks for; a listener and C-MOVE take all."""

Context = tuple[str, Sequence[str]]


def echo(node: Node, caller: Caller) -> None:
    """Ask whether a node is there and speaks with us.

    Raises
    ------
    NetworkError
        When it does not.
    """
    require_archive_packages()
    from pynetdicom.sop_class import Verification

    with _association(node, caller, [(Verification, _UNCOMPRESSED)]) as association:
        _require_success(association.send_c_echo(), node, "C-ECHO")


def send(paths: Sequence[Path], node: Node, caller: Caller) -> Sent:
    """Send files by C-STORE, each in the encoding it has.

    A file without compression may be sent as implicit little endian where the archive takes nothing else. What an
    archive does not acknowledge counts as refused, also when the connection was cut.

    Raises
    ------
    ImageError
        When a file is no DICOM.
    NetworkError
        When the archive does not answer, or refuses to speak with us.
    """
    with _association(node, caller, _contexts_of(paths)) as association:
        stored, refused, notes = [], [], []
        for path in paths:
            reason = _send_one(association, path)
            if reason and not reason.startswith("stored"):
                refused.append((path, reason))
                continue
            stored.append(path)
            notes += [f"{path.name}: {reason}"] if reason else []
    return Sent(tuple(stored), tuple(refused), tuple(notes))


def find(node: Node, caller: Caller, level: str, filters: Mapping[str, str]) -> tuple[Match, ...]:
    """Search by C-FIND.

    Parameters
    ----------
    level
        STUDY or SERIES.
    filters
        Values by DICOM keyword, as DICOM matches them (with * and ?, ranges of dates).

    Raises
    ------
    InputError
        When a filter is no DICOM keyword.
    NetworkError
        When the archive does not answer, or does not search.
    """
    require_archive_packages()
    check_filters(filters)
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Model

    query = _identifier(level, {**dict.fromkeys(RETURNED[level], ""), **filters})
    with _association(node, caller, [(Model, _UNCOMPRESSED)]) as association:
        answers = list(association.send_c_find(query, Model))
        _require_success(answers[-1][0], node, "C-FIND")
    found = [Elements(answer, str(node)) for _, answer in answers if answer is not None]
    wanted = dict.fromkeys((*RETURNED[level], *filters))
    return tuple({keyword: elements.text(keyword) for keyword in wanted} for elements in found)


def get(node: Node, caller: Caller, spool: Spool, *, study: str, series: str = "") -> Retrieved:
    """Fetch a study, or one series of it, by C-GET into a spool.

    Raises
    ------
    NetworkError
        When the archive does not answer, or does not send.
    """
    require_archive_packages()
    from pynetdicom import build_role, evt
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Model

    fetching = _Fetching(spool)
    roles = [build_role(uid, scp_role=True) for uid in _fetched()]
    handlers = [(evt.EVT_C_STORE, fetching.store)]
    contexts = [(str(Model), _UNCOMPRESSED), *_contexts_to_fetch()]
    with _association(node, caller, contexts, ext_neg=roles, evt_handlers=handlers) as association:
        *_, (status, _) = association.send_c_get(_place(study, series), Model)
        return fetching.result(status, node, "C-GET")


def move(node: Node, caller: Caller, spool: Spool, port: int, *, study: str, series: str = "") -> Retrieved:
    """Have a study, or one series of it, sent by C-MOVE to a port of ours, into a spool.

    The archive must know our title with this machine's address and the port.

    Raises
    ------
    NetworkError
        When the archive does not answer, does not know us, or cannot reach us; when the port cannot be opened.
    """
    require_archive_packages()
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as Model

    fetching = _Fetching(spool)
    here = Node(caller.title, "127.0.0.1" if node.host in ("127.0.0.1", "localhost") else "0.0.0.0", port)  # noqa: S104
    own_port = Listener(here, spool, came=fetching.came, say=fetching.notes.append, certificates=caller.certificates)
    with own_port, _association(node, caller, [(Model, _UNCOMPRESSED)]) as association:
        *_, (status, _) = association.send_c_move(_place(study, series), caller.title, Model)
        return fetching.result(status, node, "C-MOVE")


class _Fetching:
    """What comes while something is fetched."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.paths: list[Path] = []
        self.series: set[str] = set()
        self.notes: list[str] = []

    def came(self, identity: Identity, kept: Kept) -> None:
        self.paths.append(kept.path)
        self.series.add(identity.series)

    def store(self, event: Any) -> int:
        return checked_and_kept(event, self._spool, note=lambda *_: None, came=self.came, say=self.notes.append)

    def result(self, status: Dataset, node: Node, what: str) -> Retrieved:
        """Return what came; a series counts as finished only where nothing failed."""
        failed = int(status.get("NumberOfFailedSuboperations") or 0)
        if not (failed and self.paths):
            _require_success(status, node, what)
            for series in self.series:
                self._spool.finish(series)
        return Retrieved(tuple(self.paths), failed, tuple(self.notes))


@contextmanager
def _association(node: Node, caller: Caller, contexts: Sequence[Context], **more: Any) -> Iterator[Any]:
    entity = application_entity(caller.title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = caller.answer_within_s
    entity.connection_timeout = caller.answer_within_s
    for sop_class, syntaxes in contexts:
        entity.add_requested_context(sop_class, list(syntaxes))
    context = caller.certificates.for_client() if caller.certificates else None
    tls = (context, node.host) if context else None
    association = entity.associate(node.host, node.port, ae_title=node.title, tls_args=tls, **more)
    if not association.is_established:
        why = _why_not(association) or _unreached(node, context, caller.answer_within_s)
        raise NetworkError(why, where=str(node), remedy=_REMEDY)
    # Without it a line that is dead while something is being sent would be waited for without end;
    # a line that was cut since the greeting is gone by now, and the next message says so.
    if (line := association.dul.socket.socket) is not None:
        line.settimeout(caller.answer_within_s)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


_REMEDY = "Check address, port, both titles and, with TLS, the certificates; the archive may have to be told our title"


def _why_not(association: Any) -> str:
    """Return why the other side did not want an association; empty where there was no greeting."""
    if association.is_rejected:
        return "rejected the association: it does not know one of the two titles, or is busy"
    return "takes nothing of what was offered" if association.acceptor.primitive is not None else ""


def _unreached(node: Node, context: SSLContext | None, within_s: float) -> str:
    if context is None:
        return "cannot be reached, or it asks for TLS"
    return handshake.trouble(node.host, node.port, context, within_s=within_s) or "gave no answer of DICOM within TLS"


def _contexts_of(paths: Sequence[Path]) -> list[Context]:
    """Return one context for each kind and encoding, so that each file goes as it is."""
    pairs: dict[tuple[str, str], None] = {}
    for path in paths:
        with damage_reported(path):
            elements = Elements(read_file_meta_info(path), str(path))
            kind, syntax = (elements.required_text(name) for name in ("MediaStorageSOPClassUID", "TransferSyntaxUID"))
            pairs[kind, syntax] = None
            if UID(syntax) == ExplicitVRLittleEndian:
                pairs[kind, ImplicitVRLittleEndian] = None
    if len(pairs) > _MOST_CONTEXTS:
        raise NetworkError(
            f"{len(pairs)} kinds of objects and encodings are more than one connection can carry",
            where=str(paths[0].parent),
            remedy="Send them in parts",
        )
    return [(kind, [syntax]) for kind, syntax in pairs]


def _send_one(association: Any, path: Path) -> str:
    """Return why a file was not stored, what became of it where that begins with "stored", or empty."""
    if not association.is_established:
        return "the connection was cut"
    with damage_reported(path):
        dataset = dcmread(path)
        kind, syntax = dataset.SOPClassUID.name, dataset.file_meta.TransferSyntaxUID.name
    try:
        answer = association.send_c_store(dataset)
    except ValueError:
        return f"{kind} as {syntax} is not taken there"
    except RuntimeError:
        return "the connection was cut"
    code = answer.get("Status")
    if code in _COERCED:
        return f"stored with a warning (status 0x{code:04X})"
    if code is None:
        return "no answer"
    return "" if code == STORED else f"refused with status 0x{code:04X}{_comment(answer)}"


def _comment(answer: Dataset) -> str:
    text = str(answer.get("ErrorComment", ""))
    return f" ({text})" if text else ""


def _require_success(status: Dataset, node: Node, what: str) -> None:
    code = status.get("Status")
    if code != STORED:
        found = "was not answered" if code is None else f"ended with status 0x{code:04X}{_comment(status)}"
        raise NetworkError(f"{what} {found}", where=str(node), remedy="Ask who runs the archive what its own log says")


def _identifier(level: str, values: Mapping[str, str]) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(query, keyword, value)
    return query


def _place(study: str, series: str) -> Dataset:
    if series:
        return _identifier("SERIES", {"StudyInstanceUID": study, "SeriesInstanceUID": series})
    return _identifier("STUDY", {"StudyInstanceUID": study})


def _fetched() -> list[UID]:
    import pydicom.uid

    return [getattr(pydicom.uid, name) for name in FETCHED]


def _contexts_to_fetch() -> list[Context]:
    plain: list[Context] = [(kind, _UNCOMPRESSED) for kind in _fetched()]
    return plain + [(kind, [syntax]) for kind in (CTImageStorage, MRImageStorage) for syntax in _COMPRESSED]
