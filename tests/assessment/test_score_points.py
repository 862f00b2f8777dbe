"""Every points table, step by step, with both sides of every bound; expected points are those of the clinical rules."""

from __future__ import annotations

from typing import Any

import pytest
from score_cases import case_of, scored

from metaspine.assessment import assess
from metaspine.patient.case import Primary

PRIMARIES: tuple[str, ...] = Primary.__args__  # type: ignore[attr-defined]

STEPS: list[tuple[str, str, str, list[tuple[Any, float]]]] = [
    ("tokuhashi_1990", "kps", "patient__kps", [(40, 0), (50, 1), (70, 1), (80, 2)]),
    ("tokuhashi_1990", "extraspinal_bone", "oncology__extraspinal_bone_mets", [(0, 2), (1, 1), (2, 1), (3, 0)]),
    ("tokuhashi_1990", "vertebral", "oncology__vertebral_mets", [(1, 2), (2, 1), (3, 0)]),
    ("tokuhashi_1990", "organs", "oncology__visceral_mets", [("unremovable", 0), ("removable", 1), ("none", 2)]),
    ("tokuhashi_1990", "palsy", "neuro__frankel", [("A", 0), ("C", 1), ("D", 1), ("E", 2)]),
    ("tokuhashi_revised", "kps", "patient__kps", [(40, 0), (50, 1), (70, 1), (80, 2)]),
    ("tokuhashi_revised", "extraspinal_bone", "oncology__extraspinal_bone_mets", [(0, 2), (1, 1), (2, 1), (3, 0)]),
    ("tokuhashi_revised", "vertebral", "oncology__vertebral_mets", [(1, 2), (2, 1), (3, 0)]),
    ("tokuhashi_revised", "palsy", "neuro__frankel", [("A", 0), ("B", 0), ("C", 1), ("D", 1), ("E", 2)]),
    ("tomita", "visceral", "oncology__visceral_mets", [("none", 0), ("removable", 2), ("unremovable", 4)]),
    ("bauer_original", "no_visceral", "oncology__visceral_mets", [("none", 1), ("removable", 0), ("unremovable", 0)]),
    ("bauer_modified", "no_visceral", "oncology__visceral_mets", [("none", 1), ("removable", 0), ("unremovable", 0)]),
    ("bauer_original", "no_fracture", "lesion__pathological_fracture", [(True, 0), (False, 1)]),
    (
        "bauer_original",
        "no_fracture",
        "lesion__collapse",
        [("gt50", 0), ("lt50", 0), ("none_gt50_body", 1), ("none", 1)],
    ),
    ("nesms", "albumin", "laboratory__albumin_g_dl", [(3.4, 0), (3.499, 0), (3.5, 1)]),
    ("nesms", "walking", "neuro__walks_without_help", [(True, 1), (False, 0)]),
    ("nesms", "walking", "neuro__ambulatory", [(False, 0)]),
    ("katagiri_2014", "performance", "patient__ecog", [(2, 0), (3, 1), (4, 1)]),
    ("katagiri_2014", "chemotherapy", "oncology__previous_chemotherapy", [(True, 1), (False, 0)]),
    ("katagiri_2014", "laboratory", "laboratory__platelets_1000_per_ul", [(99.9, 2)]),
    ("katagiri_2014", "laboratory", "laboratory__corrected_calcium_mg_dl", [(10.3, 2)]),
    ("katagiri_2014", "laboratory", "laboratory__bilirubin_mg_dl", [(1.4, 2)]),
    ("katagiri_2014", "visceral", "oncology__visceral_pattern", [("disseminated", 2), ("nodular", 1)]),
    ("osri", "general_condition", "patient__kps", [(40, 2), (50, 1), (70, 1), (80, 0)]),
    ("rades_bsc_2013", "performance", "patient__ecog", [(2, 0), (3, 4), (4, 4)]),
    ("rades_bsc_2013", "interval", "oncology__months_since_primary_diagnosis", [(15, 3), (15.1, 1)]),
    ("rades_bsc_2013", "visceral", "oncology__visceral_mets", [("none", 1), ("removable", 4), ("unremovable", 4)]),
    ("rades_bsc_2013", "walking", "neuro__ambulatory", [(True, 1), (False, 4)]),
    ("rades_bsc_2013", "time_to_deficit", "neuro__days_to_motor_deficit", [(7, 4), (7.1, 1), (8, 1)]),
    ("van_der_linden", "kps", "patient__kps", [(20, 0), (40, 0), (50, 1), (70, 1), (80, 2)]),
    ("van_der_linden", "no_visceral", "oncology__visceral_mets", [("none", 1), ("removable", 0), ("unremovable", 0)]),
    ("prism", "kps", "patient__kps", [(100, 4), (90, 3), (80, 2), (70, 1), (60, 0)]),
    ("prism", "sex", "patient__sex", [("F", 2), ("M", 0)]),
    ("prism", "prior_surgery", "lesion__prior_surgery_at_level", [(True, 2), (False, 0)]),
    ("prism", "prior_radiotherapy", "lesion__prior_rt_at_level", [(False, 0), ({"dose_gy": 20}, -2)]),
    ("prism", "organ_systems", "oncology__organ_systems_with_metastases", [(0, 0), (1, -1), (3, -3), (12, -12)]),
    ("prism", "late_metastasis", "oncology__months_from_diagnosis_to_metastasis", [(60, 0), (60.1, 3)]),
    (
        "charlson",
        "age",
        "patient__age_years",
        [(49.9, 0), (50, 1), (59.9, 1), (60, 2), (70, 3), (79.9, 3), (80, 4), (95, 4)],
    ),
    ("mfi5", "hypertension", "patient__hypertension_on_medication", [(True, 1), (False, 0)]),
    (
        "mfi5",
        "diabetes",
        "patient__comorbidities",
        [(["diabetes"], 1), (["diabetes_with_organ_damage"], 1), (["heart_failure"], 0), ([], 0)],
    ),
    ("mfi5", "heart_failure", "patient__comorbidities", [(["heart_failure"], 1), (["diabetes"], 0)]),
    ("mfi5", "chronic_lung_disease", "patient__comorbidities", [(["chronic_lung_disease"], 1), (["diabetes"], 0)]),
    ("mfi5", "dependence", "patient__independent_in_daily_life", [(True, 0), (False, 1)]),
    (
        "vcf_relative_hazard",
        "dose_per_fraction",
        "lesion__planned_dose_per_fraction_gy",
        [(8, 1), (19, 1), (20, 4.91), (23, 4.91), (24, 5.25), (30, 5.25)],
    ),
    (
        "vcf_relative_hazard",
        "alignment",
        "lesion__alignment",
        [("subluxation_translation", 2.99), ("de_novo_deformity", 2.99), ("normal", 1)],
    ),
    ("tokuhashi_revised", "organs", "oncology__visceral_mets", [("unremovable", 0), ("removable", 1), ("none", 2)]),
    ("tokuhashi_1990", "palsy", "neuro__asia", [("A", 0), ("C", 1), ("D", 1), ("E", 2)]),
    ("tomita", "primary", "oncology__primary", [("breast", 1), ("rcc", 2), ("colon", 4), ("unknown", 4)]),
    ("prism", "late_metastasis", "oncology__months_from_diagnosis_to_metastasis", [(0, 0), (61, 3)]),
    ("vcf_relative_hazard", "lytic", "lesion__bone_lesion", [("lytic", 3.53), ("mixed", 1), ("blastic", 1)]),
]


@pytest.mark.parametrize(
    ("name", "item", "key", "value", "points"),
    [(name, item, key, value, points) for name, item, key, steps in STEPS for value, points in steps],
    ids=str,
)
def test_steps(name: str, item: str, key: str, value: Any, points: float) -> None:
    assert scored(name, **{key: value}).items[item] == points


LUNG = ("nsclc", "sclc", "lung")
BY_PRIMARY: dict[str, dict[float, tuple[str, ...]]] = {
    "tokuhashi_1990": {
        0: (*LUNG, "gastric"),
        1: ("rcc", "hcc", "uterus", "other", "unknown", "colon", "melanoma", "sarcoma", "bladder", "pancreas"),
        2: ("thyroid", "prostate", "breast", "rectum"),
    },
    "tokuhashi_revised": {
        0: (*LUNG, "osteosarcoma", "gastric", "bladder", "esophagus", "pancreas"),
        1: ("hcc", "gallbladder", "unknown"),
        2: (
            "other",
            "colon",
            "melanoma",
            "ovarian",
            "neuroendocrine",
            "seminoma",
            "sarcoma",
            "head_neck",
            "cervix",
            "neuroblastoma",
        ),
        3: ("rcc", "uterus"),
        4: ("rectum",),
        5: ("thyroid", "breast", "prostate", "carcinoid"),
    },
    "tomita": {
        1: ("breast", "prostate", "thyroid"),
        2: ("rcc", "uterus"),
        4: (*LUNG, "hcc", "gastric", "colon", "unknown"),
    },
    "osri": {
        1: ("breast", "thyroid", "prostate", "multiple_myeloma", "lymphoma"),
        2: ("rcc", "uterus"),
        4: ("gastric", "colon", "hcc", "melanoma", "pancreas", "rectum", "colorectal", "unknown"),
        5: LUNG,
    },
    "rades_bsc_2013": {
        1: ("breast", "multiple_myeloma", "lymphoma"),
        2: ("prostate",),
        3: (*LUNG, "rcc", "colorectal", "other", "unknown"),
    },
    "van_der_linden": {3: ("breast",), 2: ("prostate",), 1: LUNG, 0: ("rcc", "colon", "other", "unknown")},
    "katagiri_2014": {
        0: ("thyroid", "multiple_myeloma", "lymphoma"),
        2: ("rcc", "uterus", "ovarian", "sarcoma", "other"),
        3: (
            "colon",
            "rectum",
            "colorectal",
            "gastric",
            "pancreas",
            "head_neck",
            "esophagus",
            "bladder",
            "melanoma",
            "hcc",
            "gallbladder",
            "cervix",
            "unknown",
        ),
    },
}


@pytest.mark.parametrize(
    ("name", "primary", "points"),
    [(name, one, points) for name, rows in BY_PRIMARY.items() for points, several in rows.items() for one in several],
)
def test_primaries(name: str, primary: str, points: float) -> None:
    assert scored(name, oncology__primary=primary).items["primary"] == points


NO_METASTASES = {"chordoma", "hemangioma"}
LUNG = {"nsclc", "sclc", "lung"}
LISTED = {
    "tomita": {"breast", "prostate", "thyroid", "rcc", "uterus", *LUNG, "hcc", "gastric", "colon", "unknown"},
    "bollen": {"breast", "prostate", "thyroid", "rcc", *LUNG, "gastric", "esophagus", "pancreas", "colon", "rectum"}
    | {"colorectal", "unknown"},
    "osri": {"breast", "thyroid", "prostate", "multiple_myeloma", "lymphoma", "rcc", "uterus", "gastric", "colon"}
    | {"hcc", "melanoma", "pancreas", "rectum", "colorectal", "unknown", *LUNG},
}
"""The primaries that the tables of A5, A7 and A11 name; there is no score for any other."""
UNLISTED = {
    **{name: {*PRIMARIES} - listed for name, listed in LISTED.items()},
    "tokuhashi_1990": {"lymphoma", "multiple_myeloma", "plasmacytoma", "leukemia", *NO_METASTASES},
    "tokuhashi_revised": {"lymphoma", "multiple_myeloma", "plasmacytoma", "leukemia", *NO_METASTASES},
    "bauer_original": NO_METASTASES,
    "bauer_modified": NO_METASTASES,
    "nesms": NO_METASTASES,
    "katagiri_2014": NO_METASTASES,
    "van_der_linden": NO_METASTASES,
    "rades_bsc_2013": NO_METASTASES,
}


@pytest.mark.parametrize("name", UNLISTED)
def test_a_primary_that_a_score_was_not_made_for(name: str) -> None:
    found = {primary: scored(name, oncology__primary=primary) for primary in PRIMARIES}
    assert {primary for primary, score in found.items() if score.state == "not_applicable"} == UNLISTED[name]
    for primary in UNLISTED[name]:
        assert found[primary].total is found[primary].reachable is None
        assert found[primary].because
        assert found[primary].items == {}


def test_an_unresolved_colorectal_primary_is_colon_or_rectum() -> None:
    facts: dict[str, Any] = {
        "patient__kps": 80,
        "oncology__extraspinal_bone_mets": 0,
        "oncology__vertebral_mets": 1,
        "oncology__visceral_mets": "none",
        "neuro__frankel": "E",
    }
    found = scored("tokuhashi_revised", oncology__primary="colorectal", **facts)
    ends = [scored("tokuhashi_revised", oncology__primary=one, **facts).total for one in ("colon", "rectum")]
    assert found.total is None
    assert found.reachable == tuple(ends) == (12, 14)
    assert [entry.key for entry in found.narrowing] == ["oncology.primary"]
    assert found.meanings == ("ge12mo",)
    assert (found.meaning, found.survival) == ("ge12mo", "12 months or more; excisional surgery [V]")
    unresolved = scored("tomita", oncology__primary="colorectal", **facts)
    assert unresolved.state == "not_applicable"
    assert any("colon" in warning for warning in unresolved.warnings)


def test_the_advice_says_that_the_primary_is_missing_where_it_is_not_resolved() -> None:
    facts = {"extraspinal_bone_mets": 0, "vertebral_mets": 1, "visceral_mets": "none"}
    case = case_of(oncology={"primary": "colorectal", **facts}, patient={"kps": 80}, neuro={"frankel": "E"})
    found = assess(case).tokuhashi_revised
    assert (found.total, found.reachable, found.reason) == (None, (12, 14), "missing_data")
    assert found.basis.missing == ("oncology.primary",)


@pytest.mark.parametrize(
    ("primary", "visceral", "vertebral", "point"),
    [("gastric", "none", None, None), ("gastric", "none", 1, 1), ("gastric", "none", 2, 0), ("breast", "none", None, 1),
     ("nsclc", None, None, 0), ("unknown", "none", 1, None), ("unknown", "removable", 2, 0)],
)  # fmt: skip
def test_the_bauer_of_nesms_may_be_decided_before_all_is_known(
    primary: str, visceral: str | None, vertebral: int | None, point: int | None
) -> None:
    oncology = {"primary": primary, "visceral_mets": visceral, "vertebral_mets": vertebral, "extraspinal_bone_mets": 0}
    assert scored("nesms", oncology=oncology).items["bauer"] == point


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"lesion__collapse": "gt50"}, True),
        ({"lesion__collapse": "lt50"}, True),
        ({"lesion__collapse": "none"}, False),
        ({"lesion__collapse": "gt50", "lesion__pathological_fracture": True}, False),
        ({}, False),
    ],
)
def test_a_fracture_read_from_the_collapse_is_named(facts: dict[str, Any], said: bool) -> None:
    warnings = scored("bauer_original", **facts).warnings
    assert ("The fracture is read from the collapse of the body." in warnings) is said


def test_to_walk_is_not_yet_to_walk_without_help() -> None:
    assert scored("nesms", neuro__ambulatory=True).items["walking"] is None


@pytest.mark.parametrize("name", ["bauer_original", "bauer_modified"])
def test_an_unknown_primary_has_no_bauer_score(name: str) -> None:
    found = scored(
        name,
        oncology__primary="unknown",
        oncology__visceral_mets="none",
        oncology__vertebral_mets=1,
        oncology__extraspinal_bone_mets=0,
        lesion__collapse="none",
    )
    fixed = 3 if name == "bauer_original" else 2
    assert (found.total, found.meaning, found.reachable) == (None, None, (fixed, fixed + 2))
    assert "BAUER-02" in found.basis.evidence
    assert [entry.key for entry in found.narrowing] == ["oncology.primary"]


def bauer(fracture: bool, primary: str, visceral: str, vertebral: int) -> tuple[str | None, str | None, Any, Any]:
    facts: dict[str, Any] = {
        "oncology__primary": primary,
        "oncology__visceral_mets": visceral,
        "oncology__vertebral_mets": vertebral,
        "oncology__extraspinal_bone_mets": 0,
        "lesion__pathological_fracture": fracture,
    }
    original, modified = scored("bauer_original", **facts), scored("bauer_modified", **facts)
    return original.meaning, modified.meaning, original.total, modified.total


def test_the_two_versions_of_bauer_disagree_in_two_patterns_only() -> None:
    wrong: set[tuple[bool, Any]] = set()
    for fracture in (True, False):
        for primary in ("breast", "gastric", "nsclc"):
            for visceral in ("none", "removable"):
                for vertebral in (1, 2):
                    original, modified, _, factors = bauer(fracture, primary, visceral, vertebral)
                    if original != modified:
                        wrong.add((fracture, factors))
    assert wrong == {(False, 1), (True, 3)}
    assert bauer(False, "nsclc", "none", 2) == ("gt6mo", "lt6mo", 2, 1)
    assert bauer(True, "breast", "none", 2) == ("gt6mo", "gt12mo", 3, 3)


@pytest.mark.parametrize(
    ("primary", "key", "value", "points"),
    [
        ("breast", "hormone_dependent", True, 0),
        ("breast", "hormone_dependent", False, 2),
        ("prostate", "hormone_dependent", True, 0),
        ("nsclc", "targeted_drug", True, 2),
        ("lung", "targeted_drug", False, 3),
        ("breast", "targeted_drug", True, None),
        ("sclc", "hormone_dependent", True, None),
    ],
)
def test_the_growth_of_katagiri_asks_for_hormones_and_drugs(
    primary: str, key: str, value: bool, points: float | None
) -> None:
    found = scored("katagiri_2014", oncology__primary=primary, **{f"oncology__{key}": value})
    assert found.items["primary"] == points


NORMAL = {
    "platelets_1000_per_ul": 100,
    "corrected_calcium_mg_dl": 10.2,
    "bilirubin_mg_dl": 1.3,
    "c_reactive_protein_mg_dl": 0.3,
    "lactate_dehydrogenase_iu_l": 249,
    "albumin_g_dl": 3.7,
}


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({}, 0),
        ({"c_reactive_protein_mg_dl": 0.4}, 1),
        ({"lactate_dehydrogenase_iu_l": 250}, 1),
        ({"albumin_g_dl": 3.69}, 1),
        ({"platelets_1000_per_ul": 99}, 2),
        ({"corrected_calcium_mg_dl": 10.3}, 2),
        ({"bilirubin_mg_dl": 1.4}, 2),
        ({"albumin_g_dl": 3.0, "bilirubin_mg_dl": 2.0}, 2),
        ({"albumin_g_dl": None}, None),
        ({"platelets_1000_per_ul": None}, None),
    ],
)
def test_the_blood_of_katagiri_is_normal_only_where_all_six_are_known(
    change: dict[str, Any], points: float | None
) -> None:
    assert scored("katagiri_2014", laboratory={**NORMAL, **change}).items["laboratory"] == points


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("rades_bsc_2013", "patient__ecog", 0),
        ("rades_bsc_2013", "patient__ecog", 1),
        ("van_der_linden", "patient__kps", 10),
    ],
)
def test_a_finding_that_the_table_does_not_name(name: str, key: str, value: int) -> None:
    found = scored(name, **{key: value})
    assert (found.state, found.total, found.reachable) == ("not_applicable", None, None)
    assert f"no points for {'ECOG status' if 'ecog' in key else 'Karnofsky index'} {value}" in found.because


@pytest.mark.parametrize(("kps", "readings"), [(10 * tens, (tens - 6, 0)) for tens in range(6)])
def test_prism_below_kps_60_has_two_readings(kps: int, readings: tuple[int, int]) -> None:
    found = scored(
        "prism",
        patient={"sex": "M", "kps": kps},
        lesion={"level": "T8", "prior_surgery_at_level": False, "prior_rt_at_level": False},
        oncology={
            "primary": "breast",
            "organ_systems_with_metastases": 1,
            "months_from_diagnosis_to_metastasis": 12,
        },
    )
    assert (found.total, found.reachable) == (None, (readings[0] - 1, readings[1] - 1))
    assert found.narrowing == ()
    assert "both readings" in found.because
    assert "SCORE-PRISM-02" in found.basis.evidence


def test_an_undefined_dose_has_both_neighbours() -> None:
    assert scored("vcf_relative_hazard", lesion__planned_dose_per_fraction_gy=19.5).items["dose_per_fraction"] is None
    lesion = {"level": "T8", "collapse": "none", "alignment": "normal", "bone_lesion": "blastic"}
    for dose, ends in ((19.5, (1, 4.91)), (23.5, (4.91, 5.25))):
        found = scored("vcf_relative_hazard", lesion={**lesion, "planned_dose_per_fraction_gy": dose})
        assert (found.total, found.reachable) == (None, ends)


def test_the_time_since_diagnosis_may_come_from_dates() -> None:
    young = {"patient__kps": 80, "patient__age_years": 75}
    at_30 = scored("chao_2012", oncology__diagnosed_on="2020-01-15", assessed_on="2022-07-15", **young)
    later = scored("chao_2012", oncology__diagnosed_on="2020-01-15", assessed_on="2022-07-16", **young)
    assert (at_30.meaning, later.meaning) == ("chao_3", "chao_1")
    unknown = scored("chao_2012", oncology__diagnosed_on="2020-01-15", **young)
    assert unknown.meanings == ("chao_1", "chao_3")


@pytest.mark.parametrize("name", ["bauer_original", "bauer_modified"])
@pytest.mark.parametrize(
    ("primaries", "not_lung", "favourable"),
    [
        (("breast", "rcc", "lymphoma", "multiple_myeloma"), 1, 1),
        (LUNG, 0, 0),
        (("gastric", "prostate", "thyroid", "colorectal", "other"), 1, 0),
        (("unknown",), None, None),
    ],
)
def test_primaries_of_bauer(
    name: str, primaries: tuple[str, ...], not_lung: int | None, favourable: int | None
) -> None:
    for primary in primaries:
        items = scored(name, oncology__primary=primary).items
        assert (items["not_lung"], items["favourable"]) == (not_lung, favourable)


def test_a_complete_palsy_of_1990_is_not_said_to_be_frankel_b() -> None:
    facts: dict[str, Any] = {
        "patient__kps": 80,
        "oncology": {"primary": "breast", "extraspinal_bone_mets": 0, "vertebral_mets": 1, "visceral_mets": "none"},
    }
    found = scored("tokuhashi_1990", neuro__frankel="B", **facts)
    assert (found.total, found.reachable, found.narrowing) == (None, (10, 11), ())
    assert "Frankel B" in found.because


def test_walking_with_help_has_no_point() -> None:
    assert scored("nesms", neuro={"ambulatory": True, "walks_without_help": False}).items["walking"] == 0
    assert scored("nesms", neuro={"ambulatory": True}).items["walking"] is None


@pytest.mark.parametrize(
    ("pattern", "brain", "soft", "points"),
    [
        ("none", False, "none", 0),
        ("none", True, "none", 1),
        (None, True, "none", None),
        (None, False, "removable", None),
        ("nodular", False, "removable", 1),
        ("disseminated", True, "removable", 2),
    ],
)
def test_visceral_metastases_of_katagiri(pattern: str | None, brain: bool, soft: str, points: int | None) -> None:
    oncology = {"primary": "rcc", "visceral_pattern": pattern, "brain_mets": brain, "visceral_mets": soft}
    found = scored("katagiri_2014", oncology=oncology)
    assert found.items["visceral"] == points


def test_known_visceral_metastases_of_katagiri_are_at_least_nodular() -> None:
    unknown = scored("katagiri_2014", oncology__primary="rcc").reachable
    known = scored("katagiri_2014", oncology={"primary": "rcc", "visceral_mets": "removable"}).reachable
    assert unknown is not None
    assert known == (unknown[0] + 1, unknown[1])


@pytest.mark.parametrize(
    ("vertebral", "extraspinal", "several"),
    [(1, 0, False), (2, 0, True), (1, 1, True), (2, None, True), (1, None, None)],
)
def test_other_bone_metastases(vertebral: int, extraspinal: int | None, several: bool | None) -> None:
    oncology = {"primary": "rcc", "vertebral_mets": vertebral, "extraspinal_bone_mets": extraspinal}
    katagiri, rades = (scored(name, oncology=oncology).items for name in ("katagiri_2014", "rades_bsc_2013"))
    assert katagiri["multiple_bone"] == (None if several is None else int(several))
    assert rades["other_bone"] == {None: None, True: 3, False: 1}[several]
    assert scored("tomita", oncology=oncology).items["bone"] == {None: None, True: 2, False: 1}[several]


@pytest.mark.parametrize(
    ("name", "primary", "points"),
    [
        ("rades_bsc_2013", "plasmacytoma", (1, 3)),
        ("rades_bsc_2013", "leukemia", (1, 3)),
        ("katagiri_2014", "seminoma", (2, 3)),
    ],
)
def test_a_primary_that_the_publication_leaves_open_keeps_both_points(
    name: str, primary: str, points: tuple[int, int]
) -> None:
    found = scored(name, oncology__primary=primary)
    at_zero = {"rades_bsc_2013": ("breast", 1), "katagiri_2014": ("thyroid", 0)}[name]
    other = scored(name, oncology__primary=at_zero[0]).reachable
    assert other is not None
    assert found.items["primary"] is None
    assert found.reachable == (other[0] - at_zero[1] + points[0], other[1] - at_zero[1] + points[1])
    assert "oncology.primary" not in found.basis.missing
