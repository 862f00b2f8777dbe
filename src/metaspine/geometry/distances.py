"""Distances from a structure's surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import GeometryError, StructureError
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume


def distance_mm(mask: Volume) -> Volume:
    """Return each voxel centre's distance to the surface of a mask, in mm: positive outside, negative inside.

    The surface is made of the voxels' faces, so a centre next to it is half a voxel away, along each axis its own;
    what lies off the grid does not belong to the mask. Exact for these surfaces, whatever the voxels' proportions: the
    nearest point of a box to a voxel's centre always lies on the lattice of half voxels, and on that lattice the
    Euclidean distance transform is taken (which costs eight times the mask's memory: crop it first).

    Parameters
    ----------
    mask
        Boolean, or coverage: then the voxels that are at least half covered.

    Returns
    -------
    Volume
        float32, mm.

    Raises
    ------
    StructureError
        When no voxel belongs to the mask.
    GeometryError
        When the coverage is not a number somewhere.
    """
    if not np.isfinite(mask.values).all():
        raise GeometryError("the mask is not a number in some voxels", remedy="Decide whether they belong to it")
    inside = np.pad(mask.values >= 0.5, 1)
    if not inside.any():
        raise StructureError("the mask holds no voxel, so nothing has a distance from it", remedy="Check the structure")
    outwards = _to_nearest(inside, mask.grid.spacing_mm)
    inwards = _to_nearest(~inside, mask.grid.spacing_mm)
    signed = np.where(inside, -inwards, outwards)[1:-1, 1:-1, 1:-1]
    return Volume(signed.astype(np.float32), mask.grid)


def _to_nearest(region: NDArray[np.bool_], spacing_mm: FloatArray) -> FloatArray:
    """Return the distance of every voxel centre to the closed voxels of a region; zero inside."""
    lattice = np.zeros([2 * n + 1 for n in region.shape], dtype=np.bool_)
    for axes in np.ndindex(3, 3, 3):
        lattice[tuple(slice(a, a + 2 * n, 2) for a, n in zip(axes, region.shape, strict=True))] |= region
    distance = ndimage.distance_transform_edt(~lattice, sampling=spacing_mm / 2)
    return np.asarray(distance, dtype=np.float64)[1::2, 1::2, 1::2]
