"""Assessments a second on one core: scores and rules alone, with reading and writing, and rules against an interpreter.

The scores of an assessment are SINS, ESCC, revised Tokuhashi, Tomita and modified Bauer; the rules are all those that
``assess`` asks: NOMS, urgency, steroids, eligibility for intraoperative radiotherapy, radiotherapy and surgery.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.drawn_cases import drawn_documents
from benchmarks.measurement import Measurement, compared, timed
from metaspine.assessment import advice_document, assess
from metaspine.assessment.rules import Consulted, consulted, first_that_applies, gathered
from metaspine.assessment.trace import trace
from metaspine.exchange.case_file import case_from_document

CASES = 2000
GOAL_CASES_A_SECOND = 5000


def measure() -> list[Measurement]:
    """Measure drawn cases of one lesion; the goal is more than 5,000 assessments a second."""
    documents = drawn_documents(CASES)
    cases = [case_from_document(document) for document in documents]
    with consulted() as heard:
        for case in cases:
            assess(case)
    return [
        _rate("assess", lambda: _for_each(assess, cases), goal=True),
        _rate("read, assess, write JSON", lambda: _for_each(_in_and_out, documents)),
        _rate("trace", lambda: _for_each(trace, cases)),
        compared(
            f"the {len(heard) / CASES:.0f} lists of rules a case",
            lambda: _for_each(_by_index, heard),
            against="each rule by itself",
            peer=lambda: _for_each(_rule_by_rule, heard),
        ),
    ]


def _rate(what: str, work: Callable[[], None], *, goal: bool = False) -> Measurement:
    cpu_ms, wall_ms = timed(work)
    goal_ms = 1000 * CASES / GOAL_CASES_A_SECOND if goal else None
    return Measurement(f"{what}: {1000 * CASES / cpu_ms:.0f} cases/s", cpu_ms, wall_ms, goal_wall_ms=goal_ms)


def _for_each(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    for item in items:
        work(item)


def _in_and_out(document: dict[str, Any]) -> str:
    return json.dumps(advice_document(assess(case_from_document(document))))


def _by_index(asked: Consulted) -> object:
    return (first_that_applies if asked.first_only else gathered)(asked.rules, asked.facts)


def _rule_by_rule(asked: Consulted) -> object:
    """Ask each rule whether it holds, and those that could for what they miss: what the index must equal."""
    fired, missing = [], []
    for rule in asked.rules:
        truth = rule.holds(asked.facts)
        if truth is not False:
            missing.extend(rule.unknown(asked.facts))
        if truth:
            fired.append(rule)
            if asked.first_only:
                break
    return fired, tuple(dict.fromkeys(missing))
