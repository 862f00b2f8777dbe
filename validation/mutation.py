"""``python -m validation.mutation``: break every rule and function once, and see a test turn red.

A mutant is one small change: a condition left out, a bound moved by a step, two rules exchanged, points that are one
more; in the code a comparison turned, an ``and`` made an ``or``, a constant changed. It is put in place within this
process, the tests that reach it run until the first that fails, and it is taken out again. What became of each is
appended to a file, so that a run that was stopped goes on, and only mutants of changed files are run anew. A mutant
that no test notices survives; its explanation stands in ``data/surviving_mutants.yaml``. One without an explanation
ends the command with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import yaml

import metaspine.assessment as room
from validation import mutation_tests
from validation.code_mutants import code_mutants
from validation.mutants import Mutant, forget, keep_files
from validation.mutation_tests import PUT_OFF, REPOSITORY, Tests
from validation.table_mutants import table_mutants

EXPLANATIONS = REPOSITORY / "validation" / "data" / "surviving_mutants.yaml"
RESULTS = REPOSITORY / "build" / "mutation.jsonl"
PROGRESS_SECONDS = 60
MUST_BE_NOTICED = ("noms.stops: STOP-PREGNANT left out", "engine.severity")
"""Beginnings of the names of mutants that the tests have to notice, else nothing that the run says is true."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    name: str
    noticed_by: str
    """The test that failed; empty where none did, or where the mutant was put off."""
    put_off_after_seconds: float = 0.0
    """How long its tests ran until it was put off; 0 where it was not."""


def every_mutant() -> list[Mutant]:
    """Return all mutants, those of the tables first."""
    return [*chain(table_mutants(), code_mutants())]


def sample(mutants: list[Mutant], every: int, seed: int) -> list[Mutant]:
    """Return one in so many mutants in an order drawn by a seed, so that a run that is stopped is a sample too."""
    return random.Random(seed).sample(mutants, len(mutants) // every)  # noqa: S311 - nothing secret


def main() -> int:
    """Run the mutants that were asked for and print those that survive."""
    asked = _asked()
    keep_files()
    drawn = sample(every_mutant(), asked.every, asked.seed)
    mutants = [mutant for mutant in drawn if any(text in mutant.name for text in asked.only)]
    if not asked.report:
        mutation_tests.run(lambda tests: _work(tests, mutants, asked))
    return _report(mutants, _known(asked.results))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m validation.mutation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], help="Only mutants whose name holds one of these texts.")
    parser.add_argument("--every", type=int, default=1, help="One in so many mutants, drawn; 1 is all.")
    parser.add_argument("--seed", type=int, default=1, help="The seed of the draw.")
    parser.add_argument("--again", action="store_true", help="Run those that survived once more, after new tests.")
    parser.add_argument("--processes", type=int, default=1, help="So many mutants at a time.")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Put a mutant off after so many seconds.")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Stop after so many minutes.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="The file that outcomes are appended to.")
    parser.add_argument("--report", action="store_true", help="Run nothing; say what the file holds.")
    return parser.parse_args()


def _work(tests: Tests, mutants: list[Mutant], asked: argparse.Namespace) -> None:
    tests.learn()
    _check_that_mutants_act(tests)
    tests.put_off_after_seconds = asked.seconds
    known = _known(asked.results)
    for mutant in mutants:
        tests.remember(mutant, known[_key(mutant)].noticed_by if _key(mutant) in known else "")
    left = [mutant for mutant in mutants if _is_left(known.get(_key(mutant)), asked)]
    left.sort(key=lambda mutant: _key(mutant) not in known)  # those that are not settled before those never run
    print(f"{len(left)} mutants to run, {len(mutants) - len(left)} known; {len(tests.seconds)} tests", flush=True)
    started = said = time.monotonic()
    in_time = takewhile(lambda _: time.monotonic() - started < 60 * asked.minutes, left)
    with asked.results.open("a", encoding="utf-8") as file:
        for number, (mutant, noticed_by) in enumerate(tests.noticed(in_time, asked.processes), 1):
            print(_line(mutant, noticed_by, asked.seconds), file=file, flush=True)
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                print(f"{number} of {len(left)} after {(said - started) / 60:.0f} min", flush=True)
    print(f"{(time.monotonic() - started) / 60:.1f} min, processor {sum(os.times()[:4]) / 60:.1f} min with learning")
    tests.put_off_after_seconds = float("inf")
    _check_that_nothing_is_left(tests)


def _line(mutant: Mutant, noticed_by: str, seconds: float) -> str:
    entry = {"mutant": mutant.name, "state": _state(mutant.file)}
    if noticed_by == PUT_OFF:
        return json.dumps(entry | {"noticed_by": "", "put_off_after_seconds": seconds})
    return json.dumps(entry | {"noticed_by": noticed_by})


def _is_left(outcome: Outcome | None, asked: argparse.Namespace) -> bool:
    if outcome is None or (asked.again and not outcome.noticed_by):
        return True
    return 0 < outcome.put_off_after_seconds < asked.seconds


def _check_that_mutants_act(tests: Tests) -> None:
    for name in MUST_BE_NOTICED:
        of_the_name = (mutant for mutant in every_mutant() if mutant.name.startswith(name))
        if not any(found for _, found in tests.noticed(of_the_name)):
            sys.exit(f"no test notices {name}")


def _check_that_nothing_is_left(tests: Tests) -> None:
    """See that all tests pass with no mutant, after all the others."""
    forget()
    if failed := tests.first_that_fails(tests.seconds):
        sys.exit(f"a test fails with no mutant in place: {failed}")


def _known(results: Path) -> Mapping[str, Outcome]:
    """Return what earlier runs found of mutants, by name and state of the file; the last run counts."""
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    entries: Iterator[dict[str, Any]] = (json.loads(line) for line in lines)
    return {
        f"{each['mutant']} {each['state']}": Outcome(
            each["mutant"], each["noticed_by"], each.get("put_off_after_seconds", 0.0)
        )
        for each in entries
    }


def _key(mutant: Mutant) -> str:
    return f"{mutant.name} {_state(mutant.file)}"


@cache
def _state(file: str) -> str:
    return hashlib.sha256((Path(str(room.__file__)).parent / file).read_bytes()).hexdigest()[:12]


def explanations() -> Mapping[str, str]:
    """Return why mutants survive, by their names."""
    return yaml.safe_load(EXPLANATIONS.read_text(encoding="utf-8")) or {}


def _report(mutants: list[Mutant], known: Mapping[str, Outcome]) -> int:
    """Print the survivors that nothing explains, and the numbers; return 1 where there are any."""
    explained = explanations()
    run = [(mutant, known[_key(mutant)]) for mutant in mutants if _key(mutant) in known]
    found = [(mutant, outcome) for mutant, outcome in run if not outcome.put_off_after_seconds]
    survivors = [mutant.name for mutant, outcome in found if not outcome.noticed_by]
    unexplained = [name for name in survivors if name not in explained]
    for name in unexplained:
        print(f"survives: {name}")
    for file in sorted({mutant.file for mutant, _ in found}):
        here = [outcome for mutant, outcome in found if mutant.file == file]
        alive = sum(not outcome.noticed_by for outcome in here)
        print(f"| {file} | {len(here)} | {len(here) - alive} | {alive} |")
    print(
        f"{len(found)} of {len(mutants)} mutants run, {len(found) - len(survivors)} noticed, {len(survivors)} survive; "
        f"{len(unexplained)} are not explained; {len(run) - len(found)} more are put off"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
