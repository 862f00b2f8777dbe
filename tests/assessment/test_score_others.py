"""Scores of a shape of their own, those that stay off or come from outside, and what must stand beside a score."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from cases import KNOWN
from hypothesis import given
from hypothesis import strategies as st
from score_cases import case_of, scored

from metaspine.assessment.clinical_target import clinical_target
from metaspine.assessment.pain_response import response_of
from metaspine.assessment.scoring import score, score_names, scores_of_lesion, scores_of_patient
from metaspine.assessment.special_scores import contiguous_zones
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.case import ScoreFromOutside
from metaspine.patient.scoring import Scored

OUTSIDE = {"obtained_on": "2026-01-31", "source": "the application"}


def given_from_outside(name: str, value: float) -> Scored:
    return scored(name, scores_from_outside=[{"name": name, "value": value, **OUTSIDE}])


def made_in_python(name: Any, *values: tuple[float, date]) -> Scored:
    """A score of a case that did not pass the reader's checks."""
    given = tuple(ScoreFromOutside(name, value, day, "its calculator") for value, day in values)
    case = replace(case_of(), scores_from_outside=given)
    return score(name, case, case.lesions[0])


@pytest.mark.parametrize("name", ["rades_2008_survival", "sorg_classic", "spino"])
def test_what_is_off_never_has_a_total_and_says_why(name: str) -> None:
    complete = case_from_document(KNOWN)
    found = {**scores_of_patient(complete), **scores_of_lesion(complete, complete.lesions[0])}[name]
    assert (found.total, found.meaning, found.reachable, found.survival) == (None, None, None, "")
    assert found.state in ("switched_off", "not_applicable")
    assert len(found.because) > 30


def test_a_total_of_a_score_that_is_off_is_quoted_only() -> None:
    found = given_from_outside("rades_2008_survival", 33)
    assert (found.state, found.total, found.survival) == ("switched_off", None, "")
    assert "[R-L]" in found.because
    assert found.warnings == ("33 was obtained on 2026-01-31 from the application: not interpreted.",)


EXTERNAL = ("sorg_ml_90_day", "sorg_ml_1_year", "metsss", "rades_2008_ambulation", "rades_elderly")


@pytest.mark.parametrize("name", EXTERNAL)
def test_what_is_not_public_is_never_computed(name: str) -> None:
    complete = case_from_document(KNOWN)
    found = scores_of_patient(complete)[name]
    assert (found.state, found.total, found.meaning) == ("external", None, None)
    assert "scores_from_outside" in found.because


@pytest.mark.parametrize(
    ("name", "value", "survival"),
    [
        ("sorg_ml_90_day", 0.62, ""),
        ("sorg_ml_1_year", 1, ""),
        ("metsss", 0, ""),
        ("rades_2008_ambulation", 28, "6 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 29, "44 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 31, "44 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 32, "70 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 35, "86 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 37, "86 % walk after radiotherapy [V]"),
        ("rades_2008_ambulation", 38, "99 % walk after radiotherapy [V]"),
        ("rades_elderly", 25, "6 months 11 % [V]"),
        ("rades_elderly", 39, "6 months 11 % [V]"),
        ("rades_elderly", 40, "6 months 56 % [V]"),
        ("rades_elderly", 49, "6 months 97 % [V]"),
    ],
)
def test_what_was_obtained_elsewhere_is_taken_over_with_date_and_origin(name: str, value: float, survival: str) -> None:
    found = given_from_outside(name, value)
    assert (found.state, found.total, found.survival, found.because) == ("external", value, survival, "")
    assert f"{value:g} was obtained on 2026-01-31 from the application; not computed by metaspine." in found.warnings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sorg_ml_90_day", 62, "not a probability from 0 to 1"),
        ("rades_2008_ambulation", 20, "not a whole total from 21 to 44"),
        ("rades_2008_ambulation", 45, "not a whole total from 21 to 44"),
        ("rades_elderly", 30.5, "not a whole total from 25 to 57"),
    ],
)
def test_an_impossible_value_from_outside_is_not_taken(name: str, value: float, says: str) -> None:
    found = made_in_python(name, (value, date(2026, 1, 31)))
    assert (found.total, found.meaning) == (None, None)
    assert says in found.because


def test_the_latest_value_from_outside_counts() -> None:
    found = made_in_python("metsss", (0.2, date(2026, 1, 2)), (0.3, date(2026, 2, 1)), (0.1, date(2025, 12, 1)))
    assert found.total == 0.3


def test_ecog_5_is_no_input_of_the_sorg_application() -> None:
    for name in ("sorg_ml_90_day", "sorg_ml_1_year"):
        assert [bool(scored(name, patient__ecog=ecog).warnings) for ecog in (0, 4, 5)] == [False, False, True]


SLIDERS = [
    ("patient__body_mass_index_kg_m2", 15, 45),
    ("laboratory__haemoglobin_g_dl", 7, 17),
    ("laboratory__platelets_1000_per_ul", 20, 900),
    ("laboratory__lymphocytes_1000_per_ul", 0.06, 4.5),
    ("laboratory__neutrophils_1000_per_ul", 0.8, 60),
    ("laboratory__creatinine_mg_dl", 0.3, 6),
    ("laboratory__inr", 0.9, 2.1),
    ("laboratory__leukocytes_1000_per_ul", 2, 50),
    ("laboratory__alkaline_phosphatase_iu_l", 30, 1200),
    ("laboratory__albumin_g_dl", 2.1, 5.2),
]


@pytest.mark.parametrize(("key", "least", "most"), SLIDERS)
def test_the_limits_of_the_sorg_application(key: str, least: float, most: float) -> None:
    for name in ("sorg_ml_90_day", "sorg_ml_1_year"):
        beyond = [value for value in (least, most) if scored(name, **{key: value}).warnings]
        assert beyond == []
        for value in (least - 0.001, most + 0.001):
            (said,) = scored(name, **{key: value}).warnings
            assert f"beyond what the application takes, {least:g} to {most:g}" in said
        assert key.replace("__", ".") not in scored(name, **{key: least}).basis.missing
        assert key.replace("__", ".") in scored(name).basis.missing


CHARLSON = {
    "myocardial_infarction": 1,
    "heart_failure": 1,
    "peripheral_vascular_disease": 1,
    "cerebrovascular_disease": 1,
    "dementia": 1,
    "chronic_lung_disease": 1,
    "connective_tissue_disease": 1,
    "peptic_ulcer": 1,
    "mild_liver_disease": 1,
    "diabetes": 1,
    "hemiplegia": 2,
    "renal_disease": 2,
    "diabetes_with_organ_damage": 2,
    "other_cancer": 2,
    "leukaemia": 2,
    "lymphoma": 2,
    "severe_liver_disease": 3,
    "other_metastatic_cancer": 6,
    "aids": 6,
}


@pytest.mark.parametrize(("disease", "points"), CHARLSON.items())
def test_charlson(disease: str, points: int) -> None:
    found = scored("charlson", patient={"age_years": 45, "comorbidities": [disease]})
    assert found.total == points
    assert (found.meaning == "charlson_2_or_more") is (points >= 2)


@pytest.mark.parametrize(
    ("milder", "graver", "points"),
    [
        ("diabetes", "diabetes_with_organ_damage", 2),
        ("mild_liver_disease", "severe_liver_disease", 3),
        ("other_cancer", "other_metastatic_cancer", 6),
    ],
)
def test_of_two_grades_of_a_disease_one_counts(milder: str, graver: str, points: int) -> None:
    assert scored("charlson", patient={"age_years": 45, "comorbidities": [milder, graver]}).total == points


def test_the_cancer_of_the_case_is_not_counted_and_no_disease_is_zero() -> None:
    assert scored("charlson", patient={"age_years": 45, "comorbidities": []}).total == 0
    assert scored("charlson", patient={"age_years": 45}).total is None


def test_age_alone_does_not_reach_the_threshold() -> None:
    found = scored("charlson", patient={"age_years": 65, "comorbidities": ["dementia"]})
    assert (found.total, found.meaning) == (3, "charlson_below_2")
    assert any(warning.startswith("Without the points for age it is 1") for warning in found.warnings)


@pytest.mark.parametrize(("stated", "disagrees"), [(1, False), (3, False), (4, True), (0, True)])
def test_a_stated_index_against_the_diseases(stated: int, disagrees: bool) -> None:
    patient = {"age_years": 65, "comorbidities": ["dementia"], "cci_excluding_metastasis": stated}
    found = scored("charlson", patient=patient)
    assert any(f"An index of {stated} is stated" in warning for warning in found.warnings) is disagrees


def test_the_same_disease_as_the_case_is_questioned() -> None:
    found = scored("charlson", oncology__primary="lymphoma", patient__comorbidities=["lymphoma"])
    assert any("not the same" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("findings", "total", "meaning"),
    [
        ([], 0, "not_frail"),
        (["anaemia"], 1, "mildly_frail"),
        (["anaemia", "malnutrition"], 2, "moderately_frail"),
        (["anaemia", "malnutrition", "renal_failure"], 3, "severely_frail"),
    ],
)
def test_mstfi(findings: list[str], total: int, meaning: str) -> None:
    found = scored("mstfi", patient__frailty_findings=findings)
    assert (found.total, found.meaning) == (total, meaning)
    assert any("check before use" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("nrs", "meaning"),
    [(0, "none"), (1, "mild"), (3, "mild"), (4, "moderate"), (6, "moderate"), (7, "severe"), (10, "severe")],
)
def test_pain_bands(nrs: int, meaning: str) -> None:
    assert scored("nrs", lesion__nrs=nrs).meaning == f"pain_{meaning}"


@pytest.mark.parametrize(
    ("kps", "ecog"), [(100, 0), (90, 0), (80, 1), (70, 1), (60, 2), (50, 2), (40, 3), (30, 3), (20, 4), (10, 4)]
)
def test_the_mapping_of_performance_status_fills_nothing(kps: int, ecog: int) -> None:
    by_kps, by_ecog = scored("kps", patient__kps=kps), scored("ecog", patient__ecog=ecog)
    assert any(f"ECOG {ecog};" in warning for warning in by_kps.warnings)
    assert any("fills nothing" in warning for warning in by_ecog.warnings)
    assert scored("ecog", patient__kps=kps).total is None
    assert scored("kps", patient__ecog=ecog).total is None


@pytest.mark.parametrize("name", ["frankel", "ais"])
def test_a_root_palsy_is_never_d(name: str) -> None:
    key = {"frankel": "frankel", "ais": "asia"}[name]
    with_root = scored(name, neuro={key: "D", "functional_radiculopathy": True})
    assert any("never D" in warning for warning in with_root.warnings)
    assert not scored(name, neuro={key: "E", "functional_radiculopathy": True}).warnings
    assert not scored(name, neuro={key: "D", "functional_radiculopathy": False}).warnings


def events(*grades: str | None, day: int = 3) -> list[dict[str, Any]]:
    return [
        {"event": f"event {place}", "clavien_dindo": grade, "day": day} for place, grade in enumerate(grades) if True
    ]


@pytest.mark.parametrize(
    ("found", "meaning"),
    [
        ([], "clavien_none"),
        (events("I"), "clavien_i"),
        (events("IIIb", "II"), "clavien_iiib"),
        (events("IVa", "IVb", "IIIa"), "clavien_ivb"),
        (events("V"), "clavien_v"),
    ],
)
def test_the_worst_complication_counts(found: list[dict[str, Any]], meaning: str) -> None:
    assert scored("clavien_dindo", postop={"adverse_events": found}).meaning == meaning


def test_an_event_without_a_grade_leaves_the_worse_ones() -> None:
    found = scored("clavien_dindo", postop={"adverse_events": events("IVb", None)})
    assert (found.meaning, found.meanings) == (None, ("clavien_ivb", "clavien_v"))
    alone = scored("clavien_dindo", postop={"adverse_events": events(None)})
    assert "clavien_none" not in alone.meanings
    late = scored("clavien_dindo", postop={"adverse_events": events("II", day=31)})
    assert any("beyond the 30 days" in warning for warning in late.warnings)
    assert not scored("clavien_dindo", postop={"adverse_events": events("II", day=30)}).warnings


def test_epidural_disease_implies_type_4() -> None:
    assert scored("tomita_type", lesion__escc="1a").meanings == tuple(f"tomita_type_{n}" for n in (4, 5, 6, 7))
    assert len(scored("tomita_type", lesion__escc="0").meanings) == 7
    inconsistent = scored("tomita_type", lesion={"level": "T8", "escc": "1a", "tomita_type": 3})
    assert any("inconsistent" in warning for warning in inconsistent.warnings)
    assert "TOMITA-04" in inconsistent.basis.evidence
    assert not scored("tomita_type", lesion={"level": "T8", "escc": "1a", "tomita_type": 4}).warnings
    assert not scored("tomita_type", lesion={"level": "T8", "escc": "0", "tomita_type": 1}).warnings


@pytest.mark.parametrize(
    ("zones", "together"),
    [
        ((5,), True),
        ((4, 5, 6), True),
        ((11, 12, 1), True),
        ((12, 1, 2, 11), True),
        ((1, 3), False),
        ((12, 2), False),
        (tuple(range(1, 13)), True),
        ((1, 2, 6, 7), False),
    ],
)
def test_zones_are_contiguous_around_the_vertebra(zones: tuple[int, ...], together: bool) -> None:
    assert contiguous_zones(zones) is together
    found = scored("wbb", lesion={"level": "T8", "wbb_zones": list(zones), "wbb_layers": ["B", "C"]})
    assert found.meaning == ("wbb_contiguous" if together else "wbb_separate")
    assert "layer B" in found.items


@given(st.sets(st.integers(1, 12), min_size=1), st.integers(0, 11))
def test_turning_the_zones_changes_nothing(zones: set[int], turn: int) -> None:
    turned = tuple((zone - 1 + turn) % 12 + 1 for zone in zones)
    assert contiguous_zones(turned) is contiguous_zones(tuple(zones))


BODY = {"body"}
LEFT = {part: f"left_{part}" for part in ("pedicle", "transverse_process", "lamina")}
RIGHT = {part: f"right_{part}" for part in ("pedicle", "transverse_process", "lamina")}


@pytest.mark.parametrize(
    ("sectors", "volume"),
    [
        ([1, 2], BODY | set(LEFT.values())),
        ([1, 6], BODY | set(RIGHT.values())),
        ([1, 2, 6], BODY | set(LEFT.values()) | set(RIGHT.values())),
        ([2], set(LEFT.values())),
        ([6], set(RIGHT.values())),
        ([3], set(LEFT.values()) | {"spinous_process"}),
        ([5], set(RIGHT.values()) | {"spinous_process"}),
        ([4], {"spinous_process", "left_lamina", "right_lamina"}),
    ],
)
def test_clinical_target_volumes(sectors: list[int], volume: set[str]) -> None:
    (row,) = clinical_target(case_of(lesion__sectors=sectors).lesions[0]).rows
    assert set(row.parts) == volume
    assert row.optional == (("body",) if sectors in ([2], [6]) else ())


def mirrored(part: str) -> str:
    side, _, rest = part.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, part)


@pytest.mark.parametrize("sectors", [[1, 2], [2], [3], [1, 2, 6], [4], [1]])
def test_left_and_right_are_mirrors(sectors: list[int]) -> None:
    other = [{2: 6, 6: 2, 3: 5, 5: 3}.get(sector, sector) for sector in sectors]
    one, two = (clinical_target(case_of(lesion__sectors=each).lesions[0]) for each in (sectors, other))
    assert {frozenset(map(mirrored, row.parts)) for row in one.rows} == {frozenset(row.parts) for row in two.rows}
    assert {mirrored(part) for part in one.involved} == set(two.involved)


def test_the_body_alone_has_four_rows_and_others_none() -> None:
    found = scored("isrc_sectors", lesion__sectors=[1])
    assert (found.meaning, len(found.meanings)) == (None, 4)
    assert "one side of the body or is diffuse" in found.because
    none = scored("isrc_sectors", lesion__sectors=[2, 4])
    assert (none.state, none.meanings) == ("not_applicable", ())
    assert "no row for these sectors" in none.because


@pytest.mark.parametrize(
    ("lesion", "epidural", "circumferential"),
    [
        ({"sectors": [1], "epidural_extent": "none"}, False, False),
        ({"sectors": [1], "epidural_extent": "partial"}, True, False),
        ({"sectors": [1], "epidural_extent": "circumferential"}, True, True),
        ({"sectors": [1, 2, 4, 6], "epidural_extent": "none"}, False, True),
        ({"sectors": [1, 3, 4, 5], "epidural_extent": "none"}, False, True),
        ({"sectors": [1, 2, 6], "epidural_extent": "none"}, False, False),
        ({"sectors": [1, 3, 5], "epidural_extent": "none"}, False, False),
        ({"sectors": [2, 3, 4, 5, 6], "epidural_extent": "none"}, False, False),
        ({"sectors": [1], "escc": "0"}, False, False),
        ({"sectors": [1], "escc": "1a"}, True, None),
        ({"sectors": [1]}, None, None),
    ],
)
def test_epidural_and_circumferential_volumes(
    lesion: dict[str, Any], epidural: bool | None, circumferential: bool | None
) -> None:
    target = clinical_target(case_of(lesion={"level": "T8", **lesion}).lesions[0])
    assert (target.epidural, target.circumferential) == (epidural, circumferential)


@pytest.mark.parametrize(
    ("before", "after", "response"),
    [
        ((6, 0), (0, 0), "complete_response"),
        ((6, 0), (6, 0), "indeterminate_response"),
        ((6, 100), (6, 75), "partial_response"),
        ((6, 100), (6, 76), "indeterminate_response"),
        ((6, 100), (7, 75), "indeterminate_response"),
        ((6, 100), (4, 101), "indeterminate_response"),
        ((6, 100), (7, 125), "pain_progression"),
        ((6, 100), (6, 124), "indeterminate_response"),
        ((6, 100), (8, 125), "indeterminate_response"),
        ((6, 100), (5, 125), "indeterminate_response"),
        ((6, 100), (8, 99), "indeterminate_response"),
        ((6, 0), (6, 1), "pain_progression"),
        ((0, 0), (0, 0), "indeterminate_response"),
        ((0, 10), (2, 10), "pain_progression"),
    ],
)
def test_both_sides_of_the_consensus(before: tuple[float, float], after: tuple[float, float], response: str) -> None:
    assert response_of(before[0], after[0], before[1], after[1]) == response


@pytest.mark.parametrize(("months", "said"), [(1, False), (3, False), (0.5, True), (6, True), (None, True)])
def test_when_the_response_was_asked_for(months: float | None, said: bool) -> None:
    response = {"pain_before_nrs": 6, "pain_after_nrs": 0, "opioids_before_mg_day": 0, "opioids_after_mg_day": 0}
    found = scored("pain_response", response={**response, "months_after": months})
    assert bool(found.warnings) is said
    assert found.meaning == "complete_response"


def test_sins_and_escc_stand_among_the_scores() -> None:
    lesion = {"level": "T8", "pain": "mechanical", "bone_lesion": "lytic", "alignment": "normal", "collapse": "lt50"}
    part = scored("sins", lesion=lesion)
    assert (part.total, part.reachable, part.meanings) == (None, (8, 11), ("sins_indeterminate",))
    assert part.meaning == "sins_indeterminate"
    assert scored("sins", lesion={"level": "T8", "pain": "mechanical"}).meaning is None
    assert [(entry.key, entry.width) for entry in part.narrowing] == [("lesion.posterolateral", 3)]
    whole = scored("sins", lesion={**lesion, "posterolateral": "none"})
    assert (whole.total, whole.meaning) == (8, "sins_indeterminate")
    grade = scored("escc", lesion={"level": "L4", "escc": "2"})
    assert (grade.meaning, grade.total) == ("escc_2", None)
    assert any("cauda" in warning for warning in grade.warnings)


@pytest.mark.parametrize("document", [KNOWN, {"oncology": {"primary": "unknown"}, "lesion": {"level": "S3"}}])
def test_every_score_answers_every_case(document: dict[str, Any]) -> None:
    case = case_from_document(document)
    of_patient, of_lesion = scores_of_patient(case), scores_of_lesion(case, case.lesions[0])
    assert sorted([*of_patient, *of_lesion]) == list(score_names())
    for found in (*of_patient.values(), *of_lesion.values()):
        assert found.basis.evidence
        assert (found.total is not None) or found.meaning or found.because


def test_an_unproven_primary_counts_as_unknown_and_says_so() -> None:
    for name in ("osri", "katagiri_2014", "tokuhashi_1990", "rades_bsc_2013"):
        unproven = scored(name, oncology={"primary": "thyroid", "histology_confirmed": False})
        assert unproven.items["primary"] == scored(name, oncology__primary="unknown").items["primary"]
        assert any("histology is not confirmed" in warning for warning in unproven.warnings)
        assert not any("histology" in warning for warning in scored(name, oncology__primary="unknown").warnings)
    assert not any(
        "histology" in warning
        for warning in scored("kps", oncology={"primary": "thyroid", "histology_confirmed": False}).warnings
    )


def test_what_the_sorg_application_asks_for_is_put_together() -> None:
    given = scored(
        "sorg_ml_90_day",
        oncology={
            "primary": "nsclc",
            "targeted_drug": True,
            "visceral_mets": "removable",
            "brain_mets": False,
            "vertebral_mets": 3,
            "previous_systemic_therapy": True,
        },
        neuro={"asia": "D"},
        patient={"ecog": 1, "comorbidities": []},
    ).items
    wanted = {
        "growth_group": 2, "visceral": 1, "brain": 0, "three_spine_metastases": 1, "previous_systemic_therapy": 1,
        "asia": 1, "ecog": 1, "other_comorbidity": 0,
    }  # fmt: skip
    assert {name: given[name] for name in wanted} == wanted
    assert scored("sorg_ml_90_day", oncology__primary="nsclc").items["growth_group"] is None
    assert scored("sorg_ml_90_day", oncology__primary="melanoma").items["growth_group"] == 3
    assert scored("sorg_ml_90_day", neuro__asia="E").items["asia"] == 0
