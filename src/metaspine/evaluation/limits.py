"""Dose limits: point maximum and D0.03cc of the structure to be spared; the upper 95 % bound decides (PHY-22)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metaspine.errors import StructureError
from metaspine.evaluation.dvh import DoseVolume, dose_volume
from metaspine.evaluation.fields import WaterField
from metaspine.evaluation.hot_part import SMALL_VOLUME_MM3, hot_part
from metaspine.evaluation.nearest import nearest_point_mm
from metaspine.evaluation.quadrature import Quadrature, quadrature, suitable_spacing_mm
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition, LimitCheck
from metaspine.patient.prescription import DoseLimit
from metaspine.patient.structure import Structure
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.uncertainty import EVIDENCE, upper_95

REACH_MM = 40.0
"""Points farther from the isocentre than this along an axis take no part in a limit: they are the coldest."""

_ROUNDING = 1e-6


@dataclass(frozen=True)
class UpperBounds:
    """Point maximum and D0.03cc with their one-sided upper 95 % bounds, in Gy."""

    point_maximum_gy: float
    point_maximum_upper_95_gy: float
    d003cc_gy: float | None
    """None: the structure is smaller than 0.03 cc."""
    d003cc_upper_95_gy: float | None


def check_limit(
    structure: Structure,
    limit: DoseLimit,
    *,
    dwell: DwellPosition,
    applicator: Applicator,
    output: Output,
    tip_position_uncertainty_mm: float,
) -> LimitCheck:
    """Return the dose to the limiting structure in water, with its upper bounds, from the depth dose itself.

    Raises
    ------
    StructureError
        When the structure lies outside the box that reaches 40 mm from the isocentre to each side, or is empty.
    """
    points = points_near(structure.region, dwell.isocentre_mm)
    field = WaterField((dwell,), applicator, output)
    hot = hot_part(structure.region, dose_volume(points, field), field)
    bounds = upper_bounds(hot, dwell=dwell, output=output, sigma_mm=tip_position_uncertainty_mm)
    highest = max(bounds.point_maximum_upper_95_gy, bounds.d003cc_upper_95_gy or 0.0)
    return LimitCheck(
        structure=structure.name,
        structure_confirmed=structure.confirmed,
        maximum_gy=limit.maximum_gy,
        point_maximum_gy=bounds.point_maximum_gy,
        point_maximum_upper_95_gy=bounds.point_maximum_upper_95_gy,
        d003cc_gy=bounds.d003cc_gy,
        d003cc_upper_95_gy=bounds.d003cc_upper_95_gy,
        nearest_distance_mm=nearest_distance_mm(structure.region, dwell.isocentre_mm),
        met=bool(highest <= limit.maximum_gy * (1 + _ROUNDING)),
        decides=structure.confirmed,
        evidence=(limit.evidence, *EVIDENCE),
    )


def upper_bounds(hot: DoseVolume, *, dwell: DwellPosition, output: Output, sigma_mm: float) -> UpperBounds:
    """Return point maximum and D0.03cc of a structure's hot part, and their upper bounds at their own distances."""

    def bound(dose_gy: float, point_mm: FloatArray) -> float:
        distance = float(np.linalg.norm(point_mm - dwell.isocentre_mm))
        return upper_95(output, dose_gy=dose_gy, distance_mm=distance, sigma_mm=sigma_mm)

    hottest = (hot.hottest_gy, bound(hot.hottest_gy, hot.hottest_mm))
    if hot.dosed_mm3 < SMALL_VOLUME_MM3:
        return UpperBounds(*hottest, None, None)
    at = hot.index_at_volume(SMALL_VOLUME_MM3)
    return UpperBounds(*hottest, float(hot.dose_gy[at]), bound(float(hot.dose_gy[at]), hot.points_mm[at]))


def nearest_distance_mm(region: Volume | ContourSet, isocentre_mm: ArrayLike) -> float:
    """Return the exact distance in mm from the isocentre to the nearest point of a region, its surface included.

    Raises
    ------
    StructureError
        When the region is empty.
    """
    isocentre = np.asarray(isocentre_mm, dtype=np.float64)
    return float(np.linalg.norm(nearest_point_mm(region, isocentre) - isocentre))


def points_near(region: Volume | ContourSet, isocentre_mm: FloatArray) -> Quadrature:
    """Return the quadrature of a region within 40 mm of the isocentre along each axis.

    Raises
    ------
    StructureError
        When none of the region lies there, or it is empty.
    """
    frame = region.grid.frame_of_reference if isinstance(region, Volume) else region.frame_of_reference
    third = 2 * REACH_MM / 3
    near = Grid.around(isocentre_mm, half_extent_mm=third, spacing_mm=third, frame_of_reference=frame)
    points = quadrature(region, spacing_mm=min(suitable_spacing_mm(region), 0.5), within=near)
    if not len(points.points_mm):
        raise StructureError(
            f"no part of the structure lies within {REACH_MM:g} mm of the isocentre",
            where="dose limit",
            remedy="Check the level, or name a limiting structure near the needle",
        )
    return points
