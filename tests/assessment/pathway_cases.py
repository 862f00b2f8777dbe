"""For each rule of the pathway a case in which it speaks and one in which it must be silent, as changes of KNOWN.

KNOWN is a breast cancer at T8, SINS 8, ESCC 0, mechanical pain: stabilisation or not, then conventional radiotherapy.
``beside`` adds a second lesion with these changes; ``policy`` chooses sides of conflicts.
"""

from __future__ import annotations

import copy
from typing import Any

from cases import KNOWN

Changes = dict[str, Any]

CORD: Changes = {"neuro__myelopathy": True, "neuro__presentation": "clinical_cord_compression", "neuro__asia": "C"}
HIGH: Changes = {"lesion__escc": "3", "lesion__tomita_type": 4}
RESISTANT: Changes = {"oncology__primary": "rcc"}
STABLE: Changes = {"lesion__pain": "none", "lesion__nrs": 0}
UNSTABLE: Changes = {"lesion__alignment": "subluxation_translation", "lesion__collapse": "gt50"}
PAINFUL_STABLE: Changes = {"lesion__bone_lesion": "blastic", "lesion__collapse": "none"}
UNPROVEN: Changes = {"oncology__histology_confirmed": False}
PREGNANT: Changes = {"patient__pregnant": True}
NO_PROCEDURE: Changes = {"patient__tolerates_any_procedure": False}
UNFIT: Changes = {"patient__tolerates_open_surgery": False}
SEPARATION: Changes = {**RESISTANT, **HIGH, **CORD}
PRIOR: Changes = {"lesion__prior_rt_at_level": {"dose_gy": 30, "fractions": 10, "months_ago": 12, "modality": "cEBRT"}}
SRS: Changes = {**RESISTANT, **STABLE}
STAB_SRS: Changes = {**RESISTANT, **UNSTABLE}
EGFR: Changes = {"oncology__primary": "nsclc", "oncology__subtype": "EGFR"}
MEN: Changes = {"patient__sex": "M", "oncology__primary": "prostate"}
CHORDOMA: Changes = {"oncology__primary": "chordoma"}
SAFE: Changes = {
    "patient__creatinine_clearance_ml_min": 90,
    "patient__dental_check_done": True,
    "laboratory__corrected_calcium_mg_dl": 9.5,
    "laboratory__vitamin_d_ng_ml": 30,
}
CANDIDATE: Changes = {
    "postop__contiguous_levels": 1,
    "postop__asia": "E",
    "postop__residual_escc": "0",
    "oncology__primary": "rcc",
}


def clearance(ml_min: float | None) -> Changes:
    return {"patient__creatinine_clearance_ml_min": ml_min}


def event(text: str, grade: str | None = "II", day: int | None = 5) -> Changes:
    return {"postop__adverse_events": [{"event": text, "clavien_dindo": grade, "day": day}]}


def follow(identifier: str, side: str) -> Changes:
    return {"policy": {identifier: side}}


def document_of(changes: Changes) -> dict[str, Any]:
    """Return KNOWN with the changes as a case file."""
    document = copy.deepcopy(KNOWN)
    beside = changes.get("beside")
    for path, value in changes.items():
        section, _, key = path.partition("__")
        if key:
            document.setdefault(section, {})[key] = value
    if beside is not None:
        lesion = document.pop("lesion")
        other = {**lesion, **{path.partition("__")[2]: value for path, value in beside.items()}}
        document["lesions"] = [lesion, other]
    return document


SPEAKS: dict[str, tuple[Changes, Changes]] = {
    "NOMS-17": ({**CORD, **HIGH, "patient__expected_survival_months": None}, {**CORD, **HIGH}),
    "PREGNANCY-01": (PREGNANT, {}),
    "IMG-01": ({"oncology__primary": "unknown"}, UNPROVEN),
    "IMG-02": (UNPROVEN, {"oncology__primary": "unknown"}),
    "IMG-03": ({"patient__mri_contraindicated": True}, {"patient__mri_contraindicated": False}),
    "IMG-04": ({**CORD, **HIGH}, {**CORD, **HIGH, "patient__mri_contraindicated": True}),
    "IMG-05": ({"lesion__escc": None}, {"lesion__escc": None, "patient__mri_contraindicated": True}),
    "DDX-01a": (CORD, {**CORD, "lesion__escc": "2"}),
    "DDX-01b": ({**CORD, "beside": {"lesion__level": "L1", **HIGH}}, CORD),
    "DDX-01c": ({**CORD, "lesion__escc": None}, {**CORD, **HIGH}),
    "DDX-01d": ({"neuro__asia": "A"}, {"neuro__asia": "E"}),
    "DDX-01e": (
        {"neuro__presentation": "unilateral_radicular_deficit"},
        {"neuro__presentation": "unilateral_radicular_deficit", "lesion__escc": "1a"},
    ),
    "DDX-01f": (UNPROVEN, {**UNPROVEN, **STABLE}),
    "STER-04": ({**CORD, **HIGH}, {"lesion__escc": "2"}),
    "STER-09a": (
        {**CORD, **HIGH},
        {**CORD, **HIGH, **follow("CONFLICT-STEROID-DOSE", "nice_16mg")},
    ),
    "STER-09b": ({**CORD, **HIGH, **follow("CONFLICT-STEROID-DOSE", "nice_16mg")}, {**CORD, **HIGH}),
    "STER-10": ({**CORD, "neuro__symptom_duration_days": 0.5, **HIGH}, {}),
    "STER-05": (SRS, {}),
    "BONE-01": (PREGNANT, {**PREGNANT, **CHORDOMA}),
    "BONE-02": (clearance(29.9), clearance(30)),
    "BONE-03": (clearance(30), clearance(35)),
    "BONE-04": (clearance(60), clearance(60.1)),
    "BONE-05": ({}, clearance(29.9)),
    "BONE-06": ({}, {"oncology__primary": "hemangioma"}),
    "BONE-07": ({**CORD, **HIGH}, {}),
    "BONE-08": ({"patient__dental_check_done": False}, SAFE),
    "BONE-09": ({**SAFE, "laboratory__vitamin_d_ng_ml": None}, SAFE),
    "GOC-02": ({"patient__expected_survival_months": 2.9}, {"patient__expected_survival_months": 3}),
    "SURG-04": ({}, NO_PROCEDURE),
    "CCI-01": ({"patient__cci_excluding_metastasis": 2}, {"patient__cci_excluding_metastasis": 1}),
    "SURG-05": (SEPARATION, {}),
    "SURG-06": ({"patient__expected_survival_months": 6}, {"patient__expected_survival_months": 6.1}),
    "SURG-09": ({}, {**STABLE, **RESISTANT}),
    "SURG-01a": ({**CORD, **HIGH}, {**CORD, **HIGH, **NO_PROCEDURE}),
    "SURG-01b": (UNSTABLE, {}),
    "SURG-01c": ({**RESISTANT, **HIGH}, HIGH),
    "SURG-01d": ({"lesion__nrs": 7}, {"lesion__nrs": 6}),
    "SURG-02-SOFT": (
        {**UNSTABLE, "patient__expected_survival_months": 2},
        {**UNSTABLE, "patient__expected_survival_months": 2, "oncology__systemic_options_remaining": False},
    ),
    "SURG-07a": (SEPARATION, {**SEPARATION, **UNFIT}),
    "SURG-07b": (SEPARATION, {**SEPARATION, **UNFIT}),
    "SURG-07c": ({"postop__residual_escc": "2"}, {"postop__residual_escc": "1c"}),
    "SURG-08-EN-BLOC": ({"patient__expected_survival_months": 24}, {"patient__expected_survival_months": 23.9}),
    "SURG-08-S1": (SRS, {**SRS, **follow("CONFLICT-EN-BLOC", "s3_en_bloc")}),
    "SURG-08-S3": ({**SRS, **follow("CONFLICT-EN-BLOC", "s3_en_bloc")}, SRS),
    "NOMS-14": ({**CHORDOMA, **HIGH, **CORD}, {**CHORDOMA, **HIGH}),
    "SURG-12": ({}, {"lesion__pain": "occasional_non_mechanical"}),
    "SURG-13": ({**UNPROVEN, **SEPARATION}, SEPARATION),
    "SURG-11a": (PAINFUL_STABLE, {**PAINFUL_STABLE, "lesion__cement_in_place": True}),
    "SURG-11b": ({"neuro__presentation": "unilateral_radicular_pain"}, {}),
    "SURG-11c": ({"lesion__escc": "2"}, {"lesion__escc": "1c"}),
    "SURG-11d": (UNSTABLE, {**UNSTABLE, **follow("CONFLICT-CEMENT", "s0_excluded")}),
    "SURG-11e": ({**UNSTABLE, **follow("CONFLICT-CEMENT", "s0_excluded")}, UNSTABLE),
    "SURG-11f": ({**UNSTABLE, **follow("CONFLICT-CEMENT", "s4_accepted")}, UNSTABLE),
    "SURG-11g": ({**PAINFUL_STABLE, "lesion__posterolateral": "unilateral"}, PAINFUL_STABLE),
    "TIMING-01": (STAB_SRS, {}),
    "TIMING-02": ({}, SRS),
    "TIMING-03": ({"patient__expected_survival_months": 6}, {"patient__expected_survival_months": 7}),
    "TIMING-04": ({}, {"oncology__systemic_options_remaining": False}),
    "TIMING-05": (PRIOR, {}),
    "RT-05": ({}, SRS),
    "RT-03": ({}, {"oncology__total_metastases_count": 6, "oncology__vertebral_mets": 2}),
    "RAD-11a": (
        {**CORD, **HIGH, "oncology__primary": "multiple_myeloma"},
        {**HIGH, "oncology__primary": "multiple_myeloma"},
    ),
    "RAD-11b": ({**CORD, **HIGH}, HIGH),
    "RAD-11c": ({**CORD, **HIGH, **MEN}, {**HIGH, **MEN}),
    "RAD-12a": ({"neuro__ambulatory": False}, {}),
    "RAD-12b": (
        {"neuro__ambulatory": False, "oncology__primary": "hcc", **HIGH, **UNFIT},
        {"oncology__primary": "hcc", **HIGH, **UNFIT},
    ),
    "RAD-10": ({**RESISTANT, **HIGH, **UNFIT}, HIGH),
    "RT-06": (PRIOR, {"lesion__prior_rt_at_level": {"months_ago": 4.9}}),
    "RT-07": (PRIOR, SRS),
    "RT-08": (
        {**RESISTANT, "patient__expected_survival_months": 2},
        {**SRS, "patient__expected_survival_months": 2},
    ),
    "SBRT-07": (
        {"oncology__total_metastases_count": 5},
        {"oncology__total_metastases_count": 6},
    ),
    "SBRT-08": (SRS, {}),
    "SBRT-09a": (SRS, {**SRS, **follow("CONFLICT-GTV-DMIN", "s2_14gy")}),
    "SBRT-09b": ({**SRS, **follow("CONFLICT-GTV-DMIN", "s2_14gy")}, SRS),
    "SBRT-10": (SRS, {**SEPARATION, **UNPROVEN}),
    "NOMS-13": ({**RESISTANT, "lesion__escc": "2"}, {**RESISTANT, "lesion__escc": "3"}),
    "SBRT-11": (STAB_SRS, SRS),
    "SBRT-12": (SEPARATION, STAB_SRS),
    "SBRT-13": (SEPARATION, {**SEPARATION, "oncology__primary": "melanoma"}),
    "SBRT-14": (SRS, {}),
    "SBRT-15": (SRS, {**SRS, "oncology__primary": "melanoma"}),
    "SBRT-16": ({"postop__contiguous_levels": 3}, {"postop__contiguous_levels": 2}),
    "SBRT-17": (PRIOR, {"lesion__prior_rt_at_level": {"months_ago": 12, "modality": "SBRT"}}),
    "VOL-01": (CANDIDATE, {**SRS}),
    "VOL-03a": (STAB_SRS, {**STAB_SRS, **follow("CONFLICT-PTV", "table2_2_5mm")}),
    "VOL-03b": ({**STAB_SRS, **follow("CONFLICT-PTV", "table2_2_5mm")}, STAB_SRS),
    "VOL-04a": (STAB_SRS, {**STAB_SRS, **follow("CONFLICT-PRV", "text_1_5_2mm")}),
    "VOL-04b": ({**STAB_SRS, **follow("CONFLICT-PRV", "text_1_5_2mm")}, STAB_SRS),
    "VOL-02a": (
        {**SRS, "lesion__epidural_extent": "circumferential"},
        {**SRS, "lesion__epidural_extent": "partial"},
    ),
    "VOL-02b": ({**SRS, "lesion__epidural_extent": "none"}, SRS),
    "VOL-02c": ({**SRS, "lesion__epidural_extent": "partial"}, {"lesion__epidural_extent": "partial"}),
    "VOL-05": ({**STAB_SRS, "lesion__paraspinal_extension": True}, STAB_SRS),
    "TOX-01": (SRS, {}),
    "TOX-03": (SRS, {}),
    "TOX-02": (
        {**SRS, **PAINFUL_STABLE, "patient__age_years": 56},
        {**SRS, **PAINFUL_STABLE, "patient__age_years": 55},
    ),
    "TOX-04": (
        {**SRS, "lesion__planned_dose_per_fraction_gy": 18.1},
        {**SRS, "lesion__planned_dose_per_fraction_gy": 18},
    ),
    "TOX-05a": (
        {**SRS, "lesion__bone_lesion": "mixed"},
        {**SRS, **follow("CONFLICT-PROPHYLACTIC-CEMENT", "s1_before_treatment")},
    ),
    "TOX-05b": ({**SRS, **follow("CONFLICT-PROPHYLACTIC-CEMENT", "s1_before_treatment")}, SRS),
    "TOX-06a": ({"lesion__level": "C5", "lesion__levels_involved": ["C5"]}, {}),
    "TOX-06b": (
        {"lesion__level": "T4", "lesion__levels_involved": ["T4"]},
        {"lesion__level": "T5", "lesion__levels_involved": ["T5"]},
    ),
    "TOX-06c": ({"lesion__level": "L3", "lesion__levels_involved": ["L3"]}, {}),
    "TOX-06d": ({"lesion__level": "S1", "lesion__levels_involved": ["S1"]}, {}),
    "TOX-07a": (PRIOR, SRS),
    "TOX-07b": (SEPARATION, {**SEPARATION, **PRIOR}),
    "KYPHO-05": ({**PAINFUL_STABLE, "lesion__pain": "occasional_non_mechanical"}, {}),
    "KYPHO-06": ({}, {"lesion__tomita_type": 3}),
    "IORT-31": ({}, NO_PROCEDURE),
    "IORT-32": ({}, {"patient__iort_consent": False}),
    "IORT-20": ({}, PRIOR),
    "KYPHO-07": ({}, {"lesion__cement_in_place": True}),
    "KYPHO-08": ({"patient__age_years": 49.9}, {"patient__age_years": 50}),
    "IORT-34": (PAINFUL_STABLE | {"lesion__pain": "occasional_non_mechanical"} | NO_PROCEDURE, {}),
    "UNTREATED-01": ({**CORD, **HIGH}, HIGH),
    "UNTREATED-02": (UNSTABLE, {**UNSTABLE, "lesion__stabilised_already": True}),
    "UNTREATED-03": ({"neuro__presentation": "asymptomatic", **STABLE}, {}),
    "UNTREATED-04": ({}, UNSTABLE),
    "AE-01": (event("fever", grade=None), event("fever")),
    "AE-02": (event("fever", day=30), event("fever", day=31)),
    "AE-03": (event("fever", day=31), event("fever", day=30)),
    "AE-04": (event("surgical site infection", "IIIb"), event("seroma", "I")),
    "AE-05": (event("deep vein thrombosis"), event("seroma", "I")),
    "AE-06": (event("pneumonia"), event("seroma", "I")),
    "AE-07": (event("seroma", "I"), event("pneumonia")),
    "AE-08": (event("neurological decline with progression", "IIIb"), event("seroma", "I")),
    "IORT-30": (event("irradiation aborted, needle bending", "I", 0), event("seroma", "I")),
    "MUT-02a": ({**EGFR, "oncology__subtype": None}, EGFR),
    "MUT-02b": (
        {"oncology__primary": "melanoma", "oncology__subtype": None},
        {"oncology__primary": "melanoma", "oncology__subtype": "BRAF wt"},
    ),
    "MUT-02c": ({"oncology__subtype": None}, {}),
    "MUT-03a": ({**EGFR, "oncology__previous_targeted_drug": False}, EGFR),
    "MUT-03b": (
        {**EGFR, "oncology__previous_targeted_drug": True},
        {**EGFR, "oncology__subtype": "EGFR wt", "oncology__previous_targeted_drug": True},
    ),
    "MUT-03c": (EGFR, {**EGFR, "oncology__previous_targeted_drug": False}),
    "MUT-04": ({**EGFR, **follow("CONFLICT-TARGETED", "s1_s3_consider")}, EGFR),
    "MUT-05": (EGFR, {}),
    "MUT-06": ({}, RESISTANT),
    "MUT-07": (
        {**HIGH, "oncology__primary": "melanoma", "oncology__previous_immunotherapy": True},
        {**HIGH, "oncology__primary": "melanoma", "oncology__previous_immunotherapy": False},
    ),
    "MUT-08": ({**MEN, **PRIOR}, MEN),
    "MUT-09": ({"oncology__subtype": "BRCA2"}, {"oncology__subtype": "BRCA2 negative"}),
    "WFNS-01": (SEPARATION, {}),
    "WFNS-03": (EGFR, {**EGFR, **follow("CONFLICT-TARGETED", "s1_s3_consider")}),
    "WFNS-02": ({"lesion__prior_surgery_at_level": True}, {}),
}
