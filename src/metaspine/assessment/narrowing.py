"""What is still possible while facts are unknown, and which of them would tell most.

Every unknown fact is tried with the values that the conditions tell apart: the words they name and another one, both
sides of every bound. That is exact, because no condition can tell two values of the same side apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import inf, nextafter
from typing import Any

from metaspine.assessment.rules import Condition, Facts, Rule
from metaspine.patient.scoring import Narrowing

_ANOTHER_WORD = "another word than those that are named"


def asked_facts(rules: Sequence[Rule], facts: Facts) -> tuple[str, ...]:
    """Return the unknown facts on which it depends which rule is the first that fires."""
    asked: dict[str, None] = {}
    for rule in rules:
        truth = rule.holds(facts)
        if truth:
            break
        if truth is None:
            asked |= dict.fromkeys(_undecided(rule, facts))
    return tuple(asked)


def outcomes(rules: Sequence[Rule], facts: Facts) -> tuple[Any, ...]:
    """Return every outcome that the unknown facts leave for the first rule that fires, in the order of the rules."""
    asked = asked_facts(rules, facts)
    found = {_first(rules, {**facts, **values}) for values in completions(rules, asked)} - {None}
    return tuple(outcome for outcome in dict.fromkeys(rule.then for rule in rules) if outcome in found)


def completions(rules: Iterable[Rule], asked: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Yield the asked facts with every combination of the values that the rules tell apart."""
    known = tuple(rules)
    names = tuple(asked)
    for values in product(*(_values(name, known) for name in names)):
        yield dict(zip(names, values, strict=True))


def narrowing_of_classes(
    rules: Sequence[Rule], facts: Facts, keys_of: Callable[[str], tuple[str, ...]]
) -> tuple[Narrowing, ...]:
    """Return by how many classes each unknown fact can bring the ends together, at best, the widest first."""
    order = list(dict.fromkeys(rule.then for rule in rules))

    def spread(known: Facts) -> int:
        places = [order.index(outcome) for outcome in outcomes(rules, known)]
        return max(places, default=0) - min(places, default=0)

    widths: dict[str, float] = {}
    for name in asked_facts(rules, facts):
        after = min(spread({**facts, name: value}) for value in _values(name, rules))
        for key in keys_of(name):
            widths[key] = max(widths.get(key, 0), spread(facts) - after)
    return widest_first(widths)


def narrowing_of_points(
    possible: Mapping[str, Sequence[float]],
    after: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    combined: Callable[[Iterable[float]], float],
) -> tuple[Narrowing, ...]:
    """Return by how much each unknown key can narrow the range, at best, the widest first.

    Parameters
    ----------
    possible
        The points that each item can still give.
    after
        For each item and unknown key: the points that may be left once the key is known, one for each of its values.
    combined
        How items make a total: a sum or a product.
    """
    now = _range(possible, combined)
    widths: dict[str, float] = {}
    for key in dict.fromkeys(key for keys in after.values() for key in keys):
        best = {item: _narrowest(keys[key]) for item, keys in after.items() if key in keys}
        widths[key] = now - _range({**possible, **best}, combined)
    return widest_first(widths)


def settled(possible: Sequence[float]) -> tuple[tuple[float], ...]:
    """Return what may be left of an item once its only fact is known: each of its points alone."""
    return tuple((points,) for points in possible)


def left_by_rules(rules: Sequence[Rule], fact: str, facts: Facts) -> tuple[tuple[Any, ...], ...]:
    """Return, for each value of an unknown fact, the outcomes that are then left."""
    return tuple(outcomes(rules, {**facts, fact: value}) for value in _values(fact, rules))


def widest_first(widths: Mapping[str, float]) -> tuple[Narrowing, ...]:
    """Return the keys with their widths, the widest first; those of one width stay in their order."""
    ordered = sorted(widths.items(), key=lambda entry: -entry[1])
    return tuple(Narrowing(key, width) for key, width in ordered)


def _range(possible: Mapping[str, Sequence[float]], combined: Callable[[Iterable[float]], float]) -> float:
    bounds = possible.values()
    return combined(max(points) for points in bounds) - combined(min(points) for points in bounds)


def _narrowest(options: Sequence[Sequence[float]]) -> Sequence[float]:
    return min(options, key=lambda points: (max(points) - min(points), min(points)))


def _undecided(rule: Rule, facts: Facts) -> Iterable[str]:
    """Return the unknown facts of the parts of a rule that are not false already."""
    parts = [rule.when, *(part for part in rule.any_of if not _false(part, facts))]
    return (condition.fact for part in parts for condition in part if facts[condition.fact] is None)


def _false(part: Iterable[Condition], facts: Facts) -> bool:
    return any(condition.holds(facts) is False for condition in part)


def _first(rules: Iterable[Rule], facts: Facts) -> Any:
    return next((rule.then for rule in rules if rule.holds(facts)), None)


def _values(name: str, rules: Iterable[Rule]) -> tuple[Any, ...]:
    conditions = [c for rule in rules for part in (rule.when, *rule.any_of) for c in part if c.fact == name]
    values: dict[Any, None] = {}
    for condition in conditions:
        values |= dict.fromkeys(_both_sides(condition))
    return tuple(values)


def _both_sides(condition: Condition) -> tuple[Any, ...]:
    bound = condition.operand
    if condition.operator == "includes":
        return (), (bound,)
    if condition.operator in ("below", "at_least"):
        return nextafter(bound, -inf), bound
    if condition.operator in ("above", "at_most"):
        return bound, nextafter(bound, inf)
    if all(isinstance(word, bool) for word in bound):
        return True, False
    return (*bound, _ANOTHER_WORD)
