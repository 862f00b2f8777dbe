"""The two ways a transport function is compiled: a step inside a kernel, and a kernel.

A step is one source for every device: numba compiles it into the CPU kernel or the CUDA kernel that calls it, and
CUDA's simulator runs it as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from numba import njit
from numba.extending import overload, register_jitable

Compiled = TypeVar("Compiled", bound=Callable[..., object])


_STEP: Mapping[str, object] = {"fastmath": True, "error_model": "numpy", "forceinline": True, "_nrt": False}


def step(function: Compiled) -> Compiled:
    """Let kernels of any device call ``function``; called from Python it stays plain Python."""
    compiled: Compiled = register_jitable(**_STEP)(function)
    return compiled


def step_of_cpu(function: Compiled) -> Compiled:
    """Let CPU kernels call ``function``, which other devices replace by something of their own."""

    @overload(function, jit_options=_STEP, strict=False, target="cpu")  # type: ignore[untyped-decorator]
    def implementation(*_: object) -> Compiled:
        return function

    return function


def kernel(function: Compiled) -> Compiled:
    """Compile ``function`` for the CPU; it frees the interpreter lock and is cached on disk.

    Numba compiles anew what it has cached when the kernel's own file changes. A kernel is made of the steps of other
    files: here this room and the kernel's own count as a whole, or an update could go on with the physics of the
    version before.
    """
    dispatcher = njit(cache=True, nogil=True, fastmath=True, error_model="numpy", _nrt=False)(function)
    own_room = Path(function.__code__.co_filename).parent
    dispatcher._cache._cache_file._source_stamp = _sources(Path(__file__).parent) + _sources(own_room)
    compiled: Compiled = dispatcher
    return compiled


@cache
def _sources(room: Path) -> str:
    """Return a hash of the sources of a room."""
    return sha256(b"".join(source.read_bytes() for source in sorted(room.glob("*.py")))).hexdigest()
