"""Where structures and found regions lie in an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.resampling import resample_labels
from metaspine.patient.structure import Structure

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Region:
    """The voxels of a structure inside an image: a box of it, and a mask of the box."""

    box: Box
    mask: Mask


def region_of(structure: Structure, grid: Grid) -> Region | None:
    """Return the voxels of a grid that a structure covers by half or more; None where there are none."""
    extent = _extent_mm(structure)
    box = _box(extent, grid) if extent is not None else None
    if box is None:
        return None
    start = (box[0].start, box[1].start, box[2].start)
    stop = (box[0].stop, box[1].stop, box[2].stop)
    window = grid.cropped(start, stop)
    if isinstance(structure.region, ContourSet):
        mask = coverage(structure.region, window).values >= 0.5
    else:
        inside = Volume(np.asarray(structure.region.values >= 0.5), structure.region.grid)
        mask = resample_labels(inside, window).values
    return Region(box, np.asarray(mask)) if mask.any() else None


def _extent_mm(structure: Structure) -> FloatArray | None:
    """Return points (n, 3) whose box holds the structure."""
    if isinstance(structure.region, ContourSet):
        contours = structure.region.closed
        return np.concatenate([contour.points_mm for contour in contours]) if contours else None
    bounds = Volume(np.asarray(structure.region.values >= 0.5), structure.region.grid).bounds()
    return structure.region.grid.cropped(*bounds).corners_mm() if bounds else None


def _box(points_mm: FloatArray, grid: Grid) -> Box | None:
    index = grid.index(points_mm)
    start = np.maximum(np.floor(index.min(axis=0)).astype(int) - 1, 0)
    stop = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 2, grid.shape)
    if (start >= stop).any():
        return None
    i, j, k = (slice(int(low), int(high)) for low, high in zip(start, stop, strict=True))
    return i, j, k
