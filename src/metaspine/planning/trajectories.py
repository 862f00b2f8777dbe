"""The search for a needle path: over both pedicles, every approach, many isocentres in the lesion.

Candidate axes run through a raster about each pedicle's isthmus to isocentres inside the lesion. Each is measured
(:mod:`metaspine.planning.channels`), graded (:mod:`metaspine.planning.grading`) and scored (PLAN-12); from the best of
each side and approach the search climbs to the best axes nearby (:mod:`metaspine.planning.climbing`). Where the image
shows no skin on a path, what the lengths of needle and cannula allow is not known: such paths are shown only where it
shows skin on none that would else be right. Nothing is random: the same input gives the same paths.
"""

from __future__ import annotations

import numpy as np

from metaspine.errors import NoTrajectory
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Approach, BlockedPath, Trajectory
from metaspine.patient.side import Side
from metaspine.planning.candidates import Candidates, Corridor, SearchTask, graded, raster, scores
from metaspine.planning.channels import Channels, pedicle_zone
from metaspine.planning.climbing import alike, apart, climbed
from metaspine.planning.grading import blocking_reason, together
from metaspine.planning.needle import Needle

APPROACHES = {
    "transpedicular": Approach.TRANSPEDICULAR,
    "tight": Approach.TRANSPEDICULAR_TIGHT,
    "extrapedicular": Approach.EXTRAPEDICULAR,
}


def search(task: SearchTask) -> tuple[tuple[Trajectory, ...], tuple[BlockedPath, ...]]:
    """Return the best paths, best first, and what blocks the sides and approaches that have none.

    Raises
    ------
    NoTrajectory
        When there is no path at all; the message says what blocks each side and approach.
    """
    found: list[Trajectory] = []
    blocked: list[BlockedPath] = []
    for side in Side:
        paths, reasons = _search_side(task, side)
        found += paths
        blocked += reasons
    if not found:
        lines = "; ".join(f"{path.side.value}, {path.approach.value}: {path.reason}" for path in blocked)
        raise NoTrajectory(
            f"no needle path reaches the lesion within the policy: {lines}",
            where=task.vertebra.level,
            remedy="Check the lesion and the level, another working channel, or another procedure",
        )
    return _shown(found, task.policy.shown_trajectories), tuple(blocked)


def _search_side(task: SearchTask, side: Side) -> tuple[list[Trajectory], list[BlockedPath]]:
    approaches = [APPROACHES[name] for name in task.policy.approaches]
    zone, pedicle = pedicle_zone(task.vertebra, side), task.vertebra.pedicle(side)
    if zone is None or pedicle is None:
        why = "; ".join(task.vertebra.notes) or "the label shows none"
        reason = f"the pedicle or the canal was not found ({why})"
        return [], [BlockedPath(side, approach, reason) for approach in approaches]
    corridor = Corridor(side, zone, pedicle)
    candidates = graded(task, corridor, *raster(task, corridor))
    paths: list[Trajectory] = []
    blocked: list[BlockedPath] = []
    for approach in approaches:
        own, reason = _of_approach(task, corridor, approach, candidates)
        paths += own
        if reason:
            blocked.append(BlockedPath(side, approach, reason))
    return paths, blocked


def _of_approach(
    task: SearchTask, corridor: Corridor, approach: Approach, candidates: Candidates
) -> tuple[list[Trajectory], str]:
    sources = (climbed(task, corridor, approach, candidates, through_skin=True), candidates)
    shown = any((each.verdicts[approach].allowed_but_for_length & each.through_skin).any() for each in sources)
    unseen = candidates.verdicts[approach].allowed & ~candidates.through_skin
    if not shown and (unseen.any() or not candidates.through_skin.any()):
        sources = (climbed(task, corridor, approach, candidates, through_skin=False), candidates)
    paths = _paths(task, corridor.side, approach, sources, through_skin=shown)
    if paths:
        return paths, ""
    counting = [each.through_skin if shown else np.ones(len(each.asked), dtype=bool) for each in sources]
    return [], blocking_reason(
        together(*(each.verdicts[approach] for each in sources)),
        lambda index: _ends_mm(sources, index, task.needle),
        task.near,
        among=np.concatenate(counting),
    )


def _ends_mm(sources: tuple[Candidates, ...], index: int, needle: Needle) -> FloatArray:
    isocentre = np.concatenate([each.isocentres_mm for each in sources])[index]
    direction = np.concatenate([each.directions for each in sources])[index]
    return np.array([isocentre - needle.length_mm * direction, isocentre])


def _paths(
    task: SearchTask, side: Side, approach: Approach, sources: tuple[Candidates, ...], *, through_skin: bool
) -> list[Trajectory]:
    """Return the best allowed paths that lie apart, of one source after the other."""
    paths: list[Trajectory] = []
    for source in sources:
        allowed = source.verdicts[approach].allowed & (source.through_skin == through_skin)
        for path in paths:
            allowed &= ~alike(source, path.isocentre_mm, path.direction)
        worth = np.where(allowed, scores(task, approach, source), -np.inf)
        chosen = apart(source, worth, most=task.policy.shown_trajectories - len(paths))
        paths += [_trajectory(task, side, approach, source, index, float(worth[index])) for index in chosen]
    return paths


def _trajectory(
    task: SearchTask, side: Side, approach: Approach, source: Candidates, index: int, score: float
) -> Trajectory:
    isocentre, direction, channels = source.isocentres_mm[index], source.directions[index], source.channels
    tip, entry = source.tips_mm[index], source.entries_mm[index] if source.through_skin[index] else None
    return Trajectory(
        side=side,
        approach=approach,
        entry_mm=entry,
        isocentre_mm=isocentre,
        direction=direction,
        tip_mm=tip,
        depth_mm=None if entry is None else float(np.linalg.norm(tip - entry)),
        bone_entry_mm=tip - channels.bone_entry_mm[index] * direction,
        pedicle_margin_mm=float(channels.pedicle_margin[index]),
        canal_clearance_mm=float(channels.canal_clearance[index]),
        medial_angle_deg=float(source.medial_deg[index]),
        cranial_angle_deg=float(source.cranial_deg[index]),
        score=score,
        notes=_notes(task, approach, channels, index, entry),
    )


def _notes(
    task: SearchTask, approach: Approach, channels: Channels, index: int, entry: FloatArray | None
) -> tuple[str, ...]:
    notes = [
        f"margins of the {task.needle.channel_radius_mm * 2:g} mm channel are uncertain by "
        f"{task.vertebra.uncertainty_mm:.1f} mm (1 SD of the landmarks)"
    ]
    lateral = float(channels.lateral_margin[index])
    if approach is Approach.TRANSPEDICULAR_TIGHT:
        notes.append(
            f"the channel breaches the lateral cortex of the pedicle by {-lateral:.1f} mm"
            if lateral < 0
            else f"inside the pedicle, but only {channels.pedicle_margin[index]:.1f} mm from its cortex"
        )
    if approach is Approach.EXTRAPEDICULAR:
        notes.append(
            f"runs along the pedicle's lateral cortex, {-lateral:.1f} mm of the channel beyond it"
            if channels.axis_depth[index] > 0
            else "enters the body beside the pedicle, between it and the rib"
        )
    if entry is None:
        notes.append("the image holds no skin on this path: its depth and the needle's reach are not determinable")
    return (*notes, *task.around.notes)


def _shown(found: list[Trajectory], most: int) -> tuple[Trajectory, ...]:
    """Return the best path of every side and approach, then the best others, in the order of their scores."""
    ordered = sorted(found, key=lambda path: -path.score)
    first = {(path.side, path.approach): path for path in reversed(ordered)}
    leading = sorted(first.values(), key=lambda path: -path.score)
    others = [path for path in ordered if not any(path is one for one in leading)]
    return tuple(sorted((leading + others)[:most], key=lambda path: -path.score))
