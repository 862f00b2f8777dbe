"""A case as the plain values of a case file: what is known, in the order of the form."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from metaspine.patient.case import Case

_NOT_WRITTEN = ("listed", "notes")


def case_document(case: Case) -> dict[str, Any]:
    """Return the facts of a case as ``case_from_document`` reads them; what is not known is left out."""
    document: dict[str, Any] = {"version": case.version}
    for field in fields(case):
        value = getattr(case, field.name)
        if field.name in (*_NOT_WRITTEN, "version") or value in (None, ()):
            continue
        if field.name == "lesions" and not case.listed:
            document["lesion"] = _plain(value[0])
            continue
        written = _plain(value)
        if written or field.name in ("postop", "response"):
            document[field.name] = written
    return document


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(part) for name, part in parts if part is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
