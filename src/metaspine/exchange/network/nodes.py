"""Who speaks with whom: addresses, titles and certificates of the systems on the network."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from metaspine.errors import InputError
from metaspine.exchange.writing.objects import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

OWN_TITLE = "METASPINE"
PACKAGES = ("pynetdicom", "dicomweb_client")
_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
"""Up to 16 characters without backslash and control characters (PS3.5 6.2, AE)."""
_ADDRESS = re.compile(r"(?P<title>[^@]+)@(?P<host>[^@/]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Certificates:
    """What a connection by TLS shows of itself and demands of the other side.

    Parameters
    ----------
    own, key
        This side's certificate and its private key, PEM; None where it shows none, as a caller may.
    authority
        Who must have signed the other side's certificate, PEM.
    """

    own: Path | None
    key: Path | None
    authority: Path

    def for_server(self) -> ssl.SSLContext:
        """Return how to accept connections: the caller must show a certificate that the authority signed.

        Raises
        ------
        InputError
            When a file is missing or holds no certificate or key, or there is no certificate of our own.
        """
        if self.own is None:
            raise InputError(
                "there is no certificate of our own to show to callers",
                where="network",
                remedy="Give --certificate and --key as well",
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def for_client(self) -> ssl.SSLContext:
        """Return how to call: the other side must show a certificate of its host name that the authority signed.

        Raises
        ------
        InputError
            When a file is missing or holds no certificate or key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self.own is not None:
                context.load_cert_chain(self.own, self.key)
            context.load_verify_locations(self.authority)
        except OSError as error:
            raise InputError(
                f"no certificate, key or authority could be read from them ({error.strerror or error})",
                where=", ".join(str(path) for path in (self.own, self.key, self.authority) if path),
                remedy="Give PEM files; the key must be the certificate's, without a password",
            ) from error


@dataclass(frozen=True)
class Node:
    """A system that speaks DICOM.

    Parameters
    ----------
    title
        Its application entity title.
    """

    title: str
    host: str
    port: int

    def __post_init__(self) -> None:
        """Refuse a title or a port that DICOM does not know."""
        check_title(self.title)
        if not 0 < self.port < 65536:
            raise InputError(f"port {self.port} does not exist", where=str(self), remedy="Give one from 1 to 65535")

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.title}@{self.host}:{self.port}"


def node_of(text: str) -> Node:
    """Return the node that is written as TITLE@HOST:PORT.

    Raises
    ------
    InputError
        When it is written otherwise.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise InputError(
            "is no address of an archive",
            where=text,
            remedy="Write TITLE@HOST:PORT, for example ORTHANC@127.0.0.1:4242, or the http(s) address of DICOMweb",
        )
    return Node(found["title"], found["host"], int(found["port"]))


def check_title(title: str) -> None:
    """Refuse what is no application entity title.

    Raises
    ------
    InputError
        When it is empty, longer than 16 characters, or holds a backslash or a control character.
    """
    if _TITLE.fullmatch(title) is None or not title.strip():
        raise InputError(
            f"{title!r} is no application entity title",
            remedy="Give 1 to 16 letters, digits and signs without a backslash",
        )


def require_archive_packages() -> None:
    """Refuse to go on where the packages of the extra ``archive`` are not installed.

    Raises
    ------
    InputError
        With what to type.
    """
    missing = [name.replace("_", "-") for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not installed", where="network", remedy="Type: pip install 'metaspine[archive]'"
        )


def application_entity(title: str) -> Any:
    """Return pynetdicom's entity of a title, which names this program as the implementation that speaks.

    Raises
    ------
    InputError
        When the extra ``archive`` is not installed.
    """
    require_archive_packages()
    from pynetdicom import AE

    entity = AE(title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return entity
