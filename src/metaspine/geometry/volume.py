"""An array of values with the Grid that says where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
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

    def in_one_order(self) -> Volume:
        """Return the same voxels as a view in one order, whatever the order in which they are stored.

        Indices grow as nearly as the axes allow towards the patient's right, front and head: what is computed from
        them is then the same to the last bit.
        """
        order, turned = _to_right_front_head(self.grid.directions)
        first = np.where(turned, np.asarray(self.grid.shape)[order] - 1, 0)
        start = np.zeros(3)
        start[order] = first
        affine = np.eye(4)
        affine[:3, :3] = self.grid.affine[:3, :3][:, order] * np.where(turned, -1.0, 1.0)
        affine[:3, 3] = self.grid.point_mm(start)
        values = np.flip(self.values.transpose(order), tuple(np.flatnonzero(turned).tolist()))
        i, j, k = values.shape
        return Volume(values, Grid(affine, (i, j, k), self.grid.frame_of_reference))

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


def _to_right_front_head(directions: FloatArray) -> tuple[list[int], NDArray[np.bool_]]:
    """Return which index axis (3) runs along x, y and z of LPS, and which of them have to be turned."""
    along = np.abs(directions)
    order = max(permutations(range(3)), key=lambda axes: along[0, axes[0]] + along[1, axes[1]] + along[2, axes[2]])
    towards = np.array([directions[row, axis] for row, axis in enumerate(order)]) * (-1, -1, 1)
    return list(order), towards < 0
