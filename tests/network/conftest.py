"""A listener on a free port of the loopback, and one that sends to it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))

pytest.importorskip("pynetdicom", reason="the extra archive is not installed")

from loopback import IDLE_S, Running, Start, eventually, free_port, make_certificate

from metaspine.exchange.network.listener import listen
from metaspine.exchange.network.nodes import Certificates, Node

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pynetdicom leaves a socket to the garbage collector where the other side closed first (its _shutdown_socket)."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"))


def pytest_runtest_logfinish() -> None:
    """Let no such socket be found later, among the tests of other folders: what a test logged keeps it until here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


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
