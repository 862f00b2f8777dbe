"""The worked patients of the clinical rules, and the comparison by their own ``meta.comparison_rules``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
DOCUMENT = json.loads((DATA / "cases.json").read_text(encoding="utf-8"))
PATIENTS: list[dict[str, Any]] = DOCUMENT["cases"]
ENUMS: dict[str, list[Any]] = DOCUMENT["meta"]["enums"]
TOLERANCE: float = DOCUMENT["meta"]["comparison_rules"]["numeric_tolerance"]
SECTIONS = ("patient", "oncology", "lesion", "lesions", "neuro", "postop")


def facts(patient: dict[str, Any]) -> dict[str, Any]:
    """The case file of a worked patient."""
    return {name: patient[name] for name in SECTIONS if name in patient}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs, by the comparison rules; an empty list means that the answer agrees."""
    wrong: list[str] = []
    for key, value in expected.items():
        if key not in found:
            wrong.append(f"{key} is absent")
        elif key == "noms":
            wrong += _noms(value, found[key])
        elif key.startswith("iort_"):
            wrong += _iort(key, value, found[key])
        else:
            wrong += _exact(key, value, found[key])
    return wrong


def _noms(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    wrong = []
    if expected["recommendation"] is None:
        if not set(expected["acceptable"]) <= set(found["acceptable"]):
            wrong.append(f"noms.acceptable lacks one of {expected['acceptable']}: {found['acceptable']}")
    elif found["recommendation"] not in expected["acceptable"]:
        wrong.append(f"noms.recommendation {found['recommendation']}, not one of {expected['acceptable']}")
    lacking = {part: sorted(set(expected[part]) - set(found[part])) for part in ("flags", "hard_stops")}
    wrong += [f"noms.{part} lacks {codes}" for part, codes in lacking.items() if codes]
    rest = ("table_2013", "surgical_capacity")
    return wrong + [text for part in rest for text in _exact(f"noms.{part}", expected[part], found[part])]


def _iort(key: str, expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    wrong = [text for part in ("status", "role") for text in _exact(f"{key}.{part}", expected[part], found[part])]
    if lacking := set(expected["reasons"]) - set(found["reasons"]):
        wrong.append(f"{key}.reasons lacks {sorted(lacking)}")
    return wrong


def _exact(path: str, expected: Any, found: Any) -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = expected.keys() | found.keys()
        return [text for key in sorted(keys) for text in _exact(f"{path}.{key}", expected.get(key), found.get(key))]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (expected, found))
    same = abs(expected - found) <= TOLERANCE if numbers else expected == found and type(expected) is type(found)
    return [] if same else [f"{path}: expected {expected!r}, found {found!r}"]
