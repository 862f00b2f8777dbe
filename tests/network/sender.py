"""Another system that sends: pynetdicom, and a wire that is cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loopback import eventually
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from metaspine.exchange.network.nodes import Node

NO_ANSWER = -1


def associate(node: Node, title: str | None = None, patience_s: float = 30.0) -> Association:
    entity = AE("SCANNER")
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = patience_s
    return entity.associate(node.host, node.port, ae_title=title or node.title)


def store(association: Association, paths: Iterable[Path]) -> list[int]:
    """Send files and return the status of each."""
    statuses = []
    for path in paths:
        dataset = dcmread(path)
        try:
            answer = association.send_c_store(dataset)
        except RuntimeError:  # how pynetdicom says that the line was cut, be it only a moment ago
            statuses.append(NO_ANSWER)
            continue
        statuses.append(int(answer.get("Status", NO_ANSWER)) if answer else NO_ANSWER)
    return statuses


@contextmanager
def bytes_as_they_lie() -> Iterator[None]:
    """Let a path that is sent go out with the bytes that lie there, whatever they are."""
    from pynetdicom import _config

    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = False


def send(node: Node, paths: Iterable[Path], patience_s: float = 30.0) -> list[int]:
    association = associate(node, patience_s=patience_s)
    assert association.is_established
    statuses = store(association, paths)
    if association.is_established:
        association.release()
    return statuses


@contextmanager
def wire_cut_after(node: Node, most_bytes: int, *, silent: threading.Event | None = None) -> Iterator[Node]:
    """Stand between a sender and a node; after so many bytes carry nothing while ``silent`` is set, then cut.

    The silence ends by itself where nobody ends it for too long: ``silent`` is not set any more then.
    """
    door = socket.create_server((node.host, 0))
    door.settimeout(10)
    worker = threading.Thread(target=_carry, args=(door, node, most_bytes, silent or threading.Event()))
    worker.start()
    try:
        yield Node(node.title, node.host, door.getsockname()[1])
    finally:
        worker.join(20)
        door.close()


def _carry(door: socket.socket, node: Node, most_bytes: int, silent: threading.Event) -> None:
    sender, _ = door.accept()
    with sender, socket.create_connection((node.host, node.port)) as keeper:
        back = threading.Thread(target=copy, args=(keeper, sender))
        back.start()
        carried = 0
        while (data := sender.recv(4096)) and carried + len(data) <= most_bytes:
            keeper.sendall(data)
            carried += len(data)
        eventually(lambda: not silent.is_set(), patience_s=40)
        silent.clear()
        for line in (keeper, sender):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        back.join(10)


def copy(source: socket.socket, to: socket.socket) -> None:
    """Carry bytes until either line ends."""
    with suppress(OSError):
        while data := source.recv(4096):
            to.sendall(data)
