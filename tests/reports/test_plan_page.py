"""The first page: warnings before numbers, every number with its unit, nothing blank, nothing hidden."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from metaspine.patient.dose import Dose
from metaspine.patient.plan import Caution, Plan
from metaspine.patient.prescription import Prescription
from metaspine.patient.vertebra import LandmarkCount, LevelCheck
from metaspine.reports import plan_page as page_module
from metaspine.reports.alternatives import paths_page
from metaspine.reports.blocks import KeyNumbers, Notice, Remark, Remarks
from metaspine.reports.plan_page import plan_page


def words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value.replace("\u00a0", " ")]
    if isinstance(value, tuple | list):
        return [word for item in value for word in words(item)]
    if is_dataclass(value):
        return [word for field in fields(value) for word in words(getattr(value, field.name))]
    return []


def text(value: object) -> str:
    return "\n".join(words(value))


def test_warnings_come_first_and_the_gravest_of_them_before_the_others(plan: Plan) -> None:
    blocks = plan_page(plan).blocks
    assert [type(block) for block in blocks[:4]] == [Notice, Notice, Remarks, KeyNumbers]
    assert {block.tone for block in blocks[:2]} == {"stop"}
    assert blocks[0].evidence == "DEV-01"
    assert blocks[2].remarks == (Remark("The prescription distance was reduced from 13.0 to 11.6 mm.", "IORT-21"),)


def test_a_warning_without_a_source_says_so_unless_its_words_name_one(plan: Plan) -> None:
    bare = replace(plan, warnings=(Caution("A", "odd"), Caution("B", "odd (DVH-01)")))
    assert plan_page(bare).blocks[0].remarks == (Remark("Odd.", "source unknown"), Remark("Odd (DVH-01).", ""))


def test_an_explanation_that_a_warning_gave_is_not_given_twice(plan: Plan) -> None:
    words = plan.prescription.explanation
    told = replace(plan, warnings=(Caution("REDUCED", words, "IORT-21"),))
    assert text(plan_page(plan)).count(words) == 1
    assert text(plan_page(told)).count(words) == 1


def test_a_prescription_from_another_origin_is_also_told_from_the_isocentre(plan: Plan) -> None:
    requested = Prescription(dose_gy=8, depth_mm=10, origin="applicator_surface")
    other = replace(plan, prescription=replace(plan.prescription, requested=requested, requested_distance_mm=12.2))
    page = text(plan_page(other))
    assert "8.00 Gy at 10.0 mm from the applicator surface" in page
    assert "12.2 mm from the isocentre" in page
    border = replace(plan.prescription, requested=Prescription(dose_gy=8, to_lesion_border=True))
    assert "8.00 Gy to the lesion's border" in text(plan_page(replace(plan, prescription=border)))


def test_the_numbers_of_the_plan_stand_with_units_and_bounds(plan: Plan) -> None:
    page = text(plan_page(plan))
    for expected in (
        "8.00 Gy at 13.0 mm from the isocentre",
        "8.00 Gy at 11.6 mm from the isocentre — REDUCED",
        "the limit allows up to 11.6 mm",
        "1.60 Gy/min ± 8.0 % (1 standard deviation)",
        "5 min 00 s (300 s)",
        "11.6 mm from the isocentre, 1.60 Gy/min: 8 Gy in 5 min 00 s",
        "maximum 5.31 Gy, upper 95 % 7.96 Gy",
        "D0.03cc 4.87 Gy, upper 95 % 7.12 Gy",
        "nearest point 18.4 mm from the isocentre",
        "87.1 % of the lesion gets 8.00 Gy or more; 95.3 % at the requested distance: 8.2 % lost to the limit",
        "37° towards the midline, 6° cranially",
        "1.4 mm to the pedicle's outer cortex, 3.3 mm to the canal",
        "tip position ± 1.0 mm",
        "IORT-21",
    ):
        assert expected in page, expected


def test_an_unconfirmed_structure_is_named_and_cannot_decide(plan: Plan) -> None:
    page = text(plan_page(plan))
    assert "spinal_cord (UNCONFIRMED): met; cannot decide alone: a person must confirm the structure first" in page
    confirmed = replace(plan, limit=replace(plan.limit, structure_confirmed=True, decides=True))
    assert "cannot decide" not in text(plan_page(confirmed))


def test_a_limit_that_is_broken_is_shouted(plan: Plan) -> None:
    broken = replace(plan, limit=replace(plan.limit, met=False))
    page = text(plan_page(broken))
    assert "NOT MET" in page
    assert "ABOVE the limit of 8.00 Gy" in page


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"depth_mm": None, "entry_mm": None},
            "not determinable, because the image holds no skin on the needle's axis",
        ),
        ({"pedicle_margin_mm": -0.8}, "its wall passes 0.8 mm beyond the pedicle's cortex"),
        ({"pedicle_margin_mm": math.nan}, "not determinable, because the pedicle was not found"),
        ({"medial_angle_deg": -4.0, "cranial_angle_deg": -9.0}, "4° away from the midline, 9° caudally"),
        ({"isocentre_mm": np.array([-2.0, 4.0, -250.04])}, "R2.0 P4.0 I250.0"),
    ],
)
def test_geometry_is_said_in_words(plan: Plan, change: dict[str, object], expected: str) -> None:
    assert expected in text(plan_page(replace(plan, trajectory=replace(plan.trajectory, **change))))


def test_a_structure_too_small_for_d003cc_says_so(plan: Plan) -> None:
    small = replace(plan, limit=replace(plan.limit, d003cc_gy=None, d003cc_upper_95_gy=None))
    assert "D0.03cc not determinable, because the structure is smaller than 0.03 cc" in text(plan_page(small))


@pytest.mark.parametrize(
    ("agrees", "expected"),
    [
        (True, "independent count agrees"),
        (None, "no independent count was possible: confirm the level in theatre"),
        (False, "INDEPENDENT COUNT DISAGREES"),
    ],
)
def test_the_level_check_is_told_whole(agrees: bool | None, expected: str) -> None:
    check = LevelCheck("T12", "", (LandmarkCount("sacrum", ""),), agrees)
    told = page_module.level_check_words(check)
    assert expected in told
    assert "no level label in the image" in told
    assert "no count from the sacrum, because the reason is unknown" in told


def test_the_side_is_the_patients(plan: Plan) -> None:
    assert "RIGHT side of the patient" in text(plan_page(plan))


def test_a_calibrated_plan_as_requested_raises_no_alarm(plan: Plan) -> None:
    good = replace(
        plan,
        warnings=(),
        output=replace(plan.output, calibrated=True),
        limit=replace(plan.limit, decides=True),
        prescription=replace(plan.prescription, reduced=False),
    )
    numbers = next(block for block in plan_page(good).blocks if isinstance(block, KeyNumbers))
    assert not any(number.alarm for number in numbers.numbers)
    assert not any(isinstance(block, Notice | Remarks) for block in plan_page(good).blocks)


def test_no_page_of_a_plan_prints_blank_none_or_nan(plan: Plan, dose: Dose) -> None:
    bare = replace(plan, alternatives=(), blocked=(), policy=(), hand_check="", warnings=())
    for page in (plan_page(plan), plan_page(bare), paths_page(bare)):
        assert not any(word in text(page).split() for word in ("None", "nan", "inf"))
    assert "unknown" in text(plan_page(bare))
    assert "No path was blocked." in text(paths_page(bare))


def test_alternatives_and_blocked_paths_keep_their_margins_and_reasons(plan: Plan) -> None:
    page = text(paths_page(plan))
    assert "0.6 mm" in page
    assert "the rib lies in the way at every angle tried" in page
    assert "1 mm (PLAN-02, C)" in page
