"""Both sides of every threshold, and what each fact alone changes."""

from __future__ import annotations

from typing import Any

import pytest
from cases import advice, known

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document

SINS_6 = {"lesion__pain": "occasional_non_mechanical"}


@pytest.mark.parametrize(
    ("total", "category", "consult", "mechanical"),
    [
        (0, "stable", False, None),
        (6, "stable", False, None),
        (7, "indeterminate", True, "SURGEON_CONSULT"),
        (12, "indeterminate", True, "SURGEON_CONSULT"),
        (13, "unstable", True, "URGENT_SURGICAL_REVIEW"),
        (18, "unstable", True, "URGENT_SURGICAL_REVIEW"),
    ],
)
def test_sins_categories(total: int, category: str, consult: bool, mechanical: str | None) -> None:
    only = dict.fromkeys(("pain", "bone_lesion", "alignment", "collapse", "posterolateral"))
    level = "S3" if total < 4 else "L1" if total > 15 else "T8"
    document = known(
        lesion__level=level, lesion__sins_reported_total=total, **{f"lesion__{k}": v for k, v in only.items()}
    )
    found = advice_document(assess(case_from_document(document)))
    assert found["sins"]["category"] == category
    assert found["sins"]["surgeon_consult"] is consult
    assert found["sins"]["source"] == "reported"
    assert found["sins"]["components"] is None
    assert found["mechanical_urgency"] == mechanical


@pytest.mark.parametrize(
    ("levels", "points"),
    [
        (("C0", "C1", "C2", "C7", "T1", "T2", "T11", "T12", "L1", "L5", "S1"), 3),
        (("C3", "C4", "C5", "C6", "L2", "L3", "L4"), 2),
        (tuple(f"T{n}" for n in range(3, 11)), 1),
        (("S2", "S3", "S4", "S5"), 0),
    ],
)
def test_sins_location_of_every_level(levels: tuple[str, ...], points: int) -> None:
    for level in levels:
        assert advice(lesion__level=level)["sins"]["components"]["location"] == points, level


@pytest.mark.parametrize("level", ["T13", "L6"])
def test_supernumerary_levels_are_a_range(level: str) -> None:
    found = advice(lesion__level=level)["sins"]
    assert found["components"]["location"] is None
    assert found["range"] == [7, 10]
    assert found["missing"] == ["location"]
    assert found["category"] == "indeterminate"


def test_partial_knowledge_narrows_the_range() -> None:
    found = advice(lesion__pain="present_unspecified", lesion__posterolateral="at_least_unilateral")["sins"]
    assert found["range"] == [7, 11]
    assert found["missing"] == ["pain", "posterolateral"]
    assert found["total"] is None


def test_a_missing_item_is_not_zero() -> None:
    assert advice(lesion__alignment=None)["sins"]["range"] == [8, 12]
    assert advice(lesion__collapse=None)["sins"] | {"missing": []} == {
        "components": {
            "location": 1,
            "pain": 3,
            "bone_lesion": 2,
            "alignment": 0,
            "collapse": None,
            "posterolateral": 0,
        },
        "total": None,
        "range": [6, 9],
        "category": "not_determinable",
        "surgeon_consult": None,
        "source": "partial",
        "missing": [],
    }


@pytest.mark.parametrize(
    ("months", "band", "capacity", "goals"),
    [
        (2.99, "BAND_LT3_NO_SURGERY", "none", "DISCUSS_BEST_SUPPORTIVE_CARE"),
        (3, "BAND_3_6_MAS", "MAS", "PALLIATIVE_INTENT"),
        (6, "BAND_3_6_MAS", "MAS", "PALLIATIVE_INTENT"),
        (6.01, "BAND_6_24_OPEN", "open", "PALLIATIVE_INTENT"),
        (23.9, "BAND_6_24_OPEN", "open", "PALLIATIVE_INTENT"),
        (24, "BAND_GE24_EN_BLOC_BY_SURVIVAL_ONLY", "open", "PALLIATIVE_INTENT"),
        (None, None, "open", None),
    ],
)
def test_expected_survival(months: float | None, band: str | None, capacity: str, goals: str | None) -> None:
    found = advice(patient__expected_survival_months=months)
    assert found["survival_surgery_rule"] == band
    assert found["noms"]["surgical_capacity"] == capacity
    assert found["goals_of_care"] == goals


@pytest.mark.parametrize(
    ("grade", "compression"), [("0", "low"), ("1a", "low"), ("1c", "low"), ("2", "high"), ("3", "high")]
)
def test_escc_classes(grade: str, compression: str) -> None:
    assert advice(lesion__escc=grade)["escc"] == {"grade": grade, "class": compression}


@pytest.mark.parametrize(
    ("days", "answer"),
    [
        (None, "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H"),
        (0.5, "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H"),
        (0.51, "GIVE_NOW_WINDOW_PASSED"),
    ],
)
def test_the_steroid_window_of_12_hours(days: float | None, answer: str) -> None:
    found = advice(lesion__escc="2", neuro__myelopathy=True, neuro__symptom_duration_days=days)
    assert found["steroids"] == answer


@pytest.mark.parametrize(("days", "preferred"), [(2, "DECOMP_STAB_THEN_CEBRT"), (2.1, "CEBRT")])
def test_a_complete_deficit_of_48_hours(days: float, preferred: str) -> None:
    changes = {"oncology__primary": "rcc", "lesion__escc": "3", "neuro__myelopathy": True, "neuro__ambulatory": False}
    found = advice(**changes, neuro__asia="A", neuro__frankel="A", neuro__symptom_duration_days=days)
    assert found["noms"]["recommendation"] == preferred
    assert ("COMPLETE_DEFICIT_GT_48H" in found["noms"]["flags"]) is (days > 2)


@pytest.mark.parametrize(
    ("months", "reason", "allowance", "possible"),
    [(4.9, "RERT_INTERVAL_FAILS", None, False), (5, None, 25, True), (None, "RERT_INTERVAL_UNKNOWN", None, None)],
)
def test_the_interval_of_five_months(
    months: float | None, reason: str | None, allowance: float | None, possible: Any
) -> None:
    prior = {"dose_gy": 30, "fractions": 10, "months_ago": months, "modality": "cEBRT", "thecal_sac_dmax_gy": 30}
    found = advice(lesion__prior_rt_at_level=prior)
    assert found["reirradiation"]["reason"] == reason
    assert found["reirradiation"]["max_new_thecal_sac_eqd2_2"] == allowance
    assert found["reirradiation"]["all_hytec_criteria_can_be_met"] is possible
    assert found["reirradiation"]["prior_thecal_sac_eqd2_2"] == 37.5
    for kind in ("iort_stabilisation", "iort_kyphoplasty"):
        assert ("RERT_INTERVAL_FAILS" in found[kind]["reasons"]) is (months == 4.9)
    assert found["iort_stabilisation"]["status"] == "ineligible"
    assert found["iort_kyphoplasty"]["status"] == {4.9: "ineligible", 5: "conditional", None: "indeterminate"}[months]


@pytest.mark.parametrize(
    ("prior", "reason", "eqd2", "allowance"),
    [
        ({"fractions": 10, "thecal_sac_dmax_gy": None}, "PRIOR_THECAL_DOSE_UNKNOWN", None, None),
        ({"fractions": None, "thecal_sac_dmax_gy": 30}, "PRIOR_THECAL_DOSE_UNKNOWN", None, None),
        ({"fractions": 1, "thecal_sac_dmax_gy": 8}, None, 20.0, 20.0),
        ({"fractions": 1, "thecal_sac_dmax_gy": 8, "modality": "IORT"}, None, 32.24, 25.0),
        ({"fractions": 25, "thecal_sac_dmax_gy": 50}, None, 50.0, 20.0),
        ({"fractions": 2, "thecal_sac_dmax_gy": 24}, "NO_ALLOWANCE_LEFT", 84.0, 0.0),
    ],
)
def test_what_an_earlier_course_leaves(prior: dict[str, Any], reason: str | None, eqd2: Any, allowance: Any) -> None:
    found = advice(lesion__prior_rt_at_level={"months_ago": 12, **prior})["reirradiation"]
    assert (found["reason"], found["prior_thecal_sac_eqd2_2"], found["max_new_thecal_sac_eqd2_2"]) == (
        reason,
        eqd2,
        allowance,
    )


@pytest.mark.parametrize(("levels", "capacity"), [(3, "open"), (4, "none"), (None, "open")])
def test_contiguous_levels(levels: int | None, capacity: str) -> None:
    found = advice(lesion__contiguous_levels=levels, lesion__levels_involved=None)
    assert found["noms"]["surgical_capacity"] == capacity


def test_levels_that_are_listed_count_even_when_fewer_are_stated() -> None:
    found = advice(lesion__contiguous_levels=1, lesion__levels_involved=["T6", "T7", "T8", "T9"])
    assert found["noms"]["surgical_capacity"] == "none"
    assert any(note["key"] == "lesion.contiguous_levels" for note in found["explanation"]["notes"])


@pytest.mark.parametrize(("kind", "count"), [("tomita_type", (2, 3)), ("treatable_painful_vertebrae", (3, 4))])
def test_kyphoplasty_limits(kind: str, count: tuple[int, int]) -> None:
    section = "lesion" if kind == "tomita_type" else "oncology"
    below, above = (advice(**{f"{section}__{kind}": number})["iort_kyphoplasty"]["status"] for number in count)
    assert (below, above) == ("eligible", "ineligible")


STATUS = {
    "ESCC_MISSING": "indeterminate",
    "RADICULAR_COMPRESSION": "indeterminate",
    "CONTRADICTION_AIS_MYELOPATHY": "indeterminate",
    "ESCC_3_AMBIGUOUS_IN_SOURCE": "conditional",
    "CERVICAL_OUTSIDE_EVIDENCE": "conditional",
    "CEMENT_IN_PLACE": "conditional",
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"patient__pregnant": True}, "PREGNANT"),
        ({"oncology__primary": "hemangioma"}, "BENIGN"),
        (SINS_6, "SINS_LT_7"),
        ({"patient__iort_consent": False}, "NO_CONSENT"),
        ({"patient__iort_board_indication": False}, "NO_BOARD_INDICATION"),
        ({"patient__anaesthesia_fit": False}, "NOT_ANAESTHESIA_FIT"),
        ({"neuro__acute_cord_compression": True}, "ACUTE_CORD_COMPRESSION"),
        ({"lesion__dorsal_elements_involved": True}, "DORSAL_STRUCTURES_INVOLVED"),
        ({"lesion__pedicle_infiltration": True}, "PEDICLE_INFILTRATION"),
        ({"patient__iort_consent": None}, "CONSENT_UNKNOWN"),
        ({"patient__iort_board_indication": None}, "BOARD_UNKNOWN"),
        ({"patient__anaesthesia_fit": None}, "ANAESTHESIA_UNKNOWN"),
        ({"neuro__acute_cord_compression": None}, "ACUTE_CORD_COMPRESSION_UNKNOWN"),
        ({"lesion__dorsal_elements_involved": None}, "DORSAL_STRUCTURES_INVOLVED_UNKNOWN"),
        ({"lesion__pedicle_infiltration": None}, "PEDICLE_INFILTRATION_UNKNOWN"),
        ({"lesion__escc": None}, "ESCC_MISSING"),
        ({"lesion__prior_rt_at_level": None}, "PRIOR_RT_UNKNOWN"),
        ({"neuro__functional_radiculopathy": True}, "RADICULAR_COMPRESSION"),
        ({"lesion__escc": "3"}, "ESCC_3_AMBIGUOUS_IN_SOURCE"),
        ({"lesion__level": "C5"}, "CERVICAL_OUTSIDE_EVIDENCE"),
        ({"lesion__cement_in_place": True}, "CEMENT_IN_PLACE"),
        ({"lesion__escc": "2", "neuro__asia": "C", "neuro__frankel": "C"}, "CONTRADICTION_AIS_MYELOPATHY"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_reason_against_stabilisation_alone(change: dict[str, Any], code: str) -> None:
    assert advice()["iort_stabilisation"] == {"status": "eligible", "reasons": [], "role": "ALTERNATIVE_TO_ADJUVANT_RT"}
    found = advice(**change)["iort_stabilisation"]
    assert found["reasons"] == [code]
    assert found["status"] == STATUS.get(code, "indeterminate" if code.endswith("UNKNOWN") else "ineligible")


def test_a_finding_that_radiculopathy_explains_is_no_contradiction() -> None:
    changes = {"lesion__escc": "2", "neuro__asia": "D", "neuro__frankel": "D"}
    assert "CONTRADICTION_AIS_MYELOPATHY" in advice(**changes)["noms"]["flags"]
    explained = advice(**changes, neuro__functional_radiculopathy=True)
    assert "CONTRADICTION_AIS_MYELOPATHY" not in explained["noms"]["flags"]
    assert "DECOMP_STAB_THEN_RT" in explained["noms"]["acceptable"]


@pytest.mark.parametrize("grade", ["1c", "2"])
def test_cord_signs_need_an_image_that_explains_them(grade: str) -> None:
    found = advice(lesion__escc=grade, neuro__myelopathy=True)
    discordant = grade == "1c"
    assert (found["noms"]["recommendation"] == "MANUAL_REVIEW") is discordant
    assert (found["noms"]["hard_stops"] == ["NEURO_IMAGING_DISCORDANCE"]) is discordant
    assert (found["steroids"] == "CONFLICT_GIVE_OR_DEFER") is discordant


def test_an_unproven_label_does_not_count() -> None:
    found = advice(oncology__primary="lymphoma", oncology__histology_confirmed=False)
    assert found["noms"]["recommendation"] == "TISSUE_FIRST"
    assert found["radiosensitivity"]["effective_reason"] == "histology_unproven"
    assert found["radiosensitivity"]["noms_S1"] == "unknown_treat_as_radioresistant"
    assert found["tokuhashi_revised"]["items"]["primary"] == 1
    assert found["bauer_modified"]["reason"] == "primary_unknown"


@pytest.mark.parametrize(
    ("subtype", "targetable"),
    [
        ("EGFR_L858R", True),
        ("ALK", True),
        ("BRAF V600E", True),
        ("ER+/HER2-", True),
        ("ER-, HER2+", True),
        ("EGFR wt", False),
        ("EGFR-negative", False),
        ("ALK-", False),
        ("BRAF_wt", False),
        ("HER2-", False),
        ("clear_cell", False),
        (None, False),
    ],
)
def test_targetable_alterations(subtype: str | None, targetable: bool) -> None:
    assert ("prognosis_flags" in advice(oncology__subtype=subtype)) is targetable


@pytest.mark.parametrize(("age", "flagged"), [(17.9, True), (18, False), (None, False)])
def test_children(age: float | None, flagged: bool) -> None:
    assert ("flags" in advice(patient__age_years=age)) is flagged


EN_BLOC = {"patient__expected_survival_months": 24, "lesion__contiguous_levels": 3, "patient__ecog": 2}


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"patient__expected_survival_months": 23}, False),
        ({"patient__ecog": 3, "patient__kps": 40}, False),
        ({"lesion__contiguous_levels": 4}, False),
        ({"oncology__vertebral_mets": 3}, True),
        ({"oncology__vertebral_mets": 4}, False),
        ({"oncology__visceral_mets": "unremovable"}, False),
        ({"oncology__primary_controlled": False}, False),
        ({"patient__tolerates_open_surgery": False}, False),
        ({"patient__high_volume_centre": False}, False),
        ({"oncology__visceral_mets": "removable"}, False),
        ({"oncology__extraspinal_bone_mets": 1}, False),
        ({"oncology__brain_mets": True}, False),
        ({"oncology__brain_mets": None}, True),
        ({"patient__high_volume_centre": None}, None),
        ({"patient__cardiopulmonary_reserve_adequate": False}, False),
        ({"oncology__primary_controlled": None}, None),
        ({"lesion__escc": "2", "neuro__myelopathy": True}, False),
        ({"lesion__escc": "2"}, True),
        ({"oncology__primary": "hemangioma"}, None),
    ],
)
def test_en_bloc_criteria(change: dict[str, Any], met: bool | None) -> None:
    assert advice(**{**EN_BLOC, **change})["en_bloc_criteria_met"] is met


def test_cord_signs_exclude_en_bloc_by_a_convention_that_is_named() -> None:
    found = advice(**{**EN_BLOC, "lesion__escc": "3", "neuro__myelopathy": True})
    assert found["en_bloc_criteria_met"] is False
    assert found["explanation"]["parts"]["en_bloc_criteria_met"]["evidence"] == ["NOMS-14", "G1-15"]


def test_several_lesions_are_judged_alone_and_the_worst_leads() -> None:
    document = known()
    first = document.pop("lesion")
    document["lesions"] = [first, {**first, "level": "L3", "levels_involved": ["L3"], "escc": "2"}]
    found = advice_document(assess(case_from_document(document)))
    assert [lesion["level"] for lesion in found["lesions"]] == ["T8", "L3"]
    assert found["escc"]["grade"] == "2"
    assert found["lesions"][0]["sins"]["total"] == 8
    assert found["lesions"][1]["sins"]["total"] == 9
    assert found["tomita"]["items"]["bone"] == 2
    assert found["explanation"]["level"] == "L3"


def test_postoperative_radiotherapy_needs_every_contraindication_excluded() -> None:
    document = known(oncology__primary="rcc") | {"postop": {"contiguous_levels": 2, "asia": "E", "residual_escc": "2"}}
    found = advice_document(assess(case_from_document(document)))["postop_sbrt"]
    assert found == {
        "candidate": True,
        "contraindications": [],
        "indications": ["ONE_TO_TWO_ADJACENT_LEVELS", "RADIORESISTANT_PRIMARY"],
    }
    document["postop"]["residual_escc"] = None
    assert advice_document(assess(case_from_document(document)))["postop_sbrt"]["candidate"] is False
