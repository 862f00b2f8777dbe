"""What scores ask for beyond the facts of the rules: intervals from dates, and findings that several keys make up."""

from __future__ import annotations

from datetime import date
from typing import Any

from metaspine.assessment.facts import lesion_facts, patient_facts, unknown_keys
from metaspine.assessment.rules import Facts
from metaspine.assessment.score_tables import score_table
from metaspine.assessment.tables import table
from metaspine.patient.case import Case, LesionFacts

_DAYS_IN_A_MONTH = 31
_THREE = 3
_GROWTH_GROUPS = {0: 1, 2: 2, 3: 3}
"""New Katagiri's points for the primary, and the group that SORG takes: 1 slow, 2 moderate, 3 rapid."""
_SOFT_TISSUE = ("removable", "unremovable")

_SOURCES: dict[str, tuple[str, ...]] = {
    "primary_as_proven": ("oncology.primary",),
    "fractured": ("lesion.pathological_fracture",),
    "other_bone_metastases": ("oncology.vertebral_mets", "oncology.extraspinal_bone_mets"),
    "visceral_or_brain": ("oncology.visceral_mets", "oncology.brain_mets"),
    "months_since_diagnosis": ("oncology.months_since_primary_diagnosis",),
    "months_from_diagnosis_to_metastasis": ("oncology.months_from_diagnosis_to_metastasis",),
    "solitary_for_radiosurgery": (
        "oncology.vertebral_mets",
        "oncology.extraspinal_bone_mets",
        "oncology.visceral_mets",
        "oncology.brain_mets",
    ),
    "bauer_modified_at_least_3": (
        "oncology.visceral_mets",
        "oncology.primary",
        "oncology.vertebral_mets",
        "oncology.extraspinal_bone_mets",
    ),
    "growth_group": ("oncology.primary", "oncology.hormone_dependent", "oncology.targeted_drug"),
    "any_comorbidity": ("patient.comorbidities",),
    "three_spine_metastases": ("oncology.vertebral_mets",),
    "visceral": ("oncology.visceral_mets",),
    "asia_impaired": ("neuro.asia",),
}


def score_facts(case: Case, lesion: LesionFacts) -> dict[str, Any]:
    """Return the facts of a lesion and its patient that scores ask for."""
    facts = lesion_facts(lesion, patient_facts(case))
    oncology = case.oncology
    solitary_bone = facts["solitary_bone_metastasis"]
    organs = oncology.organ_systems_with_metastases
    vertebral = facts["vertebral_metastases"]
    facts |= {
        "other_bone_metastases": None if solitary_bone is None else not solitary_bone,
        "visceral_or_brain": _any(_is_one_of(oncology.visceral_mets, _SOFT_TISSUE), oncology.brain_mets),
        "fractured": _fractured(lesion),
        "months_since_diagnosis": _months(
            oncology.months_since_primary_diagnosis, oncology.diagnosed_on, case.assessed_on
        ),
        "months_from_diagnosis_to_metastasis": _months(
            oncology.months_from_diagnosis_to_metastasis, oncology.diagnosed_on, oncology.metastasis_found_on
        ),
        "solitary_for_radiosurgery": False if organs else facts["solitary_metastasis"],
        "bollen_profile": _bollen_profile(facts["primary_as_proven"]),
        "any_comorbidity": None if case.patient.comorbidities is None else bool(case.patient.comorbidities),
        "three_spine_metastases": None if vertebral is None else vertebral >= _THREE,
        "visceral": _is_one_of(oncology.visceral_mets, _SOFT_TISSUE),
        "asia_impaired": _is_one_of(case.neuro.asia, ("A", "B", "C", "D")),
    }
    return facts | {
        "bauer_modified_at_least_3": _bauer_at_least_3(facts),
        "growth_group": _growth_group(facts),
    }


def keys_behind(fact: str, facts: Facts) -> tuple[str, ...]:
    """Return the keys of the case file that are not known and that a fact waits for."""
    if fact not in _SOURCES:
        return unknown_keys((fact,), facts)
    return tuple(key for key in _SOURCES[fact] if facts[key] is None)


def keys_to_settle(fact: str, facts: Facts) -> tuple[str, ...]:
    """Return the keys that would settle a fact which is known in part only, such as a colorectal primary."""
    return keys_behind(fact, facts) or _SOURCES.get(fact, (fact,))


def months_between(earlier: date, later: date) -> float:
    """Return the time between two dates in months: whole calendar months, and a part of one for the days beyond."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months + (later.day - earlier.day) / _DAYS_IN_A_MONTH


def _months(stated: float | None, earlier: date | None, later: date | None) -> float | None:
    if stated is not None or earlier is None or later is None:
        return stated
    return months_between(earlier, later)


def _fractured(lesion: LesionFacts) -> bool | None:
    """SCORE-BAUER-03: where no fracture is stated, the collapse of the body tells."""
    if lesion.pathological_fracture is not None:
        return lesion.pathological_fracture
    return None if lesion.collapse is None else lesion.collapse in ("gt50", "lt50")


def _bollen_profile(primary: str) -> str | None:
    profiles = table("bollen")["profiles"]
    return next((profile for profile, primaries in profiles.items() if primary in primaries), None)


def _bauer_at_least_3(facts: Facts) -> bool | None:
    bauer = score_table("bauer_modified")
    if facts["primary_as_proven"] in bauer.excluded:
        return None
    bounds = [item.possible(facts) or item.unknown for item in bauer.items]
    if sum(min(points) for points in bounds) >= _THREE:
        return True
    return False if sum(max(points) for points in bounds) < _THREE else None


def _growth_group(facts: Facts) -> int | None:
    """Return the growth group of the primary, which SORG takes over from Katagiri; None where it is open."""
    katagiri = score_table("katagiri_2014")
    possible = katagiri.items[0].possible(facts)
    settled = len(possible) == 1 and facts["primary_as_proven"] not in katagiri.excluded
    return _GROWTH_GROUPS[int(possible[0])] if settled else None


def _is_one_of(word: str | None, words: tuple[str, ...]) -> bool | None:
    return None if word is None else word in words


def _any(*truths: bool | None) -> bool | None:
    return True if True in truths else None if None in truths else False
