"""Stereotactic radiotherapy after an operation: indications and contraindications (S2)."""

from __future__ import annotations

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Facts, every_that_applies, unknown_facts
from metaspine.assessment.tables import rules
from metaspine.patient.advice import Basis, PostoperativeSbrt
from metaspine.patient.case import PostoperativeFacts


def postoperative_sbrt(postop: PostoperativeFacts, facts: Facts) -> PostoperativeSbrt:
    """Return whether the patient is a candidate: an indication, and every contraindication known to be absent."""
    facts = {**facts, **{f"postop.{key}": value for key, value in vars(postop).items()}}
    against_rules, for_rules = rules("postoperative", "contraindications"), rules("postoperative", "indications")
    against, indications = every_that_applies(against_rules, facts), every_that_applies(for_rules, facts)
    unknown = unknown_facts(against_rules, facts)
    rested_on = (*against, *indications) or against_rules
    return PostoperativeSbrt(
        candidate=bool(indications) and not against and not unknown,
        contraindications=tuple(sorted(rule.then for rule in against)),
        indications=tuple(sorted(rule.then for rule in indications)),
        basis=Basis(
            tuple(dict.fromkeys(name for rule in rested_on for name in rule.evidence)), unknown_keys(unknown, facts)
        ),
    )
