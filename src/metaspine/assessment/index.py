"""The conditions of many rules arranged by fact, so that a list of rules is read with one look at each fact.

A row is one way in which a rule fires: its ``when`` with one alternative of ``any_of``. In a mask, bit i is row i. For
each value of a fact three masks say in which rows all conditions on that fact are true, in which none is false, and
which rows belong to rules that do not miss that fact. The three stand side by side in one number, and the "and" of
these numbers over all facts gives the rows that fire and those that could: Kleene's logic, the same as ``Rule.holds``,
because "and" distributes over "or" there too. A fact is of one type: words, yes or no, a number, or a set of words.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from metaspine.assessment.conditions import Condition, Facts, all_of


class Index:
    """The rows of a list of rules, by the facts that they ask for.

    Parameters
    ----------
    rules
        For each rule its rows, each a sequence of conditions.
    """

    def __init__(self, rules: Sequence[Sequence[Sequence[Condition]]]) -> None:
        self._rows = [tuple(row) for rows in rules for row in rows]
        self._rule_of = [place for place, rows in enumerate(rules) for _ in rows]
        self.asked = tuple(tuple(dict.fromkeys(c.fact for row in rows for c in row)) for rows in rules)
        """The facts that each rule asks for."""
        self.facts = tuple(dict.fromkeys(name for names in self.asked for name in names))
        """All facts that are asked for."""
        self._width = len(self._rows)
        self._every = (1 << self._width) - 1
        self._start = (1 << 3 * self._width) - 1
        self._after = [-1 << bisect_right(self._rule_of, place) for place in range(len(rules))]
        self._words: list[tuple[str, Callable[[Any, int], int], int]] = []
        self._numbers: list[tuple[str, list[float], list[int], int]] = []
        self._sets: list[tuple[str, Callable[[Any], int]]] = []
        for fact in self.facts:
            self._arrange(fact)

    def read(self, facts: Facts) -> tuple[int, int]:
        """Return two masks: the rows that hold, and those that miss a fact and hold or could."""
        masks = self._start
        for fact, of_word, of_another in self._words:
            masks &= of_word(facts[fact], of_another)
        for fact, bounds, of_bin, of_unknown in self._numbers:
            value = facts[fact]
            masks &= of_unknown if value is None else of_bin[bisect_left(bounds, value) + bisect_right(bounds, value)]
        for fact, of_set in self._sets:
            masks &= of_set(facts[fact])
        width, every = self._width, self._every
        return masks & every, masks >> width & ~(masks >> 2 * width) & every

    def first(self, rows: int) -> int:
        """Return the place of the first rule in a mask that is not empty."""
        return self._rule_of[(rows & -rows).bit_length() - 1]

    def places(self, rows: int) -> list[int]:
        """Return the places of all rules in a mask, in their order."""
        found = []
        while rows:
            place = self._rule_of[(rows & -rows).bit_length() - 1]
            found.append(place)
            rows &= self._after[place]
        return found

    def until(self, place: int, rows: int) -> int:
        """Return the part of a mask that belongs to the rule of a place and to those before it."""
        return rows & ~self._after[place]

    def _arrange(self, fact: str) -> None:
        """Prepare the masks for every value of a fact that the conditions can tell apart."""
        asking = [condition for row in self._rows for condition in row if condition.fact == fact]
        if any(condition.operator == "includes" for condition in asking):
            self._sets.append((fact, lru_cache(maxsize=1024)(lambda value: self._masks(fact, value))))
        elif bounds := bounds_of(asking):
            bins = [self._masks(fact, value) for value in each_side(bounds)]
            self._numbers.append((fact, bounds, bins, self._masks(fact, None)))
        else:
            words = (word for condition in asking for word in condition.operand)
            masks = {word: self._masks(fact, word) for word in (None, *words)}
            self._words.append((fact, masks.get, self._masks(fact, object())))

    def _masks(self, fact: str, value: Any) -> int:
        """Return the three masks of a value, one above the other."""
        truths = [all_of(c.holds_for(value) for c in row if c.fact == fact) for row in self._rows]
        known = [value is not None or fact not in self.asked[place] for place in self._rule_of]
        bits = (*(truth is True for truth in truths), *(truth is not False for truth in truths), *known)
        return sum(bit << place for place, bit in enumerate(bits))


def bounds_of(conditions: Iterable[Condition]) -> list[float]:
    """Return the numbers that conditions compare a fact with, in ascending order."""
    operands = (c.operand if isinstance(c.operand, tuple) else (c.operand,) for c in conditions)
    return sorted({x for group in operands for x in group if isinstance(x, int | float) and not isinstance(x, bool)})


def each_side(bounds: Sequence[float]) -> list[float]:
    """Return a number below, at, between and above the bounds: one of each kind that conditions can tell apart."""
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    inside = [number for pair in zip(bounds, [*between, bounds[-1] + 1], strict=True) for number in pair]
    return [bounds[0] - 1, *inside]
