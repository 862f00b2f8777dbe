"""The scores against the project's vectors, which were taken from the publications or their transcriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from score_cases import scored

from metaspine.assessment.score_tables import score_table
from metaspine.errors import InputError
from metaspine.physics.cord_dose import cord_dose_range

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "unit_vectors.json").read_text(encoding="utf-8")
)["vectors"]


def vectors(function: str) -> list[Any]:
    found = [pytest.param(v["input"], v["expected"], id=v["id"]) for v in VECTORS if v["function"] == function]
    assert found
    return found


def visceral(present: bool) -> str:
    return "removable" if present else "none"


@pytest.mark.parametrize(("given", "expected"), vectors("prism"))
def test_prism(given: dict[str, Any], expected: dict[str, Any]) -> None:
    alone = given["solitary_metastasis"]
    found = scored(
        "prism",
        patient__sex="F" if given["female"] else "M",
        patient__kps=given["kps"],
        lesion__prior_surgery_at_level=given["prior_surgery_at_site"],
        lesion__prior_rt_at_level={"dose_gy": 30} if given["prior_rt_at_site"] else False,
        oncology__organ_systems_with_metastases=given["other_organ_systems"],
        oncology__vertebral_mets=1 if alone else 2,
        oncology__extraspinal_bone_mets=0,
        oncology__visceral_mets=visceral(given["other_organ_systems"] > 0),
        oncology__brain_mets=False,
        oncology__months_from_diagnosis_to_metastasis=61 if given["dx_to_met_gt_5y"] else 60,
    )
    assert (found.state, found.total) == ("computed", expected["score"])
    assert found.meaning == f"prism_{expected['group']}"


@pytest.mark.parametrize(("given", "expected"), vectors("van_der_linden"))
def test_van_der_linden(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "van_der_linden",
        patient__kps=given["kps"],
        oncology__primary=given["primary"],
        oncology__visceral_mets=visceral(given["visceral"]),
    )
    assert found.total == expected["score"]
    assert found.meaning == f"vdl_{expected['group'].lower()}"


@pytest.mark.parametrize(("given", "expected"), vectors("rades_best_supportive_care_2013"))
def test_rades_best_supportive_care(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "rades_bsc_2013",
        patient__ecog=given["ecog"],
        oncology__primary=given["primary"],
        oncology__vertebral_mets=1,
        oncology__extraspinal_bone_mets=1 if given["other_bone"] else 0,
        oncology__visceral_mets=visceral(given["visceral"]),
        oncology__months_since_primary_diagnosis=given["interval_months"],
        neuro__ambulatory=given["ambulatory"],
        neuro__days_to_motor_deficit=given["days_to_deficit"],
    )
    assert found.total == expected["score"]
    assert (found.meaning == "rades_bsc_reached") is expected["bsc_candidate"]


@pytest.mark.parametrize(("given", "expected"), vectors("rpa_chao_2012"))
def test_chao(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "chao_2012",
        oncology__months_since_primary_diagnosis=given["months_from_primary_dx"],
        patient__kps=given["kps"],
        patient__age_years=given["age"],
    )
    assert found.meaning == f"chao_{expected['cls']}"


@pytest.mark.parametrize(("given", "expected"), vectors("rpa_balagamwala_2018"))
def test_balagamwala(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "balagamwala_2018",
        patient__kps=given["kps"],
        patient__age_years=given["age"],
        oncology__systemic_disease_controlled=given["systemic_controlled"],
        oncology__visceral_mets=visceral(given["visceral"]),
    )
    assert found.meaning == f"balagamwala_{expected['cls']}"


BAUER = {4: ("breast", 1), 3: ("breast", 2), 2: ("gastric", 2)}
"""Primary and number of vertebral metastases that make a modified Bauer score, without other metastases."""


@pytest.mark.parametrize(("given", "expected"), vectors("nesms"))
def test_nesms(given: dict[str, Any], expected: dict[str, Any]) -> None:
    primary, vertebral = BAUER[given["modified_bauer"]]
    facts = {
        "oncology__primary": primary,
        "oncology__vertebral_mets": vertebral,
        "oncology__extraspinal_bone_mets": 0,
        "oncology__visceral_mets": "none",
        "neuro__walks_without_help": given["independent_ambulation"],
        "laboratory__albumin_g_dl": given["albumin_g_dl"],
    }
    assert scored("bauer_modified", **facts).total == given["modified_bauer"]
    assert scored("nesms", **facts).total == expected["score"]


@pytest.mark.parametrize(("given", "expected"), vectors("vcf_subdistribution_hazard_ratios"))
def test_hazard_ratios(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert not given
    lesion = {"collapse": "none", "alignment": "normal", "bone_lesion": "blastic", "planned_dose_per_fraction_gy": 19}
    changed = {
        "collapse_ge50": {"collapse": "gt50"},
        "collapse_lt50": {"collapse": "lt50"},
        "no_vcf_gt50_body": {"collapse": "none_gt50_body"},
        "dose_ge24": {"planned_dose_per_fraction_gy": 24},
        "dose_20_23": {"planned_dose_per_fraction_gy": 20},
        "malalignment": {"alignment": "subluxation_translation"},
        "lytic": {"bone_lesion": "lytic"},
    }
    found = {
        name: scored("vcf_relative_hazard", lesion={"level": "T8", **lesion, **change}).total
        for name, change in changed.items()
    }
    assert found == expected
    assert scored("vcf_relative_hazard", lesion={"level": "T8", **lesion}).total == 1


@pytest.mark.parametrize(("given", "expected"), vectors("vcf_relative_hazard"))
def test_relative_hazard(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "vcf_relative_hazard",
        lesion__collapse=given["collapse"],
        lesion__planned_dose_per_fraction_gy=given["dose_per_fraction"],
        lesion__alignment="normal" if given["aligned"] else "de_novo_deformity",
        lesion__bone_lesion="lytic" if given["lytic"] else "mixed",
    )
    assert found.total == pytest.approx(expected["relative_hazard"], abs=0.2)


RESPONSES = {
    "CR": "complete_response",
    "PR": "partial_response",
    "PP": "pain_progression",
    "indeterminate": "indeterminate_response",
}


@pytest.mark.parametrize(("given", "expected"), vectors("pain_response_chow2012"))
def test_pain_response(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = scored(
        "pain_response",
        response={
            "months_after": 3,
            "pain_before_nrs": given["baseline_pain"],
            "pain_after_nrs": given["followup_pain"],
            "opioids_before_mg_day": given["baseline_omed_mg"],
            "opioids_after_mg_day": given["followup_omed_mg"],
        },
    )
    assert found.meaning == RESPONSES[expected["response"]]
    assert not found.warnings


@pytest.mark.parametrize(("given", "expected"), vectors("cord_dmax_risk_range_1_to_5pct"))
def test_cord_dose_without_previous_radiotherapy(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = cord_dose_range(given["n"], prior_radiotherapy=given["prior_rt"])
    assert (found.lower_gy, found.upper_gy) == (expected["lower_gy"], expected["upper_gy"])
    assert found.lower_eqd2_gy == pytest.approx(expected["eqd2_lower"], abs=0.01)
    assert found.upper_eqd2_gy == pytest.approx(expected["eqd2_upper"], abs=0.01)


@pytest.mark.parametrize(("fractions", "prior", "says"), [(6, False, "no range"), (1, True, "after previous")])
def test_cord_dose_is_refused(fractions: int, prior: bool, says: str) -> None:
    with pytest.raises(InputError, match=says):
        cord_dose_range(fractions, prior_radiotherapy=prior)


TESTED = {
    "prism",
    "van_der_linden",
    "rades_best_supportive_care_2013",
    "rpa_chao_2012",
    "rpa_balagamwala_2018",
    "nesms",
    "vcf_subdistribution_hazard_ratios",
    "vcf_relative_hazard",
    "pain_response_chow2012",
    "cord_dmax_risk_range_1_to_5pct",
}
ELSEWHERE = {
    "bed_eqd2",
    "eqd2",
    "rbe_weighted_dose",
    "max_single_fraction_for_eqd2_2",
    "max_total_dose_for_eqd2_2",
    "reirradiation_check",
    "cohort_summary",
}


def test_no_vector_is_forgotten() -> None:
    assert {vector["function"] for vector in VECTORS} == TESTED | ELSEWHERE


def test_the_table_of_hazards_is_a_product() -> None:
    assert score_table("vcf_relative_hazard").content["combine"] == "product"
