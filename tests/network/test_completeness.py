"""When a series counts as complete."""

from __future__ import annotations

import numpy as np
import pytest

from metaspine.exchange.network.completeness import Visit, missing_slices, settled
from metaspine.exchange.network.received import SlicePlace

AXIAL, SAGITTAL = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])


def visit(first_s: float, last_s: float, *, whole: bool) -> Visit:
    return Visit(first_s, last_s, whole)


@pytest.mark.parametrize(
    ("visits", "is_settled"),
    [
        ([], True),
        ([visit(0, 5, whole=True)], True),
        ([visit(0, 5, whole=False)], False),
        # Cut at 5 s, all sent again from 6 s on.
        ([visit(0, 5, whole=False), visit(6, 9, whole=True)], True),
        # Two connections at the same time, each with a half, one cut.
        ([visit(0, 5, whole=False), visit(1, 9, whole=True)], False),
        # Sent whole first, then a repetition was cut: it may have held something new.
        ([visit(0, 5, whole=True), visit(6, 7, whole=False)], False),
        ([visit(0, 5, whole=False), visit(6, 7, whole=False), visit(8, 9, whole=True)], True),
        # Cut before the program was killed.
        ([visit(float("-inf"), float("-inf"), whole=False)], False),
        ([visit(float("-inf"), float("-inf"), whole=False), visit(0, 1, whole=True)], True),
    ],
)
def test_a_connection_that_was_cut_is_made_good_by_a_later_one(visits: list[Visit], is_settled: bool) -> None:
    assert settled(visits) is is_settled
    assert settled(reversed(visits)) is is_settled


def places(along_mm: list[float], normal: np.ndarray = AXIAL) -> list[SlicePlace]:
    return [SlicePlace(normal, value) for value in along_mm]


@pytest.mark.parametrize(
    ("along_mm", "missing"),
    [
        ([], 0),
        ([1.0], 0),
        ([0.0, 2.5], 0),
        ([5.0, 0.0, 2.5, 7.5], 0),
        ([0.0, 2.5, 2.5, 5.0], 0),
        ([0.0, 2.5, 7.5, 10.0, 12.5], 1),
        ([0.0, 1.0, 2.0, 6.0, 7.0, 9.0], 4),
        # Floating-point noise and a reconstruction 4 % uneven are no gaps.
        ([0.0, 1.04, 2.0, 3.04, 4.0], 0),
    ],
)
def test_gaps_between_slices_are_counted(along_mm: list[float], missing: int) -> None:
    assert missing_slices(places(along_mm)) == missing
    assert missing_slices(places([-value for value in along_mm])) == missing


def test_a_localiser_of_another_orientation_is_no_gap() -> None:
    assert missing_slices(places([0.0, 1.0, 2.0, 3.0]) + places([-400.0, 200.0], SAGITTAL)) == 0
    assert missing_slices(places([0.0, 1.0, 3.0, 4.0]) + places([-400.0, 200.0], SAGITTAL)) == 1
