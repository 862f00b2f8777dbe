"""Which neighbours a level must be compared with before it is believed."""

from __future__ import annotations

import pytest

from metaspine.errors import LevelError
from metaspine.imaging.registration_level import refuse_one_sided


@pytest.mark.parametrize(
    ("level", "tried"),
    [
        ("T12", ["T11", "L1"]),
        ("T12", ["T10", "T11", "T13"]),
        ("L5", ["L4", "S1"]),
        ("L5", ["L4", "L6"]),
        ("C7", ["T1", "C6", "T2"]),
    ],
)
def test_both_sides_are_enough(level: str, tried: list[str]) -> None:
    refuse_one_sided(level, tried)


@pytest.mark.parametrize(
    ("level", "tried", "missing"),
    [
        ("T12", ["T10", "L1"], "above"),
        ("T12", ["T11", "L2"], "below"),
        ("T12", ["T12"], "above and below"),
        ("L1", ["T13", "unnamed"], "below"),
        ("my vertebra", ["T11", "L1"], "above and below"),
    ],
)
def test_a_side_without_its_next_vertebra_is_refused(level: str, tried: list[str], missing: str) -> None:
    with pytest.raises(LevelError, match=rf"{level}: the level cannot be checked: no vertebra next {missing} {level}"):
        refuse_one_sided(level, tried)
