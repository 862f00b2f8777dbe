"""A structure as points with volumes: what a dose-volume histogram is summed over.

Contours are taken as the slabs of :mod:`metaspine.geometry.slabs`, exactly: scan lines in the plane cut them into
spans, spans and thickness are divided evenly, and the weights add up to the exact area times thickness. A label map's
voxel is its cell, divided evenly; partial coverage weighs its points. Within its part each point is shifted by a
low-discrepancy sequence, so that no plane of points lines up with an isodose and makes a step in the histogram. Beside
them stand points on the surface, without volume: the nearest and the hottest point of a structure lie there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import StructureError
from metaspine.evaluation.nearest import covered
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.evenodd import edges
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.slabs import EndConvention, Slab, area_mm2, perpendicular_axes, stack
from metaspine.geometry.volume import Volume

POINTS = 100_000
"""About as many points a structure is given."""
FINEST_MM, COARSEST_MM = 0.1, 1.5
_ROUNDING = 1e-9
_LINES = 8
_GENERALISED_GOLDEN_RATIO = 1.2207440846057596
"""The root of x^4 = x + 1: its powers fill three dimensions evenly."""
SURFACE_MM = 0.5
"""Distance of neighbouring surface points; across the beam it costs less than 0.4 % of the dose from 8 mm on."""


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Points inside a structure, each standing for a volume.

    Parameters
    ----------
    points_mm
        (n, 3) LPS.
    volume_mm3
        (n,) the volume each point stands for.
    surface_mm
        (m, 3) LPS, on the structure's surface, standing for no volume.
    beyond_mm3
        Volume of the structure that lies beyond ``within`` and was given no points.
    spacing_mm
        The distance of the points that was asked for.
    convention
        How the structure was understood, for the reader.
    """

    points_mm: FloatArray
    volume_mm3: FloatArray
    surface_mm: FloatArray
    beyond_mm3: float
    spacing_mm: float
    convention: str

    @property
    def total_mm3(self) -> float:
        """The volume of the whole structure in the stated convention."""
        return float(self.volume_mm3.sum()) + self.beyond_mm3


def quadrature(
    region: Volume | ContourSet,
    *,
    spacing_mm: float,
    within: Grid | None = None,
    ends: EndConvention = "prism",
    single_plane_mm: float | None = None,
    surface: bool = True,
) -> Quadrature:
    """Return the points and volumes of a structure.

    Parameters
    ----------
    region
        Contours, or coverage on a grid.
    spacing_mm
        Largest distance of neighbouring points.
    within
        Points are only wanted in the box around this grid; the volume beyond is counted.
    ends
        For contours: where the first and the last slice end.
    single_plane_mm
        For contours drawn on one plane only: its thickness.
    surface
        False leaves the points on the surface out, which for a large label map are most of all points.

    Raises
    ------
    StructureError
        When the region is empty or its contours bound nothing.
    FrameMismatch
        When ``within`` lives in another frame of reference.
    """
    if not spacing_mm > 0:
        raise StructureError(f"a quadrature spacing of {spacing_mm} mm", remedy="Give more than 0 mm")
    if isinstance(region, Volume):
        points = _of_voxels(region, spacing_mm, within, surface=surface)
    else:
        points = _of_contours(region, spacing_mm, within, ends=ends, single_plane_mm=single_plane_mm)
    return points if surface else replace(points, surface_mm=np.empty((0, 3)))


def suitable_spacing_mm(region: Volume | ContourSet, *, single_plane_mm: float | None = None) -> float:
    """Return the spacing that gives a structure about :data:`POINTS` points, between 0.1 and 1.5 mm."""
    if isinstance(region, Volume):
        volume_mm3 = float(region.values.sum(dtype=np.float64)) * region.grid.voxel_volume_mm3
    else:
        volume_mm3 = stack(region, single_plane_mm=single_plane_mm).volume_mm3()
    return float(np.clip((volume_mm3 / POINTS) ** (1 / 3), FINEST_MM, COARSEST_MM))


def _of_voxels(region: Volume, spacing_mm: float, within: Grid | None, *, surface: bool) -> Quadrature:
    grid = region.grid
    total = float(region.values.sum(dtype=np.float64)) * grid.voxel_volume_mm3
    if not total > 0:
        raise StructureError("the structure is empty", where="label map", remedy="Draw it, or leave it out")
    start, stop = _window(grid, within)
    window = tuple(slice(low, high) for low, high in zip(start, stop, strict=True))
    values = np.asarray(region.values[window], dtype=np.float64)
    voxels = np.argwhere(values > 0)
    mask = covered(region.values)[window] if surface else np.zeros(values.shape, dtype=bool)
    weights = values[tuple(voxels.T)] * grid.voxel_volume_mm3
    parts = np.maximum(np.ceil(grid.spacing_mm / spacing_mm - 1e-9).astype(int), 1)
    offsets = _lattice([np.arange(n) / n - 0.5 for n in parts])
    shift = _shifts(len(voxels)) / parts
    points = (voxels[:, None, :] + offsets + shift[:, None, :] + np.asarray(start)).reshape(-1, 3)
    return Quadrature(
        points_mm=grid.point_mm(points),
        volume_mm3=np.repeat(weights / len(offsets), len(offsets)),
        surface_mm=_voxel_surface(mask, grid, np.asarray(start), min(spacing_mm, SURFACE_MM)),
        beyond_mm3=_beyond_mm3(total, float(weights.sum())),
        spacing_mm=spacing_mm,
        convention=f"voxel cells of {' x '.join(f'{s:.2f}' for s in grid.spacing_mm)} mm",
    )


def _beyond_mm3(total_mm3: float, inside_mm3: float) -> float:
    """Return the volume that got no points; what rounding leaves over is none."""
    beyond = total_mm3 - inside_mm3
    return beyond if beyond > _ROUNDING * total_mm3 else 0.0


def _window(grid: Grid, within: Grid | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the index box of the voxels that reach into the box around ``within``; empty where none does."""
    shape = np.asarray(grid.shape)
    if within is None:
        return (0, 0, 0), tuple(shape)
    grid.require_frame(within.frame_of_reference, where="dose grid")
    corners = grid.index(within.corners_mm())
    low = np.clip(np.floor(corners.min(axis=0) + 0.5).astype(int), 0, shape)
    high = np.clip(np.floor(corners.max(axis=0) + 0.5).astype(int) + 1, low, shape)
    return tuple(low), tuple(high)


def _voxel_surface(mask: NDArray[np.bool_], grid: Grid, start: NDArray[np.int64], spacing_mm: float) -> FloatArray:
    """Return points on the cells of the voxels that have a neighbour outside, corners and faces included."""
    if not mask.any():
        return np.empty((0, 3))
    boundary = np.argwhere(mask & ~ndimage.binary_erosion(mask, border_value=0))
    parts = np.maximum(np.ceil(grid.spacing_mm / spacing_mm).astype(int), 1)
    lattice = _lattice([np.linspace(-0.5, 0.5, n + 1) for n in parts])
    faces = lattice[(np.abs(lattice) == 0.5).any(axis=1)]
    return grid.point_mm((boundary[:, None, :] + faces + start).reshape(-1, 3))


def _lattice(axes: list[FloatArray]) -> FloatArray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _of_contours(
    region: ContourSet,
    spacing_mm: float,
    within: Grid | None,
    *,
    ends: EndConvention,
    single_plane_mm: float | None,
) -> Quadrature:
    slabs = stack(region, ends=ends, single_plane_mm=single_plane_mm)
    frame = np.vstack([perpendicular_axes(slabs.normal), slabs.normal])
    box = _box(frame, within, region)
    parts = [_slab_points(slab, frame, box, spacing_mm) for slab in slabs.slabs]
    points, weights, surface = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return Quadrature(
        points_mm=points @ frame,
        volume_mm3=weights,
        surface_mm=surface @ frame,
        beyond_mm3=_beyond_mm3(slabs.volume_mm3(), float(weights.sum())),
        spacing_mm=spacing_mm,
        convention=f"contours, {len(slabs.slabs)} slices, end caps: {ends}",
    )


def _box(frame: FloatArray, within: Grid | None, region: ContourSet) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest coordinates along the stack's axes at which points are wanted."""
    if within is None:
        return np.full(3, -np.inf), np.full(3, np.inf)
    within.require_frame(region.frame_of_reference, where="dose grid")
    corners = within.corners_mm() @ frame.T
    return corners.min(axis=0), corners.max(axis=0)


def _slab_points(
    slab: Slab, frame: FloatArray, box: tuple[FloatArray, FloatArray], spacing_mm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return points (n, 3) along the stack's axes, their volumes, and surface points (m, 3)."""
    low, high = max(slab.low_mm, float(box[0][2])), min(slab.high_mm, float(box[1][2]))
    if high <= low:
        return np.empty((0, 3)), np.empty(0), np.empty((0, 3))
    loops = [loop @ frame[:2].T for loop in slab.loops_mm]
    plane, areas = _plane_points(loops, area_mm2(slab, frame[2]), box, spacing_mm)
    layers = max(int(np.ceil((high - low) / spacing_mm - 1e-9)), 1)
    heights = (np.arange(layers)[:, None] + _shifts(len(plane))[:, 2]) * (high - low) / layers
    points = np.column_stack([np.tile(plane, (layers, 1)), low + heights.ravel()])
    weights = np.tile(areas * (high - low) / layers, layers)
    return points, weights, _slab_surface(loops, plane, low, high)


def _plane_points(
    loops: list[FloatArray], area: float, box: tuple[FloatArray, FloatArray], spacing_mm: float
) -> tuple[FloatArray, FloatArray]:
    """Return points (n, 2) inside even-odd loops and the area of each.

    Spans are exact. There are eight times as many scan lines as a square lattice would have, with an eighth of the
    points on each: as many points, on eight times as many heights.
    """
    sides = edges(loops)
    if not len(sides):
        return np.empty((0, 2)), np.empty(0)
    bottom, top = max(float(sides[:, 1].min()), float(box[0][1])), min(float(sides[:, 3].max()), float(box[1][1]))
    if top <= bottom:
        return np.empty((0, 2)), np.empty(0)
    lines = max(int(np.ceil(_LINES * (top - bottom) / spacing_mm)), 2)
    step = (top - bottom) / lines
    height = np.asarray(bottom + (np.arange(lines) + 0.5) * step, dtype=np.float64)
    line, begin, end = _spans(sides, height)
    cut = bottom == box[0][1] or top == box[1][1]
    scale = 1.0 if cut else area / max(float((end - begin).sum()) * step, 1e-12)
    begin, end = np.maximum(begin, box[0][0]), np.minimum(end, box[1][0])
    wanted = end > begin
    line, begin, end = line[wanted], begin[wanted], end[wanted]
    count = np.maximum(np.ceil((end - begin) / (_LINES * spacing_mm)).astype(int), 1)
    part = np.repeat((end - begin) / count, count)
    order = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    along = order + np.repeat(_shifts(len(count))[:, 0], count)
    points = np.column_stack([np.repeat(begin, count) + along * part, np.repeat(height[line], count)])
    return points, part * step * scale


def _shifts(count: int) -> FloatArray:
    """Return (n, 3) fractions in (0, 1): multiples of the ratio's powers, modulo 1."""
    steps = 1 / _GENERALISED_GOLDEN_RATIO ** np.arange(1, 4)
    return np.asarray((0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0)


def _spans(sides: FloatArray, height: FloatArray) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Return line number, begin and end of every span inside the sides (x0, y0, x1, y1) at the given heights."""
    x0, y0, x1, y1 = sides.T
    crossed = (y0 <= height[:, None]) & (height[:, None] < y1)
    crossing = np.where(crossed, x0 + (x1 - x0) * (height[:, None] - y0) / (y1 - y0), np.inf)
    crossing.sort(axis=1)
    pairs = crossing[:, : crossing.shape[1] // 2 * 2].reshape(len(height), -1, 2)
    line, pair = np.nonzero(np.isfinite(pairs[:, :, 1]))
    return line, pairs[line, pair, 0], pairs[line, pair, 1]


def _slab_surface(loops: list[FloatArray], plane: FloatArray, low: float, high: float) -> FloatArray:
    """Return points on the slab's wall, and its two faces."""
    outline = np.concatenate([_outline(loop) for loop in loops])
    heights = np.linspace(low, high, max(int(np.ceil((high - low) / SURFACE_MM)), 1) + 1)
    wall = np.column_stack([np.tile(outline, (len(heights), 1)), np.repeat(heights, len(outline))])
    faces = [np.column_stack([plane, np.full(len(plane), height)]) for height in (low, high)]
    return np.concatenate([wall, *faces])


def _outline(loop: FloatArray) -> FloatArray:
    """Return the loop with points on its sides at most SURFACE_MM apart."""
    side = np.roll(loop, -1, axis=0) - loop
    count = np.maximum(np.ceil(np.linalg.norm(side, axis=1) / SURFACE_MM).astype(int), 1)
    order = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    along = order / np.repeat(count, count)
    return np.asarray(np.repeat(loop, count, axis=0) + np.repeat(side, count, axis=0) * along[:, None])
