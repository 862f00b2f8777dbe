"""An array of values with the Grid that says where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from metaspine.errors import GridMismatch
from metaspine.geometry.grid import FloatArray, Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """Values at voxel centres.

    Parameters
    ----------
    values
        Array of the grid's shape. It is made read-only: a change makes a new Volume.
    grid
        Where the values lie.

    Raises
    ------
    GridMismatch
        When the array's shape is not the grid's.
    """

    values: NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise GridMismatch(f"an array of shape {self.values.shape} on a grid of shape {self.grid.shape}")
        view = self.values.view()
        view.setflags(write=False)
        object.__setattr__(self, "values", view)

    def sample(self, point_mm: ArrayLike, *, outside: float = np.nan) -> FloatArray:
        """Return trilinear values (...) at LPS points (..., 3); ``outside`` where a point lies off the voxel cells."""
        point = np.asarray(point_mm, dtype=np.float64)
        index = self.grid.index(point)
        values = self.values if self.values.dtype != np.bool_ else self.values.astype(np.float32)
        sampled = ndimage.map_coordinates(values, index.reshape(-1, 3).T, output=np.float64, order=1, mode="nearest")
        return np.where(self.grid.holds(index), sampled.reshape(point.shape[:-1]), outside)

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Volume:
        """Return the voxels ``start`` (included) to ``stop`` (excluded)."""
        window = tuple(slice(low, high) for low, high in zip(start, stop, strict=True))
        return Volume(self.values[window], self.grid.cropped(start, stop))

    def bounds(self) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
        """Return the index box (start, stop) of the non-zero voxels; None where there are none."""
        occupied = [np.flatnonzero(self.values.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        if any(found.size == 0 for found in occupied):
            return None
        i, j, k = ((int(found[0]), int(found[-1]) + 1) for found in occupied)
        return (i[0], j[0], k[0]), (i[1], j[1], k[1])
