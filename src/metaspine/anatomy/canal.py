"""The bony canal as a tube of patient space, and what it holds at a level."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.anatomy.bone import Mask, labelled_levels, largest_piece, on_grid
from metaspine.anatomy.local import ANTERIOR, CRANIAL, LEFT, axes
from metaspine.anatomy.vertebrae import VertebraGeometry, vertebra_geometry
from metaspine.errors import StructureError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.levels import position
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure

_STEP_MM = 0.75
_WHOLE = 0.6
"""Sections smaller than this fraction of a ring's median section are its oblique ends and are left out (ANAT-06)."""
_RIM = 8
"""Voxels of distance kept around a section's outline."""
_GAP_MM = 2.0
"""Gaps up to twice this between tube and bone belong to the canal: the limit must not be evaluated too far away."""
_BEYOND_MM = 12.0
"""How far a section is carried on at the ends where no endplate is known (ANAT-06)."""


@dataclass(frozen=True, eq=False)
class NeuralContent:
    """What the canal holds at a level, as far as the level alone can say."""

    content: str
    cord_possible: bool
    note: str
    evidence: str = "ANAT-07"


@dataclass(frozen=True, eq=False)
class _Section:
    """The canal in one plane: its middle, axes as rows, and the signed distance (mm) to its outline in the plane."""

    level: str
    centre_mm: FloatArray
    axes: FloatArray
    depth_mm: NDArray[np.float64]
    middle: FloatArray
    step_mm: float


def neural_content(level: str) -> NeuralContent:
    """Return what the canal holds at a level: the cord, the cauda equina, or one of both (ANAT-07, ESCC-03)."""
    place = position(level)
    if place < position("T12"):
        return NeuralContent("spinal cord", True, f"{level} lies above the conus")
    if place <= position("L2"):
        return NeuralContent(
            "conus or cauda equina",
            True,
            f"the cord ends about L1-L2; whether {level} holds cord only MR shows: it is treated as cord",
        )
    return NeuralContent("cauda equina", False, f"{level} lies below the usual end of the cord at L1-L2")


def bony_canal(scan: Scan, level: str, *, reach_mm: float = 40.0) -> Structure:
    """Return the bony canal of a level and its neighbours as a derived, unconfirmed structure.

    The sections enclosed by closed bone rings are taken as they are; between rings, also at the height of the discs
    and foramina, a tube is interpolated (ANAT-06). Gaps of a few millimetres between the tube and bone are filled, bone
    is taken out. ``source`` says from which rings it was made and where it ends.

    Parameters
    ----------
    scan
        With vertebra labels.
    level
        The level in the middle.
    reach_mm
        How far to go to cranial and to caudal from the canal's centre at the level.

    Returns
    -------
    A structure of role BONY_CANAL with a bool Volume along LPS, 0.75 mm, cropped to the canal.

    Raises
    ------
    LevelError
        When the level is not labelled exactly once.
    StructureError
        When bone closes around no canal at the level.
    """
    geometries = _neighbourhood(scan, level, reach_mm)
    sections = [section for geometry in geometries for section in _ring_sections(geometry)]
    if level not in {section.level for section in sections}:
        raise StructureError(
            f"bone closes around no canal at {level}",
            where=scan.origin.path,
            remedy="Draw the canal, or check that the label holds the whole vertebral arch",
        )
    middle = _middle_section(sections, level)
    sections = [_beyond(geometries[0], sections[0], 1), *sections, _beyond(geometries[-1], sections[-1], -1)]
    grid = _grid(sections, scan.frame_of_reference)
    tube = Volume(_tube(sections, grid, np.abs(_heights_mm(grid, middle)) <= reach_mm), grid)
    canal = _filled(_with_margin(tube), geometries)
    bounds = canal.bounds()
    cropped = canal if bounds is None else canal.cropped(*bounds)
    return Structure(
        f"bony canal {level}", Role.BONY_CANAL, cropped, Origin.DERIVED, level=level, source=_source(sections, reach_mm)
    )


def _neighbourhood(scan: Scan, level: str, reach_mm: float) -> list[VertebraGeometry]:
    """Return the level and its neighbours with a ring, from cranial to caudal, as far as they are within reach."""
    order = sorted(set(labelled_levels(scan)), key=position)
    own = vertebra_geometry(scan, level)
    here = order.index(own.label.level)
    found = [own]
    for way in (-1, 1):
        place = here + way
        while 0 <= place < len(order):
            other = vertebra_geometry(scan, order[place])
            if not _comparable(own, other):
                break
            found.insert(0 if way < 0 else len(found), other)
            if _distance_mm(own, other) > reach_mm:
                break
            place += way
    return found


def _comparable(own: VertebraGeometry, other: VertebraGeometry) -> bool:
    """Say whether a neighbour's ring is whole: about as large as the level's own (mixed labels show small holes)."""
    if own.ring is None or other.ring is None:
        return False
    sizes = [np.prod(geometry.ring.width_and_depth()) for geometry in (own, other) if geometry.ring]
    return bool(sizes[1] >= _WHOLE * sizes[0])


def _distance_mm(first: VertebraGeometry, second: VertebraGeometry) -> float:
    centres = [geometry.bone.grid.point_mm(geometry.body.centre) for geometry in (first, second)]
    return float(np.linalg.norm(centres[0] - centres[1]))


def _ring_sections(geometry: VertebraGeometry) -> list[_Section]:
    """Return the highest, the middle and the lowest whole section of a vertebra's ring, from cranial to caudal."""
    if geometry.ring is None:
        return []
    areas = geometry.ring.hole.sum(axis=(LEFT, ANTERIOR))
    whole = np.flatnonzero(areas >= _WHOLE * np.median(areas[areas > 0]))
    chosen = sorted({int(whole[-1]), int(whole[len(whole) // 2]), int(whole[0])}, reverse=True)
    return [_section(geometry, geometry.ring.hole[:, :, height], height) for height in chosen]


def _section(geometry: VertebraGeometry, hole: Mask, height: int) -> _Section:
    bone = geometry.bone
    first, second = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    corner = np.array([first[0], second[0]]) - _RIM
    outline = np.pad(hole[first[0] : first[-1] + 1, second[0] : second[-1] + 1], _RIM)
    depth = ndimage.distance_transform_edt(outline) - ndimage.distance_transform_edt(~outline)
    middle = np.argwhere(outline).mean(axis=0)
    centre = bone.grid.point_mm([*(corner + middle), height])
    return _Section(geometry.label.level, centre, axes(bone.frame), depth * bone.step_mm, middle, bone.step_mm)


def _beyond(geometry: VertebraGeometry, last: _Section, way: int) -> _Section:
    """Return the last section carried on along the cranial axis (way 1) or against it (-1), to its endplate."""
    plate = geometry.body.superior if way > 0 else geometry.body.inferior
    along_mm = _BEYOND_MM
    if plate is not None:
        index = geometry.bone.grid.index(last.centre_mm)
        plate_mm = (float(plate.height(index[LEFT], index[ANTERIOR])) - index[CRANIAL]) * geometry.bone.step_mm
        along_mm = float(np.clip(way * plate_mm, 1.0, 2 * _BEYOND_MM))
    centre = last.centre_mm + way * along_mm * last.axes[CRANIAL]
    return _Section(last.level, centre, last.axes, last.depth_mm, last.middle, last.step_mm)


def _middle_section(sections: list[_Section], level: str) -> _Section:
    own = [section for section in sections if section.level == level]
    return own[len(own) // 2]


def _grid(sections: list[_Section], frame_of_reference: str) -> Grid:
    centres = np.array([section.centre_mm for section in sections])
    radius = max(max(section.depth_mm.shape) * section.step_mm for section in sections) / 2 + 4 * _GAP_MM
    low = centres.min(axis=0) - radius
    i, j, k = (int(n) for n in np.ceil((centres.max(axis=0) + radius - low) / _STEP_MM) + 1)
    return Grid.axis_aligned(origin_mm=low, spacing_mm=_STEP_MM, shape=(i, j, k), frame_of_reference=frame_of_reference)


def _tube(sections: list[_Section], grid: Grid, wanted: Mask) -> Mask:
    inside = np.zeros(grid.shape, dtype=bool)
    for upper, lower in pairwise(sections):
        above, below = _heights_mm(grid, upper), _heights_mm(grid, lower)
        between = np.nonzero((above <= 0) & (below >= 0) & wanted & ~inside)
        points = grid.point_mm(np.stack(between, axis=-1))
        inside[between] = _between(points, upper, lower, -above[between], below[between]) > 0
    return inside


def _heights_mm(grid: Grid, section: _Section) -> FloatArray:
    """Return how far every voxel of a grid lies to cranial of a section."""
    along = section.axes[CRANIAL]
    i, j, k = (step * np.arange(n) for step, n in zip(along @ grid.affine[:3, :3], grid.shape, strict=True))
    start = float((grid.origin_mm - section.centre_mm) @ along)
    return np.asarray((start + i)[:, None, None] + j[:, None] + k)


def _between(
    points: FloatArray, upper: _Section, lower: _Section, from_upper: FloatArray, from_lower: FloatArray
) -> FloatArray:
    """Return the blended signed distance of points between two sections, each taken about the line of centres."""
    share = from_upper / np.maximum(from_upper + from_lower, 1e-9)
    centre = upper.centre_mm + share[:, None] * (lower.centre_mm - upper.centre_mm)
    blended = np.zeros(len(points))
    for section, weight in ((upper, 1 - share), (lower, share)):
        offset = (points - centre) @ section.axes[[LEFT, ANTERIOR]].T
        index = (offset / section.step_mm + section.middle).T
        blended += weight * ndimage.map_coordinates(section.depth_mm, index, order=1, mode="nearest")
    return blended


def _with_margin(tube: Volume) -> Volume:
    """Return the tube cropped to all that can have a part in filling its gaps."""
    margin = int(np.ceil(5 * _GAP_MM / _STEP_MM))
    start, stop = tube.bounds() or ((0, 0, 0), tube.grid.shape)
    low = tuple(max(n - margin, 0) for n in start)
    high = tuple(min(n + margin, size) for n, size in zip(stop, tube.grid.shape, strict=True))
    return tube.cropped((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _filled(region: Volume, geometries: list[VertebraGeometry]) -> Volume:
    """Return the tube widened into the narrow gaps between it and bone, without bone."""
    tube = np.asarray(region.values, dtype=bool)
    bone = np.zeros_like(tube)
    for geometry in geometries:
        bone |= on_grid(geometry.label.mask, region.grid)
    near = ndimage.distance_transform_edt(~tube, sampling=_STEP_MM) <= 2 * _GAP_MM
    widened = ndimage.distance_transform_edt(~(tube | bone), sampling=_STEP_MM) <= _GAP_MM
    closed = ndimage.distance_transform_edt(widened, sampling=_STEP_MM) > _GAP_MM
    return Volume(largest_piece(((closed & near) | tube) & ~bone), region.grid)


def _source(sections: list[_Section], reach_mm: float) -> str:
    levels = list(dict.fromkeys(section.level for section in sections))
    return (
        f"closed bone rings of {', '.join(levels)}; interpolated between the rings and carried on to the endplates of "
        f"{levels[0]} and {levels[-1]}; at most {reach_mm:.0f} mm to cranial and caudal (ANAT-06)"
    )
