"""The NOMS table row by row, what stands before and beside it, the windows by presentation, IORT's place."""

from __future__ import annotations

from typing import Any

import pytest
from cases import advice, known

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document

SENSITIVE, RESISTANT, CONFLICT = "prostate", "rcc", "sclc"
STABLE = {"lesion__pain": "none", "lesion__nrs": 0}
UNSTABLE = {"lesion__alignment": "subluxation_translation", "lesion__collapse": "gt50"}
OPEN, UNFIT, NO_PROCEDURE = {}, {"patient__tolerates_open_surgery": False}, {"patient__tolerates_any_procedure": False}
MAN = {"patient__sex": "M"}


@pytest.mark.parametrize(
    ("escc", "primary", "stability", "capacity", "row"),
    [
        ("1c", SENSITIVE, STABLE, OPEN, "CEBRT"),
        ("1c", SENSITIVE, UNSTABLE, OPEN, "STAB_THEN_CEBRT"),
        ("1c", RESISTANT, STABLE, OPEN, "SRS"),
        ("1c", RESISTANT, UNSTABLE, OPEN, "STAB_THEN_SRS"),
        ("2", SENSITIVE, STABLE, OPEN, "CEBRT"),
        ("2", SENSITIVE, UNSTABLE, OPEN, "STAB_THEN_CEBRT"),
        ("2", RESISTANT, STABLE, OPEN, "SEP_SURG_THEN_SRS"),
        ("2", RESISTANT, UNSTABLE, OPEN, "SEP_SURG_THEN_SRS"),
        ("2", RESISTANT, STABLE, UNFIT, "CEBRT"),
        ("2", RESISTANT, UNSTABLE, UNFIT, "STAB_THEN_CEBRT"),
        ("2", RESISTANT, UNSTABLE, NO_PROCEDURE, "CEBRT"),
        ("1c", RESISTANT, UNSTABLE, UNFIT, "STAB_THEN_SRS"),
        ("1c", RESISTANT, UNSTABLE, NO_PROCEDURE, "SRS"),
        ("1c", SENSITIVE, UNSTABLE, NO_PROCEDURE, "CEBRT"),
        ("1c", RESISTANT, STABLE, {"lesion__contiguous_levels": 4}, "CEBRT"),
        ("1c", RESISTANT, UNSTABLE, {"patient__expected_survival_months": 2}, "CEBRT"),
        ("2", RESISTANT, STABLE, {"patient__tolerates_open_surgery": None}, "SEP_SURG_THEN_SRS"),
        ("2", RESISTANT, STABLE, {"patient__expected_survival_months": 4}, "SEP_SURG_THEN_SRS"),
        ("1c", RESISTANT, UNSTABLE | {"lesion__stabilised_already": True}, OPEN, "SRS"),
    ],
)
def test_the_table(escc: str, primary: str, stability: dict[str, Any], capacity: dict[str, Any], row: str) -> None:
    found = advice(**MAN, lesion__escc=escc, oncology__primary=primary, **stability, **capacity)["noms"]
    assert found["recommendation"] == found["table_2013"] == found["acceptable"][0] == row


def test_a_short_survival_puts_radiosurgery_second() -> None:
    found = advice(oncology__primary=RESISTANT, patient__expected_survival_months=2, **STABLE)["noms"]
    assert found["acceptable"] == ["CEBRT", "SRS"]
    assert {"SRS_DOWNGRADED_SURVIVAL_LT_3MO", "SURVIVAL_LT_3MO"} <= set(found["flags"])
    longer = advice(oncology__primary=RESISTANT, patient__expected_survival_months=3, **STABLE)["noms"]
    assert longer["acceptable"] == ["SRS"]
    assert "SRS_DOWNGRADED_SURVIVAL_LT_3MO" not in longer["flags"]


def test_a_previous_irradiation_makes_a_sensitive_tumour_resistant() -> None:
    prior = {"months_ago": 4, "fractions": 10, "thecal_sac_dmax_gy": 30}
    found = advice(lesion__prior_rt_at_level=prior, **STABLE)
    assert found["noms"]["recommendation"] == "SRS"
    assert found["noms"]["flags"] == ["RERT_INTERVAL_FAILS"]
    assert found["radiosensitivity"]["effective_reason"] == "previously_irradiated"
    assert (
        "RERT_INTERVAL_FAILS"
        not in advice(lesion__prior_rt_at_level=prior | {"months_ago": 5}, **STABLE)["noms"]["flags"]
    )


@pytest.mark.parametrize(
    ("primary", "preferred"),
    [
        ("breast", "DECOMP_STAB_THEN_RT"),
        ("multiple_myeloma", "CEBRT"),
        ("lymphoma", "CEBRT"),
        ("rcc", "SEP_SURG_THEN_SRS"),
    ],
)
def test_decompression_first_is_for_solid_sensitive_tumours_with_cord_signs(primary: str, preferred: str) -> None:
    found = advice(oncology__primary=primary, lesion__escc="3", neuro__cauda_equina=True, **STABLE)["noms"]
    assert found["recommendation"] == preferred
    without = advice(oncology__primary=primary, lesion__escc="3", **STABLE)["noms"]
    assert without["recommendation"] == ("SEP_SURG_THEN_SRS" if primary == "rcc" else "CEBRT")


def test_a_complete_deficit_takes_radiosurgery_away() -> None:
    complete = {
        "neuro__asia": "A",
        "neuro__frankel": "A",
        "neuro__ambulatory": False,
        "neuro__symptom_duration_days": 1,
    }
    low = advice(oncology__primary=RESISTANT, **complete, **UNSTABLE)["noms"]
    assert low["acceptable"] == ["STAB_THEN_CEBRT", "CEBRT"]
    assert "POSTOP_SBRT_CONTRAINDICATED_ASIA_A" in low["flags"]
    stable = advice(oncology__primary=RESISTANT, **complete, **STABLE)["noms"]
    assert stable["acceptable"] == ["SRS"]
    assert "POSTOP_SBRT_CONTRAINDICATED_ASIA_A" not in stable["flags"]


def test_after_48_hours_only_what_stabilises_is_added() -> None:
    facts = {"neuro__asia": "A", "neuro__frankel": "A", "neuro__ambulatory": False, "neuro__symptom_duration_days": 3}
    facts |= {"oncology__primary": RESISTANT, "lesion__escc": "3", "neuro__myelopathy": True}
    assert advice(**facts, **UNSTABLE)["noms"]["acceptable"] == ["CEBRT", "STAB_THEN_CEBRT", "DECOMP_STAB_THEN_CEBRT"]
    assert advice(**facts, **STABLE)["noms"]["acceptable"] == ["CEBRT", "DECOMP_STAB_THEN_CEBRT"]


@pytest.mark.parametrize(
    ("pain", "recommendation", "acceptable"),
    [
        ("mechanical", "STAB_THEN_CEBRT", ["STAB_THEN_CEBRT", "CEBRT"]),
        ("occasional_non_mechanical", "CEBRT", ["CEBRT", "STAB_THEN_CEBRT"]),
        ("present_unspecified", None, ["STAB_THEN_CEBRT", "CEBRT"]),
    ],
)
def test_indeterminate_stability_follows_the_pain(pain: str, recommendation: str | None, acceptable: list[str]) -> None:
    found = advice(lesion__pain=pain, lesion__collapse="gt50", lesion__posterolateral="unilateral", lesion__level="T8")
    assert found["sins"]["category"] == "indeterminate"
    assert (found["noms"]["recommendation"], found["noms"]["acceptable"]) == (recommendation, acceptable)


def test_open_choices_that_lead_to_one_row_are_no_choice() -> None:
    changes = {"oncology__primary": RESISTANT, "lesion__escc": "3", "lesion__alignment": None}
    found = advice(**changes)
    assert found["sins"]["category"] == "indeterminate"
    undetermined = advice(**changes, lesion__collapse=None)
    assert undetermined["sins"]["category"] == "not_determinable"
    assert undetermined["noms"]["recommendation"] == "SEP_SURG_THEN_SRS"


@pytest.mark.parametrize(
    ("change", "code", "hard"),
    [
        ({"patient__pregnant": True}, "MANUAL_REVIEW", ["PREGNANCY"]),
        ({"oncology__primary": "hemangioma"}, "NOT_APPLICABLE_BENIGN", []),
        ({"lesion__escc": None}, "INSUFFICIENT_DATA", []),
        ({"neuro__myelopathy": True}, "MANUAL_REVIEW", ["NEURO_IMAGING_DISCORDANCE"]),
        ({"oncology__histology_confirmed": False}, "TISSUE_FIRST", []),
        ({"oncology__primary": "hemangioma", "oncology__histology_confirmed": False}, "TISSUE_FIRST", []),
        ({"oncology__primary": "hemangioma", "lesion__escc": None}, "NOT_APPLICABLE_BENIGN", []),
        ({"oncology__histology_confirmed": False, "lesion__escc": None}, "INSUFFICIENT_DATA", []),
    ],
)
def test_stops_in_their_order(change: dict[str, Any], code: str, hard: list[str]) -> None:
    found = advice(**change, lesion__cement_in_place=True)
    assert found["noms"]["acceptable"] == [code]
    assert found["noms"]["hard_stops"] == hard
    assert found["noms"]["table_2013"] is None
    assert "CEMENT_IN_PLACE" in found["noms"]["flags"]
    assert ("NEURO_IMAGING_DISCORDANCE" in found["noms"]["flags"]) is ("neuro__myelopathy" in change)
    assert found["iort_stabilisation"]["role"] is None
    assert found["iort_kyphoplasty"]["role"] is None


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (NO_PROCEDURE, "NO_PROCEDURE_TOLERATED"),
        (UNFIT, "NOT_FIT_FOR_OPEN"),
        ({"patient__tolerates_open_surgery": None}, "FITNESS_UNKNOWN"),
        ({"patient__expected_survival_months": 4}, "SURVIVAL_3_TO_6MO"),
        ({"patient__expected_survival_months": 2}, "SURVIVAL_LT_3MO"),
        ({"patient__expected_survival_months": None}, "SURVIVAL_UNKNOWN"),
        ({"lesion__contiguous_levels": 4}, "GT3_CONTIGUOUS_LEVELS"),
        ({"neuro__presentation": "bilateral_radicular"}, "BILATERAL_RADICULAR_ESCALATE"),
    ],
)
def test_flags_that_a_biopsy_first_keeps(change: dict[str, Any], flag: str) -> None:
    for proven in (True, False):
        assert flag in advice(**change, oncology__histology_confirmed=proven)["noms"]["flags"]
    assert flag not in advice()["noms"]["flags"]


@pytest.mark.parametrize(
    ("presentation", "mri", "treatment", "urgency"),
    [
        ("clinical_cord_compression", 0, 24, "emergency"),
        ("bilateral_radicular", 0, None, "emergency"),
        ("unilateral_radicular_deficit", 48, None, "urgent"),
        ("unilateral_radicular_pain", 168, 336, "elective"),
        ("local_pain", 336, 336, "elective"),
        ("asymptomatic", None, None, "not_specified"),
        (None, None, None, "not_specified"),
    ],
)
def test_windows_by_presentation(
    presentation: str | None, mri: int | None, treatment: int | None, urgency: str
) -> None:
    changes = {"neuro__presentation": presentation, **STABLE}
    found = advice(**changes)["urgency"]
    assert found == {"mri_within_h": mri, "treatment_within_h": treatment, "biopsy_within_h": None, "class": urgency}
    compressed = advice(**changes, lesion__escc="2")["urgency"]
    assert compressed["treatment_within_h"] == (24 if presentation == "clinical_cord_compression" else 72)
    assert compressed["class"] == ("emergency" if urgency == "emergency" else "urgent")
    unstable = advice(neuro__presentation=presentation, **UNSTABLE)["urgency"]
    assert unstable["class"] == ("emergency" if urgency == "emergency" else "urgent")


@pytest.mark.parametrize(
    ("change", "hours", "steroids"),
    [
        ({}, None, "DEFER_UNTIL_TISSUE"),
        ({"lesion__escc": "2"}, 72, "DEFER_UNTIL_TISSUE"),
        ({"lesion__escc": "2", "neuro__myelopathy": True}, 24, "CONFLICT_GIVE_OR_DEFER"),
    ],
)
def test_tissue_of_an_unproven_tumour(change: dict[str, Any], hours: int | None, steroids: str) -> None:
    found = advice(oncology__histology_confirmed=False, **change)
    assert found["urgency"]["biopsy_within_h"] == hours
    assert found["steroids"] == steroids
    assert advice(**change)["urgency"]["biopsy_within_h"] is None


@pytest.mark.parametrize(
    ("change", "role"),
    [
        ({}, "ALTERNATIVE_TO_ADJUVANT_RT"),
        ({"oncology__primary": RESISTANT, "lesion__escc": "2"}, "SUBORDINATE_TO_SURGERY"),
        ({"lesion__escc": "3"}, "SUBORDINATE_TO_SURGERY"),
        ({"neuro__functional_radiculopathy": True}, "SUBORDINATE_TO_SURGERY"),
        ({"lesion__stabilised_already": True}, "ALTERNATIVE_TO_RT"),
        ({"patient__iort_consent": False}, None),
    ],
)
def test_the_place_of_stabilisation_with_iort(change: dict[str, Any], role: str | None) -> None:
    assert advice(**change)["iort_stabilisation"]["role"] == role


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"lesion__level": "C5"}, "CERVICAL_NOT_IN_PROTOCOL", "ineligible"),
        ({"oncology__histology_confirmed": None}, "HISTOLOGY_STATUS_UNKNOWN", "indeterminate"),
        ({"lesion__escc": "1a"}, "TOMITA_ESCC_INCONSISTENT", "conditional"),
        ({"lesion__tomita_type": None}, "TOMITA_TYPE_UNKNOWN", "indeterminate"),
        ({"oncology__treatable_painful_vertebrae": None}, "PAINFUL_LESION_COUNT_UNKNOWN", "indeterminate"),
        (STABLE, "NOT_PAINFUL_NOR_UNSTABLE", "ineligible"),
        ({"lesion__pain": None, "lesion__nrs": None}, "PAIN_AND_STABILITY_UNKNOWN", "indeterminate"),
        (UNSTABLE, "UNSTABLE_KYPHOPLASTY_ALONE_NOT_AN_OPTION_KRAUSS", "conditional"),
        ({"neuro__presentation": "unilateral_radicular_pain"}, "RADICULAR_COMPRESSION", "ineligible"),
        ({"lesion__escc": "2"}, "CORD_COMPRESSION_ON_IMAGING", "ineligible"),
        ({"neuro__acute_cord_compression": True}, "NEUROLOGICAL_COMPROMISE", "ineligible"),
        ({"lesion__cement_in_place": True}, "CEMENT_IN_PLACE", "ineligible"),
        ({"lesion__prior_rt_at_level": {"months_ago": 6}}, "PRIOR_RT_NOT_ADDRESSED_IN_SOURCE", "conditional"),
    ],
)
def test_each_reason_against_kyphoplasty_alone(change: dict[str, Any], code: str, status: str) -> None:
    assert advice()["iort_kyphoplasty"]["reasons"] == []
    found = advice(**change)["iort_kyphoplasty"]
    assert (found["reasons"], found["status"]) == ([code], status)


def test_haemangioma_is_for_kyphoplasty_only() -> None:
    found = advice(oncology__primary="hemangioma")
    assert found["iort_kyphoplasty"]["status"] == "eligible"
    assert found["iort_stabilisation"]["reasons"] == ["BENIGN"]
    assert found["goals_of_care"] is None
    assert found["bauer_modified"]["reason"] == "not_applicable"
    assert advice(oncology__primary="chordoma")["goals_of_care"] is None


@pytest.mark.parametrize(
    ("change", "schedule"),
    [
        (STABLE, "8Gy/1"),
        (STABLE | {"neuro__presentation": "unilateral_radicular_pain"}, "8Gy/1"),
        (STABLE | {"neuro__presentation": "asymptomatic"}, None),
        (STABLE | {"lesion__escc": "2"}, None),
        ({}, None),
        (STABLE | {"neuro__presentation": "unilateral_radicular_deficit"}, ">=30Gy_fractionated"),
        (STABLE | {"neuro__functional_radiculopathy": True, "patient__expected_survival_months": 6}, "8Gy/1"),
        (
            STABLE | {"neuro__functional_radiculopathy": True, "patient__expected_survival_months": 6.5},
            ">=30Gy_fractionated",
        ),
        (STABLE | {"neuro__functional_radiculopathy": True, "patient__expected_survival_months": None}, None),
        (STABLE | {"oncology__primary": RESISTANT}, None),
    ],
)
def test_schedules(change: dict[str, Any], schedule: str | None) -> None:
    assert advice(**change)["ebrt_schedule"] == schedule


@pytest.mark.parametrize(
    ("change", "embolise"),
    [
        ({}, False),
        ({"oncology__primary": "thyroid"}, True),
        ({"oncology__primary": "thyroid", **STABLE}, False),
        ({"oncology__primary": "rcc", "lesion__escc": None}, None),
        ({"oncology__primary": "rcc", "oncology__histology_confirmed": False}, None),
        ({"oncology__primary": "rcc", "lesion__pain": "present_unspecified", "lesion__collapse": "gt50"}, None),
    ],
)
def test_embolisation(change: dict[str, Any], embolise: bool | None) -> None:
    assert advice(**change)["preop_embolisation"] is embolise


def test_an_overlapping_irradiation_is_an_indication_after_surgery() -> None:
    document = known(lesion__prior_rt_at_level={"months_ago": 6}) | {"postop": {"contiguous_levels": 3, "asia": "E"}}
    document["postop"]["residual_escc"] = "1a"
    found = advice_document(assess(case_from_document(document)))["postop_sbrt"]
    assert found == {"candidate": True, "contraindications": [], "indications": ["PRIOR_OVERLAPPING_RT"]}
