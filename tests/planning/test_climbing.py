"""The climb against brute force: many axes drawn about a pedicle, of which none that is allowed may be much better."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from phantom_vertebra import Phantom
from searching import task_on

from metaspine.errors import NoTrajectory
from metaspine.patient.plan import Approach
from metaspine.patient.side import Side
from metaspine.planning.candidates import Candidates, Corridor, SearchTask, graded, raster, scores
from metaspine.planning.channels import STEP_MM, pedicle_zone
from metaspine.planning.climbing import climbed
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.trajectories import search

DRAWN = 30_000


def corridor_of(task: SearchTask) -> Corridor:
    zone, pedicle = pedicle_zone(task.vertebra, Side.LEFT), task.vertebra.left_pedicle
    assert zone is not None
    assert pedicle is not None
    return Corridor(Side.LEFT, zone, pedicle)


def drawn(task: SearchTask, corridor: Corridor) -> Candidates:
    """Axes through the isthmus to anywhere in the lesion's neighbourhood."""
    chance, zone = np.random.default_rng(20261129), corridor.zone
    low, high = task.isocentres_mm.min(axis=0) - 2, task.isocentres_mm.max(axis=0) + 2
    isocentres = chance.uniform(low, high, (DRAWN, 3))
    across, up = chance.uniform(-6, 6, DRAWN), chance.uniform(-8, 8, DRAWN)
    through = zone.isthmus_mm + across[:, None] * zone.lateral + up[:, None] * zone.cranial
    way = isocentres - through
    return graded(task, corridor, isocentres, way / np.linalg.norm(way, axis=1)[:, None])


def best(task: SearchTask, approach: Approach, candidates: Candidates) -> float:
    return float(scores(task, approach, candidates)[candidates.verdicts[approach].allowed].max(initial=-np.inf))


@pytest.mark.parametrize(
    ("width_mm", "approach"), [(11.0, Approach.TRANSPEDICULAR), (6.0, Approach.TRANSPEDICULAR_TIGHT)]
)
def test_no_drawn_axis_is_much_better_than_where_the_climb_ends(width_mm, approach):
    task = task_on(Phantom(width_mm=width_mm, lesion_mm=(12.0, -21.0, 2.0), lesion_radius_mm=8.0))
    corridor = corridor_of(task)
    candidates = graded(task, corridor, *raster(task, corridor))
    reached = best(task, approach, climbed(task, corridor, approach, candidates, through_skin=True))
    assert np.isfinite(reached)
    assert reached >= best(task, approach, drawn(task, corridor)) - 0.01
    assert reached > best(task, approach, candidates), "the raster alone would do, and the test shows nothing"


def test_a_cannula_that_is_too_short_for_the_best_way_is_led_another_way():
    """Lengths are part of the search: the way that the cannula can go is looked for, not waited for."""
    policy = PlanningPolicy(approaches=("tight",))
    task = task_on(Phantom(width_mm=11.0, lesion_mm=(12.0, -21.0, 2.0), lesion_radius_mm=8.0), policy)
    [path, *_], _ = search(task)
    to_bone = float(np.linalg.norm(path.bone_entry_mm - path.entry_mm))
    channel = replace(task.applicator.channel, cannula_length_mm=to_bone - 1 + policy.hub_reserve_mm)
    shorter = replace(task, applicator=replace(task.applicator, channel=channel))
    [other, *_], _ = search(shorter)
    assert float(np.linalg.norm(other.bone_entry_mm - other.entry_mm)) <= to_bone - 1 + 1e-6
    assert other.score >= best(shorter, other.approach, drawn(shorter, corridor_of(shorter))) - 0.01


def test_the_reason_names_the_nearest_that_was_found():
    """The raster's axes count as well as those that were climbed to."""
    task = task_on(Phantom(width_mm=11.0, lesion_mm=(12.0, -21.0, 2.0), lesion_radius_mm=8.0))
    channel = replace(task.applicator.channel, cannula_length_mm=30.0)
    with pytest.raises(NoTrajectory) as caught:
        search(replace(task, applicator=replace(task.applicator, channel=channel)))
    [told] = re.findall(r"left, transpedicular: ([\d.]+) mm from skin to bone at best", str(caught.value))
    corridor = corridor_of(task)
    drawn_axes = drawn(task, corridor)
    verdict = drawn_axes.verdicts[Approach.TRANSPEDICULAR]
    depths = np.linalg.norm(drawn_axes.tips_mm - drawn_axes.entries_mm, axis=1) - drawn_axes.channels.bone_entry_mm
    shortest = np.nanmin(depths[verdict.allowed_but_for_length])
    assert float(told) <= shortest + STEP_MM + 0.05, "bone is looked for in such steps, and a tenth is printed"


def test_a_way_that_no_axis_can_mend_is_not_climbed():
    task = task_on(Phantom(width_mm=3.5, lesion_mm=(14.0, -20.0, 2.0), level="L3"))
    corridor = corridor_of(task)
    candidates = graded(task, corridor, *raster(task, corridor))
    assert climbed(task, corridor, Approach.EXTRAPEDICULAR, candidates, through_skin=True) is candidates


def test_a_way_is_found_where_every_axis_known_comes_too_near_the_canal():
    """Nothing else is measured of those axes, and nothing may be concluded from that."""
    task = task_on(Phantom(width_mm=6.0, lesion_mm=(12.0, -21.0, 2.0), lesion_radius_mm=8.0))
    corridor = corridor_of(task)
    candidates = graded(task, corridor, *raster(task, corridor))
    near = candidates.channels.canal_clearance < task.policy.canal_clearance_mm
    candidates = graded(task, corridor, candidates.isocentres_mm[near], candidates.directions[near])
    found = climbed(task, corridor, Approach.TRANSPEDICULAR_TIGHT, candidates, through_skin=True)
    assert found.verdicts[Approach.TRANSPEDICULAR_TIGHT].allowed.any()
