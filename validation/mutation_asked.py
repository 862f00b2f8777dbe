"""What the tests ask the lists of rules: which tests can tell a changed list from the one that stands.

A test notices a change of a rule only where it asks the list about facts to which the changed list answers otherwise.
So each list is first asked anew about all the facts that any test asked it about, and only the tests run in which an
answer is another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from metaspine.assessment import rules as engine
from metaspine.assessment import tables
from metaspine.assessment.rules import Facts, Rule, RuleList

Question = tuple[tuple[str, Any], ...]
"""The facts that a list was asked about; last whether the first rule decides."""
Answer = tuple[Any, ...]
Questions = dict[str, dict[Question, set[str]]]
"""For every list of rules what it was asked, and by which tests."""


class Asked:
    """What the lists of rules were asked by all tests."""

    def __init__(self) -> None:
        self._by_part: Questions = {}

    def add(self, questions: Questions) -> None:
        """Add what was asked elsewhere."""
        for part, asked in questions.items():
            for question, tests in asked.items():
                self._by_part.setdefault(part, {}).setdefault(question, set()).update(tests)

    def answers(self, part: Sequence[str]) -> Mapping[Question, Answer]:
        """Return what a list says now to everything that it was ever asked."""
        rules = tables.rules(*part)
        return {question: _answer(rules, dict(question)) for question in self._by_part.get(".".join(part), {})}

    def told_apart(self, part: Sequence[str], before: Mapping[Question, Answer]) -> set[str]:
        """Return the tests that now hear another answer than before."""
        now = self.answers(part)
        asked = self._by_part.get(".".join(part), {})
        return {name for question, answer in now.items() if answer != before[question] for name in asked[question]}


@contextmanager
def listening(test: str) -> Iterator[Questions]:
    """Collect every question that a test asks within the block."""
    heard: Questions = {}
    tell, token = engine._tell, engine._LISTENERS.set([])

    def noted(rules: RuleList, facts: Facts, fired: tuple[Rule, ...], *, first_only: bool) -> None:
        if rules and rules[0].part:
            _note(heard, test, rules, facts, first_only=first_only)
        if engine._LISTENERS.get() is not listeners:
            tell(rules, facts, fired, first_only=first_only)

    listeners = engine._LISTENERS.get()
    engine._tell = noted
    try:
        yield heard
    finally:
        engine._tell = tell
        engine._LISTENERS.reset(token)


def _note(heard: Questions, test: str, rules: RuleList, facts: Facts, *, first_only: bool) -> None:
    question = (*((name, facts[name]) for name in rules.by_fact.facts), ("first", first_only))
    heard.setdefault(rules[0].part, {}).setdefault(question, set()).add(test)


def _answer(rules: RuleList, facts: dict[str, Any]) -> Answer:
    """Return everything that a list says of some facts: what fires with all that it says, and what is not known."""
    try:
        true, could = rules.by_fact.read(facts)
        places = rules.by_fact.places(true)
        if facts["first"] and places:
            places, could = places[:1], rules.by_fact.until(places[0], could)
        missing = [name for place in rules.by_fact.places(could) for name in rules.by_fact.asked[place]]
        fired = [(rules[place].then, rules[place].strength, dict(rules[place].extra)) for place in places]
        return fired, [name for name in dict.fromkeys(missing) if facts[name] is None]
    except (KeyError, TypeError, ValueError) as error:
        return (repr(error),)
