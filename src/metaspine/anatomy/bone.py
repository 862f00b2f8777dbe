"""The bone of one vertebra: its mask with its lesion, its smooth surface, and values on another grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import LevelError, StructureError
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.volume import Volume
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure

Mask = NDArray[np.bool_]

_CRUMB = 0.05
"""Pieces of a label smaller than this fraction of its largest piece are crumbs (ANAT-01)."""


@dataclass(frozen=True, eq=False)
class VertebraLabel:
    """The label of one vertebra, cleaned, with its lesion.

    ``mask`` holds its pieces and the lesion, ``share_in_one_piece`` is the fraction of the label in its largest piece.
    """

    level: str
    mask: Volume
    share_in_one_piece: float
    notes: tuple[str, ...]


def labelled_levels(scan: Scan) -> tuple[str, ...]:
    """Return the levels of the scan's vertebra structures, in the order of the structures."""
    return tuple(structure.level for structure in scan.of_role(Role.VERTEBRA) if structure.level)


def vertebra_structure(scan: Scan, level: str) -> Structure:
    """Return the one structure of a level's vertebra.

    Raises
    ------
    LevelError
        When no structure, or more than one, is labelled with the level.
    """
    found = [structure for structure in scan.of_role(Role.VERTEBRA) if structure.level == level]
    if len(found) == 1:
        return found[0]
    known = ", ".join(labelled_levels(scan)) or "no vertebra"
    what = f"{level} is not labelled" if not found else f"{level} is labelled {len(found)} times"
    raise LevelError(what, where=scan.origin.path, remedy=f"Labelled are: {known}. Check the level and the label map")


def vertebra_mask(scan: Scan, level: str) -> Volume:
    """Return the bone of a level, the lesion in it included, as a bool Volume on its label's (cropped) grid.

    A lesion's own label punches a hole into its vertebra's label: the vertebra is the union of both, and of every
    cavity that bone encloses on all sides. Its surface is the outer cortex (or, where the lesion has broken through,
    the lesion's border).

    Raises
    ------
    LevelError
        When the level is not labelled exactly once.
    StructureError
        When its label is empty.
    """
    return vertebra_label(scan, level).mask


def vertebra_label(scan: Scan, level: str) -> VertebraLabel:
    """Return the mask of a level with what was noticed while it was cleaned (ANAT-01).

    Raises
    ------
    LevelError
        When the level is not labelled exactly once.
    StructureError
        When its label is empty.
    """
    structure = vertebra_structure(scan, level)
    own = mask_of(structure, scan.image.grid)
    joined, notes = own, []
    for lesion in scan.of_role(Role.LESION):
        if (lesion.level or _host(scan, lesion)) == level:
            joined = _union(joined, mask_of(lesion, scan.image.grid))
            notes.append(f"{level} is the union of {structure.name} and the lesion {lesion.name}")
    cleaned, share = _without_crumbs(joined)
    if share < 1 - _CRUMB:
        notes.append(f"the label of {level} is in pieces: {share:.0%} of it hang together (labels mixed or bone cut)")
    return VertebraLabel(level, cleaned, share, tuple(notes))


def mask_of(structure: Structure, grid: Grid) -> Volume:
    """Return a structure as a bool Volume cropped to it; contours are drawn onto ``grid`` first.

    Raises
    ------
    StructureError
        When it holds no voxel.
    """
    region = coverage(structure.region, grid) if isinstance(structure.region, ContourSet) else structure.region
    mask = Volume(np.asarray(region.values >= 0.5), region.grid)
    bounds = mask.bounds()
    if bounds is None:
        raise StructureError(
            "the structure holds no voxel", where=structure.name, remedy="Check the label map, or leave it out"
        )
    return mask.cropped(*bounds)


def signed_distance(mask: Volume, *, margin_mm: float = 6.0) -> Volume:
    """Return a field that is zero on the mask's surface and positive inside, on the mask's grid widened by a margin.

    For making the surface smooth between coarse slices: interpolated, it is zero midway between the last voxel inside
    and the first outside. Its size is the distance in mm to the nearest voxel centre of the other kind (anisotropic
    voxels included), which is up to half a voxel more than the distance to the surface.
    """
    pad = np.ceil(margin_mm / mask.grid.spacing_mm).astype(int)
    i, j, k = (int(n) for n in pad)
    shape = mask.grid.shape
    grid = mask.grid.cropped((-i, -j, -k), (shape[0] + i, shape[1] + j, shape[2] + k))
    inside = np.pad(mask.values, [(n, n) for n in pad])
    spacing = mask.grid.spacing_mm
    depth = ndimage.distance_transform_edt(inside, sampling=spacing)
    height = ndimage.distance_transform_edt(~inside, sampling=spacing)
    return Volume(np.asarray(depth - height, dtype=np.float32), grid)


def resample(volume: Volume, grid: Grid, *, outside: float = -10.0) -> NDArray[np.float32]:
    """Return the volume's trilinear values at another grid's voxel centres; ``outside`` off the volume's centres."""
    grid.require_frame(volume.grid.frame_of_reference)
    step = volume.grid.inverse @ grid.affine
    values: NDArray[Any] = ndimage.affine_transform(
        volume.values, step[:3, :3], step[:3, 3], output_shape=grid.shape, order=1, mode="constant", cval=outside
    )
    return values.astype(np.float32, copy=False)


def on_grid(mask: Volume, grid: Grid) -> Mask:
    """Return a mask's values at another grid's voxel centres (at least half covered)."""
    return resample(Volume(mask.values.astype(np.float32), mask.grid), grid, outside=0.0) >= 0.5


def occupied_mm(mask: Volume) -> FloatArray:
    """Return the LPS centres (n, 3) of the voxels inside the mask."""
    return mask.grid.point_mm(np.argwhere(mask.values))


def largest_piece(mask: Mask) -> Mask:
    """Return the largest connected piece of a mask of any dimension; an empty mask stays empty."""
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax())


def _without_crumbs(mask: Volume) -> tuple[Volume, float]:
    pieces, _ = ndimage.label(mask.values)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept = (sizes >= max(_CRUMB * sizes.max(), 1))[pieces]
    return Volume(np.asarray(ndimage.binary_fill_holes(kept)), mask.grid), float(sizes.max() / sizes.sum())


def _host(scan: Scan, lesion: Structure) -> str:
    """Return the level whose label a lesion without a level touches most; empty where it touches none."""
    region = mask_of(lesion, scan.image.grid)
    i, j, k = region.grid.shape
    grid = region.grid.cropped((-1, -1, -1), (i + 1, j + 1, k + 1))
    shell = ndimage.binary_dilation(np.pad(region.values, 1))
    contact = {
        structure.level: int((shell & (on_grid(mask_of(structure, scan.image.grid), grid))).sum())
        for structure in scan.of_role(Role.VERTEBRA)
    }
    host = max(contact, key=lambda level: contact[level], default="")
    return host if contact.get(host) else ""


def _union(first: Volume, second: Volume) -> Volume:
    """Return both masks on the first one's grid, widened to hold the second."""
    index = first.grid.index(second.grid.corners_mm())
    low = np.minimum(np.floor(index.min(axis=0) + 0.5).astype(int), 0)
    high = np.maximum(np.ceil(index.max(axis=0) + 0.5).astype(int), first.grid.shape)
    (i, j, k), (u, v, w) = ((int(a), int(b), int(c)) for a, b, c in (low, high))
    grid = first.grid.cropped((i, j, k), (u, v, w))
    values = on_grid(second, grid)
    offset = -low
    window = tuple(slice(int(o), int(o) + n) for o, n in zip(offset, first.grid.shape, strict=True))
    values[window] |= first.values
    return Volume(values, grid)
