"""What is not known leaves a range: exactly that of all completions; what is asked for first never widens it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_cases import scored

from metaspine.assessment.narrowing import outcomes
from metaspine.assessment.rules import rules_from
from metaspine.assessment.score_tables import score_tables
from metaspine.patient.scoring import Scored

YES_NO = (True, False)
VISCERAL = ("none", "removable", "unremovable")
DOMAINS: dict[str, dict[str, tuple[Any, ...]]] = {
    "tokuhashi_revised": {
        "patient__kps": (40, 50, 80),
        "oncology__extraspinal_bone_mets": (0, 2, 3),
        "oncology__vertebral_mets": (1, 2, 3),
        "oncology__visceral_mets": VISCERAL,
        "neuro__frankel": ("A", "D", "E"),
    },
    "tokuhashi_1990": {
        "patient__kps": (40, 50, 80),
        "oncology__extraspinal_bone_mets": (0, 2, 3),
        "oncology__vertebral_mets": (1, 2, 3),
        "oncology__visceral_mets": VISCERAL,
        "neuro__frankel": ("A", "D", "E"),
    },
    "tomita": {
        "oncology__visceral_mets": VISCERAL,
        "oncology__vertebral_mets": (1, 2),
        "oncology__extraspinal_bone_mets": (0, 1),
    },
    "bauer_original": {
        "oncology__visceral_mets": VISCERAL,
        "oncology__vertebral_mets": (1, 2),
        "oncology__extraspinal_bone_mets": (0, 1),
        "lesion__pathological_fracture": YES_NO,
    },
    "bollen": {"patient__kps": (70, 80), "oncology__visceral_mets": VISCERAL, "oncology__brain_mets": YES_NO},
    "nesms": {
        "oncology__visceral_mets": VISCERAL,
        "oncology__vertebral_mets": (1, 2),
        "oncology__extraspinal_bone_mets": (0, 1),
        "neuro__walks_without_help": YES_NO,
        "laboratory__albumin_g_dl": (3.4, 3.5),
    },
    "katagiri_2014": {
        "oncology__hormone_dependent": YES_NO,
        "oncology__visceral_pattern": ("none", "nodular", "disseminated"),
        "oncology__brain_mets": YES_NO,
        "laboratory__platelets_1000_per_ul": (99, 100),
        "laboratory__albumin_g_dl": (3.6, 3.7),
        "patient__ecog": (2, 3),
    },
    "osri": {"patient__kps": (40, 50, 80)},
    "rades_bsc_2013": {
        "patient__ecog": (2, 3),
        "oncology__visceral_mets": VISCERAL,
        "oncology__months_since_primary_diagnosis": (15, 16),
        "neuro__ambulatory": YES_NO,
        "neuro__days_to_motor_deficit": (7, 8),
    },
    "van_der_linden": {"patient__kps": (40, 50, 80), "oncology__visceral_mets": VISCERAL},
    "chao_2012": {
        "oncology__months_since_primary_diagnosis": (30, 31),
        "patient__kps": (70, 80),
        "patient__age_years": (69, 70),
    },
    "balagamwala_2018": {
        "patient__kps": (70, 80),
        "patient__age_years": (53, 54),
        "oncology__systemic_disease_controlled": YES_NO,
        "oncology__visceral_mets": VISCERAL,
    },
    "prism": {
        "patient__sex": ("F", "M"),
        "patient__kps": tuple(range(0, 101, 10)),
        "lesion__prior_surgery_at_level": YES_NO,
        "oncology__organ_systems_with_metastases": tuple(range(9)),
        "oncology__months_from_diagnosis_to_metastasis": (60, 61),
    },
    "mfi5": {
        "patient__comorbidities": (
            [],
            ["diabetes"],
            ["diabetes", "heart_failure"],
            ["diabetes", "heart_failure", "chronic_lung_disease"],
        ),
        "patient__hypertension_on_medication": YES_NO,
        "patient__independent_in_daily_life": YES_NO,
    },
    "vcf_relative_hazard": {
        "lesion__collapse": ("gt50", "lt50", "none_gt50_body", "none"),
        "lesion__planned_dose_per_fraction_gy": (19, 20, 24),
        "lesion__alignment": ("normal", "de_novo_deformity"),
        "lesion__bone_lesion": ("lytic", "blastic"),
    },
    "sins": {
        "lesion__pain": ("mechanical", "occasional_non_mechanical", "none"),
        "lesion__alignment": ("subluxation_translation", "de_novo_deformity", "normal"),
        "lesion__collapse": ("gt50", "lt50", "none_gt50_body", "none"),
    },
    "pain_response": {
        "response__pain_before_nrs": (0, 1, 5, 10),
        "response__pain_after_nrs": (0, 1, 5, 10),
        "response__opioids_after_mg_day": (0, 75, 80, 100, 110, 125),
    },
}
"""For each score, keys with the values that matter to it."""
ELSE: dict[str, dict[str, Any]] = {
    "katagiri_2014": {
        "oncology__previous_chemotherapy": False,
        "oncology__vertebral_mets": 1,
        "oncology__extraspinal_bone_mets": 0,
        "laboratory__corrected_calcium_mg_dl": 9,
        "laboratory__bilirubin_mg_dl": 1,
        "laboratory__c_reactive_protein_mg_dl": 0.1,
        "laboratory__lactate_dehydrogenase_iu_l": 200,
    },
    "rades_bsc_2013": {"oncology__vertebral_mets": 1, "oncology__extraspinal_bone_mets": 0},
    "prism": {
        "lesion__prior_rt_at_level": False,
        "oncology__vertebral_mets": 2,
    },
    "pain_response": {"response__opioids_before_mg_day": 100},
    "sins": {"lesion__bone_lesion": "lytic", "lesion__posterolateral": "none"},
}
"""What is known besides."""
PRIMARIES = ("breast", "prostate", "gastric", "nsclc", "rcc")


def completions(domains: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(domains, values, strict=True)) for values in product(*domains.values())]


def spread(score: Scored, order: tuple[str, ...]) -> float:
    if score.reachable is not None:
        return score.reachable[1] - score.reachable[0]
    if score.name == "pain_response":
        return len(score.meanings) - 1
    places = [order.index(code) for code in score.meanings]
    return max(places) - min(places)


def order_of(name: str) -> tuple[str, ...]:
    return tuple(rule.then for rule in score_tables()[name].classes)


@st.composite
def partly_known(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], dict[str, tuple[Any, ...]]]:
    name = draw(st.sampled_from(sorted(DOMAINS)))
    primary = draw(st.sampled_from(PRIMARIES if name != "katagiri_2014" else ("breast", "prostate")))
    keys = list(DOMAINS[name])
    unknown = draw(st.lists(st.sampled_from(keys), unique=True, max_size=3))
    known = {key: draw(st.sampled_from(DOMAINS[name][key])) for key in keys if key not in unknown}
    return name, primary, known, {key: DOMAINS[name][key] for key in unknown}


@settings(max_examples=150, deadline=None)
@given(partly_known())
def test_the_range_is_that_of_all_completions(
    drawn: tuple[str, str, dict[str, Any], dict[str, tuple[Any, ...]]],
) -> None:
    name, primary, known, unknown = drawn
    facts = {"oncology__primary": primary, **ELSE.get(name, {}), **known}
    partial = scored(name, **facts)
    every = [scored(name, **{**facts, **values}) for values in completions(unknown)]
    if partial.reachable is not None:
        ends = [score.reachable for score in every if score.reachable is not None]
        assert len(ends) == len(every)
        assert partial.reachable == (min(low for low, _ in ends), max(high for _, high in ends))
    if partial.state != "not_applicable":
        assert set(partial.meanings) == {code for score in every for code in score.meanings}


@settings(max_examples=100, deadline=None)
@given(partly_known())
def test_filling_what_is_named_first_never_widens_and_can_narrow_by_what_is_said(
    drawn: tuple[str, str, dict[str, Any], dict[str, tuple[Any, ...]]],
) -> None:
    name, primary, known, _ = drawn
    facts = {"oncology__primary": primary, **ELSE.get(name, {}), **known}
    partial = scored(name, **facts)
    widths = [entry.width for entry in partial.narrowing]
    assert widths == sorted(widths, reverse=True)
    if not partial.narrowing:
        return
    first = partial.narrowing[0].key.replace(".", "__")
    if first not in DOMAINS[name]:
        return
    left = [scored(name, **{**facts, first: value}) for value in DOMAINS[name][first]]
    before = spread(partial, order_of(name))
    after = [spread(score, order_of(name)) for score in left]
    assert max(after) <= before
    assert before - min(after) == pytest.approx(widths[0])


def test_ties_keep_the_order_of_the_table() -> None:
    found = scored("tokuhashi_revised", oncology__primary="breast")
    assert [(entry.key, entry.width) for entry in found.narrowing] == [
        ("patient.kps", 2),
        ("oncology.extraspinal_bone_mets", 2),
        ("oncology.vertebral_mets", 2),
        ("oncology.visceral_mets", 2),
        ("neuro.frankel", 2),
    ]


def test_one_value_of_the_blood_tells_less_than_another() -> None:
    facts = {key: value for key, value in ELSE["katagiri_2014"].items() if not key.startswith("laboratory")}
    widths = {entry.key: entry.width for entry in scored("katagiri_2014", **facts).narrowing}
    assert widths["laboratory.platelets_1000_per_ul"] == 2
    assert widths["laboratory.albumin_g_dl"] == 1


def test_outcomes_need_no_known_facts() -> None:
    rules = rules_from(
        [
            {"id": "1", "when": {"a": {"above": 3}, "b": ["x", "y"]}, "then": "one", "evidence": []},
            {"id": "2", "when": {"a": {"at_most": 3}}, "then": "two", "evidence": []},
        ]
    )
    assert outcomes(rules, {"a": None, "b": None}) == ("one", "two")
    assert outcomes(rules, {"a": 4, "b": None}) == ("one",)
    assert outcomes(rules, {"a": 3, "b": None}) == ("two",)
    assert outcomes(rules, {"a": None, "b": "z"}) == ("two",)
