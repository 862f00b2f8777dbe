"""What the numbers of a label map mean: known numberings, mapping files, and recognising one from its labels.

The same number is another vertebra in another numbering, so a numbering is taken for granted only when the labels
themselves leave no choice (EXCHANGE-07). Otherwise a small mapping file says it::

    scheme: totalsegmentator-v2      # or totalsegmentator-v1, verse, none
    labels:                          # additions and overrides
      200: {name: lesion_T12, role: lesion, level: T12, origin: synthetic}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from metaspine.errors import LevelError, StructureError
from metaspine.evidence.shipped import shipped_table
from metaspine.exchange.role_names import lesion_level_of_name, role_of_name
from metaspine.patient.levels import LEVELS, TRANSITIONAL, position
from metaspine.patient.levels import level as canonical_level
from metaspine.patient.structure import Origin, Role

Scheme = Literal["totalsegmentator-v2", "totalsegmentator-v1", "verse", "none"]

SCHEMES: tuple[str, ...] = tuple(scheme for scheme in get_args(Scheme) if scheme != "none")
"""The numberings that are known."""

_COUNT = re.compile(r" \(\d+\)$")
"""What is added to a name to tell it from others alike: "spinal_cord (2)" is a spinal cord."""
_LEVEL = r"(?P<level>C[1-7]|Th?(1[0-3]|[1-9])|L[1-6]|S1)"
_VERTEBRA_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE) for pattern in (rf"vertebrae?[ _-]?{_LEVEL}", rf"{_LEVEL}[ _-]vertebra")
)


class LabelEntry(BaseModel):
    """What one number means, as a mapping file writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    role: Role
    level: str = ""
    origin: Origin | None = None
    confirmed_by: str = ""

    @field_validator("level")
    @classmethod
    def _known_level(cls, text: str) -> str:
        try:
            return canonical_level(text) if text else ""
        except LevelError as error:
            raise ValueError(str(error)) from error


class _MappingFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Scheme
    labels: dict[PositiveInt, LabelEntry] = Field(default_factory=dict)


@dataclass(frozen=True)
class Numbering:
    """What the numbers of one label map mean, and how that is known."""

    scheme: str
    labels: Mapping[int, LabelEntry]
    known_from: str
    """"mapping file", "names in the file" or "recognised"."""


@cache
def numbering_table(scheme: str) -> Mapping[int, LabelEntry]:
    """Return the entries of one known numbering by number."""
    rows = shipped_table("metaspine.exchange", f"{scheme}.yaml")["labels"]
    return MappingProxyType({number: LabelEntry(**fields) for number, fields in rows.items()})


def read_mapping(path: Path) -> Numbering:
    """Read a mapping file.

    Raises
    ------
    StructureError
        When the file is missing, is no YAML, or has unknown keys, roles, levels or schemes.
    """
    remedy = "See docs/scans.md for the form of a mapping file"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        mapping = _MappingFile.model_validate(document)
    except OSError as error:
        raise StructureError(f"cannot be read ({error.strerror})", where=str(path), remedy=remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise StructureError(f"is no YAML ({error})", where=str(path), remedy=remedy) from error
    except ValidationError as error:
        raise StructureError(_first_fault(error), where=str(path), remedy=remedy) from error
    base = {} if mapping.scheme == "none" else dict(numbering_table(mapping.scheme))
    return Numbering(mapping.scheme, MappingProxyType(base | mapping.labels), "mapping file")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"]) or "the whole file"
    return f"{key}: {fault['msg']} (found {fault['input']!r:.80})"


def named_numbering(names: Mapping[int, str]) -> Numbering:
    """Return the numbering that a file carries in its own header."""
    return Numbering("names in the file", MappingProxyType({n: entry_of_name(t) for n, t in names.items()}), "header")


def entry_of_name(name: str) -> LabelEntry:
    """Return role and level of a name: from the known numberings, else guessed where the name is clear."""
    alone = _COUNT.sub("", name)
    for scheme in SCHEMES:
        for entry in numbering_table(scheme).values():
            if entry.name == alone:
                return entry.model_copy(update={"name": name})
    for pattern in _VERTEBRA_NAMES:
        vertebra = pattern.fullmatch(alone)
        if vertebra:
            return LabelEntry(name=name, role=Role.VERTEBRA, level=vertebra["level"])
    role = role_of_name(alone)
    return LabelEntry(
        name=name or "unnamed", role=role, level=lesion_level_of_name(alone) if role is Role.LESION else ""
    )


def recognise(heights_mm: Mapping[int, float], *, where: str) -> Numbering:
    """Return the one known numbering that the labels of a map fit.

    A numbering fits when it names every label that any known numbering names, and at least two of its vertebrae are
    present, none between them is missing, and all stand in their order from cranial to caudal (EXCHANGE-07).

    Parameters
    ----------
    heights_mm
        For every label present the height of its centre along the patient (LPS z, cranial positive).

    Raises
    ------
    StructureError
        When none fits or more than one does.
    """
    fitting = [scheme for scheme in SCHEMES if _fits(numbering_table(scheme), heights_mm)]
    if len(fitting) == 1:
        return Numbering(fitting[0], numbering_table(fitting[0]), "recognised")
    found = ", ".join(str(number) for number in sorted(heights_mm)[:20]) + (" ..." if len(heights_mm) > 20 else "")
    reason = f"fit {' and '.join(fitting)}" if fitting else f"fit no known numbering ({', '.join(SCHEMES)})"
    raise StructureError(
        f"the labels {found} {reason}, so the vertebral levels are unknown",
        where=where,
        remedy="Say which numbering it is in a mapping file (scheme: totalsegmentator-v2, verse or none with labels), "
        "given as labels= or lying beside the label map under its name with .yaml",
    )


def _fits(table: Mapping[int, LabelEntry], heights_mm: Mapping[int, float]) -> bool:
    known_to_any = {number for scheme in SCHEMES for number in numbering_table(scheme)}
    if any(number in known_to_any and number not in table for number in heights_mm):
        return False
    heights = {
        table[number].level: height
        for number, height in heights_mm.items()
        if number in table and table[number].role is Role.VERTEBRA
    }
    column = sorted(heights, key=position)
    unbroken = all(_neighbours(upper, lower) for upper, lower in pairwise(column))
    return len(column) > 1 and unbroken and all(heights[a] > heights[b] for a, b in pairwise(column))


def _neighbours(upper: str, lower: str) -> bool:
    """Say whether no regular level lies between two levels (T13 and L6 may be there or not)."""
    between = LEVELS[position(upper) + 1 : position(lower)]
    return all(name in TRANSITIONAL for name in between)
