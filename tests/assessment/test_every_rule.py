"""For every rule of every table: a case in which it fires, one in which it must not, and what is lost without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from rule_cases import Drawn, cases_for, every_rule

from metaspine.assessment import advice_document, assess
from metaspine.assessment.index import Index
from metaspine.assessment.pathway import pathway
from metaspine.assessment.rules import Rule
from metaspine.assessment.tables import rules
from metaspine.patient.case import Case
from metaspine.patient.policy import BoardPolicy

RULES = {rule.name: rule for rule in every_rule()}

UNREACHABLE: dict[str, str] = {}
"""Rules that the search brings to fire in no case, or in every one, with the reason."""

WITHOUT_CONSEQUENCE: dict[str, str] = {
    "noms.rows.NOMS-09": "NOMS-07 behind it says the same; it names its own source, for an unstable spine",
    "urgency.steroids.STER-06e": "STER-01 behind it says the same; it names the conflict in which the centre chose",
}
"""Rules whose removal changes no answer, with the reason."""


@pytest.mark.parametrize("name", RULES)
def test_there_is_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    fires = any(name in drawn.fired for drawn in cases_for(RULES[name]))
    is_silent = any(name not in drawn.fired for drawn in cases_for(RULES[name]))
    assert (fires and is_silent) == (name not in UNREACHABLE)


@pytest.mark.parametrize("name", sorted(RULES.keys() - WITHOUT_CONSEQUENCE.keys()))
def test_without_it_an_answer_changes(name: str) -> None:
    assert any(changes(drawn, RULES[name]) for drawn in firing(name))


@pytest.mark.parametrize("name", WITHOUT_CONSEQUENCE)
def test_the_exceptions_are_true(name: str) -> None:
    assert not any(changes(drawn, RULES[name]) for drawn in islice(firing(name), 30))


def firing(name: str) -> Iterator[Drawn]:
    """Cases in which a rule fires."""
    return (drawn for drawn in cases_for(RULES[name]) if name in drawn.fired)


def changes(drawn: Drawn, rule: Rule) -> bool:
    """Whether the answer is another one without the rule."""
    before = answer(drawn.case, drawn.policy)
    with without(rule):
        return before != answer(drawn.case, drawn.policy)


def answer(case: Case, policy: BoardPolicy) -> dict[str, Any]:
    """What is answered, without the explanation; empty where a list of rules no longer ends in an answer."""
    try:
        advice = assess(case, policy)
    except ValueError:
        return {}
    document = advice_document(advice) | {"pathway": pathway(case, advice)}
    return {key: value for key, value in document.items() if key != "explanation"}


@contextmanager
def without(rule: Rule) -> Iterator[None]:
    """The program without one rule: its list is read as if it had no way to fire."""
    listed = rules(*rule.part.split("."))
    left = Index([() if each.id == rule.id else each.rows for each in listed])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(listed), "by_fact", left)
        yield
