"""What a centre follows where the sources disagree: one side of each conflict, chosen by its tumour board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache, cached_property

from metaspine.errors import PolicyError
from metaspine.evidence import Conflict, conflicts


@dataclass(frozen=True)
class Ground:
    """Why a side was chosen, when and by whom; empty where that was not written down."""

    reason: str = ""
    decided_on: date | None = None
    approved_by: str = ""


@dataclass(frozen=True)
class BoardPolicy:
    """The sides that a centre has chosen; every other conflict keeps the default of section G of the rules.

    Raises
    ------
    PolicyError
        When a choice names no conflict, one that nothing depends on, or no published side of it.
    """

    centre: str = ""
    """Whose policy it is; empty for the defaults."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The chosen side by the id of the conflict, e.g. ``{"CONFLICT-SCLC": "s2_resistant"}``."""
    version: str = ""
    """Which state of the centre's policy it is; empty where the centre counts none."""
    grounds: Mapping[str, Ground] = field(default_factory=dict)
    """Why a side was chosen, by the id of the conflict."""

    def __post_init__(self) -> None:
        for identifier, side in self.choices.items():
            _require_side(_selectable_conflict(identifier), side)
        for identifier in self.grounds:
            if identifier not in self.choices:
                raise PolicyError("a ground without a choice", where=identifier, remedy="State the chosen side too")

    def side(self, identifier: str) -> str:
        """Return the side of a conflict that is followed: the centre's choice, else the default."""
        return self.choices.get(identifier, conflicts()[identifier].default)

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """The side that is followed in every selectable conflict, as the fact ``policy.<id>`` that rules read."""
        return {f"policy.{conflict.id}": self.side(conflict.id) for conflict in selectable_conflicts()}

    @property
    def departures(self) -> tuple[str, ...]:
        """The ids of the conflicts in which the centre follows another side than section G, in their order."""
        return tuple(name for name, conflict in conflicts().items() if self.side(name) != conflict.default)

    @property
    def in_words(self) -> str:
        """Whose policy it is, which state of it, and in how much it departs from the defaults: as outputs carry it."""
        if not self.centre and not self.choices:
            return "the defaults"
        version = f", version {self.version}" if self.version else ""
        departs = len(self.departures)
        said = f"departs from the default in {departs}" if departs else "follows the default in all"
        return f"{self.centre or 'a centre'}{version}: {said} of {len(selectable_conflicts())} conflicts"


@cache
def selectable_conflicts() -> tuple[Conflict, ...]:
    """Return the conflicts in which a centre may choose, in the order of their file."""
    return tuple(conflict for conflict in conflicts().values() if conflict.selectable)


def _selectable_conflict(identifier: str) -> Conflict:
    names = [conflict.id for conflict in selectable_conflicts()]
    found = conflicts().get(identifier)
    if found is None:
        raise PolicyError(
            "there is no conflict of this name", where=identifier, remedy=_meant(identifier.upper(), names)
        )
    if not found.selectable:
        raise PolicyError(
            "this conflict is shown only: no rule reads a choice in it",
            where=identifier,
            remedy=f"Leave it out; `metaspine evidence {identifier}` shows its sides",
        )
    return found


def _require_side(conflict: Conflict, side: str) -> None:
    if side not in conflict.sides:
        remedy = _meant(str(side), list(conflict.sides))
        raise PolicyError(f"{side!r} is no side of this conflict", where=conflict.id, remedy=remedy)


def _meant(written: str, known: list[str]) -> str:
    near = get_close_matches(written, known, n=1, cutoff=0.6)
    return f"{f'Did you mean {near[0]}? ' if near else ''}The names are {', '.join(known)}"


@dataclass(frozen=True)
class Followed:
    """A conflict, the side of it that is followed, and whether the centre or section G says so."""

    conflict: Conflict
    side: str
    chosen_by_centre: bool
    ground: Ground


DEFAULT_POLICY = BoardPolicy()
"""Section G of the clinical rules: nothing chosen by a centre."""
