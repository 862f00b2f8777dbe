"""What cannot be true of a case is refused, what is odd is noted: each with its message."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from cases import KNOWN, known
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.assessment import advice_document, assess
from metaspine.errors import CaseError
from metaspine.evidence import entries
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_schema import LaboratorySection, OncologySection
from metaspine.exchange.date_checks import months_between
from metaspine.exchange.laboratory_checks import laboratory_values
from metaspine.patient.case import Case, ReadingNote


def document(**changes: Any) -> dict[str, Any]:
    """The known patient with changes in sections (section__key) and whole sections (of their name alone)."""
    written = known(**{key: value for key, value in changes.items() if key.split("__")[0] in KNOWN})
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if section not in KNOWN:
            written[section] = written.get(section, {}) | {name: value} if name else value
    return written


def case(**changes: Any) -> Case:
    return case_from_document(document(**changes))


def refused(**changes: Any) -> CaseError:
    with pytest.raises(CaseError) as caught:
        case(**changes)
    assert caught.value.remedy
    return caught.value


def noted(**changes: Any) -> tuple[ReadingNote, ...]:
    notes = case(**changes).notes
    assert all(note.evidence == "" or note.evidence in entries() for note in notes)
    return notes


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    [
        (
            {"neuro__presentation": "asymptomatic", "neuro__frankel": "A", "neuro__asia": None},
            "neuro.frankel",
            "Frankel A",
        ),
        ({"neuro__presentation": "asymptomatic", "neuro__frankel": "E", "neuro__asia": "A"}, "neuro.asia", "ASIA A"),
        (
            {"neuro__ambulatory": False, "neuro__walks_without_help": True},
            "neuro.walks_without_help",
            "is not ambulatory",
        ),
        (
            {"neuro__symptom_duration_days": 1_000_000},
            "neuro.symptom_duration_days",
            "1e+06 days are longer than a lifetime of a patient of 60 years",
        ),
        ({"neuro__symptom_duration_days": 22_327}, "neuro.symptom_duration_days", "22327 days are longer"),
        ({"neuro__days_to_motor_deficit": 30_000}, "neuro.days_to_motor_deficit", "30000 days are longer"),
        (
            {"patient__expected_survival_months": 99_999},
            "patient.expected_survival_months",
            "99999 months more are longer",
        ),
        ({"patient__expected_survival_months": 721}, "patient.expected_survival_months", "721 months more"),
        ({"oncology__months_since_primary_diagnosis": 733}, "oncology.months_since_primary_diagnosis", "733 months"),
        (
            {"oncology__months_from_diagnosis_to_metastasis": 1000},
            "oncology.months_from_diagnosis_to_metastasis",
            "1000 months",
        ),
        ({"lesion__prior_rt_at_level": {"months_ago": 800}}, "lesion.prior_rt_at_level.months_ago", "800 months"),
        (
            {"oncology__visceral_pattern": "nodular"},
            "oncology.visceral_pattern",
            "beside visceral_mets none and no brain",
        ),
        (
            {"oncology__visceral_pattern": "none", "oncology__visceral_mets": "removable"},
            "oncology.visceral_pattern",
            "none beside visceral_mets removable",
        ),
        (
            {"patient__comorbidities": ["diabetes", "dementia", "diabetes"]},
            "patient.comorbidities",
            "diabetes stands twice",
        ),
        ({"patient__frailty_findings": ["anaemia", "anaemia"]}, "patient.frailty_findings", "anaemia stands twice"),
        ({"lesion__sectors": [1, 2, 1]}, "lesion.sectors", "1 stands twice"),
        ({"lesion__wbb_zones": [12, 1, 12]}, "lesion.wbb_zones", "12 stands twice"),
        ({"lesion__wbb_layers": ["A", "A"]}, "lesion.wbb_layers", "A stands twice"),
        (
            {
                "postop__adverse_events": [
                    {"event": "death", "clavien_dindo": "V", "day": 21},
                    {"event": "pneumonia", "day": 22},
                ]
            },
            "postop.adverse_events[1].day",
            "pneumonia on day 22, after the death (grade V) of day 21",
        ),
        ({"lesion__collapse": None, "lesion__collapse_percent": 0}, "lesion.collapse_percent", "0 % does not say"),
        ({"lesion__collapse_percent": 60}, "lesion.collapse_percent", "60 % beside collapse lt50"),
        (
            {"lesion__collapse": "gt50", "lesion__collapse_percent": 49.9},
            "lesion.collapse_percent",
            "49.9 % beside collapse gt50",
        ),
        ({"lesion__collapse_percent": 101}, "lesion.collapse_percent", "101"),
        ({"lesion__collapse_percent": -1}, "lesion.collapse_percent", "-1"),
    ],
)
def test_what_cannot_be_true_is_refused(changes: dict[str, Any], key: str, what: str) -> None:
    error = refused(**changes)
    assert key in error.where
    assert what in error.what


@pytest.mark.parametrize(
    "changes",
    [
        {"neuro__presentation": "asymptomatic", "neuro__frankel": "A", "lesion__escc": "3"},
        {"neuro__symptom_duration_days": 22_326},
        {"patient__expected_survival_months": 720},
        {"oncology__months_since_primary_diagnosis": 732},
        {"neuro__ambulatory": True, "neuro__walks_without_help": False},
        {"oncology__visceral_pattern": "nodular", "oncology__brain_mets": True},
        {"oncology__visceral_pattern": "none"},
        {"patient__age_years": None, "patient__expected_survival_months": 1440},
        {
            "postop__adverse_events": [
                {"event": "pneumonia", "day": 21},
                {"event": "death", "clavien_dindo": "V", "day": 21},
                {"event": "of an unknown day"},
            ]
        },
    ],
    ids=str,
)
def test_what_is_just_possible_is_read(changes: dict[str, Any]) -> None:
    assert case(**changes)


def test_a_deficit_that_another_lesion_explains_is_not_refused() -> None:
    written = known(neuro__presentation="asymptomatic", neuro__asia="A")
    first = written.pop("lesion")
    lesions = [first, {"level": "L3", "escc": "1a"}]
    with pytest.raises(CaseError, match="a complete deficit"):
        case_from_document(written | {"lesions": lesions})
    lesions[0] = first | {"escc": "3"}
    assert case_from_document(written | {"lesions": lesions})


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"neuro__frankel": "C", "neuro__asia": None}, "neuro.frankel", "grade C, but no ESCC above 1c explains it"),
        ({"neuro__asia": "B", "neuro__frankel": "B"}, "neuro.asia", "write myelopathy or cauda_equina"),
        ({"patient__kps": 0, "patient__ecog": 4}, "patient.kps", "Karnofsky 0 means that the patient has died"),
        ({"patient__ecog": 5, "patient__kps": 10}, "patient.ecog", "ECOG 5 means that the patient has died"),
        ({"patient__pregnant": True}, "patient.pregnant", "pregnant at 60 years"),
        ({"patient__pregnant": True, "patient__age_years": 11}, "patient.pregnant", "pregnant at 11 years"),
        (
            {"lesion__contiguous_levels": 9},
            "lesion.contiguous_levels",
            "9 stated, but levels_involved holds only 1 in a row: the larger is followed",
        ),
        (
            {"lesion__levels_involved": ["T7", "T8"]},
            "lesion.contiguous_levels",
            "1 stated, but levels_involved holds more in a row",
        ),
        (
            {
                "patient__comorbidities": ["diabetes", "diabetes_with_organ_damage"],
                "patient__cci_excluding_metastasis": None,
            },
            "patient.comorbidities",
            "only the worse of the two counts",
        ),
        (
            {
                "patient__comorbidities": ["mild_liver_disease", "severe_liver_disease"],
                "patient__cci_excluding_metastasis": 3,
            },
            "patient.comorbidities",
            "mild_liver_disease beside severe_liver_disease",
        ),
        (
            {"patient__comorbidities": ["dementia"]},
            "patient.cci_excluding_metastasis",
            "a Charlson index of 0 is stated, but 1 comorbidities are listed",
        ),
        (
            {"patient__comorbidities": [], "patient__cci_excluding_metastasis": 5},
            "patient.cci_excluding_metastasis",
            "of 5 is stated, but 0",
        ),
        (
            {"oncology__visceral_pattern": "disseminated"},
            "oncology.visceral_pattern",
            "disseminated beside visceral_mets none",
        ),
        (
            {"oncology__visceral_pattern": "none", "oncology__brain_mets": True},
            "oncology.visceral_pattern",
            "none beside brain metastases",
        ),
        (
            {"oncology__organ_systems_with_metastases": 0, "oncology__visceral_mets": "removable"},
            "oncology.organ_systems_with_metastases",
            "0 beside visceral_mets removable",
        ),
        ({"oncology__primary": "unknown"}, "oncology.histology_confirmed", "handled as unproven"),
    ],
)
def test_what_is_odd_is_noted(changes: dict[str, Any], key: str, message: str) -> None:
    (note,) = noted(**changes)
    assert note.key == key
    assert message in note.message


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        (
            {"neuro__frankel": "A", "neuro__asia": None, "lesion__escc": "2"},
            "neuro.ambulatory",
            "a walking patient with a complete deficit (Frankel A)",
        ),
        (
            {
                "neuro__asia": "A",
                "neuro__frankel": "A",
                "neuro__ambulatory": None,
                "neuro__walks_without_help": True,
                "lesion__escc": "2",
            },
            "neuro.ambulatory",
            "a walking patient with a complete deficit (ASIA A)",
        ),
        (
            {"neuro__presentation": "clinical_cord_compression", "lesion__escc": "2"},
            "neuro.acute_cord_compression",
            "not acute beside a clinical cord compression",
        ),
        (
            {"lesion__level": "S4", "lesion__levels_involved": ["S4"], "lesion__escc": "1b"},
            "lesion.escc",
            "ESCC 1b at S4, below the thecal sac",
        ),
        (
            {"lesion__prior_rt_at_level": {"dose_gy": 8, "thecal_sac_dmax_gy": 13}},
            "lesion.prior_rt_at_level.thecal_sac_dmax_gy",
            "more than one and a half times the prescribed dose",
        ),
        (
            {"lesion__prior_rt_at_level": {"dose_gy": 8, "fractions": 2, "modality": "IORT"}},
            "lesion.prior_rt_at_level.fractions",
            "an intraoperative irradiation in several fractions",
        ),
    ],
)
def test_what_is_odd_of_a_lesion_and_its_neurology_is_noted(changes: dict[str, Any], key: str, message: str) -> None:
    (note,) = noted(**changes)
    assert note.key == key
    assert message in note.message


@pytest.mark.parametrize(
    "changes",
    [
        {"neuro__frankel": "D", "neuro__asia": "D"},
        {"neuro__frankel": "C", "neuro__asia": "C", "lesion__escc": None},
        {"patient__kps": 10, "patient__ecog": 4},
        {"patient__pregnant": True, "patient__age_years": 55},
        {"patient__comorbidities": ["dementia"], "patient__cci_excluding_metastasis": 1},
        {"patient__comorbidities": [], "patient__cci_excluding_metastasis": 4},
        {"patient__comorbidities": ["diabetes"], "patient__cci_excluding_metastasis": None},
    ],
    ids=str,
)
def test_what_is_not_odd_is_not_noted(changes: dict[str, Any]) -> None:
    assert noted(**changes) == ()


def test_a_deficit_without_compression_changes_no_answer() -> None:
    one, other = (
        case(neuro__asia="C", neuro__frankel=None),
        case(neuro__asia="C", neuro__frankel=None, lesion__escc="0"),
    )
    assert [note.evidence for note in one.notes] == ["DDX-01"]
    assert advice_document(assess(one)) == advice_document(assess(other))


@pytest.mark.parametrize(
    ("percent", "word", "notes"),
    [(50, "gt50", ["SINS-02"]), (50.1, "gt50", []), (100, "gt50", []), (49.9, "lt50", []), (0.1, "lt50", [])],
)
def test_a_collapse_in_percent(percent: float, word: str, notes: list[str]) -> None:
    for stated in (None, word):
        read = case(lesion__collapse=stated, lesion__collapse_percent=percent)
        assert read.lesions[0].collapse == word
        assert [note.evidence for note in read.notes] == notes
        assert all("exactly 50 %" in note.message for note in read.notes)


@pytest.mark.parametrize("word", ["none", "none_gt50_body"])
def test_no_collapse_in_percent_needs_the_word(word: str) -> None:
    assert case(lesion__collapse=word, lesion__collapse_percent=0).lesions[0].collapse == word
    remedy = refused(lesion__collapse=None, lesion__collapse_percent=0).remedy
    assert "collapse: none, or collapse: none_gt50_body" in remedy


@pytest.mark.parametrize(
    ("key", "value", "what", "remedy"),
    [
        (
            "albumin_g_dl",
            35,
            "35 g/dL is not possible; that looks like g/L",
            "35 g/L is 3.5 g/dL: write albumin_g_dl: 3.5",
        ),
        ("haemoglobin_g_dl", 120, "120 g/dL is not possible; that looks like g/L", "120 g/L is 12 g/dL"),
        (
            "corrected_calcium_mg_dl",
            2.4,
            "2.4 mg/dL is not possible; that looks like mmol/L",
            "2.4 mmol/L is 9.62 mg/dL",
        ),
        ("creatinine_mg_dl", 90, "90 mg/dL is not possible; that looks like umol/L", "90 umol/L is 1.02 mg/dL"),
        ("bilirubin_mg_dl", 100, "100 mg/dL is not possible; that looks like umol/L", "100 umol/L is 5.85 mg/dL"),
        ("c_reactive_protein_mg_dl", 120, "120 mg/dL is not possible; that looks like mg/L", "120 mg/L is 12 mg/dL"),
        (
            "platelets_1000_per_ul",
            150_000,
            "150000 thousand/uL is not possible; that looks like /uL",
            "150000 /uL is 150 thousand/uL",
        ),
        ("leukocytes_1000_per_ul", 8000, "that looks like /uL", "8000 /uL is 8 thousand/uL"),
        ("lactate_dehydrogenase_iu_l", 4, "that looks like ukat/L", "4 ukat/L is 240 IU/L"),
        ("alkaline_phosphatase_iu_l", 1.5, "that looks like ukat/L", "1.5 ukat/L is 90 IU/L"),
        ("albumin_g_dl", 350, "350 is not possible", "7"),
        ("albumin_g_dl", -1, "-1 is not possible", "0.5"),
        ("inr", 100, "100 is not possible", "20"),
    ],
)
def test_a_blood_value_in_another_unit(key: str, value: float, what: str, remedy: str) -> None:
    error = refused(**{f"laboratory__{key}": value})
    assert f"laboratory.{key}" in error.where
    assert what in error.what
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("albumin_g_dl", 6, "6 g/dL is unusual: check value and unit"),
        ("haemoglobin_g_dl", 20, "20 g/dL is unusual"),
        ("bilirubin_mg_dl", 17, "17 umol/L would be 0.994 mg/dL"),
        ("c_reactive_protein_mg_dl", 50, "50 mg/L would be 5 mg/dL"),
        ("platelets_1000_per_ul", 5, "5 thousand/uL is unusual"),
        ("inr", 10, "10 is unusual"),
    ],
)
def test_an_unusual_blood_value_is_noted(key: str, value: float, message: str) -> None:
    (note,) = noted(**{f"laboratory__{key}": value})
    assert (note.key, note.evidence) == (f"laboratory.{key}", "LAB-01")
    assert message in note.message


def test_more_white_cells_in_parts_than_together() -> None:
    parts = {"laboratory__lymphocytes_1000_per_ul": 2, "laboratory__neutrophils_1000_per_ul": 6}
    (note,) = noted(**parts, laboratory__leukocytes_1000_per_ul=7)
    assert "fewer than lymphocytes and neutrophils together (8)" in note.message
    assert noted(**parts, laboratory__leukocytes_1000_per_ul=8) == ()


def test_every_blood_value_has_its_unit_and_range() -> None:
    assert laboratory_values().keys() == LaboratorySection.model_fields.keys() - {"taken_on"}
    for key, known_value in laboratory_values().items():
        low, high = known_value["expected"]
        for bound in (low, high):
            assert noted(**{f"laboratory__{key}": bound}) == ()


MOLAR = {
    "corrected_calcium_mg_dl": 40.08,
    "bilirubin_mg_dl": 584.7,
    "creatinine_mg_dl": 113.1,
    "vitamin_d_ng_ml": 400.6,
    "haemoglobin_g_dl": 16114,
}
"""Molar masses in g/mol of LAB-02."""


def test_factors_follow_from_the_molar_masses() -> None:
    to_mg_dl = {"mmol/L": 1e-3 * 1e3 / 10, "umol/L": 1e-6 * 1e3 / 10}
    for key in ("corrected_calcium_mg_dl", "bilirubin_mg_dl", "creatinine_mg_dl"):
        ((unit, factor),) = laboratory_values()[key]["other_units"].items()
        assert factor == pytest.approx(MOLAR[key] * to_mg_dl[unit], rel=1e-3)
    assert laboratory_values()["vitamin_d_ng_ml"]["other_units"]["nmol/L"] == pytest.approx(0.4006)
    assert laboratory_values()["haemoglobin_g_dl"]["other_units"]["mmol/L"] == pytest.approx(16114e-3 / 10, rel=1e-3)


OUTSIDE = {"obtained_on": "2026-01-05", "source": "the web application"}


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("sorg_ml_90_day", 62, "Write a probability from 0 to 1; 62 % is 0.62"),
        ("metsss", 1.1, "Write a probability from 0 to 1"),
        ("rades_2008_survival", 19, "Write a total from 20 to 45"),
        ("rades_2008_survival", 46, "Write a total from 20 to 45"),
        ("rades_2008_ambulation", 20, "Write a total from 21 to 44"),
        ("rades_2008_ambulation", 45, "Write a total from 21 to 44"),
        ("rades_elderly", 24, "Write a total from 25 to 57"),
        ("rades_elderly", 58, "Write a total from 25 to 57"),
    ],
)
def test_a_score_from_outside_beyond_its_range(name: str, value: float, remedy: str) -> None:
    error = refused(scores_from_outside=[{"name": name, "value": value, **OUTSIDE}])
    assert f"{value:g} is not possible for {name}" in error.what
    assert "scores_from_outside[0].value" in error.where
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sorg_ml_1_year", 0),
        ("sorg_ml_1_year", 1),
        ("rades_2008_survival", 20),
        ("rades_2008_survival", 45),
        ("rades_2008_ambulation", 21),
        ("rades_2008_ambulation", 44),
        ("rades_elderly", 25),
        ("rades_elderly", 57),
    ],
)
def test_a_score_from_outside_at_the_ends_of_its_range(name: str, value: float) -> None:
    assert case(scores_from_outside=[{"name": name, "value": value, **OUTSIDE}]).scores_from_outside[0].value == value


def test_a_score_from_outside_stands_once() -> None:
    score = {"name": "metsss", "value": 0.3, **OUTSIDE}
    error = refused(scores_from_outside=[score, {**score, "value": 0.4}])
    assert "metsss stands twice" in error.what
    assert "scores_from_outside[1].name" in error.where


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("2026-02-30", "'2026-02-30' is no day of the calendar"),
        ("2026-13-01", "'2026-13-01' is no day of the calendar"),
        ("30.01.2026", "'30.01.2026' is no date"),
        ("2026-1-5", "'2026-1-5' is no date"),
        (20260105, "20260105 is no date"),
    ],
)
def test_what_is_no_date(written: Any, what: str) -> None:
    error = refused(assessed_on=written)
    assert "assessed_on" in error.where
    assert what in error.what
    assert error.remedy == "Write year-month-day, e.g. 2026-01-31"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"oncology__diagnosed_on": "2026-03-02"}, "oncology.diagnosed_on"),
        ({"oncology__metastasis_found_on": "2026-03-02"}, "oncology.metastasis_found_on"),
        ({"laboratory__taken_on": "2026-03-02"}, "laboratory.taken_on"),
        (
            {"scores_from_outside": [{"name": "metsss", "value": 0, "obtained_on": "2026-03-02", "source": "x"}]},
            "scores_from_outside[0].obtained_on",
        ),
    ],
)
def test_nothing_is_after_the_assessment(changes: dict[str, Any], key: str) -> None:
    error = refused(**changes, assessed_on="2026-03-01")
    assert key in error.where
    assert "2026-03-02 is after the assessment of 2026-03-01" in error.what
    assert case(**changes, assessed_on="2026-03-02")
    assert case(**changes)


def test_months_follow_from_the_dates_where_they_are_not_stated() -> None:
    dates = {"oncology__diagnosed_on": "2023-05-04", "oncology__metastasis_found_on": "2024-05-04"}
    read = case(**dates, assessed_on="2025-11-04")
    assert read.oncology.months_since_primary_diagnosis == 30
    assert read.oncology.months_from_diagnosis_to_metastasis == 12
    assert [(note.key, note.message, note.evidence) for note in read.notes] == [
        ("oncology.months_since_primary_diagnosis", "30 months, from the dates", "DATE-01"),
        ("oncology.months_from_diagnosis_to_metastasis", "12 months, from the dates", "DATE-01"),
    ]
    stated = case(**dates, assessed_on="2025-11-04", oncology__months_since_primary_diagnosis=29)
    assert stated.oncology.months_since_primary_diagnosis == 29
    error = refused(**dates, assessed_on="2025-11-04", oncology__months_since_primary_diagnosis=28.9)
    assert "28.9 months are stated, but the dates make 30" in error.what
    assert "oncology.months_since_primary_diagnosis" in error.where


def test_a_metastasis_found_before_its_primary_is_noted() -> None:
    (note,) = noted(oncology__diagnosed_on="2026-01-20", oncology__metastasis_found_on="2026-01-10")
    assert "the metastasis was found (2026-01-10) before the primary" in note.message


def test_blood_taken_long_before_is_noted() -> None:
    assert noted(laboratory__taken_on="2026-01-01", assessed_on="2026-04-01") == ()
    (note,) = noted(laboratory__taken_on="2025-12-31", assessed_on="2026-04-01")
    assert "91 days before the assessment" in note.message


def test_a_diagnosis_older_than_the_patient() -> None:
    error = refused(oncology__diagnosed_on="1926-01-01", assessed_on="2026-01-01")
    assert "1200 months are longer than a lifetime of a patient of 60 years" in error.what


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2024, 2, 29), date(2024, 2, 29), 0),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 1, 31), date(2024, 2, 29), 1),
        (date(2024, 1, 31), date(2024, 3, 1), 1.03),
        (date(2024, 1, 1), date(2024, 1, 16), 0.48),
        (date(2023, 5, 4), date(2025, 11, 5), 30.03),
        (date(2023, 5, 4), date(2025, 11, 3), 29.97),
    ],
)
def test_calendar_months(start: date, end: date, months: float) -> None:
    assert months_between(start, end) == pytest.approx(months, abs=0.01)


DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(DAYS, DAYS)
def test_months_grow_with_the_days(one: date, other: date) -> None:
    start, end = sorted((one, other))
    months = months_between(start, end)
    assert abs(months - (end - start).days / 30.4375) < 2
    assert months == 0 or end > start


VALUES = (
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(-1, 500) | st.dates().map(str) | st.text(max_size=4)
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(LaboratorySection.model_fields)), VALUES, max_size=4),
    st.dictionaries(st.sampled_from(sorted(OncologySection.model_fields)), VALUES, max_size=3),
    VALUES,
)
def test_whatever_the_values_a_case_or_one_message(
    laboratory: dict[str, Any], oncology: dict[str, Any], assessed_on: Any
) -> None:
    written = known() | {"laboratory": laboratory, "assessed_on": assessed_on}
    written["oncology"] |= oncology
    with suppress(CaseError):
        assert case_from_document(written).lesions
