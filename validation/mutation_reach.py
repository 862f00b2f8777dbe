"""What a test reaches: the functions that it enters and the tables that it looks at.

What a function with a cache works out serves later tests too: all that is reached while a cache is filled counts for
every test of the file. All scores are built together, so that reading a score's file says nothing; what counts is that
a test looks at the score's own table.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from metaspine.assessment import score_tables, scoring, tables
from metaspine.assessment.index import Index
from metaspine.assessment.rules import Facts, RuleList
from metaspine.assessment.score_tables import ScoreTable
from metaspine.patient.case import Case, LesionFacts
from metaspine.patient.scoring import Scored
from validation.mutants import caches, forget

Scorings = dict[str, set[bytes]]
WALKS_THROUGH_ALL = tuple(str(module.__file__) for module in (score_tables, scoring, tables))
"""The files that build all scores at once, and look for those of a patient or for lists of rules; their own looking
into scores is no asking."""


class Reach:
    """What is reached, by the test that runs and by the caches that are filled."""

    def __init__(self, keys: dict[int, str]) -> None:
        self._keys = keys
        self._filling = {id(code) for code in _codes_that_fill()}
        self._depth = 0
        self.by_test = set[str]()
        self.by_caches = set[str]()
        self.scored: Scorings = {}
        """For every score the cases and lesions that the test had it computed of."""
        self._last: tuple[Any, ...] = (0, 0)
        self.computed = ""
        """The file of the score that is computed now: which tests hear another answer is found out apart."""

    def add(self, key: str) -> None:
        """Note that something is reached."""
        (self.by_caches if self._depth else self.by_test).add(key)

    def entered_or_left(self, frame: FrameType, event: str, _: Any) -> None:
        """Note that a function is entered; within one that fills a cache until it is left."""
        if event not in ("call", "return"):
            return
        if key := self._keys.get(id(frame.f_code)):
            if id(frame.f_code) in self._filling:
                self._depth += 1 if event == "call" else -1
                self.by_caches.add(key)
            elif event == "call":
                self.add(key)

    @contextmanager
    def of_a_test(self) -> Iterator[set[str]]:
        """Note what is reached within the block."""
        self.by_test, self._depth, self.scored = set(), 0, {}
        sys.setprofile(self.entered_or_left)
        try:
            yield self.by_test
        finally:
            sys.setprofile(None)

    @contextmanager
    def of_a_file(self) -> Iterator[None]:
        """Start from empty caches, with tables that note that they are looked at."""
        self.by_caches = set()
        read, self._score = tables._read, scoring._scored
        tables._read = lambda path: Noting(read(path), path, self)
        ScoreTable.__getattribute__ = _looked_at
        scoring._scored = self._scored
        forget()
        try:
            yield
        finally:
            tables._read, scoring._scored = read, self._score
            del ScoreTable.__getattribute__
            forget()

    def _scored(self, table: ScoreTable, case: Case, lesion: LesionFacts, facts: Facts) -> Scored:
        content = object.__getattribute__(table, "content")
        self.computed, name = content.path, object.__getattribute__(table, "name")
        self.scored.setdefault(name, set()).add(self._kept(case, lesion))
        try:
            return self._score(table, case, lesion, facts)
        finally:
            self.computed = ""

    def _kept(self, case: Case, lesion: LesionFacts) -> bytes:
        if self._last[:2] != (id(case), id(lesion)):
            self._last = (id(case), id(lesion), pickle.dumps((case, lesion)), case, lesion)
        return self._last[2]


class Noting(dict[str, Any]):
    """The content of a table, which notes that it is looked at."""

    def __init__(self, content: dict[str, Any], path: str, reach: Reach) -> None:
        super().__init__(content)
        self.path, self._reach = path, reach

    def looked_at_from(self, file: str) -> None:
        """Note that the table was looked at by a function of a file."""
        if not self.path.startswith("scores/") or (file not in WALKS_THROUGH_ALL and self.path != self._reach.computed):
            self._reach.add(self.path)

    def _looked_at(self) -> None:
        self.looked_at_from(sys._getframe(2).f_code.co_filename)

    def __getitem__(self, key: str) -> Any:
        self._looked_at()
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._looked_at()
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self._looked_at()
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        """Return what stands under a key."""
        self._looked_at()
        return super().get(key, default)

    def items(self) -> Any:
        """Return all that it holds."""
        self._looked_at()
        return super().items()

    def values(self) -> Any:
        """Return all that it holds without the keys."""
        self._looked_at()
        return super().values()

    def keys(self) -> Any:
        """Return its keys."""
        self._looked_at()
        return super().keys()


def _looked_at(table: ScoreTable, name: str) -> Any:
    """Return an attribute of the table of a score, and note that the score was asked for."""
    content = object.__getattribute__(table, "content")
    if isinstance(content, Noting):
        content.looked_at_from(sys._getframe(1).f_code.co_filename)
    return object.__getattribute__(table, name)


def _codes_that_fill() -> Iterator[CodeType]:
    """Yield the code of every function whose answers are kept."""
    yield from (cached.__wrapped__.__code__ for cached in caches())
    yield RuleList.by_fact.func.__code__
    yield Index._masks.__code__
