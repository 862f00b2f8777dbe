"""Conditions over named facts: each is true, false or not known (None)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
Truth = bool | None


@dataclass(frozen=True)
class Condition:
    """One fact compared with what a rule asks of it."""

    fact: str
    operator: str
    """is, not, includes, below, above, at_most or at_least."""
    operand: Any

    def holds(self, facts: Facts) -> Truth:
        """Return whether the condition is true; None where the fact is not known and that decides nothing."""
        return self.holds_for(facts[self.fact])

    def holds_for(self, value: Any) -> Truth:
        """Return whether the condition is true of a value of its fact."""
        return _OPERATORS[self.operator](value, self.operand)

    @property
    def wanted(self) -> str:
        """What it asks of the fact, in words, e.g. "at least 7", "2 or 3", "anything but yes"."""
        words = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return _IN_WORDS[self.operator].format(" or ".join(_word(word) for word in words))


def conditions(when: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Return the conditions that a table writes down: a word, a list of words, or an operator with its operand."""
    return tuple(_condition(fact, wanted) for fact, wanted in when.items())


def _word(value: Any) -> str:
    if value is None:
        return "not known"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return whether all are true; None where one is not known and none is false."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return whether one is true; None where one is not known and none is true."""
    result: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            result = None
    return result


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

_IN_WORDS: Mapping[str, str] = {
    "is": "{}",
    "not": "anything but {}",
    "includes": "with {} among them",
    "below": "below {}",
    "above": "above {}",
    "at_most": "at most {}",
    "at_least": "at least {}",
}
