"""What one fact alone changes in an unremarkable patient, as whole lists: nothing missing, nothing more (G1, G4)."""

from __future__ import annotations

from typing import Any

import pytest
from cases import advice, known

from metaspine.assessment import assess
from metaspine.assessment.escc import escc
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.policy import BoardPolicy

PRIOR = {"dose_gy": 30, "fractions": 10, "months_ago": 12, "modality": "cEBRT"}
STABLE = {"lesion__pain": "none", "lesion__nrs": 0}
UNSTABLE = {"lesion__alignment": "subluxation_translation", "lesion__collapse": "gt50"}
CORD = {"neuro__myelopathy": True, "lesion__escc": "3"}
COMPLETE = {**CORD, "neuro__asia": "A", "neuro__frankel": "A", "oncology__primary": "rcc"}

INELIGIBLE, INDETERMINATE, CONDITIONAL, ELIGIBLE = "ineligible", "indeterminate", "conditional", "eligible"


@pytest.mark.parametrize(
    ("change", "reasons", "status"),
    [
        ({}, [], ELIGIBLE),
        ({"patient__pregnant": True}, ["PREGNANT"], INELIGIBLE),
        ({"lesion__level": "C7"}, ["CERVICAL_NOT_IN_PROTOCOL"], INELIGIBLE),
        ({"lesion__level": "T1"}, [], ELIGIBLE),
        ({"lesion__tomita_type": 2}, [], ELIGIBLE),
        ({"lesion__tomita_type": 3}, ["TOMITA_TYPE_GT_2"], INELIGIBLE),
        ({"lesion__tomita_type": None}, ["TOMITA_TYPE_UNKNOWN"], INDETERMINATE),
        ({"oncology__treatable_painful_vertebrae": 3}, [], ELIGIBLE),
        ({"oncology__treatable_painful_vertebrae": 4}, ["GT_3_LESIONS"], INELIGIBLE),
        ({"oncology__treatable_painful_vertebrae": None}, ["PAINFUL_LESION_COUNT_UNKNOWN"], INDETERMINATE),
        (STABLE, ["NOT_PAINFUL_NOR_UNSTABLE"], INELIGIBLE),
        (STABLE | {"lesion__alignment": None, "lesion__collapse": None}, ["NOT_PAINFUL_NOR_UNSTABLE"], INELIGIBLE),
        ({"oncology__histology_confirmed": False}, ["NO_PATHOLOGICAL_CONFIRMATION"], INELIGIBLE),
        ({"oncology__histology_confirmed": None}, ["HISTOLOGY_STATUS_UNKNOWN"], INDETERMINATE),
        ({"neuro__myelopathy": True}, ["NEUROLOGICAL_COMPROMISE"], INELIGIBLE),
        ({"neuro__acute_cord_compression": True}, ["NEUROLOGICAL_COMPROMISE"], INELIGIBLE),
        ({"neuro__acute_cord_compression": None}, ["ACUTE_CORD_COMPRESSION_UNKNOWN"], INDETERMINATE),
        ({"lesion__escc": "2"}, ["CORD_COMPRESSION_ON_IMAGING"], INELIGIBLE),
        ({"lesion__escc": "3"}, ["CORD_COMPRESSION_ON_IMAGING"], INELIGIBLE),
        ({"lesion__escc": "1a"}, ["TOMITA_ESCC_INCONSISTENT"], CONDITIONAL),
        ({"lesion__escc": "1b"}, ["TOMITA_ESCC_INCONSISTENT"], CONDITIONAL),
        ({"lesion__escc": "1c"}, ["TOMITA_ESCC_INCONSISTENT"], CONDITIONAL),
        ({"lesion__escc": "1c", "lesion__tomita_type": 2}, ["TOMITA_ESCC_INCONSISTENT"], CONDITIONAL),
        ({"lesion__escc": None}, ["ESCC_MISSING"], INDETERMINATE),
        ({"neuro__presentation": "bilateral_radicular"}, ["RADICULAR_COMPRESSION"], INELIGIBLE),
        ({"neuro__presentation": "unilateral_radicular_deficit"}, ["RADICULAR_COMPRESSION"], INELIGIBLE),
        ({"neuro__presentation": "unilateral_radicular_pain"}, ["RADICULAR_COMPRESSION"], INELIGIBLE),
        ({"neuro__presentation": "asymptomatic"}, [], ELIGIBLE),
        ({"neuro__functional_radiculopathy": True}, ["RADICULAR_COMPRESSION"], INELIGIBLE),
        ({"lesion__cement_in_place": True}, ["CEMENT_IN_PLACE"], INELIGIBLE),
        ({"patient__iort_consent": False}, ["NO_CONSENT"], INELIGIBLE),
        ({"patient__iort_consent": None}, ["CONSENT_UNKNOWN"], INDETERMINATE),
        ({"patient__iort_board_indication": False}, ["NO_BOARD_INDICATION"], INELIGIBLE),
        ({"patient__iort_board_indication": None}, ["BOARD_UNKNOWN"], INDETERMINATE),
        ({"patient__anaesthesia_fit": False}, ["NOT_ANAESTHESIA_FIT"], INELIGIBLE),
        ({"patient__anaesthesia_fit": None}, ["ANAESTHESIA_UNKNOWN"], INDETERMINATE),
        ({"lesion__prior_rt_at_level": None}, ["PRIOR_RT_UNKNOWN"], INDETERMINATE),
        ({"lesion__prior_rt_at_level": PRIOR}, ["PRIOR_RT_NOT_ADDRESSED_IN_SOURCE"], CONDITIONAL),
        (
            {"lesion__prior_rt_at_level": PRIOR | {"months_ago": 4.9}},
            ["PRIOR_RT_NOT_ADDRESSED_IN_SOURCE", "RERT_INTERVAL_FAILS"],
            INELIGIBLE,
        ),
        (
            {"lesion__prior_rt_at_level": PRIOR | {"months_ago": 5}},
            ["PRIOR_RT_NOT_ADDRESSED_IN_SOURCE"],
            CONDITIONAL,
        ),
        (UNSTABLE, ["UNSTABLE_KYPHOPLASTY_ALONE_NOT_AN_OPTION_KRAUSS"], CONDITIONAL),
        ({"oncology__primary": "hemangioma"}, [], ELIGIBLE),
    ],
)
def test_reasons_about_kyphoplasty(change: dict[str, Any], reasons: list[str], status: str) -> None:
    found = advice(**change)["iort_kyphoplasty"]
    assert (found["reasons"], found["status"]) == (reasons, status)


@pytest.mark.parametrize(
    ("change", "reasons", "status"),
    [
        ({"neuro__presentation": "bilateral_radicular"}, ["RADICULAR_COMPRESSION"], INDETERMINATE),
        ({"neuro__presentation": "unilateral_radicular_deficit"}, ["RADICULAR_COMPRESSION"], INDETERMINATE),
        ({"neuro__presentation": "unilateral_radicular_pain"}, [], ELIGIBLE),
        ({"neuro__presentation": "asymptomatic"}, [], ELIGIBLE),
        ({"lesion__escc": "2"}, [], ELIGIBLE),
        ({"lesion__alignment": None, "lesion__pain": None}, ["SINS_NOT_DETERMINABLE"], INDETERMINATE),
        ({"lesion__prior_rt_at_level": PRIOR}, ["PRIOR_RT_OUTSIDE_EVIDENCE", "RERT_LIMIT_BELOW_8GY"], INELIGIBLE),
        (
            {"lesion__prior_rt_at_level": PRIOR | {"months_ago": 4.9}},
            ["PRIOR_RT_OUTSIDE_EVIDENCE", "RERT_INTERVAL_FAILS", "RERT_LIMIT_BELOW_8GY"],
            INELIGIBLE,
        ),
    ],
)
def test_reasons_about_stabilisation(change: dict[str, Any], reasons: list[str], status: str) -> None:
    found = advice(**change)["iort_stabilisation"]
    assert (found["reasons"], found["status"]) == (reasons, status)


DECIDES = "SURGEON_DECIDES_STABILISATION"


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, [DECIDES]),
        (STABLE, []),
        (UNSTABLE, []),
        ({"lesion__stabilised_already": True}, []),
        ({"lesion__stabilised_already": None}, [DECIDES]),
        ({"lesion__alignment": None}, [DECIDES, "SINS_INCOMPLETE"]),
        ({"lesion__contiguous_levels": 3}, [DECIDES]),
        ({"lesion__contiguous_levels": 4}, [DECIDES, "GT3_CONTIGUOUS_LEVELS"]),
        ({"patient__tolerates_any_procedure": False}, [DECIDES, "NO_PROCEDURE_TOLERATED"]),
        ({"patient__expected_survival_months": 2.9}, [DECIDES, "SURVIVAL_LT_3MO"]),
        ({"patient__expected_survival_months": 3}, [DECIDES, "SURVIVAL_3_TO_6MO"]),
        ({"patient__expected_survival_months": 6}, [DECIDES, "SURVIVAL_3_TO_6MO"]),
        ({"patient__expected_survival_months": 6.1}, [DECIDES]),
        ({"patient__expected_survival_months": None}, [DECIDES, "SURVIVAL_UNKNOWN"]),
        ({"patient__tolerates_open_surgery": False}, [DECIDES, "NOT_FIT_FOR_OPEN"]),
        ({"patient__tolerates_open_surgery": None}, [DECIDES, "FITNESS_UNKNOWN"]),
        ({"lesion__escc": "2"}, [DECIDES]),
        ({"lesion__escc": "2", "oncology__primary": "rcc"}, [DECIDES, "ALT_HYPOFRACTIONATED_SBRT_ESCC2_SELECTED"]),
        ({"lesion__escc": "3", "oncology__primary": "rcc"}, [DECIDES]),
        ({"lesion__escc": "2", "neuro__myelopathy": True, "oncology__primary": "rcc"}, [DECIDES]),
        (
            {"lesion__escc": "2", "oncology__primary": "rcc", "patient__tolerates_any_procedure": False},
            [DECIDES, "NO_PROCEDURE_TOLERATED"],
        ),
        (CORD, [DECIDES, "RADIOSENSITIVE_SOLID_WITH_MYELOPATHY_UPFRONT_SURGERY"]),
        (CORD | {"oncology__primary": "lymphoma"}, [DECIDES]),
        (CORD | {"oncology__primary": "unknown"}, [DECIDES, "RESISTANT_UNTIL_PROVEN"]),
        ({"oncology__primary": "unknown"}, []),
        (COMPLETE | {"neuro__symptom_duration_days": 2}, [DECIDES, "POSTOP_SBRT_CONTRAINDICATED_ASIA_A"]),
        (
            COMPLETE | {"neuro__symptom_duration_days": 2.1},
            [DECIDES, "POSTOP_SBRT_CONTRAINDICATED_ASIA_A", "COMPLETE_DEFICIT_GT_48H"],
        ),
        ({"neuro__myelopathy": True}, ["NEURO_IMAGING_DISCORDANCE"]),
        ({"neuro__myelopathy": True, "oncology__primary": "unknown"}, ["NEURO_IMAGING_DISCORDANCE"]),
        ({"neuro__myelopathy": True, "oncology__primary": "unknown", "lesion__escc": None}, ["ESCC_MISSING"]),
        ({"neuro__functional_radiculopathy": True}, [DECIDES, "FUNCTIONAL_RADICULOPATHY_SURGEON_CONSULT"]),
        ({"neuro__presentation": "bilateral_radicular"}, [DECIDES, "BILATERAL_RADICULAR_ESCALATE"]),
        ({"lesion__prior_rt_at_level": None}, [DECIDES, "PRIOR_RT_UNKNOWN"]),
        ({"lesion__prior_rt_at_level": None, "oncology__primary": "melanoma"}, [DECIDES]),
        ({"lesion__prior_rt_at_level": PRIOR}, [DECIDES]),
        ({"lesion__prior_rt_at_level": PRIOR | {"months_ago": 4.9}}, [DECIDES, "RERT_INTERVAL_FAILS"]),
        ({"oncology__primary": "rcc"}, [DECIDES, "CONFLICT_EN_BLOC_VS_SRS"]),
        ({"oncology__primary": "thyroid", "lesion__escc": "1c"}, [DECIDES, "CONFLICT_EN_BLOC_VS_SRS"]),
        ({"oncology__primary": "rcc", "oncology__vertebral_mets": 2}, [DECIDES]),
        ({"oncology__primary": "rcc", "oncology__brain_mets": True}, [DECIDES]),
        ({"oncology__primary": "rcc", "oncology__histology_confirmed": False}, []),
        (
            {"oncology__primary": "melanoma", "patient__expected_survival_months": 2},
            [DECIDES, "SURVIVAL_LT_3MO", "SRS_DOWNGRADED_SURVIVAL_LT_3MO"],
        ),
        ({"lesion__cement_in_place": True}, [DECIDES, "CEMENT_IN_PLACE"]),
        ({"lesion__escc": None}, ["ESCC_MISSING"]),
        ({"neuro__presentation": "asymptomatic"}, [DECIDES, "ASYMPTOMATIC_LOCAL_THERAPY_OPTIONAL"]),
        ({"neuro__presentation": "asymptomatic", "lesion__escc": "2"}, [DECIDES]),
    ],
)
def test_flags(change: dict[str, Any], flags: list[str]) -> None:
    assert sorted(advice(**change)["noms"]["flags"]) == sorted(flags)


@pytest.mark.parametrize(
    ("change", "stop", "hard"),
    [
        ({"patient__pregnant": True}, "MANUAL_REVIEW", ["PREGNANCY"]),
        ({"patient__pregnant": True, "oncology__primary": "hemangioma"}, "MANUAL_REVIEW", ["PREGNANCY"]),
        ({"oncology__primary": "hemangioma", "lesion__escc": None}, "NOT_APPLICABLE_BENIGN", []),
        ({"lesion__escc": None, "oncology__primary": "unknown"}, "INSUFFICIENT_DATA", []),
        ({"lesion__escc": None, "neuro__myelopathy": True}, "INSUFFICIENT_DATA", []),
        ({"neuro__myelopathy": True}, "MANUAL_REVIEW", ["NEURO_IMAGING_DISCORDANCE"]),
        (
            {"neuro__myelopathy": True, "oncology__primary": "unknown"},
            "MANUAL_REVIEW",
            ["NEURO_IMAGING_DISCORDANCE"],
        ),
        ({"oncology__primary": "unknown"}, "TISSUE_FIRST", []),
        ({"oncology__primary": "unknown", "neuro__cauda_equina": None}, "TISSUE_FIRST", []),
    ],
)
def test_what_stops_first(change: dict[str, Any], stop: str, hard: list[str]) -> None:
    found = advice(**change)["noms"]
    assert (found["acceptable"], found["table_2013"], found["hard_stops"]) == ([stop], None, hard)


SENSITIVE, RESISTANT, BY_DEFAULT, NOT_LISTED = (
    "radiosensitive",
    "radioresistant",
    "radioresistant_by_default",
    "not_listed",
)
CLASSES: dict[tuple[str, str, str], tuple[str, ...]] = {
    (SENSITIVE, SENSITIVE, SENSITIVE): ("lymphoma", "multiple_myeloma", "leukemia", "breast", "prostate"),
    (SENSITIVE, NOT_LISTED, SENSITIVE): ("plasmacytoma", "ovarian", "neuroendocrine", "carcinoid", "seminoma"),
    (RESISTANT, RESISTANT, RESISTANT): ("rcc", "melanoma", "sarcoma", "osteosarcoma", "nsclc", "colon", "colorectal"),
    (NOT_LISTED, RESISTANT, "conflict"): ("sclc", "lung"),
    (BY_DEFAULT, RESISTANT, RESISTANT): ("gastric", "esophagus", "pancreas", "rectum"),
    (RESISTANT, NOT_LISTED, RESISTANT): ("thyroid", "hcc"),
    (NOT_LISTED, RESISTANT, RESISTANT): ("head_neck",),
    (BY_DEFAULT, NOT_LISTED, RESISTANT): (
        "bladder",
        "gallbladder",
        "cervix",
        "uterus",
        "chordoma",
        "neuroblastoma",
        "other",
    ),
}
"""The table of B2: what S1 (NOMS) and S2 (Gerszten) say of a histology, and what is used; RAD-08 adds two."""


@pytest.mark.parametrize(
    ("primary", "classes"), [(primary, classes) for classes, several in CLASSES.items() for primary in several]
)
def test_the_radiosensitivity_of_a_histology(primary: str, classes: tuple[str, str, str]) -> None:
    sex = {"prostate": "M", "seminoma": "M"}.get(primary, "F")
    found = advice(oncology__primary=primary, patient__sex=sex)["radiosensitivity"]
    assert (found["noms_S1"], found["gerszten_S2"], found["effective"]) == classes


@pytest.mark.parametrize(
    "fact",
    [
        "patient__expected_survival_months",
        "oncology__primary_controlled",
        "oncology__visceral_mets",
        "oncology__extraspinal_bone_mets",
        "patient__ecog",
        "patient__tolerates_open_surgery",
        "patient__cardiopulmonary_reserve_adequate",
        "patient__high_volume_centre",
    ],
)
def test_en_bloc_criteria_with_one_of_them_unknown(fact: str) -> None:
    met = {"patient__expected_survival_months": 24}
    assert advice(**met)["en_bloc_criteria_met"] is True
    assert advice(**met | {fact: None})["en_bloc_criteria_met"] is None


@pytest.mark.parametrize(
    ("region", "levels"),
    [
        ("cord", ("C0", "C1", "C7", "T1", "T10", "T11")),
        ("conus", ("T12", "T13", "L1", "L2")),
        ("cauda", ("L3", "L4", "L5", "L6", "S1", "S2", "S3", "S4", "S5")),
    ],
)
def test_what_the_canal_holds(region: str, levels: tuple[str, ...]) -> None:
    found = {
        level: escc(case_from_document(known(lesion__level=level, lesion__levels_involved=None)).lesions[0])
        for level in levels
    }
    assert {level: each.region for level, each in found.items()} == dict.fromkeys(levels, region)
    assert all(("ESCC-03" in each.basis.evidence) == (region != "cord") for each in found.values())


@pytest.mark.parametrize("change", [{}, CORD, {"neuro__presentation": "asymptomatic"}], ids=["", "cord signs", "none"])
def test_where_everything_is_known_nothing_is_missing(change: dict[str, Any]) -> None:
    parts = advice(**change)["explanation"]["parts"]
    assert {name: part["missing"] for name, part in parts.items() if part["missing"]} == {}


def test_steroids_are_deferred_by_choice_only_with_cord_signs() -> None:
    policy = BoardPolicy(choices={"CONFLICT-STEROIDS": "defer"})
    found = assess(case_from_document(known(lesion__escc="1c")), policy)
    assert found.leading.steroids.value == "NOT_INDICATED"


def test_decompression_before_the_table_names_its_source() -> None:
    parts = advice(**CORD)["explanation"]["parts"]
    assert "NOMS-11" in parts["noms"]["evidence"]
