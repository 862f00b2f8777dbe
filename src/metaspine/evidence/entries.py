"""Evidence entries and the bibliography they cite, read from the YAML files in ``evidence/data``.

``bibliography*.yaml`` maps a reference's short name (S1, Armoogum2007) to its citation. Every other file maps the
id of a statement (NOMS-03, DEV-V7) to what it says, the references it rests on and how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from metaspine.errors import InputError


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


@dataclass(frozen=True)
class Entry:
    """One statement with what it rests on."""

    id: str
    statement: str
    references: tuple[str, ...]
    confidence: Confidence
    note: str = ""
    conflict: str = ""
    """The id of the conflict between sources that this statement belongs to; empty where there is none."""


@cache
def bibliography() -> Mapping[str, Reference]:
    """Return every reference by its short name.

    Raises
    ------
    InputError
        When two files give the same short name.
    """
    found: dict[str, Reference] = {}
    for file in _files("bibliography"):
        for name, fields in _read(file).items():
            if name in found:
                raise InputError(f"the reference {name} is given twice", where=file)
            found[name] = Reference(name, fields["citation"], fields.get("identifier", ""))
    return MappingProxyType(found)


@cache
def entries() -> Mapping[str, Entry]:
    """Return every evidence entry by its id.

    Raises
    ------
    InputError
        When two files define the same id or an entry cites a reference that the bibliography lacks.
    """
    found: dict[str, Entry] = {}
    for name in _files(""):
        for identifier, fields in _read(name).items():
            if identifier in found:
                raise InputError(f"the evidence id {identifier} is defined twice", where=name)
            found[identifier] = _entry(identifier, fields, name)
    return MappingProxyType(found)


def look_up(identifier: str) -> Entry:
    """Return the evidence entry of an id.

    Raises
    ------
    InputError
        When there is no such entry.
    """
    try:
        return entries()[identifier]
    except KeyError:
        raise InputError(f"there is no evidence entry {identifier}", where="evidence") from None


def _entry(identifier: str, fields: Mapping[str, Any], where: str) -> Entry:
    references = tuple(fields["references"])
    unknown = [name for name in references if name not in bibliography()]
    if unknown:
        raise InputError(f"{identifier} cites {', '.join(unknown)}, unknown to the bibliography", where=where)
    return Entry(
        identifier,
        fields["statement"],
        references,
        Confidence(fields["confidence"]),
        fields.get("note", ""),
        fields.get("conflict", ""),
    )


def _files(kind: str) -> list[str]:
    """Return the data files of a kind (bibliography, conflicts); the statements' where it is empty."""
    folder = files("metaspine.evidence") / "data"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    if kind:
        return [name for name in names if name.startswith(kind)]
    return [name for name in names if not name.startswith(("bibliography", "conflicts"))]


def _read(name: str) -> dict[str, dict[str, Any]]:
    text = (files("metaspine.evidence") / "data" / name).read_text(encoding="utf-8")
    return yaml.safe_load(text) or {}
