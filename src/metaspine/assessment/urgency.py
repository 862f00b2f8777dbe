"""How fast: MRI, treatment and biopsy windows, and steroids (the Dutch guideline, as S3 gives it)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Decision, Facts, decided, evidence_of
from metaspine.assessment.tables import rules, table
from metaspine.patient.advice import Answer, Basis, Urgency


def urgency(facts: Facts) -> Urgency:
    """Return the windows in hours and the class: the worst of neurology, imaging and stability (URG-03)."""
    mri, treatment, biopsy = (
        decided(rules("urgency", part), facts) for part in ("mri_within_h", "treatment_within_h", "biopsy_within_h")
    )
    of_class = decided(rules("urgency", "class"), {**facts, "treatment_within_h": treatment.outcome})
    return Urgency(
        mri_within_h=mri.outcome,
        treatment_within_h=treatment.outcome,
        biopsy_within_h=biopsy.outcome,
        urgency_class=of_class.outcome,
        basis=basis_of((mri, treatment, biopsy, of_class), facts),
    )


def urgency_rank(urgency_class: str) -> int:
    """Return the place of a class, from not specified to emergency."""
    ranks: list[str] = table("urgency")["rank"]
    return ranks.index(urgency_class)


def steroids(facts: Facts) -> Answer:
    """Return what is said on dexamethasone (STER-01 to STER-07)."""
    return answer("urgency", "steroids", facts)


def answer(name: str, part: str, facts: Facts) -> Answer:
    """Return what the first rule of a table's part says that applies."""
    decision = decided(rules(name, part), facts)
    if not decision.missing:
        return _answers_without_doubt(name, part)[decision.rule.id]
    return Answer(decision.outcome, basis_of((decision,), facts))


@cache
def _answers_without_doubt(name: str, part: str) -> Mapping[str, Answer]:
    """Return the answer of each rule where nothing is missing that could change it."""
    return {rule.id: Answer(rule.then, Basis(evidence_of((rule,)))) for rule in rules(name, part)}


def basis_of(decisions: tuple[Decision, ...], facts: Facts) -> Basis:
    """Return what decisions rest on together."""
    missing = [name for decision in decisions for name in decision.missing]
    return Basis(evidence_of([decision.rule for decision in decisions]), unknown_keys(missing, facts))
