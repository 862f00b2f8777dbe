"""Rules as data: conditions over named facts, an outcome, and the evidence behind it.

A condition is true, false or not known (None). A rule fires only when all its conditions are true; what was not known
in the rules that could have fired is reported, so that every outcome says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Fact = str | int | float | bool | None
Facts = Mapping[str, Any]
Truth = bool | None


@dataclass(frozen=True)
class Condition:
    """One fact compared with what a rule asks of it."""

    fact: str
    operator: str
    operand: Any

    def holds(self, facts: Facts) -> Truth:
        """Return whether the condition is true; None where the fact is not known and that decides nothing."""
        return _OPERATORS[self.operator](facts[self.fact], self.operand)


@dataclass(frozen=True)
class Rule:
    """A rule: all of ``when``, and one alternative of ``any_of`` where there are any."""

    id: str
    when: tuple[Condition, ...]
    any_of: tuple[tuple[Condition, ...], ...]
    then: Any
    evidence: tuple[str, ...]
    strength: str
    """How much it weighs: stop, prefer, accept, avoid, warn or inform."""
    conflict: str
    """The id of the conflict between sources that it belongs to; empty where there is none."""
    part: str
    """The list it stands in, as table.part; with the id this names a rule of the whole program."""
    extra: Mapping[str, Any]
    """What a table adds to a rule, such as a weight or further rows."""

    def holds(self, facts: Facts) -> Truth:
        """Return whether the rule fires; None where it could, if more were known."""
        every = _all(condition.holds(facts) for condition in self.when)
        if every is False or not self.any_of:
            return every
        return _all((every, _any(_all(c.holds(facts) for c in group) for group in self.any_of)))

    def unknown(self, facts: Facts) -> tuple[str, ...]:
        """Return the facts that the rule asks for and that are not known."""
        conditions = (*self.when, *(condition for group in self.any_of for condition in group))
        return tuple(condition.fact for condition in conditions if facts[condition.fact] is None)


@dataclass(frozen=True)
class Decision:
    """The rule that decided, and the unknown facts that could have decided otherwise."""

    rule: Rule
    missing: tuple[str, ...]

    @property
    def outcome(self) -> Any:
        """What the rule says."""
        return self.rule.then

    @property
    def evidence(self) -> tuple[str, ...]:
        """What the rule rests on."""
        return self.rule.evidence


def rules_from(entries: Iterable[Mapping[str, Any]], part: str = "", strength: str = "inform") -> tuple[Rule, ...]:
    """Return the rules that a table describes, in its order; ``strength`` is that of rules which state none."""
    return tuple(_rule(entry, part, strength) for entry in entries)


def first_that_applies(rules: Iterable[Rule], facts: Facts) -> Decision | None:
    """Return the decision of the first rule that fires, or None where none does."""
    missing: list[str] = []
    for rule in rules:
        truth = rule.holds(facts)
        if truth is not False:
            missing.extend(rule.unknown(facts))
        if truth:
            return Decision(rule, _once(missing))
    return None


def decided(rules: Iterable[Rule], facts: Facts) -> Decision:
    """Return the decision of a list of rules whose last one always fires."""
    decision = first_that_applies(rules, facts)
    if decision is None:
        raise ValueError("a decision table without a last rule that always fires")
    return decision


def every_that_applies(rules: Iterable[Rule], facts: Facts) -> tuple[Rule, ...]:
    """Return all rules that fire, in their order."""
    return tuple(rule for rule in rules if rule.holds(facts))


def unknown_facts(rules: Iterable[Rule], facts: Facts) -> tuple[str, ...]:
    """Return the unknown facts of all rules that fire or could fire."""
    return _once(name for rule in rules if rule.holds(facts) is not False for name in rule.unknown(facts))


def _rule(entry: Mapping[str, Any], part: str, strength: str) -> Rule:
    known = ("id", "when", "any_of", "then", "evidence", "strength", "conflict")
    return Rule(
        entry["id"],
        _conditions(entry["when"]),
        tuple(_conditions(group) for group in entry.get("any_of", ())),
        entry.get("then"),
        tuple(entry["evidence"]),
        entry.get("strength", strength),
        entry.get("conflict", ""),
        part,
        {name: value for name, value in entry.items() if name not in known},
    )


def _conditions(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(_condition(fact, wanted) for fact, wanted in when.items())


def _condition(fact: str, wanted: Any) -> Condition:
    if isinstance(wanted, dict):
        ((operator, operand),) = wanted.items()
        return Condition(fact, operator, _words(operand) if operator == "not" else operand)
    return Condition(fact, "is", _words(wanted))


def _words(wanted: Any) -> tuple[Any, ...]:
    return tuple(wanted) if isinstance(wanted, list) else (wanted,)


def _is(value: Any, words: tuple[Any, ...]) -> Truth:
    if any(value is word if word is None or isinstance(word, bool) else value == word for word in words):
        return True
    return None if value is None else False


def _is_not(value: Any, words: tuple[Any, ...]) -> Truth:
    return value is None or not _is(value, words)


def _compared(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], Truth]:
    return lambda value, bound: None if value is None else compare(value, bound)


_OPERATORS: Mapping[str, Callable[[Any, Any], Truth]] = {
    "is": _is,
    "not": _is_not,
    "includes": lambda value, word: None if value is None else word in value,
    "below": _compared(lambda value, bound: value < bound),
    "above": _compared(lambda value, bound: value > bound),
    "at_most": _compared(lambda value, bound: value <= bound),
    "at_least": _compared(lambda value, bound: value >= bound),
}


def _all(truths: Iterable[Truth]) -> Truth:
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def _any(truths: Iterable[Truth]) -> Truth:
    result: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            result = None
    return result


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
