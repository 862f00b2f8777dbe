"""The bibliography, and how far a statement can be trusted; read from the YAML files in ``evidence/data``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from metaspine.errors import InputError
from metaspine.evidence.shipped import shipped_table


class Confidence(StrEnum):
    """How far a statement can be trusted, from the strongest to the weakest."""

    STATED = "S"
    """Stated in one of the five source papers."""
    VERIFIED = "V"
    """Verified in a copy of the primary publication or an explicit transcription of it."""
    FOUND = "F"
    """Found in a text that was read (often only the abstract)."""
    RECALLED_HIGH = "R-H"
    """Recalled from the original publication, a textbook definition."""
    RECALLED_MEDIUM = "R-M"
    """Recalled from the original publication; check before clinical use."""
    RECALLED_LOW = "R-L"
    """Recalled and doubtful; not enabled by default."""
    COMPUTED = "I"
    """Inferred or computed by the project."""
    CONVENTION = "C"
    """A project convention where the sources are silent or in conflict; always shown as such."""


@dataclass(frozen=True)
class Reference:
    """One publication, standard or data set."""

    name: str
    citation: str
    identifier: str
    """A DOI, PMID or other public identifier; empty where none is known."""


@cache
def bibliography() -> Mapping[str, Reference]:
    """Return every reference by its short name.

    Raises
    ------
    InputError
        When two files give the same short name.
    """
    found: dict[str, Reference] = {}
    for file in data_files("bibliography"):
        for name, fields in read_data(file).items():
            if name in found:
                raise InputError(f"the reference {name} is given twice", where=file)
            found[name] = Reference(name, fields["citation"], fields.get("identifier", ""))
    return MappingProxyType(found)


def checked_references(names: Sequence[str], *, cited_by: str, where: str) -> tuple[str, ...]:
    """Return the references that a statement cites.

    Raises
    ------
    InputError
        When the bibliography lacks one of them.
    """
    unknown = [name for name in names if name not in bibliography()]
    if unknown:
        raise InputError(f"{cited_by} cites {', '.join(unknown)}, unknown to the bibliography", where=where)
    return tuple(names)


def data_files(kind: str) -> list[str]:
    """Return the data files of a kind (bibliography, conflicts); the statements' where it is empty."""
    folder = files("metaspine.evidence") / "data"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    if kind:
        return [name for name in names if name.startswith(kind)]
    return [name for name in names if not name.startswith(("bibliography", "conflicts"))]


def read_data(name: str) -> dict[str, dict[str, Any]]:
    """Return what a data file holds, by id."""
    return shipped_table("metaspine.evidence", name) or {}
