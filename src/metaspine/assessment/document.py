"""The advice as one JSON object: table G3 of the clinical rules, and an explanation beside it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from metaspine.patient.advice import (
    Advice,
    Basis,
    IortEligibility,
    LesionAdvice,
    PostoperativeSbrt,
    Reirradiation,
    Score,
    Sins,
)


def advice_document(advice: Advice) -> dict[str, Any]:
    """Return the advice as plain values; the top level repeats the lesion that decides (G1-17)."""
    document = _lesion_and_patient(advice, advice.leading)
    document |= _optional("prognosis_flags", list(advice.prognosis_flags))
    document |= _optional("flags", list(advice.flags))
    if advice.listed:
        document["lesions"] = [
            {"level": lesion.level, **_lesion_and_patient(advice, lesion)} for lesion in advice.lesions
        ]
    document["explanation"]["disclaimer"] = advice.disclaimer
    document["explanation"]["level"] = advice.leading.level
    document["explanation"]["notes"] = [dict(vars(note)) for note in advice.notes]
    return document


def _lesion_and_patient(advice: Advice, lesion: LesionAdvice) -> dict[str, Any]:
    document: dict[str, Any] = {
        "sins": _sins(lesion.sins),
        "escc": {"grade": lesion.escc.grade, "class": lesion.escc.compression},
        "radiosensitivity": {
            "noms_S1": lesion.radiosensitivity.noms_s1,
            "gerszten_S2": lesion.radiosensitivity.gerszten_s2,
            "conflict": lesion.radiosensitivity.conflict,
            "effective": lesion.radiosensitivity.effective,
            "effective_reason": lesion.radiosensitivity.effective_reason,
        },
        "noms": {
            "recommendation": lesion.noms.recommendation,
            "acceptable": list(lesion.noms.acceptable),
            "table_2013": lesion.noms.table_2013,
            "hard_stops": list(lesion.noms.hard_stops),
            "flags": list(lesion.noms.flags),
            "surgical_capacity": lesion.noms.surgical_capacity,
        },
        "urgency": {
            "mri_within_h": lesion.urgency.mri_within_h,
            "treatment_within_h": lesion.urgency.treatment_within_h,
            "biopsy_within_h": lesion.urgency.biopsy_within_h,
            "class": lesion.urgency.urgency_class,
        },
        "mechanical_urgency": lesion.mechanical_urgency.value,
        "steroids": lesion.steroids.value,
        "tokuhashi_revised": _score(advice.tokuhashi_revised, "band"),
        "tomita": _score(advice.tomita, "strategy"),
        "bauer_modified": _score(advice.bauer_modified, "band"),
        "iort_stabilisation": _eligibility(lesion.iort_stabilisation),
        "iort_kyphoplasty": _eligibility(lesion.iort_kyphoplasty),
        "survival_surgery_rule": advice.survival_surgery_rule.value,
        "ebrt_schedule": lesion.ebrt_schedule.value,
        "preop_embolisation": lesion.preop_embolisation.value,
        "en_bloc_criteria_met": lesion.en_bloc_criteria_met.value,
        "goals_of_care": advice.goals_of_care.value,
    }
    if advice.tokuhashi_revised.meaning is None:
        document["tokuhashi_revised"]["band"] = None
    document |= _optional("reirradiation", _reirradiation(lesion.reirradiation))
    document |= _optional("postop_sbrt", _postoperative(lesion.postop_sbrt))
    document["explanation"] = {"parts": {name: _basis(basis) for name, basis in parts(advice, lesion).items()}}
    document["explanation"]["flags"] = {
        code: list(ids) for code, ids in {**lesion.noms.flag_evidence, **advice.flag_evidence}.items()
    }
    return document


def parts(advice: Advice, lesion: LesionAdvice) -> dict[str, Basis]:
    """Return what each part of the answer rests on, by the part's key."""
    of_lesion = {name: part.basis for name, part in vars(lesion).items() if hasattr(part, "basis")}
    return of_lesion | {name: part.basis for name, part in vars(advice).items() if hasattr(part, "basis")}


def plain(value: Any) -> Any:
    """Return a frozen value as JSON has it: objects, lists, words and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    return value


def _optional(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}


def _basis(basis: Basis) -> dict[str, Any]:
    return {"evidence": list(basis.evidence), "missing": list(basis.missing), "notes": list(basis.notes)}


def _sins(score: Sins) -> dict[str, Any]:
    return {
        "components": None if score.components is None else dict(score.components),
        "total": score.total,
        "range": list(score.range),
        "category": score.category,
        "surgeon_consult": score.surgeon_consult,
        "source": score.source,
    } | ({"missing": list(score.missing)} if score.source == "partial" else {})


def _score(score: Score, meaning: str) -> dict[str, Any]:
    document: dict[str, Any] = {} if score.items is None else {"items": dict(score.items)}
    document["total"] = score.total
    if score.meaning is not None:
        document[meaning] = score.meaning
    return document | {"reason": score.reason}


def _eligibility(eligibility: IortEligibility) -> dict[str, Any]:
    return {"status": eligibility.status, "reasons": list(eligibility.reason_codes), "role": eligibility.role}


def _reirradiation(allowance: Reirradiation | None) -> dict[str, Any] | None:
    if allowance is None:
        return None
    return {name: value for name, value in vars(allowance).items() if name != "basis"}


def _postoperative(advice: PostoperativeSbrt | None) -> dict[str, Any] | None:
    if advice is None:
        return None
    return {
        "candidate": advice.candidate,
        "contraindications": list(advice.contraindications),
        "indications": list(advice.indications),
    }
