"""The values of each fact of a case that rules can tell apart: words, yes and no, numbers at both sides of a bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from metaspine.assessment.conditions import Condition
from metaspine.assessment.facts import source_keys
from metaspine.assessment.index import bounds_of, each_side
from metaspine.assessment.tables import rule_parts, rules, table
from metaspine.patient.case import (
    LaboratoryFacts,
    LesionFacts,
    NeurologyFacts,
    OncologyFacts,
    PatientFacts,
    PostoperativeFacts,
    PriorRadiotherapy,
)

SECTIONS: Mapping[str, type[Any]] = {
    "patient": PatientFacts,
    "oncology": OncologyFacts,
    "lesion": LesionFacts,
    "lesion.prior_rt_at_level": PriorRadiotherapy,
    "neuro": NeurologyFacts,
    "laboratory": LaboratoryFacts,
    "postop": PostoperativeFacts,
}
"""The parts of a case whose facts rules ask for."""

_STEP = {"patient.kps": 10}
"""Counts that do not go by ones."""

_COUNTED_FROM = {"oncology.vertebral_mets": 1, "oncology.extraspinal_bone_mets": 0, "lesion.nrs": 0}
"""Bounds that are in no condition: one metastatic vertebra, no other bone, no pain (``facts``)."""


@cache
def possible_values() -> Mapping[str, tuple[Any, ...]]:
    """Return the values that matter, by the key of the case file; a key that no rule can read is absent.

    Dates and free text have none. Of a list of words each word that a rule asks for stands alone.
    """
    found = {
        f"{section}.{key}": tuple(_values(f"{section}.{key}", hint))
        for section, facts in SECTIONS.items()
        for key, hint in get_type_hints(facts).items()
    }
    found["lesion.prior_rt_at_level"] = (False, PriorRadiotherapy())
    return {key: values for key, values in found.items() if values}


def _values(key: str, hint: Any) -> Iterator[Any]:
    for kind in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
        if get_origin(kind) is Literal:
            yield from get_args(kind)
        elif kind is bool:
            yield from (True, False)
        elif kind in (int, float):
            yield from _numbers(key, whole=kind is int)
        elif get_origin(kind) is tuple and (words := _included(key)):
            yield from ((), *((word,) for word in words))


def _numbers(key: str, *, whole: bool) -> list[float]:
    bounds = sorted({*bounds_of(_conditions(key)), *_further_bounds(key)})
    if not bounds:
        return []
    step = _STEP.get(key, 1)
    if whole:
        return sorted({number for bound in bounds for number in (bound - step, bound, bound + step) if number >= 0})
    lowest, *others = each_side(bounds)
    return others if bounds[0] == 0 else [max(lowest, bounds[0] / 2), *others]


def _further_bounds(key: str) -> list[float]:
    if key == "lesion.sins_reported_total":
        return [band["from"] for band in table("sins")["categories"]]
    return [_COUNTED_FROM[key]] if key in _COUNTED_FROM else []


def _included(key: str) -> list[Any]:
    return sorted({condition.operand for condition in _conditions(key) if condition.operator == "includes"})


def _conditions(key: str) -> list[Condition]:
    """Return all conditions on a fact that a key is, or is a source of."""
    return _conditions_by_key().get(key, [])


@cache
def _conditions_by_key() -> Mapping[str, list[Condition]]:
    found: dict[str, list[Condition]] = {}
    for name, part in rule_parts():
        for condition in (condition for rule in rules(name, part) for row in rule.rows for condition in row):
            for key in source_keys((condition.fact,)):
                found.setdefault(key, []).append(condition)
    return found
