"""Whether it is the right vertebra: neighbours look alike, so each of them is tried at the place that was found.

The first image has the neighbours even where the second, with its small field, shows little but the vertebra itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaspine.errors import LevelError
from metaspine.geometry import Grid
from metaspine.geometry.grid import FloatArray
from metaspine.imaging.regions import region_of
from metaspine.imaging.registration_fit import COARSE, fit, pair
from metaspine.imaging.registration_samples import Picture, Samples, samples_of
from metaspine.imaging.registration_search import Fit, candidates, judged, moved
from metaspine.patient.levels import LEVELS, TRANSITIONAL, position
from metaspine.patient.registration import LevelFit
from metaspine.patient.structure import Role, Structure

LEAST_MARGIN = 0.35
"""The vertebra must be this much more alike than its best neighbour (REG-03)."""
_WITHIN_MM, _STEP_MM, _SAME_PLACE_MM = 8.0, 4.0, 13.0
"""A neighbour is tried this far around the place; one that slid farther than the second went to its own place."""
_SEEN_SHARE = 0.3
_OFF_MM, _STEPS_LONG, _TIMES = 15.0, 4.0, 2.5
"""A vertebra's label lies so near to the middle between its neighbours, and is at most so many steps between vertebrae
long and so many times larger or smaller (REG-07)."""
_WHOLE = 0.9
"""So much of a neighbour's label must lie inside the first image with a voxel to spare."""


@dataclass(frozen=True)
class CheckedLevel:
    """By how much the vertebra fits better than its best neighbour, and how well each of those fits."""

    margin: float
    fits: tuple[LevelFit, ...]
    notes: tuple[str, ...] = ()


def refuse_odd_label(first: Picture, vertebra: Structure, neighbours: Sequence[Structure]) -> None:
    """Refuse a label that is no vertebra between its neighbours: another organ's, or one that ran into them (REG-07).

    Nothing is asked of it where the vertebrae next above and below are not both labelled whole.

    Raises
    ------
    LevelError
        When it lies beside the column, or is far larger or smaller than they are.
    """
    level = _name(vertebra)
    beside = [
        _points(one, first.grid)
        for one in neighbours
        if one.role is Role.VERTEBRA and _next_to(one.level, level) and _whole(one, first)
    ]
    if len(beside) != 2:
        return
    own, (one, other) = _points(vertebra, first.grid), beside
    middle, ends = own.mean(axis=0), np.array([one.mean(axis=0), other.mean(axis=0)])
    step_mm = float(np.linalg.norm(ends[1] - ends[0])) / 2
    along = (ends[1] - ends[0]) / (2 * step_mm)
    off_mm = float(np.linalg.norm(middle - ends.mean(axis=0)))
    long_mm = float(np.ptp(own @ along))
    share = len(own) / np.mean([len(one), len(other)])
    if off_mm <= _OFF_MM and long_mm <= _STEPS_LONG * step_mm and 1 / _TIMES <= share <= _TIMES:
        return
    raise LevelError(
        f"{vertebra.name} is labelled {level} and is no vertebra between its neighbours: {off_mm:.0f} mm off their "
        f"middle, {long_mm:.0f} mm long, {share:.1f} times their size",
        where=level,
        remedy="Correct the label; it may be another structure's, or a part of one",
    )


def _points(structure: Structure, grid: Grid) -> FloatArray:
    """Return the voxels' middles of a structure that is there, LPS mm (n, 3)."""
    region = region_of(structure, grid)
    if region is None:
        return np.full((1, 3), np.nan)
    return grid.point_mm(np.argwhere(region.mask) + [part.start for part in region.box])


def checked_level(
    first: Picture,
    second: Picture,
    vertebra: Structure,
    neighbours: Sequence[Structure],
    found: Fit,
    *,
    seed: int,
) -> CheckedLevel:
    """Return by how much the vertebra fits better than its neighbours at the place found.

    Raises
    ------
    LevelError
        When a neighbour fits as well or better, or when one above and one below are not there to compare with.
    """
    everything = (vertebra, *neighbours)
    fits = []
    for neighbour in neighbours:
        others = [structure for structure in everything if structure is not neighbour]
        samples = samples_of(first, neighbour, others) if _whole(neighbour, first) else None
        alike = _likeness_at(first, second, samples, found, seed=seed) if samples is not None else None
        if alike is not None:
            fits.append(LevelFit(_name(neighbour), alike))
    refuse_one_sided(_name(vertebra), [one.level for one in fits])
    best = max(fits, key=lambda one: one.likeness)
    margin = found.likeness / max(best.likeness, 1e-3) - 1
    if margin < LEAST_MARGIN:
        raise LevelError(_confused(_name(vertebra), found.likeness, best), where=_name(vertebra), remedy=_COUNT)
    return CheckedLevel(margin, tuple(fits))


_COUNT = "Count the level on the new image and give a start at the right vertebra; nothing was registered"


def _likeness_at(first: Picture, second: Picture, samples: Samples, found: Fit, *, seed: int) -> float | None:
    """Return how well a neighbour fits at the place: the best of a small search and of fits that stayed there.

    None where too little of it would be seen to say.
    """
    begin = found.matrix.copy()
    begin[:3, 3] = found.middle_mm - begin[:3, :3] @ samples.centre_mm
    tried = candidates(second, samples, begin, within_mm=_WITHIN_MM, step_mm=_STEP_MM, seen_share=_SEEN_SHARE, most=2)
    if not tried:
        return None
    images = pair(first, second, samples, begin)
    fitted = [fit(images, candidate, COARSE, seed=seed) for candidate in tried]
    stayed = [
        one
        for one in fitted
        if one is not None and np.linalg.norm(moved(one, samples.centre_mm) - found.middle_mm) <= _SAME_PLACE_MM
    ]
    return max(judged(second, samples, one).likeness for one in (*tried, *stayed))


def _name(structure: Structure) -> str:
    return structure.level or structure.name


def _confused(level: str, likeness: float, best: LevelFit) -> str:
    better = "fits better" if best.likeness > likeness else "fits nearly as well"
    return (
        f"the place found for {level} may be another level: {best.level} {better} there "
        f"({best.likeness:.2f} against {likeness:.2f} bits for {level})"
    )


def _whole(structure: Structure, first: Picture) -> bool:
    """Say whether a label lies in the image with a voxel to spare."""
    region = region_of(structure, first.grid)
    if region is None:
        return False
    inner = np.zeros(first.grid.shape, dtype=bool)
    inner[1:-1, 1:-1, 1:-1] = True
    return bool(inner[region.box][region.mask].mean() >= _WHOLE)


def refuse_one_sided(level: str, tried: Sequence[str]) -> None:
    """Refuse a level unless the vertebra above and the one below were tried; T13 and L6 may be absent (LEVEL-02).

    Raises
    ------
    LevelError
        When one of them was not.
    """
    beside = [position(one) for one in tried if _next_to(one, level)]
    above = any(place < position(level) for place in beside)
    below = any(place > position(level) for place in beside)
    if above and below:
        return
    missing = " and ".join(word for word, there in (("above", above), ("below", below)) if not there)
    raise LevelError(
        f"the level cannot be checked: no vertebra next {missing} {level} is labelled whole in the first image",
        where=level,
        remedy="Label the vertebrae above and below, or use an image that shows them whole",
    )


def _next_to(one: str, level: str) -> bool:
    """Say whether two levels follow each other; a supernumerary vertebra between them may be absent."""
    if one not in LEVELS or level not in LEVELS:
        return False
    low, high = sorted((position(one), position(level)))
    return high > low and all(between in TRANSITIONAL for between in LEVELS[low + 1 : high])
