"""A listener on a free port of the loopback, and one that sends to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))

pytest.importorskip("pynetdicom", reason="the extra archive is not installed")

from loopback import IDLE_S, Running, Start, eventually, free_port, make_certificate
from pynetdicom.transport import AssociationSocket

from metaspine.exchange.network.listener import listen
from metaspine.exchange.network.nodes import Certificates, Node


@pytest.fixture(scope="session", autouse=True)
def _sockets_are_closed() -> Iterator[None]:
    """pynetdicom leaves a socket to the garbage collector where the other side closed first: shutting it down fails."""

    def closed(line: AssociationSocket) -> None:
        with suppress(OSError):
            line.socket.shutdown(socket.SHUT_RDWR)
        line.socket.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AssociationSocket, "_shutdown_socket", closed)
        yield


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a listener; all are stopped at the end of the test."""
    started: list[Running] = []

    def begin(
        *, then: tuple[str, ...] = (), into: Path | None = None, certificates: Certificates | None = None
    ) -> Running:
        running = Running(Node("METASPINE", "127.0.0.1", free_port()), into or tmp_path / "into")

        def work() -> None:
            try:
                listen(
                    running.node,
                    running.folder,
                    then=then,
                    idle_s=IDLE_S,
                    say=running.said.append,
                    stop=running.stop,
                    certificates=certificates,
                )
            except BaseException as error:  # noqa: BLE001 - raised where the test ends it
                running.failed.append(error)

        running.thread = threading.Thread(target=work)
        running.thread.start()
        started.append(running)
        assert eventually(lambda: running.said or running.failed)
        return running

    yield begin
    for running in started:
        running.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 400 kB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount a disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate for localhost that signs itself."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))
