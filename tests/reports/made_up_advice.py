"""A made-up advice with every kind of answer: codes, yes and no, unknown, missing keys, conflicts."""

from __future__ import annotations

from metaspine.patient.advice import (
    Advice,
    Answer,
    Basis,
    Escc,
    IortEligibility,
    LesionAdvice,
    Noms,
    Radiosensitivity,
    Reason,
    Score,
    Sins,
    Urgency,
)
from metaspine.patient.case import Case, LesionFacts, OncologyFacts, PatientFacts, ReadingNote


def make_case(*levels: str) -> Case:
    return Case(
        OncologyFacts("rcc", histology_confirmed=True),
        tuple(LesionFacts(level) for level in levels or ("T12",)),
        PatientFacts(age_years=63, sex="F", kps=80),
    )


def make_lesion(level: str = "T12", *, refused: bool = False) -> LesionAdvice:
    hard = Reason("PEDICLE_INFILTRATION", "hard", ("IORT-06",))
    unknown = Reason("TOMITA_TYPE_UNKNOWN", "unknown", ("KYPHO-01",))
    parts = {"location": 3, "pain": 3, "bone_lesion": 2, "alignment": None, "collapse": 1, "posterolateral": 0}
    status = "ineligible" if refused else "eligible"
    return LesionAdvice(
        level=level,
        sins=Sins(
            parts,
            None,
            (9, 13),
            "not_determinable",
            True,
            "partial",
            ("alignment",),
            Basis(("SINS-05",), ("lesion.alignment",)),
        ),
        escc=Escc("1a", "low", "conus", Basis(("ESCC-01",))),
        radiosensitivity=Radiosensitivity(
            "radioresistant", "radioresistant", False, "radioresistant", "histology", Basis(("RADIO-01",))
        ),
        noms=Noms(
            "STAB_THEN_SRS",
            ("STAB_THEN_SRS", "SRS"),
            "STAB_THEN_SRS",
            (),
            ("SURGEON_DECIDES_STABILISATION",),
            "open",
            Basis(("NOMS-04",)),
            {"SURGEON_DECIDES_STABILISATION": ("NOMS-20",)},
        ),
        urgency=Urgency(336, 336, None, "elective", Basis(("URG-01",))),
        mechanical_urgency=Answer("SURGEON_CONSULT", Basis(("SINS-07",))),
        steroids=Answer("NOT_INDICATED", Basis(("STER-01",))),
        iort_stabilisation=IortEligibility(
            status, (hard,) if refused else (), "ALTERNATIVE_TO_ADJUVANT_RT", Basis(("IORT-01",))
        ),
        iort_kyphoplasty=IortEligibility(
            "indeterminate", (unknown,), None, Basis(("KYPHO-01",), ("lesion.tomita_type",))
        ),
        ebrt_schedule=Answer(None, Basis()),
        preop_embolisation=Answer(True, Basis(("SURG-01",))),
        en_bloc_criteria_met=Answer(None, Basis((), ("patient.ecog",))),
        reirradiation=None,
        postop_sbrt=None,
    )


def make_advice(*levels: str, refused: bool = False) -> Advice:
    lesions = tuple(make_lesion(level, refused=refused) for level in levels or ("T12",))
    score = Score(
        {"kps": 2, "organs": None}, None, None, (4, 9), "missing_data", Basis(("SURV-01",), ("oncology.visceral_mets",))
    )
    return Advice(
        lesions=lesions,
        worst=0,
        listed=len(lesions) > 1,
        tokuhashi_revised=score,
        tomita=Score({"primary": 2}, 4, "palliative_surgery", (4, 4), None, Basis()),
        bauer_modified=Score(None, None, None, None, "not_applicable", Basis()),
        survival_surgery_rule=Answer(None, Basis()),
        goals_of_care=Answer("PALLIATIVE_INTENT", Basis(("GOALS-01",))),
        prognosis_flags=("TARGETABLE_ALTERATION_NOT_IN_TRADITIONAL_SCORES",),
        flags=(),
        flag_evidence={"TARGETABLE_ALTERATION_NOT_IN_TRADITIONAL_SCORES": ("MUT-01",)},
        notes=(ReadingNote("lesion.escc", "2c is no grade; read as 2", "ESCC-02"),),
    )
