"""The tests that a mutant has to pass: collected once, and run for each mutant until the first that fails.

Each mutant lives in a child of this process, in which everything is imported, collected and known already; whatever it
breaks ends with the child, and one that never ends is ended by the system.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from metaspine.assessment import tables
from validation.code_mutants import function_keys
from validation.mutants import Mutant, build_anew, forget, keep_built
from validation.mutation_asked import Answer, Asked, Question, listening
from validation.mutation_learned import Learned, Learnt, kept_by_file
from validation.mutation_reach import Reach
from validation.mutation_scored import ScoredByTests

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
READ_THE_LISTS = (
    "test_no_two_rules_of_a_list",
    "test_what_excludes_radiotherapy_from_inside",
    "test_the_weight_of_a_list",
)
"""Tests that look at the lists of rules themselves, and ask them nothing."""
LONGEST_SECONDS = 2.0
"""Slower tests are left out, and so are property tests: whether a draw notices is chance."""
MEMORY_BYTES = 6 * 2**30
ENDLESS_SECONDS, ENDED_AFTER_SECONDS = 10, 20
"""Processor time after which a test fails, and after which its process is ended where that helps nothing."""
NOTHING = "\0"
PUT_OFF = "put off"
ENDED = "the process ended before a test could fail"
GUESSES = 8
A_RULE = re.compile(r"[A-Z][A-Z0-9]+[-_][A-Za-z0-9_-]+")


class Tests:
    """A plugin of pytest that holds the tests and runs ``work`` in place of them."""

    def __init__(self, work: Callable[[Tests], None]) -> None:
        self._work = work
        self.put_off_after_seconds = float("inf")
        """Processor time after which a mutant that is not noticed yet is left for later."""
        self.items: dict[str, pytest.Item] = {}
        self.seconds: dict[str, float] = {}
        self._asked = Asked()
        self._scored = ScoredByTests()
        self._answers: dict[tuple[str, ...], Mapping[Question, Answer]] = {}
        self._scores: Mapping[str, Mapping[bytes, Any]] = {}
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
        """Find out what each test reaches, what it asks the rules, and how long it takes."""
        reach = Reach(function_keys())
        for learnt in kept_by_file(self.items.values(), lambda items: _learnt(items, reach)):
            self._take(learnt)
        keep_built()
        forget()
        self._answers = {part: self._asked.answers(part) for part in tables.rule_parts()}
        self._scores = self._scored.all_answers()
        gc.freeze()  # what is here stays: a child need not look through it for garbage

    def _take(self, learnt: Learnt) -> None:
        for name, learned in learnt.items():
            if learned.seconds <= LONGEST_SECONDS and learned.reached:
                self.seconds[name] = learned.seconds
                self._reached[name] = learned.reached
                self._asked.add(learned.questions)
                self._scored.add(name, learned.scorings)

    def first_that_fails(self, names: Iterable[str]) -> str:
        """Return the test that fails first, or nothing where all pass; ``PUT_OFF`` where time is up before."""
        most = _seconds_used() + self.put_off_after_seconds
        for name in names:
            if _seconds_used() > most:
                return PUT_OFF
            if not _passes(self.items[name]):
                return name
        return ""

    def noticed(self, mutants: Iterable[Mutant], processes: int = 1) -> Iterator[tuple[Mutant, str]]:
        """Yield each mutant with the test that notices it, or nothing; the likeliest and quickest are asked first."""
        waiting, running = iter(mutants), dict[int, tuple[Mutant, int]]()
        while True:
            for mutant in islice(waiting, processes - len(running)):
                its_words, process = _child(partial(self._noticed_here, mutant))
                running[its_words] = mutant, process
            if not running:
                return
            for its_words in wait(list(running)):
                mutant, process = running.pop(its_words)
                found = _said(its_words, process)
                self.remember(mutant, found)
                yield mutant, found

    def remember(self, mutant: Mutant, noticed_by: str) -> None:
        """Let a test that noticed a mutant come sooner at the next ones, above all at the same place."""
        if noticed_by not in ("", PUT_OFF):
            self._noticed[noticed_by] += 1
            self._noticed_in[mutant.part, noticed_by] += 1

    def _noticed_here(self, mutant: Mutant) -> str:
        if mutant.file.endswith(".py"):
            build_anew()
        with mutant.in_place():
            found = self.first_that_fails(self._guessed(mutant))
            return found or self.first_that_fails(self._likely_first(mutant, self._near(mutant)))

    def _guessed(self, mutant: Mutant) -> list[str]:
        """Return a few tests that bear the name of the score that is changed: cheaper than to score everyone anew."""
        if not mutant.reached_through & self._scores.keys():
            return []
        table = mutant.name.partition(".")[0].partition(":")[0]
        return self._likely_first(mutant, [name for name in self.seconds if table in name])[:GUESSES]

    def _near(self, mutant: Mutant) -> Iterable[str]:
        """Return the tests that can notice a mutant that is in place."""
        if mutant.rules:
            of_the_lists = {name for name in self.seconds if any(words in name for words in READ_THE_LISTS)}
            told_apart = self._asked.told_apart(mutant.rules, self._answers[mutant.rules])
            return of_the_lists | (self.seconds.keys() & told_apart)
        reaching = {name for name, reached in self._reached.items() if mutant.reached_through & reached}
        for file in mutant.reached_through & self._scores.keys():
            reaching |= self.seconds.keys() & self._scored.told_apart(file, self._scores[file])
        return reaching

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


def _learnt(items: Iterable[pytest.Item], reach: Reach) -> Learnt:
    """Run the tests of a file and return what each reaches and asks."""
    with reach.of_a_file():
        found = {item.nodeid: _learned(item, reach) for item in items}
    return {name: replace(one, reached=one.reached | reach.by_caches) for name, one in found.items()}


def _learned(item: pytest.Item, reach: Reach) -> Learned:
    """Run a test and return what was learned; its time is endless where it fails although nothing was changed."""
    started = _seconds_used()
    with listening(item.nodeid) as questions, reach.of_a_test() as reached:
        passes = _passes(item)
    if not passes:
        print(f"left out, for it fails without any mutant: {item.nodeid}", flush=True)
    return Learned(_seconds_used() - started if passes else float("inf"), frozenset(reached), questions, reach.scored)


def _seconds_used() -> float:
    """Return the processor time of this process and of those that it started."""
    return sum(os.times()[:4])


def _child(work: Callable[[], str]) -> tuple[int, int]:
    """Start a child of this process; return the pipe on which it says what it finds out, and its number."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        found = ENDED
        try:
            found = work()
        finally:
            os.write(its, (found or NOTHING).encode())
            os._exit(0)
    os.close(its)
    return ours, child


def _said(its_words: int, child: int) -> str:
    """Return what a child found out, or that it ended before it could say anything."""
    with os.fdopen(its_words, "rb") as pipe:
        found = pipe.read().decode() or ENDED
    os.waitpid(child, 0)
    return found.removeprefix(NOTHING)


def _passes(item: pytest.Item) -> bool:
    with _not_endless():
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


@contextmanager
def _not_endless() -> Iterator[None]:
    """Let a mutant that never ends fail its test; where it does not hear of that, the system ends the process."""

    def stop(*_: object) -> None:
        raise TimeoutError("the test takes too long")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS_SECONDS)
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(sum(os.times()[:2])) + ENDED_AFTER_SECONDS, most))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
