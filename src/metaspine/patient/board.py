"""One page of advice for the tumour board: everything that was decided, put together, by lesion and for the patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.levels import LEVELS
from metaspine.patient.pathway import WEIGHT, Advisory, Pathway
from metaspine.patient.policy import BoardPolicy, Followed
from metaspine.patient.scoring import Scored

Standing = Literal["preferred", "acceptable", "alternative", "subordinate", "to_discuss", "not_possible", "undecided"]


@dataclass(frozen=True)
class Step:
    """One thing to do, and until when."""

    code: str
    says: str
    within_h: int | None
    """0 is at once; None where no source states a time."""
    level: str
    """The lesion it is for; empty where it is for the patient."""
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Option:
    """One way to treat a lesion, or to leave it untreated, and where it stands among the others."""

    code: str
    """A row of NOMS, IORT_STABILISATION, IORT_KYPHOPLASTY, NO_LOCAL_THERAPY or BEST_SUPPORTIVE_CARE."""
    standing: Standing
    says: str
    """What it is, in plain words."""
    because: tuple[str, ...]
    """Why it stands there: reasons in plain words."""
    replaces: str
    """For IORT: the radiotherapy that it would take the place of; else empty."""
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class BoardLesion:
    """What the board reads of one lesion."""

    advice: LesionAdvice
    summary: str
    options: tuple[Option, ...]
    """The preferred one first; what is not possible last."""
    pathway: tuple[Advisory, ...]
    scores: Mapping[str, Scored]
    remarks: tuple[Advisory, ...]
    """What follows from the other lesions of the patient."""


@dataclass(frozen=True)
class Board:
    """The board's page: what to do in which order, the options, what is open, and where the sources disagree."""

    advice: Advice
    summary: str
    steps: tuple[Step, ...]
    """In the order of time, for all lesions together; one without a time before the treatment that it prepares."""
    avoid: tuple[Advisory, ...]
    """What must not be done."""
    lesions: tuple[BoardLesion, ...]
    """The one to treat first, first."""
    together: tuple[tuple[str, ...], ...]
    """Groups of levels that one construct, or one session, can hold."""
    pathway: Pathway
    scores: Mapping[str, Scored]
    untreated: tuple[Advisory, ...]
    """What the sources say happens if nothing is done."""
    missing: Mapping[str, tuple[str, ...]]
    """Every unknown key that could change an answer, with the levels it concerns."""
    disagreements: tuple[Followed, ...]
    """The conflicts between sources that this case touches, with the side of each that is followed."""

    @property
    def around(self) -> tuple[Advisory, ...]:
        """What stands around the decision, the weightiest first; without what is told as to avoid, or as untreated."""
        of_lesions = {lesion.advice.level: lesion.pathway for lesion in self.lesions}
        told = {one.statement for one in (*self.avoid, *self.untreated)}
        said = [one for one in said_once(self.pathway.of_patient, of_lesions) if one.statement not in told]
        return tuple(sorted(said, key=lambda one: WEIGHT.index(one.strength)))

    @property
    def policy(self) -> BoardPolicy:
        """The centre's policy under which the advice was given."""
        return self.advice.policy


def said_once(of_patient: Iterable[Advisory], of_lesions: Mapping[str, Iterable[Advisory]]) -> tuple[Advisory, ...]:
    """Return every statement once; one that does not hold of all lesions begins with the levels that it is of.

    Parameters
    ----------
    of_lesions
        What is said of each lesion, by its level.
    """
    found = {_words(one): one for one in of_patient}
    levels: dict[tuple[str, ...], list[str]] = {}
    for level in sorted(of_lesions, key=LEVELS.index):
        for one in of_lesions[level]:
            if _words(one) not in found or _words(one) in levels:
                levels.setdefault(_words(one), []).append(level)
                found.setdefault(_words(one), one)
    return tuple(
        replace(one, statement=f"{', '.join(levels[words])}: {one.statement}")
        if 0 < len(levels.get(words, ())) < len(of_lesions)
        else one
        for words, one in found.items()
    )


def _words(one: Advisory) -> tuple[str, ...]:
    return (one.statement, *one.basis.notes)
