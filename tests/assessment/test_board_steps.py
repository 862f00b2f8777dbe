"""Steps of the board's page: what those with a time rest on, and where a step must be absent though it nearly fits."""

from __future__ import annotations

from typing import Any

import pytest
from cases import known
from test_board import board_of

from metaspine.patient.board import Step

CORD = {"neuro__myelopathy": True, "lesion__escc": "3"}
NO_GRADE = {"lesion__escc": None}
UNKNOWN = {"oncology__primary": "unknown"}
PREGNANT = {"patient__pregnant": True}
BENIGN = {"oncology__primary": "hemangioma"}
ROOT_PAIN = {"neuro__presentation": "unilateral_radicular_pain", "lesion__escc": "2"}


def steps(**changes: Any) -> dict[str, Step]:
    return {step.code: step for step in board_of(known(**changes)).steps}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "MRI_CURRENT"),
        (NO_GRADE, "MRI"),
        (ROOT_PAIN, "MRI_BEFORE_TREATMENT"),
        ({**CORD, **UNKNOWN}, "TISSUE"),
        ({}, "TREAT"),
        ({"oncology__primary": "sclc"}, "TREAT_DECIDE"),
        ({**PREGNANT, **CORD}, "TREAT_AFTER_STOP"),
        ({**BENIGN, **CORD}, "TREAT_BENIGN"),
    ],
    ids=str,
)
def test_a_step_with_a_time_rests_on_the_time_too(changes: dict[str, Any], code: str) -> None:
    board = board_of(known(**changes))
    (step,) = (step for step in board.steps if step.code == code)
    assert set(board.advice.leading.urgency.basis.evidence) <= set(step.evidence)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        # Compression explains the signs, though pregnancy stops the decision by the same code.
        ({**PREGNANT, **CORD}, "MRI_WHOLE_SPINE"),
        (PREGNANT, "MRI_WHOLE_SPINE"),
        (UNKNOWN, "TREAT_DECIDE"),
        (NO_GRADE, "TREAT_DECIDE"),
        (PREGNANT, "TREAT_DECIDE"),
        (CORD, "TREAT_AFTER_STOP"),
        ({**BENIGN, **CORD}, "TREAT_AFTER_STOP"),
        (BENIGN, "TREAT_BENIGN"),
        ({**PREGNANT, **UNKNOWN}, "TISSUE_FIRST"),
        (NO_GRADE, "MRI_CURRENT"),
    ],
    ids=str,
)
def test_a_step_that_nearly_fits_is_absent(changes: dict[str, Any], absent: str) -> None:
    assert absent not in steps(**changes)
