"""A plan's Monte Carlo doses, what they are beside the console's at the places that matter, and their check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metaspine.anatomy.canal import bony_canal
from metaspine.dosimetry.checkpoint import CheckpointFile
from metaspine.dosimetry.compute import irradiation_of
from metaspine.dosimetry.independent import IndependentCheck, independent_check
from metaspine.dosimetry.places import place_of
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses, resumed
from metaspine.dosimetry.reference_beside_console import BesideConsole, beside_console
from metaspine.errors import LevelError, StructureError
from metaspine.imaging.calibration import CtCurve
from metaspine.imaging.densities import Override
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.running import Progress, silent
from metaspine.transport.devices import Device


@dataclass(frozen=True)
class Wanted:
    """What a Monte Carlo run is asked for; it ends at whichever comes first.

    Parameters
    ----------
    relative_uncertainty
        One standard deviation of the dose to medium by statistics, root mean square over the place; None: not asked.
    distance_mm
        The place where ``structure`` is empty: a shell around the isocentre.
    structure
        A structure's name: the 0.03 cm3 of it that get most by the console's dose, or all of it.
    whole
        All of the structure inside the dose grid.
    seconds, histories
        None: not asked. A run that ends by its time does not give the same bits again.
    seed
        Another one gives an independent run.
    device
        None: the GPU where there is one, the CPU otherwise.
    """

    relative_uncertainty: float | None = 0.01
    distance_mm: float = 15.0
    structure: str = ""
    whole: bool = False
    seconds: float | None = None
    histories: int | None = None
    seed: int = 1
    device: Device | None = None


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """One run for one plan."""

    doses: ReferenceDoses
    places: tuple[BesideConsole, ...]
    """The prescribed distance, the lesion's border, the limiting structure, the other neural ones."""
    check: IndependentCheck
    notes: tuple[str, ...]
    """What must be known of the doses and of the places."""

    @property
    def prescribed(self) -> BesideConsole:
        """Both doses at the prescribed distance."""
        return self.places[0]

    @property
    def limiting(self) -> BesideConsole:
        """Both doses to the limiting structure."""
        return self.places[2]


def run_monte_carlo(
    plan: Plan,
    scan: Scan,
    *,
    wanted: Wanted | None = None,
    spacing_mm: float = 1.0,
    half_extent_mm: float = 40.0,
    curve: CtCurve | None = None,
    overrides: Sequence[Override] = (),
    checkpoint: CheckpointFile | Path | None = None,
    progress: Progress = silent,
) -> MonteCarlo:
    """Return the Monte Carlo doses of a plan beside its console dose, with the independent calculation.

    Parameters
    ----------
    plan, scan
        The plan, and the scan it was made on.
    wanted
        When to stop; None: 1 % at 15 mm from the isocentre.
    spacing_mm, half_extent_mm
        Of the dose grid.
    curve, overrides
        The scanner's CT curve, and what structures are made of.
    checkpoint
        Where the run is kept when it is stopped.
    progress
        May raise Cancelled.

    Raises
    ------
    InputError
        When the grid's sizes or what is wanted cannot be used, the plan was made on another scan, or the checkpoint is
        another run's.
    StructureError
        When the structure asked for does not exist.
    FrameMismatch
        When plan and scan live in different frames of reference.
    """
    asked = wanted or Wanted()
    progress("tissues", 0.0)
    irradiation = irradiation_of(
        plan, scan, spacing_mm=spacing_mm, half_extent_mm=half_extent_mm, curve=curve, overrides=overrides
    )
    place = place_of(plan, scan, asked.structure, grid=irradiation.grid, whole=asked.whole) if asked.structure else None
    stop = Stop(asked.relative_uncertainty, asked.distance_mm, asked.histories, asked.seconds, place)
    doses = reference_doses(
        irradiation,
        stop=stop,
        seed=asked.seed,
        device=asked.device,
        checkpoint=CheckpointFile(checkpoint) if isinstance(checkpoint, Path) else checkpoint,
        progress=progress,
    )
    canal, notes = _canal(plan, scan)
    check = independent_check(irradiation, doses, progress=lambda step, done: progress(f"check: {step}", done))
    return MonteCarlo(doses, beside_console(plan, scan, doses, further=canal), check, (*doses.to_medium.notes, *notes))


def at_other_time(monte_carlo: MonteCarlo, plan: Plan, scan: Scan) -> MonteCarlo:
    """Return the same run for a plan that differs from its own by the time alone: dose is proportional to time."""
    factor = plan.dwell.time_s / monte_carlo.doses.irradiation.dwells[0].time_s
    irradiation = replace(monte_carlo.doses.irradiation, dwells=(plan.dwell,))
    enough = replace(monte_carlo.doses.stop, histories=1)
    doses = resumed(replace(monte_carlo.doses, irradiation=irradiation), stop=enough, progress=silent)
    points = tuple(
        replace(point, engine_gy=factor * point.engine_gy, table_gy=factor * point.table_gy)
        for point in monte_carlo.check.in_water
    )
    canal, _ = _canal(plan, scan)
    return replace(
        monte_carlo,
        doses=replace(doses, stop=monte_carlo.doses.stop),
        places=beside_console(plan, scan, doses, further=canal),
        check=replace(monte_carlo.check, in_water=points),
    )


def _canal(plan: Plan, scan: Scan) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Return the canal derived from the bone where nobody drew one, or why there is none."""
    if plan.limiting_structure.role is Role.BONY_CANAL or scan.of_role(Role.BONY_CANAL):
        return (), ()
    try:
        return (bony_canal(scan, plan.level),), ()
    except (LevelError, StructureError) as error:
        return (), (f"No dose to the bony canal is shown: {error.what}",)
