"""Trajectories on a vertebra whose pedicles are known: fitting, tight, beside, unreachable; and never in the canal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phantom_vertebra import CANAL_HALF_WIDTH, FRAME, Phantom, in_canal, make_scan
from searching import channel_points, task_on

from metaspine.errors import NoTrajectory, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import Approach
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import surroundings
from metaspine.planning.trajectories import search

CHANNEL_MM = 7.0
FIELD_MM = 0.6
"""Distance fields are sampled this finely on masks of 0.75 mm voxels."""


def never_in_canal(path, diameter_mm: float = CHANNEL_MM) -> bool:
    wall = channel_points(path.isocentre_mm, path.direction, radius_mm=diameter_mm / 2)
    return not in_canal(wall).any()


def test_a_wide_pedicle_takes_the_channel_with_its_margin():
    paths, _ = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))))
    best = paths[0]
    assert (best.side, best.approach) == (Side.LEFT, Approach.TRANSPEDICULAR)
    assert best.pedicle_margin_mm >= 1.0
    wall = channel_points(best.isocentre_mm, best.direction, radius_mm=CHANNEL_MM / 2)
    in_pedicle = wall[(wall[:, 1] > -7.0) & (wall[:, 1] < 1.5)]
    inner = (in_pedicle[:, 0] - CANAL_HALF_WIDTH).min()
    outer = (CANAL_HALF_WIDTH + 11.0 - in_pedicle[:, 0]).min()
    assert min(inner, outer) == pytest.approx(best.pedicle_margin_mm, abs=FIELD_MM)
    assert min(inner, outer) > 0


def test_a_narrow_pedicle_is_tight_and_says_by_how_much():
    policy = PlanningPolicy(approaches=("transpedicular", "tight"))
    paths, blocked = search(task_on(Phantom(width_mm=6.0, lesion_mm=(15.0, -19.0, 2.0)), policy))
    best = paths[0]
    assert (best.side, best.approach) == (Side.LEFT, Approach.TRANSPEDICULAR_TIGHT)
    wall = channel_points(best.isocentre_mm, best.direction, radius_mm=CHANNEL_MM / 2)
    in_pedicle = wall[(wall[:, 1] > -7.0) & (wall[:, 1] < 1.5)]
    breach = (in_pedicle[:, 0] - CANAL_HALF_WIDTH - 6.0).max()
    assert breach >= 1.0, "a 7 mm channel cannot keep 1 mm from the canal in a 6 mm pedicle without a lateral breach"
    assert -best.pedicle_margin_mm == pytest.approx(breach, abs=FIELD_MM)
    assert any(f"{-best.pedicle_margin_mm:.1f} mm" in note and "lateral cortex" in note for note in best.notes)
    reasons = {(path.side, path.approach): path.reason for path in blocked}
    assert "1 mm are asked for" in reasons[Side.LEFT, Approach.TRANSPEDICULAR]


def test_a_very_narrow_pedicle_leaves_only_the_way_beside_it():
    paths, blocked = search(task_on(Phantom(width_mm=3.5, lesion_mm=(14.0, -20.0, 2.0))))
    assert {path.approach for path in paths} == {Approach.EXTRAPEDICULAR}
    assert {path.side for path in paths} == {Side.LEFT}
    assert {path.approach for path in blocked if path.side is Side.LEFT} == {
        Approach.TRANSPEDICULAR,
        Approach.TRANSPEDICULAR_TIGHT,
    }


def test_extrapedicular_is_thoracic_only():
    with pytest.raises(NoTrajectory, match="L3 has no rib"):
        search(task_on(Phantom(width_mm=3.5, lesion_mm=(14.0, -20.0, 2.0), level="L3")))


def test_ribs_block_the_way_beside_the_pedicle_and_are_named():
    phantom = Phantom(width_mm=3.5, lesion_mm=(14.0, -20.0, 2.0), ribs=True)
    grid, points = phantom.grid, phantom.points()
    wall = (np.abs(points[..., 0]) > 14.5) & (np.abs(points[..., 1]) < 3.0)
    rib = Structure("rib_left_12", Role.RIB, Volume(wall, grid), Origin.AUTOMATIC)
    with pytest.raises(NoTrajectory, match=r"from ribs or another vertebra.*rib_left_12"):
        search(task_on(phantom, scan=make_scan(phantom, extra=(rib,))))


def test_lung_in_the_channel_blocks():
    phantom = Phantom(width_mm=3.5, lesion_mm=(14.0, -20.0, 2.0))
    grid, points = phantom.grid, phantom.points()
    lung = Structure("lung_left", Role.LUNG, Volume(np.abs(points[..., 0]) > 15.0, grid), Origin.AUTOMATIC)
    with pytest.raises(NoTrajectory, match="lung, vessels or organs"):
        search(task_on(phantom, scan=make_scan(phantom, extra=(lung,))))


def test_a_lesion_that_cannot_be_reached_says_what_blocks_each_side_and_approach():
    with pytest.raises(NoTrajectory) as caught:
        search(task_on(Phantom(width_mm=9.5, lesion_mm=(0.0, -9.5, -8.0), lesion_radius_mm=3.0)))
    message = str(caught.value)
    for word in ("left, transpedicular", "right, transpedicular", "extrapedicular", "T12", "Check the lesion"):
        assert word in message


def test_a_mirrored_patient_swaps_the_sides():
    plain = Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))
    first, _ = search(task_on(plain))
    second, _ = search(task_on(replace(plain, mirrored=True)))
    assert first[0].side is Side.LEFT
    assert second[0].side is Side.RIGHT
    assert first[0].tip_mm[0] > 0 > second[0].tip_mm[0]
    assert second[0].medial_angle_deg == pytest.approx(first[0].medial_angle_deg, abs=6.0)


def test_angles_are_the_vertebras_own():
    path = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))))[0][0]
    x, y, z = path.direction
    assert path.medial_angle_deg == pytest.approx(np.degrees(np.arctan2(-x, -y)))
    assert path.cranial_angle_deg == pytest.approx(np.degrees(np.arctan2(z, -y)))


def test_the_depth_is_from_the_skin_to_the_tip():
    path = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))))[0][0]
    assert path.entry_mm is not None
    assert path.depth_mm is not None
    assert path.entry_mm[1] == pytest.approx(45.0, abs=1.0)
    assert path.depth_mm == pytest.approx((45.0 - path.tip_mm[1]) / -path.direction[1], abs=1.0)
    np.testing.assert_allclose(path.entry_mm + path.depth_mm * path.direction, path.tip_mm, atol=1e-6)


def test_without_skin_the_depth_is_not_determinable():
    path = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0), skin=False)))[0][0]
    assert path.entry_mm is None
    assert path.depth_mm is None
    assert any("not determinable" in note for note in path.notes)


def test_a_needle_that_is_too_short_is_named():
    task = task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0)))
    short = replace(task.applicator, channel=replace(task.applicator.channel, needle_length_mm=60.0))
    with pytest.raises(NoTrajectory, match="55 mm of the needle can be used"):
        search(replace(task, applicator=short))


def test_a_cannula_that_is_too_short_is_named():
    task = task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0)))
    short = replace(task.applicator, channel=replace(task.applicator.channel, cannula_length_mm=30.0))
    with pytest.raises(NoTrajectory, match="25 mm of the cannula can be used"):
        search(replace(task, applicator=short))


def test_the_search_is_deterministic():
    phantom = Phantom(width_mm=8.0)
    first, second = search(task_on(phantom))[0], search(task_on(phantom))[0]
    assert [path.score for path in first] == [path.score for path in second]
    np.testing.assert_array_equal(first[0].tip_mm, second[0].tip_mm)


def test_at_least_the_best_of_every_side_and_approach_is_shown():
    task = task_on(Phantom(width_mm=12.0, lesion_mm=(0.0, -22.0, 2.0), lesion_radius_mm=10.0))
    paths, blocked = search(task)
    told = {(path.side, path.approach) for path in paths} | {(path.side, path.approach) for path in blocked}
    assert told == {(side, approach) for side in Side for approach in Approach}
    assert [path.score for path in paths] == sorted((path.score for path in paths), reverse=True)
    assert len(paths) <= task.policy.shown_trajectories


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    width_mm=st.floats(4.0, 12.0),
    aside_mm=st.floats(-16.0, 16.0),
    forwards_mm=st.floats(-28.0, -14.0),
    diameter_mm=st.floats(4.0, 7.0),
)
def test_no_channel_ever_enters_the_canal(width_mm, aside_mm, forwards_mm, diameter_mm):
    phantom = Phantom(width_mm=width_mm, lesion_mm=(aside_mm, forwards_mm, 2.0))
    task = task_on(phantom)
    channel = replace(task.applicator.channel, working_channel_diameter_mm=diameter_mm)
    task = replace(task, applicator=replace(task.applicator, channel=channel))
    try:
        paths, _ = search(task)
    except NoTrajectory:
        return
    for path in paths:
        assert never_in_canal(path, diameter_mm)
        assert path.canal_clearance_mm >= task.policy.canal_clearance_mm


def test_the_brute_force_check_can_fail():
    straight = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))))[0][0]
    assert never_in_canal(straight)
    assert not never_in_canal(replace(straight, isocentre_mm=straight.isocentre_mm - [4.0, 0, 0]))


def test_without_any_canal_nothing_is_called_safe():
    phantom = Phantom()
    task, scan = task_on(phantom), make_scan(phantom)
    bone = scan.structure("vertebrae_T12").region
    assert isinstance(bone, Volume)
    with pytest.raises(StructureError, match="no path can be called safe"):
        surroundings(scan, task.vertebra, bone=bone, canal=())


def test_a_coarse_label_gives_the_same_path_within_its_voxel():
    fine = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0))))[0][0]
    coarse = search(task_on(Phantom(width_mm=11.0, lesion_mm=(15.5, -20.0, 2.0), spacing_mm=1.5)))[0][0]
    assert (coarse.side, coarse.approach) == (fine.side, fine.approach)
    assert never_in_canal(coarse)


def test_the_grid_of_the_phantom_is_upright():
    assert isinstance(Phantom().grid, Grid)
    assert Phantom().grid.frame_of_reference == FRAME
