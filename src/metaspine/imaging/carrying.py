"""What the planning image knows, carried to a second image by the registration of one vertebra.

Contours are moved. Where the second image has no Hounsfield units, the planning CT's are sampled near the vertebra:
farther off the patient lies otherwise than then, and what is not known stays without a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import LevelError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.resampling import resample, resample_labels
from metaspine.geometry.transforms import RigidTransform
from metaspine.imaging.findings import METAL_HU
from metaspine.imaging.regions import Box, region_of
from metaspine.imaging.registration_samples import (
    METAL_HALO_MM,
    Picture,
    in_window,
    picture,
    volume_of,
    widened,
    window_around,
)
from metaspine.patient.image import Image
from metaspine.patient.registration import Registration
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure

CARRIED_MM = 10.0
"""What lies within this of the vertebra's label moves with it (REG-05)."""
_BONY = (Role.VERTEBRA, Role.SACRUM)


@dataclass(frozen=True, eq=False)
class _Near:
    """What moves with the vertebra, in a window of the planning image, and the window's voxels in that image."""

    moves: Volume
    box: Box


def carry(planning: Scan | Image, registration: Registration, image: Scan | Image) -> Scan:
    """Return the second image as a scan: structures moved to it, and Hounsfield units where there are any.

    A second CT keeps its own Hounsfield units. Any other image gets the planning CT's within 10 mm of the vertebra, but
    not in other vertebrae, near metal of either image or off the planning CT; everywhere else the value is NaN, not
    known, and :func:`metaspine.imaging.densities.tissue_map` refuses it; after a planning MR that is everywhere.
    Structures are cut to the same 10 mm; they are derived, and nobody has confirmed them.

    Raises
    ------
    LevelError
        When the planning image has no such vertebra, or several.
    FrameMismatch
        When the registration is of other frames of reference.
    """
    volume_of(planning).grid.require_frame(registration.transform.from_frame, where="planning image")
    volume = volume_of(image)
    volume.grid.require_frame(registration.transform.to_frame, where="second image")
    near = _near(planning, _vertebra(planning, registration.vertebra))
    moved, cut, left = _structures(planning, registration.transform, near.moves)
    said = [*image.notes, *registration.notes, _accuracy(registration), *_cut_or_left(registration.vertebra, cut, left)]
    if isinstance(image, Scan):
        return replace(image, structures=(*image.structures, *moved), notes=tuple(said))
    values = np.full(volume.grid.shape, np.nan, dtype=np.float32)
    if isinstance(planning, Scan):
        _fill(values, planning, near, registration.transform, image)
    said.append(_known(values, registration.vertebra))
    origin = replace(image.origin, tube_voltage_kv=planning.origin.tube_voltage_kv)
    return Scan(Volume(values, volume.grid), (*image.structures, *moved), origin, tuple(said), image.unreadable)


def _vertebra(planning: Scan | Image, level: str) -> Structure:
    found = [one for one in planning.structures if one.role in _BONY and level in (one.level, one.name)]
    if len(found) != 1:
        raise LevelError(
            f"{level} is labelled {len(found)} times in the planning image",
            where=planning.origin.path,
            remedy="Carry over from the image that was registered",
        )
    return found[0]


def _near(planning: Scan | Image, vertebra: Structure) -> _Near:
    grid = volume_of(planning).grid
    region = region_of(vertebra, grid)
    if region is None:
        raise LevelError("covers no voxel of the planning image", where=vertebra.name, remedy="Check its label")
    window, start = window_around(grid, region.box, CARRIED_MM + METAL_HALO_MM)
    i, j, k = (slice(low, low + count) for low, count in zip(start, window.shape, strict=True))
    moves = widened(in_window(vertebra, window), window, CARRIED_MM)
    for other in planning.structures:
        if other.role is Role.VERTEBRA and other is not vertebra:
            moves &= ~in_window(other, window)
    return _Near(Volume(moves, window), (i, j, k))


def _structures(
    planning: Scan | Image, transform: RigidTransform, moves: Volume
) -> tuple[tuple[Structure, ...], list[str], list[str]]:
    """Return the structures that move with the vertebra, and the names of those cut and of those left out."""
    moved, cut, left = [], [], []
    for structure in planning.structures:
        region = structure.region
        kept: Volume | ContourSet | None
        if isinstance(region, ContourSet):
            kept, whole = _near_contours(region, moves)
        else:
            kept, whole = _near_mask(region, moves)
        if kept is None:
            left.append(structure.name)
            continue
        if not whole:
            cut.append(structure.name)
        there = transform.contours(kept) if isinstance(kept, ContourSet) else transform.volume(kept)
        source = f"carried over from {structure.source or planning.origin.path}"
        moved.append(replace(structure, region=there, origin=Origin.DERIVED, confirmed_by="", source=source))
    return tuple(moved), cut, left


def _near_contours(region: ContourSet, moves: Volume) -> tuple[ContourSet | None, bool]:
    """Return the contours of which a half or more lies near the vertebra, and whether those are all."""
    kept = tuple(one for one in region.contours if moves.sample(one.points_mm, outside=0.0).mean() >= 0.5)
    return (ContourSet(kept, region.frame_of_reference) if kept else None), len(kept) == len(region.contours)


def _near_mask(region: Volume, moves: Volume) -> tuple[Volume | None, bool]:
    """Return a mask cut to what lies near the vertebra, and whether that is all of it."""
    near = resample_labels(moves, region.grid).values
    kept = np.where(near, region.values, np.zeros((), region.values.dtype))
    bounds = Volume(kept, region.grid).bounds()
    if bounds is None:
        return None, False
    return Volume(kept, region.grid).cropped(*bounds), bool((kept == region.values).all())


def _fill(values: NDArray[np.float32], planning: Scan, near: _Near, transform: RigidTransform, image: Image) -> None:
    """Put the planning CT's values on the second image's grid, where they are known."""
    grid = image.volume.grid
    hounsfield, moves = planning.image.values[near.box], near.moves
    metal = widened(np.asarray(hounsfield >= METAL_HU), moves.grid, METAL_HALO_MM)
    there = transform.grid(moves.grid)
    start, box = _box_of(there, grid)
    if min(part.stop - part.start for part in box) < 1:
        return
    window = grid.cropped(start, (box[0].stop, box[1].stop, box[2].stop))
    sampled = resample(Volume(hounsfield, there), window, outside=np.nan).values
    trusted = resample_labels(Volume(moves.values & ~metal & np.isfinite(hounsfield), there), window).values
    shown = _shown(image, there)
    usable = resample_labels(Volume(shown.usable, shown.grid), window).values
    values[box] = np.where(trusted & usable, sampled, np.nan)


def _box_of(there: Grid, grid: Grid) -> tuple[tuple[int, int, int], tuple[slice, slice, slice]]:
    index = grid.index(there.corners_mm())
    start = np.clip(np.floor(index.min(axis=0)), 0, grid.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 1, start, grid.shape).astype(int)
    i, j, k = (slice(int(low), int(high)) for low, high in zip(start, stop, strict=True))
    return (i.start, j.start, k.start), (i, j, k)


def _shown(image: Image, there: Grid) -> Picture:
    return picture(image, around_mm=there.corners_mm(), reach_mm=5.0)


def _accuracy(registration: Registration) -> str:
    return (
        f"Carried over with {registration.vertebra} by registration, expected within {registration.error_mm:.1f} mm "
        "(REG-04)"
    )


def _cut_or_left(level: str, cut: Sequence[str], left: Sequence[str]) -> list[str]:
    said = []
    if cut:
        said.append(
            f"Cut to {CARRIED_MM:g} mm around {level}, beyond which they may have moved: {', '.join(cut)} (REG-05)"
        )
    if left:
        said.append(f"Not carried over, because they do not move with {level}: {', '.join(left)} (REG-05)")
    return said


def _known(values: NDArray[np.float32], level: str) -> str:
    known = int(np.isfinite(values).sum())
    if not known:
        return "Neither image has Hounsfield units here: no density is known in the second (REG-05)"
    return (
        f"Hounsfield units are the planning CT's, within {CARRIED_MM:g} mm of {level}: {known} voxels of "
        f"{values.size}; everywhere else they are not known (REG-05)"
    )
