"""The independent calculation that approval asks for, and what it can and cannot say.

(a) The reference engine with every voxel water against the depth-dose table: finds a wrong time, place, calibration or
scale. (b) The computed primary times water's ratio of total to primary dose against the reference dose in the patient:
finds wrong tissues and a failed Monte Carlo run, but no error of the primary itself, which both share.

The ratio of reference to console dose is heterogeneity, not a check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.absolute import EQUATOR_COSINE, over_middle
from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses
from metaspine.dosimetry.reference_run import metal_shadow
from metaspine.dosimetry.reference_tissues import Tissues, all_water, without_margin
from metaspine.dosimetry.water import dose_at_points
from metaspine.errors import GridMismatch, InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.running import Progress, silent
from metaspine.transport.scatter import Sampling

WATER_TOLERANCE, TISSUE_TOLERANCE = 0.03, 0.15
"""DOS-06."""
AGREEING_SHARE = 0.95
"""Of the voxels, for the second comparison to pass; DOS-06."""
SEED = 20_000
"""Not the reference run's, so that chance cannot agree with itself."""
_WHERE = "independent calculation"
_HALF_SHELL_MM = 0.5


@dataclass(frozen=True)
class WaterPoint:
    """Engine over table at one distance, with every voxel water."""

    distance_mm: float
    """From the isocentre, on the needle's equator."""
    engine_gy: float
    table_gy: float

    @property
    def deviation(self) -> float:
        """Engine over table, less one."""
        return self.engine_gy / self.table_gy - 1


@dataclass(frozen=True)
class IndependentCheck:
    """Both comparisons, as they came out."""

    in_water: tuple[WaterPoint, ...]
    """Over the output's valid range, in steps of about a millimetre."""
    median_difference: float
    """Simple calculation over reference dose, less one, in the patient's tissues."""
    agreeing_share: float
    """Of the voxels compared, those within 15 %."""
    voxels: int
    """Compared: in the output's valid range, outside the applicator and metal's shadow."""
    in_metal_shadow: int
    """Left out."""
    sentences: tuple[str, ...]

    @property
    def largest_in_water(self) -> WaterPoint:
        """Where engine and table differ most."""
        return max(self.in_water, key=lambda point: abs(point.deviation))

    @property
    def water_agrees(self) -> bool:
        """Whether engine and table agree within 3 % at all distances."""
        return abs(self.largest_in_water.deviation) <= WATER_TOLERANCE

    @property
    def tissues_agree(self) -> bool:
        """Whether 95 % of the voxels agree within 15 %; False where there was none to compare."""
        return self.agreeing_share >= AGREEING_SHARE

    @property
    def passed(self) -> bool:
        """Whether both comparisons agree."""
        return self.water_agrees and self.tissues_agree


def independent_check(
    irradiation: Irradiation,
    reference: ReferenceDoses,
    *,
    stop: Stop | None = None,
    sampling: Sampling | None = None,
    progress: Progress = silent,
) -> IndependentCheck:
    """Return the independent calculation of a reference dose.

    Parameters
    ----------
    irradiation
        What the reference dose was computed for, one position.
    reference
        Its doses.
    stop, sampling
        Of the run in water; None: 1 % at 15 mm, nearer where the dose grid ends before that, with a seed of its own.
    progress
        May raise Cancelled.

    Raises
    ------
    InputError
        When the irradiation has no tissues or not exactly one position.
    GridMismatch
        When the dose lies on another grid.
    """
    tissues = _checked(irradiation, reference)
    grid = irradiation.grid
    in_water = reference_doses(
        replace(irradiation, tissues=all_water(grid)),
        stop=stop or _stop_inside(grid),
        sampling=sampling,
        seed=SEED,
        device=reference.runs[0].device,
        rate=reference.rate,
        progress=progress,
    )
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - irradiation.dwells[0].isocentre_mm
    distance = np.linalg.norm(points, axis=-1)
    table = _against_table(in_water, irradiation, points, distance)
    shadow = metal_shadow(tissues, irradiation.dwells[0], irradiation.applicator)[without_margin(grid)]
    lit = _compared(irradiation, distance) & np.isfinite(reference.to_medium.volume.values)
    difference = _differences(reference, in_water, distance, lit & ~shadow)
    return _check(table, difference, int((lit & shadow).sum()))


def _checked(irradiation: Irradiation, reference: ReferenceDoses) -> Tissues:
    if irradiation.tissues is None or len(irradiation.dwells) != 1:
        raise InputError(
            f"an irradiation of {len(irradiation.dwells)} positions"
            + (" without tissues" if irradiation.tissues is None else ""),
            where=_WHERE,
            remedy="Give the irradiation of one position with its tissues, as irradiation_of makes it",
        )
    if not irradiation.grid.aligned_with(reference.to_medium.volume.grid):
        raise GridMismatch(
            "the reference dose lies on another grid than the irradiation",
            where=_WHERE,
            remedy="Give the irradiation that the dose was computed for",
        )
    return irradiation.tissues


def _stop_inside(grid: Grid) -> Stop:
    """Return the engine's own stop, at a distance that the dose grid's half width still holds."""
    return Stop(distance_mm=min(Stop.distance_mm, float((grid.spacing_mm * grid.shape).min()) / 2))


def _compared(irradiation: Irradiation, distance: FloatArray) -> NDArray[np.bool_]:
    nearest, farthest = irradiation.output.depth_dose.valid_mm
    return np.asarray((distance >= nearest) & (distance <= farthest))


def _against_table(
    in_water: ReferenceDoses, irradiation: Irradiation, points: FloatArray, distance: FloatArray
) -> tuple[WaterPoint, ...]:
    """Return engine and table over shells of a millimetre on the needle's equator."""
    dwell, grid = irradiation.dwells[0], irradiation.grid
    along = points @ (np.asarray(dwell.direction) / np.linalg.norm(dwell.direction))
    engine = in_water.to_water.volume.values
    usable = (np.abs(along) < EQUATOR_COSINE * distance) & np.isfinite(engine) & _compared(irradiation, distance)
    shells = np.rint(distance).astype(int)
    found = []
    for shell in np.unique(shells[usable]):
        here = usable & (shells == shell)
        table = over_middle(float(grid.spacing_mm.max()), distance[here]) * dose_at_points(
            grid.point_mm(np.argwhere(here)),
            dwells=irradiation.dwells,
            applicator=irradiation.applicator,
            output=irradiation.output,
        )
        found.append(WaterPoint(float(distance[here].mean()), float(engine[here].mean()), float(table.mean())))
    if not found:
        raise InputError(
            "no voxel of the dose grid lies in the output's valid range",
            where=_WHERE,
            remedy="Compute the dose on a grid that reaches farther from the isocentre",
        )
    return tuple(found)


def _differences(
    reference: ReferenceDoses, in_water: ReferenceDoses, distance: FloatArray, where: NDArray[np.bool_]
) -> FloatArray:
    """Return primary times water's total over primary, over the reference dose, less one, (voxel,)."""
    known = np.isfinite(in_water.to_medium.volume.values)
    shells = np.rint(distance[known] / _HALF_SHELL_MM).astype(int)
    total, primary = (
        np.bincount(shells, weights=volume.values[known])
        for volume in (in_water.to_medium.volume, in_water.primary_to_medium)
    )
    filled = primary > 0
    place = np.flatnonzero(filled) * _HALF_SHELL_MM
    ratio = np.interp(distance[where], place, total[filled] / primary[filled])
    simple = reference.primary_to_medium.values[where] * ratio
    return np.asarray(simple / reference.to_medium.volume.values[where] - 1, dtype=np.float64)


def _check(table: tuple[WaterPoint, ...], difference: FloatArray, in_metal_shadow: int) -> IndependentCheck:
    compared = difference.size
    share = float((np.abs(difference) <= TISSUE_TOLERANCE).mean()) if compared else 0.0
    median = float(np.median(difference)) if compared else float("nan")
    worst = max(table, key=lambda point: abs(point.deviation))
    water_verdict = "agree" if abs(worst.deviation) <= WATER_TOLERANCE else "do not agree"
    sentences = [
        f"In water, engine and depth-dose table {water_verdict} within {WATER_TOLERANCE:.0%}: they differ most "
        f"{worst.distance_mm:.1f} mm from the isocentre, by {worst.deviation:+.1%} (DOS-06)."
    ]
    if abs(worst.deviation) > WATER_TOLERANCE:
        sentences.append(
            "Both are set equal at the reference distance, so that what is left is the shape: a generic spectrum "
            "against the table. A device's own measured depth dose decides which is right."
        )
    sentences.append(
        f"In the patient's tissues, {share:.1%} of {compared} voxels agree within {TISSUE_TOLERANCE:.0%} "
        f"(median {median:+.1%})."
        if compared
        else "In the patient's tissues there was no voxel to compare outside metal's shadow."
    )
    if in_metal_shadow:
        sentences.append(f"{in_metal_shadow} voxels in or behind metal were left out: nothing is said of them.")
    return IndependentCheck(table, median, share, compared, in_metal_shadow, tuple(sentences))
