"""What would change an answer: one fact of the case at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Altered:
    """A part of the advice that would be another."""

    level: str
    """The lesion whose advice it is."""
    part: str
    """recommendation, acceptable, urgency_class, steroids ..."""
    before: Any
    after: Any


@dataclass(frozen=True)
class Alternative:
    """Another value of a fact, and what it would alter."""

    value: Any
    alters: tuple[Altered, ...]


@dataclass(frozen=True)
class Change:
    """A fact of the case that would alter the advice if it were another one."""

    key: str
    """Its key in the case file, e.g. ``lesion.escc``, or ``lesions[1].escc`` where lesions are listed."""
    now: Any
    """None where it is not known: then it is still missing to decide."""
    alternatives: tuple[Alternative, ...]
    """Those values that alter something, in the order of the case form."""

    @property
    def parts(self) -> frozenset[tuple[str, str]]:
        """What it can alter: levels with parts of their advice."""
        return frozenset((altered.level, altered.part) for each in self.alternatives for altered in each.alters)

    def alters(self, part: str) -> bool:
        """Return whether one of its values alters a part of the advice for some lesion."""
        return any(altered == part for _, altered in self.parts)
