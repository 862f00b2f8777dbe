"""``metaspine listen``: receive images by C-STORE and hand complete series to a command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from metaspine.cli.console import messages
from metaspine.errors import InputError
from metaspine.exchange.network.handing import command_of
from metaspine.exchange.network.listener import listen
from metaspine.exchange.network.nodes import Certificates, Node

_LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class TlsFiles:
    """The files of TLS: all, none, or who is trusted alone."""

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None

    def certificates(self) -> Certificates | None:
        """Return them; None where none is given.

        Raises
        ------
        InputError
            When the connection would not be what the user thinks it is: nobody to trust, or half of a pair.
        """
        if self.authority and bool(self.certificate) == bool(self.key):
            return Certificates(self.certificate, self.key, self.authority)
        if self.certificate or self.key or self.authority:
            raise InputError(
                "TLS needs --authority, and --certificate together with --key",
                where="network",
                remedy="Give all three; --authority alone to show no certificate; none for a connection without TLS",
            )
        return None


def listen_command(node: Node, into: Path, *, then: str, idle_s: float, tls: TlsFiles) -> None:
    """Listen until it is interrupted, or asked to end.

    Raises
    ------
    InputError, NetworkError, OutputError
        As :func:`metaspine.exchange.network.listener.listen` does.
    """
    certificates = tls.certificates()
    if certificates is None and node.host not in _LOCAL:
        messages.print("Without TLS, whoever reaches this port can send and listen.", style="bold yellow")
    with _asked_to_end() as stop:
        listen(node, into, then=command_of(then), idle_s=idle_s, say=_say, stop=stop, certificates=certificates)


def _say(text: str) -> None:
    messages.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _asked_to_end() -> Iterator[Event]:
    """Give an event that is set when a service manager asks the program to end; a command under way may finish."""
    stop = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
        _say("asked to end: the port is closed")
    finally:
        signal.signal(signal.SIGTERM, before)
