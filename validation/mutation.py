"""``python -m validation.mutation``: break every rule and every line of the assessment once, and see a test turn red.

A mutant is one small change: a condition left out, a bound moved by a step, two rules exchanged, points that are one
more; in the code a comparison turned, an ``and`` made an ``or``, a constant changed. It is put in place within this
process, the tests of the assessment run until the first that fails, and it is taken out again. A mutant that no test
notices survives; it is printed with its explanation from ``data/surviving_mutants.yaml``. One without an explanation
ends the command with 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.runner import runtestprotocol

from validation.mutants import Mutant, mutants_of_code, mutants_of_tables

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
EXPLANATIONS = HERE / "data" / "surviving_mutants.yaml"
FIRST = (
    "test_worked_patients.py",
    "test_boundaries.py",
    "test_pathways.py",
    "test_every_rule.py",
    "test_rules.py",
    "test_radiobiology.py",
)
"""Files of tests in the order in which they are most likely, and quickest, to notice."""
LEFT_OUT = ("test_assess_command.py", "test_assess_page.py", "test_case_schema.py", "test_case_file.py")
"""They start the program anew, which knows nothing of the mutant, or test the reader and not the assessment."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    killed_by: str
    """The test that noticed; empty where none did."""


class Tests:
    """The tests, collected once and run again for every mutant."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what was collected."""
        self.items = sorted(session.items, key=_likely_first)

    def pytest_runtestloop(self) -> bool:
        """Run the mutants instead of the tests."""
        self.run()
        return True

    def run(self) -> None:
        """Run what the command asked for; replaced by the command."""

    def first_that_fails(self) -> str:
        """Return the test that fails first, or nothing where all pass."""
        for item in self.items:
            reports = runtestprotocol(item, log=False, nextitem=None)
            if any(report.failed for report in reports):
                return item.nodeid
        return ""


def _likely_first(item: pytest.Item) -> tuple[int, str]:
    name = item.path.name
    return (FIRST.index(name) if name in FIRST else len(FIRST), item.nodeid)


def outcomes(tests: Tests, mutants: Iterator[Mutant]) -> Iterator[Outcome]:
    """Yield what becomes of each mutant."""
    for mutant in mutants:
        with mutant.in_place():
            yield Outcome(mutant, tests.first_that_fails())


def main() -> int:
    """Run the mutants that were asked for and print those that survive."""
    parser = argparse.ArgumentParser(prog="python -m validation.mutation", description=__doc__)
    parser.add_argument("--only", default="", help="Only mutants whose name holds this text.")
    parser.add_argument("--most", type=int, default=0, help="Stop after so many mutants; 0 is all.")
    asked = parser.parse_args()
    tests, found = Tests(), []

    def run() -> None:
        sound = tests.first_that_fails()
        if sound:
            sys.exit(f"the tests fail without any mutant: {sound}")
        started = time.process_time()
        every = (one for one in chain(mutants_of_tables(), mutants_of_code()) if asked.only in one.name)
        for number, outcome in enumerate(outcomes(tests, every), 1):
            found.append(outcome)
            if not outcome.killed_by:
                print(f"survives: {outcome.mutant.name}", flush=True)
            if number == asked.most:
                break
        print(f"{len(found)} mutants in {time.process_time() - started:.0f} s of processor time")

    tests.run = run  # type: ignore[method-assign]
    ignored = [f"--ignore-glob=*{name}" for name in LEFT_OUT]
    options = ["-q", "-s", "-p", "no:cacheprovider", *ignored, str(TESTS / "assessment")]
    pytest.main(options, plugins=[tests])
    return report(found)


def report(found: list[Outcome]) -> int:
    """Print the survivors with their explanations; return 1 where one has none."""
    explained: dict[str, Any] = yaml.safe_load(EXPLANATIONS.read_text(encoding="utf-8")) or {}
    survivors = [outcome.mutant.name for outcome in found if not outcome.killed_by]
    unexplained = [name for name in survivors if name not in explained]
    for name in survivors:
        print(f"{name}: {explained.get(name, 'NOT EXPLAINED')}")
    print(f"{len(found) - len(survivors)} of {len(found)} mutants were noticed; {len(unexplained)} are not explained")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
