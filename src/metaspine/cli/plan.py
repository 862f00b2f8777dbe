"""``metaspine plan``: from a case and a CT to a report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from metaspine.assessment import assess
from metaspine.cli.console import DISCLAIMER, messages, progress_bar, results, show_error
from metaspine.cli.exit_codes import exit_code
from metaspine.dosimetry import compute_dose
from metaspine.errors import LevelError, NotEligible, NoTrajectory
from metaspine.evaluation import evaluate
from metaspine.exchange.case_file import read_case
from metaspine.exchange.scans import read_scan
from metaspine.patient.plan import Plan
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.planning import make_plan
from metaspine.planning.document import plan_document
from metaspine.reports import write_refusal, write_report
from metaspine.running import Progress, require_writable


@dataclass(frozen=True)
class PlanRequest:
    """What the command line asked for."""

    case: Path
    scan: Path
    structures: tuple[Path, ...]
    labels: Path | None
    series: str | None
    level: str
    dose_gy: float
    depth_mm: float | None
    origin: str
    limit: str
    limit_gy: float
    lesion: str | None
    applicator: str
    calibration: Path | None
    policy: Path | None
    procedure: str
    level_confirmed_by: str
    to: Path

    def prescription(self) -> Prescription:
        """Return the prescription; without a depth it is to the lesion's border."""
        return Prescription(
            dose_gy=self.dose_gy,
            depth_mm=self.depth_mm,
            origin=self.origin,
            to_lesion_border=self.depth_mm is None,
            limit=DoseLimit(self.limit, self.limit_gy),
        )


def plan_command(request: PlanRequest, *, json_output: bool) -> None:
    """Plan, compute, evaluate and report; a refusal is reported too, and ends with its own exit code."""
    with progress_bar() as progress:
        plan, report = _plan_and_report(request, progress)
    if json_output:
        results.print_json(json.dumps(plan_document(plan)))
    else:
        _show(plan, report)


def _plan_and_report(request: PlanRequest, progress: Progress) -> tuple[Plan, Path]:
    prescription = request.prescription()
    require_writable(request.to)
    case = read_case(request.case)
    advice = assess(case)
    scan = read_scan(
        request.scan,
        structures=list(request.structures) or None,
        labels=request.labels,
        series=request.series,
        progress=progress,
    )
    try:
        plan = make_plan(
            scan,
            case,
            level=request.level,
            applicator=request.applicator,
            prescription=prescription,
            lesion=request.lesion,
            calibration=request.calibration,
            policy=request.policy,
            procedure=request.procedure,
            level_confirmed_by=request.level_confirmed_by,
            progress=progress,
        )
    except (NotEligible, NoTrajectory, LevelError) as refusal:
        show_error(refusal)
        report = write_refusal(case, advice, refusal, to=request.to / "report.pdf", scan=scan, level=request.level)
        messages.print(f"The reasons, with their sources, are in {report}", highlight=False)
        raise SystemExit(exit_code(refusal)) from refusal
    dose = compute_dose(plan, scan, progress=progress)
    progress("histograms", 0.0)
    result = evaluate(plan, dose, scan)
    target = request.to / "report.pdf"
    return plan, write_report(case, advice, scan, plan, dose, result, to=target, progress=progress)


def _show(plan: Plan, report: Path) -> None:
    for warning in plan.warnings:
        style = "bold red" if warning.stops else "yellow"
        results.print(f"{'STOP' if warning.stops else 'note'}  {warning.message}", style=style, markup=False)
    given, limit = plan.prescription, plan.limit
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("level, side", f"{plan.level}, through the {plan.trajectory.side} of the patient")
    table.add_row("approach", str(plan.trajectory.approach))
    table.add_row("prescription", given.explanation)
    table.add_row("hand check", plan.hand_check)
    table.add_row(
        limit.structure,
        f"point maximum {limit.point_maximum_gy:.1f} Gy, upper 95 % {limit.point_maximum_upper_95_gy:.1f} Gy; "
        f"limit {limit.maximum_gy:g} Gy",
    )
    table.add_row("convention", str(plan.convention))
    results.print(table)
    results.print(f"\nReport: [bold]{report}[/]", highlight=False)
    results.print(DISCLAIMER, style="dim")
