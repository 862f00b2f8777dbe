"""The published JSON Schema accepts and refuses what the reader does, but for what shows only between keys."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from cases import KNOWN, known
from hypothesis import given, settings
from hypothesis import strategies as st
from worked_patients import PATIENTS, facts

from metaspine.errors import CaseError
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_schema import case_schema

SCHEMA = case_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
BETWEEN_KEYS = (
    "are given",
    "a man",
    "complete deficit",
    "two lesions",
    "is stated, but",
    "at S",
    "longer than a lifetime",
)
"""What the reader says of contradictions, which a schema cannot state."""


def accepts(document: Any) -> bool:
    return CHECK.is_valid(document)


def reads(document: Any) -> bool | None:
    """Whether the reader accepts; None where it refuses a contradiction between keys."""
    try:
        case_from_document(document)
    except CaseError as error:
        return None if any(text in error.what for text in BETWEEN_KEYS) else False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_worked_patients_are_accepted(patient: dict[str, Any]) -> None:
    assert accepts(facts(patient))


@pytest.mark.parametrize(
    "change",
    [
        {"lesion__escc": ">3"},
        {"lesion__escc": 2},
        {"lesion__escc": "2c"},
        {"patient__kps": 75},
        {"patient__kps": 80.0},
        {"patient__age_years": 680},
        {"patient__age_years": 60.5},
        {"patient__age_years": "60"},
        {"patient__pregnant": 0},
        {"oncology__primary": None},
        {"lesion__prior_rt_at_level": True},
        {"lesion__prior_rt_at_level": {}},
        {"lesion__prior_rt_at_level": {"cord_dmax_gy": 3}},
        {"lesion__prior_rt_at_level": {"dose": 3}},
        {"lesion__structure": "lesion"},
        {"neuro__frankel": None},
    ],
    ids=str,
)
def test_schema_and_reader_agree_on(change: dict[str, Any]) -> None:
    assert accepts(known(**change)) == reads(known(**change))


@pytest.mark.parametrize("version", ["1.0", 1.0, 1, None, "2.0", 2, True, "1"])
def test_versions(version: Any) -> None:
    document = known() | {"version": version}
    assert accepts(document) == reads(document)


@pytest.mark.parametrize(
    "lesions",
    [
        {},
        {"lesion": None},
        {"lesion": {"level": "T1"}, "lesions": None},
        {"lesion": {"level": "T1"}, "lesions": [{"level": "T2"}]},
        {"lesions": []},
        {"lesions": [{"level": "T2"}]},
        {"lesion": {}},
        {"patients": {}, "lesion": {"level": "T1"}},
    ],
    ids=str,
)
def test_sections(lesions: dict[str, Any]) -> None:
    document = {"oncology": {"primary": "breast"}, **lesions}
    assert accepts(document) == reads(document)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 130)
    | st.floats(-2, 130).map(lambda number: round(number, 1))
    | st.sampled_from(
        ["none", "A", "E", "T8", "2", "2b", "mechanical", "lytic", "F", "unknown", "cEBRT", "local_pain", ""]
    )
    | st.dictionaries(
        st.sampled_from(["dose_gy", "fractions", "months_ago", "modality"]), st.integers(0, 40), max_size=2
    )
    | st.lists(st.sampled_from(["T8", "T9", "x"]), max_size=2)
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KNOWN)), st.data())
def test_schema_and_reader_agree(section: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(KNOWN[section])))
    document = known(**{f"{section}__{key}": data.draw(VALUES)})
    read = reads(document)
    assert accepts(document) == (read is not False)
