"""Evidence entries, read from the YAML files in ``evidence/data``.

``bibliography*.yaml`` maps a reference's short name (S1, Armoogum2007) to its citation, ``conflicts.yaml`` the id of a
conflict to its sides. Every other file maps the id of a statement (NOMS-03, DEV-V7) to what it says, the references it
rests on and how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from metaspine.errors import InputError
from metaspine.evidence.conflicts import Conflict, conflicts
from metaspine.evidence.references import Confidence, checked_references, data_files, read_data


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
def entries() -> Mapping[str, Entry]:
    """Return every evidence entry by its id; a conflict between sources is one, in one sentence.

    Raises
    ------
    InputError
        When two files define the same id or an entry cites a reference that the bibliography lacks.
    """
    found = {conflict.id: _of_conflict(conflict) for conflict in conflicts().values()}
    for name, of_file in entries_by_file().items():
        twice = found.keys() & of_file.keys()
        if twice:
            raise InputError(f"the evidence id {', '.join(sorted(twice))} is defined twice", where=name)
        found.update(of_file)
    return MappingProxyType(found)


@cache
def entries_by_file() -> Mapping[str, Mapping[str, Entry]]:
    """Return the evidence entries of each data file, by the file's name without its ending; conflicts are no file."""
    return MappingProxyType(
        {
            name.removesuffix(".yaml"): {
                identifier: _entry(identifier, fields, name) for identifier, fields in read_data(name).items()
            }
            for name in data_files("")
        }
    )


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
    return Entry(
        identifier,
        fields["statement"],
        checked_references(fields["references"], cited_by=identifier, where=where),
        Confidence(fields["confidence"]),
        fields.get("note", ""),
        fields.get("conflict", ""),
    )


def _of_conflict(conflict: Conflict) -> Entry:
    references = dict.fromkeys(name for side in conflict.sides.values() for name in side.references)
    return Entry(conflict.id, conflict.summary, tuple(references), Confidence.CONVENTION, conflict.why)
