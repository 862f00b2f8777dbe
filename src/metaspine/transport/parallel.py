"""Pieces of work side by side: kernels free the interpreter lock, so plain threads run them on all cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from numba import get_num_threads

Result = TypeVar("Result")


def cores() -> int:
    """Return how many threads to use: numba's own setting, NUMBA_NUM_THREADS."""
    return int(get_num_threads())


def side_by_side(work: Callable[[int], Result], pieces: int) -> list[Result]:
    """Return what ``work`` returns for the pieces 0 to ``pieces`` - 1, in their order.

    Pieces write to places of their own, so that the result does not depend on the number of threads.
    """
    if pieces == 1 or cores() == 1:
        return [work(piece) for piece in range(pieces)]
    with ThreadPoolExecutor(min(pieces, cores())) as threads:
        return list(threads.map(work, range(pieces)))
