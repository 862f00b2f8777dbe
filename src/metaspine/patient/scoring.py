"""A score of any kind: what it comes to, or how far it is known, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from metaspine.patient.advice import Basis

ScoreState = Literal["computed", "partial", "not_applicable", "external", "switched_off"]


@dataclass(frozen=True)
class Narrowing:
    """What one unknown item would tell: how much of the reachable range it decides."""

    key: str
    """The key of the case file."""
    width: float
    """The difference between the most and the least points that the item can still give."""


@dataclass(frozen=True)
class Scored:
    """One score of one patient or lesion.

    ``computed`` has a total or a class; ``partial`` a reachable range; ``external`` waits for, or shows, a value
    that was obtained elsewhere; ``not_applicable`` and ``switched_off`` say why in ``because``.
    """

    name: str
    state: ScoreState
    items: Mapping[str, float | None] = field(default_factory=dict)
    """The points of each item; None where it is not known."""
    total: float | None = None
    meaning: str | None = None
    """The code of the band, class or strategy it comes to, also where the whole reachable range lies in one.

    Its words are in the section ``score_meaning``."""
    reachable: tuple[float, float] | None = None
    """Lowest and highest total that the known items leave."""
    meanings: tuple[str, ...] = ()
    """Every band, class or strategy that the known items leave, in the score's order."""
    narrowing: tuple[Narrowing, ...] = ()
    """The unknown items, the one that decides most first."""
    survival: str = ""
    """What was published for the band, as printed; empty where nothing verified was."""
    higher_is_better: bool | None = None
    because: str = ""
    """Why there is no total, in plain words."""
    warnings: tuple[str, ...] = ()
    """What must stand beside the score wherever it is shown."""
    basis: Basis = field(default_factory=Basis)


def says_something(score: Scored) -> bool:
    """Return whether a score says anything of the patient: it is computed, or part of it is known."""
    if score.state == "computed":
        return True
    return score.state == "partial" and any(points is not None for points in score.items.values())
