"""From a patient's way through the program to the files that leave it: the report, and what lies beside it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from metaspine.errors import MetaspineError
from metaspine.evaluation.evaluate import Evaluation
from metaspine.exchange.nifti import write_volume
from metaspine.patient.advice import Advice
from metaspine.patient.case import Case
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.planning.document import plan_document
from metaspine.reports.alternatives import paths_page
from metaspine.reports.assessment_page import assessment_page
from metaspine.reports.blocks import Document, Page
from metaspine.reports.dose_page import dose_page
from metaspine.reports.histogram_file import histogram_csv
from metaspine.reports.pictures import gallery
from metaspine.reports.plan_page import plan_page
from metaspine.reports.provenance_page import plan_origins, provenance_page
from metaspine.reports.refusal_page import refusal_origins, refusal_page
from metaspine.reports.typesetting import typeset
from metaspine.running import Progress, now_or_source_date, silent, whole_folder
from metaspine.version import __version__

DISCLAIMER = "Decision support for research · multidisciplinary review required"


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
    document = report_document(case, advice, scan, plan, dose, result, date=date, progress=progress)
    with whole_folder(target.parent) as folder:
        progress("setting the pages", 0.6)
        (folder / target.name).write_bytes(typeset(document, at=date))
        progress("writing the plan's files", 0.8)
        (folder / "plan.json").write_text(_json(plan_document(plan)), encoding="utf-8")
        (folder / "dvh.csv").write_text(histogram_csv(result), encoding="utf-8", newline="")
        write_volume(dose.volume, folder / "dose.nii.gz")
    progress("report", 1.0)
    return target


def write_refusal(
    case: Case,
    advice: Advice,
    refusal: MetaspineError,
    *,
    to: Path | str,
    scan: Scan | None = None,
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

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the file cannot be written; nothing is left then.
    """
    target, date = _target(to), now_or_source_date()
    pages = (refusal_page(advice, refusal), assessment_page(case, advice))
    sources = provenance_page(pages, (refusal_origins(scan),))
    document = Document(
        title="No plan: refused",
        subtitle=_subject(case),
        band="NO PLAN WAS MADE. Nothing on these pages may be used to treat.",
        disclaimer=DISCLAIMER,
        identity=_identity(case, scan),
        date=_date(date),
        version=__version__,
        pages=(*pages, sources),
    )
    with whole_folder(target.parent) as folder:
        (folder / target.name).write_bytes(typeset(document, at=date))
    return target
