"""The board's page: what first, which options, several lesions, what is open, where the sources disagree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cases import known
from hypothesis import given, settings
from test_any_case import CASES, case_of
from worked_patients import PATIENTS, facts

from metaspine.assessment import assess
from metaspine.assessment.board import prepare_board
from metaspine.assessment.explanation import board_document
from metaspine.evidence import conflicts, entries
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.board import Board
from metaspine.patient.policy import BoardPolicy


def board_of(document: dict[str, Any], **choices: str) -> Board:
    case = case_from_document(document)
    return prepare_board(case, assess(case, BoardPolicy("a centre", {f"CONFLICT-{k}": v for k, v in choices.items()})))


def lesions(*changes: dict[str, Any], **neuro: Any) -> dict[str, Any]:
    """KNOWN with several lesions, each the known one with changes."""
    document = known()
    base = document.pop("lesion") | {"levels_involved": None, "contiguous_levels": None}
    document["oncology"]["vertebral_mets"] = len(changes)
    return document | {"lesions": [base | change for change in changes], "neuro": document["neuro"] | neuro}


def codes(found: Board) -> list[str]:
    return [step.code for step in found.steps]


def option(found: Board, code: str, level: str = "") -> Any:
    of_level = next(lesion for lesion in found.lesions if level in ("", lesion.advice.level))
    return next((each for each in of_level.options if each.code == code), None)


# --- what first -----------------------------------------------------------------------------------------------------


def test_steps_come_in_the_order_of_time_and_one_without_a_time_before_what_it_prepares() -> None:
    changes = {"neuro__myelopathy": True, "lesion__escc": "3", "oncology__primary": "rcc"}
    found = board_of(known(**changes, neuro__symptom_duration_days=0.2))
    timed = [step.within_h for step in found.steps if step.within_h is not None]
    assert timed == sorted(timed)
    assert [step.code for step in found.steps if step.within_h == 12] == ["STEROIDS"]
    assert codes(found)[-3:] == ["SURGEON", "EMBOLISE", "TREAT"]


def test_goals_of_care_are_talked_about_before_anything_is_booked() -> None:
    found = board_of(known(patient__expected_survival_months=2))
    assert codes(found).index("GOALS_OF_CARE") < codes(found).index("TREAT")


def test_an_unstable_spine_asks_for_precautions_now() -> None:
    found = board_of(known(lesion__alignment="subluxation_translation", lesion__collapse="gt50"))
    step = found.steps[0]
    assert (step.code, step.within_h, step.evidence) == ("SPINAL_PRECAUTIONS", 0, ("SINS-07",))
    assert "SPINAL_PRECAUTIONS" not in codes(board_of(known()))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"patient__pregnant": True}, "REVIEW_PREGNANCY"),
        ({"neuro__myelopathy": True}, "MRI_WHOLE_SPINE"),
        ({"lesion__escc": None}, "MRI"),
        ({"lesion__escc": None, "neuro__presentation": "asymptomatic"}, "MRI_FOR_GRADE"),
        ({}, "MRI_CURRENT"),
        ({"neuro__myelopathy": True, "lesion__escc": "3"}, "STEROIDS_NOW"),
        ({"neuro__myelopathy": True, "lesion__escc": "3", "oncology__primary": "unknown"}, "STEROIDS_DECIDE"),
        ({"neuro__myelopathy": True, "lesion__escc": "3", "oncology__primary": "unknown"}, "TISSUE"),
        ({"oncology__primary": "unknown"}, "TISSUE_FIRST"),
        ({"patient__expected_survival_months": 2}, "GOALS_OF_CARE"),
        ({"neuro__functional_radiculopathy": True}, "SURGEON"),
        ({"oncology__primary": "sclc"}, "TREAT_DECIDE"),
        ({"oncology__primary": "unknown", "lesion__escc": "3"}, "TREAT_AFTER_STOP"),
        ({"neuro__presentation": "unilateral_radicular_deficit"}, "TREAT_NO_WINDOW"),
        ({"neuro__presentation": "asymptomatic"}, "TREAT_OR_WATCH"),
    ],
    ids=str,
)
def test_a_step_is_asked_for_where_its_facts_are_there(changes: dict[str, Any], code: str) -> None:
    assert code in codes(board_of(known(**changes)))


def test_no_biopsy_is_asked_of_a_proven_tumour_and_no_treatment_named_where_none_is_preferred() -> None:
    assert not {"TISSUE", "TISSUE_FIRST", "TREAT_DECIDE"} & set(codes(board_of(known())))
    undecided = board_of(known(oncology__primary="sclc"))
    assert "TREAT_DECIDE" in codes(undecided)
    assert "TREAT" not in codes(undecided)


def test_the_neurology_is_asked_for_once_whatever_the_number_of_lesions() -> None:
    found = board_of(lesions({"level": "T8"}, {"level": "L1"}, myelopathy=None))
    assert [step.level for step in found.steps if step.code == "EXAMINE"] == [""]


def test_the_treatment_is_named_in_words() -> None:
    found = board_of(known())
    said = next(step.says for step in found.steps if step.code == "TREAT")
    assert said == "Treat: stabilisation, then conventional radiotherapy"


# --- which options --------------------------------------------------------------------------------------------------


def test_the_preferred_option_stands_first_with_the_four_pillars() -> None:
    first = board_of(known()).lesions[0].options[0]
    assert (first.code, first.standing) == ("STAB_THEN_CEBRT", "preferred")
    assert first.because == (
        "ESCC 0: disease in the bone only",
        "radiosensitive (by histology)",
        "SINS 8: indeterminate (potentially unstable)",
        "open surgery possible",
    )


def test_every_acceptable_row_stands_there_once_with_its_reason() -> None:
    found = board_of(known())
    assert option(found, "CEBRT").standing == "acceptable"
    assert option(found, "CEBRT").because == (
        "if the surgeon decides not to stabilise: the stability is indeterminate",
    )


def test_small_cell_cancer_shows_both_classes_and_prefers_none() -> None:
    found = board_of(known(oncology__primary="sclc"))
    assert "if the tumour is taken as radiosensitive" in option(found, "CEBRT").because
    assert "if the tumour is taken as radioresistant" in option(found, "SRS").because
    assert all(each.standing != "preferred" for each in found.lesions[0].options)
    chosen = board_of(known(oncology__primary="sclc"), SCLC="s2_resistant")
    assert chosen.lesions[0].options[0].code == "STAB_THEN_SRS"


def test_a_root_is_no_reason_to_decompress_where_none_is_compressed() -> None:
    found = board_of(known(oncology__primary="unknown", neuro__myelopathy=True, lesion__escc="3"))
    assert option(found, "DECOMP_STAB_THEN_RT").because == ("the radiotherapy after it depends on the histology",)


def test_a_pregnancy_alone_asks_for_no_mri_of_the_whole_spine() -> None:
    assert "MRI_WHOLE_SPINE" not in codes(board_of(known(patient__pregnant=True)))


def test_without_symptoms_no_window_asks_for_mri() -> None:
    found = codes(board_of(known(neuro__presentation="asymptomatic")))
    assert {"MRI", "MRI_CURRENT", "MRI_FOR_GRADE"} & {*found} == set()


@pytest.mark.parametrize("grade", ["0", "1a", "1b", "1c", "2", "3"])
def test_a_grade_asks_whether_its_mri_is_of_this_episode(grade: str) -> None:
    assert "MRI_CURRENT" in codes(board_of(known(lesion__escc=grade, neuro__presentation="bilateral_radicular")))


def test_without_a_grade_cord_signs_ask_for_mri_at_once() -> None:
    found = board_of(known(neuro__myelopathy=True, lesion__escc=None))
    assert [step.within_h for step in found.steps if step.code == "MRI"] == [0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"oncology__primary": "rcc"},
        {"neuro__myelopathy": True, "lesion__escc": "3"},
        {"neuro__myelopathy": True, "lesion__escc": "3", "oncology__primary": "rcc"},
        {"lesion__pain": "none", "lesion__nrs": 0},
        {"lesion__pain": "none", "lesion__nrs": 0, "oncology__primary": "rcc"},
        {"neuro__myelopathy": True, "lesion__escc": "3", "oncology__primary": "rcc", "neuro__asia": "A"}
        | {"neuro__frankel": "A", "neuro__symptom_duration_days": 1},
    ],
)
def test_every_row_that_is_preferred_is_a_step(changes: dict[str, Any]) -> None:
    found = board_of(known(**changes))
    (step,) = [step for step in found.steps if step.code == "TREAT"]
    assert step.within_h == found.lesions[0].advice.urgency.treatment_within_h


@pytest.mark.parametrize(
    ("changes", "standing", "replaced"),
    [
        ({}, "alternative", "the conventional radiotherapy after stabilisation"),
        ({"oncology__primary": "rcc"}, "alternative", "the stereotactic radiotherapy after stabilisation"),
        (
            {"lesion__sins_reported_total": 7, "lesion__pain": None, "lesion__stabilised_already": True},
            "alternative",
            "the radiotherapy; the comp",
        ),
        ({"lesion__escc": "3"}, "subordinate", "nothing: at ESCC 3"),
        ({"lesion__escc": "3", "oncology__primary": "rcc"}, "subordinate", "nothing: separation surgery"),
        ({"patient__iort_consent": None}, "undecided", "the conventional radiotherapy after stabilisation"),
        ({"patient__iort_consent": False}, "not_possible", ""),
    ],
    ids=str,
)
def test_irradiation_from_inside_is_placed_against_what_it_would_replace(
    changes: dict[str, Any], standing: str, replaced: str
) -> None:
    changes = dict(changes)
    if "lesion__sins_reported_total" in changes:
        for item in ("bone_lesion", "alignment", "collapse", "posterolateral"):
            changes[f"lesion__{item}"] = None
    found = option(board_of(known(**changes)), "IORT_STABILISATION")
    assert found.standing == standing
    assert found.replaces.startswith(replaced)
    assert bool(found.replaces) == bool(replaced)


def test_what_is_only_not_known_is_undecided_and_not_impossible() -> None:
    found = board_of({"oncology": {"primary": "breast"}, "lesion": {"level": "T8"}})
    for code in ("IORT_STABILISATION", "IORT_KYPHOPLASTY"):
        assert option(found, code).standing == "undecided"
        assert option(found, code).because[0] == "NOMS gives no row beside which it could stand"
    assert "not possible" not in found.lesions[0].summary
    assert "with stabilisation not decided yet" in found.lesions[0].summary


def test_what_excludes_stands_alone_for_nothing_that_is_not_known_could_change_it() -> None:
    found = option(board_of(known(patient__iort_consent=False, patient__anaesthesia_fit=None)), "IORT_STABILISATION")
    assert found.because == ("no signed specific consent",)
    assert found.evidence == ("IORT-02", "REC-04")


@pytest.mark.parametrize(
    ("changes", "code", "standing", "said"),
    [
        ({"lesion__escc": None}, "INSUFFICIENT_DATA", "undecided", "No decision without the ESCC grade (MRI)."),
        ({"neuro__myelopathy": True}, "MANUAL_REVIEW", "to_discuss", "Stop - a person must review this case."),
        ({"oncology__primary": "unknown"}, "TISSUE_FIRST", "preferred", "Advised: biopsy first"),
    ],
    ids=str,
)
def test_an_answer_that_names_no_treatment_is_preferred_to_nothing(
    changes: dict[str, Any], code: str, standing: str, said: str
) -> None:
    found = board_of(known(**changes))
    assert option(found, code).standing == standing
    assert option(found, code).because
    assert said in found.lesions[0].summary


def test_the_summary_says_what_could_make_it_an_emergency() -> None:
    unknown = board_of({"oncology": {"primary": "breast"}, "lesion": {"level": "T8"}}).summary
    assert "How fast cannot be judged yet." in unknown
    emergency = "With cord signs it is an emergency; not known: presentation, myelopathy, cauda equina syndrome."
    assert emergency in unknown
    assert "not stated by the sources" not in unknown
    half = board_of(known(neuro__myelopathy=None)).summary
    assert "This is elective: MRI within 14 days, treatment within 14 days. With cord signs it is" in half
    assert "With cord signs" not in board_of(known()).summary
    stated = board_of(known(neuro__presentation="asymptomatic")).summary
    assert "How fast is not stated by the sources" in stated


def test_best_supportive_care_is_an_answer_under_three_months_and_not_from_three_on() -> None:
    assert (
        option(board_of(known(patient__expected_survival_months=2.9)), "BEST_SUPPORTIVE_CARE").standing == "to_discuss"
    )
    assert option(board_of(known(patient__expected_survival_months=3)), "BEST_SUPPORTIVE_CARE") is None


def test_a_high_score_of_rades_supports_best_supportive_care() -> None:
    worst = {
        "patient__ecog": 4,
        "oncology__primary": "nsclc",
        "oncology__extraspinal_bone_mets": 3,
        "oncology__visceral_mets": "unremovable",
        "oncology__months_since_primary_diagnosis": 15,
        "neuro__ambulatory": False,
        "neuro__days_to_motor_deficit": 7,
    }
    found = option(board_of(known(**worst)), "BEST_SUPPORTIVE_CARE")
    assert "Rades 2013" in found.because[0]
    assert (
        option(
            board_of(known(**worst | {"oncology__visceral_mets": "none", "patient__ecog": 2})), "BEST_SUPPORTIVE_CARE"
        )
        is None
    )


def test_without_symptoms_and_compression_nothing_local_is_an_answer() -> None:
    assert option(board_of(known(neuro__presentation="asymptomatic")), "NO_LOCAL_THERAPY").standing == "to_discuss"
    assert option(board_of(known()), "NO_LOCAL_THERAPY") is None


# --- several lesions ------------------------------------------------------------------------------------------------


def test_signs_that_another_lesion_explains_give_one_answer_on_steroids() -> None:
    found = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "3"}, myelopathy=True))
    assert [lesion.advice.level for lesion in found.lesions] == ["T8", "L3"]
    assert [code for code in codes(found) if code.startswith("STEROIDS")] == ["STEROIDS_NOW"]
    (remark,) = [one for one in found.lesions[1].remarks if one.code == "SIGNS_EXPLAINED_ELSEWHERE"]
    assert "Treat T8 first" in remark.statement
    assert all(one.code != "SIGNS_EXPLAINED_ELSEWHERE" for one in found.lesions[0].remarks)


def test_a_lesion_that_does_not_explain_the_signs_asks_for_nothing_first_where_another_does() -> None:
    found = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "3"}, myelopathy=True))
    assert {step.level for step in found.steps if step.within_h is not None} <= {"T8", ""}
    assert all(each.conflict.id != "CONFLICT-STEROIDS" for each in found.disagreements)
    alone = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "1b"}, myelopathy=True))
    assert "MRI_WHOLE_SPINE" in codes(alone)


def test_what_excludes_hides_what_is_not_known_and_an_open_case_says_it() -> None:
    excluded = option(board_of(known(patient__iort_consent=False, patient__anaesthesia_fit=None)), "IORT_STABILISATION")
    assert excluded.because == ("no signed specific consent",)
    still_open = option(board_of(known(patient__anaesthesia_fit=None)), "IORT_STABILISATION")
    assert still_open.because == ("fitness for anaesthesia is not recorded",)


def test_signs_that_no_lesion_explains_are_not_explained_away() -> None:
    found = board_of(lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "1b"}, myelopathy=True))
    assert all(one.code != "SIGNS_EXPLAINED_ELSEWHERE" for lesion in found.lesions for one in lesion.remarks)


@pytest.mark.parametrize(
    ("levels", "together"),
    [
        (("T8", "T12"), (("T8", "T12"),)),
        (("T8", "L1"), ()),
        (("T4", "T8", "L3"), (("T4", "T8"),)),
        (("T11", "L3"), (("T11", "L3"),)),
    ],
)
def test_which_lesions_one_construct_can_hold(levels: tuple[str, ...], together: tuple[tuple[str, ...], ...]) -> None:
    assert board_of(lesions(*({"level": level} for level in levels))).together == together


@pytest.mark.parametrize(("levels", "told"), [(("T8", "T9", "T10"), False), (("T8", "T9", "T10", "T11"), True)])
def test_neighbouring_lesions_count_together_towards_three_levels(levels: tuple[str, ...], told: bool) -> None:
    found = board_of(lesions(*({"level": level} for level in levels)))
    assert all(any(one.code == "RUN_TOO_LONG" for one in lesion.remarks) is told for lesion in found.lesions)


def test_up_to_three_lesions_may_share_a_session_of_kyphoplasty() -> None:
    shared = board_of(lesions({"level": "T8"}, {"level": "L1"}))
    assert all(any(one.code == "ONE_SESSION" for one in lesion.remarks) for lesion in shared.lesions)
    document = lesions({"level": "T8"}, {"level": "L1"}, {"level": "L4"}, {"level": "T4"})
    assert all(one.code != "ONE_SESSION" for lesion in board_of(document).lesions for one in lesion.remarks)


def test_a_step_that_two_lesions_ask_for_stands_once() -> None:
    found = board_of(lesions({"level": "T8"}, {"level": "L1"}))
    (step,) = [step for step in found.steps if step.code == "TREAT"]
    assert step.level == "T8, L1"


def test_one_lesion_has_no_remarks() -> None:
    assert board_of(known()).lesions[0].remarks == ()


# --- what is open, what is disputed ---------------------------------------------------------------------------------


def test_what_most_answers_ask_for_stands_first_among_the_missing() -> None:
    found = board_of({"oncology": {"primary": "breast"}, "lesion": {"level": "T8"}})
    assert next(iter(found.missing)) == "lesion.escc"
    assert board_of(known()).missing == {}


def test_only_conflicts_that_the_case_touches_are_shown() -> None:
    assert "CONFLICT-SCLC" in [each.conflict.id for each in board_of(known(oncology__primary="sclc")).disagreements]
    found = board_of(known(oncology__primary="sclc"), SCLC="s1_sensitive")
    (shown,) = [each for each in found.disagreements if each.conflict.id == "CONFLICT-SCLC"]
    assert (shown.side, shown.chosen_by_centre) == ("s1_sensitive", True)
    assert all(each.conflict.id != "CONFLICT-SCLC" for each in board_of(known()).disagreements)


def test_the_summary_is_plain_language() -> None:
    found = board_of(known())
    assert found.summary.startswith("A woman of 60 years with breast cancer and a lesion at T8 of the spine.")
    assert "_" not in found.summary + "".join(lesion.summary for lesion in found.lesions)
    assert "Advised: stabilisation, then conventional radiotherapy" in found.lesions[0].summary


# --- whatever the case ----------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(CASES)
def test_every_case_has_a_board(document: dict[str, Any]) -> None:
    case = case_of(document)
    found = prepare_board(case, assess(case))
    written = board_document(found)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert {lesion.advice.level for lesion in found.lesions} == {lesion.level for lesion in case.lesions}
    for lesion in found.lesions:
        rows = [each.code for each in lesion.options if each.code in lesion.advice.noms.acceptable]
        assert rows == list(lesion.advice.noms.acceptable)
        for code, kind in (
            ("IORT_STABILISATION", lesion.advice.iort_stabilisation),
            ("IORT_KYPHOPLASTY", lesion.advice.iort_kyphoplasty),
        ):
            (irradiation,) = [each for each in lesion.options if each.code == code]
            assert (irradiation.standing == "not_possible") is (
                kind.status == "ineligible" or lesion.advice.noms.surgical_capacity == "none"
            )
        assert {each.code for each in lesion.options} >= {"IORT_STABILISATION", "IORT_KYPHOPLASTY"}
        assert all(set(each.evidence) <= entries().keys() and each.evidence for each in lesion.options)
    for step in found.steps:
        assert set(step.evidence) <= entries().keys()
        assert "{" not in step.says
    assert len({step.code for step in found.steps if step.code.startswith("STEROIDS")}) <= 1
    assert all(each.conflict.id in conflicts() for each in found.disagreements)


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_the_boards_document_keeps_the_answer_as_it_is(patient: dict[str, Any]) -> None:
    from metaspine.assessment import advice_document

    case = case_from_document(facts(patient))
    advice = assess(case)
    plain, explained = advice_document(advice), board_document(prepare_board(case, advice))
    assert {key: value for key, value in explained.items() if key not in ("explanation", "lesions")} == {
        key: value for key, value in plain.items() if key not in ("explanation", "lesions")
    }
    assert plain["explanation"].items() <= explained["explanation"].items()
