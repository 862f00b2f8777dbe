"""Patients whom a rule nearly fits: the answer where one condition of it fails and no other rule hides that."""

from __future__ import annotations

from typing import Any

import pytest
from cases import advice, known
from test_board import board_of

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.policy import BoardPolicy

RCC, SCLC, UNKNOWN = ({"oncology__primary": name} for name in ("rcc", "sclc", "unknown"))
STABLE = {"lesion__pain": "none", "lesion__nrs": 0}
NOT_GRADED = {"lesion__alignment": None, "lesion__collapse": None, "lesion__posterolateral": None}
UNSTABLE = {
    "lesion__alignment": "subluxation_translation",
    "lesion__collapse": "gt50",
    "lesion__posterolateral": "bilateral",
}
FITNESS_OPEN = {"patient__tolerates_open_surgery": None}
ROOT = {"neuro__functional_radiculopathy": True}
ROOT_DEFICIT = {"neuro__presentation": "unilateral_radicular_deficit"}
COMPLETE = {**RCC, "neuro__myelopathy": True, "lesion__escc": "3", "neuro__asia": "A", "neuro__frankel": "A"}


def chosen(policy: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The answer to KNOWN with changes in a centre that chose a side."""
    return advice_document(assess(case_from_document(known(**changes)), BoardPolicy(choices=policy)))


@pytest.mark.parametrize("side", ["give", "defer", "show_both"])
def test_no_steroids_are_given_for_a_tumour_without_cord_signs_that_is_not_proven(side: str) -> None:
    found = chosen({"CONFLICT-STEROIDS": side}, **UNKNOWN)
    assert found["steroids"] == advice(**UNKNOWN)["steroids"]
    assert "DEX" not in str(found["steroids"])


def test_a_deficit_gives_no_schedule_of_conventional_radiotherapy_where_radiosurgery_is_the_row() -> None:
    found = advice(**RCC, **STABLE, **ROOT_DEFICIT, patient__expected_survival_months=5)
    assert (found["noms"]["recommendation"], found["ebrt_schedule"]) == ("SRS", None)
    sensitive = advice(**STABLE, **ROOT_DEFICIT, patient__expected_survival_months=5)
    assert (sensitive["noms"]["recommendation"], sensitive["ebrt_schedule"]) == ("CEBRT", "8Gy/1")


@pytest.mark.parametrize(("primary", "flagged"), [("rcc", True), ("sclc", True), ("breast", False)])
def test_radiosurgery_steps_back_at_a_short_survival_also_where_the_class_is_in_conflict(
    primary: str, flagged: bool
) -> None:
    flags = advice(oncology__primary=primary, patient__expected_survival_months=2)["noms"]["flags"]
    assert ("SRS_DOWNGRADED_SURVIVAL_LT_3MO" in flags) is flagged


def test_a_vascular_tumour_that_is_not_operated_on_is_not_embolised() -> None:
    found = advice(**RCC, lesion__contiguous_levels=4)
    assert (found["noms"]["recommendation"], found["preop_embolisation"]) == ("CEBRT", False)
    assert advice(**RCC)["preop_embolisation"] is True


@pytest.mark.parametrize("fitness", [True, None])
@pytest.mark.parametrize(("pain", "row"), [("mechanical", "STAB_THEN_SRS"), ("none", "SRS")])
def test_the_chosen_radiosurgery_at_high_grade_does_not_wait_for_the_fitness(
    fitness: bool | None, pain: str, row: str
) -> None:
    changes = {**RCC, "lesion__escc": "2", "lesion__pain": pain, "patient__tolerates_open_surgery": fitness}
    found = chosen({"CONFLICT-SRS-HIGH-GRADE": "s3_srs"}, **changes)
    assert found["noms"]["recommendation"] == row


@pytest.mark.parametrize(
    ("fitness", "offered"), [({}, True), (FITNESS_OPEN, True), ({"patient__tolerates_open_surgery": False}, False)]
)
def test_a_root_may_be_decompressed_as_long_as_an_operation_is_not_excluded(
    fitness: dict[str, Any], offered: bool
) -> None:
    assert ("DECOMP_STAB_THEN_RT" in advice(**ROOT, **fitness)["noms"]["acceptable"]) is offered


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        (UNKNOWN, True),
        ({"neuro__myelopathy": True}, False),
        ({"patient__pregnant": True}, False),
        ({"lesion__escc": None}, False),
    ],
)
def test_the_fitness_is_asked_for_where_an_operation_is_in_question(changes: dict[str, Any], asked: bool) -> None:
    assert ("FITNESS_UNKNOWN" in advice(**changes, **FITNESS_OPEN)["noms"]["flags"]) is asked


def test_mechanical_pain_does_not_decide_for_stabilisation_where_stability_cannot_be_told() -> None:
    found = advice(**NOT_GRADED)
    assert found["noms"]["recommendation"] is None
    assert advice()["noms"]["recommendation"] == "STAB_THEN_CEBRT"


def test_kyphoplasty_without_pain_waits_for_the_stability() -> None:
    reasons = advice(**STABLE, **NOT_GRADED)["iort_kyphoplasty"]["reasons"]
    assert "PAIN_AND_STABILITY_UNKNOWN" in reasons
    assert "NOT_PAINFUL_NOR_UNSTABLE" not in reasons


@pytest.mark.parametrize(
    ("changes", "reason", "other"),
    [
        (UNKNOWN | {"oncology__histology_confirmed": None}, "NO_PATHOLOGICAL_CONFIRMATION", "HISTOLOGY_STATUS_UNKNOWN"),
        ({"oncology__histology_confirmed": None}, "HISTOLOGY_STATUS_UNKNOWN", "NO_PATHOLOGICAL_CONFIRMATION"),
        (
            UNSTABLE | {"lesion__pain": None, "lesion__nrs": None},
            "UNSTABLE_KYPHOPLASTY_ALONE_NOT_AN_OPTION_KRAUSS",
            "PAIN_AND_STABILITY_UNKNOWN",
        ),
    ],
)
def test_one_reason_against_kyphoplasty_and_not_the_other(changes: dict[str, Any], reason: str, other: str) -> None:
    reasons = advice(**changes)["iort_kyphoplasty"]["reasons"]
    assert reason in reasons
    assert other not in reasons


def test_a_root_is_a_reason_for_decompression_beside_conventional_radiotherapy_after_it() -> None:
    (lesion,) = board_of(known(**COMPLETE, **ROOT)).lesions
    because = {option.code: option.because for option in lesion.options}
    assert "functional radiculopathy is a deficit that may be decompressed" in because["DECOMP_STAB_THEN_RT"]


@pytest.mark.parametrize(("survival_months", "schedule"), [(5, "8Gy/1"), (6, "8Gy/1"), (7, ">=30Gy_fractionated")])
def test_the_schedule_after_decompression_of_a_complete_deficit(survival_months: float, schedule: str) -> None:
    early = {"neuro__symptom_duration_days": 1, "patient__expected_survival_months": survival_months}
    found = advice(**COMPLETE, **early)
    assert (found["noms"]["recommendation"], found["ebrt_schedule"]) == ("DECOMP_STAB_THEN_CEBRT", schedule)
