"""How the live engine's own kernels are compiled: like transport's, and anew when any file of the live engine changes.

:func:`metaspine.transport.compiling.kernel` watches the files of transport alone; constants and steps of these kernels
stand in this room.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from metaspine.transport.compiling import kernel

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def live_kernel(function: Compiled) -> Compiled:
    """Compile ``function`` for the CPU; it frees the interpreter lock and is cached on disk."""
    dispatcher = kernel(function)
    cached = dispatcher._cache._cache_file  # type: ignore[attr-defined]
    cached._source_stamp = f"{cached._source_stamp} {_files()}"
    return dispatcher


@cache
def _files() -> str:
    """Return a hash of the live engine's sources."""
    sources = sorted(Path(__file__).parent.glob("live*.py"))
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
