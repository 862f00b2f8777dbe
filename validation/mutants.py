"""A small change to the assessment, put in place within this process and taken out again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from metaspine.assessment import score_tables, tables

ROOMS = ("metaspine.assessment", "metaspine.patient")
"""The packages whose caches hold what was read from a table or worked out by code that changes."""


_BUILDERS = tables.rules_from, score_tables._score_table


@dataclass(frozen=True)
class Mutant:
    """One change, by the name that says where it is and what it does."""

    name: str
    part: str
    """The list of rules, the score or the function that it lies in."""
    file: str
    """The file that it changes, as a path below ``metaspine/assessment``."""
    reached_through: frozenset[str]
    """A test can notice it only if it reads one of these tables or enters one of these functions."""
    rules: tuple[str, ...]
    """The table and part of the list of rules that it changes; empty where it changes something else."""
    put_in: Callable[[], Callable[[], None]]
    """Puts the change in place and returns what takes it out again."""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Hold the change in place."""
        take_out = self.put_in()
        forget()
        try:
            yield
        finally:
            take_out()
            forget()


def forget() -> None:
    """Empty every cache of the assessment, so that tables are read and worked out anew.

    What hangs on a list of rules (its index, and the caches of that) goes with the list.
    """
    for cached in caches():
        cached.cache_clear()


def caches() -> Iterator[Any]:
    """Yield every function of the assessment whose answers are kept."""
    for name, module in list(sys.modules.items()):
        if name.startswith(ROOMS):
            yield from (value for value in vars(module).values() if hasattr(value, "cache_clear"))


def keep_files() -> None:
    """Read every YAML file of the assessment once only; a mutant stands in for one of them."""
    read, kept = tables._read, {}

    def once(path: str) -> object:
        if path not in kept:
            kept[path] = read(path)
        return kept[path]

    tables._read = once


def keep_built() -> None:
    """Build every list of rules and every score once only, as long as what it is built from is the same.

    Only for changes of tables: one in the code may lie in the building itself.
    """
    tables.rules_from = _built_once(tables.rules_from)
    score_tables._score_table = _built_once(score_tables._score_table)


def build_anew() -> None:
    """Build all of them anew from now on, as the program does."""
    tables.rules_from, score_tables._score_table = _BUILDERS


def _built_once(build: Callable[..., Any]) -> Callable[..., Any]:
    built: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def once(*asked: Any) -> Any:
        ((place, source),) = ((at, each) for at, each in enumerate(asked) if not isinstance(each, str))
        key = (id(source), *asked[:place], *asked[place + 1 :])
        if key not in built:
            built[key] = (source, build(*asked))
        return built[key][1]

    return once


def named_apart(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Yield the mutants; one that would bear the name of another before it gets a number."""
    seen: dict[str, Iterator[int]] = {}
    for mutant in mutants:
        times = next(seen.setdefault(mutant.name, count(1)))
        name = mutant.name if times == 1 else f"{mutant.name} ({times})"
        yield replace(mutant, name=name)
