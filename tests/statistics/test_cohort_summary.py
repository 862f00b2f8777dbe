"""Summaries against the cohorts as they were printed and recomputed (the vectors KRAUSS-SUMMARY and KYPHO-SUMMARY)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaspine.errors import InputError
from metaspine.statistics import summarised

HERE = Path(__file__).parent
DOCUMENT = json.loads((HERE.parent / "assessment" / "data" / "unit_vectors.json").read_text(encoding="utf-8"))
VECTORS = {vector["id"]: vector["expected"] for vector in DOCUMENT["vectors"] if vector["function"] == "cohort_summary"}
WITHIN = 0.01


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(column: str) -> list[float | None]:
    """A column of the patients; lost to follow-up (LTF) is not known."""
    cells = [row[column] for row in rows("krauss2024_patients.csv")]
    return [None if cell == "LTF" else float(cell) for cell in cells]


def krauss() -> dict[str, Any]:
    age, sins = summarised(numbers("age_y")), summarised(numbers("sins"))
    stay, follow_up = summarised(numbers("los_min")), summarised(numbers("follow_up_d"))
    events = rows("krauss2024_adverse_events.csv")
    return {
        "n": age.number,
        "age_mean": age.mean,
        "age_sd": age.standard_deviation,
        "sins_median": sins.median,
        "sins_mean": sins.mean,
        "sins_q1": sins.lower_quartile,
        "sins_q3": sins.upper_quartile,
        "los_mean": stay.mean,
        "los_sd": stay.standard_deviation,
        "fu_n": follow_up.number,
        "fu_mean": follow_up.mean,
        "fu_sd": follow_up.standard_deviation,
        "ae_patients": len({event["pat"] for event in events}),
        "ae_events": len(events),
        "ae_events_le30d": sum(int(event["time_after_surgery_d"]) <= 30 for event in events),
        "deaths": sum(event["cdg"] == "5" for event in events),
    }


def kypho() -> dict[str, Any]:
    entities = rows("kypho_iort_entities.csv")
    patients, vertebrae, recurrences = (
        sum(int(entity[column]) for entity in entities)
        for column in ("patients_n", "vertebrae_n", "local_recurrences_n")
    )
    return {
        "patients": patients,
        "vertebrae": vertebrae,
        "recurrences": recurrences,
        "crude_lc_pct": 100 * (1 - recurrences / vertebrae),
    }


@pytest.mark.parametrize(("name", "found"), [("KRAUSS-SUMMARY", krauss()), ("KYPHO-SUMMARY", kypho())])
def test_the_published_cohort(name: str, found: dict[str, Any]) -> None:
    expected = VECTORS[name]
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=WITHIN, rel=0), key


def test_quartiles_lie_at_the_places_n_plus_one_p() -> None:
    found = summarised([1, 2, 3, 4, 5, 6])
    assert (found.lower_quartile, found.median, found.upper_quartile) == (1.75, 3.5, 5.25)


def test_one_value_has_no_spread() -> None:
    found = summarised([None, 7.0])
    assert (found.number, found.mean, found.standard_deviation, found.median) == (1, 7.0, None, 7.0)


@pytest.mark.parametrize(
    ("values", "what"), [([], "no known value"), ([None], "no known value"), ([1, float("nan")], "not finite")]
)
def test_what_cannot_be_summarised_is_refused(values: list[float | None], what: str) -> None:
    with pytest.raises(InputError, match=what):
        summarised(values)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1).filter(any))
def test_the_parts_keep_their_order_and_the_order_of_patients_is_nothing(values: list[float | None]) -> None:
    found = summarised(values)
    assert found.least <= found.lower_quartile <= found.median <= found.upper_quartile <= found.most
    again = summarised(values[::-1])
    assert (again.median, again.number) == (found.median, found.number)
    assert again.mean == pytest.approx(found.mean)
