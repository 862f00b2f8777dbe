"""What was answered for a lesion, as facts for the rules that come after: the pathway around the decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from metaspine.assessment.facts import lesion_facts, patient_facts, unknown_keys
from metaspine.assessment.noms import row_facts
from metaspine.assessment.prognosis import named_alterations, targetable_alteration
from metaspine.assessment.radiosensitivity import resistant_primary
from metaspine.assessment.rules import Facts
from metaspine.assessment.sins import sins_facts
from metaspine.assessment.tables import table
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import AdverseEvent, Case, LesionFacts, PostoperativeFacts, PriorRadiotherapy
from metaspine.patient.policy import BoardPolicy

_SOURCES: dict[str, tuple[str, ...]] = {
    "pregnancy": ("patient.pregnant",),
    "oligometastatic": ("oncology.total_metastases_count",),
    "alterations": ("oncology.subtype",),
    "genes_of_radiosensitivity": ("oncology.subtype",),
    "prior_modality": ("lesion.prior_rt_at_level",),
    "adverse_events": ("postop.adverse_events",),
}
"""The keys of the case file behind the facts that are derived here."""


def answered_facts(case: Case, lesion: LesionFacts, advice: Advice, of_lesion: LesionAdvice) -> dict[str, Any]:
    """Return the facts of a lesion together with everything that was decided for it and for its patient.

    The policy is the one that the advice was given under. A decision has the name of its key
    in table G3 (``ebrt_schedule``, ``steroids``); IORT is a status and a role.
    """
    facts = lesion_facts(lesion, _of_the_patient(case, advice.policy))
    facts |= {**sins_facts(of_lesion.sins), "radioresistant_primary": resistant_primary(facts)}
    facts |= {**row_facts(of_lesion.noms), **_answers(of_lesion), **_answers(advice)}
    prior = lesion.prior_rt_at_level
    facts |= _rows(of_lesion.noms.acceptable)
    candidate = None if of_lesion.postop_sbrt is None else of_lesion.postop_sbrt.candidate
    proven = facts["unproven"] is not True
    return facts | {
        "a_row_operates": facts["a_row_decompresses"] or facts["a_row_stabilises"],
        "effective": of_lesion.radiosensitivity.effective,
        "acceptable": of_lesion.noms.acceptable,
        "flags": of_lesion.noms.flags,
        "surgical_capacity": of_lesion.noms.surgical_capacity,
        "urgency_class": of_lesion.urgency.urgency_class,
        "treatment_within_h": of_lesion.urgency.treatment_within_h,
        "iort_stabilisation": of_lesion.iort_stabilisation.status,
        "iort_stabilisation_role": of_lesion.iort_stabilisation.role,
        "iort_kyphoplasty": of_lesion.iort_kyphoplasty.status,
        "iort_kyphoplasty_role": of_lesion.iort_kyphoplasty.role,
        "sbrt_candidate": candidate,
        "srs_to_plan": proven and bool(facts["a_row_with_srs"] or candidate),
        "srs_after_surgery_to_plan": proven and bool(facts["srs_follows_surgery"] or candidate),
        "prior_modality": prior.modality if isinstance(prior, PriorRadiotherapy) else None,
        "another_level_compresses": any(other.escc in ("2", "3") for other in case.lesions if other is not lesion),
        "lesions_in_the_case": len(case.lesions),
    }


def answered_patient_facts(case: Case, advice: Advice) -> dict[str, Any]:
    """Return the facts of the patient, whichever lesion is looked at, with what was decided for any of the lesions.

    A yes or no is yes where it is so for one lesion; ``acceptable`` are the rows of all of them; ``capacities`` and
    ``steroids_decided`` are the answers that occur.
    """
    lesions = [
        answered_facts(case, lesion, advice, of_lesion)
        for lesion, of_lesion in zip(case.lesions, advice.lesions, strict=True)
    ]
    facts = {**_of_the_patient(case, advice.policy), **_answers(advice), "lesions_in_the_case": len(lesions)}
    return facts | {
        **{name: _any(lesion[name] for lesion in lesions) for name in _OF_ANY_LESION},
        "acceptable": _once(row for lesion in lesions for row in lesion["acceptable"]),
        "capacities": _once(lesion["surgical_capacity"] for lesion in lesions),
        "steroids_decided": _once(lesion["steroids"] for lesion in lesions),
        "urgency_classes": _once(lesion["urgency_class"] for lesion in lesions),
    }


def unknown_keys_of_answers(names: Iterable[str], facts: Facts) -> tuple[str, ...]:
    """Return the keys of the case file that are not known, among the sources of the named facts."""
    return unknown_keys([key for name in names for key in _SOURCES.get(name, (name,))], facts)


_OF_ANY_LESION = (
    "cord_signs",
    "a_row_operates",
    "a_row_decompresses",
    "a_row_irradiates",
    "a_row_with_srs",
    "a_row_with_cebrt",
    "srs_follows_surgery",
    "cebrt_follows_surgery",
    "sbrt_candidate",
    "srs_to_plan",
    "srs_after_surgery_to_plan",
)


def _of_the_patient(case: Case, policy: BoardPolicy) -> dict[str, Any]:
    subtype, names = case.oncology.subtype, table("targeted")["genes_of_radiosensitivity"]
    return {
        **patient_facts(case, policy),
        **_postoperative(case.postop),
        "targetable_alteration": targetable_alteration(subtype),
        "alterations": named_alterations(subtype),
        "genes_of_radiosensitivity": named_alterations(subtype, tuple(names)),
        "pregnancy": False if case.patient.sex == "M" else case.patient.pregnant,
        "oligometastatic": _oligometastatic(case),
    }


def _rows(acceptable: tuple[str, ...]) -> dict[str, bool]:
    return {name: any(row in rows for row in acceptable) for name, rows in table("rows").items()}


def _oligometastatic(case: Case) -> bool | None:
    """Return whether there are one to five metastases; never fewer than the case lists or counts in the bones."""
    most, oncology = table("stereotactic")["most_oligometastases"], case.oncology
    in_bones = (oncology.vertebral_mets or 0) + (oncology.extraspinal_bone_mets or 0)
    if max(oncology.total_metastases_count or 0, in_bones, len(case.lesions)) > most:
        return False
    return None if oncology.total_metastases_count is None else True


def _postoperative(postop: PostoperativeFacts | None) -> dict[str, Any]:
    events = () if postop is None else postop.adverse_events
    return {
        **{f"postop.{key}": value for key, value in vars(postop or PostoperativeFacts()).items()},
        "adverse_events": None if events is None else _kinds(events),
        **_days(events or ()),
    }


def _kinds(events: Iterable[AdverseEvent]) -> tuple[str, ...]:
    """Return the kinds of event that the table names; ``other`` where it names none."""
    found: list[str] = []
    for event in events:
        kinds = [kind for kind, pattern in _patterns().items() if re.search(pattern, event.event, re.IGNORECASE)]
        found.extend(kinds or ["other"])
    return _once(found)


def _patterns() -> Mapping[str, str]:
    patterns: Mapping[str, str] = table("adverse_events")["kinds"]
    return patterns


def _days(events: Iterable[AdverseEvent]) -> dict[str, bool]:
    events, last = tuple(events), table("adverse_events")["last_perioperative_day"]
    days = [event.day for event in events if event.day is not None]
    return {
        "perioperative_event": any(day <= last for day in days),
        "late_event": any(day > last for day in days),
        "event_incomplete": any(event.day is None or event.clavien_dindo is None for event in events),
    }


def _answers(advice: Advice | LesionAdvice) -> dict[str, Any]:
    return {name: part.value for name, part in vars(advice).items() if hasattr(part, "value")}


def _any(truths: Iterable[bool | None]) -> bool | None:
    known = tuple(truths)
    if True in known:
        return True
    return None if None in known else False


def _once(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))
