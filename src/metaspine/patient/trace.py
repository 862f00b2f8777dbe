"""How an answer came about: which rules fired on which facts, and which almost did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a rule says, and what it rests on."""

    rule: str
    """The rule's name in the whole program: table.part.id."""
    outcome: Any
    """A code, yes or no, a number of hours, or several codes; None where the rule says that nothing is stated."""
    strength: str
    evidence: tuple[str, ...]
    conflict: str
    """The id of the conflict between sources that the rule belongs to; empty where there is none."""


@dataclass(frozen=True)
class AskedFact:
    """A fact that a rule asked for, as it stood."""

    name: str
    """A key of the case file, or a fact that follows from it or was decided earlier."""
    value: Any
    """None where it is not known."""


@dataclass(frozen=True)
class Fired:
    """A rule that fired."""

    said: Said
    facts: tuple[AskedFact, ...]
    """Those on which it fired; of its alternatives only those that hold."""


@dataclass(frozen=True)
class AlmostFired:
    """A rule that would have changed the answer, had one condition held."""

    said: Said
    fact: AskedFact
    wanted: str
    """What the condition asks of the fact, in words."""


@dataclass(frozen=True)
class Traced:
    """The rules behind the answer for one lesion, or for the patient, in the order in which they were asked."""

    level: str
    """Empty for the patient."""
    fired: tuple[Fired, ...]
    almost: tuple[AlmostFired, ...]


@dataclass(frozen=True)
class Trace:
    """The rules behind an advice."""

    of_patient: Traced
    of_lesions: tuple[Traced, ...]
    """In the order of the case."""
