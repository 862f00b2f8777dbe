"""Cases that bring a rule to fire and cases that do not, found by drawing facts, so that a new rule needs no handwork.

A case is the unremarkable patient of ``cases.KNOWN`` with some facts drawn anew from the values that rules can tell
apart. One pool of them, with the cases written by hand for the pathway, serves all rules. For a rule that none of them
brings to fire a case is changed step by step, and a step is kept where it leaves fewer of the rule's conditions unmet,
or fewer rules before it that fire.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from cases import KNOWN
from pathway_cases import SPEAKS, document_of

from metaspine.assessment import assess
from metaspine.assessment.facts import source_keys
from metaspine.assessment.pathway import pathway
from metaspine.assessment.possible_values import possible_values
from metaspine.assessment.rules import Consulted, Rule, consulted
from metaspine.assessment.tables import rule_parts, rules
from metaspine.errors import CaseError
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.case import Case
from metaspine.patient.policy import BoardPolicy, selectable_conflicts

POOL, STARTS, STEPS = 1000, 12, 250
NEVER_ASKED = 10_000

VALUES: dict[str, tuple[Any, ...]] = {
    **possible_values(),
    "lesion.prior_rt_at_level": (False, {}, {"months_ago": 12}),
    "lesion.level": ("C5", "T8", "T12", "L3", "S2"),
    "oncology.subtype": ("EGFR", "luminal"),
    **{f"policy.{conflict.id}": tuple(conflict.sides) for conflict in selectable_conflicts()},
}

DERIVED_FROM: dict[str, tuple[str, ...]] = {
    "sins_category": ("lesion.pain", "lesion.collapse", "lesion.alignment", "lesion.posterolateral"),
    "sins_source": ("lesion.pain", "lesion.alignment", "lesion.sins_reported_total"),
    "region": ("lesion.level",),
    "benign": ("oncology.primary", "oncology.histology_confirmed"),
    "unproven": ("oncology.primary", "oncology.histology_confirmed"),
    "haematological": ("oncology.primary",),
    "radiation": ("oncology.primary", "lesion.prior_rt_at_level"),
    "effective": ("oncology.primary", "lesion.prior_rt_at_level"),
    "stabilise": ("lesion.collapse", "lesion.stabilised_already"),
    "surgical_capacity": (
        "patient.expected_survival_months",
        "patient.tolerates_open_surgery",
        "patient.tolerates_any_procedure",
    ),
    "status": ("patient.pregnant", "patient.iort_consent"),
}
"""Where facts come from that are decided on the way. What is not here can depend on everything in ``DECIDING``."""

DECIDING = (
    "oncology.primary",
    "oncology.histology_confirmed",
    "lesion.escc",
    "lesion.prior_rt_at_level",
    "lesion.collapse",
    "lesion.pain",
    "lesion.stabilised_already",
    "patient.expected_survival_months",
    "patient.tolerates_open_surgery",
    "patient.tolerates_any_procedure",
    "neuro.presentation",
    "neuro.asia",
)


@dataclass(frozen=True)
class Drawn:
    """A case, the policy it is assessed under, and what was asked about it."""

    case: Case
    policy: BoardPolicy
    heard: tuple[Consulted, ...] = field(compare=False, repr=False)
    asked: frozenset[str]
    """The lists of rules that were asked."""
    fired: frozenset[str]
    """The names of the rules that fired."""


@cache
def every_rule() -> tuple[Rule, ...]:
    """All rules of all tables but those of the board's page, which ask of several lesions: test_board_rules."""
    return tuple(rule for name, part in rule_parts() if name != "board" for rule in rules(name, part))


def cases_for(rule: Rule) -> Iterator[Drawn]:
    """Yield cases in which the list of a rule is asked: those of the pool, then some drawn for this rule."""
    yield from (drawn for drawn in _pool() if rule.part in drawn.asked)
    random = Random(rule.name)  # noqa: S311 - nothing secret
    own, around = _keys((rule,)), _keys(tuple(each for each in every_rule() if each.part == rule.part))
    for _ in range(STARTS):
        facts: dict[str, Any] = {}
        distance = NEVER_ASKED
        for _ in range(STEPS):
            keys = random.choices((*own, *random.choices(around, k=len(own) or 1)), k=random.choice((1, 2)))
            changed = facts | {key: random.choice(_values(key, rule)) for key in keys}
            drawn = _drawn(changed)
            if drawn is not None and (now := _distance(rule, drawn)) <= distance:
                facts, distance = changed, now
                yield drawn


def _distance(rule: Rule, drawn: Drawn) -> int:
    """How far a rule is from firing: unmet conditions above all, then the ways in which rules before it fire."""
    return min((_distance_in(rule, asked) for asked in drawn.heard if rule in asked.rules), default=NEVER_ASKED)


def _distance_in(rule: Rule, asked: Consulted) -> int:
    unmet = min(sum(not condition.holds(asked.facts) for condition in row) for row in rule.rows)
    before = asked.rules[: asked.rules.index(rule)] if asked.first_only else ()
    in_the_way = sum(all(c.holds(asked.facts) for c in row) for each in before for row in each.rows)
    return 100 * unmet + in_the_way


@cache
def _pool() -> tuple[Drawn, ...]:
    random = Random(0)  # noqa: S311 - nothing secret
    drawn = []
    for _ in range(POOL):
        share = random.choice((0.05, 0.2, 0.5))
        drawn.append(_drawn({key: random.choice(_values(key)) for key in VALUES if random.random() < share}))
    by_hand = (
        _assessed(document_of(changes), changes.get("policy", {})) for pair in SPEAKS.values() for changes in pair
    )
    return tuple(each for each in (*drawn, *by_hand) if each is not None)


def _keys(of_rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The keys of the case file that the facts of rules can come from."""
    asked = {condition.fact for rule in of_rules for row in rule.rows for condition in row}
    return tuple(dict.fromkeys(key for fact in sorted(asked) for key in _sources(fact)))


def _sources(fact: str) -> Iterator[str]:
    if fact in DERIVED_FROM:
        yield from DERIVED_FROM[fact]
    else:
        yield from [key for key in source_keys((fact,)) if key in VALUES] or DECIDING


def _drawn(facts: dict[str, Any]) -> Drawn | None:
    """Return the unremarkable patient with these facts instead; None where they contradict."""
    document, choices = copy.deepcopy(KNOWN), dict[str, str]()
    document["lesion"]["levels_involved"] = None
    for key in sorted(facts):
        _write(document, choices, key, facts[key])
    return _assessed(document, choices)


def _assessed(document: dict[str, Any], choices: dict[str, str]) -> Drawn | None:
    try:
        case = case_from_document(document)
    except CaseError:
        return None
    policy = BoardPolicy(choices=choices)
    with consulted() as heard:
        pathway(case, assess(case, policy))
    fired = frozenset(rule.name for asked in heard for rule in asked.fired)
    return Drawn(case, policy, tuple(heard), frozenset(asked.rules[0].part for asked in heard), fired)


def _values(key: str, wanting: Rule | None = None) -> tuple[Any, ...]:
    """The values to draw from; those that a rule wants of the key stand in them many times."""
    values = (*VALUES[key], None)
    conditions = [c for row in wanting.rows for c in row if c.fact == key] if wanting else []
    return values + 3 * tuple(value for value in values if any(condition.holds_for(value) for condition in conditions))


def _write(document: dict[str, Any], choices: dict[str, str], key: str, value: Any) -> None:
    section, _, name = key.partition(".")
    course, _, of_course = name.partition(".")
    if section == "policy":
        if value is not None:
            choices[name] = value
    elif of_course:
        document[section][course] = {**(document[section].get(course) or {}), of_course: value}
    else:
        document.setdefault(section, {})[name] = value
