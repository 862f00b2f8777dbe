"""From a patient's way through the program to the files that leave it: the report, and what lies beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from metaspine.errors import InputError, MetaspineError, OutputError
from metaspine.evaluation.evaluate import Evaluation
from metaspine.evaluation.monte_carlo import MonteCarlo
from metaspine.exchange.nifti import write_volume
from metaspine.patient.advice import DISCLAIMER, Advice
from metaspine.patient.case import Case
from metaspine.patient.dose import Dose
from metaspine.patient.plan import MonteCarloOverride, Plan
from metaspine.patient.scan import Scan
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.planning.document import plan_document
from metaspine.reports.blocks import Document, Page
from metaspine.reports.histogram_file import histogram_csv
from metaspine.reports.monte_carlo_files import (
    CHECKPOINT,
    FILES,
    NUMBERS,
    PAGES,
    monte_carlo_document,
    write_monte_carlo_volumes,
)
from metaspine.reports.report_pages import dose_pages, refusal_pages, report_pages
from metaspine.reports.typesetting import typeset
from metaspine.running import Progress, now_or_source_date, silent, whole_folder
from metaspine.version import __version__

NOT_FOR_TREATMENT = "NOT FOR TREATMENT"
BY_MONTE_CARLO = "TIME BY MONTE CARLO, NOT BY THE CONSOLE"
NO_PLAN = "NO PLAN WAS MADE: nothing on these pages may be used to treat"
_BESIDE = ("plan.json", "dose.nii.gz", "dvh.csv", PAGES, *FILES)
"""What may lie beside a plan's report."""


def write_report(
    case: Case,
    advice: Advice,
    scan: Scan,
    plan: Plan,
    dose: Dose,
    result: Evaluation,
    *,
    monte_carlo: MonteCarlo | None = None,
    to: Path | str,
    progress: Progress = silent,
) -> Path:
    """Write the report, and beside it plan.json, dose.nii.gz and dvh.csv; all of them or none.

    Parameters
    ----------
    dose
        In the plan's convention: console dose.
    monte_carlo
        The plan's Monte Carlo run, for pages of its own and its files beside the report; None: there are none.
    to
        The PDF's path, or a folder in which it is named report.pdf.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the folder cannot be written to, an override's plan would take the place of an earlier one, or the Monte
        Carlo files of an earlier plan would lie beside this one; nothing is left then.
    InputError
        When the dose is in another convention than the plan, or the Monte Carlo run is another plan's.
    FrameMismatch
        When dose, plan and scan live in different frames of reference.
    """
    target, date = _target(to), now_or_source_date()
    _refuse_mixed(plan, dose, monte_carlo)
    refuse_beside_earlier(target.parent, override=plan.override is not None, monte_carlo=monte_carlo is not None)
    progress("drawing the report", 0.0)
    pdf = typeset(report_document(case, advice, scan, plan, dose, result, monte_carlo=monte_carlo, date=date), at=date)
    with whole_folder(target.parent) as folder:
        progress("writing the report", 0.8)
        (folder / target.name).write_bytes(pdf)
        (folder / "plan.json").write_text(_json(plan_document(plan)), encoding="utf-8")
        (folder / "dvh.csv").write_text(histogram_csv(result), encoding="utf-8", newline="")
        write_volume(dose.volume, folder / "dose.nii.gz")
        if monte_carlo:
            _write_monte_carlo(plan, monte_carlo, folder)
    progress("writing the report", 1.0)
    return target


def report_document(
    case: Case,
    advice: Advice,
    scan: Scan,
    plan: Plan,
    dose: Dose,
    result: Evaluation,
    *,
    monte_carlo: MonteCarlo | None = None,
    date: datetime,
) -> Document:
    """Return what a plan's report says, before it is set; the same as :func:`write_report` writes.

    Raises
    ------
    FrameMismatch
        When dose, plan and scan live in different frames of reference.
    """
    pages = report_pages(case, advice, scan, plan, dose, result, monte_carlo=monte_carlo)
    title = f"Plan for intraoperative radiotherapy · {plan.level}"
    subtitle = f"50 kV needle from the patient's {plan.trajectory.side.value.upper()} side into {plan.level}"
    return document(title, subtitle, band(plan), pages=pages, identity=identity(case, scan), date=date)


def refusal_document(
    case: Case,
    advice: Advice,
    refusal: MetaspineError,
    *,
    scan: Scan | None = None,
    level: str = "",
    date: datetime,
) -> Document:
    """Return what a refusal's report says, before it is set."""
    pages = refusal_pages(case, advice, refusal, scan=scan, level=level)
    return document("Refused: no plan", subject(case), NO_PLAN, pages=pages, identity=identity(case, scan), date=date)


def write_monte_carlo(scan: Scan, plan: Plan, dose: Dose, monte_carlo: MonteCarlo, *, to: Path | str) -> Path:
    """Write a Monte Carlo run into a plan's folder: its pages, both doses, their noise, the numbers; all or none.

    Parameters
    ----------
    dose
        The plan's console dose, for the pictures.
    to
        The folder.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the folder cannot be written to; nothing is left then.
    InputError
        When the dose is in another convention than the plan, or the Monte Carlo run is another plan's.
    """
    folder, date = Path(to), now_or_source_date()
    _refuse_mixed(plan, dose, monte_carlo)
    pages = dose_pages(scan, plan, dose, monte_carlo)
    title, subtitle = f"Two conventions of dose · {plan.level}", "Monte Carlo dose beside console dose"
    scanned = f"scan {scan.origin.sha256[:12]}"
    pdf = typeset(document(title, subtitle, band(plan), pages=pages, identity=scanned, date=date), at=date)
    with whole_folder(folder) as temporary:
        (temporary / PAGES).write_bytes(pdf)
        _write_monte_carlo(plan, monte_carlo, temporary)
    return folder / PAGES


def write_refusal(
    case: Case,
    advice: Advice,
    refusal: MetaspineError,
    *,
    to: Path | str,
    scan: Scan | None = None,
    level: str = "",
) -> Path:
    """Write a report of why nothing was planned: every reason with its source, and what could be considered instead.

    Parameters
    ----------
    refusal
        What stopped the plan: not eligible, wrong level, no trajectory.
    to
        The PDF's path, or a folder in which it is named report.pdf.
    scan
        The scan, where one was read; it is named among the sources.
    level
        The level that was to be treated, where the case holds several lesions; by default the one that decides.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the file cannot be written, or an earlier plan lies in the folder: beside a refusal it would be taken for
        one that was made. Nothing is written then.
    """
    target, date = _target(to), now_or_source_date()
    _refuse_earlier_plan(target.parent)
    document = refusal_document(case, advice, refusal, scan=scan, level=level, date=date)
    with whole_folder(target.parent) as folder:
        (folder / target.name).write_bytes(typeset(document, at=date))
    return target


def band(plan: Plan) -> str:
    """Return what stands across the top of every page: why a plan must not be used, and that its time is overridden.

    Empty where nothing stops it and nobody lengthened it by Monte Carlo.
    """
    stops = [caution.code.replace("_", " ").lower() for caution in plan.warnings if caution.stops]
    refused = f"{NOT_FOR_TREATMENT}: {', '.join(stops)}" if not plan.usable_for_treatment else ""
    longer = f"{BY_MONTE_CARLO}: {_longer(plan.override)}" if plan.override else ""
    return " · ".join(filter(None, (longer, refused)))


def _longer(override: MonteCarloOverride) -> str:
    return f"+{override.extra_s / SECONDS_PER_MINUTE:.1f} min ({override.extra_share:+.0%}), {override.responsible}"


def identity(case: Case, scan: Scan | None) -> str:
    """Return what tells this patient's pages from another's: hashes of the case's facts and of the scan; no name."""
    facts = json.dumps(asdict(case), sort_keys=True, default=str)
    of_scan = f" · scan {scan.origin.sha256[:12]}" if scan else ""
    return f"case {sha256(facts.encode()).hexdigest()[:12]}{of_scan}"


def subject(case: Case) -> str:
    """Return the levels of the case's lesions."""
    return f"Lesion{'s' if len(case.lesions) > 1 else ''} at {', '.join(lesion.level for lesion in case.lesions)}"


def _target(to: Path | str) -> Path:
    path = Path(to)
    return path if path.suffix.lower() == ".pdf" else path / "report.pdf"


def refuse_beside_earlier(folder: Path, *, override: bool, monte_carlo: bool) -> None:
    """Refuse to write a plan where it would change an earlier one, or lie beside another plan's Monte Carlo dose.

    Raises
    ------
    OutputError
        Naming what lies there.
    """
    if override and (folder / "plan.json").exists():
        raise OutputError(
            "an earlier plan lies here; a time by Monte Carlo makes a new plan and never changes one (DOS-23)",
            where=str(folder),
            remedy="Write into another folder",
        )
    kept = () if monte_carlo else FILES
    found = [name for name in (*kept, PAGES, CHECKPOINT) if (folder / name).exists()]
    if found:
        raise OutputError(
            f"an earlier plan's Monte Carlo files lie here ({', '.join(found)}), which this plan must not lie beside",
            where=str(folder),
            remedy="Write into another folder, or move them away",
        )


def _refuse_mixed(plan: Plan, dose: Dose, monte_carlo: MonteCarlo | None) -> None:
    if dose.convention is not plan.convention:
        raise InputError(
            f"the plan is in {plan.convention.value}, the dose in {dose.convention.value}: they are never mixed",
            where="report",
            remedy="Give the console dose as the dose, and the Monte Carlo run as monte_carlo",
        )
    if monte_carlo is None:
        return
    own = monte_carlo.doses.irradiation.dwells[0]
    if own.time_s != plan.dwell.time_s or (own.isocentre_mm != plan.dwell.isocentre_mm).any():
        raise InputError(
            "the Monte Carlo dose was computed for another plan", where="report", remedy="Compute it for this plan"
        )


def _write_monte_carlo(plan: Plan, monte_carlo: MonteCarlo, folder: Path) -> None:
    document = monte_carlo_document(plan, monte_carlo, files=write_monte_carlo_volumes(monte_carlo, folder))
    (folder / NUMBERS).write_text(_json(document), encoding="utf-8")


def _refuse_earlier_plan(folder: Path) -> None:
    found = [name for name in _BESIDE if (folder / name).exists()]
    if found:
        raise OutputError(
            f"an earlier plan lies here ({', '.join(found)}), which the report of a refusal must not lie beside",
            where=str(folder),
            remedy="Write into another folder, or move the earlier plan away",
        )


def document(
    title: str, subtitle: str, stop: str, *, pages: tuple[Page, ...], identity: str, date: datetime
) -> Document:
    """Return a report of pages; ``stop`` stands in a band at the top of each where it says anything."""
    return Document(
        title=title,
        subtitle=subtitle,
        band=stop,
        disclaimer=DISCLAIMER,
        identity=identity,
        date=date.strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        pages=pages,
    )


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
