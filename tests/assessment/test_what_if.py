"""What-if: what it says is what an assessment of the changed case file says, and no bound is stepped over."""

from __future__ import annotations

from typing import Any

import pytest
from cases import advice, known

from metaspine.assessment.facts import source_keys
from metaspine.assessment.possible_values import possible_values
from metaspine.assessment.tables import rule_parts, rules
from metaspine.assessment.what_if import deciding, what_if
from metaspine.errors import CaseError
from metaspine.exchange.case_checks import checked
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.case import Case
from metaspine.patient.what_if import Change


def possible(case: Case) -> bool:
    try:
        checked(case, where="what-if")
    except CaseError:
        return False
    return True


def changes(**facts: Any) -> dict[str, Change]:
    found = what_if(case_from_document(known(**facts)), possible=possible)
    return {change.key: change for change in found}


def answers(document: dict[str, Any]) -> dict[str, Any]:
    """The parts that what-if compares, from the JSON of an advice."""
    noms, urgency = document["noms"], document["urgency"]
    return {
        "recommendation": noms["recommendation"],
        "acceptable": tuple(noms["acceptable"]),
        "urgency_class": urgency["class"],
        **{part: urgency[part] for part in ("mri_within_h", "treatment_within_h", "biopsy_within_h")},
        "steroids": document["steroids"],
        **{part: document[part]["status"] for part in ("iort_stabilisation", "iort_kyphoplasty")},
    }


STARTS: dict[str, dict[str, Any]] = {
    "unremarkable": {},
    "high grade without signs": {"lesion__escc": "2", "oncology__primary": "rcc"},
    "emergency, little known": {
        "neuro__presentation": "clinical_cord_compression",
        "neuro__myelopathy": None,
        "lesion__escc": None,
        "patient__expected_survival_months": None,
    },
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_it_says_what_the_changed_case_file_says(start: dict[str, Any]) -> None:
    """Every key of the form with every value, written into the case file and read again: the same alterations."""
    found = changes(**start)
    before = answers(advice(**start))
    for key, values in possible_values().items():
        section, _, name = key.partition(".")
        if section == "postop" or name.startswith("prior_rt_at_level") or name == "sins_reported_total":
            continue
        expected = {}
        for value in values:
            try:
                after = answers(advice(**(start | {f"{section}__{name}": value})))
            except CaseError:
                continue
            if after != before:
                expected[value] = {part: (before[part], after[part]) for part in before if after[part] != before[part]}
        said = {
            each.value: {altered.part: (altered.before, altered.after) for altered in each.alters}
            for each in (found[key].alternatives if key in found else ())
        }
        assert said == expected, key


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("patient__expected_survival_months", [step / 4 for step in range(121)]),
        ("neuro__symptom_duration_days", [step / 8 for step in range(33)]),
        ("lesion__contiguous_levels", list(range(1, 9))),
        ("oncology__treatable_painful_vertebrae", list(range(9))),
        ("lesion__tomita_type", list(range(1, 8))),
    ],
)
def test_no_bound_of_a_number_is_stepped_over(path: str, steps: list[float]) -> None:
    """What a fine scan finds, its few values find too."""
    start: dict[str, Any] = {
        "neuro__presentation": "clinical_cord_compression",
        "neuro__asia": "A",
        "lesion__escc": "3",
        "lesion__levels_involved": None,
    }
    values = possible_values()[path.replace("__", ".")]
    scanned = {str(answers(advice(**(start | {path: step})))) for step in steps}
    assert scanned == {str(answers(advice(**(start | {path: value})))) for value in values}


def test_what_is_not_known_comes_first_and_the_recommendation_before_all() -> None:
    found = list(changes(lesion__escc=None, patient__iort_consent=None, patient__tolerates_open_surgery=None).values())
    known_facts = [change.now is not None for change in found]
    assert known_facts == sorted(known_facts)
    assert found[0].key == "lesion.escc"
    assert {each.value for each in found[0].alternatives} == {"0", "1a", "1b", "1c", "2", "3"}
    unknown = [change for change in found if change.now is None]
    assert [change.key for change in unknown][-1] == "patient.iort_consent"
    (consent,) = [change for change in unknown if change.key == "patient.iort_consent"]
    assert {
        (altered.part, altered.before, altered.after) for each in consent.alternatives for altered in each.alters
    } == {
        ("iort_stabilisation", "indeterminate", "ineligible"),
        ("iort_kyphoplasty", "indeterminate", "ineligible"),
    }


def test_the_unknown_facts_that_decide() -> None:
    assert deciding(case_from_document(known())) == ()
    assert deciding(case_from_document(known(lesion__escc=None))) == ("lesion.escc",)
    several = case_from_document(known(oncology__primary="rcc", lesion__escc="2", patient__tolerates_open_surgery=None))
    assert deciding(several) == ("patient.tolerates_open_surgery",)


def test_of_several_lesions_each_is_changed_alone() -> None:
    document = known()
    lesion = document.pop("lesion")
    document["lesions"] = [lesion, lesion | {"level": "L2", "levels_involved": ["L2"], "escc": None}]
    (first, *_) = what_if(case_from_document(document))
    assert first.key == "lesions[1].escc"
    assert {altered.level for each in first.alternatives for altered in each.alters} == {"L2"}


def test_a_previous_course_is_changed_fact_by_fact() -> None:
    course = {"dose_gy": 30, "fractions": 10, "months_ago": 12, "modality": "cEBRT", "thecal_sac_dmax_gy": 30}
    found = changes(lesion__prior_rt_at_level=course)
    assert [each.value for each in found["lesion.prior_rt_at_level.months_ago"].alternatives] == [4]
    assert found["lesion.prior_rt_at_level"].now.months_ago == 12
    assert found["lesion.prior_rt_at_level"].alternatives[0].value is False


def test_what_contradicts_is_left_out_and_the_case_is_left_alone() -> None:
    man = {"patient__sex": "M", "oncology__primary": "rcc"}
    case = case_from_document(known(**man))
    assert "patient.pregnant" in {change.key for change in what_if(case)}
    assert "patient.pregnant" not in changes(**man)
    assert "patient.pregnant" in changes()
    assert case == case_from_document(known(**man))


def test_every_key_that_a_rule_reads_has_values_to_try() -> None:
    read = {
        key
        for name, part in rule_parts()
        for each in rules(name, part)
        for row in each.rows
        for condition in row
        if condition.operand != (None,)  # only whether it is known
        for key in source_keys((condition.fact,))
        if not key.startswith("policy.")
    }
    free_text, place = "oncology.subtype", "lesion.level"
    assert read - {free_text, place} <= possible_values().keys()
