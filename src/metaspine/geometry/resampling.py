"""Volumes on other grids, without moving anything: voxels are cells, and the cells' outer faces stay where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import GeometryError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume

_MM = 1e-6


def with_spacing(grid: Grid, spacing_mm: ArrayLike) -> Grid:
    """Return a grid over the same physical extent whose voxels are at most ``spacing_mm`` along i, j, k.

    The extent, outer face to outer face, is kept exactly; where the wanted spacing does not divide it the voxels come
    out a little smaller. Ten voxels of 1 mm become two of 5 mm, centred at 2 and 7 mm: both span -0.5 to 9.5 mm.

    Raises
    ------
    GeometryError
        When a spacing is not positive.
    """
    wanted = np.broadcast_to(np.asarray(spacing_mm, dtype=np.float64), 3)
    if not (np.isfinite(wanted).all() and wanted.min() > 0):
        raise GeometryError(f"a voxel spacing of {wanted.tolist()} mm", remedy="Give positive millimetres")
    extent = grid.spacing_mm * grid.shape
    i, j, k = (int(n) for n in np.maximum(1, np.ceil(extent / wanted - _MM)))
    affine = np.eye(4)
    affine[:3, :3] = grid.directions * (extent / (i, j, k))
    corner = grid.point_mm((-0.5, -0.5, -0.5))
    affine[:3, 3] = corner + affine[:3, :3].sum(axis=1) / 2
    return Grid(affine, (i, j, k), grid.frame_of_reference)


def resample(volume: Volume, grid: Grid, *, outside: float) -> Volume:
    """Return the volume on another grid: trilinear, averaged over each voxel where that is coarser than the source.

    Parameters
    ----------
    volume
        Numbers, or a mask: then the result is coverage, 0 to 1. For labels see :func:`resample_labels`.
    grid
        Where the values are wanted, in the same frame of reference.
    outside
        The value of everything off the source's voxels (for HU that of air, for a dose or a mask 0, or NaN: unknown).

    Returns
    -------
    Volume
        float32; float64 where the source is.

    Raises
    ------
    FrameMismatch
        When the two live in different frames of reference.
    """
    volume.grid.require_frame(grid.frame_of_reference, where="resampling")
    kind = np.float64 if volume.values.dtype == np.float64 else np.float32
    to_source = volume.grid.inverse @ grid.affine
    parts = np.maximum(1, np.ceil(np.abs(to_source[:3, :3]).max(axis=0) - 1e-3)).astype(np.int64)
    values = np.empty(grid.shape, dtype=kind)
    _average(_numbers(volume.values), to_source, parts, outside, values)
    return Volume(values, grid)


def resample_labels(volume: Volume, grid: Grid, *, outside: int = 0) -> Volume:
    """Return labels or a mask on another grid: the value of the voxel that each new centre lies in, of the same type.

    Raises
    ------
    FrameMismatch
        When the two live in different frames of reference.
    """
    volume.grid.require_frame(grid.frame_of_reference, where="resampling")
    values = np.full(grid.shape, outside, dtype=volume.values.dtype)
    _nearest(volume.values, volume.grid.inverse @ grid.affine, values)
    return Volume(values, grid)


def upright(values: NDArray[Any], sheared_affine: ArrayLike, frame_of_reference: str, *, outside: float) -> Volume:
    """Return a stack of slices that are shifted against each other (a tilted gantry) on an upright grid.

    The new slices are perpendicular to the way the slices follow each other (the table's travel), the new rows keep
    the old ones' direction as far as that allows; spacings are kept, and the grid holds all of the stack. Values are
    trilinear between the eight neighbours in the sheared stack.

    Parameters
    ----------
    values
        Array [i, j, k], k from slice to slice.
    sheared_affine
        4 x 4, voxel index (i, j, k) to LPS mm; i and j are perpendicular.
    frame_of_reference
        Of the affine.
    outside
        The value of the corners that the stack does not reach (for HU that of air).

    Raises
    ------
    GeometryError
        When the affine is no such stack: singular, not finite, or sheared within the slices.
    """
    affine = np.asarray(sheared_affine, dtype=np.float64)
    grid = _upright_grid(affine, values.shape, frame_of_reference)
    to_source = np.asarray(np.linalg.inv(affine) @ grid.affine)
    result = np.empty(grid.shape, dtype=np.float64 if values.dtype == np.float64 else np.float32)
    _average(_numbers(values), to_source, np.ones(3, dtype=np.int64), outside, result)
    return Volume(result, grid)


def _upright_grid(affine: FloatArray, shape: tuple[int, ...], frame_of_reference: str) -> Grid:
    columns = affine[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not abs(np.linalg.det(columns)) > 1e-9:
        raise GeometryError("a stack of slices needs a finite, invertible 4 x 4 affine", remedy="Check the image")
    if abs(columns[:, 0] @ columns[:, 1]) > 1e-3 * spacing[0] * spacing[1]:
        raise GeometryError("rows and columns of the slices are not perpendicular", remedy="Check the image")
    travel = columns[:, 2] / spacing[2]
    along_rows = columns[:, 0] - travel * (travel @ columns[:, 0])
    along_rows = along_rows / np.linalg.norm(along_rows)
    across = np.cross(travel, along_rows)
    directions = np.stack([along_rows, across * np.sign(across @ columns[:, 1]), travel], axis=1)
    return _enclosing(affine, shape, directions * spacing, frame_of_reference)


def _enclosing(affine: FloatArray, shape: tuple[int, ...], steps: FloatArray, frame_of_reference: str) -> Grid:
    """Return the grid with columns ``steps`` that holds all cells of the sheared stack and shares their middle."""
    high = np.asarray(shape) - 0.5
    corners = np.array([[i, j, k] for i in (-0.5, high[0]) for j in (-0.5, high[1]) for k in (-0.5, high[2])])
    reached = (corners @ affine[:3, :3].T + affine[:3, 3]) @ np.linalg.inv(steps).T
    low, high = reached.min(axis=0), reached.max(axis=0)
    i, j, k = (int(n) for n in np.ceil(high - low - _MM))
    upright_affine = np.eye(4)
    upright_affine[:3, :3] = steps
    upright_affine[:3, 3] = steps @ ((low + high) / 2 - (np.array([i, j, k]) - 1) / 2)
    return Grid(upright_affine, (i, j, k), frame_of_reference)


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(np.uint8) if values.dtype == np.bool_ else values


@njit(cache=True)  # type: ignore[untyped-decorator]
def _average(
    source: NDArray[Any], to_source: FloatArray, parts: NDArray[np.int64], outside: float, result: NDArray[Any]
) -> None:
    """Write the mean of the trilinear values at ``parts`` points a voxel along each axis."""
    number = parts[0] * parts[1] * parts[2]
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            for k in range(result.shape[2]):
                total = 0.0
                for a in range(parts[0]):
                    u = i + (a + 0.5) / parts[0] - 0.5
                    for b in range(parts[1]):
                        v = j + (b + 0.5) / parts[1] - 0.5
                        for c in range(parts[2]):
                            w = k + (c + 0.5) / parts[2] - 0.5
                            total += _trilinear(source, to_source, (u, v, w), outside)
                result[i, j, k] = total / number


@njit(cache=True)  # type: ignore[untyped-decorator]
def _trilinear(source: NDArray[Any], to_source: FloatArray, index: tuple[float, float, float], outside: float) -> float:
    """Return the value at an index of the new grid; in the outer half of the border voxels that of their centre."""
    x, fx = _cell(to_source[0], index, source.shape[0])
    y, fy = _cell(to_source[1], index, source.shape[1])
    z, fz = _cell(to_source[2], index, source.shape[2])
    if min(x, y, z) < 0:
        return outside
    value = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (fx if a else 1 - fx) * (fy if b else 1 - fy) * (fz if c else 1 - fz)
                if weight > 0:
                    value += weight * source[x + a, y + b, z + c]
    return value


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cell(row: FloatArray, index: tuple[float, float, float], count: int) -> tuple[int, float]:
    """Return the lower neighbour and the fraction of the way to the next; -1 off the voxels."""
    position = row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3]
    if not -0.5 - 1e-9 <= position <= count - 0.5 + 1e-9:
        return -1, 0.0
    position = min(max(position, 0.0), count - 1.0)
    lower = int(position)
    return lower, position - lower


@njit(cache=True)  # type: ignore[untyped-decorator]
def _nearest(source: NDArray[Any], to_source: FloatArray, result: NDArray[Any]) -> None:
    """Write the value of the voxel that each centre lies in; leave what lies off the source."""
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            for k in range(result.shape[2]):
                index = (float(i), float(j), float(k))
                x, fx = _cell(to_source[0], index, source.shape[0])
                y, fy = _cell(to_source[1], index, source.shape[1])
                z, fz = _cell(to_source[2], index, source.shape[2])
                if min(x, y, z) >= 0:
                    result[i, j, k] = source[x + int(fx >= 0.5), y + int(fy >= 0.5), z + int(fz >= 0.5)]
