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
UNSTABLE: Changes = {
    "lesion__alignment": "subluxation_translation",
    "lesion__collapse": "gt50",
    "lesion__bone_lesion": "lytic",
    "lesion__posterolateral": "bilateral",
}
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
    "RT-05a": ({}, SRS),
    "RT-05b": ({**CORD, **HIGH, "oncology__primary": "lymphoma"}, {}),
    "RERT-03": (
        {"lesion__prior_rt_at_level": {"months_ago": 4.9}},
        {"lesion__prior_rt_at_level": {"months_ago": 5}},
    ),
    "RERT-04": ({"lesion__prior_rt_at_level": {"months_ago": 5}}, {"lesion__prior_rt_at_level": {"months_ago": 4.9}}),
    "RT-03": ({}, {"oncology__total_metastases_count": 6, "oncology__vertebral_mets": 2}),
    "RAD-11a": (
        {**CORD, **HIGH, "oncology__primary": "multiple_myeloma"},
        {**HIGH, "oncology__primary": "multiple_myeloma"},
    ),
    "RAD-11b": ({**CORD, **HIGH}, HIGH),
    "RAD-11c": ({**CORD, **HIGH, **MEN}, {**HIGH}),
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
        {**SRS, "oncology__total_metastases_count": 5},
        {**SRS, "oncology__total_metastases_count": 6},
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
    "IORT-34": (PAINFUL_STABLE | {"lesion__pain": "occasional_non_mechanical"}, {}),
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


AT_L3: Changes = {"lesion__level": "L3", "lesion__levels_involved": ["L3"]}
RADICULAR: Changes = {"neuro__presentation": "unilateral_radicular_pain"}
ROOT: Changes = {"neuro__functional_radiculopathy": True}
BENIGN: Changes = {"oncology__primary": "hemangioma"}
LYMPHOMA: Changes = {"oncology__primary": "lymphoma"}
SHORT: Changes = {**UNSTABLE, "patient__expected_survival_months": 2}
S0_SIDE, S4_SIDE = (follow("CONFLICT-CEMENT", side) for side in ("s0_excluded", "s4_accepted"))
S1_SIDE: Changes = follow("CONFLICT-PROPHYLACTIC-CEMENT", "s1_before_treatment")
SIDE_SCREWS: Changes = {**PAINFUL_STABLE, "lesion__posterolateral": "unilateral"}
DONE: Changes = {"lesion__stabilised_already": True}
NO_CONSENT: Changes = {"patient__iort_consent": False}
KYPHO_FITS: Changes = {**PAINFUL_STABLE, "lesion__pain": "occasional_non_mechanical"}
NO_FACTOR: Changes = {**SRS, "patient__age_years": 50, "lesion__bone_lesion": "mixed", "lesion__collapse": "none"}
STOPPED: Changes = {"lesion__escc": None}
NOT_FOR_CEMENT = (BENIGN, PREGNANT, {"lesion__escc": "2"}, CORD, UNSTABLE, RADICULAR, ROOT, NO_PROCEDURE)
INSTABILITY_ELSEWHERE = ({"lesion__escc": "2"}, CORD, PREGNANT, DONE)

ALSO_SILENT: dict[str, tuple[Changes, ...]] = {
    "NOMS-17": ({"patient__expected_survival_months": None},),
    "IMG-01": ({"oncology__primary": "unknown", **PREGNANT},),
    "IMG-02": ({**UNPROVEN, **PREGNANT},),
    "IMG-04": (HIGH,),
    "IMG-05": ({},),
    "DDX-01a": ({}, {**CORD, "beside": {"lesion__level": "L1", **HIGH}}),
    "DDX-01b": (
        {"beside": {"lesion__level": "L1", "lesion__escc": "2"}},
        {**CORD, **HIGH, "beside": {"lesion__level": "L1", **HIGH}},
    ),
    "DDX-01c": ({"lesion__escc": None},),
    "DDX-01d": ({**CORD, "neuro__asia": "A"}, {"neuro__asia": "D", "lesion__escc": "2"}),
    "DDX-01e": ({}, CORD, {**ROOT, "neuro__asia": "D"}),
    "SURG-01a": ({},),
    "SURG-01b": ({**UNSTABLE, **NO_PROCEDURE},),
    "SURG-01d": (
        {"lesion__nrs": 7, **NO_PROCEDURE},
        {**UNSTABLE, "lesion__nrs": 7},
        {**CORD, **HIGH, "lesion__nrs": 7},
    ),
    "SURG-02-SOFT": (
        {**UNSTABLE, "patient__expected_survival_months": 3},
        {**SHORT, **NO_PROCEDURE},
        {**SHORT, **PREGNANT},
        {**SHORT, **BENIGN},
        {**SHORT, **DONE},
        {"patient__expected_survival_months": 2},
    ),
    "SURG-08-S1": ({}, {**SRS, "lesion__escc": "2"}),
    "SURG-08-S3": (follow("CONFLICT-EN-BLOC", "s3_en_bloc"),),
    "NOMS-14": ({**SEPARATION}, {**CHORDOMA, **CORD}, {**CHORDOMA, **HIGH, **CORD, **NO_PROCEDURE}),
    "SURG-12": (DONE, {**UNSTABLE, **PREGNANT}),
    "SURG-13": ({**UNPROVEN, **SEPARATION, **NO_PROCEDURE},),
    "SURG-11a": (STABLE, *({**PAINFUL_STABLE, **changes} for changes in NOT_FOR_CEMENT)),
    "SURG-11b": tuple(
        {**RADICULAR, **changes} for changes in (STABLE, BENIGN, PREGNANT, {"lesion__escc": "2"}, {**ROOT, **CORD})
    ),
    "SURG-11c": ({"lesion__escc": "2", **STABLE}, {"lesion__escc": "2", **PREGNANT}),
    "SURG-11d": ({}, *({**UNSTABLE, **changes} for changes in INSTABILITY_ELSEWHERE)),
    "SURG-11e": (S0_SIDE, *({**UNSTABLE, **S0_SIDE, **changes} for changes in INSTABILITY_ELSEWHERE)),
    "SURG-11f": (
        S4_SIDE,
        *({**UNSTABLE, **S4_SIDE, **changes} for changes in INSTABILITY_ELSEWHERE),
        {**UNSTABLE, **S4_SIDE, "lesion__cement_in_place": True},
    ),
    "SURG-11g": tuple({**SIDE_SCREWS, **changes} for changes in (STABLE, DONE, *NOT_FOR_CEMENT)),
    "TIMING-03": ({**UNFIT, **STABLE, **RESISTANT},),
    "TIMING-04": (NO_PROCEDURE, {"patient__expected_survival_months": 6}),
    "TIMING-05": ({**PRIOR, **NO_PROCEDURE},),
    "RT-03": (
        NO_PROCEDURE,
        {**CORD, **HIGH, **UNPROVEN},
        LYMPHOMA,
        {**SEPARATION, "neuro__asia": "A"},
        PRIOR,
    ),
    "RT-05a": (KYPHO_FITS, {**PRIOR, **HIGH, **NO_PROCEDURE}),
    "RT-05b": ({**PRIOR, **HIGH, **CORD, **NO_PROCEDURE},),
    "RERT-03": ({"lesion__prior_rt_at_level": {"months_ago": 4.9}, **PREGNANT},),
    "RERT-04": ({}, {**PRIOR, **PREGNANT}),
    "SURG-01c": (RESISTANT, {**RESISTANT, **HIGH, **NO_PROCEDURE}, {**SEPARATION, **UNPROVEN}),
    "SBRT-11": ({**STAB_SRS, **PRIOR},),
    "SBRT-14": ({**SRS, **PRIOR},),
    "TOX-01": ({**SRS, **AT_L3},),
    "RAD-11a": ({**CORD, **HIGH},),
    "RAD-11b": ({**CORD, **HIGH, **MEN}, {**CORD, **HIGH, **UNPROVEN}),
    "RAD-11c": ({**CORD, **HIGH},),
    "RAD-12a": ({"neuro__ambulatory": False, **MEN}, {"neuro__ambulatory": False, **UNPROVEN}),
    "RAD-10": (STAB_SRS,),
    "RT-06": ({}, {**PRIOR, **PREGNANT}),
    "RT-07": ({**PRIOR, "lesion__contiguous_levels": 4},),
    "RT-08": (SRS, {}),
    "SBRT-07": (BENIGN, CHORDOMA, UNPROVEN, PREGNANT, {}, {**LYMPHOMA, **PRIOR}),
    "SBRT-08": ({**SEPARATION, **UNPROVEN},),
    "SBRT-09a": ({},),
    "SBRT-09b": (follow("CONFLICT-GTV-DMIN", "s2_14gy"),),
    "SBRT-12": ({**SEPARATION, **UNPROVEN}, {**SEPARATION, **PRIOR}),
    "SBRT-13": (SRS, {**SEPARATION, **PRIOR}),
    "SBRT-15": ({**SRS, **PRIOR}, {**RESISTANT, "lesion__contiguous_levels": 4}),
    "SBRT-17": ({**PRIOR, "lesion__contiguous_levels": 4},),
    "VOL-02a": ({"lesion__epidural_extent": "circumferential"},),
    "VOL-02b": ({"lesion__epidural_extent": "none"},),
    "VOL-02c": (SRS,),
    "VOL-05": ({**SRS, "lesion__paraspinal_extension": True},),
    **dict.fromkeys(("VOL-01", "VOL-03a"), (SRS,)),
    "VOL-04a": (SRS, {**STAB_SRS, **AT_L3}),
    "VOL-03b": (follow("CONFLICT-PTV", "table2_2_5mm"),),
    "VOL-04b": (
        follow("CONFLICT-PRV", "text_1_5_2mm"),
        {**STAB_SRS, **AT_L3, **follow("CONFLICT-PRV", "text_1_5_2mm")},
    ),
    "TOX-02": ({},),
    "TOX-04": ({"lesion__planned_dose_per_fraction_gy": 20},),
    "TOX-05a": ({}, STAB_SRS, {**SRS, **DONE}, {**SRS, "lesion__cement_in_place": True}, NO_FACTOR),
    "TOX-05b": (
        S1_SIDE,
        {**STAB_SRS, **S1_SIDE},
        {**SRS, **DONE, **S1_SIDE},
        {**SRS, "lesion__cement_in_place": True, **S1_SIDE},
        {**NO_FACTOR, **S1_SIDE},
    ),
    "TOX-06a": ({"lesion__level": "C5", "lesion__levels_involved": ["C5"], **PREGNANT},),
    "TOX-06b": ({"lesion__level": "T4", "lesion__levels_involved": ["T4"], **PREGNANT},),
    "TOX-06c": ({"lesion__level": "L3", "lesion__levels_involved": ["L3"], **PREGNANT},),
    "TOX-06d": ({"lesion__level": "S1", "lesion__levels_involved": ["S1"], **PREGNANT},),
    "TOX-07a": ({**PRIOR, "lesion__contiguous_levels": 4},),
    "TOX-07b": (STAB_SRS, {**SEPARATION, **UNPROVEN}),
    "KYPHO-05": ({**KYPHO_FITS, **NO_CONSENT}, {**KYPHO_FITS, **STOPPED}, {**KYPHO_FITS, **NO_PROCEDURE}),
    "KYPHO-06": (NO_CONSENT, STOPPED, KYPHO_FITS, {**UNSTABLE, **STABLE}, NO_PROCEDURE),
    "IORT-31": (NO_CONSENT, STOPPED, DONE),
    "IORT-32": (STOPPED, {"lesion__escc": "3"}, NO_PROCEDURE),
    "IORT-20": (NO_CONSENT, STOPPED, NO_PROCEDURE),
    "KYPHO-07": (NO_CONSENT, STOPPED, NO_PROCEDURE),
    "KYPHO-08": tuple({"patient__age_years": 49, **changes} for changes in (NO_CONSENT, STOPPED, NO_PROCEDURE)),
    "IORT-34": ({**KYPHO_FITS, **NO_CONSENT}, {**KYPHO_FITS, **NO_PROCEDURE}),
    "BONE-01": ({}, {**PREGNANT, **UNPROVEN}),
    "BONE-02": ({**clearance(20), **LYMPHOMA}, {**clearance(20), **PREGNANT}),
    "BONE-03": ({**clearance(30), **LYMPHOMA}, clearance(29.9)),
    "BONE-04": ({**clearance(50), **LYMPHOMA}, clearance(34.9)),
    "BONE-05": (LYMPHOMA, PREGNANT, UNPROVEN),
    "BONE-06": (LYMPHOMA, PREGNANT, UNPROVEN),
    "BONE-07": ({**CORD, **HIGH, **LYMPHOMA},),
    "BONE-08": ({"patient__dental_check_done": False, **LYMPHOMA},),
    "BONE-09": (LYMPHOMA, PREGNANT, UNPROVEN, BENIGN),
    "MUT-02a": ({"oncology__subtype": None},),
    "MUT-02b": ({"oncology__subtype": None},),
    "MUT-02c": ({**RESISTANT, "oncology__subtype": None}, {"oncology__subtype": None, **UNPROVEN}),
    "MUT-03a": ({"oncology__subtype": "EGFR", "oncology__previous_targeted_drug": False},),
    "MUT-03b": ({**EGFR, "oncology__previous_targeted_drug": False},),
    "MUT-03c": ({"oncology__subtype": "EGFR"}, {**EGFR, "oncology__subtype": "ALK"}),
    "MUT-04": (follow("CONFLICT-TARGETED", "s1_s3_consider"),),
    "MUT-06": (NO_PROCEDURE, UNPROVEN),
    "MUT-07": (
        {**HIGH, **RESISTANT, "oncology__previous_immunotherapy": True},
        {**HIGH, "oncology__primary": "melanoma", "oncology__previous_immunotherapy": True, **NO_PROCEDURE},
    ),
    "MUT-08": (SRS,),
    "MUT-09": ({**SRS, "oncology__subtype": "APC"},),
    "CCI-01": ({"patient__cci_excluding_metastasis": 2, **NO_PROCEDURE},),
    "SURG-06": ({**STABLE, **RESISTANT, "patient__expected_survival_months": 6},),
    "UNTREATED-02": ({},),
    "UNTREATED-04": (PREGNANT, {**CORD, **HIGH}, {"lesion__pathological_fracture": True}),
    "WFNS-02": ({"lesion__prior_surgery_at_level": True, **PREGNANT},),
    "WFNS-03": ({},),
}
"""Further cases in which a rule must be silent: each takes away one of the things that it asks for."""

AND_SILENT: dict[str, tuple[Changes, ...]] = {
    "TIMING-04": (SRS,),
    "KYPHO-08": ({"lesion__nrs": 3}, {"oncology__total_metastases_count": 4}),
    "TOX-02": ({**NO_FACTOR, "lesion__planned_dose_per_fraction_gy": 19.9}, {**NO_FACTOR, "patient__age_years": 55}),
    "DDX-01e": ({**CORD, "neuro__asia": "E"},),
    "IORT-31": ({"lesion__alignment": None, "lesion__collapse": None}, {**UNSTABLE, **HIGH}),
    "TOX-05a": (STABLE,),
    "TOX-05b": ({**STABLE, **S1_SIDE},),
    "BONE-02": (
        {**clearance(20), **PREGNANT},
        {**clearance(20), **UNPROVEN},
    ),
    "BONE-03": (
        {**clearance(30), **PREGNANT},
        {**clearance(30), **UNPROVEN},
    ),
    "BONE-04": (
        {**clearance(50), **PREGNANT},
        {**clearance(50), **UNPROVEN},
    ),
    "BONE-07": (
        {**CORD, **HIGH, **PREGNANT},
        {**CORD, **HIGH, **UNPROVEN},
    ),
    "BONE-08": (
        {"patient__dental_check_done": False, **PREGNANT},
        {"patient__dental_check_done": False, **UNPROVEN},
    ),
    "SURG-11a": ({**PAINFUL_STABLE, "neuro__presentation": None},),
    "SURG-11g": ({**SIDE_SCREWS, "neuro__presentation": None},),
    "IMG-02": ({},),
    "DDX-01d": ({"neuro__asia": "D", "lesion__escc": None},),
    "DDX-01f": ({},),
    "UNTREATED-04": ({"neuro__presentation": "asymptomatic", **STABLE},),
    "RAD-11a": (
        {**CORD, **HIGH, **UNPROVEN, "oncology__primary": "multiple_myeloma"},
        {**CORD, "oncology__primary": "multiple_myeloma"},
    ),
    "RAD-11b": (CORD,),
    "RAD-11c": (
        {**CORD, **HIGH, **MEN, **UNPROVEN},
        {**CORD, **MEN},
        MEN,
    ),
    "RAD-12a": (
        {"neuro__ambulatory": False, **CORD, **HIGH, **UNPROVEN},
        {"neuro__ambulatory": False, **CORD},
    ),
    "RAD-12b": (
        {"neuro__ambulatory": False, **HIGH, **UNFIT},
        {"neuro__ambulatory": False, **CORD, **HIGH, **UNPROVEN, "oncology__primary": "hcc"},
        {"neuro__ambulatory": False, "oncology__primary": "hcc", **STABLE},
    ),
    "RAD-10": ({**SEPARATION, **UNPROVEN},),
    "RT-07": ({**SEPARATION, **PRIOR, **UNPROVEN},),
    "RT-08": (
        {**RESISTANT, **PAINFUL_STABLE},
        {**SEPARATION, **UNPROVEN},
    ),
    "SBRT-07": ({**SEPARATION, **UNPROVEN},),
    "SBRT-15": ({**SEPARATION, **UNPROVEN},),
    "SBRT-13": ({**SEPARATION, **UNPROVEN},),
    "SBRT-11": ({**CANDIDATE, **UNPROVEN},),
    "NOMS-14": ({**CHORDOMA, **HIGH, **CORD, **UNPROVEN},),
    "MUT-02a": ({"oncology__primary": "nsclc", "oncology__subtype": None, **UNPROVEN},),
    "MUT-02b": ({"oncology__primary": "melanoma", "oncology__subtype": None, **UNPROVEN},),
    "MUT-03a": ({**EGFR, "oncology__subtype": "ALK", "oncology__previous_targeted_drug": False},),
    "MUT-03b": ({"oncology__subtype": "EGFR", "oncology__previous_targeted_drug": True},),
    "MUT-06": ({**CORD, **HIGH, **UNPROVEN},),
    "MUT-07": (
        {**CORD, **HIGH, **UNPROVEN, "oncology__primary": "melanoma", "oncology__previous_immunotherapy": True},
    ),
    "MUT-08": ({**MEN, **CORD, **HIGH, **UNPROVEN},),
    "KYPHO-06": ({**UNSTABLE, "lesion__tomita_type": None},),
}
"""The same, where the condition that fails is the histology, or one that only shows beside other facts."""

ALSO_SPEAKS: dict[str, tuple[Changes, ...]] = {
    "NOMS-17": (
        {**CORD, **HIGH, "patient__tolerates_open_surgery": None},
        {**CORD, **HIGH, "oncology__visceral_mets": None},
        {**CORD, **HIGH, **UNPROVEN},
    ),
    **{
        name: (
            {**CORD, **HIGH, "neuro__symptom_duration_days": 0.5},
            {**CORD, **HIGH, "neuro__symptom_duration_days": 1},
            {**CORD, **HIGH, **UNPROVEN},
        )
        for name in ("STER-04", "STER-09a", "STER-10")
    },
    "BONE-05": (clearance(30), clearance(None), {"oncology__primary": "multiple_myeloma"}),
    "BONE-09": tuple({**SAFE, key: None} for key in (*SAFE, "patient__pregnant")),
    "SURG-06": ({"patient__tolerates_open_surgery": None},),
    "SURG-02-SOFT": (
        {**CORD, **HIGH, "patient__expected_survival_months": 2},
        {**RESISTANT, **HIGH, "patient__expected_survival_months": 2},
    ),
    "SURG-07c": ({"postop__residual_escc": "3"},),
    "SURG-12": ({**UNSTABLE, **STABLE},),
    "SURG-11b": (ROOT,),
    "SURG-11g": ({**PAINFUL_STABLE, "lesion__dorsal_elements_involved": True},),
    "TIMING-03": ({**UNFIT, **UNSTABLE},),
    "RT-03": (
        {"oncology__total_metastases_count": 5, "oncology__vertebral_mets": 2},
        {"oncology__total_metastases_count": None},
    ),
    "RERT-04": ({"lesion__prior_rt_at_level": {"months_ago": None}},),
    "RT-06": ({"lesion__prior_rt_at_level": {"months_ago": None}}, {"lesion__prior_rt_at_level": {"months_ago": 5}}),
    "SBRT-08": (CANDIDATE,),
    "SBRT-11": ({**CANDIDATE, **STABLE},),
    "SBRT-16": ({**STAB_SRS, "lesion__contiguous_levels": 3},),
    "TOX-02": tuple(
        {**NO_FACTOR, key: value}
        for key, value in (
            ("lesion__bone_lesion", "lytic"),
            ("lesion__collapse", "lt50"),
            ("lesion__collapse", "none_gt50_body"),
            ("lesion__alignment", "de_novo_deformity"),
            ("lesion__planned_dose_per_fraction_gy", 20),
        )
    ),
    **{
        name: tuple(
            {**NO_FACTOR, **side, key: value}
            for key, value in (
                ("lesion__bone_lesion", "lytic"),
                ("lesion__collapse", "lt50"),
                ("lesion__alignment", "de_novo_deformity"),
                ("patient__age_years", 56),
                ("lesion__planned_dose_per_fraction_gy", 20),
            )
        )
        for name, side in (("TOX-05a", {}), ("TOX-05b", S1_SIDE))
    },
    "STER-09b": tuple(
        {**CORD, **HIGH, **follow("CONFLICT-STEROID-DOSE", "nice_16mg"), **changes}
        for changes in ({"neuro__symptom_duration_days": 0.5}, UNPROVEN)
    ),
    "KYPHO-08": ({"lesion__nrs": 2}, {"oncology__total_metastases_count": 5}),
    "UNTREATED-02": ({"lesion__pathological_fracture": True},),
    "MUT-09": ({"oncology__subtype": "APC"},),
    "WFNS-02": (PRIOR,),
}
"""Further cases in which a rule must speak: one for each of its alternatives."""
