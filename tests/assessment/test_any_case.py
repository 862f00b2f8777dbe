"""Whatever the case: an answer, in known codes; a worse fact never lowers urgency; the order of lesions is nothing."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from worked_patients import ENUMS

from metaspine.assessment import advice_document, assess
from metaspine.assessment.tables import words
from metaspine.assessment.urgency import urgency_rank
from metaspine.errors import CaseError
from metaspine.evidence import entries
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_schema import Level
from metaspine.patient import case as nouns

LEVELS = get_args(Level)
KNOWN_OR_NOT = st.none() | st.booleans()


def one_of(words: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(get_args(words))


def count(most: int, least: int = 0) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(least, most)


YES_NO = (
    "pregnant",
    "tolerates_open_surgery",
    "tolerates_any_procedure",
    "anaesthesia_fit",
    "iort_consent",
    "iort_board_indication",
    "cardiopulmonary_reserve_adequate",
    "high_volume_centre",
)
PATIENTS = st.fixed_dictionaries(
    {
        "age_years": count(100),
        "sex": one_of(nouns.Sex),
        "kps": st.none() | st.sampled_from(range(0, 101, 10)),
        "ecog": count(5),
        "expected_survival_months": st.none() | st.sampled_from([0, 2.9, 3, 5, 6, 7, 23, 24, 60]),
        **dict.fromkeys(YES_NO, KNOWN_OR_NOT),
    }
)
ONCOLOGY = st.fixed_dictionaries(
    {
        "primary": st.sampled_from(get_args(nouns.Primary)),
        "subtype": st.none() | st.sampled_from(["EGFR", "HER2+", "clear_cell", ""]),
        "visceral_mets": one_of(nouns.VisceralMetastases),
        "extraspinal_bone_mets": count(4),
        "vertebral_mets": count(5),
        "treatable_painful_vertebrae": count(5),
        **dict.fromkeys(("histology_confirmed", "brain_mets", "primary_controlled"), KNOWN_OR_NOT),
    }
)
COURSES = st.fixed_dictionaries(
    {
        "dose_gy": st.none() | st.just(30),
        "fractions": count(30, 1),
        "months_ago": st.none() | st.sampled_from([0, 4, 5, 60]),
        "modality": one_of(nouns.Modality),
        "thecal_sac_dmax_gy": st.none() | st.sampled_from([0, 8, 30, 90]),
    }
)
LESIONS = st.fixed_dictionaries(
    {
        "level": st.sampled_from(LEVELS),
        "contiguous_levels": count(6, 1),
        "sins_reported_total": count(18),
        "pain": one_of(nouns.Pain),
        "nrs": count(10),
        "bone_lesion": one_of(nouns.BoneLesion),
        "alignment": one_of(nouns.Alignment),
        "collapse": one_of(nouns.Collapse),
        "posterolateral": one_of(nouns.Posterolateral),
        "escc": one_of(nouns.EsccGrade),
        "tomita_type": count(7, 1),
        "prior_rt_at_level": st.none() | st.just(False) | COURSES,
        **dict.fromkeys(
            ("pedicle_infiltration", "dorsal_elements_involved", "stabilised_already", "cement_in_place"), KNOWN_OR_NOT
        ),
    }
)
NEUROLOGY = st.fixed_dictionaries(
    {
        "presentation": one_of(nouns.Presentation),
        "asia": one_of(nouns.NeurologicalGrade),
        "frankel": one_of(nouns.NeurologicalGrade),
        "symptom_duration_days": st.none() | st.sampled_from([0, 0.5, 0.6, 2, 3]),
        **dict.fromkeys(
            ("myelopathy", "cauda_equina", "acute_cord_compression", "functional_radiculopathy"), KNOWN_OR_NOT
        ),
    }
)
POSTOPERATIVE = st.none() | st.fixed_dictionaries(
    {
        "contiguous_levels": count(5, 1),
        "asia": one_of(nouns.NeurologicalGrade),
        "residual_escc": one_of(nouns.EsccGrade),
    }
)
CASES = st.fixed_dictionaries(
    {
        "patient": PATIENTS,
        "oncology": ONCOLOGY,
        "lesions": st.lists(LESIONS, min_size=1, max_size=3, unique_by=lambda lesion: lesion["level"]),
        "neuro": NEUROLOGY,
        "postop": POSTOPERATIVE,
    }
)


def case_of(document: dict[str, Any]) -> nouns.Case:
    """The case, unless the drawn facts contradict each other."""
    try:
        return case_from_document(document)
    except CaseError:
        assume(False)
        raise


def answer(document: dict[str, Any]) -> dict[str, Any]:
    return advice_document(assess(case_of(document)))


STOPS = {"TISSUE_FIRST", "MANUAL_REVIEW", "INSUFFICIENT_DATA", "NOT_APPLICABLE_BENIGN"}


@settings(max_examples=150, deadline=None)
@given(CASES)
def test_every_case_ends_in_an_answer(document: dict[str, Any]) -> None:
    found = answer(document)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for part in (found, *found["lesions"]):
        noms = part["noms"]
        assert noms["acceptable"]
        assert set(noms["acceptable"]) <= set(ENUMS["noms"])
        assert len(set(noms["acceptable"])) == len(noms["acceptable"])
        assert noms["recommendation"] == noms["acceptable"][0] or noms["recommendation"] is None
        assert noms["recommendation"] is not None or len(noms["acceptable"]) > 1
        assert noms["surgical_capacity"] in ENUMS["surgical_capacity"]
        assert part["steroids"] in ENUMS["steroids"]
        assert part["urgency"]["class"] in ENUMS["urgency_class"]
        assert part["mechanical_urgency"] in ENUMS["mechanical_urgency"]
        assert part["sins"]["category"] in ENUMS["sins_category"]
        assert part["ebrt_schedule"] in ENUMS["ebrt_schedule"]
        assert part["tokuhashi_revised"]["reason"] in ENUMS["score_reason"]
        for kind in ("iort_stabilisation", "iort_kyphoplasty"):
            assert part[kind]["status"] in ENUMS["iort"]
            assert part[kind]["role"] in ENUMS["iort_role"]
            assert part[kind]["reasons"] == sorted(set(part[kind]["reasons"]))
            assert (part[kind]["status"] == "eligible") == (part[kind]["reasons"] == [])
            assert part[kind]["role"] is None or not STOPS & set(noms["acceptable"])


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_safety_that_no_case_may_break(document: dict[str, Any]) -> None:
    patient, oncology, neuro = (document[name] for name in ("patient", "oncology", "neuro"))
    for lesion, found in zip(document["lesions"], answer(document)["lesions"], strict=True):
        low, high = found["sins"]["range"]
        assert 0 <= low <= high <= 18
        assert (found["sins"]["total"] is None) == (low != high)
        if low >= 13:
            assert found["urgency"]["class"] in ("urgent", "emergency")
            assert found["mechanical_urgency"] == "URGENT_SURGICAL_REVIEW"
        if patient["pregnant"]:
            assert found["noms"]["recommendation"] == "MANUAL_REVIEW"
            assert found["iort_stabilisation"]["status"] == found["iort_kyphoplasty"]["status"] == "ineligible"
        if neuro["myelopathy"] or neuro["cauda_equina"]:
            assert found["urgency"]["treatment_within_h"] == 24
            assert found["steroids"] not in ("NOT_INDICATED", "OMIT_ASYMPTOMATIC_RADIOLOGICAL", None)
            assert found["iort_kyphoplasty"]["status"] == "ineligible"
        if lesion["prior_rt_at_level"] is None or lesion["escc"] is None or patient["iort_consent"] is None:
            assert found["iort_stabilisation"]["status"] in ("indeterminate", "ineligible")
        if oncology["primary"] == "unknown" or oncology["histology_confirmed"] is False:
            assert found["radiosensitivity"]["effective"] == "radioresistant"


@settings(max_examples=100, deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_the_lesions_is_nothing(document: dict[str, Any], random: Any) -> None:
    shuffled = copy.deepcopy(document)
    random.shuffle(shuffled["lesions"])
    one, other = assess(case_of(document)), assess(case_of(shuffled))
    by_level = {lesion.level: lesion for lesion in one.lesions}
    assert {lesion.level: lesion for lesion in other.lesions} == by_level
    assert (one.tokuhashi_revised, one.tomita, one.bauer_modified) == (
        other.tokuhashi_revised,
        other.tomita,
        other.bauer_modified,
    )
    first, second = one.leading, other.leading
    assert (first.urgency.urgency_class, first.escc.grade, first.sins.range[1]) == (
        second.urgency.urgency_class,
        second.escc.grade,
        second.sins.range[1],
    )


WORSE: dict[str, list[Any]] = {
    "presentation": [
        "asymptomatic",
        "local_pain",
        "unilateral_radicular_pain",
        "unilateral_radicular_deficit",
        "bilateral_radicular",
        "clinical_cord_compression",
    ],
    "myelopathy": [False, True],
    "cauda_equina": [False, True],
    "asia": ["E", "D", "C", "B", "A"],
    "frankel": ["E", "D", "C", "B", "A"],
    "symptom_duration_days": [0, 0.5, 0.6, 2, 2.1, 30],
    "escc": ["0", "1a", "1b", "1c", "2", "3"],
    "alignment": ["normal", "de_novo_deformity", "subluxation_translation"],
    "collapse": ["none", "none_gt50_body", "lt50", "gt50"],
    "bone_lesion": ["blastic", "mixed", "lytic"],
    "pain": ["none", "occasional_non_mechanical", "mechanical"],
    "posterolateral": ["none", "unilateral", "bilateral"],
    "prior_rt_at_level": [False, {"months_ago": 12}, {"months_ago": 2}],
}
"""Facts from good to bad. Functional radiculopathy is none of them: it explains a contradiction (NEURO-02)."""


HALF_KNOWN: dict[str, list[Any]] = {
    "pain": ["none", "present_unspecified", "mechanical"],
    "posterolateral": ["none", "at_least_unilateral", "bilateral"],
}
"""What is known in part lies between the best and the worst that it leaves."""

UNKNOWN_OR_WORST: dict[str, list[Any]] = {
    **{key: [None, steps[-1]] for key, steps in WORSE.items()},
    "functional_radiculopathy": [None, True],
    "acute_cord_compression": [None, True],
    "dorsal_elements_involved": [None, True],
}
"""Learning the worst about what was not known."""

CONTRADICTION = "CONTRADICTION_AIS_MYELOPATHY"
GIVES_THE_OTHER_GRADE = {"asia": "frankel", "frankel": "asia"}


def with_fact(document: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The case with one lesion and another value of one fact."""
    lesion = document["lesions"][0] | {"sins_reported_total": None}
    neuro = document["neuro"] | ({GIVES_THE_OTHER_GRADE[key]: None} if key in GIVES_THE_OTHER_GRADE else {})
    (lesion if key in lesion else neuro)[key] = value
    return document | {"lesions": [lesion], "neuro": neuro}


def ranks(document: dict[str, Any]) -> tuple[int, int]:
    """How urgent neurology and stability are; stability counts only where its score is complete."""
    found = answer(document)
    mechanical = [None, "UNKNOWN", "SURGEON_CONSULT", "URGENT_SURGICAL_REVIEW"].index(found["mechanical_urgency"])
    return urgency_rank(found["urgency"]["class"]), mechanical if found["sins"]["source"] == "computed" else 0


@settings(max_examples=300, deadline=None)
@given(CASES, st.sampled_from(sorted(WORSE)), st.data())
def test_a_worse_fact_never_lowers_urgency(document: dict[str, Any], key: str, data: st.DataObject) -> None:
    steps = WORSE[key]
    better = data.draw(st.integers(0, len(steps) - 2))
    worse = data.draw(st.integers(better + 1, len(steps) - 1))
    before, after = ranks(with_fact(document, key, steps[better])), ranks(with_fact(document, key, steps[worse]))
    assert before[0] <= after[0]
    assert before[1] <= after[1]


@settings(max_examples=100, deadline=None)
@given(CASES, st.sampled_from(sorted(HALF_KNOWN)))
def test_what_is_half_known_lies_between(document: dict[str, Any], key: str) -> None:
    best, half, worst = (ranks(with_fact(document, key, step))[0] for step in HALF_KNOWN[key])
    assert best <= half <= worst


@settings(max_examples=250, deadline=None)
@given(CASES, st.sampled_from(sorted(UNKNOWN_OR_WORST)))
def test_learning_the_worst_never_lowers_urgency(document: dict[str, Any], key: str) -> None:
    unknown, worst = (with_fact(document, key, value) for value in UNKNOWN_OR_WORST[key])
    assume(key != "functional_radiculopathy" or CONTRADICTION not in answer(unknown)["noms"]["flags"])
    assert ranks(unknown)[0] <= ranks(worst)[0]


@pytest.mark.parametrize("frankel", ["A", "B", "C", "D"])
def test_radiculopathy_explains_a_contradiction_and_is_shown_to_a_surgeon(frankel: str) -> None:
    """NEURO-02: the one worse fact that lowers urgency, for the deficit is then no sign of the cord."""
    contradiction = {"frankel": frankel, "myelopathy": False, "cauda_equina": False}
    document = {"oncology": {"primary": "breast", "histology_confirmed": True}, "lesion": {"level": "T8", "escc": "2"}}
    unknown = answer(document | {"neuro": contradiction})
    explained = answer(document | {"neuro": contradiction | {"functional_radiculopathy": True}})
    assert (unknown["urgency"]["class"], CONTRADICTION in unknown["noms"]["flags"]) == ("emergency", True)
    assert (explained["urgency"]["class"], CONTRADICTION in explained["noms"]["flags"]) == ("urgent", False)
    assert "FUNCTIONAL_RADICULOPATHY_SURGEON_CONSULT" in explained["noms"]["flags"]


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_everything_is_grounded_and_has_words(document: dict[str, Any]) -> None:
    for part in answer(document)["lesions"]:
        for basis in part["explanation"]["parts"].values():
            assert basis["evidence"]
            assert set(basis["evidence"]) <= entries().keys()
            assert set(basis["missing"]) <= words()["key"].keys()
        assert set(part["noms"]["flags"]) <= words()["flag"].keys() & part["explanation"]["flags"].keys()
        for kind in ("iort_stabilisation", "iort_kyphoplasty"):
            assert set(part[kind]["reasons"]) <= words()["iort_reason"].keys()


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_the_same_case_gives_the_same_advice_and_is_left_alone(document: dict[str, Any]) -> None:
    case = case_of(document)
    before = replace(case)
    assert assess(case) == assess(case)
    assert case == before
