"""What is made of the keys of a case before any rule asks: both sides of each, and what is not known (A2, G2)."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known

from metaspine.assessment.answers import answered_facts, answered_patient_facts
from metaspine.assessment.engine import assess
from metaspine.assessment.facts import lesion_facts, patient_facts
from metaspine.assessment.radiosensitivity import resistant_primary
from metaspine.exchange.case_file import case_from_document

LOW = {"lesion__escc": "1c"}
HIGH = {"lesion__escc": "2"}
NO_SIGNS = {"neuro__myelopathy": False, "neuro__cauda_equina": False, "neuro__functional_radiculopathy": False}
ROOT = {"neuro__functional_radiculopathy": True}


def lesions(number: int) -> dict[str, Any]:
    """Return a case with so many lesions, whose number of vertebral metastases is not stated."""
    document = known(oncology__vertebral_mets=None)
    lesion = document.pop("lesion")
    levels = ("T4", "T6", "T8", "T10")[:number]
    return document | {"lesions": [{**lesion, "level": level, "levels_involved": [level]} for level in levels]}


def facts_of(document: dict[str, Any]) -> dict[str, Any]:
    case = case_from_document(document)
    return lesion_facts(case.lesions[0], patient_facts(case))


@pytest.mark.parametrize(
    ("fact", "changes", "value"),
    [
        ("painful", {"lesion__pain": "mechanical", "lesion__nrs": 0}, True),
        ("painful", {"lesion__pain": "occasional_non_mechanical"}, True),
        ("painful", {"lesion__pain": "present_unspecified"}, True),
        ("painful", {"lesion__pain": "none", "lesion__nrs": 0}, False),
        ("painful", {"lesion__pain": None, "lesion__nrs": 1}, True),
        ("painful", {"lesion__pain": None, "lesion__nrs": 0}, None),
        ("painful", {"lesion__pain": None, "lesion__nrs": None}, None),
        ("unproven", {}, False),
        ("unproven", {"oncology__histology_confirmed": None}, None),
        ("unproven", {"oncology__histology_confirmed": False}, True),
        ("unproven", {"oncology__primary": "unknown", "oncology__histology_confirmed": None}, True),
        ("benign", {"oncology__primary": "hemangioma"}, True),
        ("benign", {"oncology__primary": "hemangioma", "oncology__histology_confirmed": None}, True),
        ("benign", {"oncology__primary": "hemangioma", "oncology__histology_confirmed": False}, False),
        ("benign", {}, False),
        ("haematological", {"oncology__primary": "lymphoma"}, True),
        ("haematological", {"oncology__primary": "multiple_myeloma"}, True),
        ("haematological", {"oncology__primary": "plasmacytoma"}, True),
        ("haematological", {"oncology__primary": "seminoma", "patient__sex": "M"}, False),
        ("haematological", {"oncology__primary": "breast"}, False),
        ("primary_as_proven", {}, "breast"),
        ("primary_as_proven", {"oncology__histology_confirmed": None}, "breast"),
        ("primary_as_proven", {"oncology__histology_confirmed": False}, "unknown"),
        ("cord_grade", {"neuro__asia": "D", "neuro__frankel": "C"}, "D"),
        ("cord_grade", {"neuro__asia": None, "neuro__frankel": "C"}, "C"),
        ("frankel_grade", {"neuro__asia": "D", "neuro__frankel": "C"}, "C"),
        ("frankel_grade", {"neuro__asia": "D", "neuro__frankel": None}, "D"),
        ("vertebral_metastases", {"oncology__vertebral_mets": 2}, 2),
        ("vertebral_metastases", {"oncology__vertebral_mets": None}, None),
        ("solitary_bone_metastasis", {}, True),
        ("solitary_bone_metastasis", {"oncology__vertebral_mets": 2}, False),
        ("solitary_bone_metastasis", {"oncology__extraspinal_bone_mets": 1}, False),
        ("solitary_bone_metastasis", {"oncology__extraspinal_bone_mets": None}, None),
        ("solitary_bone_metastasis", {"oncology__vertebral_mets": None}, None),
        ("solitary_bone_metastasis", {"oncology__vertebral_mets": None, "oncology__extraspinal_bone_mets": 1}, False),
        ("solitary_metastasis", {}, True),
        ("solitary_metastasis", {"oncology__visceral_mets": "removable"}, False),
        ("solitary_metastasis", {"oncology__visceral_mets": None}, None),
        ("solitary_metastasis", {"oncology__brain_mets": True}, False),
        ("solitary_metastasis", {"oncology__brain_mets": None}, None),
        ("solitary_metastasis", {"oncology__brain_mets": True, "oncology__visceral_mets": None}, False),
        ("compression", {"lesion__escc": None}, None),
        *(("compression", {"lesion__escc": grade}, "low") for grade in ("0", "1a", "1b", "1c")),
        *(("compression", {"lesion__escc": grade}, "high") for grade in ("2", "3")),
        *(("contradiction", HIGH | NO_SIGNS | {"neuro__asia": grade}, True) for grade in "ABCD"),
        ("contradiction", HIGH | NO_SIGNS | {"neuro__asia": "E"}, False),
        ("contradiction", LOW | NO_SIGNS | {"neuro__asia": "A"}, False),
        ("contradiction", HIGH | NO_SIGNS | ROOT | {"neuro__asia": "A"}, False),
        ("contradiction", HIGH | NO_SIGNS | {"neuro__asia": "A", "neuro__functional_radiculopathy": None}, True),
        ("contradiction", HIGH | NO_SIGNS | {"neuro__asia": "A", "neuro__myelopathy": None}, False),
        ("contradiction", HIGH | NO_SIGNS | {"neuro__asia": "A", "neuro__cauda_equina": None}, False),
        ("contradiction", HIGH | NO_SIGNS | {"neuro__asia": "A", "neuro__cauda_equina": True}, False),
        ("cord_signs", {}, False),
        ("cord_signs", {"neuro__myelopathy": True}, True),
        ("cord_signs", {"neuro__cauda_equina": True}, True),
        ("cord_signs", {"neuro__cauda_equina": True, "neuro__myelopathy": None}, True),
        ("cord_signs", {"neuro__presentation": "clinical_cord_compression"}, True),
        ("cord_signs", HIGH | NO_SIGNS | {"neuro__asia": "A"}, True),
        ("cord_signs", {"neuro__myelopathy": None}, None),
        ("cord_signs", {"neuro__cauda_equina": None}, None),
        ("cord_signs", {"neuro__presentation": None}, None),
        ("deficit", {}, False),
        ("deficit", {"neuro__myelopathy": True}, True),
        ("deficit", {"neuro__presentation": "unilateral_radicular_deficit"}, True),
        ("deficit", {"neuro__presentation": "unilateral_radicular_pain"}, False),
        ("deficit", ROOT, True),
        ("deficit", {"neuro__presentation": None}, None),
        ("deficit", {"neuro__myelopathy": None}, None),
        ("contiguous_levels", {"lesion__contiguous_levels": 3}, 3),
        ("prior_radiotherapy", {"lesion__prior_rt_at_level": None}, None),
        ("prior_radiotherapy", {}, "none"),
        ("prior_months_ago", {}, None),
    ],
)
def test_a_derived_fact(fact: str, changes: dict[str, Any], value: Any) -> None:
    assert facts_of(known(**changes))[fact] == value


def test_an_earlier_course_and_its_months() -> None:
    course = {"dose_gy": 30, "fractions": 10, "months_ago": 12, "modality": "cEBRT"}
    found = facts_of(known(lesion__prior_rt_at_level=course))
    assert (found["prior_radiotherapy"], found["prior_months_ago"]) == ("course", 12)


@pytest.mark.parametrize(("number", "vertebral"), [(1, None), (2, None), (3, 3), (4, 4)])
def test_listed_lesions_count_as_vertebral_metastases_from_three_on(number: int, vertebral: int | None) -> None:
    found = facts_of(lesions(number))
    assert found["vertebral_metastases"] == vertebral
    assert found["solitary_bone_metastasis"] is (None if number == 1 else False)


def test_more_lesions_than_are_stated_count() -> None:
    document = lesions(4)
    document["oncology"]["vertebral_mets"] = 2
    assert facts_of(document)["vertebral_metastases"] == 4


@pytest.mark.parametrize(
    ("changes", "resistant"),
    [
        ({}, False),
        ({"oncology__primary": "rcc"}, True),
        ({"oncology__primary": "other"}, True),
        ({"oncology__histology_confirmed": False}, True),
        ({"oncology__primary": "lymphoma"}, False),
    ],
)
def test_whether_the_primary_itself_is_resistant(changes: dict[str, Any], resistant: bool) -> None:
    assert resistant_primary(facts_of(known(**changes))) is resistant


@pytest.mark.parametrize(
    ("changes", "few"),
    [
        ({"oncology__total_metastases_count": 1}, True),
        ({"oncology__total_metastases_count": 5}, True),
        ({"oncology__total_metastases_count": 6}, False),
        ({"oncology__total_metastases_count": None}, None),
        ({"oncology__total_metastases_count": None, "oncology__vertebral_mets": 6}, False),
        ({"oncology__total_metastases_count": None, "oncology__vertebral_mets": 5}, None),
        ({"oncology__total_metastases_count": 5, "oncology__extraspinal_bone_mets": 5}, False),
        ({"oncology__total_metastases_count": 5, "oncology__extraspinal_bone_mets": 4}, True),
        ({"oncology__total_metastases_count": None, "oncology__extraspinal_bone_mets": None}, None),
        (
            {
                "oncology__total_metastases_count": 5,
                "oncology__vertebral_mets": None,
                "oncology__extraspinal_bone_mets": 5,
            },
            True,
        ),
        (
            {
                "oncology__total_metastases_count": 5,
                "oncology__vertebral_mets": 5,
                "oncology__extraspinal_bone_mets": None,
            },
            True,
        ),
    ],
)
def test_few_metastases_are_one_to_five(changes: dict[str, Any], few: bool | None) -> None:
    case = case_from_document(known(**changes))
    advice = assess(case)
    assert answered_patient_facts(case, advice)["oligometastatic"] is few
    assert answered_facts(case, case.lesions[0], advice, advice.lesions[0])["oligometastatic"] is few
