"""From a patient's way through the program to the files that leave it: the report, and what lies beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from metaspine.errors import MetaspineError, OutputError
from metaspine.evaluation.evaluate import Evaluation
from metaspine.exchange.nifti import write_volume
from metaspine.patient.advice import DISCLAIMER, Advice
from metaspine.patient.case import Case
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.planning.document import plan_document
from metaspine.reports.blocks import Document, Page
from metaspine.reports.histogram_file import histogram_csv
from metaspine.reports.report_pages import refusal_pages, report_pages
from metaspine.reports.typesetting import typeset
from metaspine.running import Progress, now_or_source_date, silent, whole_folder
from metaspine.version import __version__

NOT_FOR_TREATMENT = "NOT FOR TREATMENT"
NO_PLAN = "NO PLAN WAS MADE: nothing on these pages may be used to treat"
_BESIDE = ("plan.json", "dose.nii.gz", "dvh.csv")
"""What lies beside a plan's report."""


def write_report(
    case: Case,
    advice: Advice,
    scan: Scan,
    plan: Plan,
    dose: Dose,
    result: Evaluation,
    *,
    to: Path | str,
    progress: Progress = silent,
) -> Path:
    """Write the report, and beside it plan.json, dose.nii.gz and dvh.csv; all of them or none.

    Parameters
    ----------
    to
        The PDF's path, or a folder in which it is named report.pdf.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the folder cannot be written to; nothing is left then.
    FrameMismatch
        When dose, plan and scan live in different frames of reference.
    """
    target, date = _target(to), now_or_source_date()
    progress("drawing the report", 0.0)
    pages = report_pages(case, advice, scan, plan, dose, result)
    title = f"Plan for intraoperative radiotherapy · {plan.level}"
    subtitle = f"50 kV needle from the patient's {plan.trajectory.side.value.upper()} side into {plan.level}"
    document = _document(title, subtitle, band(plan), pages=pages, identity=identity(case, scan), date=date)
    pdf = typeset(document, at=date)
    with whole_folder(target.parent) as folder:
        progress("writing the report", 0.8)
        (folder / target.name).write_bytes(pdf)
        (folder / "plan.json").write_text(_json(plan_document(plan)), encoding="utf-8")
        (folder / "dvh.csv").write_text(histogram_csv(result), encoding="utf-8", newline="")
        write_volume(dose.volume, folder / "dose.nii.gz")
    progress("writing the report", 1.0)
    return target


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
    pages = refusal_pages(case, advice, refusal, scan=scan, level=level)
    document = _document(
        "Refused: no plan", subject(case), NO_PLAN, pages=pages, identity=identity(case, scan), date=date
    )
    with whole_folder(target.parent) as folder:
        (folder / target.name).write_bytes(typeset(document, at=date))
    return target


def band(plan: Plan) -> str:
    """Return what stands across the top of every page of a plan that must not be used; empty where nothing stops it."""
    stops = [caution.code.replace("_", " ").lower() for caution in plan.warnings if caution.stops]
    return f"{NOT_FOR_TREATMENT}: {', '.join(stops)}" if not plan.usable_for_treatment else ""


def identity(case: Case, scan: Scan | None) -> str:
    """Return what tells this patient's pages from another's: hashes of the case's facts and of the scan; no name."""
    facts = json.dumps(asdict(case), sort_keys=True)
    of_scan = f" · scan {scan.origin.sha256[:12]}" if scan else ""
    return f"case {sha256(facts.encode()).hexdigest()[:12]}{of_scan}"


def subject(case: Case) -> str:
    """Return the levels of the case's lesions."""
    return f"Lesion at {', '.join(lesion.level for lesion in case.lesions)}"


def _target(to: Path | str) -> Path:
    path = Path(to)
    return path if path.suffix.lower() == ".pdf" else path / "report.pdf"


def _refuse_earlier_plan(folder: Path) -> None:
    found = [name for name in _BESIDE if (folder / name).exists()]
    if found:
        raise OutputError(
            f"an earlier plan lies here ({', '.join(found)}), which the report of a refusal must not lie beside",
            where=str(folder),
            remedy="Write into another folder, or move the earlier plan away",
        )


def _document(
    title: str, subtitle: str, stop: str, *, pages: tuple[Page, ...], identity: str, date: datetime
) -> Document:
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
