"""What is wrong with a case file, in words: the key, the value, what is allowed, and what is meant if only misspelt."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from math import isfinite
from typing import Any

from pydantic import ValidationError

from metaspine.errors import CaseError
from metaspine.exchange.case_schema import SECTIONS, CaseDocument
from metaspine.exchange.laboratory_checks import in_another_unit
from metaspine.patient.levels import LEVELS

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
    "primary": "Kidney is rcc, lung nsclc or sclc, liver hcc, stomach gastric; where the primary is not known, unknown",
    "oncology": "Write the section oncology with at least its primary (unknown is a word for it)",
    "lesion": "Write the keys of one lesion below lesion; several lesions go into lesions, a list",
    "lesions": "Write a list of lesions, each beginning with a dash; a single one goes into lesion",
    "level": "Write the vertebra, C0 to S5",
    "levels_involved": "Write each vertebra, e.g. [T11, T12, L1]",
    "collapse_percent": "It is the loss of height of the vertebral body in % (SINS-02)",
    "collapse": "More than 50 %, and exactly 50 % (SINS-02), is written gt50; less is lt50",
    "prior_rt_at_level": "Write false for none, null for not known, or the course (dose_gy, fractions, ...)",
}
_GRADES = ("escc", "residual_escc")
_LEVEL_NAMES = {
    "C": "C",
    "HWK": "C",
    "T": "T",
    "TH": "T",
    "D": "T",
    "BWK": "T",
    "L": "L",
    "LWK": "L",
    "S": "S",
    "SWK": "S",
}
_WRITTEN_LEVEL = re.compile(rf"({'|'.join(_LEVEL_NAMES)})[ -]?0?([0-9]{{1,2}})", re.IGNORECASE)
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


def question(meant: str | None) -> str:
    """Return the question after the word that may be meant, or nothing where there is none."""
    return f"Did you mean {meant}? " if meant else ""


def meant_word(written: str, allowed: list[str]) -> str | None:
    """Return the allowed word of which the written one is a spelling; never one of another meaning.

    A wrong suggestion is worse than none (myeloma is not melanoma, symptomatic not asymptomatic): only letter case, a
    part that one word alone has, or a slip that keeps the first letter and all but one of the length count.
    """
    plain = {_plain(word): word for word in allowed}
    word = _plain(written)
    holding = [name for name in plain if f"_{word}_" in f"_{name}_"]
    alike = [name for name in plain if name[:1] == word[:1] and abs(len(name) - len(word)) <= 1]
    near = get_close_matches(word, alike, n=1, cutoff=0.8)
    found = word if word in plain else holding[0] if len(holding) == 1 else near[0] if near and not holding else None
    return plain[found] if found else None


def meant_level(written: str) -> str | None:
    """Return the level that is written in another common way (Th12, D12, t12, BWK 12), never a merely similar one."""
    found = _WRITTEN_LEVEL.fullmatch(written.strip())
    name = f"{_LEVEL_NAMES[found[1].upper()]}{found[2]}" if found else ""
    return name if name in LEVELS else None


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", "_", word.strip().lower())


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
    homes = [name for name, section in SECTIONS.items() if key in section.model_fields]
    near = get_close_matches(str(key), known, n=1, cutoff=0.6)
    hint = f"It belongs to {' or '.join(homes)}. " if homes else question(near[0] if near else None)
    return f"there is no key {shown(key)} here", f"{hint}The keys are {', '.join(known)}"


def _unknown_word(fault: Any) -> tuple[str, str]:
    allowed = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    if not allowed:
        return f"{shown(fault['input'])} is not possible here", ""
    what = f"{shown(fault['input'])} is not one of its words"
    key = _last_key(fault["loc"])
    if key in _GRADES:
        return what, ""
    unknown = "" if key in ("primary", "level") else ", or null where it is not known"
    written = str(fault["input"])
    meant = meant_level(written) if key in ("level", "levels_involved") else meant_word(written, allowed)
    return what, f"{question(meant)}Write one of {', '.join(allowed)}{unknown}"


def _no_section(fault: Any) -> tuple[str, str]:
    remedy = "" if _last_key(fault["loc"]) in _SPECIFIC else "Write its keys and values, or leave it out"
    return f"{shown(fault['input'])} is not possible here", remedy


def _no_list(fault: Any) -> tuple[str, str]:
    remedy = "" if _last_key(fault["loc"]) == "lesions" else "Write a list, or null where it is not known"
    return f"{shown(fault['input'])} is no list", remedy


def _empty_list(fault: Any) -> tuple[str, str]:
    return f"{shown(fault['input'])} holds nothing", ""


def _no_key(fault: Any) -> tuple[str, str]:
    return f"the key {shown(fault['input'])} is no word", "Write the keys of `metaspine schema`"


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
        point = ", with a decimal point instead of the comma" if re.fullmatch(r"\s*\d+,\d+\s*", value) else ""
        remedy = f"Write the number alone, without its unit and without quotes{point}"
        return f"{shown(value)} is a word, not {number}", remedy
    return f"{shown(value)} is not {number}", f"Write {number}, or null where it is not known"


def _no_date(fault: Any) -> tuple[str, str]:
    written, form = fault["input"], "Write year-month-day, e.g. 2026-01-31"
    if isinstance(written, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
        return f"{shown(written)} is no day of the calendar", form
    return f"{shown(written)} is no date", form


def _impossible(fault: Any) -> tuple[str, str]:
    other = in_another_unit(_last_key(fault["loc"]), fault["input"])
    if other is not None:
        return other
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
    "too_short": _empty_list,
    "invalid_key": _no_key,
    "string_type": _no_word,
    "value_error": _no_date,
    "int_type": _no_number,
    "int_from_float": _no_number,
    "finite_number": _no_number,
}
