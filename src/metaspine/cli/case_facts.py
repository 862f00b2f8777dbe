"""A case from facts on the command line: ``patient.kps=80 sex=F lesion.escc=2``, by the keys of the case file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any

from metaspine.errors import InputError
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_schema import case_schema
from metaspine.patient.case import Case

_SECTIONS = ("patient", "oncology", "lesion", "neuro", "postop", "laboratory", "response")
_NOT_ASKED = {"oncology.primary": "unknown", "lesion.level": "T1"}
"""Keys that every case must have, filled in only where what is asked for does not read them."""


def case_of_facts(facts: Iterable[str], *, needed: tuple[str, ...] = ()) -> Case:
    """Return the case that facts written key=value describe.

    Parameters
    ----------
    facts
        Each a key of the case file (``patient.kps``, or ``kps`` where one section alone has it), =, and its value.
    needed
        Keys that must be among them.

    Raises
    ------
    InputError
        When a fact is no key=value, its key is unknown, ambiguous or written twice, or a needed key is missing.
    CaseError
        When the case they make cannot be used.
    """
    values: dict[str, Any] = {}
    for fact in facts:
        key, value = _fact(fact)
        if key in values:
            raise InputError(f"{key} is written twice", where=fact, remedy="Write it once")
        values[key] = value
    missing = [key for key in needed if key not in values]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} must be known for it",
            where="scores",
            remedy=f"Write {' '.join(f'{key}=...' for key in missing)}",
        )
    document: dict[str, Any] = {}
    for key, value in {**_NOT_ASKED, **values}.items():
        section, _, name = key.rpartition(".")
        (document.setdefault(section, {}) if section else document)[name] = value
    return case_from_document(document, where="command line")


def _fact(written: str) -> tuple[str, Any]:
    name, equals, text = written.partition("=")
    if not equals or not name.strip() or not text.strip():
        raise InputError(f"{written!r} is no fact", where="command line", remedy="Write key=value, e.g. patient.kps=80")
    key = _key(name.strip())
    return key, _value(key, text.strip())


def _key(name: str) -> str:
    known = _keys()
    if name in known:
        return name
    found = [key for key in known if key.rpartition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"the key {name!r} stands in several sections", where="command line", remedy=f"Write {' or '.join(found)}"
        )
    near = get_close_matches(name, [*known, *(key.rpartition(".")[2] for key in known)], n=3, cutoff=0.6)
    hint = f"Did you mean {', '.join(near)}?" if near else "Write a key of `metaspine schema`"
    raise InputError(f"there is no key {name!r}", where="command line", remedy=hint)


def _keys() -> tuple[str, ...]:
    fields = (f"{section}.{key}" for section in _SECTIONS for key in _form(section)["properties"])
    return (*fields, "assessed_on")


@cache
def _form(section: str) -> dict[str, Any]:
    schema = _schema()
    options = _options(schema["properties"][section])
    (name,) = (option["$ref"].rpartition("/")[2] for option in options if "$ref" in option)
    form: dict[str, Any] = schema["$defs"][name]
    return form


@cache
def _schema() -> dict[str, Any]:
    return case_schema()


def _options(field: dict[str, Any]) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = field.get("anyOf", [field])
    return options


def _value(key: str, text: str) -> Any:
    """Return a value of the type that the key has: text where it is a word, a list where several are meant."""
    section, _, name = key.rpartition(".")
    field = _form(section)["properties"][name] if section else {"type": "string"}
    kinds = {option.get("type") for option in _options(field)}
    if "array" in kinds and not text.startswith("["):
        items = next(option["items"] for option in _options(field) if option.get("type") == "array")
        return [_single(part.strip(), {items.get("type")}) for part in text.split(",")]
    return _single(text, kinds)


def _single(text: str, kinds: set[str | None]) -> Any:
    if "string" in kinds and text != "null":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
