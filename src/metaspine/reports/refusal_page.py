"""The page of a refused plan: what stopped it, every reason with its source, what could be considered instead."""

from __future__ import annotations

from metaspine.errors import MetaspineError
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.scan import Scan
from metaspine.reports.assessment_page import answer_fact, iort_fact, noms_fact, reason_table
from metaspine.reports.blocks import Fact, Facts, Notice, Page
from metaspine.reports.provenance_page import scan_facts, versions
from metaspine.reports.wording import because, known


def refusal_page(advice: Advice, lesion: LesionAdvice, refusal: MetaspineError) -> Page:
    """Return the page that says why nothing was planned for a lesion."""
    return Page("", (*refusal_notices(refusal), reason_table(lesion), instead(advice, lesion)))


def refusal_notices(refusal: MetaspineError) -> tuple[Notice, ...]:
    """Return what was found and where, and what to do about it."""
    found = Notice("stop", "Refused.", refusal.what, known(refusal.where, "where it was found is unknown"))
    return (found, Notice("note", "What to do.", refusal.remedy)) if refusal.remedy else (found,)


def instead(advice: Advice, lesion: LesionAdvice) -> Facts:
    """Return what the advice would consider in place of the plan that was refused; a board decides."""
    return Facts(
        "What could be considered instead",
        (
            *noms_fact(lesion.noms),
            iort_fact("Kypho-IORT", lesion.iort_kyphoplasty),
            answer_fact(
                "Goals of care",
                "goals_of_care",
                advice.goals_of_care,
                because("survival is unknown, or no rule applies"),
            ),
        ),
    )


def refusal_origins(scan: Scan | None) -> Facts:
    """Return what the refusal rests on: the scan where one was read, and the program."""
    facts = scan_facts(scan) if scan else (Fact("Scan", "none was read"),)
    return Facts("What this rests on", (*facts, versions()))
