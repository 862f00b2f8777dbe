"""The 25 worked patients, by their comparison rules; and that the comparison can fail."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from worked_patients import ENUMS, PATIENTS, differences, facts

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document

BY_ID = {patient["id"]: patient for patient in PATIENTS}


def answer(patient: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(advice_document(assess(case_from_document(facts(patient))))))


@pytest.mark.parametrize("name", BY_ID)
def test_worked_patient(name: str) -> None:
    assert differences(BY_ID[name]["expected"], answer(BY_ID[name])) == []


@pytest.mark.parametrize("name", BY_ID)
def test_flags_and_reasons_are_no_more_than_the_worked_ones(name: str) -> None:
    expected, found = BY_ID[name]["expected"], answer(BY_ID[name])
    assert found["noms"]["flags"] == expected["noms"]["flags"]
    assert found["noms"]["acceptable"] == expected["noms"]["acceptable"]
    assert found["noms"]["recommendation"] == expected["noms"]["recommendation"]
    for kind in ("iort_stabilisation", "iort_kyphoplasty"):
        assert found[kind]["reasons"] == expected[kind]["reasons"]
    assert found.keys() - {"explanation"} == expected.keys()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("sins", "total"), 9),
        (("sins", "surgeon_consult"), 1),
        (("noms", "recommendation"), "SRS"),
        (("noms", "flags"), []),
        (("noms", "surgical_capacity"), "none"),
        (("iort_stabilisation", "status"), "eligible"),
        (("iort_kyphoplasty", "reasons"), []),
        (("urgency", "treatment_within_h"), 72),
        (("tomita", "items", "primary"), None),
        (("steroids",), "NOT_INDICATED"),
        (("en_bloc_criteria_met",), None),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_comparison_can_fail(path: tuple[str, ...], wrong: Any) -> None:
    found = copy.deepcopy(answer(BY_ID["DEV-009"]))
    part = found
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = wrong
    assert len(differences(BY_ID["DEV-009"]["expected"], found)) == 1


def test_a_part_that_is_absent_is_found() -> None:
    found = answer(BY_ID["DEV-009"])
    del found["steroids"]
    assert differences(BY_ID["DEV-009"]["expected"], found) == ["steroids is absent"]


def test_alternatives_must_all_be_presented() -> None:
    found = answer(BY_ID["DEV-001"])
    found["noms"]["acceptable"] = ["CEBRT"]
    assert differences(BY_ID["DEV-001"]["expected"], found) != []


def codes_in_use() -> dict[str, set[Any]]:
    used: dict[str, set[Any]] = {name: set() for name in ENUMS}
    for patient in PATIENTS:
        found = answer(patient)
        used["noms"] |= {*found["noms"]["acceptable"]}
        used["surgical_capacity"].add(found["noms"]["surgical_capacity"])
        used["sins_category"].add(found["sins"]["category"])
        used["urgency_class"].add(found["urgency"]["class"])
        used["steroids"].add(found["steroids"])
        used["iort"] |= {found["iort_stabilisation"]["status"], found["iort_kyphoplasty"]["status"]}
        used["survival_surgery_rule"].add(found["survival_surgery_rule"])
    return used


def test_codes_are_those_of_the_contract() -> None:
    for name, used in codes_in_use().items():
        assert used <= set(ENUMS[name]), name
