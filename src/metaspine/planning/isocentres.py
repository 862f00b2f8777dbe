"""Where the source could rest in the lesion, and how much of the lesion it would reach from there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from scipy.spatial import cKDTree

from metaspine.errors import StructureError
from metaspine.evaluation.limits import points_near
from metaspine.evaluation.quadrature import Quadrature, quadrature
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.patient.prescription import Prescription
from metaspine.patient.structure import Structure
from metaspine.physics.applicators import Applicator, DistanceOrigin, Output
from metaspine.physics.uncertainty import largest_allowed_distance_mm

_LESION_SPACING_MM = 1.0
_CANDIDATES = 80
"""Isocentres that a search tries, evenly through the lesion."""
_FINEST_MM = 1.5
_OF_THE_INSIDE = 20
"""Of the points inside the limiting structure one in so many is kept: the nearest lies on its surface."""
_CELL_MM = 0.25
_NEAREST_LIMIT_MM, _FARTHEST_LIMIT_MM = 1.0, 60.0


@dataclass(frozen=True, eq=False)
class Aim:
    """What is aimed at and spared, as points; made once and asked for many isocentres.

    ``allowed_mm`` (m,) is the largest distance at which the prescribed dose may lie when the limiting structure is
    ``nearest_mm`` (m,) away (PHY-22).
    """

    lesion: Volume
    points: Quadrature
    spared_mm: FloatArray
    requested_mm: float | None
    """From the isocentre; None is the lesion's farthest border."""
    nearest_mm: FloatArray
    allowed_mm: FloatArray
    tip_beyond_isocentre_mm: float

    def reach_mm(self, isocentres_mm: FloatArray) -> FloatArray:
        """Return at what distance (n,) from each isocentre the prescribed dose would lie: the smaller one wins."""
        nearest, _ = self._spared.query(isocentres_mm)
        allowed = np.interp(nearest, self.nearest_mm, self.allowed_mm)
        return np.asarray(np.minimum(allowed, self._requested_mm(isocentres_mm)))

    def coverage(self, isocentres_mm: FloatArray, directions: FloatArray) -> FloatArray:
        """Return the fraction (n,) of the lesion in reach; -1 where isocentre or tip lie outside the lesion."""
        tips = isocentres_mm + self.tip_beyond_isocentre_mm * directions
        inside = np.minimum(self._inside(isocentres_mm), self._inside(tips)) >= 0.5
        different, which = np.unique(isocentres_mm[inside], axis=0, return_inverse=True)
        volume = self.points.volume_mm3
        covered = _within(self.points.points_mm, volume, different, self.reach_mm(different))
        fraction = np.full(len(isocentres_mm), -1.0)
        fraction[inside] = (covered / volume.sum())[which.ravel()]
        return fraction

    def isocentres_mm(self) -> FloatArray:
        """Return points (n, 3) evenly through the lesion's inside."""
        volume = float(self.points.volume_mm3.sum())
        spacing = max(_FINEST_MM, (volume / _CANDIDATES) ** (1 / 3))
        low, high = self.points.points_mm.min(axis=0), self.points.points_mm.max(axis=0)
        i, j, k = (int(n) for n in np.ceil((high - low) / spacing) + 1)
        origin = (low + high) / 2 - spacing * (np.array([i, j, k]) - 1) / 2
        frame = self.lesion.grid.frame_of_reference
        grid = Grid.axis_aligned(origin_mm=origin, spacing_mm=spacing, shape=(i, j, k), frame_of_reference=frame)
        points = grid.point_mm(np.argwhere(np.ones(grid.shape, dtype=bool)))
        return np.asarray(points[self._inside(points) >= 0.5])

    @cached_property
    def _spared(self) -> cKDTree:
        return cKDTree(self.spared_mm)

    def _inside(self, points_mm: FloatArray) -> FloatArray:
        return self.lesion.sample(points_mm, outside=0.0)

    def _requested_mm(self, isocentres_mm: FloatArray) -> FloatArray:
        if self.requested_mm is not None:
            return np.full(len(isocentres_mm), self.requested_mm)
        border = self.points.surface_mm if len(self.points.surface_mm) else self.points.points_mm
        return np.array([_distances(border, at).max() for at in isocentres_mm])


def aim(
    lesion: Volume,
    limiting: Structure,
    prescription: Prescription,
    *,
    applicator: Applicator,
    output: Output,
) -> Aim:
    """Return what a search aims at.

    ``lesion`` is the lesion's mask.

    Raises
    ------
    StructureError
        When the lesion is empty, or the limiting structure lies farther than 40 mm from it.
    """
    points = quadrature(lesion, spacing_mm=_LESION_SPACING_MM)
    centre = points.points_mm.mean(axis=0)
    spared = points_near(limiting.region, centre)
    nearest = np.geomspace(_NEAREST_LIMIT_MM, _FARTHEST_LIMIT_MM, 60)
    allowed = [
        largest_allowed_distance_mm(
            output,
            dose_gy=prescription.dose_gy,
            limit_gy=prescription.limit.maximum_gy,
            nearest_distance_mm=float(distance),
            sigma_mm=applicator.tip_position_uncertainty_mm,
        )
        for distance in nearest
    ]
    return Aim(
        lesion=lesion,
        points=points,
        spared_mm=_thinned(np.concatenate([spared.surface_mm, spared.points_mm[::_OF_THE_INSIDE]])),
        requested_mm=requested_distance_mm(prescription, applicator),
        nearest_mm=nearest,
        allowed_mm=np.asarray(allowed),
        tip_beyond_isocentre_mm=applicator.tip_beyond_isocentre_mm,
    )


def requested_distance_mm(prescription: Prescription, applicator: Applicator) -> float | None:
    """Return the prescribed distance from the isocentre; None where it is the lesion's border."""
    if prescription.depth_mm is None:
        return None
    return applicator.from_isocentre_mm(prescription.depth_mm, DistanceOrigin(prescription.origin))


def farthest_border_mm(region: Volume, isocentre_mm: FloatArray) -> float:
    """Return the distance from the isocentre to the farthest point of a lesion's border.

    Raises
    ------
    StructureError
        When the lesion is empty.
    """
    points = quadrature(region, spacing_mm=_LESION_SPACING_MM)
    border = np.concatenate([points.points_mm, points.surface_mm])
    if not len(border):
        raise StructureError("the lesion holds no voxel", where="lesion", remedy="Draw it")
    return float(_distances(border, isocentre_mm).max())


def _thinned(points_mm: FloatArray) -> FloatArray:
    """Return one point of each cell of 0.25 mm."""
    _, first = np.unique(np.floor(points_mm / _CELL_MM).astype(np.int64), axis=0, return_index=True)
    return points_mm[np.sort(first)]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _within(points_mm: FloatArray, volume_mm3: FloatArray, centres_mm: FloatArray, reach_mm: FloatArray) -> FloatArray:
    """Return what volume (n,) lies no farther from each centre (n, 3) than its reach (n,)."""
    covered = np.zeros(centres_mm.shape[0])
    for n in range(centres_mm.shape[0]):
        if reach_mm[n] < 0:
            continue
        for m in range(points_mm.shape[0]):
            square = 0.0
            for axis in range(3):
                square += (points_mm[m, axis] - centres_mm[n, axis]) ** 2
            if np.sqrt(square) <= reach_mm[n]:
                covered[n] += volume_mm3[m]
    return covered


def _distances(points_mm: FloatArray, isocentre_mm: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(points_mm - isocentre_mm, axis=1))
