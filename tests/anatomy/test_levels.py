"""Counting along a spine: what agrees, what contradicts, what cannot be counted."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from vertebra_phantom import mirrored, plain_spine, stored_otherwise

from metaspine.anatomy.levels import check_level
from metaspine.errors import LevelError
from metaspine.patient.levels import LEVELS
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role

LOWER = ["T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"]
THORACIC_RIBS = ("T10", "T11", "T12")


def relabelled(scan: Scan, names: dict[str, str]) -> Scan:
    changed = (replace(s, level=names.get(s.level, s.level)) if s.role is Role.VERTEBRA else s for s in scan.structures)
    return replace(scan, structures=tuple(changed))


def counted(scan: Scan, level: str) -> dict[str, tuple[str, str]]:
    return {count.landmark: (count.level, count.reason) for count in check_level(scan, level).counts}


@pytest.mark.parametrize("level", LOWER)
def test_sacrum_and_last_rib_agree(level: str) -> None:
    check = check_level(plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True), level)
    assert check.agrees is True
    assert [(count.landmark, count.level) for count in check.counts] == [("sacrum", level), ("last rib", level)]
    assert check.notes == ()


def test_labels_shifted_by_one_stop_the_plan() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True)
    shifted = relabelled(scan, {name: LEVELS[LEVELS.index(name) - 1] for name in ("T10", "T11", "T12")})
    shifted = relabelled(shifted, {"L1": "T12", "L2": "L1", "L3": "L2", "L4": "L3", "L5": "L4"})
    with pytest.raises(LevelError) as raised:
        check_level(shifted, "L1")
    message = str(raised.value)
    assert "L1 was stated and is labelled so" in message
    assert "counted from the sacrum it is L2" in message
    assert "counted from the last rib it is L2" in message
    assert "Count the level on an image that shows two landmarks" in message


def test_contradicting_counts_hint_at_transitional_anatomy() -> None:
    four_lumbar = [name for name in LOWER if name != "L5"]
    with pytest.raises(LevelError, match=r"contradict each other: transitional anatomy is likely, LEVEL-02"):
        check_level(plain_spine(four_lumbar, ribs_on=THORACIC_RIBS, sacrum=True), "L1")


@pytest.mark.parametrize(("extra", "after"), [("T13", "T12"), ("L6", "L5")])
def test_supernumerary_vertebrae_are_named_and_never_renumbered(extra: str, after: str) -> None:
    levels = list(LOWER)
    levels.insert(levels.index(after) + 1, extra)
    check = check_level(plain_spine(levels, ribs_on=THORACIC_RIBS, sacrum=True), "L2")
    assert check.agrees is None
    assert all(count.level == "" and f"{extra} is labelled" in count.reason for count in check.counts)
    assert any("LEVEL-02" in note for note in check.notes)


def test_no_landmark_no_count() -> None:
    check = check_level(plain_spine(["L1", "L2", "L3"]), "L2")
    assert check.agrees is None
    assert check.counts == ()
    assert "neither sacrum, nor ribs, nor C2" in check.notes[0]


def test_c2_counts_downwards() -> None:
    levels = ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "T1"]
    assert counted(plain_spine(levels), "T1")["C2"][0] == "T1"
    with pytest.raises(LevelError, match="counted from the C2 it is C7"):
        check_level(relabelled(plain_spine(levels[:-1]), {"C7": "T1"}), "T1")


def test_a_missing_label_makes_the_count_impossible() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True)
    kept = tuple(s for s in scan.structures if s.level != "L3")
    found = counted(replace(scan, structures=kept), "L2")
    assert found["sacrum"][0] == ""
    assert "a vertebra seems to be missing between L2 and L4" in found["sacrum"][1]
    assert found["last rib"][0] == "L2"
    notes = check_level(replace(scan, structures=kept), "L2").notes
    assert any("no label for L3 between L2 and L4" in note for note in notes)


def test_no_vertebra_above_the_sacrum_makes_the_count_impossible() -> None:
    scan = plain_spine(LOWER, sacrum=True)
    kept = tuple(s for s in scan.structures if s.level not in ("L4", "L5"))
    level, reason = counted(replace(scan, structures=kept), "L2")["sacrum"]
    assert level == ""
    assert re.search(r"\d+ mm without a labelled vertebra above the sacrum", reason)


def test_ribs_cut_by_the_image_are_not_counted() -> None:
    narrow = plain_spine(LOWER, ribs_on=THORACIC_RIBS, half_width_mm=44.0)
    level, reason = counted(narrow, "L1")["last rib"]
    assert level == ""
    assert "a rib there cannot be excluded" in reason
    level, reason = counted(plain_spine(LOWER[:3], ribs_on=THORACIC_RIBS), "T12")["last rib"]
    assert level == ""
    assert "the last rib may lie lower" in reason


def test_ribs_that_end_at_different_levels_are_doubtful() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS)
    kept = tuple(s for s in scan.structures if s.name != "rib_left_99_T12")
    level, reason = counted(replace(scan, structures=kept), "L1")["last rib"]
    assert level == ""
    assert "uneven" in reason


def test_swapped_labels_and_doubled_labels_are_refused() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True)
    with pytest.raises(LevelError, match="L1 lies cranial of T12: the labels do not follow each other"):
        check_level(relabelled(scan, {"T12": "L1", "L1": "T12"}), "L3")
    with pytest.raises(LevelError, match="L4 labelled more than once"):
        check_level(relabelled(scan, {"L5": "L4"}), "L2")
    with pytest.raises(LevelError, match="L4 is labelled 2 times"):
        check_level(relabelled(scan, {"L5": "L4"}), "L4")


def test_a_fragmented_label_is_noted() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True)
    target = next(s for s in scan.structures if s.level == "L2")
    values = target.region.values.copy()
    values[:, :, 4] = False
    broken = replace(target, region=type(target.region)(values, target.region.grid))
    parts = tuple(broken if s is target else s for s in scan.structures)
    assert any(
        "the label of L2 is in pieces" in note for note in check_level(replace(scan, structures=parts), "L3").notes
    )


def test_the_count_does_not_depend_on_storage_or_mirroring() -> None:
    scan = plain_spine(LOWER, ribs_on=THORACIC_RIBS, sacrum=True)
    for other in (stored_otherwise(scan, (2, 0, 1), (0, 2)), stored_otherwise(scan, (1, 2, 0), (1,)), mirrored(scan)):
        assert counted(other, "L1") == counted(scan, "L1")
    assert not np.array_equal(stored_otherwise(scan, (2, 0, 1), (0, 2)).image.grid.affine, scan.image.grid.affine)
