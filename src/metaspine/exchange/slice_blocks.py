"""Putting slices into one volume without ever holding two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICES, _ROWS = 32, 16
"""How many slices are turned at a time, and how many of their rows: 32 values of 16 bits fill a line of the cache."""


class SliceBlocks:
    """Slices [row, column] on their way into an array [column, row, slice].

    Parameters
    ----------
    shape
        Columns, rows, slices.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        columns, rows, self._count = shape
        self._volume: NDArray[Any] = np.empty(shape, dtype=np.int16)
        self._block: NDArray[Any] = np.empty((min(_SLICES, self._count), rows, columns), dtype=np.int16)
        self._start = 0

    def put(self, k: int, values: NDArray[Any]) -> None:
        """Take the slices one after the other, k = 0, 1, ...; int16, or float32, which then all become."""
        if values.dtype != np.int16 and self._volume.dtype == np.int16:
            self._volume, self._block = self._volume.astype(np.float32), self._block.astype(np.float32)
        self._block[k - self._start] = values
        if k + 1 - self._start == len(self._block) or k + 1 == self._count:
            self._turn(k + 1)

    def _turn(self, stop: int) -> None:
        block = self._block[: stop - self._start]
        for row in range(0, block.shape[1], _ROWS):
            self._volume[:, row : row + _ROWS, self._start : stop] = block[:, row : row + _ROWS].transpose(2, 1, 0)
        self._start = stop

    def volume(self) -> NDArray[Any]:
        """Return the volume [column, row, slice], C order, once all slices were put."""
        return self._volume
