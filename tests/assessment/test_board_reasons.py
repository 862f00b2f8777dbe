"""Why each treatment beside the preferred one stands on the board's page: all reasons of all of them, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known
from test_board import board_of

STABILISED = "if the surgeon decides to stabilise: the stability is indeterminate"
NOT_STABILISED = "if the surgeon decides not to stabilise: the stability is indeterminate"
TO_STABILISE = "if the spine is to be stabilised"
NEED_NOT = "if the spine need not be stabilised"
SENSITIVE = "if the tumour is taken as radiosensitive"
RESISTANT = "if the tumour is taken as radioresistant"
ROOT = "functional radiculopathy is a deficit that may be decompressed"
OPEN = "the radiotherapy after it depends on the histology"
TABLE = "the table of 2013: the tumour is radiosensitive; too slow for most patients with cord signs"
SHORT = "stays acceptable although the expected survival is under three months"
ALONE = "radiotherapy alone is acceptable with a complete deficit"
PAIN = "stabilisation for mechanical pain"
LATE = "decompression stays acceptable, though it is not expected to restore function after 48 h of complete deficit"
SURGERY = "surgery before radiosurgery, as S1 has it"

OCCASIONAL = {"lesion__pain": "occasional_non_mechanical", "lesion__collapse": "gt50"}
UNSTABLE = {"lesion__alignment": "subluxation_translation", "lesion__collapse": "gt50"}
RCC, SCLC, UNKNOWN = ({"oncology__primary": name} for name in ("rcc", "sclc", "unknown"))
CORD = {"neuro__myelopathy": True, "lesion__escc": "3"}
COMPLETE = {**CORD, **RCC, "neuro__asia": "A", "neuro__frankel": "A"}
RADICULOPATHY = {"neuro__functional_radiculopathy": True}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, {"CEBRT": (NOT_STABILISED,)}),
        (RCC, {"SRS": (NOT_STABILISED,)}),
        (OCCASIONAL, {"STAB_THEN_CEBRT": (STABILISED,)}),
        (OCCASIONAL | RCC, {"STAB_THEN_SRS": (STABILISED,)}),
        ({"lesion__pain": None}, {"STAB_THEN_CEBRT": (TO_STABILISE,), "CEBRT": (NEED_NOT,)}),
        ({"lesion__pain": None} | RCC, {"STAB_THEN_SRS": (TO_STABILISE,), "SRS": (NEED_NOT,)}),
        (
            SCLC,
            {
                "STAB_THEN_CEBRT": (TO_STABILISE, SENSITIVE),
                "CEBRT": (NEED_NOT, SENSITIVE),
                "STAB_THEN_SRS": (TO_STABILISE, RESISTANT),
                "SRS": (NEED_NOT, RESISTANT),
            },
        ),
        (
            SCLC | {"lesion__escc": "2"},
            {
                "STAB_THEN_CEBRT": (TO_STABILISE, SENSITIVE),
                "CEBRT": (NEED_NOT, SENSITIVE),
                "SEP_SURG_THEN_SRS": (RESISTANT,),
            },
        ),
        (CORD, {"STAB_THEN_CEBRT": (TABLE,), "CEBRT": (TABLE,)}),
        (CORD | RADICULOPATHY, {"STAB_THEN_CEBRT": (TABLE,), "CEBRT": (TABLE,)}),
        (CORD | UNKNOWN, {"DECOMP_STAB_THEN_RT": (OPEN,)}),
        (CORD | UNKNOWN | RADICULOPATHY, {"DECOMP_STAB_THEN_RT": (ROOT, OPEN)}),
        (RADICULOPATHY, {"CEBRT": (NOT_STABILISED,), "DECOMP_STAB_THEN_RT": (ROOT,)}),
        (COMPLETE | {"neuro__symptom_duration_days": 2}, {"CEBRT": (ALONE,)}),
        (
            COMPLETE | UNSTABLE | {"neuro__symptom_duration_days": 2.1},
            {"STAB_THEN_CEBRT": (PAIN,), "DECOMP_STAB_THEN_CEBRT": (LATE,)},
        ),
        (RCC | {"patient__expected_survival_months": 2.9}, {"SRS": (SHORT,)}),
        (UNSTABLE, {}),
    ],
)
def test_reasons(changes: dict[str, Any], reasons: dict[str, tuple[str, ...]]) -> None:
    options = board_of(known(**changes)).lesions[0].options
    assert {each.code: each.because for each in options if each.standing == "acceptable"} == reasons


@pytest.mark.parametrize(("stability", "row"), [({}, "STAB_THEN_SRS"), (OCCASIONAL, "SRS")])
def test_a_centre_that_puts_radiosurgery_first_sees_surgery_beside_it(stability: dict[str, Any], row: str) -> None:
    options = board_of(known(**RCC, **stability, lesion__escc="2"), **{"SRS-HIGH-GRADE": "s3_srs"}).lesions[0].options
    assert options[0].code == row
    assert {each.code: each.because for each in options}["SEP_SURG_THEN_SRS"] == (SURGERY,)
