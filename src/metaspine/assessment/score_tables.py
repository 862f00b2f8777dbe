"""The table of a score: its items with the points of each finding, its bands or classes, read once from its YAML file.

An item answers with the points that its findings leave possible: one number where it is known, all of them where
nothing is, a few where the finding is known in part (colorectal is colon or rectum). No number means that the table
does not name the finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from metaspine.assessment.narrowing import asked_facts, left_by_rules, outcomes, settled
from metaspine.assessment.rules import Facts, Rule, rules_from
from metaspine.assessment.tables import table, table_names
from metaspine.errors import InputError

Points = tuple[float, ...]
"""The points that are possible, in ascending order; empty where the table does not name the finding."""


@dataclass(frozen=True)
class Item:
    """One item of a score: a fact with the points of its words or steps, or rules over several facts."""

    name: str
    fact: str
    words: Mapping[Any, Points]
    otherwise: Points
    steps: tuple[tuple[str, float, Points], ...]
    """Upper ends in ascending order: "most" includes the end, "below" does not."""
    each: float | None
    """Points for each of what is counted."""
    rules: tuple[Rule, ...]
    unknown: Points
    """What is possible where nothing is known."""
    ambiguous: str
    """The evidence on what the publication leaves open; then several points for a known finding are its doing."""

    def possible(self, facts: Facts) -> Points:
        """Return the points that the facts leave possible."""
        if self.rules:
            return _flat(outcomes(self.rules, facts))
        value = facts[self.fact]
        if value is None:
            return self.unknown
        if self.each is not None:
            return (self.each * value,)
        if self.steps:
            return next(points for how, end, points in self.steps if (value <= end if how == "most" else value < end))
        return self.words.get(value, self.otherwise)

    def after(self, fact: str, facts: Facts) -> tuple[Points, ...]:
        """Return the points that may be left once one of its unknown facts is known."""
        if self.rules:
            return tuple(_flat(left) for left in left_by_rules(self.rules, fact, facts) if left)
        return settled(self.possible(facts))

    def open_facts(self, facts: Facts) -> tuple[str, ...]:
        """Return the unknown facts that decide the item's points."""
        if self.rules:
            return asked_facts(self.rules, facts)
        return (self.fact,) if facts[self.fact] is None else ()


@dataclass(frozen=True)
class Band:
    """A range of totals with one meaning."""

    name: str
    least: float
    most: float


@dataclass(frozen=True)
class ScoreTable:
    """Everything that a score's file says and the code reads more than once."""

    name: str
    content: Mapping[str, Any]
    items: tuple[Item, ...]
    bands: tuple[Band, ...]
    classes: tuple[Rule, ...]
    cautions: tuple[Rule, ...]
    """Warnings that the facts call for: what each says is its outcome."""
    excluded: frozenset[str]
    """Primaries for which there is no score."""

    def band(self, total: float) -> str | None:
        """Return the name of the band that a total lies in; None where the score has no bands."""
        return next((band.name for band in self.bands if band.least <= total <= band.most), None)


@cache
def score_tables() -> Mapping[str, ScoreTable]:
    """Return the table of every score by the score's name, in the order of the alphabet."""
    names = {str(table(name).get("score", name)): name for name in table_names("scores")}
    return {name: _score_table(name, table(names[name])) for name in sorted(names)}


def score_table(name: str) -> ScoreTable:
    """Return the table of a score.

    Raises
    ------
    InputError
        When there is no score of that name; the message names the nearest ones.
    """
    try:
        return score_tables()[name]
    except KeyError:
        raise _no_such_score(name) from None


def _no_such_score(name: str) -> InputError:
    from difflib import get_close_matches

    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    holding = [known for known in score_tables() if plain and plain in known]
    near = holding[:3] or get_close_matches(plain, score_tables(), n=3, cutoff=0.4)
    hint = f"Did you mean {', '.join(near)}?" if near else "`metaspine scores` lists them all"
    return InputError(f"there is no score {name!r}", where="scores", remedy=hint)


def _score_table(name: str, content: Mapping[str, Any]) -> ScoreTable:
    return ScoreTable(
        name,
        content,
        tuple(_item(item, entry) for item, entry in content.get("items", {}).items()),
        tuple(
            Band(band["name"], band.get("from", float("-inf")), band.get("to", float("inf")))
            for band in content.get("bands", ())
        ),
        tuple(rules_from(_rule_entries(content.get("classes", ()), "name"))),
        tuple(
            rules_from(
                {"id": str(place), "when": entry["if"], "then": entry["says"], "evidence": [entry["evidence"]]}
                for place, entry in enumerate(content.get("warn_when", ()))
            )
        ),
        frozenset(content.get("not_in_table", {}).get("primaries", ())),
    )


def _item(name: str, entry: Mapping[str, Any]) -> Item:
    words = {word: _points(points) for word, points in entry.get("words", {}).items()} | _values(entry)
    otherwise = _points(entry.get("otherwise"))
    steps = tuple(_step(step) for step in entry.get("bins", ()))
    rules = tuple(rules_from(_rule_entries(entry.get("rules", ()), "points")))
    named = (*words.values(), otherwise, *(points for _, _, points in steps))
    counted = tuple(entry["each"] * number for number in range(entry["counted_to"] + 1)) if "each" in entry else ()
    return Item(
        name=name,
        fact=entry.get("fact", ""),
        words=words,
        otherwise=otherwise,
        steps=steps,
        each=entry.get("each"),
        rules=rules,
        unknown=_flat(rule.then for rule in rules) if rules else _flat((*named, counted)),
        ambiguous=entry.get("ambiguous", ""),
    )


def _values(entry: Mapping[str, Any]) -> dict[Any, Points]:
    """Return the words of an item whose finding is its own number of points."""
    if "value" not in entry:
        return {}
    least, most = entry["value"]
    return {number: (number,) for number in range(least, most + 1, entry.get("step", 1))}


def _step(step: Mapping[str, Any]) -> tuple[str, float, Points]:
    how = "below" if "below" in step else "most"
    return how, step.get(how, float("inf")), _points(step["points"])


def _rule_entries(entries: Any, outcome: str) -> Iterator[dict[str, Any]]:
    for place, entry in enumerate(entries):
        then = _points(entry[outcome]) if outcome == "points" else entry[outcome]
        yield {
            "id": str(place),
            "when": entry.get("when", {}),
            "any_of": entry.get("any_of", ()),
            "then": then,
            "evidence": (),
        }


def _points(written: Any) -> Points:
    if written is None:
        return ()
    return tuple(written) if isinstance(written, list) else (written,)


def _flat(several: Any) -> Points:
    return tuple(sorted({number for points in several for number in points}))
