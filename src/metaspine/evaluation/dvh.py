r"""The dose-volume histogram of one structure, and the numbers read from it.

A histogram here is the sorted list of quadrature points, not a table of bins. The dose to a volume V is

.. math:: D_V = \max \{ d : V(D \ge d) \ge V \}

the largest dose that at least V gets: a plateau is never interpolated (DVH-03). Volume inside the applicator has no
dose and is left out (DVH-04). Volume outside the dose grid is not known: it is carried as lying between zero and the
highest dose on the grid's faces (DVH-05).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metaspine.evaluation.fields import DoseField
from metaspine.evaluation.quadrature import Quadrature
from metaspine.geometry.grid import FloatArray

CURVE_POINTS = 400


@dataclass(frozen=True, eq=False)
class DoseVolume:
    """The doses in a structure, hottest first, with the volume each stands for.

    ``distance_mm`` is measured from the nearest dwell position, NaN where there is none.
    """

    dose_gy: FloatArray
    volume_mm3: FloatArray
    cumulative_mm3: FloatArray
    """``cumulative_mm3[n]``: volume that gets at least ``dose_gy[n]``."""
    points_mm: FloatArray
    hottest_gy: float
    """Over the points of the volume and of the surface; NaN where no dose is known."""
    hottest_mm: FloatArray
    in_applicator_mm3: float
    outside_mm3: float
    """Outside the dose grid."""
    largest_outside_gy: float
    note: str = ""
    """What every number read from it must carry (the dose field's)."""

    @property
    def known_mm3(self) -> float:
        """The volume with a known dose."""
        return float(self.cumulative_mm3[-1]) if self.cumulative_mm3.size else 0.0

    @property
    def dosed_mm3(self) -> float:
        """The volume that 100 % stands for: the structure without the applicator."""
        return self.known_mm3 + self.outside_mm3

    def dose_to_volume_gy(self, volume_mm3: float, *, outside_gy: float = 0.0) -> float:
        """Return the largest dose that at least ``volume_mm3`` gets, the volume outside the grid at ``outside_gy``."""
        dose = self._with_outside(outside_gy)
        position = int(np.searchsorted(dose.cumulative_mm3, volume_mm3 * (1 - 1e-9)))
        return float(dose.dose_gy[min(position, dose.dose_gy.size - 1)])

    def index_at_volume(self, volume_mm3: float) -> int:
        """Return the index of the point whose dose is the largest that at least ``volume_mm3`` gets."""
        return min(int(np.searchsorted(self.cumulative_mm3, volume_mm3 * (1 - 1e-9))), self.dose_gy.size - 1)

    def volume_above_mm3(self, dose_gy: ArrayLike, *, outside_gy: float = 0.0) -> FloatArray:
        """Return the volumes (...) that get at least the doses (...)."""
        wanted = np.asarray(dose_gy, dtype=np.float64)
        padded = np.concatenate([[0.0], self.cumulative_mm3])
        above = padded[np.searchsorted(-self.dose_gy, -wanted, side="right")]
        return np.asarray(above + np.where(outside_gy >= wanted, self.outside_mm3, 0.0))

    def mean_gy(self, *, outside_gy: float = 0.0) -> float:
        """Return the mean dose."""
        known = float((self.dose_gy * self.volume_mm3).sum())
        return (known + outside_gy * self.outside_mm3) / self.dosed_mm3

    def _with_outside(self, outside_gy: float) -> _Ranked:
        if not self.outside_mm3:
            return _Ranked(self.dose_gy, self.cumulative_mm3)
        place = int(np.searchsorted(-self.dose_gy, -outside_gy))
        volume = np.insert(self.volume_mm3, place, self.outside_mm3)
        return _Ranked(np.insert(self.dose_gy, place, outside_gy), np.cumsum(volume))


@dataclass(frozen=True, eq=False)
class _Ranked:
    dose_gy: FloatArray
    cumulative_mm3: FloatArray


@dataclass(frozen=True, eq=False)
class DoseVolumeCurve:
    """A cumulative dose-volume histogram to draw or to write: the fraction of the volume that gets at least a dose."""

    dose_gy: FloatArray
    volume_fraction: FloatArray


def dose_volume(points: Quadrature, field: DoseField) -> DoseVolume:
    """Return the doses of a structure's quadrature points, hottest first."""
    dose = field.dose_gy(points.points_mm)
    known = np.isfinite(dose)
    unknown_mm3 = points.volume_mm3[~known]
    in_applicator = field.inside_applicator(points.points_mm[~known])
    order = np.argsort(-dose[known], kind="stable")
    ranked_mm = points.points_mm[known][order]
    ranked_gy, ranked_mm3 = dose[known][order], points.volume_mm3[known][order]
    hottest_gy, hottest_mm = _hottest(ranked_gy, ranked_mm, points.surface_mm, field)
    return DoseVolume(
        dose_gy=ranked_gy,
        volume_mm3=ranked_mm3,
        cumulative_mm3=np.cumsum(ranked_mm3),
        points_mm=ranked_mm,
        hottest_gy=hottest_gy,
        hottest_mm=hottest_mm,
        in_applicator_mm3=float(unknown_mm3[in_applicator].sum()),
        outside_mm3=points.beyond_mm3 + float(unknown_mm3[~in_applicator].sum()),
        largest_outside_gy=field.largest_outside_gy,
        note=field.note,
    )


def curve(doses: DoseVolume) -> DoseVolumeCurve:
    """Return the cumulative histogram at zero and at levels evenly spaced in log dose, coldest to hottest."""
    coldest, hottest = float(doses.dose_gy[-1]), float(doses.dose_gy[0])
    levels = np.geomspace(max(coldest, 1e-5 * hottest, 1e-9), max(hottest, 2e-9), CURVE_POINTS)
    levels = np.concatenate([[0.0], np.minimum(levels, hottest)])
    return DoseVolumeCurve(levels, doses.volume_above_mm3(levels) / doses.dosed_mm3)


def _hottest(
    ranked_gy: FloatArray, ranked_mm: FloatArray, surface_mm: FloatArray, field: DoseField
) -> tuple[float, FloatArray]:
    surface_gy = field.dose_gy(surface_mm) if len(surface_mm) else np.empty(0)
    known = np.isfinite(surface_gy)
    dose = np.concatenate([ranked_gy[:1], surface_gy[known]])
    place = np.concatenate([ranked_mm[:1], surface_mm[known]])
    if not dose.size:
        return float("nan"), np.full(3, np.nan)
    hottest = int(np.argmax(dose))
    return float(dose[hottest]), np.asarray(place[hottest])
