"""The tests that a mutant has to pass: collected once, and run again for each mutant until the first that fails."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from metaspine.assessment import tables
from validation.code_mutants import function_keys
from validation.mutants import Mutant, forget

REPOSITORY = Path(__file__).parent.parent
PROGRAM = REPOSITORY / "src" / "metaspine" / "assessment"
FOLDERS = ("tests/assessment", "tests/evidence")
LEFT_OUT = (
    "tests/assessment/test_every_rule.py",
    "tests/assessment/test_assess_command.py",
    "tests/assessment/test_assess_page.py",
    "tests/assessment/test_scores_page.py",
)
"""The first draws its cases from the rules as they are, and so takes a wrong rule for a right one. The others start
the program anew, which knows nothing of the mutant."""
LONGEST_SECONDS = 1.0
"""Slower tests are left out, and so are property tests: whether a draw notices is chance."""
MEMORY_BYTES = 6 * 2**30
ENDLESS_SECONDS = 10.0
A_RULE = re.compile(r"[A-Z][A-Z0-9]+[-_][A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Reach:
    """What a file of tests reads and enters, and how long each of its tests takes."""

    tables: tuple[str, ...]
    functions: tuple[str, ...]
    seconds: Mapping[str, float]


class Tests:
    """A plugin of pytest that holds the tests and runs ``work`` in place of them."""

    def __init__(self, work: Callable[[Tests], None]) -> None:
        self._work = work
        self.items: dict[str, pytest.Item] = {}
        self.seconds: dict[str, float] = {}
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

    def learn(self, kept: Path) -> None:
        """Find out what each file of tests reaches; kept until the assessment or the file itself changes."""
        program = _state(path for path in PROGRAM.rglob("*") if path.suffix in (".py", ".yaml"))
        known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        for path, items in groupby(self.items.values(), key=lambda item: item.path):
            name, state = str(path.relative_to(REPOSITORY)), program + _state((path,))
            if known.get(name, {}).get("state") != state:
                known[name] = {"state": state, "reach": asdict(_reach([*items]))}
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(known), encoding="utf-8")
            self._keep(Reach(**known[name]["reach"]))

    def _keep(self, reach: Reach) -> None:
        through = frozenset((*reach.tables, *reach.functions))
        if through:
            quick = {name: seconds for name, seconds in reach.seconds.items() if seconds <= LONGEST_SECONDS}
            self.seconds |= quick
            self._reached |= dict.fromkeys(quick, through)

    def first_that_fails(self, names: Iterable[str]) -> str:
        """Return the test that fails first, or nothing where all pass."""
        return next((name for name in names if not _passes(self.items[name])), "")

    def noticed(self, mutant: Mutant) -> str:
        """Return the test that notices a mutant, or nothing; the likeliest and quickest are asked first."""
        with mutant.in_place():
            found = self.first_that_fails(self._likely_first(mutant))
        if found:
            self._noticed[found] += 1
            self._noticed_in[mutant.part, found] += 1
        return found

    def _likely_first(self, mutant: Mutant) -> list[str]:
        through, rules = mutant.reached_through, A_RULE.findall(mutant.name)
        near = [name for name, reached in self._reached.items() if through & reached]

        def order(name: str) -> tuple[Any, ...]:
            of_the_rule = any(rule in name for rule in rules)
            return (not of_the_rule, -self._noticed_in[mutant.part, name], -self._noticed[name], self.seconds[name])

        return sorted(near, key=order)


def run(work: Callable[[Tests], None]) -> None:
    """Collect the tests and do some work with them."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    left_out = [f"--ignore={REPOSITORY / path}" for path in LEFT_OUT]
    quiet = ["-q", "-s", "--tb=native", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:logging"]
    pytest.main([*quiet, *left_out, *(str(REPOSITORY / folder) for folder in FOLDERS)], plugins=[Tests(work)])


def _is_property(item: pytest.Item) -> bool:
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def _reach(items: list[pytest.Item]) -> Reach:
    """Run the tests of a file from empty caches on, and note the tables that they read and the functions they enter."""
    read, files, functions, seconds = tables._read, set[str](), set[str](), dict[str, float]()
    keys = function_keys()

    def noted(path: str) -> Any:
        files.add(path)
        return read(path)

    def entered(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (key := keys.get(id(frame.f_code))):
            functions.add(key)

    forget()
    tables._read = noted
    sys.setprofile(entered)
    try:
        for item in items:
            started = _seconds_used()
            if _passes(item):
                seconds[item.nodeid] = _seconds_used() - started
            else:
                print(f"left out, for it fails without any mutant: {item.nodeid}", flush=True)
    finally:
        sys.setprofile(None)
        tables._read = read
    return Reach(tuple(sorted(files)), tuple(sorted(functions)), seconds)


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


def _state(paths: Iterable[Path]) -> str:
    seen = hashlib.sha256()
    for path in sorted(paths):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]
