"""The pathway around the NOMS decision: what else the sources say for this patient, each with its weight and ground.

The rules stand in ``data/pathway``, one table a topic; the part ``of_patient`` is asked once, ``of_lesion`` for each
lesion. A rule speaks only where all it asks for is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from metaspine.assessment.answers import answered_facts, answered_patient_facts, unknown_keys_of_answers
from metaspine.assessment.differential import what_does_not_fit
from metaspine.assessment.rules import Facts, Rule, every_that_applies
from metaspine.assessment.tables import rules, table, table_names, words
from metaspine.patient.advice import Advice, Basis
from metaspine.patient.case import Case
from metaspine.patient.pathway import WEIGHT, Advisory, Pathway


def pathway(case: Case, advice: Advice) -> Pathway:
    """Return everything that the sources say around the decision, for the patient and for each lesion.

    Ordered by weight (stop, prefer, avoid, warn, accept, inform), then by topic. The advice itself is not changed by
    it.

    Parameters
    ----------
    case
        The facts.
    advice
        What was decided for them, under the centre's policy that is followed here too.
    """
    lesions = zip(case.lesions, advice.lesions, strict=True)
    return Pathway(
        of_patient=_said("of_patient", answered_patient_facts(case, advice)),
        of_lesions=tuple(
            _said("of_lesion", answered_facts(case, lesion, advice, of_lesion)) for lesion, of_lesion in lesions
        ),
    )


@cache
def topics() -> tuple[str, ...]:
    """Return the names of the pathway's tables that hold rules, in the order in which they are read."""
    spoken = [name for name in table_names("pathway") if {"of_patient", "of_lesion"} & table(name).keys()]
    return tuple(sorted(spoken, key=list(words()["topic"]).index))


def _said(scope: str, facts: Facts) -> tuple[Advisory, ...]:
    return tuple(sorted(_in_table_order(scope, facts), key=lambda one: WEIGHT.index(one.strength)))


def _in_table_order(scope: str, facts: Facts) -> Iterator[Advisory]:
    for topic in topics():
        if scope in table(topic):
            for rule in every_that_applies(rules(topic, scope), facts):
                yield _advisory(topic, rule, facts)


def _advisory(topic: str, rule: Rule, facts: Facts) -> Advisory:
    return Advisory(
        rule=rule.id,
        topic=topic,
        code=rule.then,
        strength=next(strength for strength in WEIGHT if strength == rule.strength),
        statement=rule.extra["says"],
        conflict=rule.conflict,
        basis=Basis(
            evidence=rule.evidence,
            missing=unknown_keys_of_answers(rule.unknown(facts), facts),
            notes=what_does_not_fit(rule, facts),
        ),
    )
