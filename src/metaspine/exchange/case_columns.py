"""The columns of a table of cases: dotted keys of the case file, each with the kind of value in its cells."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from metaspine.errors import CaseError
from metaspine.exchange.case_schema import (
    LaboratorySection,
    LesionSection,
    NeurologySection,
    OncologySection,
    PatientSection,
    PostoperativeSection,
    PriorRadiotherapySection,
    ResponseSection,
)

IDENTIFIER = "id"
PRIOR_COURSE = "lesion.prior_rt_at_level"
REQUIRED = (IDENTIFIER, "oncology.primary", "lesion.level")
_SECTIONS: dict[str, type[BaseModel]] = {
    "patient": PatientSection,
    "oncology": OncologySection,
    "lesion": LesionSection,
    PRIOR_COURSE: PriorRadiotherapySection,
    "neuro": NeurologySection,
    "postop": PostoperativeSection,
    "laboratory": LaboratorySection,
    "response": ResponseSection,
}
_ONLY_IN_CASE_FILES = ("scores_from_outside", "postop.adverse_events")
"""Lists of several values each: a table of one row a lesion cannot hold them."""
_SEPARATOR = ";"

Cell = Callable[[str], Any]


@cache
def columns() -> Mapping[str, Cell]:
    """Return every column that a table may have but ``id``, with what makes a value of a cell's text."""
    found: dict[str, Cell] = {"version": str, "assessed_on": str}
    for section, form in _SECTIONS.items():
        for name, field in form.model_fields.items():
            if f"{section}.{name}" not in _ONLY_IN_CASE_FILES:
                found[f"{section}.{name}"] = _cell(field.annotation)
    found[PRIOR_COURSE] = _boolean
    return found


def checked_header(header: list[str], where: str) -> tuple[str, ...]:
    """Return the columns of a table in their order.

    Raises
    ------
    CaseError
        When a column is unknown, stands twice or has no name, or one that every table needs is missing or out of place.
    """
    names = tuple(name.strip() for name in header)
    for place, name in enumerate(names):
        if name in names[:place]:
            raise CaseError(f"the column {name!r} stands twice", where=where, remedy="Keep one of the two")
        if name != IDENTIFIER and name not in columns():
            raise _unknown(name, place, where)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        remedy = f"Every table has the columns {', '.join(REQUIRED)}; docs/batch.md shows one"
        raise CaseError(f"the column {missing[0]!r} is missing", where=where, remedy=remedy)
    if names[0] != IDENTIFIER:
        remedy = "Put it first, so that a row with a cell too many still says whose it is"
        raise CaseError(f"the column {IDENTIFIER!r} is not the first", where=where, remedy=remedy)
    return names


def _unknown(name: str, place: int, where: str) -> CaseError:
    if not name:
        return CaseError(f"column {place + 1} has no name", where=where, remedy="Name the column, or take it out")
    if name.startswith(_ONLY_IN_CASE_FILES):
        remedy = "Write such a patient as a case file; metaspine batch takes a folder of them"
        return CaseError(f"the column {name!r} does not fit into a table", where=where, remedy=remedy)
    last = name.rpartition(".")[2]
    same = [known for known in columns() if known.rpartition(".")[2] == last]
    near = same or get_close_matches(name, [IDENTIFIER, *columns()], n=1, cutoff=0.6)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return CaseError(
        f"there is no column {name!r}",
        where=where,
        remedy=f"{meant}Columns are the keys of the case file, e.g. patient.kps (`metaspine schema`)",
    )


def _cell(annotation: Any) -> Cell:
    """Return how a cell of this type is read; a text that does not fit stays one, and the reader refuses it by name."""
    kind = _plain(annotation)
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return _list_of(_cell(item))
    if kind is bool:
        return _boolean
    return _number if kind in (int, float) else str


def _plain(annotation: Any) -> Any:
    """Return the type below Annotated and beside None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _plain(kinds[0])
    return str if annotation is date else annotation


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), text)


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _list_of(item: Cell) -> Cell:
    return lambda text: [item(part.strip()) for part in text.split(_SEPARATOR) if part.strip()]
