"""Eligibility for intraoperative radiotherapy: with stabilisation (S0), with kyphoplasty (S4); and its place (B16)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Facts, decided, evidence_of, gathered
from metaspine.assessment.tables import rules
from metaspine.patient.advice import Basis, Eligibility, IortEligibility, Reason

Procedure = Literal["stabilisation", "kyphoplasty"]

_STATUS: tuple[tuple[str, Eligibility], ...] = (
    ("hard", "ineligible"),
    ("unknown", "indeterminate"),
    ("conditional", "conditional"),
)


def eligibility(procedure: Procedure, facts: Facts) -> IortEligibility:
    """Return the eligibility with every reason, whether or not another one decides already (G1.11, G4).

    Parameters
    ----------
    facts
        Those of the lesion with the scores' and the NOMS decision's (``sins_facts``, ``row_facts``).
    """
    found = gathered(rules("iort", procedure), facts)
    reasons = sorted((_reasons(procedure)[rule.id] for rule in found.rules), key=lambda reason: reason.code)
    weights = {reason.weight for reason in reasons}
    status: Eligibility = next((name for weight, name in _STATUS if weight in weights), "eligible")
    role = decided(rules("iort", "role"), {**facts, "status": status})
    rested_on = found.rules or rules("iort", procedure)
    return IortEligibility(
        status=status,
        reasons=tuple(reasons),
        role=role.outcome,
        basis=Basis(evidence_of((*rested_on, role.rule)), unknown_keys(found.missing, facts)),
    )


@cache
def _reasons(procedure: Procedure) -> Mapping[str, Reason]:
    return {rule.id: Reason(rule.id, rule.extra["weight"], rule.evidence) for rule in rules("iort", procedure)}
