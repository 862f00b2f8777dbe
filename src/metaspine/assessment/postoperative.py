"""Stereotactic radiotherapy after an operation: indications and contraindications (S2)."""

from __future__ import annotations

from metaspine.assessment.facts import section_facts, unknown_keys
from metaspine.assessment.rules import Facts, every_that_applies, evidence_of, gathered
from metaspine.assessment.tables import rules
from metaspine.patient.advice import Basis, PostoperativeSbrt
from metaspine.patient.case import PostoperativeFacts


def postoperative_sbrt(postop: PostoperativeFacts, facts: Facts) -> PostoperativeSbrt:
    """Return whether the patient is a candidate: an indication, and every contraindication known to be absent."""
    facts = {**facts, **section_facts("postop", postop)}
    against_rules = rules("postoperative", "contraindications")
    against = gathered(against_rules, facts)
    indications = every_that_applies(rules("postoperative", "indications"), facts)
    return PostoperativeSbrt(
        candidate=bool(indications) and not against.rules and not against.missing,
        contraindications=tuple(sorted(rule.then for rule in against.rules)),
        indications=tuple(sorted(rule.then for rule in indications)),
        basis=Basis(evidence_of((*against.rules, *indications) or against_rules), unknown_keys(against.missing, facts)),
    )
