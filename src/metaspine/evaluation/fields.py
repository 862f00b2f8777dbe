"""The dose as a function of the point: from a dose grid, or straight from the depth dose.

On a grid the logarithm of D / G is interpolated, with the geometry factor of the dwell positions G = sum t / r^2 (as
the TG-43 formalism does): near the source, where D falls steeply, D / G varies slowly. Voxels without dose (inside
the applicator) take no part; a cell with a voxel of zero dose is interpolated linearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry import dose_at_points, inside_applicator
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, Output


class DoseField(Protocol):
    """A dose that can be asked at any point."""

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at LPS points (n, 3); NaN where none is known."""

    def inside_applicator(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in the applicator, where no dose is defined."""

    @property
    def largest_outside_gy(self) -> float:
        """The highest dose that points outside the known region can have."""


@dataclass(frozen=True, eq=False)
class WaterField:
    """The depth dose around dwell positions, known everywhere outside the applicator."""

    dwells: Sequence[DwellPosition]
    applicator: Applicator
    output: Output

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at LPS points (n, 3); NaN inside the applicator."""
        return dose_at_points(points_mm, dwells=self.dwells, applicator=self.applicator, output=self.output)

    def inside_applicator(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in the applicator."""
        return inside_applicator(points_mm, dwells=self.dwells, applicator=self.applicator)

    @property
    def largest_outside_gy(self) -> float:
        """Nothing lies outside: 0."""
        return 0.0


@dataclass(frozen=True, eq=False)
class GridField:
    """A dose grid around dwell positions.

    Without dwell positions (a dose from elsewhere) it is interpolated linearly and knows no applicator.
    """

    volume: Volume
    dwells: Sequence[DwellPosition] = ()
    applicator: Applicator | None = None

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at LPS points (n, 3); NaN inside the applicator and outside the grid's voxels."""
        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        sources, seconds = self._sources
        grid = self.volume.grid
        dose = _sample(self.volume.values, points, (grid.affine, grid.inverse), (sources, seconds))
        return dose if self.applicator is None else np.where(self.inside_applicator(points), np.nan, dose)

    def inside_applicator(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in the applicator."""
        if self.applicator is None:
            return np.zeros(len(points_mm), dtype=np.bool_)
        return inside_applicator(points_mm, dwells=self.dwells, applicator=self.applicator)

    @cached_property
    def largest_outside_gy(self) -> float:
        """The highest dose on the grid's outermost voxels."""
        values = self.volume.values
        faces = [np.take(values, side, axis=axis) for axis in range(3) for side in (0, -1)]
        known = np.concatenate([face[np.isfinite(face)].ravel() for face in faces])
        return float(known.max()) if known.size else 0.0

    @cached_property
    def _sources(self) -> tuple[FloatArray, FloatArray]:
        used = [dwell for dwell in self.dwells if dwell.time_s > 0]
        sources = np.array([dwell.isocentre_mm for dwell in used], dtype=np.float64).reshape(-1, 3)
        return sources, np.array([dwell.time_s for dwell in used], dtype=np.float64)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _geometry_factor(x: float, y: float, z: float, sources: FloatArray, seconds: FloatArray) -> float:
    """Return sum t / r^2 at a point; 1 where there is no source."""
    if sources.shape[0] == 0:
        return 1.0
    factor = 0.0
    for n in range(sources.shape[0]):
        square = (x - sources[n, 0]) ** 2 + (y - sources[n, 1]) ** 2 + (z - sources[n, 2]) ** 2
        factor += seconds[n] / max(square, 1e-12)
    return factor


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _cell(index: float, voxels: int) -> tuple[int, float]:
    """Return the voxel below a fractional index, and how far the index lies towards the next one, 0 to 1."""
    inside = min(max(index, 0.0), voxels - 1.0)
    below = min(int(inside), max(voxels - 2, 0))
    return below, inside - below


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _along(matrix: FloatArray, row: int, x: float, y: float, z: float) -> float:
    """Return one coordinate of a point moved by a 4 x 4 matrix."""
    return float(matrix[row, 0] * x + matrix[row, 1] * y + matrix[row, 2] * z + matrix[row, 3])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _off_the_voxels(index: tuple[float, float, float], shape: tuple[int, int, int]) -> bool:
    """Say whether a fractional index lies beyond the outer faces of the voxels."""
    outside = False
    for axis in range(3):
        outside = outside or not -0.5 - 1e-9 <= index[axis] <= shape[axis] - 0.5 + 1e-9
    return outside


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _corner(
    values: NDArray[np.floating],
    index: tuple[float, float, float],
    number: int,
    affine: FloatArray,
    source: tuple[FloatArray, FloatArray],
) -> tuple[float, float]:
    """Return weight and D / G of one of the eight voxels around a fractional index; weight 0 without dose."""
    sources, seconds = source
    i, along_i = _cell(index[0], values.shape[0])
    j, along_j = _cell(index[1], values.shape[1])
    k, along_k = _cell(index[2], values.shape[2])
    up_i, up_j, up_k = number & 1, (number >> 1) & 1, (number >> 2) & 1
    weight = along_i if up_i else 1.0 - along_i
    weight *= along_j if up_j else 1.0 - along_j
    weight *= along_k if up_k else 1.0 - along_k
    if weight <= 0.0:
        return 0.0, 0.0
    i, j, k = i + up_i, j + up_j, k + up_k
    dose = float(values[i, j, k])
    if not np.isfinite(dose):
        return 0.0, 0.0
    x, y, z = (_along(affine, 0, i, j, k), _along(affine, 1, i, j, k), _along(affine, 2, i, j, k))
    return weight, dose / _geometry_factor(x, y, z, sources, seconds)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _sample(
    values: NDArray[np.floating],
    points_mm: FloatArray,
    frame: tuple[FloatArray, FloatArray],
    source: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Return the dose at points (n, 3); NaN off the voxels and where no voxel around has a dose."""
    affine, inverse = frame
    sources, seconds = source
    result = np.full(points_mm.shape[0], np.nan)
    for n in range(points_mm.shape[0]):
        x, y, z = points_mm[n]
        index = (_along(inverse, 0, x, y, z), _along(inverse, 1, x, y, z), _along(inverse, 2, x, y, z))
        if _off_the_voxels(index, values.shape):
            continue
        total, linear, logarithm = 0.0, 0.0, 0.0
        for number in range(8):
            weight, ratio = _corner(values, index, number, affine, source)
            if weight > 0.0:
                total += weight
                linear += weight * ratio
                logarithm += weight * (np.log(ratio) if ratio > 0.0 else -np.inf)
        if total > 0.0:
            scale = _geometry_factor(x, y, z, sources, seconds)
            in_logarithm = sources.shape[0] > 0 and np.isfinite(logarithm)
            result[n] = scale * (np.exp(logarithm / total) if in_logarithm else linear / total)
    return result
