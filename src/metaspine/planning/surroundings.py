"""What a needle meets on its way, as distance fields: the bone it works in, the canal, what must be kept clear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from metaspine.anatomy.bone import mask_of, signed_distance
from metaspine.errors import StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.patient.vertebra import Vertebra

NEAR_SPACING_MM = 0.6
"""Of the fields around the vertebra."""
FAR_SPACING_MM = 1.0
"""Of the field of what must be kept clear between skin and vertebra."""
FARTHEST_MM = 1000.0
"""The distance from something that is not there."""

_NEAR_MARGIN_MM = 10.0
_BEHIND_CANAL_MM = 25.0
_NEEDLE_SPACE_MM = (60.0, 75.0, 20.0, 35.0)
"""Beside, behind, in front of and above or below the body's centre."""
BONES = (Role.RIB, Role.VERTEBRA, Role.SACRUM)
SOFT = (Role.LUNG, Role.VESSEL, Role.ORGAN)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Distance fields in mm on two grids along LPS.

    Parameters
    ----------
    depth_in_bone
        How deep a point lies in the vertebra, its lesion included; negative outside.
    from_canal
        Distance from everything neural that is known: canal, thecal sac, cord; zero inside.
    from_bones, from_soft
        Distance from ribs and other vertebrae, and from lung, vessels and organs, on the wider grid.
    obstacles
        The structures behind the last two, to name what is in the way.
    notes
        What could not be kept clear because it is not labelled.
    """

    depth_in_bone: Volume
    from_canal: Volume
    from_bones: Volume
    from_soft: Volume
    obstacles: tuple[Structure, ...] = ()
    notes: tuple[str, ...] = ()


def surroundings(scan: Scan, vertebra: Vertebra, *, bone: Volume, canal: tuple[Structure, ...]) -> Surroundings:
    """Return the fields around one vertebra.

    Parameters
    ----------
    bone
        The mask of the vertebra with its lesion.
    canal
        Every structure that no channel may enter: bony canal, thecal sac, cord.

    Raises
    ------
    StructureError
        When nothing is known of the canal.
    """
    if not canal:
        raise StructureError(
            f"neither a canal nor a cord is known at {vertebra.level}",
            where=scan.origin.path,
            remedy="Draw the canal: without it no path can be called safe",
        )
    near = _box(_bone_corners(bone, vertebra), margin_mm=_NEAR_MARGIN_MM, spacing_mm=NEAR_SPACING_MM, like=bone.grid)
    far = _box(_needle_corners(vertebra), margin_mm=0.0, spacing_mm=FAR_SPACING_MM, like=bone.grid)
    obstacles = tuple(part for part in scan.structures if _in_the_way(part, vertebra.level))
    return Surroundings(
        depth_in_bone=Volume(_depth(smoothed(bone, near), near), near),
        from_canal=Volume(_height(_union(scan, canal, near), near), near),
        from_bones=_distance_from(scan, [part for part in obstacles if part.role in BONES], far),
        from_soft=_distance_from(scan, [part for part in obstacles if part.role in SOFT], far),
        obstacles=obstacles,
        notes=_not_labelled(obstacles),
    )


def smoothed(mask: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Return a mask on another grid, its surface interpolated between coarse slices by its signed distance."""
    if not mask.values.any():
        return np.zeros(grid.shape, dtype=bool)
    return np.asarray(_on(signed_distance(mask), grid, outside=-FARTHEST_MM) > 0)


def names_within(grid: Grid, obstacles: tuple[Structure, ...], ends_mm: FloatArray, *, within_mm: float) -> list[str]:
    """Return the names of the structures that come within a distance of a line between two ends (2, 3).

    ``grid`` is the image's, onto which contours are drawn.
    """
    low, high = ends_mm.min(axis=0) - within_mm, ends_mm.max(axis=0) + within_mm
    found = []
    for structure in obstacles:
        mask = mask_of(structure, grid)
        points = mask.grid.point_mm(np.argwhere(mask.values))
        points = points[((points >= low) & (points <= high)).all(axis=1)]
        if len(points) and _nearest_mm(points, ends_mm) <= within_mm:
            found.append(structure.name)
    return found


def _nearest_mm(points_mm: FloatArray, ends_mm: FloatArray) -> float:
    length = float(np.linalg.norm(ends_mm[1] - ends_mm[0]))
    way = (ends_mm[1] - ends_mm[0]) / length
    along = np.clip((points_mm - ends_mm[0]) @ way, 0, length)
    return float(np.linalg.norm(points_mm - ends_mm[0] - along[:, None] * way, axis=1).min())


def _bone_corners(bone: Volume, vertebra: Vertebra) -> FloatArray:
    """Return the corners of the bone that a channel may meet: not the spinous process behind the canal."""
    bounds = bone.bounds()
    if bounds is None:
        raise StructureError("the vertebra holds no voxel", where=vertebra.level, remedy="Check its label")
    corners = bone.cropped(*bounds).grid.corners_mm()
    canal = vertebra.body_centre_mm if vertebra.canal_centre_mm is None else vertebra.canal_centre_mm
    behind = (canal - corners) @ vertebra.axes.anterior - _BEHIND_CANAL_MM
    return np.asarray(corners + np.clip(behind, 0, None)[:, None] * vertebra.axes.anterior)


def _needle_corners(vertebra: Vertebra) -> FloatArray:
    """Return the corners of the space behind and beside the body through which a needle may come."""
    axes, (aside, behind, before, up) = vertebra.axes, _NEEDLE_SPACE_MM
    steps = [(s, a, c) for s in (-aside, aside) for a in (-behind, before) for c in (-up, up)]
    offsets = [s * axes.left + a * axes.anterior + c * axes.cranial for s, a, c in steps]
    return np.asarray(vertebra.body_centre_mm + np.array(offsets))


def _box(points_mm: ArrayLike, *, margin_mm: float, spacing_mm: float, like: Grid) -> Grid:
    points = np.asarray(points_mm, dtype=np.float64)
    low, high = points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm
    i, j, k = (int(n) for n in np.ceil((high - low) / spacing_mm) + 1)
    return Grid.axis_aligned(
        origin_mm=low, spacing_mm=spacing_mm, shape=(i, j, k), frame_of_reference=like.frame_of_reference
    )


def _in_the_way(structure: Structure, level: str) -> bool:
    return structure.role in SOFT or (structure.role in BONES and structure.level != level)


def _union(scan: Scan, structures: tuple[Structure, ...], grid: Grid) -> NDArray[np.bool_]:
    joined = np.zeros(grid.shape, dtype=bool)
    for structure in structures:
        joined |= smoothed(_near(mask_of(structure, scan.image.grid), grid), grid)
    return joined


def _distance_from(scan: Scan, structures: list[Structure], grid: Grid) -> Volume:
    joined = np.zeros(grid.shape, dtype=bool)
    for structure in structures:
        mask = _near(mask_of(structure, scan.image.grid), grid)
        if mask.values.any():
            joined |= _on(Volume(mask.values.astype(np.float32), mask.grid), grid, outside=0.0) >= 0.5
    return Volume(_height(joined, grid), grid)


def _near(mask: Volume, grid: Grid) -> Volume:
    """Return the part of a mask that can reach into a grid; one empty voxel where none can."""
    index = mask.grid.index(grid.corners_mm())
    low = np.clip(np.floor(index.min(axis=0)) - 2, 0, np.asarray(mask.grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + 3, low + 1, mask.grid.shape).astype(int)
    (i, j, k), (u, v, w) = ((int(a), int(b), int(c)) for a, b, c in (low, high))
    return mask.cropped((i, j, k), (u, v, w))


def _height(inside: NDArray[np.bool_], grid: Grid) -> NDArray[np.float32]:
    """Return the distance of every voxel centre from a mask on a cubic grid, zero in it; the surface is half way."""
    if not inside.any():
        return np.full(grid.shape, FARTHEST_MM, dtype=np.float32)
    height = ndimage.distance_transform_edt(~inside, sampling=grid.spacing_mm)
    return np.clip(height - float(grid.spacing_mm[0]) / 2, 0, None).astype(np.float32)


def _depth(inside: NDArray[np.bool_], grid: Grid) -> NDArray[np.float32]:
    """Return the depth of every voxel centre in a mask on a cubic grid, negative outside; the surface is half way."""
    half = float(grid.spacing_mm[0]) / 2
    depth = ndimage.distance_transform_edt(inside, sampling=grid.spacing_mm) - half
    return np.where(inside, depth, -_height(inside, grid)).astype(np.float32)


def _on(volume: Volume, grid: Grid, *, outside: float) -> NDArray[np.float32]:
    step = volume.grid.inverse @ grid.affine
    values: NDArray[np.float32] = ndimage.affine_transform(
        volume.values, step[:3, :3], step[:3, 3], output_shape=grid.shape, order=1, mode="constant", cval=outside
    )
    return values


def _not_labelled(obstacles: tuple[Structure, ...]) -> tuple[str, ...]:
    there = {structure.role for structure in obstacles}
    missing = [role.value for role in (Role.RIB, Role.LUNG, Role.VESSEL) if role not in there]
    return (f"not labelled, so not kept clear: {', '.join(missing)}",) if missing else ()
