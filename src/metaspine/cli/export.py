"""``metaspine export``: a plan as DICOM objects that refer to each other: regions, plan, doses, report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from rich.table import Table

from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.cli.exported import Beside, exported
from metaspine.dosimetry import compute_dose
from metaspine.dosimetry.effective import effective_dose
from metaspine.errors import InputError, OutputError
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.rtplan import plan_label
from metaspine.patient.dose import Dose, EffectiveDose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.physics.radiobiology import CORD_ALPHA_BETA_GY, RBE_50_KV, BiologicalModel
from metaspine.planning import read_plan
from metaspine.reports.monte_carlo_files import PAGES
from metaspine.reports.monte_carlo_reading import MonteCarloDose, read_monte_carlo
from metaspine.running import Progress, now_or_source_date, require_writable, whole_folder

REPORT = "report.pdf"
MEDIA = ("medium", "water", "both")
MODELS = ("rbe", "eqd2")


@dataclass(frozen=True)
class ExportRequest:
    """What the command line asked for."""

    plan: Path
    scan: Path
    to: Path
    structures: tuple[Path, ...] = ()
    labels: Path | None = None
    series: str | None = None
    applicator: str | None = None
    calibration: Path | None = None
    bits: int = 32
    monte_carlo: str | None = None
    run: Path | None = None
    effective: str | None = None
    rbe: float | None = None
    console_uncertainty: bool = False
    segments: bool = False

    @property
    def folder(self) -> Path:
        """Where the plan lies."""
        return self.plan if self.plan.is_dir() else self.plan.parent


def export_command(request: ExportRequest) -> None:
    """Read the plan on its scan, compute its console dose anew, and write all objects or none."""
    _refuse_unclear(request)
    require_writable(request.to)
    with progress_bar() as progress:
        scan, plan = _read(request, progress)
        monte_carlo = _monte_carlo(request, plan)
        dose = compute_dose(plan, scan, progress=progress)
        made = exported(
            plan,
            scan,
            dose,
            beside=_beside(request, plan, dose, monte_carlo),
            bits=16 if request.bits == 16 else 32,
            progress=progress,
            when=now_or_source_date(),
        )
        refuse_beside_other_objects(request.to, made)
        with whole_folder(request.to) as folder:
            for name, dataset in made.items():
                write_object(dataset, folder / name)
    _show(plan, made, request.to)


def _refuse_unclear(request: ExportRequest) -> None:
    """Refuse, before any work, what cannot be meant."""
    for given, known, option in (
        (str(request.bits), ("16", "32"), "--bits"),
        (request.monte_carlo, MEDIA, "--monte-carlo"),
        (request.effective, MODELS, "--effective"),
    ):
        if given is not None and given not in known:
            raise InputError(f"{given!r} is not known", where=option, remedy=f"Give {', '.join(known)}")
    for meant, without, option, of in (
        (request.run, request.monte_carlo, "--run", "--monte-carlo"),
        (request.rbe, request.effective, "--rbe", "--effective"),
    ):
        if meant is not None and without is None:
            raise InputError(f"says something of {of}, which was not asked for", where=option, remedy=f"Give {of} too")
    if request.effective == "eqd2" and request.bits == 16:
        raise InputError(
            "16 bits hold an EQD2 near the needle only in steps of many Gy",
            where="--bits",
            remedy="Write the EQD2 with 32 bits",
        )
    _model(request)


def _read(request: ExportRequest, progress: Progress) -> tuple[Scan, Plan]:
    scan = read_scan(
        request.scan,
        structures=list(request.structures) or None,
        labels=request.labels,
        series=request.series,
        progress=progress,
    )
    return scan, read_plan(request.plan, scan, applicator=request.applicator, calibration=request.calibration)


def _monte_carlo(request: ExportRequest, plan: Plan) -> tuple[MonteCarloDose, ...]:
    if request.monte_carlo is None:
        return ()
    found = read_monte_carlo(request.run or request.folder, plan)
    return {"medium": (found.to_medium,), "water": (found.to_water,), "both": (found.to_medium, found.to_water)}[
        request.monte_carlo
    ]


def _beside(request: ExportRequest, plan: Plan, dose: Dose, monte_carlo: tuple[MonteCarloDose, ...]) -> Beside:
    run = request.run or request.folder
    return Beside(
        monte_carlo=monte_carlo,
        effective=_effective(request, plan, dose),
        console_uncertainty=request.console_uncertainty,
        segments=request.segments,
        report=_pdf(request.folder / REPORT),
        monte_carlo_pages=_pdf(run / PAGES) if monte_carlo else None,
    )


def _effective(request: ExportRequest, plan: Plan, dose: Dose) -> EffectiveDose | None:
    model = _model(request)
    return None if model is None else effective_dose(plan, dose, model)


def _model(request: ExportRequest) -> BiologicalModel | None:
    if request.effective is None:
        return None
    rbe = RBE_50_KV if request.rbe is None else request.rbe
    return BiologicalModel(rbe, CORD_ALPHA_BETA_GY if request.effective == "eqd2" else None)


def _pdf(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.exists() else None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="Check that you may read it"
        ) from error


def refuse_beside_other_objects(folder: Path, made: Iterable[str]) -> None:
    """Refuse to write where objects of another export would lie among these and be taken for this plan's.

    Raises
    ------
    OutputError
        Naming what lies there.
    """
    others = sorted({path.name for path in folder.glob("*.dcm")} - set(made))
    if others:
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise OutputError(
            f"other DICOM objects lie here ({named}), among which this plan's must not lie",
            where=str(folder),
            remedy="Write into another folder, or move them away",
        )


def _show(plan: Plan, made: dict[str, Dataset], to: Path) -> None:
    results.print(_table(made))
    results.print(f"In {to}", highlight=False, markup=False)
    results.print(f"Plan label: {plan_label(plan)}; never approved.", highlight=False, markup=False)
    for warning in plan.warnings:
        if warning.stops:
            results.print(f"STOP  {warning.message}", style="bold red", markup=False)
    if "report.dcm" not in made:
        results.print(f"note  There is no {REPORT} beside the plan: none was written.", style="yellow", markup=False)
    if plan.override:
        results.print("note  The console dose is the console's, in the longer time.", style="yellow", markup=False)
    results.print(DISCLAIMER, style="dim")


def _table(made: dict[str, Dataset]) -> Table:
    """Return which file is what, in the words that a receiving system shows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", no_wrap=True)
    table.add_column("series, as the receiving system names it")
    for name, dataset in made.items():
        if not name.startswith("ct"):
            table.add_row(name, str(dataset.SeriesDescription))
    slices = sum(name.startswith("ct") for name in made)
    if slices:
        table.add_row("ct0000.dcm ...", f"the CT as used ({slices} slices)")
    return table
