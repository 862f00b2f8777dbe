"""``metaspine dose``: Monte Carlo dose of a plan beside its console dose, with the independent calculation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from metaspine.cli.console import DISCLAIMER, messages, progress_bar, results
from metaspine.dosimetry import compute_dose
from metaspine.dosimetry.checkpoint import CheckpointFile, require_usable
from metaspine.dosimetry.devices import device_named
from metaspine.errors import Cancelled, InputError
from metaspine.evaluation.monte_carlo import MonteCarlo, Wanted, run_monte_carlo
from metaspine.exchange.scans import read_scan
from metaspine.imaging.calibration import read_ct_curve
from metaspine.imaging.densities import Override
from metaspine.imaging.findings import structure_or_finding
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.physics.materials import named_material
from metaspine.planning import read_plan
from metaspine.reports import write_monte_carlo
from metaspine.reports.monte_carlo_files import CHECKPOINT, monte_carlo_document
from metaspine.running import Progress, require_writable

_PERCENT = 100.0


@dataclass(frozen=True)
class DoseRequest:
    """What the command line asked for."""

    plan: Path
    scan: Path
    structures: tuple[Path, ...]
    labels: Path | None
    series: str | None
    uncertainty_percent: float
    distance_mm: float | None
    structure: str | None
    whole: bool
    histories: int | None
    time_limit_s: float | None
    seed: int
    device: str
    spacing_mm: float
    reach_mm: float
    curve: str | None
    made_of: tuple[str, ...]
    applicator: str | None
    calibration: Path | None
    resume: bool
    to: Path | None

    @property
    def folder(self) -> Path:
        """Where the results go: beside the plan unless another folder was named."""
        return self.to or (self.plan if self.plan.is_dir() else self.plan.parent)


def dose_command(request: DoseRequest, *, json_output: bool) -> None:
    """Compute, check, compare, write; a run that is stopped is kept."""
    checkpoint = CheckpointFile(request.folder / CHECKPOINT, request.resume)
    try:
        with progress_bar() as progress:
            plan, monte_carlo, pages = _computed(request, checkpoint, progress)
    except (Cancelled, KeyboardInterrupt):
        if checkpoint.path.exists():
            messages.print(f"What was computed is kept in {checkpoint.path}: go on with --resume.", highlight=False)
        raise
    checkpoint.path.unlink(missing_ok=True)
    if json_output:
        results.print_json(json.dumps(monte_carlo_document(plan, monte_carlo)))
        return
    for block in both_doses(monte_carlo):
        results.print(block, highlight=False)
    results.print(Text.assemble("\nPages and files: ", (str(pages.parent), "bold")))
    results.print(DISCLAIMER, style="dim")


def wanted(
    *,
    uncertainty_percent: float,
    distance_mm: float | None = None,
    structure: str | None = None,
    whole: bool = False,
    histories: int | None = None,
    time_limit_s: float | None = None,
    seed: int = 1,
    device: str = "auto",
) -> Wanted:
    """Return what a run is asked for; an uncertainty of 0 leaves it to histories or time.

    Raises
    ------
    InputError
        When both a distance and a structure are named, all of a structure that is not named, or a device that there
        is not.
    """
    if distance_mm is not None and structure:
        raise InputError(
            "both a distance and a structure say where the uncertainty is wanted",
            where="--at, --in",
            remedy="Give one of them",
        )
    if whole and not structure:
        raise InputError("all of which structure?", where="--whole", remedy="Name it with --in")
    return Wanted(
        relative_uncertainty=uncertainty_percent / _PERCENT if uncertainty_percent else None,
        distance_mm=Wanted.distance_mm if distance_mm is None else distance_mm,
        structure=structure or "",
        whole=whole,
        seconds=time_limit_s,
        histories=histories,
        seed=seed,
        device=None if device == "auto" else device_named(device),
    )


def both_doses(monte_carlo: MonteCarlo) -> Iterator[Text | Table]:
    """Return both conventions side by side, what they mean, and the independent calculation."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("place")
    for heading in ("console", "MC medium", "MC water", "1 SD", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.caption = (
        "MC: Monte Carlo dose to medium, and to water in medium; ratio: the latter over console dose (DOS-07)"
    )
    table.caption_justify = "left"
    for place in monte_carlo.places:
        if place.voxels == 0:
            table.add_row(place.place, "no voxel of the dose grid lies there")
            continue
        doses = (place.console_gy, place.to_medium_gy, place.to_water_gy)
        spread = f"{_PERCENT * place.relative_uncertainty:.0f} %"
        table.add_row(place.place, *(f"{dose:.2f} Gy" for dose in doses), spread, f"{place.ratio:.2f}")
    yield table
    for place in monte_carlo.places:
        if place.for_the_surgeon:
            yield Text(place.for_the_surgeon, style="bold")
    check = monte_carlo.check
    for name, passed in (("(a) water against the table", check.water_agrees), ("(b) tissues", check.tissues_agree)):
        style = "green" if passed else "bold red"
        yield Text(f"Independent calculation {name}: {'passed' if passed else 'NOT PASSED'}", style=style)
    for sentence in check.sentences:
        yield Text(f"  {sentence}")
    for note in monte_carlo.notes:
        yield Text(f"! {note}", style="yellow")
    yield Text("Prescription, limit and time stay in console dose (DOS-23).", style="bold")


def materials_of(scan: Scan, made_of: Sequence[str]) -> tuple[Override, ...]:
    """Return what structures, or what was seen and asked about, are made of, from words such as ``rod=titanium``.

    Raises
    ------
    InputError
        When the words are not of that form, or there is no such material.
    StructureError
        When the scan has no such structure.
    """
    found = []
    for words in made_of:
        name, equals, of_what = words.rpartition("=")
        if not (equals and name and of_what):
            raise InputError(
                f"{words!r} does not say what a structure is made of",
                where="--material",
                remedy="Write STRUCTURE=MATERIAL, e.g. rod=titanium",
            )
        found.append(Override(structure_or_finding(scan, name), named_material(of_what)))
    return tuple(found)


def _computed(request: DoseRequest, checkpoint: CheckpointFile, progress: Progress) -> tuple[Plan, MonteCarlo, Path]:
    asked = wanted(
        uncertainty_percent=request.uncertainty_percent,
        distance_mm=request.distance_mm,
        structure=request.structure,
        whole=request.whole,
        histories=request.histories,
        time_limit_s=request.time_limit_s,
        seed=request.seed,
        device=request.device,
    )
    require_writable(request.folder)
    request.folder.mkdir(parents=True, exist_ok=True)
    require_usable(checkpoint)
    scan = read_scan(
        request.scan,
        structures=list(request.structures) or None,
        labels=request.labels,
        series=request.series,
        progress=progress,
    )
    plan = read_plan(request.plan, scan, applicator=request.applicator, calibration=request.calibration)
    monte_carlo = run_monte_carlo(
        plan,
        scan,
        wanted=asked,
        spacing_mm=request.spacing_mm,
        half_extent_mm=request.reach_mm,
        curve=read_ct_curve(request.curve) if request.curve else None,
        overrides=materials_of(scan, request.made_of),
        checkpoint=checkpoint,
        progress=progress,
    )
    progress("writing the pages", 0.0)
    pages = write_monte_carlo(scan, plan, compute_dose(plan, scan), monte_carlo, to=request.folder)
    return plan, monte_carlo, pages
