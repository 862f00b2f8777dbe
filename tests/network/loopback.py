"""A listener on a free port of the loopback, run in a thread."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from metaspine.exchange.network.nodes import Certificates, Node

IDLE_S = 0.3
PATIENCE_S = 15.0


def free_port() -> int:
    """A port below those that outgoing connections are given (from 32768 on): one of those could be taken meanwhile."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> bool:
    """Whether a condition comes true before patience ends."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


@dataclass
class Running:
    """A listener under way, and what it said."""

    node: Node
    folder: Path
    said: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    failed: list[BaseException] = field(default_factory=list)
    thread: threading.Thread | None = None

    def heard(self, words: str) -> bool:
        return eventually(lambda: any(words in text for text in self.said))

    def end(self) -> None:
        self.stop.set()
        if self.thread is not None:
            self.thread.join(30)
            assert not self.thread.is_alive()
        if self.failed:
            raise self.failed[0]


Start = Callable[..., Running]


def make_certificate(folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificates:
    """A certificate that vouches for itself, for this machine unless other names are given."""
    own, key = folder / "own.pem", folder / "key.pem"
    words = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", own]
    try:
        alternatives = ["-addext", f"subjectAltName={names}"]
        subprocess.run(["openssl", "req", "-x509", *words, *alternatives], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return Certificates(own, key, own)
