"""Masks to contours, on the slices of the mask's grid.

Two conventions, and both keep what touches the image's border:

- voxel edges: lines run along the faces of the voxels. The enclosed area is the number of voxels times their area, and
  filling the contours again on the same grid gives the same mask, voxel by voxel. Right for binary masks.
- half level: smooth lines where the coverage, linear between voxel centres, is one half. Right for coverage; of a
  binary mask it shaves the corners.

Holes and islands are contours of their own, for the even-odd rule. Regions that touch at a corner only stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from contourpy import LineType, contour_generator
from numba import njit
from numpy.typing import NDArray

from metaspine.errors import GeometryError, StructureError
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume

_HALF = 0.5
_RIGHT, _UP, _LEFT, _DOWN = 0, 1, 2, 3


def voxel_edges(mask: Volume, *, axis: int = 2) -> ContourSet:
    """Return the outlines of a mask's voxels on the slices along ``axis``.

    Parameters
    ----------
    mask
        Boolean, or coverage: then the voxels that are at least half covered.
    axis
        The grid's index along which the slices are counted.

    Raises
    ------
    StructureError
        When no voxel belongs to the mask.
    GeometryError
        When the coverage is not a number somewhere, or the grid has no such axis.
    """
    return _traced(mask, axis, _edge_loops)


def half_level(mask: Volume, *, axis: int = 2) -> ContourSet:
    """Return the lines of half coverage on the slices along ``axis``.

    Raises
    ------
    StructureError
        When no voxel is covered by more than a half: thinner parts have no outline.
    GeometryError
        When the coverage is not a number somewhere, or the grid has no such axis.
    """
    return _traced(mask, axis, _half_loops)


def _traced(mask: Volume, axis: int, loops: Callable[[NDArray[Any]], list[FloatArray]]) -> ContourSet:
    if axis not in (0, 1, 2):
        raise GeometryError(f"a grid has no axis {axis}", remedy="Choose 0, 1 or 2")
    if not np.isfinite(mask.values).all():
        raise GeometryError("the mask is not a number in some voxels", remedy="Decide whether they belong to it")
    contours = tuple(
        Contour(mask.grid.point_mm(np.insert(loop, axis, float(layer), axis=1)))
        for layer, plane in _occupied(np.moveaxis(mask.values, axis, 0))
        for loop in loops(plane)
    )
    if not contours:
        raise StructureError("the mask has no outline: no voxel is at least half covered", remedy="Check the structure")
    return ContourSet(contours, mask.grid.frame_of_reference)


def _occupied(slices: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the slices that hold something, each within a frame of nothing."""
    for layer, plane in enumerate(slices):
        if plane.any():
            yield layer, np.pad(plane, 1)


def _half_loops(framed: NDArray[Any]) -> list[FloatArray]:
    x, y = (np.arange(n) - 1.0 for n in framed.shape)
    generator = contour_generator(x, y, framed.T.astype(np.float64), line_type=LineType.Separate)
    lines = (np.asarray(line, dtype=np.float64)[:-1] for line in generator.lines(_HALF))
    return [line for line in lines if len(line) >= 3]


def _edge_loops(framed: NDArray[Any]) -> list[FloatArray]:
    sides = _sides(framed if framed.dtype == np.bool_ else framed >= _HALF)
    corners = np.empty((int(np.count_nonzero(sides)), 2))
    ends = _walk(sides, corners)
    return [loop - 1.5 for loop in np.split(corners, ends)[:-1]]


def _sides(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (x, y, direction) whether a side leaves pixel corner (x, y) that way, the inside on its left.

    Corner (x, y) is the one between the pixels (x - 1, y - 1) and (x, y).
    """
    sides = np.zeros((inside.shape[0] + 1, inside.shape[1] + 1, 4), dtype=np.bool_)
    above, below = inside[:-1, 1:], inside[:-1, :-1]
    sides[:-2, 1:-1, _RIGHT] = above & ~below
    sides[1:-1, 1:-1, _LEFT] = below & ~above
    before, after = inside[:-1, :-1], inside[1:, :-1]
    sides[1:-1, :-2, _UP] = before & ~after
    sides[1:-1, 1:-1, _DOWN] = after & ~before
    return sides


@njit(cache=True)  # type: ignore[untyped-decorator]
def _walk(sides: NDArray[np.bool_], corners: NDArray[np.float64]) -> NDArray[np.int64]:
    """Follow the sides round every region and write where they turn; return where in ``corners`` each loop ends.

    The sides are used up.
    """
    ends = np.empty(len(corners), dtype=np.int64)
    loops = count = 0
    for x in range(sides.shape[0]):
        for y in range(sides.shape[1]):
            for way in range(4):
                if sides[x, y, way]:
                    count = _loop(sides, (x, y, way), corners, count)
                    ends[loops] = count
                    loops += 1
    return ends[:loops]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _loop(sides: NDArray[np.bool_], start: tuple[int, int, int], corners: NDArray[np.float64], count: int) -> int:
    """Write the corners of one loop behind the first ``count`` of ``corners`` and return their new number."""
    x, y, way = start
    while True:
        x += (1, 0, -1, 0)[way]
        y += (0, 1, 0, -1)[way]
        came = way
        way = _next_way(sides, x, y, came)
        if way != came:
            corners[count] = (x, y)
            count += 1
        sides[x, y, way] = False
        if (x, y, way) == start:
            return count


@njit(cache=True)  # type: ignore[untyped-decorator]
def _next_way(sides: NDArray[np.bool_], x: int, y: int, came: int) -> int:
    """Return the way on: left where there is a choice, which stays on the same pixel where two touch at a corner."""
    for turn in (1, 0):
        if sides[x, y, (came + turn) % 4]:
            return (came + turn) % 4
    return (came + 3) % 4
