"""Draw the pages of the examples' reports that docs/report.md shows.

Run with ``python docs/images/report.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from pypdf import PdfReader

import metaspine as ms
from metaspine.errors import NotEligible
from metaspine.patient.case import Case
from metaspine.patient.scan import Scan
from metaspine.reports.report import refusal_document, report_document
from metaspine.reports.typesetting import pages_as_png, typeset

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
DATE = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SHOWN = {
    "50 kV needle": "report-plan",
    "T12 on the CT": "report-pictures",
    "Dose in water": "report-dose",
    "Two conventions of dose": "report-conventions",
}
"""Pages by what stands on them."""
FREE_AT_THE_FOOT = {"report-pictures": 185}
"""Pixels that hold nothing but the page's number."""
DOSE = ms.Prescription(dose_gy=8, depth_mm=13, origin="isocentre")


def example(name: str) -> tuple[Case, Scan]:
    """Return the case and the scan of an example."""
    folder = EXAMPLES / name
    scan = ms.read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    return ms.read_case(folder / "case.yaml"), scan


def save(name: str, png: bytes) -> None:
    """Write a page, without what is empty at its foot."""
    page = Image.open(BytesIO(png)).convert("RGB")
    width, height = page.size
    page.crop((0, 0, width, height - FREE_AT_THE_FOOT.get(name, 0))).save(HERE / f"{name}.png", optimize=True)


def draw_plan() -> None:
    """Draw pages of the first example's report, with its Monte Carlo run."""
    case, scan = example("t12")
    plan = ms.make_plan(scan, case, level="T12", prescription=DOSE)
    dose = ms.compute_dose(plan, scan)
    parts = (case, ms.assess(case), scan, plan, dose, ms.evaluate(plan, dose, scan))
    document = report_document(*parts, monte_carlo=ms.run_monte_carlo(plan, scan), date=DATE)
    pages = pages_as_png(document)
    texts = [page.extract_text() for page in PdfReader(BytesIO(typeset(document, at=DATE))).pages]
    for words, name in SHOWN.items():
        save(name, next(page for page, text in zip(pages, texts, strict=True) if words in text))


def draw_refusal() -> None:
    """Draw the first page of the second example's refusal."""
    case, scan = example("l1")
    try:
        ms.make_plan(scan, case, level="L1", prescription=DOSE)
    except NotEligible as refusal:
        document = refusal_document(case, ms.assess(case), refusal, scan=scan, level="L1", date=DATE)
        save("report-refusal", pages_as_png(document)[0])


if __name__ == "__main__":
    draw_plan()
    draw_refusal()
