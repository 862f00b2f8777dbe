"""What was learned of the tests, kept by their files, so that a further run need not learn it again."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

import metaspine
from validation.mutation_asked import Questions
from validation.mutation_reach import Scorings

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "mutation_learned"


@dataclass(frozen=True)
class Learned:
    """What a run of one test without any mutant taught."""

    seconds: float
    reached: frozenset[str]
    questions: Questions
    scorings: Scorings


Learnt = dict[str, Learned]
"""By the names of the tests."""


def kept_by_file(items: Iterable[pytest.Item], learn: Callable[[Iterable[pytest.Item]], Learnt]) -> Iterator[Learnt]:
    """Yield what is learned of the tests, a file at a time: from the disk where nothing changed since."""
    KEPT.mkdir(parents=True, exist_ok=True)
    learning = [HERE / f"mutation_{name}.py" for name in ("asked", "learned", "reach")]
    program = _digest(sorted([*Path(str(metaspine.__file__)).parent.rglob("*.*"), *learning]))
    for path, of_file in groupby(items, key=lambda item: item.path):
        beside = sorted(each for each in path.parent.glob("*.py") if not each.name.startswith("test_"))
        place = KEPT / f"{path.stem}-{_digest([path, *beside], program)}.pickle"
        if not place.exists():
            place.write_bytes(pickle.dumps(learn(of_file)))
        yield pickle.loads(place.read_bytes())  # noqa: S301 - written by this program


def _digest(paths: Iterable[Path], before: str = "") -> str:
    found = hashlib.sha256(before.encode())
    for path in paths:
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
