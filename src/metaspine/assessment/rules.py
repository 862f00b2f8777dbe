"""Rules as data: conditions over named facts, an outcome, and the evidence behind it.

A condition is true, false or not known (None). A rule fires only when all its conditions are true; what was not known
in the rules that could have fired is reported, so that every outcome says what is missing. ``Rule.holds`` is what a
rule means; lists of rules are read through their index, which says the same of all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from metaspine.assessment.conditions import Condition, Facts, Truth, all_of, any_of, conditions
from metaspine.assessment.index import Index

__all__ = [
    "Condition",
    "Consulted",
    "Decision",
    "Facts",
    "Gathered",
    "Rule",
    "RuleList",
    "consulted",
    "decided",
    "every_that_applies",
    "evidence_of",
    "first_that_applies",
    "gathered",
    "rules_from",
    "unknown_facts",
]


@dataclass(frozen=True)
class Rule:
    """A rule: all of ``when``, and one alternative of ``any_of`` where there are any."""

    id: str
    when: tuple[Condition, ...]
    any_of: tuple[tuple[Condition, ...], ...]
    then: Any
    """What it says; its own id where the table states nothing else."""
    evidence: tuple[str, ...]
    strength: str
    """How much it weighs: stop, prefer, avoid, warn, accept or inform."""
    conflict: str
    """The id of the conflict between sources that it belongs to; empty where there is none."""
    part: str
    """The list it stands in, as table.part."""
    extra: Mapping[str, Any]
    """What a table adds to a rule, such as a weight or further rows."""

    @property
    def name(self) -> str:
        """The rule's name in the whole program: table.part.id."""
        return f"{self.part}.{self.id}"

    @property
    def rows(self) -> tuple[tuple[Condition, ...], ...]:
        """Every way in which it fires: ``when`` with each alternative."""
        return tuple((*self.when, *group) for group in self.any_of) or (self.when,)

    def holds(self, facts: Facts) -> Truth:
        """Return whether the rule fires; None where it could, if more were known."""
        every = all_of(condition.holds(facts) for condition in self.when)
        if every is False or not self.any_of:
            return every
        return all_of((every, any_of(all_of(c.holds(facts) for c in group) for group in self.any_of)))

    def unknown(self, facts: Facts) -> tuple[str, ...]:
        """Return the facts that the rule asks for and that are not known."""
        asked = dict.fromkeys(condition.fact for row in self.rows for condition in row)
        return tuple(name for name in asked if facts[name] is None)


class RuleList(tuple[Rule, ...]):
    """Rules in their order, with the index that reads them together."""

    @cached_property
    def by_fact(self) -> Index:
        """Their conditions, arranged by the facts they ask for."""
        return Index([rule.rows for rule in self])


class Decision(NamedTuple):
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


class Gathered(NamedTuple):
    """Every rule that fires, and the unknown facts that could have added others or decide them."""

    rules: tuple[Rule, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Consulted:
    """A list of rules that was asked, and what it found."""

    rules: RuleList
    facts: Facts
    """The facts that its rules ask for, as they stood."""
    level: str
    """The level of the lesion it was asked about; empty for the patient."""
    first_only: bool
    """The first rule that applies decides; otherwise all that apply count."""
    fired: tuple[Rule, ...]


_LISTENERS: ContextVar[list[Consulted] | None] = ContextVar("listeners", default=None)


@contextmanager
def consulted() -> Iterator[list[Consulted]]:
    """Collect every list of rules that is asked within the block, in order: an assessment explained by itself."""
    found: list[Consulted] = []
    token = _LISTENERS.set(found)
    try:
        yield found
    finally:
        _LISTENERS.reset(token)


def rules_from(entries: Iterable[Mapping[str, Any]], part: str = "", strength: str = "inform") -> RuleList:
    """Return the rules that a table describes, in its order; ``strength`` is that of rules which state none."""
    return RuleList(_rule(entry, part, strength) for entry in entries)


def first_that_applies(rules: Iterable[Rule], facts: Facts) -> Decision | None:
    """Return the decision of the first rule that fires, or None where none does."""
    asked = _listed(rules)
    index = asked.by_fact
    true, could = index.read(facts)
    place = index.first(true) if true else None
    if _LISTENERS.get() is not None:
        _tell(asked, facts, () if place is None else (asked[place],), first_only=True)
    if place is None:
        return None
    return Decision(asked[place], _names(index, index.until(place, could), facts) if could else ())


def decided(rules: Iterable[Rule], facts: Facts) -> Decision:
    """Return the decision of a list of rules whose last one always fires."""
    decision = first_that_applies(rules, facts)
    if decision is None:
        raise ValueError("a decision table without a last rule that always fires")
    return decision


def every_that_applies(rules: Iterable[Rule], facts: Facts) -> tuple[Rule, ...]:
    """Return all rules that fire, in their order."""
    asked = _listed(rules)
    return _fired(asked, asked.by_fact.read(facts)[0], facts)


def gathered(rules: Iterable[Rule], facts: Facts) -> Gathered:
    """Return all rules that fire, in their order, with the unknown facts of those that fire or could."""
    asked = _listed(rules)
    true, could = asked.by_fact.read(facts)
    return Gathered(_fired(asked, true, facts), _names(asked.by_fact, could, facts))


def unknown_facts(rules: Iterable[Rule], facts: Facts) -> tuple[str, ...]:
    """Return the unknown facts of all rules that fire or could fire."""
    index = _listed(rules).by_fact
    return _names(index, index.read(facts)[1], facts)


def evidence_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the ids of what rules rest on together, each once."""
    return _together(tuple([rule.evidence for rule in rules]))


@lru_cache(maxsize=4096)
def _together(evidence: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in evidence for name in names))


def _listed(rules: Iterable[Rule]) -> RuleList:
    return rules if isinstance(rules, RuleList) else RuleList(rules)


def _fired(asked: RuleList, rows: int, facts: Facts) -> tuple[Rule, ...]:
    fired = tuple([asked[place] for place in asked.by_fact.places(rows)])
    if _LISTENERS.get() is not None:
        _tell(asked, facts, fired, first_only=False)
    return fired


def _names(index: Index, rows: int, facts: Facts) -> tuple[str, ...]:
    """Return the unknown facts of the rules in a mask, each once."""
    found: dict[str, None] = {}
    for place in index.places(rows):
        for name in index.asked[place]:
            if facts[name] is None:
                found[name] = None
    return tuple(found)


def _tell(rules: RuleList, facts: Facts, fired: tuple[Rule, ...], *, first_only: bool) -> None:
    listener = _LISTENERS.get()
    if listener is not None:
        asked = {name: facts[name] for name in rules.by_fact.facts}
        listener.append(Consulted(rules, asked, facts.get("lesion.level", ""), first_only, fired))


def _rule(entry: Mapping[str, Any], part: str, strength: str) -> Rule:
    known = ("id", "when", "any_of", "then", "evidence", "strength", "conflict")
    return Rule(
        entry["id"],
        conditions(entry["when"]),
        tuple(conditions(group) for group in entry.get("any_of", ())),
        entry.get("then", entry["id"]),
        tuple(entry["evidence"]),
        entry.get("strength", strength),
        entry.get("conflict", ""),
        part,
        {name: value for name, value in entry.items() if name not in known},
    )
