"""Contours to masks: how much of each voxel a structure fills."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import StructureError
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.evenodd import add_coverage, edges
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.slabs import EndConvention, Slab, Stack, normal_of, stack
from metaspine.geometry.volume import Volume

_ROUNDING = 1e-6
"""Coverage nearer than this to 0 or 1 is 0 or 1: what is left of rounding millimetres."""


def coverage(
    contours: ContourSet,
    grid: Grid,
    *,
    single_plane_mm: float | None = None,
    slice_thickness_mm: float | None = None,
    ends: EndConvention = "prism",
) -> Volume:
    """Return the fraction of each voxel that lies inside the contours, 0 to 1 as float32.

    The contours must lie on planes perpendicular to one of the grid's axes; whether they lie on the grid's slices or
    between them, and how far apart, does not matter. What is inside is said in :mod:`metaspine.geometry.slabs`. The
    covered volume has no bias; what lies off the grid is lost (:func:`fraction_outside` says how much).

    Parameters
    ----------
    contours
        In the grid's frame of reference.
    grid
        Any flips and oblique axes.
    single_plane_mm, slice_thickness_mm, ends
        How the planes fill space, as in :func:`metaspine.geometry.slabs.stack`. With the grid's own spacing as
        ``slice_thickness_mm`` the outlines of a mask's voxels give that mask again.

    Raises
    ------
    FrameMismatch
        When contours and grid live in different frames of reference.
    StructureError
        When the contours bound nothing, lie on planes along none of the grid's axes, or on one plane without a stated
        thickness.
    """
    axis, normal = _slicing(contours, grid)
    slabs = stack(
        contours, normal=normal, single_plane_mm=single_plane_mm, slice_thickness_mm=slice_thickness_mm, ends=ends
    )
    return _filled(slabs, grid, axis)


def fraction_outside(
    contours: ContourSet,
    grid: Grid,
    *,
    single_plane_mm: float | None = None,
    slice_thickness_mm: float | None = None,
    ends: EndConvention = "prism",
) -> float:
    """Return the fraction of the contours' volume that lies off the grid's voxels, 0 to 1.

    Raises
    ------
    FrameMismatch, StructureError
        As :func:`coverage`.
    """
    axis, normal = _slicing(contours, grid)
    slabs = stack(
        contours, normal=normal, single_plane_mm=single_plane_mm, slice_thickness_mm=slice_thickness_mm, ends=ends
    )
    inside = _filled(slabs, grid, axis)
    whole = slabs.volume_mm3()
    if not whole > 0:
        raise StructureError("the contours enclose no area", remedy="Draw the structure again, or leave it out")
    outside = 1 - float(inside.values.sum(dtype=np.float64)) * grid.voxel_volume_mm3 / whole
    return outside if outside > _ROUNDING else 0.0


def _slicing(contours: ContourSet, grid: Grid) -> tuple[int, FloatArray]:
    """Return the grid's axis nearest to the normal of the contours' planes, and the normal of the slices along it."""
    grid.require_frame(contours.frame_of_reference, where="contours")
    axis = int(np.argmax(np.abs(normal_of(contours) @ grid.directions)))
    return axis, grid.inverse[axis, :3] / np.linalg.norm(grid.inverse[axis, :3])


def _filled(slabs: Stack, grid: Grid, axis: int) -> Volume:
    values = np.zeros(grid.shape, dtype=np.float32)
    slices = np.moveaxis(values, axis, 2)
    for slab in slabs.slabs:
        _add_slab(slices, slab, slabs.normal, grid=grid, axis=axis)
    values[values < _ROUNDING] = 0
    values[values > 1 - _ROUNDING] = 1
    return Volume(values, grid)


def _add_slab(slices: NDArray[np.float32], slab: Slab, normal: FloatArray, *, grid: Grid, axis: int) -> None:
    """Add one slab's coverage to ``slices``, which is the grid's array with ``axis`` moved last."""
    layers, parts = _layers(slab, normal, grid=grid, axis=axis)
    if not len(layers):
        return
    in_plane = [a for a in range(3) if a != axis]
    loops = [grid.index(loop)[:, in_plane] for loop in slab.loops_mm]
    window, covered = _plane_coverage(loops, slices.shape[:2])
    for layer, part in zip(layers, parts, strict=True):
        slices[(*window, layer)] += part * covered


def _layers(slab: Slab, normal: FloatArray, *, grid: Grid, axis: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the slices that the slab reaches, and how much of each slice's thickness it takes."""
    spacing = 1 / np.linalg.norm(grid.inverse[axis, :3])
    low, high = ((edge - grid.origin_mm @ normal) / spacing for edge in (slab.low_mm, slab.high_mm))
    layers = np.arange(
        max(0, int(np.floor(low + 0.5))), min(grid.shape[axis] - 1, int(np.floor(high + 0.5))) + 1, dtype=np.int64
    )
    return layers, np.clip(np.minimum(high, layers + 0.5) - np.maximum(low, layers - 0.5), 0, 1)


def _plane_coverage(loops: list[FloatArray], shape: tuple[int, ...]) -> tuple[tuple[slice, slice], FloatArray]:
    """Return the in-plane window that the loops reach, and the coverage (x, y) of its pixels."""
    points = np.concatenate(loops)
    low = np.clip(np.floor(points.min(axis=0) + 0.5).astype(int), 0, shape)
    high = np.clip(np.floor(points.max(axis=0) + 0.5).astype(int) + 1, low, shape)
    covered = np.zeros((high[1] - low[1], high[0] - low[0]))
    add_coverage(edges([loop - low for loop in loops]), covered)
    return (slice(low[0], high[0]), slice(low[1], high[1])), covered.T
