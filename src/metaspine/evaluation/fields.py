"""The dose as a function of the point: from a dose grid, or straight from the depth dose.

On a grid, what is interpolated is the ratio of the dose to the dose in water of the same dwell positions; the dose in
water itself is known at every point. Near the source, where the dose falls by a quarter from one millimetre to the
next, the ratio varies slowly. Voxels without dose (inside the applicator) take no part.

A dose from elsewhere has no such companion: it is interpolated as it is, or, near a source, in its logarithm (DVH-07).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry import dose_at_points, inside_applicator
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, Output

Interpolation = Literal["linear", "logarithmic"]
"""How the dose between the voxels of a dose from elsewhere is found."""

_HOW: dict[Interpolation, str] = {
    "linear": "dose from elsewhere, linear between its voxels (DVH-07)",
    "logarithmic": "dose from elsewhere, linear in its logarithm where every voxel around a point has dose, else in "
    "the dose (DVH-07)",
}


class DoseField(Protocol):
    """A dose that can be asked at any point."""

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at LPS points (n, 3); NaN where none is known."""

    def inside_applicator(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in the applicator, where no dose is defined."""

    @property
    def sources_mm(self) -> FloatArray:
        """The isocentres of the dwell positions (n, 3)."""

    @property
    def largest_outside_gy(self) -> float:
        """The highest dose that points outside the known region can have."""

    @property
    def note(self) -> str:
        """What every number read from it must carry; empty where nothing."""


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
    def sources_mm(self) -> FloatArray:
        """The isocentres of the dwell positions (n, 3)."""
        return np.array([dwell.isocentre_mm for dwell in self.dwells], dtype=np.float64).reshape(-1, 3)

    @property
    def largest_outside_gy(self) -> float:
        """Nothing lies outside: 0."""
        return 0.0

    @property
    def note(self) -> str:
        """Nothing."""
        return ""


@dataclass(frozen=True, eq=False)
class GridField:
    """A dose grid, interpolated as its ratio to the dose in water (DVH-02).

    Without ``water`` (a dose from elsewhere) the dose itself is interpolated as ``between`` says, and the applicator
    is where the grid holds no dose.
    """

    volume: Volume
    water: WaterField | None = None
    between: Interpolation = "linear"

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at LPS points (n, 3); NaN inside the applicator and outside the grid's voxels."""
        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        logarithmic = self.water is None and self.between == "logarithmic"
        ratio = _sample(self._ratio, points, self.volume.grid.inverse, logarithmic)
        if self.water is not None:
            return np.asarray(ratio * self.water.dose_gy(points))
        return np.where(self._undefined(points), np.nan, ratio)

    def inside_applicator(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in the applicator; of a dose from elsewhere, where it has none."""
        if self.water is None:
            return self._undefined(points_mm)
        return self.water.inside_applicator(points_mm)

    @property
    def sources_mm(self) -> FloatArray:
        """The isocentres of the dwell positions (n, 3); none for a dose from elsewhere."""
        return np.empty((0, 3)) if self.water is None else self.water.sources_mm

    @cached_property
    def largest_outside_gy(self) -> float:
        """The highest dose on the grid's outermost voxels."""
        values = self.volume.values
        faces = [np.take(values, side, axis=axis) for axis in range(3) for side in (0, -1)]
        known = np.concatenate([face[np.isfinite(face)].ravel() for face in faces])
        return float(known.max()) if known.size else 0.0

    @property
    def note(self) -> str:
        """How a dose from elsewhere was interpolated; empty for the project's own."""
        return _HOW[self.between] if self.water is None else ""

    def _undefined(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Say for each point (n, 3) whether it lies in a voxel without dose."""
        grid = self.volume.grid
        i, j, k = np.clip(np.rint(grid.index(points_mm)), 0, np.asarray(grid.shape) - 1).astype(int).T
        return np.asarray(grid.contains(points_mm) & np.isnan(self.volume.values[i, j, k]))

    @cached_property
    def _ratio(self) -> FloatArray:
        """The dose over the dose in water, at the voxels; NaN where either has none."""
        values, grid = self.volume.values, self.volume.grid
        ratio = np.array(values, dtype=np.float64, order="C")
        if self.water is None:
            return ratio
        plane = np.moveaxis(np.indices((1, *grid.shape[1:])), 0, -1).reshape(-1, 3).astype(np.float64)
        for i in range(grid.shape[0]):
            plane[:, 0] = i
            in_water = self.water.dose_gy(grid.point_mm(plane)).reshape(grid.shape[1:])
            ratio[i] = np.divide(values[i], in_water, out=np.zeros_like(in_water), where=in_water != 0)
        return ratio


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _along(matrix: FloatArray, row: int, point: FloatArray) -> float:
    """Return one coordinate of a point (3,) moved by a 4 x 4 matrix."""
    return float(matrix[row, 0] * point[0] + matrix[row, 1] * point[1] + matrix[row, 2] * point[2] + matrix[row, 3])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _cell(index: float, voxels: int) -> tuple[int, float]:
    """Return the voxel below a fractional index, and how far the index lies towards the next one, 0 to 1.

    In the outer half of the first and the last voxel it is that voxel; beyond, the voxel is -1.
    """
    if not -0.5 - 1e-9 <= index <= voxels - 0.5 + 1e-9:
        return -1, 0.0
    within = min(max(index, 0.0), voxels - 1.0)
    below = min(int(within), max(voxels - 2, 0))
    return below, within - below


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _sample(values: FloatArray, points_mm: FloatArray, inverse: FloatArray, logarithmic: bool) -> FloatArray:
    """Return trilinear values at points (n, 3), over the voxels that have one; NaN off the voxels.

    ``logarithmic``: of the logarithm, at points around which every voxel that counts has a positive value.
    """
    result = np.full(points_mm.shape[0], np.nan)
    for n in range(points_mm.shape[0]):
        i, along_i = _cell(_along(inverse, 0, points_mm[n]), values.shape[0])
        j, along_j = _cell(_along(inverse, 1, points_mm[n]), values.shape[1])
        k, along_k = _cell(_along(inverse, 2, points_mm[n]), values.shape[2])
        if min(i, j, k) < 0:
            continue
        total, weighted, exponent, positive = 0.0, 0.0, 0.0, logarithmic
        for corner in range(8):
            up_i, up_j, up_k = corner & 1, (corner >> 1) & 1, (corner >> 2) & 1
            weight = (
                (along_i if up_i else 1.0 - along_i)
                * (along_j if up_j else 1.0 - along_j)
                * (along_k if up_k else 1.0 - along_k)
            )
            if not weight > 0.0:
                continue
            value = values[i + up_i, j + up_j, k + up_k]
            if np.isfinite(value):
                total += weight
                weighted += weight * value
            if positive and np.isfinite(value) and value > 0.0:
                exponent += weight * np.log(value)
            else:
                positive = False
        if positive:
            result[n] = np.exp(exponent)
        elif total > 0.0:
            result[n] = weighted / total
    return result
