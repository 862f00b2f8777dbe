"""The two ways a transport function is compiled: a step inside a kernel, and a kernel.

A step is one source for every device: numba compiles it into the CPU kernel or the CUDA kernel that calls it, and
CUDA's simulator runs it as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit
from numba.extending import register_jitable

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def step(function: Compiled) -> Compiled:
    """Let kernels of any device call ``function``; called from Python it stays plain Python."""
    compiled: Compiled = register_jitable(fastmath=True, error_model="numpy", forceinline=True, _nrt=False)(function)
    return compiled


def kernel(function: Compiled) -> Compiled:
    """Compile ``function`` for the CPU; it frees the interpreter lock and is cached on disk."""
    compiled: Compiled = njit(cache=True, nogil=True, fastmath=True, error_model="numpy", _nrt=False)(function)
    return compiled
