"""Holes joined to the outline around them by a cut of no width, for readers that fill every closed line.

A keyhole bounds the same area under the even-odd rule and under the non-zero rule, because the hole runs the other way
round than its outline. Lines that cross each other may have no such keyhole; they are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaspine.geometry.evenodd import area
from metaspine.geometry.grid import FloatArray

_SAME = 1e-9
_SAME_AREA = 1e-6


@dataclass(frozen=True, eq=False)
class _Loop:
    points: FloatArray
    depth: int
    """How many other loops it lies in."""
    parent: int
    """The innermost loop around it; -1 where there is none."""


def keyholed(loops: Sequence[FloatArray]) -> tuple[FloatArray, ...] | None:
    """Return the closed lines (n, 2) of one plane with every hole joined to its outline; islands stay their own.

    Parameters
    ----------
    loops
        Under the even-odd rule, whatever way round; they may touch at corners.

    Returns
    -------
    Lines each of which, filled by itself, gives its part of the area; None where lines cross so that none can.
    """
    nested = _nested([np.asarray(loop, dtype=np.float64) for loop in loops])
    outlines = []
    for number, loop in enumerate(nested):
        if loop.depth % 2 == 0:
            holes = [other.points for other in nested if other.parent == number and other.depth == loop.depth + 1]
            outlines.append(_joined(_turned(loop.points, positive=True), holes))
    if not all(np.isfinite(outline).all() for outline in outlines):
        return None
    parts = sum(area([outline]) for outline in outlines)
    return tuple(outlines) if abs(parts - area(loops)) <= _SAME_AREA * parts else None


def has_holes(loops: Sequence[FloatArray]) -> bool:
    """Say whether one of the closed lines (n, 2) of a plane lies in another."""
    return len(loops) > 1 and any(loop.depth for loop in _nested(loops))


def lost_to_crossing(loops: Sequence[FloatArray]) -> float:
    """Return what the even-odd area of the closed lines (n, 2) of a plane lacks because lines cross; else about 0."""
    if not _boxes_meet(loops):
        return 0.0
    drawn = sum((-1) ** (loop.depth % 2) * area([loop.points]) for loop in _nested(loops))
    return abs(float(drawn) - area(loops))


def _boxes_meet(loops: Sequence[FloatArray]) -> bool:
    low, high = (np.array([edge(loop, axis=0) for loop in loops]) for edge in (np.min, np.max))
    meeting = ((low[:, None] <= high) & (low <= high[:, None])).all(axis=-1)
    return int(np.count_nonzero(meeting)) > len(loops)


def _nested(loops: Sequence[FloatArray]) -> list[_Loop]:
    inside = [_point_within(loops, number) for number in range(len(loops))]
    around = [[_holds(other, inside[n]) and n != m for m, other in enumerate(loops)] for n in range(len(loops))]
    depths = [sum(row) for row in around]
    parents = [
        max((m for m, is_around in enumerate(row) if is_around), key=lambda m: depths[m], default=-1) for row in around
    ]
    return [_Loop(*item) for item in zip(loops, depths, parents, strict=True)]


def _point_within(loops: Sequence[FloatArray], number: int) -> FloatArray:
    """Return a point inside a loop, so near its line that no loop nested in it holds the point."""
    heights = np.unique(loops[number][:, 1])
    if len(heights) < 2:
        return np.asarray(loops[number][0], dtype=np.float64)
    gap = int(np.diff(heights).argmax())
    y = float(heights[gap] + heights[gap + 1]) / 2
    own = np.sort(_crossings(loops[number], y))
    others = np.concatenate([_crossings(loop, y) for loop in loops])
    beyond = others[others > own[0] + _SAME]
    return np.array([(own[0] + beyond.min()) / 2, y])


def _crossings(loop: FloatArray, y: float) -> FloatArray:
    """Return where a level line at height y crosses a loop."""
    after = np.roll(loop, -1, axis=0)
    cut = (loop[:, 1] <= y) != (after[:, 1] <= y)
    start, end = loop[cut], after[cut]
    return np.asarray(start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0]))


def _holds(loop: FloatArray, point: FloatArray) -> bool:
    return bool(np.count_nonzero(_crossings(loop, float(point[1])) < point[0]) % 2)


def _turned(loop: FloatArray, *, positive: bool) -> FloatArray:
    """Return the loop the way round that makes its signed area positive, or negative."""
    x, y = loop.T
    signed = float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    return loop if (signed > 0) == positive else loop[::-1]


def _joined(outline: FloatArray, holes: Sequence[FloatArray]) -> FloatArray:
    """Join holes to their outline, the one farthest left first: what lies left of a hole is then all one line."""
    for hole in sorted((_turned(item, positive=False) for item in holes), key=lambda item: float(item[:, 0].min())):
        first = int(hole[:, 0].argmin())
        way_round = np.roll(hole, -first, axis=0)
        side, landing = _to_the_left(outline, way_round[0])
        outline = np.concatenate(
            [outline[: side + 1], landing[None], way_round, way_round[:1], landing[None], outline[side + 1 :]]
        )
    return outline


def _to_the_left(outline: FloatArray, point: FloatArray) -> tuple[int, FloatArray]:
    """Return the outline's side that a level line to the left of a point meets first, and where (infinite: nowhere)."""
    start, end = outline, np.roll(outline, -1, axis=0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    meets = (low <= point[1]) & (point[1] <= high) & (high > low)
    rise = np.where(meets, end[:, 1] - start[:, 1], 1.0)
    x = np.where(meets, start[:, 0] + (point[1] - start[:, 1]) / rise * (end[:, 0] - start[:, 0]), -np.inf)
    x[x > point[0] + _SAME] = -np.inf
    side = int(x.argmax())
    return side, np.array([min(x[side], point[0]), point[1]])
