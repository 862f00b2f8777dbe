"""A Monte Carlo run read back, for its own plan, from the files that ``metaspine dose`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metaspine.errors import GridMismatch, InputError
from metaspine.exchange.nifti import read_nifti
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import Plan
from metaspine.physics.applicators import DoseConvention
from metaspine.reports.monte_carlo_files import (
    CHECKPOINT,
    NUMBERS,
    TO_MEDIUM,
    TO_WATER,
    UNCERTAINTY_TO_MEDIUM,
    UNCERTAINTY_TO_WATER,
)

_Point = tuple[float, float, float]
_SAME_MM, _SAME_DIRECTION, _SAME_S = 0.011, 2e-5, 0.11
"""Twice what a plan's numbers are rounded by, and a little."""
_COMPUTE = "Compute it with metaspine dose"


@dataclass(frozen=True, eq=False)
class MonteCarloDose:
    """One Monte Carlo dose of a run, with its noise apart."""

    dose: Dose
    """Its uncertainty is the whole one: statistics, output and direction."""
    statistical_uncertainty: Volume
    """One standard deviation by the number of histories alone, as a fraction."""


@dataclass(frozen=True, eq=False)
class MonteCarloDoses:
    """Both doses of one run; they are of the same photons and never to be added."""

    to_medium: MonteCarloDose
    to_water: MonteCarloDose


class _Run(BaseModel):
    """What of monte-carlo.json says whose doses these are and how they were made."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    metaspine_monte_carlo: Literal[2]
    metaspine_version: str
    level: str
    scan_sha256: str
    isocentre_mm: _Point
    direction: _Point
    time_s: Annotated[float, Field(ge=0)]
    applicator: str
    output: str
    calibrated: bool
    files_sha256: dict[str, str]
    relative_uncertainty_beside_statistics: Annotated[float, Field(ge=0)]
    histories: int | None
    seed: int | None
    notes: tuple[str, ...]


def read_monte_carlo(folder: Path | str, plan: Plan) -> MonteCarloDoses:
    """Return the Monte Carlo doses that were computed for a plan, in the plan's frame of reference.

    Parameters
    ----------
    folder
        Where ``metaspine dose``, or ``metaspine plan --monte-carlo``, wrote them.

    Raises
    ------
    InputError
        When there is none, it cannot be read, it is another plan's, or a file is not the one that the run wrote.
    ImageError
        When a file is no image.
    GridMismatch
        When a dose and its uncertainty do not lie on one grid.
    """
    where = Path(folder)
    run = _run(where)
    _refuse_other_plan(run, plan, where)
    return MonteCarloDoses(
        _dose(run, plan, where, (TO_MEDIUM, UNCERTAINTY_TO_MEDIUM), ("medium", DoseConvention.MONTE_CARLO_MEDIUM)),
        _dose(
            run, plan, where, (TO_WATER, UNCERTAINTY_TO_WATER), ("water in medium", DoseConvention.MONTE_CARLO_WATER)
        ),
    )


def _run(folder: Path) -> _Run:
    path = folder / NUMBERS
    if not path.is_file() and (folder / CHECKPOINT).exists():
        raise InputError(
            "holds a Monte Carlo run that was stopped", where=str(folder), remedy="Go on with metaspine dose --resume"
        )
    try:
        return _Run.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"no Monte Carlo dose of the plan lies here ({NUMBERS}: {error.strerror})",
            where=str(folder),
            remedy=f"{_COMPUTE}, or say where it lies",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"is no Monte Carlo run of this version: {key}: {first['msg']}", where=str(path), remedy=f"{_COMPUTE} anew"
        ) from error


def _refuse_other_plan(run: _Run, plan: Plan, folder: Path) -> None:
    found = list(_differences(run, plan))
    if found:
        raise InputError(
            f"the Monte Carlo dose was computed for another plan: {'; '.join(found)}",
            where=str(folder / NUMBERS),
            remedy="Compute it for this plan with metaspine dose, or give the folder of this plan's run",
        )


def _differences(run: _Run, plan: Plan) -> Iterator[str]:
    dwell = plan.dwell
    if run.scan_sha256 != plan.scan_sha256:
        yield f"scan {run.scan_sha256[:12]}, the plan's is {plan.scan_sha256[:12]}"
    if run.level != plan.level:
        yield f"level {run.level}, the plan's is {plan.level}"
    apart_mm = float(np.linalg.norm(np.asarray(run.isocentre_mm) - dwell.isocentre_mm))
    if apart_mm > _SAME_MM:
        yield f"its isocentre lies {apart_mm:.2f} mm from the plan's"
    if np.abs(np.asarray(run.direction) - dwell.direction).max() > _SAME_DIRECTION:
        yield "its needle points another way"
    if abs(run.time_s - dwell.time_s) > _SAME_S:
        yield f"{run.time_s:g} s, the plan's time is {dwell.time_s:.1f} s"
    for name, own, planned in (
        ("applicator", run.applicator, plan.applicator.name),
        ("output", run.output, plan.output.description),
    ):
        if own != planned:
            yield f"{name} {own}, the plan's is {planned}"
    if run.calibrated != plan.output.calibrated:
        yield "one of the two is calibrated, the other is not"


def _dose(
    run: _Run, plan: Plan, folder: Path, names: tuple[str, str], which: tuple[str, DoseConvention]
) -> MonteCarloDose:
    frame = plan.vertebra.frame_of_reference
    dose, noise = (_volume(run, folder / name, frame) for name in names)
    if not dose.grid.aligned_with(noise.grid):
        raise GridMismatch(
            "a dose and its uncertainty do not lie on one grid",
            where=f"{folder}: {', '.join(names)}",
            remedy=f"{_COMPUTE} anew",
        )
    whole = np.hypot(noise.values, run.relative_uncertainty_beside_statistics)
    made = DoseProvenance(
        engine="reference",
        engine_version=run.metaspine_version,
        applicator=run.applicator,
        output=run.output,
        calibrated=run.calibrated,
        scan_sha256=run.scan_sha256,
        seed=run.seed,
        histories=run.histories,
    )
    medium, convention = which
    return MonteCarloDose(Dose(dose, Volume(whole, dose.grid), medium, convention, made, run.notes), noise)


def _volume(run: _Run, path: Path, frame_of_reference: str) -> Volume:
    """Return a volume of the run in the frame of its plan, which NIfTI cannot name."""
    read = read_nifti(path)
    if read.sha256 != run.files_sha256.get(path.name):
        raise InputError(
            f"is not the file that the run of {NUMBERS} wrote",
            where=str(path),
            remedy=f"{_COMPUTE} anew, or bring back the files of one run",
        )
    grid = Grid(read.volume.grid.affine, read.volume.grid.shape, frame_of_reference)
    return Volume(np.asarray(read.volume.values, dtype=np.float32), grid)
