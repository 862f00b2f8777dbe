"""D98, D95, D50, D2, mean, point maximum, D0.03cc, V8Gy, coverage: each with its unit and its precision band.

The band spans two densities of quadrature (DVH-06) and, where part of the structure lies outside the dose grid, the
lowest and highest dose it can have there (DVH-05). A metric that is left open by more than 1 % is not determinable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from metaspine.evaluation.dvh import DoseVolume
from metaspine.evaluation.hot_part import SMALL_VOLUME_MM3

REPORTED_LEVEL_GY = 8.0
"""The dose of all published experience (PHY-26); V8Gy is stated for every prescription."""
OPEN_FRACTION = 0.01
"""A metric left open by more than this fraction is not determinable (DVH-05)."""


@dataclass(frozen=True)
class Metric:
    """One number read from a dose-volume histogram."""

    name: str
    """"D95", "V8Gy", "mean dose", "point maximum", "D0.03cc", "V8Gy (volume)", "D0.03cc, upper 95 %"."""
    value: float | None
    """None: not determinable; the note says why."""
    unit: str
    """"Gy", "cc", or "" for a fraction."""
    low: float | None
    high: float | None
    """The precision band; of a metric that is not determinable its bounds, where they are known."""
    note: str = ""
    """Why it is not determinable; and how a dose from elsewhere was interpolated."""


@dataclass(frozen=True, eq=False)
class TwoDensities:
    """The same structure, or its hot part, with fine and with coarse quadrature."""

    fine: DoseVolume
    coarse: DoseVolume


Measure = Callable[[DoseVolume, float], float]
"""From doses, and the dose that the volume outside the grid is taken to have, to a number."""


def dose_metrics(doses: TwoDensities, hot: TwoDensities, *, level_gy: float) -> tuple[Metric, ...]:
    """Return the metrics of one structure.

    Parameters
    ----------
    doses, hot
        Of the whole structure, and of its hot part for D0.03cc and the point maximum.
    level_gy
        The prescribed dose: the fraction and the volume that get it are stated beside V8Gy.
    """
    percents = [(f"D{percent:g}", _dose_to_percent(percent)) for percent in (98, 95, 50, 2)]
    levels = dict.fromkeys((REPORTED_LEVEL_GY, level_gy))
    return (
        *(banded(name, "Gy", doses, measure) for name, measure in percents),
        banded("mean dose", "Gy", doses, lambda found, outside: found.mean_gy(outside_gy=outside)),
        _point_maximum(doses, hot),
        _small_volume_dose(doses, hot),
        *(banded(f"V{level:g}Gy", "", doses, _fraction_above(level)) for level in levels),
        *(banded(f"V{level:g}Gy (volume)", "cc", doses, _volume_above_cc(level)) for level in levels),
    )


def banded(name: str, unit: str, doses: TwoDensities, measure: Measure) -> Metric:
    """Return a metric with its band over both densities and both bounds of the dose outside the grid."""
    highest = doses.fine.largest_outside_gy
    value, bound = measure(doses.fine, 0.0), measure(doses.fine, highest)
    coarse = measure(doses.coarse, 0.0), measure(doses.coarse, highest)
    low, high = min(value, bound, *coarse), max(value, bound, *coarse)
    if abs(bound - value) > OPEN_FRACTION * max(abs(bound), abs(value)):
        return Metric(name, None, unit, low, high, _open_note(doses.fine))
    return Metric(name, value, unit, low, high, doses.fine.note)


def _point_maximum(doses: TwoDensities, hot: TwoDensities) -> Metric:
    values = [max(whole.hottest_gy, part.hottest_gy) for whole, part in zip(_both(doses), _both(hot), strict=True)]
    if doses.fine.outside_mm3 and doses.fine.largest_outside_gy > values[0]:
        bound = doses.fine.largest_outside_gy
        return Metric("point maximum", None, "Gy", min(values), bound, _open_note(doses.fine))
    return Metric("point maximum", values[0], "Gy", min(values), max(values), doses.fine.note)


def _small_volume_dose(doses: TwoDensities, hot: TwoDensities) -> Metric:
    if min(doses.fine.dosed_mm3, doses.coarse.dosed_mm3) < SMALL_VOLUME_MM3:
        note = f"the structure is smaller than 0.03 cc ({doses.fine.dosed_mm3 / 1000:.3f} cc)"
        return Metric("D0.03cc", None, "Gy", None, None, note)
    values = [part.dose_to_volume_gy(SMALL_VOLUME_MM3) for part in _both(hot)]
    if doses.fine.outside_mm3 and doses.fine.largest_outside_gy > values[0]:
        bound = doses.fine.largest_outside_gy
        return Metric("D0.03cc", None, "Gy", min(values), bound, _open_note(doses.fine))
    return Metric("D0.03cc", values[0], "Gy", min(values), max(values), doses.fine.note)


def find(metrics: Sequence[Metric], name: str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    KeyError
        When there is none.
    """
    return {metric.name: metric for metric in metrics}[name]


def _both(doses: TwoDensities) -> tuple[DoseVolume, DoseVolume]:
    return doses.fine, doses.coarse


def _open_note(found: DoseVolume) -> str:
    outside = found.outside_mm3 / found.dosed_mm3
    reason = f"not determinable: {outside:.1%} of the volume lies outside the dose grid (DVH-05)"
    return f"{reason}; {found.note}" if found.note else reason


def _dose_to_percent(percent: float) -> Measure:
    def measure(found: DoseVolume, outside_gy: float) -> float:
        return found.dose_to_volume_gy(percent / 100 * found.dosed_mm3, outside_gy=outside_gy)

    return measure


def _fraction_above(level_gy: float) -> Measure:
    def measure(found: DoseVolume, outside_gy: float) -> float:
        return float(found.volume_above_mm3(level_gy, outside_gy=outside_gy)) / found.dosed_mm3

    return measure


def _volume_above_cc(level_gy: float) -> Measure:
    def measure(found: DoseVolume, outside_gy: float) -> float:
        return float(found.volume_above_mm3(level_gy, outside_gy=outside_gy)) / 1000

    return measure
