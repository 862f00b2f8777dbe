"""A listener that takes objects by C-STORE: as they came, on the disk before they are acknowledged.

Source: DICOM PS3.4 annex B (storage service class; status codes in table B.2-1), PS3.7 9.1.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from metaspine.errors import ImageError, NetworkError
from metaspine.exchange.network.completeness import IDLE_S, Visit
from metaspine.exchange.network.handing import Handing, Say
from metaspine.exchange.network.nodes import Certificates, Node, application_entity
from metaspine.exchange.network.received import Identity, identity_of
from metaspine.exchange.network.spool import Kept, Spool

STORED, OUT_OF_RESOURCES, OTHER_OBJECT, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
SILENCE_S = 60.0
"""A connection that says nothing for so long counts as cut."""
MOST_BYTES_AT_ONCE = 1 << 18
MOST_ASSOCIATIONS = 10
_ROUND_S = 0.1
DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.8.1"}
"""Not offered: their true size is known only after inflating, and the readers refuse them."""

Came = Callable[[Identity, Kept], None]
Note = Callable[[Any, str], None]


@dataclass
class _Part:
    """When one association brought something of one series, first and last."""

    first_s: float
    last_s: float


def taken() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return every SOP class that a listener takes, each with its transfer syntaxes."""
    from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts
    from pynetdicom.sop_class import Verification

    offered = tuple(str(syntax) for syntax in ALL_TRANSFER_SYNTAXES if syntax not in DEFLATED)
    stored = tuple((str(context.abstract_syntax), offered) for context in AllStoragePresentationContexts)
    return (*stored, (str(Verification), (ExplicitVRLittleEndian, ImplicitVRLittleEndian)))


class Listener:
    """An open port that keeps what it is sent in a spool; close it, or use it by ``with``.

    Parameters
    ----------
    node
        Where it listens, and the title that callers must call it by.
    came
        Told of every object kept, on the association's thread.
    say
        Told of every object refused, in words that do not name the patient.

    Raises
    ------
    InputError
        When the extra ``archive`` is not installed, or the certificates cannot be read.
    NetworkError
        When the port cannot be opened.
    """

    def __init__(
        self, node: Node, spool: Spool, *, came: Came, say: Say, certificates: Certificates | None = None
    ) -> None:
        self._spool, self._came, self._say = spool, came, say
        self._parts: dict[str, dict[Any, _Part]] = defaultdict(dict)
        self._refused: set[Any] = set()
        """Associations of which something was refused."""
        self._lock = Lock()
        self._entity, self._server = self._open(node, certificates)

    def _open(self, node: Node, certificates: Certificates | None) -> tuple[Any, Any]:
        entity = application_entity(node.title)
        from pynetdicom import evt

        entity.require_called_aet = True
        entity.network_timeout = SILENCE_S
        entity.maximum_pdu_size = MOST_BYTES_AT_ONCE
        entity.maximum_associations = MOST_ASSOCIATIONS
        for kind, syntaxes in taken():
            entity.add_supported_context(kind, list(syntaxes))
        context_of_tls = certificates.for_server() if certificates else None
        handlers = [(evt.EVT_C_STORE, self._store)]
        try:
            server = entity.start_server(
                (node.host, node.port), block=False, evt_handlers=handlers, ssl_context=context_of_tls
            )
        except OSError as error:
            raise NetworkError(
                f"the port cannot be opened ({error.strerror})",
                where=str(node),
                remedy="Choose another port, or stop the program that holds it",
            ) from error
        return entity, server

    def __enter__(self) -> Listener:
        """Return the listener itself, for ``with``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port; open associations are aborted."""
        self.close()

    def close(self) -> None:
        """Close the port; open associations are aborted."""
        self._entity.shutdown()

    def visits(self, series: str) -> tuple[Visit, ...]:
        """Return what each association brought of a series, as far as it is not forgotten."""
        with self._lock:
            return tuple(
                Visit(
                    part.first_s, part.last_s, whole=bool(association.is_released) and association not in self._refused
                )
                for association, part in self._parts.get(series, {}).items()
            )

    def forget(self, series: str) -> None:
        """Forget the associations that brought something of a series and are over."""
        with self._lock:
            parts = self._parts.pop(series, {})
            if going_on := {association: part for association, part in parts.items() if association.is_alive()}:
                self._parts[series] = going_on
            self._refused = {association for association in self._refused if association.is_alive()} | {
                association for others in self._parts.values() for association in others if association in self._refused
            }

    def _store(self, event: Any) -> int:
        status = NOT_UNDERSTOOD
        try:
            status = checked_and_kept(event, self._spool, note=self._note, came=self._came, say=self._say)
        finally:
            if status != STORED:
                with self._lock:
                    self._refused.add(event.assoc)
        return status

    def _note(self, association: Any, series: str) -> None:
        """Note before anything is stored that an association brings something of a series."""
        now = monotonic()
        with self._lock:
            self._parts[series].setdefault(association, _Part(now, now)).last_s = now


def checked_and_kept(event: Any, spool: Spool, *, note: Note, came: Came, say: Say) -> int:
    """Keep the object of one C-STORE request as it came, and return the status to answer.

    Parameters
    ----------
    event
        pynetdicom's, of the request.
    note
        Told the association and the series before anything is stored.
    """
    instance = str(event.request.AffectedSOPInstanceUID)
    try:
        raw = event.encoded_dataset()
        identity = identity_of(raw, instance)
    except ImageError as error:
        say(f"refused: {error}")
        return NOT_UNDERSTOOD
    if (identity.sop_class, identity.instance) != (str(event.request.AffectedSOPClassUID), instance):
        say(f"refused: {instance} was announced and {identity.instance} was sent, or of another class")
        return OTHER_OBJECT
    note(event.assoc, identity.series)
    try:
        spool.begin(identity.series)
        kept = spool.keep(raw, identity)
    except OSError as error:
        say(f"refused: {instance} could not be stored ({error.strerror}); nothing of it was kept")
        return OUT_OF_RESOURCES
    came(identity, kept)
    return STORED


def listen(
    node: Node,
    into: Path | str,
    *,
    then: Sequence[str] = (),
    idle_s: float = IDLE_S,
    say: Say,
    stop: Event,
    certificates: Certificates | None = None,
) -> None:
    """Keep what is sent in a folder, and hand each series on when it is complete, until ``stop`` is set.

    Parameters
    ----------
    then
        A command whose last argument will be the series' folder.
    idle_s
        How long nothing of a series must have come (EXCHANGE-50).

    Raises
    ------
    InputError, NetworkError, OutputError
        As :class:`Listener` and :class:`metaspine.exchange.network.spool.Spool` do.
    """
    with Spool(into) as spool:
        handing = Handing(spool, then=then, idle_s=idle_s, say=say)
        with Listener(node, spool, came=handing.came, say=say, certificates=certificates) as listener:
            say(f"{node} listens; what comes lies in {into}")
            while not stop.wait(_ROUND_S):
                for series in handing.round(listener.visits):
                    listener.forget(series)
