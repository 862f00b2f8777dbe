"""What each row of the NOMS table does, row by row: with which radiotherapy, and whether after an operation (B1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import known

from metaspine.assessment import assess
from metaspine.assessment.answers import answered_facts
from metaspine.exchange.case_file import case_from_document

DOES = {
    "CEBRT": {"a_row_irradiates", "a_row_with_cebrt"},
    "SRS": {"a_row_irradiates", "a_row_with_srs"},
    "STAB_THEN_CEBRT": {"a_row_irradiates", "a_row_with_cebrt", "cebrt_follows_surgery", "a_row_operates"},
    "STAB_THEN_SRS": {"a_row_irradiates", "a_row_with_srs", "srs_follows_surgery", "a_row_operates"},
    "SEP_SURG_THEN_SRS": {
        "a_row_irradiates",
        "a_row_with_srs",
        "srs_follows_surgery",
        "a_row_operates",
        "a_row_decompresses",
    },
    "DECOMP_STAB_THEN_RT": {
        "a_row_irradiates",
        "a_row_with_cebrt",
        "cebrt_follows_surgery",
        "a_row_operates",
        "a_row_decompresses",
    },
    "DECOMP_STAB_THEN_CEBRT": {
        "a_row_irradiates",
        "a_row_with_cebrt",
        "cebrt_follows_surgery",
        "a_row_operates",
        "a_row_decompresses",
    },
    "TISSUE_FIRST": set(),
    "MANUAL_REVIEW": set(),
}
ASKED = set().union(*DOES.values())


@pytest.mark.parametrize("row", DOES)
def test_what_a_row_alone_does(row: str) -> None:
    case = case_from_document(known())
    advice = assess(case)
    (lesion,) = advice.lesions
    alone = replace(lesion, noms=replace(lesion.noms, acceptable=(row,)))
    facts = answered_facts(case, case.lesions[0], replace(advice, lesions=(alone,)), alone)
    assert {name for name in ASKED if facts[name]} == DOES[row]
