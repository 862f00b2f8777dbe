"""The nearest point of a structure, exactly: where the dose around a source is highest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import StructureError
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.evenodd import edges
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.slabs import EndConvention, Slab, perpendicular_axes, stack
from metaspine.geometry.volume import Volume

HALF_COVERED = 0.5
"""A voxel of a label map counts as the structure from this coverage on."""


def nearest_point_mm(
    region: Volume | ContourSet,
    point_mm: FloatArray,
    *,
    ends: EndConvention = "prism",
    single_plane_mm: float | None = None,
) -> FloatArray:
    """Return the point of a region that lies nearest to an LPS point (3,).

    A label map is the cells of its voxels, contours are prisms.

    Raises
    ------
    StructureError
        When the region holds nothing.
    """
    if isinstance(region, Volume):
        candidates = _on_cells(region, point_mm)
    else:
        slabs = stack(region, ends=ends, single_plane_mm=single_plane_mm)
        frame = np.vstack([perpendicular_axes(slabs.normal), slabs.normal])
        candidates = np.array([_on_slab(slab, frame, frame @ point_mm) for slab in slabs.slabs]) @ frame
    if not len(candidates):
        raise StructureError("the structure is empty", where="label map", remedy="Draw it, or leave it out")
    return np.asarray(candidates[np.argmin(np.linalg.norm(candidates - point_mm, axis=1))])


def nearest_points_mm(
    region: Volume | ContourSet,
    points_mm: FloatArray,
    *,
    ends: EndConvention = "prism",
    single_plane_mm: float | None = None,
) -> FloatArray:
    """Return the nearest point (n, 3) of a region to each of some LPS points (n, 3).

    Raises
    ------
    StructureError
        When the region holds nothing.
    """
    found = [nearest_point_mm(region, point, ends=ends, single_plane_mm=single_plane_mm) for point in points_mm]
    return np.reshape(found, (-1, 3))


def covered(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the voxels that count as the structure: half covered, or the fullest where none is."""
    fullest = float(values.max()) if values.size else 0.0
    return np.asarray(values >= min(HALF_COVERED, fullest)) & (fullest > 0)


def _on_cells(region: Volume, point_mm: FloatArray) -> FloatArray:
    """Return the nearest point of every voxel's cell that has a neighbour outside, or holds the point."""
    mask = covered(region.values)
    index = region.grid.index(point_mm)
    boundary = np.argwhere(mask & ~ndimage.binary_erosion(mask, border_value=0))
    nearest = np.clip(index, boundary - 0.5, boundary + 0.5)
    own = np.round(index).astype(int)
    if ((own >= 0) & (own < mask.shape)).all() and mask[tuple(own)]:
        nearest = np.vstack([nearest, index])
    return region.grid.point_mm(nearest)


def _on_slab(slab: Slab, frame: FloatArray, point: FloatArray) -> FloatArray:
    """Return the nearest point of a slab along the stack's axes."""
    loops = [loop @ frame[:2].T for loop in slab.loops_mm]
    height = np.clip(point[2], slab.low_mm, slab.high_mm)
    if _inside(loops, point[:2]):
        return np.array([point[0], point[1], height])
    start = np.concatenate(loops)
    side = np.concatenate([np.roll(loop, -1, axis=0) - loop for loop in loops])
    length2 = np.maximum(np.square(side).sum(axis=1), 1e-12)
    along = np.clip(((point[:2] - start) * side).sum(axis=1) / length2, 0, 1)
    on_outline = start + along[:, None] * side
    nearest = on_outline[np.argmin(np.linalg.norm(on_outline - point[:2], axis=1))]
    return np.array([nearest[0], nearest[1], height])


def _inside(loops: list[FloatArray], point: FloatArray) -> bool:
    """Say whether a point (2,) lies inside even-odd loops."""
    x0, y0, x1, y1 = edges(loops).T
    crossed = (y0 <= point[1]) & (point[1] < y1)
    crossing = x0 + (x1 - x0) * (point[1] - y0) / (y1 - y0)
    return bool(np.count_nonzero(crossed & (crossing < point[0])) % 2)
