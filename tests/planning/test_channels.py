"""The measuring kernel on a pedicle that is a box: every margin by hand, on both sides; what may be an isocentre."""

from __future__ import annotations

import numpy as np
import pytest
from phantom_vertebra import CANAL_HALF_WIDTH, ISTHMUS_Y, PEDICLE_HALF_HEIGHT, PEDICLE_Z, Phantom
from searching import prepared

from metaspine.patient.plan import Approach
from metaspine.patient.side import Side
from metaspine.planning.channels import Channels, measure, pedicle_zone
from metaspine.planning.grading import grade

PHANTOM = Phantom(width_mm=9.0)
FIELD_MM = 0.5
FORWARDS = np.array([0.0, -1.0, 0.0])


def straight(side: Side, *, aside_mm: float = 0.0, up_mm: float = 0.0) -> tuple[Channels, float, float]:
    """Measure a channel straight ahead, aside to lateral and up to cranial of the isthmus' centre."""
    task = prepared(PHANTOM, None)
    zone = pedicle_zone(task.vertebra, side)
    assert zone is not None
    across = CANAL_HALF_WIDTH + PHANTOM.width_mm / 2 + aside_mm
    isocentre = np.array([[side.lps_sign * across, -20.0, PEDICLE_Z + up_mm]])
    channels = measure(
        isocentre,
        FORWARDS[None],
        zone=zone,
        around=task.around,
        needle=task.needle,
        tip_beyond_isocentre_mm=2.2,
        canal_clearance_mm=-50.0,
    )
    return channels, aside_mm, up_mm


@pytest.mark.parametrize("side", list(Side))
def test_a_channel_in_the_middle_keeps_the_same_on_both_walls(side):
    channels, _, _ = straight(side)
    half_left = PHANTOM.width_mm / 2 - 3.5
    assert channels.lateral_margin[0] == pytest.approx(half_left, abs=FIELD_MM)
    assert channels.medial_margin[0] == pytest.approx(half_left, abs=FIELD_MM)
    assert channels.canal_clearance[0] == pytest.approx(half_left, abs=FIELD_MM)
    assert channels.axis_depth[0] == pytest.approx(PHANTOM.width_mm / 2, abs=FIELD_MM)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("aside_mm", "up_mm", "cortex", "breach_mm"),
    [
        (3.0, 0.0, "lateral", 2.0),
        (-3.0, 0.0, "medial", 2.0),
        (0.0, 6.5, "cranial", 2.0),
        (0.0, -6.5, "caudal", 2.0),
    ],
)
def test_a_breach_is_named_by_the_cortex_that_is_passed(side, aside_mm, up_mm, cortex, breach_mm):
    channels, _, _ = straight(side, aside_mm=aside_mm, up_mm=up_mm)
    margins = {name: getattr(channels, f"{name}_margin")[0] for name in ("lateral", "medial", "cranial", "caudal")}
    assert margins.pop(cortex) == pytest.approx(-breach_mm, abs=FIELD_MM)
    if cortex == "lateral":
        assert min(margins.values()) > -0.1
    else:
        assert margins["lateral"] > -0.1, "only a lateral breach may count as lateral"


def test_the_room_above_and_below_is_the_pedicles_own():
    assert straight(Side.LEFT, up_mm=PEDICLE_HALF_HEIGHT - 3.5 + 1.0)[0].cranial_margin[0] < 0
    assert straight(Side.LEFT, up_mm=-(PEDICLE_HALF_HEIGHT - 3.5 + 1.0))[0].caudal_margin[0] < 0


def test_the_zone_of_the_pedicle_points_outwards_on_both_sides():
    task = prepared(PHANTOM, None)
    for side in Side:
        zone = pedicle_zone(task.vertebra, side)
        assert zone is not None
        assert zone.lateral @ zone.isthmus_mm > 0
        assert zone.posterior_wall_mm == pytest.approx(7.5 + ISTHMUS_Y, abs=1e-9)


@pytest.mark.parametrize(
    ("aside_mm", "up_mm", "allowed"), [(0.5, 0.0, True), (3.0, 0.0, True), (0.5, 6.5, False), (0.5, -6.5, False)]
)
def test_only_a_lateral_breach_is_graded_tight(aside_mm, up_mm, allowed):
    task = prepared(PHANTOM, None)
    pedicle = task.vertebra.left_pedicle
    assert pedicle is not None
    channels, _, _ = straight(Side.LEFT, aside_mm=aside_mm, up_mm=up_mm)
    verdicts = grade(
        channels,
        task.needle,
        task.policy,
        around=task.around,
        level="T12",
        pedicle=pedicle,
        lateral_mm=np.array([aside_mm]),
        height_mm=np.array([up_mm]),
        coverage=np.array([0.9]),
        depth_mm=np.array([np.nan]),
    )
    assert verdicts[Approach.TRANSPEDICULAR_TIGHT].allowed[0] == allowed
    assert not verdicts[Approach.TRANSPEDICULAR].allowed[0]


def test_the_bone_entry_is_where_the_axis_meets_the_cortex():
    channels, _, _ = straight(Side.LEFT)
    assert channels.bone_entry_mm[0] == pytest.approx(20.0 + 2.2 + 14.0, abs=1.0)


def test_isocentre_and_tip_must_both_lie_in_the_lesion():
    task = prepared(PHANTOM, None)
    centre, radius = PHANTOM.lesion_centre(), PHANTOM.lesion_radius_mm
    back, front = centre - (radius - 3.0) * FORWARDS, centre + (radius - 1.5) * FORWARDS
    outside = centre + (radius + 3.0) * FORWARDS
    coverage = task.coverage(np.array([back, front, outside]), np.tile(FORWARDS, (3, 1)))
    assert coverage[0] > 0
    assert coverage[1] == -1.0, "the tip, 2.2 mm ahead, is out of the lesion"
    assert coverage[2] == -1.0
