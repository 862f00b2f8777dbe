"""Mutants of the YAML tables: rules left out and exchanged, conditions, bounds, words, outcomes, points, bands."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from metaspine.assessment import tables
from metaspine.assessment.conditions import Condition, conditions
from metaspine.assessment.index import bounds_of, each_side
from validation.mutants import Mutant, named_apart

ANOTHER_OPERATOR = {"below": "at_most", "at_most": "below", "above": "at_least", "at_least": "above", "most": "below"}
STEP, STEP_OF_A_FRACTION = 1, 0.1
STEPS = {"patient.kps": 10}
"""Facts that do not go by ones."""
ENDS = ("below", "most", "from", "to")
"""Keys whose numbers are values of the fact, and not points."""
TEXT = ("id", "name", "evidence", "says", "warnings", "survival", "conflict", "of", "unit", "score", "source")
"""Keys that hold words for the reader, or grounds; other tests compare those."""
OF_RULES = ("when", "if", "any_of")
FIRST_DECIDES = {
    "noms": ("stops", "stabilisation", "capacity", "rows", "preferred", "complete_deficit"),
    "treatment": (
        "ebrt_schedule",
        "preop_embolisation",
        "en_bloc_criteria_met",
        "survival_surgery_rule",
        "goals_of_care",
    ),
    "urgency": ("mri_within_h", "treatment_within_h", "biopsy_within_h", "class", "steroids"),
    "sins": ("mechanical_urgency",),
    "iort": ("role",),
    "board": ("replaces",),
}
"""Lists in which the first rule that applies decides; so it is in the rules and classes of a score."""
WORDS_EXCHANGED = ("radiosensitivity", "escc")
"""Tables whose values are words that decide."""


@dataclass(frozen=True)
class Place:
    """A place in a table."""

    table: str
    path: tuple[Any, ...]
    said: str
    """The place in words."""
    fact: str = ""
    """The fact that the numbers here are compared with."""

    def below(self, key: Any, said: str = "") -> Place:
        """Return the place of a key within this one."""
        return Place(self.table, (*self.path, key), f"{self.said}.{said or key}", self.fact)

    def mutant(self, what: str, change: Callable[[Any], Any]) -> Mutant:
        """Return the mutant that changes what stands here."""
        file = tables._files()[self.table]
        part = ".".join((self.table, str(self.path[0]))) if self.path else self.table
        name = f"{self.said}: {what}"
        rules = (self.table, *self.path[:1])
        rules = rules if rules in tables.rule_parts() else ()
        return Mutant(name, part, f"data/{file}", frozenset((file,)), rules, lambda: _put_in(file, self.path, change))


def table_mutants() -> Iterator[Mutant]:
    """Yield the mutants of every table."""
    for name in tables.table_names():
        fact = "patient.kps" if name == "kps" else ""
        yield from named_apart(_of_anything(Place(name, (), name, fact), tables.table(name)))


def _put_in(file: str, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Callable[[], None]:
    read = tables._read
    content = copy.deepcopy(read(file))
    part = content
    for key in path:
        part = part[key]
    change(part)
    tables._read = lambda asked: content if asked == file else read(asked)

    def take_out() -> None:
        tables._read = read

    return take_out


def _of_anything(place: Place, found: Any) -> Iterator[Mutant]:
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    if isinstance(found, dict) and "fact" in found:
        place = replace(place, fact=found["fact"])
    if isinstance(found, list) and any(_is_rule(entry) for entry in found):
        yield from _of_rules(place, found)
        return
    for key, value in entries:
        if key in TEXT or (key == "strength" and not place.path):
            continue
        if isinstance(value, dict | list):
            yield from _of_anything(place.below(key, _name_of(value, key)), value)
        else:
            yield from _of_value(place, found, key, value)


def _name_of(value: Any, key: Any) -> str:
    return str(value.get("name", key)) if isinstance(value, dict) else str(key)


def _of_value(place: Place, holder: Any, key: Any, value: Any) -> Iterator[Mutant]:
    if isinstance(value, bool):
        yield place.mutant(f"{key} {not value}", lambda here: _put(here, key, not value))
    elif isinstance(value, int | float):
        for number in _beside(value, place.fact if key in ENDS else ""):
            yield place.mutant(f"{key} {number}", lambda here, number=number: _put(here, key, number))
        if key in ANOTHER_OPERATOR:
            another = ANOTHER_OPERATOR[key]
            yield place.mutant(f"{key} {another}", lambda here: _put(here, another, here.pop(key)))
    elif isinstance(value, str) and isinstance(holder, list):
        yield place.mutant(f"without {value}", lambda here: here.remove(value))
    elif isinstance(value, str) and place.table in WORDS_EXCHANGED:
        word = _after(value, _words_of_key(place.table, key if place.table == "radiosensitivity" else ""))
        yield place.mutant(f"{key} {word}", lambda here: _put(here, key, word))


def _beside(number: float, fact: str = "") -> tuple[float, float]:
    step = STEPS[fact] if fact in STEPS else STEP if isinstance(number, int) else STEP_OF_A_FRACTION
    return round(number - step, 6), round(number + step, 6)


def _put(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _is_rule(entry: Any) -> bool:
    return isinstance(entry, dict) and any(key in entry for key in OF_RULES)


def _of_rules(place: Place, entries: list[dict[str, Any]]) -> Iterator[Mutant]:
    for number, entry in enumerate(entries):
        here = place.below(number, str(entry.get("id", entry.get("name", number))))
        what = f"{here.said.removeprefix(place.said + '.')} left out"
        yield place.mutant(what, lambda rules, number=number: rules.pop(number))
        yield from _exchanged(place, entries, number)
        for key, value in entry.items():
            if key in ("when", "if"):
                yield from _of_conditions(here.below(key), value)
            elif key == "any_of":
                yield from _of_alternatives(here.below(key), value)
            elif key == "then":
                yield from _of_outcome(here, entries, value)
            elif key == "points":
                yield from _of_points(here, value)
            elif key not in (*TEXT, "because") and not (key == "strength" and value == _weight_of_the_part(place)):
                yield here.mutant(f"without its {key}", lambda rule, key=key: rule.pop(key))


def _weight_of_the_part(place: Place) -> str:
    """Return the weight that a rule has where it states none."""
    return str(tables.table(place.table).get("strength", {}).get(place.path[0], "inform"))


def _exchanged(place: Place, entries: list[dict[str, Any]], number: int) -> Iterator[Mutant]:
    """Yield the exchange of a rule with the next, where the first that applies decides and both can apply at once."""
    of_a_score = place.path[-1] in ("rules", "classes")
    if not of_a_score and place.path[-1] not in FIRST_DECIDES.get(place.table, ()):
        return
    if number + 1 < len(entries) and not _exclude_each_other(entries[number], entries[number + 1]):
        one, two = (str(entries[at].get("id", at)) for at in (number, number + 1))
        yield place.mutant(f"{one} after {two}", lambda rules: rules.insert(number + 1, rules.pop(number)))


def _exclude_each_other(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    ours, theirs = (conditions(entry.get("when", {})) for entry in (one, two))
    return any(a.fact == b.fact and not _both_hold(a, b) for a in ours for b in theirs)


def _both_hold(one: Condition, two: Condition) -> bool:
    bounds = bounds_of((one, two))
    operands = (word for condition in (one, two) for word in _listed(condition.operand))
    values = [None, "another", *(each_side(bounds) if bounds else operands)]
    if "includes" in (one.operator, two.operator):
        return True
    if bounds:
        values.remove("another")
    return any(one.holds_for(value) and two.holds_for(value) for value in values)


def _listed(operand: Any) -> tuple[Any, ...]:
    return tuple(operand) if isinstance(operand, tuple | list) else (operand,)


def _of_alternatives(place: Place, groups: list[dict[str, Any]]) -> Iterator[Mutant]:
    for number, group in enumerate(groups):
        said = ", ".join(group)
        yield place.mutant(f"{number} ({said}) left out", lambda groups, number=number: groups.pop(number))
        yield from _of_conditions(place.below(number), group)


def _of_conditions(place: Place, when: Mapping[str, Any]) -> Iterator[Mutant]:
    for fact, wanted in when.items():
        yield place.mutant(f"without {fact}", lambda when, fact=fact: when.pop(fact))
        for another in _instead_of(fact, wanted):
            what = f"{fact} {_said(another)} for {_said(wanted)}"
            yield place.mutant(what, lambda when, fact=fact, another=another: _put(when, fact, another))


def _said(wanted: Any) -> str:
    if isinstance(wanted, dict):
        ((operator, operand),) = wanted.items()
        return f"{operator} {_said(operand)}"
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _instead_of(fact: str, wanted: Any) -> Iterator[Any]:
    if not isinstance(wanted, dict):
        yield from _other_words(fact, wanted)
        return
    ((operator, operand),) = wanted.items()
    if operator in ANOTHER_OPERATOR:
        yield {ANOTHER_OPERATOR[operator]: operand}
        yield from ({operator: number} for number in _beside(operand, fact))
    else:
        yield from ({operator: words} for words in _other_words(fact, operand))


def _other_words(fact: str, wanted: Any) -> Iterator[Any]:
    """Yield what stands near: another word for one; for several the list without each, and with one more."""
    if isinstance(wanted, bool):
        yield not wanted
    elif isinstance(wanted, list):
        yield from ([word for word in wanted if word != left_out] for left_out in wanted)
        more = [word for word in _words_of_facts()[fact] if word not in wanted]
        if more:
            yield [*wanted, more[0]]
    elif isinstance(wanted, int | float):
        yield from _beside(wanted)
    elif len(_words_of_facts()[fact]) > 1:
        yield _after(wanted, _words_of_facts()[fact])


def _after(word: Any, words: tuple[Any, ...]) -> Any:
    return words[(words.index(word) + 1) % len(words)]


def _of_outcome(here: Place, entries: list[dict[str, Any]], outcome: Any) -> Iterator[Mutant]:
    others = [entry["then"] for entry in entries if "then" in entry and entry["then"] != outcome]
    if others:
        yield here.mutant(f"then {others[0]} for {outcome}", lambda rule: _put(rule, "then", others[0]))


def _of_points(here: Place, points: Any) -> Iterator[Mutant]:
    if isinstance(points, list):
        yield from _of_anything(here.below("points"), points)
    else:
        yield from _of_value(here, {}, "points", points)


@cache
def _words_of_facts() -> Mapping[str, tuple[Any, ...]]:
    """Return all words that any table asks of a fact, in a steady order."""
    found: dict[str, dict[Any, None]] = {}
    for name in tables.table_names():
        for when in _conditions_in(tables.table(name)):
            for fact, wanted in when.items():
                operand = next(iter(wanted.values())) if isinstance(wanted, dict) else wanted
                found.setdefault(fact, {}).update(dict.fromkeys(_listed(operand)))
    return {fact: tuple(words) for fact, words in found.items()}


def _conditions_in(found: Any) -> Iterator[Mapping[str, Any]]:
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in entries:
        if key in ("when", "if") and isinstance(value, dict):
            yield value
        elif key == "any_of":
            yield from value
        else:
            yield from _conditions_in(value)


@cache
def _words_of_key(name: str, key: str) -> tuple[str, ...]:
    """Return the words that a table gives under a key; under every key that holds a word where none is named."""

    def walk(found: Any) -> Iterator[str]:
        entries = found.items() if isinstance(found, dict) else ()
        for at, value in entries:
            if isinstance(value, str) and (at == key or not key):
                yield value
            yield from walk(value)

    return tuple(dict.fromkeys(walk(tables.table(name))))
