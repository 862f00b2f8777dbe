"""Why the answer is what it is: the assessment is done once more, and every list of rules that it asks is written down.

So the rules of a trace are the very rules of the advice; an assessment that nobody listens to pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from metaspine.assessment.conditions import Condition, Facts
from metaspine.assessment.engine import assess
from metaspine.assessment.rules import Consulted, Rule, consulted
from metaspine.patient.case import Case
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.patient.trace import AlmostFired, AskedFact, Fired, Said, Trace, Traced

_Item = TypeVar("_Item")


def trace(case: Case, policy: BoardPolicy = DEFAULT_POLICY) -> Trace:
    """Return the rules that fired for each lesion and for the patient, and those that almost did.

    A rule almost fired where one condition is not met, false or not known, and the answer would be another if it were.
    In a list whose first rule decides it stands before that rule and says something else. A rule with a single
    condition is named only where its fact is not known: that a known fact is another one is nothing to report.
    """
    with consulted() as heard:
        assess(case, policy)
    return trace_of(heard, case)


def trace_of(heard: Sequence[Consulted], case: Case) -> Trace:
    """Return the trace of lists of rules that were heard being asked about a case."""
    return Trace(_traced("", heard), tuple(_traced(lesion.level, heard) for lesion in case.lesions))


def _traced(level: str, heard: Iterable[Consulted]) -> Traced:
    here = [asked for asked in heard if asked.level == level]
    fired = _once(Fired(_said(rule), _grounds(rule, asked.facts)) for asked in here for rule in asked.fired)
    names = {each.said.rule for each in fired}
    almost = _once(each for asked in here for each in _almost(asked) if each.said.rule not in names)
    return Traced(level, fired, almost)


def _said(rule: Rule) -> Said:
    outcome = tuple(rule.then) if isinstance(rule.then, list) else rule.then
    return Said(rule.name, outcome, rule.strength, rule.evidence, rule.conflict)


def _grounds(rule: Rule, facts: Facts) -> tuple[AskedFact, ...]:
    rows = [row for row in rule.rows if all(condition.holds(facts) for condition in row)]
    names = dict.fromkeys(condition.fact for row in rows for condition in row)
    return tuple(AskedFact(name, facts[name]) for name in names)


def _almost(asked: Consulted) -> Iterator[AlmostFired]:
    for rule in _that_would_count(asked):
        for condition in _only_hindrances(rule, asked.facts):
            yield AlmostFired(_said(rule), AskedFact(condition.fact, asked.facts[condition.fact]), condition.wanted)


def _that_would_count(asked: Consulted) -> Iterator[Rule]:
    """Yield the rules that did not fire and would have changed what the list says."""
    said = [(rule.then, rule.extra) for rule in asked.fired]
    for rule in asked.rules:
        if rule in asked.fired:
            if asked.first_only:
                return
        elif (rule.then, rule.extra) not in said:
            yield rule


def _only_hindrances(rule: Rule, facts: Facts) -> Iterator[Condition]:
    """Yield the conditions of which each alone keeps a rule from firing, one for an alternative."""
    for row in rule.rows:
        unmet = [condition for condition in row if not condition.holds(facts)]
        if len(unmet) == 1 and (len(row) > 1 or facts[unmet[0].fact] is None):
            yield unmet[0]


def _once(items: Iterable[_Item]) -> tuple[_Item, ...]:
    """Return each item once; outcomes need not be hashable."""
    found: list[_Item] = []
    for item in items:
        if item not in found:
            found.append(item)
    return tuple(found)
