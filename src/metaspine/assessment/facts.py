"""The facts that rules ask for: those of the case file by their keys, and what follows from them.

``null`` is unknown, never false and never zero; a derived fact is unknown where its sources leave it open.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from functools import cache, lru_cache
from typing import Any

from metaspine.assessment.rules import Facts
from metaspine.assessment.tables import table
from metaspine.patient.case import Case, LesionFacts, PriorRadiotherapy
from metaspine.patient.levels import region
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy

_LAST_STEP = 3

_SOURCES: dict[str, tuple[str, ...]] = {
    "unproven": ("oncology.histology_confirmed",),
    "benign": ("oncology.histology_confirmed",),
    "cord_signs": ("neuro.presentation", "neuro.myelopathy", "neuro.cauda_equina"),
    "contradiction": ("neuro.asia", "neuro.myelopathy", "neuro.cauda_equina", "lesion.escc"),
    "cord_grade": ("neuro.asia",),
    "frankel_grade": ("neuro.frankel",),
    "compression": ("lesion.escc",),
    "deficit": ("neuro.presentation", "neuro.functional_radiculopathy"),
    "prior_radiotherapy": ("lesion.prior_rt_at_level",),
    "prior_months_ago": ("lesion.prior_rt_at_level.months_ago",),
    "contiguous_levels": ("lesion.contiguous_levels",),
    "vertebral_metastases": ("oncology.vertebral_mets",),
    "solitary_bone_metastasis": ("oncology.vertebral_mets", "oncology.extraspinal_bone_mets"),
    "solitary_metastasis": (
        "oncology.vertebral_mets",
        "oncology.extraspinal_bone_mets",
        "oncology.visceral_mets",
        "oncology.brain_mets",
    ),
    "painful": ("lesion.pain",),
    "unstable": ("lesion.pain", "lesion.bone_lesion", "lesion.alignment", "lesion.collapse", "lesion.posterolateral"),
    "targetable_alteration": ("oncology.subtype",),
    "primary_as_proven": ("oncology.primary",),
}


def policy_facts(policy: BoardPolicy) -> dict[str, str]:
    """Return the side that is followed in every selectable conflict, as ``policy.<id>``."""
    return dict(policy.facts)


def section_facts(name: str, section: Any) -> dict[str, Any]:
    """Return the facts of a section of the case by their keys, e.g. ``patient.kps``."""
    return dict(zip(_keys(name, section.__class__), vars(section).values(), strict=True))


@cache
def _keys(name: str, section: Any) -> tuple[str, ...]:
    return tuple(f"{name}.{field.name}" for field in fields(section))


def patient_facts(case: Case, policy: BoardPolicy = DEFAULT_POLICY) -> dict[str, Any]:
    """Return the facts that hold for the patient, whichever lesion is looked at, and what the centre follows."""
    facts: dict[str, Any] = policy_facts(policy)
    for name, section in (
        ("patient", case.patient),
        ("oncology", case.oncology),
        ("neuro", case.neuro),
        ("laboratory", case.laboratory),
    ):
        facts.update(section_facts(name, section))
    oncology, neuro = case.oncology, case.neuro
    unproven = oncology.primary == "unknown" or oncology.histology_confirmed is False
    vertebral = _vertebral_metastases(case)
    solitary_vertebra = False if len(case.lesions) > 1 else None if vertebral is None else vertebral == 1
    solitary_bone = _all_known((solitary_vertebra, _none(oncology.extraspinal_bone_mets)))
    soft = None if oncology.visceral_mets is None else oncology.visceral_mets == "none"
    facts |= {
        "unproven": unproven or (None if oncology.histology_confirmed is None else False),
        "benign": oncology.primary == "hemangioma" and not unproven,
        "haematological": oncology.primary in table("radiosensitivity")["haematological"],
        "primary_as_proven": "unknown" if unproven else oncology.primary,
        "cord_grade": neuro.asia or neuro.frankel,
        "frankel_grade": neuro.frankel or neuro.asia,
        "vertebral_metastases": vertebral,
        "solitary_bone_metastasis": solitary_bone,
        "solitary_metastasis": _all_known((solitary_bone, soft, _none(oncology.brain_mets))),
    }
    return facts


def lesion_facts(lesion: LesionFacts, of_patient: Facts) -> dict[str, Any]:
    """Return the facts of one lesion together with those of its patient."""
    facts = {**of_patient, **section_facts("lesion", lesion)}
    prior = lesion.prior_rt_at_level
    course = prior if isinstance(prior, PriorRadiotherapy) else None
    compression = None if lesion.escc is None else table("escc")["class"][lesion.escc]
    facts["compression"] = compression
    facts["contradiction"] = _contradiction(facts)
    facts["cord_signs"] = _cord_signs(facts)
    return facts | {
        "deficit": _deficit(facts),
        "region": region(lesion.level),
        "contiguous_levels": lesion.levels_in_a_row,
        "prior_radiotherapy": "course" if course else "none" if prior is False else None,
        "prior_months_ago": course.months_ago if course else None,
        "painful": _painful(lesion),
    }


def unknown_keys(names: Collection[str], facts: Facts) -> tuple[str, ...]:
    """Return the keys of the case file that are not known, among the sources of the named facts."""
    if not names:
        return ()
    unknown = [key for key in source_keys(tuple(names)) if facts.get(key) is None]
    if len(unknown) < 2:
        return tuple(unknown)
    return tuple([key for key in unknown if key.rpartition(".")[0] not in unknown])


@lru_cache(maxsize=4096)
def source_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys of the case file that the named facts come from."""
    asked = dict.fromkeys(key for name in names for key in _SOURCES.get(name, (name,)))
    return tuple(key for key in asked if "." in key)


def _vertebral_metastases(case: Case) -> int | None:
    """Return the number of metastatic vertebrae: what is stated, never fewer than the case lists.

    Unstated it is not known, except that three listed lesions reach the last step of every score that counts them.
    """
    stated, listed = case.oncology.vertebral_mets, len(case.lesions)
    if not stated:
        return listed if listed >= _LAST_STEP else None
    return max(stated, listed)


def _contradiction(facts: Facts) -> bool:
    """NEURO-02: AIS A-D, ESCC 2-3, yet no myelopathy and no cauda equina syndrome, and no radiculopathy explains it."""
    return (
        facts["cord_grade"] in ("A", "B", "C", "D")
        and facts["compression"] == "high"
        and facts["neuro.myelopathy"] is False
        and facts["neuro.cauda_equina"] is False
        and facts["neuro.functional_radiculopathy"] is not True
    )


def _cord_signs(facts: Facts) -> bool | None:
    presentation = facts["neuro.presentation"]
    signs = (facts["neuro.myelopathy"], facts["neuro.cauda_equina"])
    if any(signs) or presentation == "clinical_cord_compression" or facts["contradiction"]:
        return True
    return None if presentation is None or None in signs else False


def _deficit(facts: Facts) -> bool | None:
    presentation, radiculopathy = facts["neuro.presentation"], facts["neuro.functional_radiculopathy"]
    if facts["cord_signs"] or presentation == "unilateral_radicular_deficit" or radiculopathy:
        return True
    return None if presentation is None or facts["cord_signs"] is None else False


def _painful(lesion: LesionFacts) -> bool | None:
    if lesion.pain is None:
        return True if lesion.nrs else None
    return lesion.pain != "none"


def _none(count: int | bool | None) -> bool | None:
    return None if count is None else not count


def _all_known(facts: tuple[bool | None, ...]) -> bool | None:
    if False in facts:
        return False
    return None if None in facts else True
