"""Which pages a report has, and in which order: warnings first, provenance last."""

from __future__ import annotations

from metaspine.errors import MetaspineError
from metaspine.evaluation.evaluate import Evaluation
from metaspine.evaluation.monte_carlo import MonteCarlo
from metaspine.patient.advice import Advice
from metaspine.patient.case import Case
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.reports.alternatives import paths_page
from metaspine.reports.assessment_page import assessment_page
from metaspine.reports.blocks import Page
from metaspine.reports.dose_page import dose_page
from metaspine.reports.monte_carlo_page import monte_carlo_origins, monte_carlo_pages
from metaspine.reports.pictures import gallery
from metaspine.reports.plan_page import plan_page
from metaspine.reports.provenance_page import plan_origins, provenance_pages
from metaspine.reports.refusal_page import refusal_origins, refusal_page


def report_pages(
    case: Case,
    advice: Advice,
    scan: Scan,
    plan: Plan,
    dose: Dose,
    result: Evaluation,
    *,
    monte_carlo: MonteCarlo | None = None,
) -> tuple[Page, ...]:
    """Return the pages of a plan's report: plan, assessment, pictures, dose, paths and policy, provenance.

    Where there is a Monte Carlo run, both conventions of dose come before the provenance.
    """
    pages = (
        plan_page(plan),
        assessment_page(case, advice, level=plan.level),
        Page(f"{plan.level} on the CT", (gallery(plan, scan, dose),)),
        dose_page(plan, dose, result),
        paths_page(plan),
        *(monte_carlo_pages(plan, scan, dose, monte_carlo) if monte_carlo else ()),
    )
    further = monte_carlo_origins(monte_carlo) if monte_carlo else ()
    return (*pages, *provenance_pages(pages, plan_origins(plan, scan, dose, further=further)))


def dose_pages(scan: Scan, plan: Plan, dose: Dose, monte_carlo: MonteCarlo) -> tuple[Page, ...]:
    """Return the pages of a Monte Carlo dose alone: both conventions side by side, provenance."""
    pages = monte_carlo_pages(plan, scan, dose, monte_carlo)
    return (*pages, *provenance_pages(pages, plan_origins(plan, scan, dose, further=monte_carlo_origins(monte_carlo))))


def refusal_pages(
    case: Case, advice: Advice, refusal: MetaspineError, *, scan: Scan | None, level: str
) -> tuple[Page, ...]:
    """Return the pages of a refusal: why, the assessment, provenance."""
    lesion = advice.of_level(level) or advice.leading
    pages = (refusal_page(advice, lesion, refusal), assessment_page(case, advice, level=level, reasons=False))
    return (*pages, *provenance_pages(pages, refusal_origins(scan), annex_follows=True))
