"""Eligibility for intraoperative radiotherapy: with stabilisation (S0), with kyphoplasty (S4); and its place (B16)."""

from __future__ import annotations

from typing import Literal

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Facts, decided, every_that_applies, unknown_facts
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
    asked = rules("iort", procedure)
    found = every_that_applies(asked, facts)
    reasons = sorted(
        (Reason(rule.id, rule.extra["weight"], rule.evidence) for rule in found), key=lambda reason: reason.code
    )
    weights = {reason.weight for reason in reasons}
    status: Eligibility = next((name for weight, name in _STATUS if weight in weights), "eligible")
    role = decided(rules("iort", "role"), {**facts, "status": status})
    evidence = [name for rule in found for name in rule.evidence] or [name for rule in asked for name in rule.evidence]
    return IortEligibility(
        status=status,
        reasons=tuple(reasons),
        role=role.outcome,
        basis=Basis(
            tuple(dict.fromkeys((*evidence, *role.evidence))), unknown_keys(unknown_facts(asked, facts), facts)
        ),
    )
