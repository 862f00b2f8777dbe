"""Rules of the pathway that ask for one of several words: each word alone, and what is not among them."""

from __future__ import annotations

from typing import Any

import pytest
from pathway_cases import CORD, HIGH, SRS, STABLE
from test_pathway import said

from metaspine.patient.case import Primary

PRIMARIES: tuple[str, ...] = Primary.__args__  # type: ignore[attr-defined]

BONE = ("BONE-05", "BONE-06", "BONE-09")
NO_BONE_AGENT = {"hemangioma", "chordoma", "lymphoma", "plasmacytoma", "leukemia", "unknown"}
"""B5: bone-modifying agents are for metastases of solid tumours and for myeloma, of a proven primary."""
MEN = {"prostate", "seminoma"}


def of_primary(primary: str) -> dict[str, Any]:
    return {"oncology__primary": primary, "patient__sex": "M" if primary in MEN else "F"}


@pytest.mark.parametrize("primary", PRIMARIES)
def test_who_gets_a_bone_modifying_agent(primary: str) -> None:
    found = said(**of_primary(primary))
    names = BONE
    assert [name in found for name in names] == 3 * [primary not in NO_BONE_AGENT]


@pytest.mark.parametrize("primary", sorted({"breast", "multiple_myeloma", *NO_BONE_AGENT}))
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"patient__pregnant": True}, "BONE-01"),
        ({"patient__creatinine_clearance_ml_min": 29}, "BONE-02"),
        ({"patient__creatinine_clearance_ml_min": 30}, "BONE-03"),
        ({"patient__creatinine_clearance_ml_min": 34.9}, "BONE-03"),
        ({"patient__creatinine_clearance_ml_min": 35}, "BONE-04"),
        ({"patient__creatinine_clearance_ml_min": 60}, "BONE-04"),
        (CORD | HIGH, "BONE-07"),
        ({"patient__dental_check_done": False}, "BONE-08"),
    ],
)
def test_what_is_said_of_bone_agents_is_said_to_them_alone(primary: str, change: dict[str, Any], rule: str) -> None:
    found = said(**of_primary(primary) | change)
    assert (rule in found) == (primary not in NO_BONE_AGENT)


@pytest.mark.parametrize(("clearance", "rule"), [(29.9, "BONE-02"), (30, "BONE-03"), (35, "BONE-04"), (60.1, "")])
def test_the_clearances_of_zoledronate(clearance: float, rule: str) -> None:
    found = said(patient__creatinine_clearance_ml_min=clearance).keys()
    assert found & {"BONE-02", "BONE-03", "BONE-04"} == ({rule} if rule else set())
    assert ("BONE-05" in found) == (clearance >= 30)


CORD_ENDS_BELOW = ("C3", "T1", "T8", "T12", "L1", "L2")
NO_CORD = ("L3", "L4", "L5", "S1", "S2", "S3", "S4", "S5")


@pytest.mark.parametrize(
    ("level", "speaks"), [*((level, True) for level in CORD_ENDS_BELOW), *((level, False) for level in NO_CORD)]
)
def test_myelopathy_needs_a_cord(level: str, speaks: bool) -> None:
    found = said(**SRS, lesion__level=level, lesion__levels_involved=None)
    assert ("TOX-01" in found) is speaks


ACUTE = {"OESOPHAGITIS", "OESOPHAGITIS_UPPER_THORACIC", "NAUSEA", "LOOSE_STOOLS"}


@pytest.mark.parametrize(
    ("level", "codes"),
    [
        ("C7", {"OESOPHAGITIS"}),
        *((f"T{number}", {"OESOPHAGITIS_UPPER_THORACIC"}) for number in (1, 2, 3, 4)),
        *((f"T{number}", set()) for number in (5, 8, 12)),
        ("L1", {"NAUSEA"}),
        ("L5", {"NAUSEA"}),
        ("S1", {"LOOSE_STOOLS"}),
    ],
)
def test_acute_toxicity_by_region(level: str, codes: set[str]) -> None:
    found = said(lesion__level=level, lesion__levels_involved=None)
    assert {one.code for one in found.values()} & ACUTE == codes


PLAIN = {**SRS, "lesion__bone_lesion": "blastic", "lesion__collapse": "none", "lesion__alignment": "normal"} | {
    "patient__age_years": 55,
    "lesion__planned_dose_per_fraction_gy": 16,
}


@pytest.mark.parametrize(
    ("change", "raised"),
    [
        ({}, False),
        ({"lesion__bone_lesion": "lytic"}, True),
        ({"lesion__bone_lesion": "mixed"}, False),
        ({"lesion__alignment": "subluxation_translation"}, True),
        ({"lesion__alignment": "de_novo_deformity"}, True),
        ({"lesion__collapse": "gt50"}, True),
        ({"lesion__collapse": "lt50"}, True),
        ({"lesion__collapse": "none_gt50_body"}, True),
        ({"patient__age_years": 55.1}, True),
        ({"lesion__planned_dose_per_fraction_gy": 19.9}, False),
        ({"lesion__planned_dose_per_fraction_gy": 20}, True),
    ],
)
def test_each_factor_of_fracture_alone(change: dict[str, Any], raised: bool) -> None:
    assert ("TOX-02" in said(**PLAIN | change)) is raised


@pytest.mark.parametrize(("gy", "high"), [(18, False), (18.1, True)])
def test_a_dose_per_fraction_over_18_gy(gy: float, high: bool) -> None:
    assert ("TOX-04" in said(**PLAIN | {"lesion__planned_dose_per_fraction_gy": gy})) is high


@pytest.mark.parametrize(("primary", "speaks"), [("nsclc", True), ("prostate", True), ("breast", True), ("rcc", False)])
def test_whose_metastasis_is_looked_at_for_its_genes(primary: str, speaks: bool) -> None:
    found = said(**of_primary(primary))
    assert ("MUT-06" in found) is speaks
    resting = said(**of_primary(primary) | STABLE)
    assert "MUT-06" not in resting


@pytest.mark.parametrize("finding", ["bilateral", "unilateral", "at_least_unilateral"])
def test_involved_posterior_elements_ask_for_cemented_screws(finding: str) -> None:
    stable = {"lesion__bone_lesion": "blastic", "lesion__collapse": "none"}
    assert "SURG-11g" in said(**stable, lesion__posterolateral=finding)
    assert "SURG-11g" not in said(**stable, lesion__posterolateral="none")
