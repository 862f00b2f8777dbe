"""SINS: the Spinal Instability Neoplastic Score (Fisher 2010), or the range that is known of it."""

from __future__ import annotations

from metaspine.assessment.rules import Facts, decided
from metaspine.assessment.tables import rules, table
from metaspine.patient.advice import Answer, Basis, Sins
from metaspine.patient.case import LesionFacts
from metaspine.patient.instability import SINS_ITEMS, sins_points, sins_table

NOT_DETERMINABLE = "not_determinable"


def sins(lesion: LesionFacts) -> Sins:
    """Return the score of one lesion; levels are scored one by one and never summed (SINS-04).

    A stated total replaces the components. Items that are not known leave a range (SINS-05, SINS-06); there is a
    category only where the whole range lies in it.
    """
    if lesion.sins_reported_total is not None:
        total = lesion.sins_reported_total
        return _score(None, (total, total), "reported", ())
    points = sins_points(lesion)
    components = {item: low if low == high else None for item, (low, high) in points.items()}
    missing = tuple(item for item in SINS_ITEMS if components[item] is None)
    bounds = sum(low for low, _ in points.values()), sum(high for _, high in points.values())
    return _score(components, bounds, "partial" if missing else "computed", missing)


def mechanical_urgency(score: Sins, facts: Facts) -> Answer:
    """Return what the stability asks for; an unstable spine is never elective (SINS-07)."""
    decision = decided(rules("sins", "mechanical_urgency"), facts)
    return Answer(decision.outcome, Basis(decision.evidence, score.basis.missing))


def sins_facts(score: Sins) -> Facts:
    """Return what rules ask of the score."""
    unstable_from = next(band["from"] for band in table("sins")["categories"] if band["name"] == "unstable")
    low, high = score.range
    return {
        "sins_category": score.category,
        "sins_source": score.source,
        "unstable": True if low >= unstable_from else False if high < unstable_from else None,
    }


def _score(
    components: dict[str, int | None] | None, bounds: tuple[int, int], source: str, missing: tuple[str, ...]
) -> Sins:
    low, high = bounds
    names = {band["name"] for band in table("sins")["categories"] if band["from"] <= high and low <= band["to"]}
    consult_from = table("sins")["surgeon_consult_from"]
    evidence = (*table("sins")["evidence"], *(sins_table()["evidence"] if missing else ()))
    return Sins(
        components=components,
        total=low if low == high else None,
        range=bounds,
        category=names.pop() if len(names) == 1 else NOT_DETERMINABLE,
        surgeon_consult=True if low >= consult_from else False if high < consult_from else None,
        source=source,
        missing=missing,
        basis=Basis(tuple(dict.fromkeys(evidence)), tuple(f"lesion.{_key(item)}" for item in missing)),
    )


def _key(item: str) -> str:
    return "level" if item == "location" else item
