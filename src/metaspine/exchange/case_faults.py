"""What is wrong with a case file, in words: the key, the value, what is allowed and the nearest word."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from math import isfinite
from typing import Any

from pydantic import ValidationError

from metaspine.errors import CaseError
from metaspine.exchange.case_schema import SECTIONS, CaseDocument

_UNITS = {
    "age_years": "years",
    "expected_survival_months": "months",
    "months_ago": "months",
    "symptom_duration_days": "days",
    "dose_gy": "Gy",
    "thecal_sac_dmax_gy": "Gy",
    "cord_dmax_gy": "Gy",
}
_SPECIFIC = {
    "kps": "Karnofsky is written in tens, from 0 to 100",
    "escc": 'ESCC grades are the words "0", "1a", "1b", "1c", "2", "3", in quotes (ESCC-01, ESCC-02)',
    "residual_escc": 'ESCC grades are the words "0", "1a", "1b", "1c", "2", "3", in quotes (ESCC-01, ESCC-02)',
    "primary": "Where the primary is not known, write unknown",
    "oncology": "Write the section oncology with at least its primary (unknown is a word for it)",
    "level": "Write the vertebra, C0 to S5",
    "collapse": "Exactly 50 % is written gt50 (SINS-02)",
    "prior_rt_at_level": "Write false for none, null for not known, or the course (dose_gy, fractions, ...)",
}
_GRADES = ("escc", "residual_escc")
_BRANCHES = ("none", "course", "str", "float")


def explained(error: ValidationError, where: str) -> CaseError:
    """Return the error of a case file that pydantic's faults amount to; the first one in full."""
    faults = error.errors(include_url=False)
    what, remedy = _fault(faults[0])
    more = sorted({_path(fault["loc"]) for fault in faults[1:]} - {_path(faults[0]["loc"])})
    if more:
        remedy += f". Also wrong: {', '.join(more[:4])}{' and others' if len(more) > 4 else ''}"
    return CaseError(what, where=f"{where}, {_path(faults[0]['loc'])}", remedy=remedy)


def shown(value: Any) -> str:
    """Return a value as it is quoted in a message, never longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: list[str]) -> str:
    """Return the question after the nearest known word, or nothing where none is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}? " if near else ""


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in (part for part in location if part not in _BRANCHES):
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _last_key(location: tuple[int | str, ...]) -> str:
    return next((str(part) for part in reversed(location) if isinstance(part, str) and part not in _BRANCHES), "")


def _fault(fault: Any) -> tuple[str, str]:
    """Return what is wrong and what to do, for one of pydantic's faults."""
    explain = _EXPLANATIONS.get(fault["type"], _impossible)
    what, remedy = explain(fault)
    specific = _SPECIFIC.get(_last_key(fault["loc"]), "")
    return what, ". ".join(part for part in (remedy.strip(), specific) if part)


def _missing(fault: Any) -> tuple[str, str]:
    return "the key is missing", f"Write {_path(fault['loc'])}"


def _unknown_key(fault: Any) -> tuple[str, str]:
    *path, key = fault["loc"]
    names = [str(part) for part in path if str(part) in SECTIONS]
    form = SECTIONS[names[-1]] if names else CaseDocument
    known = list(form.model_fields)
    return f"there is no key {shown(key)} here", f"{nearest(str(key), known)}The keys are {', '.join(known)}"


def _unknown_word(fault: Any) -> tuple[str, str]:
    allowed = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    if not allowed:
        return f"{shown(fault['input'])} is not possible here", ""
    what = f"{shown(fault['input'])} is not one of its words"
    key = _last_key(fault["loc"])
    if key in _GRADES:
        return what, ""
    unknown = "" if key in ("primary", "level") else ", or null where it is not known"
    return (
        what,
        f"{nearest(str(fault['input']), allowed)}Write one of {', '.join(allowed)}{unknown}",
    )


def _no_section(fault: Any) -> tuple[str, str]:
    return f"{shown(fault['input'])} is not possible here", "Write its keys and values, or leave it out"


def _no_list(fault: Any) -> tuple[str, str]:
    return f"{shown(fault['input'])} is no list", "Write a list, or null where it is not known"


def _no_word(fault: Any) -> tuple[str, str]:
    return f"{shown(fault['input'])} is no word", "Write a word in quotes, or null where it is not known"


def _no_boolean(fault: Any) -> tuple[str, str]:
    return f"{shown(fault['input'])} is neither true nor false", "Write true or false, or null where it is not known"


def _no_number(fault: Any) -> tuple[str, str]:
    value, unit = fault["input"], _UNITS.get(_last_key(fault["loc"]), "")
    number = f"{'a whole number' if fault['type'].startswith('int') else 'a number'}{f' of {unit}' if unit else ''}"
    if isinstance(value, float) and not isfinite(value):
        return f"{value} is no number", "Leave the key out, or write null, where it is not known"
    if isinstance(value, str):
        return f"{shown(value)} is a word, not {number}", "Write the number alone, without its unit and without quotes"
    return f"{shown(value)} is not {number}", f"Write {number}, or null where it is not known"


def _impossible(fault: Any) -> tuple[str, str]:
    unit = _UNITS.get(_last_key(fault["loc"]), "")
    allowed = fault["msg"].removeprefix("Input ").replace("should be", "It should be", 1)
    return f"{shown(fault['input'])} is not possible", f"{allowed}{f'; the unit is {unit}' if unit else ''}"


_EXPLANATIONS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _unknown_word,
    "bool_type": _no_boolean,
    "float_type": _no_number,
    "model_type": _no_section,
    "list_type": _no_list,
    "string_type": _no_word,
    "int_type": _no_number,
    "int_from_float": _no_number,
    "finite_number": _no_number,
}
