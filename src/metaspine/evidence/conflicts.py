"""Where the sources disagree: each side with what it rests on, the one that is followed, and why.

A centre's board may choose another side of a selectable conflict (``patient.policy``); the rules read the choice as the
fact ``policy.<id>``. All other conflicts are shown, and nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from metaspine.errors import InputError
from metaspine.evidence.references import Confidence, checked_references, data_files, read_data


@dataclass(frozen=True)
class Side:
    """One of the statements that do not agree."""

    key: str
    statement: str
    references: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True)
class Conflict:
    """A question that the sources answer differently."""

    id: str
    question: str
    """What is open, as a sentence that ends in a question mark."""
    summary: str
    """The disagreement and what is followed, in one or two sentences."""
    sides: Mapping[str, Side]
    """Every side by its key, the default first."""
    default: str
    """The key of the side that is followed unless a centre chooses another (section G of the clinical rules)."""
    why: str
    selectable: bool
    """Whether a rule reads the choice."""


@cache
def conflicts() -> Mapping[str, Conflict]:
    """Return every conflict between sources by its id.

    Raises
    ------
    InputError
        When a conflict is defined twice, has fewer than two sides, a default that is none of them, or cites a reference
        that the bibliography lacks.
    """
    found: dict[str, Conflict] = {}
    for file in data_files("conflicts"):
        for identifier, fields in read_data(file).items():
            if identifier in found:
                raise InputError(f"the conflict {identifier} is defined twice", where=file)
            found[identifier] = _conflict(identifier, fields, file)
    return MappingProxyType(found)


def _conflict(identifier: str, fields: Mapping[str, Any], where: str) -> Conflict:
    default, written = fields["default"], fields["sides"]
    if default not in written or len(written) < 2:
        raise InputError(f"{identifier} needs two sides or more, its default {default} among them", where=where)
    sides = {key: _side(key, written[key], identifier, where) for key in (default, *written)}
    return Conflict(
        id=identifier,
        question=fields["question"],
        summary=fields["summary"],
        sides=MappingProxyType(sides),
        default=default,
        why=fields["why"],
        selectable=fields["selectable"],
    )


def _side(key: str, fields: Mapping[str, Any], identifier: str, where: str) -> Side:
    references = checked_references(fields["references"], cited_by=f"{identifier}, {key},", where=where)
    return Side(key, fields["statement"], references, Confidence(fields["confidence"]))
