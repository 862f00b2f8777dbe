"""What a score says beside its total: how much each unknown key decides, its limits, its single warnings (RULES A)."""

from __future__ import annotations

from typing import Any

import pytest
from score_cases import scored

from metaspine.assessment.scoring import about, score_names

PAIN = {"pain_before_nrs": 6, "pain_after_nrs": 6, "opioids_before_mg_day": 100, "opioids_after_mg_day": 100}


def narrowing(name: str, **facts: Any) -> dict[str, float]:
    return {entry.key: entry.width for entry in scored(name, **facts).narrowing}


@pytest.mark.parametrize(
    ("name", "key", "grades"),
    [
        ("frankel", "neuro.frankel", 5),
        ("ais", "neuro.asia", 5),
        ("clavien_dindo", "postop.adverse_events", 8),
        ("tomita_type", "lesion.tomita_type", 7),
    ],
)
def test_an_unknown_grade_narrows_all_grades_to_one(name: str, key: str, grades: int) -> None:
    assert narrowing(name) == {key: grades - 1}


def test_epidural_disease_leaves_four_types_and_an_event_without_a_grade_seven_grades() -> None:
    assert narrowing("tomita_type", lesion__escc="1a") == {"lesion.tomita_type": 3}
    event = {"event": "fever", "clavien_dindo": None, "day": 1}
    assert narrowing("clavien_dindo", postop={"adverse_events": [event]}) == {"postop.adverse_events": 6}


@pytest.mark.parametrize(
    ("grade", "place"), [("I", 1), ("II", 2), ("IIIa", 3), ("IIIb", 4), ("IVa", 5), ("IVb", 6), ("V", 7)]
)
def test_the_grades_of_adverse_events_in_their_order(grade: str, place: int) -> None:
    event = {"event": "fever", "clavien_dindo": grade, "day": 1}
    assert scored("clavien_dindo", postop={"adverse_events": [event]}).items == {"fever": place}


@pytest.mark.parametrize(
    ("unknown", "left", "width"),
    [
        # Same opioids, pain 6 before: after 0 complete, to 4 partial, 5 to 7 indeterminate, from 8 progression.
        (
            "pain_after_nrs",
            ("complete_response", "partial_response", "pain_progression", "indeterminate_response"),
            3,
        ),
        # Same pain: a quarter less opioids is partial, a quarter more is progression, between them nothing is told.
        ("opioids_after_mg_day", ("partial_response", "pain_progression", "indeterminate_response"), 2),
        ("opioids_before_mg_day", ("partial_response", "pain_progression", "indeterminate_response"), 2),
        # Pain 6 after: before it 8 or more is partial, 5 to 7 indeterminate, 4 or less progression.
        ("pain_before_nrs", ("partial_response", "pain_progression", "indeterminate_response"), 2),
    ],
)
def test_what_one_unknown_value_leaves_of_the_response(unknown: str, left: tuple[str, ...], width: float) -> None:
    found = scored("pain_response", response=PAIN | {unknown: None})
    assert found.meanings == left
    assert {entry.key: entry.width for entry in found.narrowing} == {f"response.{unknown}": width}


def test_a_response_that_is_settled_waits_for_nothing() -> None:
    # More opioids by a quarter and two points more pain is none of the responses, however much more they are.
    found = scored("pain_response", response=PAIN | {"pain_after_nrs": 3, "opioids_before_mg_day": 0})
    assert (found.meaning, found.narrowing) == ("indeterminate_response", ())
    still = scored("pain_response", response=PAIN | {"pain_after_nrs": 0, "pain_before_nrs": None})
    assert "complete_response" in still.meanings


FRACTURE = ("The fracture is read from the collapse of the body.",)
NO_FRACTURE = ("That there is no fracture is read from the body not being collapsed.",)


@pytest.mark.parametrize(
    ("fractured", "collapse", "said"),
    [
        (None, "gt50", FRACTURE),
        (None, "lt50", FRACTURE),
        (None, "none_gt50_body", NO_FRACTURE),
        (None, "none", NO_FRACTURE),
        (None, None, ()),
        (True, "gt50", ()),
        (False, "none", ()),
    ],
)
def test_a_fracture_that_is_read_from_the_collapse(
    fractured: bool | None, collapse: str | None, said: tuple[str, ...]
) -> None:
    found = scored("bauer_original", lesion={"level": "T8", "pathological_fracture": fractured, "collapse": collapse})
    assert found.warnings == ("Higher is better, the opposite of Tomita.", *said)


@pytest.mark.parametrize(
    ("primary", "disease", "warned"),
    [
        ("lymphoma", "lymphoma", True),
        ("leukemia", "leukaemia", True),
        ("leukemia", "lymphoma", False),
        ("lymphoma", "leukaemia", False),
        ("breast", "lymphoma", False),
        ("unknown", "leukaemia", False),
        ("lymphoma", "dementia", False),
    ],
)
def test_the_cancer_of_the_case_counted_as_another_disease(primary: str, disease: str, warned: bool) -> None:
    found = scored("charlson", oncology__primary=primary, patient__comorbidities=[disease])
    assert any("check that it is not the same" in warning for warning in found.warnings) is warned


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("sins", 0, 18),
        ("tokuhashi_1990", 0, 12),
        ("tokuhashi_revised", 0, 15),
        ("tomita", 2, 10),
        ("bauer_original", 0, 5),
        ("bauer_modified", 0, 4),
        ("nesms", 0, 3),
        ("katagiri_2014", 0, 10),
        ("osri", 1, 7),
        ("rades_2008_survival", 20, 45),
        ("rades_2008_ambulation", 21, 44),
        ("rades_bsc_2013", 6, 25),
        ("rades_elderly", 25, 57),
        ("van_der_linden", 0, 6),
        ("mfi5", 0, 5),
        ("nrs", 0, 10),
        ("sorg_ml_90_day", 0, 1),
        ("sorg_ml_1_year", 0, 1),
        ("metsss", 0, 1),
    ],
)
def test_the_range_of_a_score(name: str, least: float, most: float) -> None:
    assert about(name).range == (least, most)


SLIDERS = {
    "ecog": "0 to 4",
    "body_mass_index": "15 to 45 kg/m2",
    "haemoglobin": "7 to 17 g/dL",
    "platelets": "20 to 900 1000/uL",
    "lymphocytes": "0.06 to 4.5 1000/uL",
    "neutrophils": "0.8 to 60 1000/uL",
    "creatinine": "0.3 to 6 mg/dL",
    "inr": "0.9 to 2.1",
    "leukocytes": "2 to 50 1000/uL",
    "alkaline_phosphatase": "30 to 1200 IU/L",
    "albumin": "2.1 to 5.2 g/dL",
}


@pytest.mark.parametrize("name", ["sorg_ml_90_day", "sorg_ml_1_year"])
def test_the_limits_of_the_inputs_are_printed(name: str) -> None:
    printed = {item.name: limits for item in about(name).items for _, limits in item.points if limits}
    assert printed == SLIDERS


BANDS = {
    "sins": "0 to 6; 7 to 12; 13 to 18",
    "tokuhashi_1990": "0 to 5; 6 to 8; 9 to 12",
    "tokuhashi_revised": "0 to 8; 9 to 11; 12 to 15",
    "tomita": "2 to 3; 4 to 5; 6 to 7; 8 to 10",
    "bauer_original": "0 to 1; 2 to 3; 4 to 5",
    "bauer_modified": "0 to 1; 2; 3 to 4",
    "nesms": "0; 1; 2; 3",
    "katagiri_2014": "0 to 3; 4 to 6; 7 to 10",
    "rades_2008_survival": "20 to 25; 26 to 30; 31 to 35; 36 to 40; 41 to 45",
    "rades_2008_ambulation": "21 to 28; 29 to 31; 32 to 34; 35 to 37; 38 to 44",
    "rades_bsc_2013": "6 to 18; 19 to 25",
    "rades_elderly": "25 to 39; 40 to 48; 49 to 57",
    "van_der_linden": "0 to 3; 4 to 5; 6",
    "prism": "0 or less; 1 to 3; 4 to 7; 8 or more",
    "mfi5": "0; 1; 2 to 5",
    "mstfi": "0; 1; 2; 3 to 9",
    "nrs": "0; 1 to 3; 4 to 6; 7 to 10",
    "ecog": "0; 1; 2; 3; 4; 5",
    "kps": "0; 10; 20; 30; 40; 50; 60; 70; 80; 90; 100",
}


@pytest.mark.parametrize("name", BANDS)
def test_the_bands_as_they_are_printed(name: str) -> None:
    assert "; ".join(band.totals for band in about(name).bands) == BANDS[name]


HIGHER_IS_BETTER = (
    "tokuhashi_1990 tokuhashi_revised bauer_original bauer_modified nesms rades_2008_survival rades_2008_ambulation "
    "rades_elderly van_der_linden prism kps"
)
LOWER_IS_BETTER = "tomita katagiri_2014 osri rades_bsc_2013 sins charlson mfi5 mstfi ecog nrs vcf_relative_hazard"


def test_which_way_a_score_counts() -> None:
    better = {name: about(name).higher_is_better for name in score_names()}
    assert {name for name, higher in better.items() if higher is True} == set(HIGHER_IS_BETTER.split())
    assert {name for name, higher in better.items() if higher is False} == set(LOWER_IS_BETTER.split())


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("tokuhashi_1990", 1),  # colon is another tumour, 1; rectum 2
        ("tokuhashi_revised", 2),  # colon is another tumour, 2; rectum 4
        ("bauer_modified", 0),
        ("bauer_original", 0),
        ("katagiri_2014", 0),
        ("osri", 0),
        ("rades_bsc_2013", 0),
        ("van_der_linden", 0),
    ],
)
def test_a_colorectal_primary_is_colon_or_rectum(name: str, apart: int) -> None:
    colon, rectum, either = (
        scored(name, oncology__primary=primary).reachable or () for primary in ("colon", "rectum", "colorectal")
    )
    assert (rectum[0] - colon[0], rectum[1] - colon[1]) == (apart, apart)
    assert either == (colon[0], rectum[1])


@pytest.mark.parametrize(("kps", "open_in_the_paper"), [(80, False), (60, False), (50, True)])
def test_what_a_publication_leaves_open_is_named_only_where_it_matters(kps: int, open_in_the_paper: bool) -> None:
    evidence = scored("prism", patient__kps=kps).basis.evidence
    assert ("SCORE-PRISM-02" in evidence) is open_in_the_paper
