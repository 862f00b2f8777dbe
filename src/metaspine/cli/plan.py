"""``metaspine plan``: from a case and a CT to a report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from metaspine.assessment import assess
from metaspine.cli.console import DISCLAIMER, messages, progress_bar, results, show_error
from metaspine.cli.dose import both_doses, materials_of, wanted
from metaspine.cli.exit_codes import exit_code
from metaspine.dosimetry import compute_dose
from metaspine.errors import InputError, LevelError, NotEligible, NoTrajectory
from metaspine.evaluation import evaluate
from metaspine.evaluation.monte_carlo import MonteCarlo, at_other_time, run_monte_carlo
from metaspine.exchange.case_file import read_case
from metaspine.exchange.scans import read_scan
from metaspine.patient.plan import MonteCarloOverride, Plan
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.patient.scan import Scan
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.planning import make_plan, treat_by_monte_carlo
from metaspine.planning.document import plan_document
from metaspine.reports import refuse_beside_earlier, write_refusal, write_report
from metaspine.reports.monte_carlo_files import monte_carlo_document
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
    serial: str | None
    policy: Path | None
    procedure: str
    level_confirmed_by: str
    monte_carlo: bool
    uncertainty_percent: float
    made_of: tuple[str, ...]
    override_reason: str | None
    """Why the treatment is to be longer than the console's plan; None: it is not."""
    responsible: str
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
        made = _plan_and_report(request, progress)
    if json_output:
        monte_carlo = {"monte_carlo": monte_carlo_document(made.plan, made.monte_carlo)} if made.monte_carlo else {}
        results.print_json(json.dumps({**plan_document(made.plan), **monte_carlo}))
    else:
        _show(made)


@dataclass(frozen=True, eq=False)
class _Made:
    plan: Plan
    monte_carlo: MonteCarlo | None
    report: Path


def _plan_and_report(request: PlanRequest, progress: Progress) -> _Made:
    prescription = request.prescription()
    _refuse_nameless_override(request)
    _refuse_materials_in_water(request)
    require_writable(request.to)
    override = request.override_reason is not None
    refuse_beside_earlier(request.to, override=override, monte_carlo=request.monte_carlo or override)
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
            serial_number=request.serial,
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
    plan, monte_carlo = _by_monte_carlo(request, plan, scan, progress)
    dose = compute_dose(plan, scan, progress=progress)
    progress("histograms", 0.0)
    result = evaluate(plan, dose, scan)
    target = request.to / "report.pdf"
    report = write_report(case, advice, scan, plan, dose, result, monte_carlo=monte_carlo, to=target, progress=progress)
    return _Made(plan, monte_carlo, report)


def _refuse_nameless_override(request: PlanRequest) -> None:
    if request.override_reason is None:
        if request.responsible:
            raise InputError(
                "somebody answers for an override that was not asked for",
                where="--responsible",
                remedy="Give the reason with --treat-by-monte-carlo, or leave the name out",
            )
        return
    if not (request.override_reason.strip() and request.responsible.strip()):
        raise InputError(
            "a treatment is lengthened by Monte Carlo only with a reason and the name of who answers for it (DOS-23)",
            where="--treat-by-monte-carlo",
            remedy="Give the reason, and the name with --responsible",
        )


def _refuse_materials_in_water(request: PlanRequest) -> None:
    if request.made_of and not (request.monte_carlo or request.override_reason):
        raise InputError(
            "the dose in water does not change with what structures are made of (PLAN-21)",
            where="--material",
            remedy="Ask for Monte Carlo dose too (--monte-carlo), or leave it out",
        )


def _by_monte_carlo(request: PlanRequest, plan: Plan, scan: Scan, progress: Progress) -> tuple[Plan, MonteCarlo | None]:
    """Return the plan with its Monte Carlo run, where one was asked for; lengthened only where a person says so."""
    if not (request.monte_carlo or request.override_reason):
        return plan, None
    wish = wanted(uncertainty_percent=request.uncertainty_percent)
    monte_carlo = run_monte_carlo(
        plan, scan, wanted=wish, overrides=materials_of(scan, request.made_of), progress=progress
    )
    if request.override_reason is None:
        return plan, monte_carlo
    longer = treat_by_monte_carlo(plan, monte_carlo, reason=request.override_reason, responsible=request.responsible)
    return longer, at_other_time(monte_carlo, longer, scan)


def _show(made: _Made) -> None:
    plan = made.plan
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
    if plan.override:
        results.print(_override(plan, plan.override), style="bold white on red", markup=False)
    for block in both_doses(made.monte_carlo) if made.monte_carlo else ():
        results.print(block, highlight=False)
    results.print(Text.assemble("\nReport: ", (str(made.report), "bold")))
    results.print(DISCLAIMER, style="dim")


def _override(plan: Plan, override: MonteCarloOverride) -> str:
    limit = plan.limit
    by_console, by_monte_carlo = ("met" if met else "NOT MET" for met in (limit.met, override.limit_met))
    return (
        f"TIME BY MONTE CARLO: {override.time_s / SECONDS_PER_MINUTE:.1f} min instead of the console's "
        f"{override.console_time_s / SECONDS_PER_MINUTE:.1f} min, {override.extra_s / SECONDS_PER_MINUTE:+.1f} min "
        f"({override.extra_share:+.0%}); responsible: {override.responsible}; reason: {override.reason}. "
        f"{limit.structure}, upper 95 %: {limit.point_maximum_upper_95_gy:.1f} Gy console dose (limit "
        f"{limit.maximum_gy:g} Gy {by_console}), {override.limit_upper_95_gy:.1f} Gy by Monte Carlo (limit "
        f"{by_monte_carlo})."
    )
