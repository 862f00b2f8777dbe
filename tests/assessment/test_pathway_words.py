"""Rules of the pathway that ask for one of several words: each word alone, and what is not among them."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known
from pathway_cases import CORD, HIGH, SRS, STAB_SRS, STABLE
from test_pathway import said

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document
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


@pytest.mark.parametrize(
    ("level", "speaks"), [*((level, True) for level in CORD_ENDS_BELOW), *((level, False) for level in NO_CORD)]
)
@pytest.mark.parametrize(("side", "rule"), [("table5_0_2mm", "VOL-04a"), ("text_1_5_2mm", "VOL-04b")])
def test_the_margin_of_the_cord_needs_a_cord(level: str, side: str, rule: str, speaks: bool) -> None:
    chosen = {"policy": {"CONFLICT-PRV": side}}
    found = said(**STAB_SRS, **chosen, lesion__level=level, lesion__levels_involved=None)
    assert (rule in found) is speaks
    assert {"VOL-04a", "VOL-04b"} & found.keys() == ({rule} if speaks else set())


SPARED = {"REC-02": {}, "REC-03": {"lesion__stabilised_already": True}}
"""The two roles of kyphoplasty with radiotherapy in which it is an alternative (B16)."""


@pytest.mark.parametrize("role", SPARED)
def test_kyphoplasty_with_radiotherapy_is_explained_in_both_its_roles(role: str) -> None:
    found = said(**SPARED[role])
    assert {"KYPHO-06", "KYPHO-07"} <= found.keys()
    assert "KYPHO-08" in said(**SPARED[role], patient__age_years=49.9)
    assert "KYPHO-08" not in said(**SPARED[role], patient__age_years=50, lesion__nrs=3)
    assert ("IORT-34" in found) == (role == "REC-03")


def test_resistance_alone_softens_no_rule_of_survival() -> None:
    short = {"patient__expected_survival_months": 2, "oncology__systemic_options_remaining": True}
    assert "SURG-02-SOFT" not in said(**SRS, **short)
    assert "SURG-02-SOFT" in said(**SRS, **short, lesion__escc="2")
    assert "SURG-02-SOFT" not in said(**short, lesion__escc="2")


@pytest.mark.parametrize(
    ("levels", "against", "adjacent"), [(1, False, True), (2, False, True), (3, False, False), (4, True, False)]
)
def test_the_levels_after_the_operation(levels: int, against: bool, adjacent: bool) -> None:
    document = known() | {"postop": {"contiguous_levels": levels, "asia": "E", "residual_escc": "0"}}
    found = advice_document(assess(case_from_document(document)))["postop_sbrt"]
    assert ("GT3_CONTIGUOUS_VERTEBRAE" in found["contraindications"]) is against
    assert ("ONE_TO_TWO_ADJACENT_LEVELS" in found["indications"]) is adjacent


@pytest.mark.parametrize(
    ("postop", "code"),
    [
        ({"contiguous_levels": 4}, "GT3_CONTIGUOUS_VERTEBRAE"),
        ({"asia": "A"}, "ASIA_A"),
        ({"residual_escc": "3"}, "RESIDUAL_BILSKY_3"),
    ],
)
def test_each_contraindication_after_the_operation_alone(postop: dict[str, Any], code: str) -> None:
    document = known() | {"postop": {"contiguous_levels": 1, "asia": "E", "residual_escc": "2"} | postop}
    assert advice_document(assess(case_from_document(document)))["postop_sbrt"]["contraindications"] == [code]
