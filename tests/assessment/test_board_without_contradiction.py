"""The page read as a board reads it: no part says what another denies, and nothing is there for someone else."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known
from rich.console import Console
from test_board import board_of, codes, lesions, option

from metaspine.cli import board_page
from metaspine.patient.board import Board, Step
from metaspine.patient.pathway import Advisory

CORD = {
    "neuro__myelopathy": True,
    "neuro__presentation": "clinical_cord_compression",
    "neuro__symptom_duration_days": 0.2,
}
EARLIER = {"lesion__prior_rt_at_level": {"dose_gy": 30, "fractions": 10, "months_ago": 3, "modality": "cEBRT"}}


def step(found: Board, code: str) -> Step:
    return next(each for each in found.steps if each.code == code)


def around(found: Board) -> dict[str, Advisory]:
    return {one.rule: one for one in found.around}


def printed(found: Board) -> str:
    console = Console(width=400, color_system=None)
    with console.capture() as shown:
        for part in (*board_page.opening(found), *board_page.closing(found)):
            console.print(part)
    return shown.get()


# --- the order of the steps -----------------------------------------------------------------------------------------


def test_goals_of_care_are_talked_about_before_the_treatment_is_booked() -> None:
    found = codes(board_of(known(lesion__escc="2", patient__expected_survival_months=2)))
    assert found.index("GOALS_OF_CARE") < found.index("SURGEON") < found.index("TREAT")


def test_the_mri_is_not_due_after_the_treatment() -> None:
    found = board_of(known(neuro__presentation="unilateral_radicular_pain", lesion__escc="2"))
    assert codes(found).index("MRI_BEFORE_TREATMENT") < codes(found).index("TREAT")
    assert step(found, "MRI_BEFORE_TREATMENT").within_h == 72
    assert "MRI_CURRENT" not in codes(found)
    assert "treatment within 72 h, MRI before it" in found.summary
    assert found.advice.leading.urgency.mri_within_h == 168


def test_what_one_lesion_needs_stands_before_its_own_treatment() -> None:
    found = board_of(
        lesions(
            {"level": "T8", "escc": "2"}, {"level": "L3", "pain": "none", "collapse": "none"}, presentation="local_pain"
        )
    )
    at = {each.code: number for number, each in enumerate(found.steps)}
    assert found.steps[at["SURGEON"]].level == "T8"
    assert at["SURGEON"] < at["TREAT"]


def test_without_symptoms_it_is_first_decided_whether_to_treat() -> None:
    found = board_of(known(neuro__presentation="asymptomatic"))
    assert step(found, "TREAT_OR_WATCH").says.startswith("Decide whether to treat at all: ")
    assert "TREAT_NO_WINDOW" not in codes(found)


def test_a_level_whose_signs_another_explains_gets_no_emergency_of_its_own() -> None:
    found = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "3"}, myelopathy=True))
    assert {"MRI_WHOLE_SPINE", "TREAT_AFTER_STOP"} & set(codes(found)) == set()
    again = found.steps[-1]
    assert (again.code, again.level) == ("READ_AGAIN", "L3")
    assert "once T8 is treated" in again.says


def test_a_benign_tumour_that_compresses_is_not_left_without_treatment() -> None:
    found = board_of(known(**CORD, oncology__primary="hemangioma", lesion__escc="3"))
    assert step(found, "TREAT_BENIGN").within_h == 24
    assert "TREAT_BENIGN" not in codes(board_of(known(oncology__primary="hemangioma")))


# --- where an option stands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "standing"),
    [
        ({"patient__pregnant": True}, "MANUAL_REVIEW", "to_discuss"),
        ({"lesion__escc": None}, "INSUFFICIENT_DATA", "undecided"),
        ({"oncology__primary": "hemangioma"}, "NOT_APPLICABLE_BENIGN", "to_discuss"),
    ],
    ids=str,
)
def test_a_stop_is_no_preferred_treatment(changes: dict[str, Any], code: str, standing: str) -> None:
    first = board_of(known(**changes)).lesions[0].options[0]
    assert (first.code, first.standing) == (code, standing)


def test_a_biopsy_first_is_what_is_preferred() -> None:
    assert option(board_of(known(oncology__primary="unknown")), "TISSUE_FIRST").standing == "preferred"


def test_what_is_only_not_decided_is_not_called_impossible() -> None:
    found = board_of(known(lesion__escc=None))
    for code in ("IORT_STABILISATION", "IORT_KYPHOPLASTY"):
        assert option(found, code).standing == "undecided"
        assert option(found, code).because[0] == "NOMS gives no row beside which it could stand"
    assert "with stabilisation not decided yet; with kyphoplasty not decided yet" in found.lesions[0].summary


@pytest.mark.parametrize(
    "changes",
    [
        {"patient__expected_survival_months": 2},
        {"patient__tolerates_any_procedure": False},
        {"lesion__contiguous_levels": 4},
    ],
    ids=str,
)
def test_irradiation_from_inside_needs_an_operation(changes: dict[str, Any]) -> None:
    found = board_of(known(**changes))
    for code in ("IORT_STABILISATION", "IORT_KYPHOPLASTY"):
        assert option(found, code).standing == "not_possible"
        assert option(found, code).replaces == ""
        assert "it needs an operation, and none is possible or advised" in option(found, code).because
        assert "G1-05" in option(found, code).evidence
    assert not around(found).keys() & {"IORT-20", "IORT-32", "KYPHO-07"}


# --- what is said around the decision -------------------------------------------------------------------------------


def test_no_dose_of_a_first_irradiation_is_offered_to_a_level_that_was_irradiated() -> None:
    found = board_of(known(**EARLIER))
    said = around(found)
    assert not said.keys() & {"RT-03", "RT-05a", "RT-05b", "RT-06", "SBRT-11", "SBRT-12", "SBRT-13", "SBRT-14"}
    (early,) = [one for one in found.avoid if one.rule == "RERT-03"]
    assert "Do not irradiate the level again before the board and medical physics have decided" in early.statement
    later = EARLIER["lesion__prior_rt_at_level"] | {"months_ago": 12}
    assert "RERT-04" in around(board_of(known(lesion__prior_rt_at_level=later)))


def test_a_schedule_that_is_decided_is_not_one_among_many() -> None:
    single = around(board_of(known(lesion__pain="none", lesion__collapse="none")))
    assert not single.keys() & {"RT-05a", "RT-05b"}
    long = around(board_of(known(**CORD, lesion__escc="3", oncology__primary="lymphoma")))
    assert "8 Gy" not in long["RT-05b"].statement
    assert "RT-05a" not in long


def test_few_metastases_are_of_solid_tumours_and_stereotactic_radiotherapy() -> None:
    for changes in ({"oncology__primary": "multiple_myeloma"}, {**CORD, "lesion__escc": "3", "neuro__asia": "A"}):
        assert not around(board_of(known(**changes))).keys() & {"SBRT-07", "RT-03"}


def test_that_targeted_drugs_are_no_routine_is_not_told_as_not_to_do() -> None:
    found = board_of(known(oncology__primary="melanoma", oncology__subtype="BRAF V600E"))
    assert around(found)["WFNS-03"].strength == "warn"
    assert all(one.topic not in ("targeted", "wfns") for one in found.avoid)


def test_the_review_in_pregnancy_is_not_among_what_is_not_to_do() -> None:
    found = board_of(known(patient__pregnant=True))
    assert found.steps[0].code == "REVIEW_PREGNANCY"
    assert "PREGNANCY-01" not in {one.rule for one in found.avoid}
    assert found.around[0].rule == "PREGNANCY-01"
    assert "BONE-01" in {one.rule for one in found.avoid}


def test_nothing_is_forbidden_twice_in_a_sentence() -> None:
    found = board_of(known(**CORD, lesion__escc="3"))
    assert "stop: Never the high-dose" in printed(found)
    assert "never: Never" not in printed(found)


def test_the_other_causes_stand_on_the_page() -> None:
    shown = printed(board_of(known(**CORD)))
    assert "Other causes: leptomeningeal metastasis (needs gadolinium), intramedullary metastasis" in shown


def test_below_the_cord_nothing_is_said_of_the_cord() -> None:
    cord = {"VOL-04a", "TOX-01"}
    unstable = {"oncology__primary": "rcc", "lesion__collapse": "gt50", "lesion__alignment": "subluxation_translation"}
    assert cord <= around(board_of(known(**unstable))).keys()
    low = board_of(known(**unstable, lesion__level="L4", lesion__levels_involved=["L4"]))
    assert not cord & around(low).keys()


def test_what_holds_of_one_lesion_names_it() -> None:
    found = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "3"}, myelopathy=True))
    assert around(found)["DDX-01b"].statement.startswith("L3: Cord or cauda equina signs")
    (cement,) = [one for one in found.avoid if one.rule == "SURG-11c"]
    assert cement.statement.startswith("T8: ")
    both = board_of(lesions({"level": "L3"}, {"level": "T8"}))
    assert around(both)["SURG-12"].statement.startswith("An external orthosis")


def test_what_does_not_fit_is_told_of_the_lesion_it_is_of() -> None:
    found = board_of(
        lesions({"level": "L3", "escc": "1a"}, {"level": "L4"}, {"level": "T8", "escc": "3"}, myelopathy=True)
    )
    told = {one.statement[:3]: one.basis.notes[0] for one in found.around if one.rule == "DDX-01b"}
    assert {level: note[:42] for level, note in told.items()} == {
        "L3:": "What does not fit: ESCC grade (MRI) 1a, pr",
        "L4:": "What does not fit: ESCC grade (MRI) 0, pre",
    }


def test_the_source_of_radiosurgery_for_thyroid_cancer_is_not_overstated() -> None:
    said = around(board_of(known(oncology__primary="thyroid")))["SURG-08-S1"].statement
    assert "S1 says so of kidney cancer; it is followed for thyroid cancer too" in said


# --- in short -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "person"), [(17.9, "A girl of 17.9 years"), (18, "A woman of 18 years"), (None, "A woman of unknown age")]
)
def test_a_child_is_named_as_one_and_nothing_is_validated(age: float | None, person: str) -> None:
    summary = board_of(known(patient__age_years=age)).summary
    assert summary.startswith(person)
    assert ("nothing that is said here is validated" in summary) == (age == 17.9)


def test_an_unstable_spine_is_told_in_short() -> None:
    found = board_of(known(lesion__alignment="subluxation_translation", lesion__collapse="gt50"))
    assert "The spine is unstable: precautions and review by a spine surgeon now. This is urgent: MRI" in found.summary


@pytest.mark.parametrize(
    ("changes", "conflict"),
    [
        ({"lesion__pedicle_infiltration": True}, "CONFLICT-PEDICLE"),
        ({"oncology__primary": "leukemia"}, "CONFLICT-LEUKAEMIA"),
        ({}, "CONFLICT-INDETERMINATE-SINS"),
        (EARLIER, "CONFLICT-RERT-EXAMPLES"),
    ],
    ids=str,
)
def test_a_conflict_that_the_case_touches_is_shown(changes: dict[str, Any], conflict: str) -> None:
    assert conflict in [each.conflict.id for each in board_of(known(**changes)).disagreements]
    stable = board_of(known(lesion__pain="none", lesion__collapse="none"))
    assert conflict not in [each.conflict.id for each in stable.disagreements]
