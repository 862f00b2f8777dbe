"""The dose of a plan, by the engine of that name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from metaspine.dosimetry.engine import DoseEngine, Irradiation
from metaspine.dosimetry.reference import reference_dose
from metaspine.dosimetry.reference_tissues import tissues_around
from metaspine.dosimetry.water import water_dose
from metaspine.errors import FrameMismatch, InputError
from metaspine.geometry.grid import Grid
from metaspine.imaging.calibration import CtCurve
from metaspine.imaging.densities import Override
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.running import Progress, silent

ENGINES: Mapping[str, DoseEngine] = MappingProxyType({"water": water_dose, "reference": reference_dose})
SPACING_MM: Mapping[str, float] = MappingProxyType({"water": 0.5, "reference": 1.0})
"""The voxels of each engine's dose where nothing else is asked for."""


def compute_dose(
    plan: Plan,
    scan: Scan,
    *,
    engine: str = "water",
    spacing_mm: float | None = None,
    half_extent_mm: float = 40.0,
    curve: CtCurve | None = None,
    overrides: Sequence[Override] = (),
    progress: Progress = silent,
) -> Dose:
    """Return the dose of a plan on a cubic grid around its isocentre, along LPS.

    Parameters
    ----------
    plan, scan
        The plan, and the scan it was made on.
    engine
        "water" (console dose) or "reference" (Monte Carlo dose to medium).
    spacing_mm, half_extent_mm
        Of the grid; None is 0.5 mm in water and 1 mm for Monte Carlo.
    curve, overrides
        The scanner's CT curve and what structures are made of; an engine that computes in water does not look at them.
    progress
        May raise Cancelled.

    Raises
    ------
    InputError
        When there is no engine of that name, the grid's sizes are not usable, or the plan was made on another scan.
    FrameMismatch
        When the plan's vertebra and the scan live in different frames of reference.
    """
    if engine not in ENGINES:
        raise InputError(
            f"there is no dose engine {engine!r}", where="dose", remedy=f"There are: {', '.join(sorted(ENGINES))}"
        )
    irradiation = irradiation_of(
        plan,
        scan,
        engine=engine,
        spacing_mm=SPACING_MM[engine] if spacing_mm is None else spacing_mm,
        half_extent_mm=half_extent_mm,
        curve=curve,
        overrides=overrides,
    )
    return ENGINES[engine](irradiation, progress=progress)


def irradiation_of(
    plan: Plan,
    scan: Scan,
    *,
    engine: str = "reference",
    spacing_mm: float = 1.0,
    half_extent_mm: float = 40.0,
    curve: CtCurve | None = None,
    overrides: Sequence[Override] = (),
) -> Irradiation:
    """Return what an engine is asked for a plan; with the scan's tissues unless the engine computes in water.

    Raises
    ------
    InputError
        When the grid's sizes are not usable, or the plan was made on another scan.
    FrameMismatch
        When the plan's vertebra and the scan live in different frames of reference.
    """
    _refuse_other_scan(plan, scan)
    grid = _grid(plan, spacing_mm, half_extent_mm)
    tissues = None if engine == "water" else tissues_around(scan, grid, curve=curve, overrides=overrides)
    return Irradiation((plan.dwell,), plan.applicator, plan.output, grid, scan.image, scan.origin.sha256, tissues)


def _refuse_other_scan(plan: Plan, scan: Scan) -> None:
    if plan.vertebra.frame_of_reference != scan.frame_of_reference:
        raise FrameMismatch(plan.vertebra.frame_of_reference, scan.frame_of_reference, where="dose of a plan")
    if plan.scan_sha256 != scan.origin.sha256:
        raise InputError(
            f"the plan was made on another scan ({plan.scan_sha256[:12]}) than this one ({scan.origin.sha256[:12]})",
            where=scan.origin.path,
            remedy="Make the plan anew on this scan, or give the scan it was made on",
        )


def _grid(plan: Plan, spacing_mm: float, half_extent_mm: float) -> Grid:
    smallest, voxels = 0.1, 2 * half_extent_mm / spacing_mm if spacing_mm > 0 else float("inf")
    if not (smallest <= spacing_mm <= half_extent_mm and voxels <= 500):
        raise InputError(
            f"a dose grid of {spacing_mm} mm voxels, {half_extent_mm} mm to each side",
            where="dose",
            remedy="Give a spacing of 0.1 mm or more and at most 500 voxels along an axis",
        )
    return Grid.around(
        plan.dwell.isocentre_mm,
        half_extent_mm=half_extent_mm,
        spacing_mm=spacing_mm,
        frame_of_reference=plan.vertebra.frame_of_reference,
    )
