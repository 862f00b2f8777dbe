"""The search for a needle path: over both pedicles, every approach, many isocentres in the lesion.

Candidate axes run through a raster about each pedicle's isthmus to isocentres inside the lesion. Each is measured
(:mod:`metaspine.planning.channels`), graded (:mod:`metaspine.planning.grading`) and scored (PLAN-12); the best of each
side and approach are refined on a finer raster. What remains is followed to the skin and kept within the lengths of
needle and cannula. Nothing is random: the same input gives the same paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import NoTrajectory
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Approach, BlockedPath, Trajectory
from metaspine.patient.side import Side
from metaspine.patient.vertebra import Pedicle, Vertebra
from metaspine.physics.applicators import Applicator
from metaspine.planning.channels import Channels, PedicleZone, measure, pedicle_zone
from metaspine.planning.grading import NamesNear, Verdict, blocking_reason, grade
from metaspine.planning.needle import Needle
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import Surroundings

SkinPoint = Callable[[FloatArray, FloatArray], FloatArray | None]
"""From a point and a way outwards to where that line leaves the patient; None is not determinable."""

Coverage = Callable[[FloatArray, FloatArray], FloatArray]
"""From isocentres and directions (n, 3) to the fraction of the lesion in reach; -1 where the tip lies outside it."""

APPROACHES = {
    "transpedicular": Approach.TRANSPEDICULAR,
    "tight": Approach.TRANSPEDICULAR_TIGHT,
    "extrapedicular": Approach.EXTRAPEDICULAR,
}
_PENALTY = {Approach.TRANSPEDICULAR: 0.0, Approach.TRANSPEDICULAR_TIGHT: 0.15, Approach.EXTRAPEDICULAR: 0.30}
_PER_MM, _MOST_MM = 0.02, 3.0
"""PLAN-12."""

_RASTER_MM, _RASTER_ALONG_MM = 1.0, 1.5
_BESIDE_MM = 10.0
"""How far lateral of the pedicle's edge the raster goes, for extrapedicular axes."""
_FINE_MM = (-0.6, -0.3, 0.0, 0.3, 0.6)
_SHIFT_MM = (-1.0, 0.0, 1.0)
_STARTS, _ROUNDS = 8, 8
"""How many of the best are refined, and how often."""
_TRIED = 600
"""Paths of one side and approach that are followed to the skin before it is given up."""
_APART_MM, _APART_DEG = 4.0, 8.0
"""Two paths of one side and approach are shown apart where isocentre or direction differ by more."""


@dataclass(frozen=True, eq=False)
class SearchTask:
    """All that a search needs to know."""

    vertebra: Vertebra
    around: Surroundings
    isocentres_mm: FloatArray
    """(n, 3) inside the lesion."""
    coverage: Coverage
    skin_point: SkinPoint
    applicator: Applicator
    policy: PlanningPolicy
    near: NamesNear
    """Names the obstacles near an axis."""

    @property
    def needle(self) -> Needle:
        """The lengths and the channel that hold for this search."""
        return Needle.of(self.applicator, self.policy)


@dataclass(frozen=True, eq=False)
class Corridor:
    """The way through bone on one side."""

    side: Side
    zone: PedicleZone
    pedicle: Pedicle


@dataclass(frozen=True, eq=False)
class Candidates:
    """Axes of one side, measured and graded."""

    isocentres_mm: FloatArray
    directions: FloatArray
    medial_deg: FloatArray
    cranial_deg: FloatArray
    coverage: FloatArray
    channels: Channels
    verdicts: dict[Approach, Verdict]


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
    candidates = _graded(task, corridor, *_raster(task, corridor))
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
    verdict = candidates.verdicts[approach]
    if not verdict.allowed.any():
        return [], blocking_reason(verdict, lambda index: _ends_mm(candidates, index, task.needle), task.near)
    fine = candidates
    for _ in range(_ROUNDS):
        fine = _finer(task, corridor, approach, fine)
    paths, too_long = _to_the_skin(task, corridor.side, approach, (fine, candidates))
    return paths, "" if paths else too_long


def _finer(task: SearchTask, corridor: Corridor, approach: Approach, candidates: Candidates) -> Candidates:
    """Return the candidates of finer rasters about the best ones."""
    scores = np.where(candidates.verdicts[approach].allowed, _scores(task, approach, candidates), -np.inf)
    best = np.argsort(-scores, kind="stable")[:_STARTS]
    rasters = [
        _refined(corridor.zone, candidates.isocentres_mm[index], candidates.directions[index])
        for index in best[np.isfinite(scores[best])]
    ]
    if not rasters:
        return candidates
    isocentres, directions = (np.concatenate(parts) for parts in zip(*rasters, strict=True))
    return _graded(task, corridor, isocentres, directions)


def _ends_mm(candidates: Candidates, index: int, needle: Needle) -> FloatArray:
    isocentre, direction = candidates.isocentres_mm[index], candidates.directions[index]
    return np.array([isocentre - needle.length_mm * direction, isocentre])


def _raster(task: SearchTask, corridor: Corridor) -> tuple[FloatArray, FloatArray]:
    """Return isocentres and directions through every point of the raster about the isthmus."""
    half_width, half_height = corridor.pedicle.width_mm / 2, corridor.pedicle.height_mm / 2
    across = np.arange(-half_width, half_width + _BESIDE_MM, _RASTER_MM)
    along = np.arange(-half_height, half_height + 1e-9, _RASTER_ALONG_MM)
    offsets = across[:, None, None] * corridor.zone.lateral + along[:, None] * corridor.zone.cranial
    return _axes(corridor.zone.isthmus_mm + offsets.reshape(-1, 3), task.isocentres_mm)


def _refined(zone: PedicleZone, isocentre_mm: FloatArray, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the axes of a finer raster about one axis, at its own isthmus and isocentre."""
    through = isocentre_mm + ((zone.isthmus_mm - isocentre_mm) @ direction) * direction
    fine = np.array([a * zone.lateral + b * zone.cranial for a in _FINE_MM for b in _FINE_MM])
    shifts = np.stack(np.meshgrid(_SHIFT_MM, _SHIFT_MM, _SHIFT_MM, indexing="ij"), axis=-1).reshape(-1, 3)
    return _axes(through + fine, isocentre_mm + shifts)


def _axes(through_mm: FloatArray, isocentres_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return every pair of a point and an isocentre as isocentres (n, 3) and unit directions (n, 3)."""
    isocentres = np.tile(isocentres_mm, (len(through_mm), 1))
    way = isocentres - np.repeat(through_mm, len(isocentres_mm), axis=0)
    length = np.linalg.norm(way, axis=1)
    ahead = length > 1.0
    return isocentres[ahead], way[ahead] / length[ahead, None]


def _graded(task: SearchTask, corridor: Corridor, isocentres: FloatArray, directions: FloatArray) -> Candidates:
    side, zone, pedicle = corridor.side, corridor.zone, corridor.pedicle
    medial, cranial = angles_deg(task.vertebra, side, directions)
    kept = _within(medial, task.policy.medial_angle_deg) & _within(cranial, task.policy.cranial_angle_deg)
    isocentres, directions, medial, cranial = (part[kept] for part in (isocentres, directions, medial, cranial))
    coverage = task.coverage(isocentres, directions)
    kept = coverage >= 0 if (coverage >= 0).any() else np.ones(coverage.shape, dtype=bool)
    isocentres, directions, coverage = isocentres[kept], directions[kept], coverage[kept]
    needle = task.needle
    channels = measure(
        isocentres,
        directions,
        zone=zone,
        around=task.around,
        needle=needle,
        tip_beyond_isocentre_mm=task.applicator.tip_beyond_isocentre_mm,
        canal_clearance_mm=task.policy.canal_clearance_mm,
    )
    beside = (isocentres - zone.isthmus_mm) - _along(isocentres - zone.isthmus_mm, directions, zone.anterior)
    verdicts = grade(
        channels,
        needle,
        task.policy,
        around=task.around,
        level=task.vertebra.level,
        pedicle=pedicle,
        lateral_mm=beside @ zone.lateral,
        height_mm=beside @ zone.cranial,
        coverage=coverage,
    )
    return Candidates(isocentres, directions, medial[kept], cranial[kept], coverage, channels, verdicts)


def _along(offsets: FloatArray, directions: FloatArray, anterior: FloatArray) -> FloatArray:
    """Return the vectors along each axis from the isthmus' plane to the isocentre."""
    return np.asarray(((offsets @ anterior) / (directions @ anterior))[:, None] * directions)


def angles_deg(vertebra: Vertebra, side: Side, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the medial and the cranial angle of directions (n, 3) in the vertebra's frame.

    Medial is in its axial plane from its sagittal plane, positive towards the midline; cranial is in its sagittal
    plane from its axial plane.
    """
    forwards = directions @ vertebra.axes.anterior
    inwards = -side.lps_sign * (directions @ vertebra.axes.left)
    upwards = directions @ vertebra.axes.cranial
    return np.degrees(np.arctan2(inwards, forwards)), np.degrees(np.arctan2(upwards, forwards))


def _within(angle: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((angle >= limits[0]) & (angle <= limits[1]))


def _scores(task: SearchTask, approach: Approach, candidates: Candidates) -> FloatArray:
    policy, channels = task.policy, candidates.channels
    spare = np.clip(channels.canal_clearance - policy.canal_clearance_mm, 0, _MOST_MM)
    margin = np.clip(channels.pedicle_margin, 0, _MOST_MM)
    return np.asarray(candidates.coverage - _PENALTY[approach] + _PER_MM * (spare + margin))


def _to_the_skin(
    task: SearchTask, side: Side, approach: Approach, sources: tuple[Candidates, ...]
) -> tuple[list[Trajectory], str]:
    """Return the paths of one approach that needle and cannula can go, the best first, and why others cannot.

    Paths on which the image holds no skin are only returned where it holds skin on none: the others show what the
    lengths allow.
    """
    within: list[Trajectory] = []
    unknown: list[Trajectory] = []
    beyond: dict[float, str] = {}
    for path in _best_first(task, side, approach, sources):
        if len(within) >= task.policy.shown_trajectories:
            break
        kept = unknown if path.depth_mm is None else within
        excess_mm, why = _too_long(path, task.needle)
        if excess_mm > 0:
            beyond[excess_mm] = why
        elif not any(_alike(path, other) for other in kept):
            kept.append(path)
    if within:
        return within, ""
    if beyond:
        return [], beyond[min(beyond)]
    return unknown[: task.policy.shown_trajectories], ""


def _best_first(
    task: SearchTask, side: Side, approach: Approach, sources: tuple[Candidates, ...]
) -> Iterator[Trajectory]:
    for source in sources:
        scores = np.where(source.verdicts[approach].allowed, _scores(task, approach, source), -np.inf)
        order = np.argsort(-scores, kind="stable")
        for index in order[np.isfinite(scores[order])][:_TRIED]:
            yield _trajectory(task, side, approach, source, int(index), float(scores[index]))


def _alike(first: Trajectory, second: Trajectory) -> bool:
    apart = float(np.linalg.norm(first.isocentre_mm - second.isocentre_mm))
    turned = float(np.degrees(np.arccos(np.clip(first.direction @ second.direction, -1, 1))))
    return apart <= _APART_MM and turned <= _APART_DEG


def _trajectory(
    task: SearchTask, side: Side, approach: Approach, source: Candidates, index: int, score: float
) -> Trajectory:
    isocentre, direction, channels = source.isocentres_mm[index], source.directions[index], source.channels
    tip = isocentre + task.applicator.tip_beyond_isocentre_mm * direction
    entry = task.skin_point(tip, -direction)
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


def _too_long(path: Trajectory, needle: Needle) -> tuple[float, str]:
    """Return by how many mm needle or cannula are too short for a path, and how that is said; 0 where unknown."""
    if path.entry_mm is None or path.depth_mm is None:
        return 0.0, ""
    to_bone = float(np.linalg.norm(path.bone_entry_mm - path.entry_mm))
    length = needle.usable_length_mm
    beyond = (
        (
            path.depth_mm - length,
            f"{path.depth_mm:.1f} mm from skin to tip at best, {length:g} mm of the needle can be used",
        ),
        (
            to_bone - needle.usable_cannula_mm,
            f"{to_bone:.1f} mm from skin to bone at best, {needle.usable_cannula_mm:g} mm of the cannula can be used",
        ),
    )
    return max(beyond)


def _shown(found: list[Trajectory], most: int) -> tuple[Trajectory, ...]:
    """Return the best path of every side and approach, then the best others, in the order of their scores."""
    ordered = sorted(found, key=lambda path: -path.score)
    first = {(path.side, path.approach): path for path in reversed(ordered)}
    leading = sorted(first.values(), key=lambda path: -path.score)
    others = [path for path in ordered if not any(path is one for one in leading)]
    return tuple(sorted((leading + others)[:most], key=lambda path: -path.score))
