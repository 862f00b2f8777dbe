"""For every rule of the board's page: a case in which it fires, one in which it does not, what is lost without it."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known
from test_board import board_of, lesions
from test_every_rule import without

from metaspine.assessment.explanation import board_document
from metaspine.assessment.rules import Rule, consulted
from metaspine.assessment.tables import rule_parts, rules

RULES = {rule.name: rule for name, part in rule_parts() if name == "board" for rule in rules(name, part)}

CORD = {"neuro__myelopathy": True, "lesion__escc": "3"}
LATE = {**CORD, "neuro__asia": "A", "neuro__symptom_duration_days": 3, "oncology__primary": "rcc"}
SCLC = known(oncology__primary="sclc")
STABLE = {"lesion__pain": "none", "lesion__collapse": "none"}
NO_TIME = {"neuro__presentation": "asymptomatic"}
RADES = {
    "patient__ecog": 4,
    "oncology__primary": "nsclc",
    "oncology__extraspinal_bone_mets": 3,
    "oncology__visceral_mets": "unremovable",
    "oncology__months_since_primary_diagnosis": 15,
    "neuro__ambulatory": False,
    "neuro__days_to_motor_deficit": 7,
}
EXPLAINED = lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "3"}, myelopathy=True)
NOT_EXPLAINED = lesions({"level": "L3", "escc": "1a"}, {"level": "T8", "escc": "1c"}, myelopathy=True)

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "steps.STEP-01": (known(patient__pregnant=True), known()),
    "steps.STEP-23": (known(neuro__myelopathy=None), known(neuro__myelopathy=None, neuro__cauda_equina=True)),
    "steps.STEP-02": (known(lesion__alignment="subluxation_translation", lesion__collapse="gt50"), known()),
    "steps.STEP-03": (known(neuro__myelopathy=True), known(**CORD)),
    "steps.STEP-04": (known(lesion__escc=None), known(lesion__escc=None, **NO_TIME)),
    "steps.STEP-05": (known(), known(neuro__myelopathy=True)),
    "steps.STEP-06": (known(lesion__escc=None, **NO_TIME), known(lesion__escc=None)),
    "steps.STEP-07": (known(**CORD, neuro__symptom_duration_days=0.5), known(**CORD, neuro__symptom_duration_days=0.6)),
    "steps.STEP-08": (known(**CORD, neuro__symptom_duration_days=0.6), known(**CORD, neuro__symptom_duration_days=0.5)),
    "steps.STEP-09": (known(**CORD, oncology__primary="unknown"), known(**CORD)),
    "steps.STEP-10": (known(lesion__escc="2", oncology__primary="unknown"), known(oncology__primary="unknown")),
    "steps.STEP-11": (known(oncology__primary="unknown"), known(lesion__escc="2", oncology__primary="unknown")),
    "steps.STEP-12": (known(patient__expected_survival_months=2.9), known(patient__expected_survival_months=3)),
    "steps.STEP-13": (known(), known(**STABLE)),
    "steps.STEP-14": (known(oncology__primary="rcc"), known()),
    "steps.STEP-15": (known(), known(**NO_TIME)),
    "steps.STEP-16": (SCLC, known()),
    "steps.STEP-17": (known(oncology__primary="unknown"), known(oncology__primary="unknown", **NO_TIME)),
    "steps.STEP-18": (known(neuro__presentation="unilateral_radicular_deficit"), known(**NO_TIME)),
    "steps.STEP-19": (
        known(neuro__presentation="unilateral_radicular_pain", lesion__escc="2"),
        known(neuro__presentation="unilateral_radicular_pain", lesion__escc="1c"),
    ),
    "steps.STEP-20": (known(**NO_TIME), known(**NO_TIME, lesion__escc="2")),
    "steps.STEP-21": (known(**CORD, oncology__primary="hemangioma"), known(oncology__primary="hemangioma")),
    "steps.STEP-22": (EXPLAINED, NOT_EXPLAINED),
    "because.OPTION-01": (known(lesion__pain="occasional_non_mechanical", lesion__collapse="gt50"), known()),
    "because.OPTION-02": (known(), known(lesion__pain="occasional_non_mechanical", lesion__collapse="gt50")),
    "because.OPTION-03": (SCLC, known()),
    "because.OPTION-04": (SCLC, known(oncology__primary="sclc", **STABLE)),
    "because.OPTION-05": (SCLC, known()),
    "because.OPTION-06": (SCLC, known(oncology__primary="rcc")),
    "because.OPTION-07": (known(neuro__functional_radiculopathy=True), known()),
    "because.OPTION-08": (known(**CORD, oncology__primary="unknown"), known(oncology__primary="unknown")),
    "because.OPTION-09": (known(**CORD), known(lesion__escc="3")),
    "because.OPTION-10": (
        known(oncology__primary="rcc", patient__expected_survival_months=2.9),
        known(oncology__primary="rcc", patient__expected_survival_months=3),
    ),
    "because.OPTION-11": (known(**LATE), known(**LATE | {"neuro__symptom_duration_days": 2})),
    "because.OPTION-12": (known(**LATE | {"neuro__symptom_duration_days": 2}), known(**LATE)),
    "because.OPTION-13": (known(**LATE), known(**LATE | {"neuro__symptom_duration_days": 2})),
    "because.OPTION-14": (known(lesion__escc="2", oncology__primary="rcc"), known(oncology__primary="rcc")),
    "replaces.REC-01-REPLACES": (known(lesion__escc="3", oncology__primary="rcc"), known(lesion__escc="3")),
    "replaces.REC-01-ESCC-3": (known(lesion__escc="3"), known()),
    "replaces.REC-02-SRS": (known(oncology__primary="rcc"), known()),
    "replaces.REC-02-CEBRT": (known(), known(lesion__escc="3")),
    "replaces.REC-03-REPLACES": (known(lesion__stabilised_already=True), known()),
    "supportive.GOC-01-OPTION": (
        known(patient__expected_survival_months=2.9),
        known(patient__expected_survival_months=3),
    ),
    "supportive.BSC-19": (known(**RADES), known(**RADES | {"oncology__visceral_mets": "none", "patient__ecog": 2})),
    "supportive.G1-16-OPTION": (known(**NO_TIME), known()),
    "among_lesions.BOARD-02": (EXPLAINED, NOT_EXPLAINED),
    "among_lesions.BOARD-03": (
        lesions(*({"level": f"T{n}"} for n in (8, 9, 10, 11))),
        lesions(*({"level": f"T{n}"} for n in (8, 9, 10))),
    ),
    "among_lesions.BOARD-04": (lesions({"level": "T8"}, {"level": "T12"}), lesions({"level": "T8"}, {"level": "L1"})),
    "among_lesions.BOARD-05": (lesions({"level": "T8"}, {"level": "L1"}), known()),
}
CHOSEN = {"because.OPTION-14": {"SRS-HIGH-GRADE": "s3_srs"}}
"""What a rule asks of a centre's policy."""


def test_every_rule_has_its_cases() -> None:
    assert {name.removeprefix("board.") for name in RULES} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_it_fires_where_it_should_and_nowhere_else(name: str) -> None:
    fires, silent = CASES[name]
    assert name in fired(fires, **CHOSEN.get(name, {}))
    assert name not in fired(silent, **CHOSEN.get(name, {}))


@pytest.mark.parametrize("name", CASES)
def test_without_it_the_page_is_another(name: str) -> None:
    rule: Rule = RULES[f"board.{name}"]
    document, choices = CASES[name][0], CHOSEN.get(name, {})
    before = board_document(board_of(document, **choices))
    with without(rule):
        assert board_document(board_of(document, **choices)) != before


def fired(document: dict[str, Any], **choices: str) -> set[str]:
    with consulted() as heard:
        board_of(document, **choices)
    return {rule.name.removeprefix("board.") for asked in heard for rule in asked.fired}
