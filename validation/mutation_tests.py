"""The tests that a mutant has to pass: collected once, and run again for each mutant until the first that fails."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from metaspine.assessment import tables
from validation.code_mutants import function_keys
from validation.mutants import Mutant, forget
from validation.mutation_asked import Answer, Asked, Question

REPOSITORY = Path(__file__).parent.parent
TESTS = ("tests/assessment", "tests/evidence", "tests/cli/test_batch_command.py", "tests/cli/test_scores_command.py")
LEFT_OUT = (
    "tests/assessment/test_every_rule.py",
    "tests/assessment/test_assess_command.py",
    "tests/assessment/test_assess_page.py",
    "tests/assessment/test_scores_page.py",
)
"""The first draws its cases from the rules as they are, and so takes a wrong rule for a right one. The others start
the program anew, which knows nothing of the mutant."""
READ_THE_LISTS = ("test_no_two_rules_of_a_list", "test_what_excludes_radiotherapy_from_inside")
"""Tests that look at the lists of rules themselves, and ask them nothing."""
LONGEST_SECONDS = 1.0
"""Slower tests are left out, and so are property tests: whether a draw notices is chance."""
MEMORY_BYTES = 6 * 2**30
ENDLESS_SECONDS = 10.0
A_RULE = re.compile(r"[A-Z][A-Z0-9]+[-_][A-Za-z0-9_-]+")


class Tests:
    """A plugin of pytest that holds the tests and runs ``work`` in place of them."""

    def __init__(self, work: Callable[[Tests], None]) -> None:
        self._work = work
        self.items: dict[str, pytest.Item] = {}
        self.asked = Asked()
        self.seconds: dict[str, float] = {}
        self._answers: dict[tuple[str, ...], Mapping[Question, Answer]] = {}
        self._reached: dict[str, frozenset[str]] = {}
        self._noticed: Counter[str] = Counter()
        self._noticed_in: Counter[tuple[str, str]] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what was collected, without the property tests."""
        self.items = {item.nodeid: item for item in session.items if not _is_property(item)}

    def pytest_runtestloop(self) -> bool:
        """Run the mutants instead of the tests."""
        self._work(self)
        return True

    def learn(self) -> None:
        """Find out what each file of tests reaches, what each test asks the rules, and how long it takes."""
        keys = function_keys()
        with self.asked.listening():
            for _, items in groupby(self.items.values(), key=lambda item: item.path):
                with _noted(keys) as reached:
                    seconds = {item.nodeid: taken for item in items if (taken := self._taken(item)) <= LONGEST_SECONDS}
                if reached:
                    self.seconds |= seconds
                    self._reached |= dict.fromkeys(seconds, frozenset(reached))
        self._answers = {part: self.asked.answers(part) for part in tables.rule_parts()}

    def _taken(self, item: pytest.Item) -> float:
        """Return the seconds that a test takes; endless where it fails although nothing was changed."""
        self.asked.test = item.nodeid
        started = _seconds_used()
        if _passes(item):
            return _seconds_used() - started
        print(f"left out, for it fails without any mutant: {item.nodeid}", flush=True)
        return float("inf")

    def first_that_fails(self, names: Iterable[str]) -> str:
        """Return the test that fails first, or nothing where all pass."""
        return next((name for name in names if not _passes(self.items[name])), "")

    def noticed(self, mutant: Mutant) -> str:
        """Return the test that notices a mutant, or nothing; the likeliest and quickest are asked first."""
        with mutant.in_place():
            found = self.first_that_fails(self._likely_first(mutant, self._near(mutant)))
        if found:
            self._noticed[found] += 1
            self._noticed_in[mutant.part, found] += 1
        return found

    def _near(self, mutant: Mutant) -> Iterable[str]:
        """Return the tests that can notice a mutant that is in place."""
        if mutant.rules:
            of_the_lists = {name for name in self.seconds if any(words in name for words in READ_THE_LISTS)}
            told_apart = self.asked.told_apart(mutant.rules, self._answers[mutant.rules])
            return of_the_lists | (self.seconds.keys() & told_apart)
        return [name for name, reached in self._reached.items() if mutant.reached_through & reached]

    def _likely_first(self, mutant: Mutant, near: Iterable[str]) -> list[str]:
        words = [*A_RULE.findall(mutant.name), mutant.name.partition(".")[0]]

        def order(name: str) -> tuple[Any, ...]:
            said = -sum(word in name for word in words)
            before = -self._noticed_in[mutant.part, name]
            return (said, before, self.seconds[name] / (1 + self._noticed[name]), name)

        return sorted(near, key=order)


def run(work: Callable[[Tests], None]) -> None:
    """Collect the tests and do some work with them."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    left_out = [f"--ignore={REPOSITORY / path}" for path in LEFT_OUT]
    quiet = ["-q", "-s", "--tb=native", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:logging"]
    pytest.main([*quiet, *left_out, *(str(REPOSITORY / path) for path in TESTS)], plugins=[Tests(work)])


def _is_property(item: pytest.Item) -> bool:
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


@contextmanager
def _noted(keys: dict[int, str]) -> Iterator[set[str]]:
    """Note the tables that are read and the functions that are entered, from empty caches on."""
    read, reached = tables._read, set[str]()

    def noted(path: str) -> Any:
        reached.add(path)
        return read(path)

    def entered(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (key := keys.get(id(frame.f_code))):
            reached.add(key)

    forget()
    tables._read = noted
    sys.setprofile(entered)
    try:
        yield reached
    finally:
        sys.setprofile(None)
        tables._read = read


def _seconds_used() -> float:
    """Return the processor time of this process and of those that it started."""
    return sum(os.times()[:4])


def _passes(item: pytest.Item) -> bool:
    with _not_endless():
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


@contextmanager
def _not_endless() -> Iterator[None]:
    """Let a mutant that never ends fail its test."""

    def stop(*_: object) -> None:
        raise TimeoutError("the test takes too long")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
