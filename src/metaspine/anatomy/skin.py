"""The patient's surface: where the body ends in air, and where the image merely ends.

The face of a cropped image, the border of the field of view and the padding around the reconstruction circle are not
skin: where the body reaches them the depth under the skin is not determinable.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from metaspine.anatomy.bone import Mask, largest_piece
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.scan import Scan

_TISSUE_HU = -400.0
"""Denser is tissue (ANAT-08)."""
_ROOM_AIR_HU = -930.0
"""Gas that reaches the image's border is the room's air when its median is below this; else it is lung (ANAT-08)."""
_COARSEST_MM = 1.5
_TABLE_MM = 6.0
_STRIDE_MM, _STEP_MM = 1.0, 0.25


@dataclass(frozen=True, eq=False)
class PatientSurface:
    """The body as a mask, and the values around it."""

    body: Volume
    """True inside the patient, the air in lungs and bowel included."""
    image: Volume
    """Hounsfield units, as read."""

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """The body as 0 and 1, in one piece of memory."""
        return np.ascontiguousarray(self.body.values, dtype=np.uint8)

    @cached_property
    def lowest(self) -> float:
        """The image's lowest value."""
        return float(self.image.values.min())


def patient_surface(scan: Scan) -> PatientSurface:
    """Return the patient's body as the image shows it, without the table (ANAT-08).

    Where the image's voxels are finer than 1.5 mm, the mask takes every second, third, ... of them, up to 1.5 mm.
    """
    i, j, k = (max(1, int(_COARSEST_MM // spacing)) for spacing in scan.image.grid.spacing_mm)
    values = scan.image.values[::i, ::j, ::k]
    thinned = Volume(values, _thinned_grid(scan.image, (i, j, k), values.shape))
    body = _without_table(np.asarray(values > _TISSUE_HU), thinned.grid.spacing_mm)
    outside = _room_air(~body, values)
    return PatientSurface(Volume(~outside, thinned.grid), scan.image)


def skin_point(surface: PatientSurface, point_mm: ArrayLike, outwards: ArrayLike) -> FloatArray | None:
    """Return the LPS point where a straight line leaves the patient for good; None where that is not determinable.

    As :func:`skin_points` does, for one line.
    """
    [skin] = skin_points(surface, np.reshape(point_mm, (1, 3)), np.reshape(outwards, (1, 3)))
    return None if np.isnan(skin).any() else np.asarray(skin)


def skin_points(surface: PatientSurface, points_mm: ArrayLike, outwards: ArrayLike) -> FloatArray:
    """Return the LPS points (n, 3) where straight lines leave the patient for good; NaN where not determinable.

    Parameters
    ----------
    surface
        From :func:`patient_surface`.
    points_mm
        (n, 3) inside the patient.
    outwards
        (n, 3) the ways to go, of any length (against a needle's direction).

    Returns
    -------
    NaN where the point lies outside the body, or where the line reaches the border of the image or of its
    reconstructed circle while still in the body: the image ends there, not the patient (ANAT-09).
    """
    ways = np.asarray(outwards, dtype=np.float64)
    ways = ways / np.linalg.norm(ways, axis=1)[:, None]
    starts = np.asarray(points_mm, dtype=np.float64)
    grid = surface.body.grid
    into, along = grid.index(starts), ways @ grid.inverse[:3, :3].T
    last_mm = _last_inside_mm(surface.mask, into, along)
    last = starts + last_mm[:, None] * ways
    ended = (last_mm < 0) | _at_border(surface.body.grid, last) | _at_padding(surface, last, ways)
    return np.where(ended[:, None], np.nan, last + 0.5 * _STEP_MM * ways)


def skin_depth_mm(surface: PatientSurface, point_mm: ArrayLike, outwards: ArrayLike) -> float | None:
    """Return how deep a point lies under the skin along a line; None is not determinable."""
    skin = skin_point(surface, point_mm, outwards)
    return None if skin is None else float(np.linalg.norm(skin - np.asarray(point_mm, dtype=np.float64)))


def _thinned_grid(image: Volume, strides: tuple[int, int, int], shape: tuple[int, ...]) -> Grid:
    affine = image.grid.affine.copy()
    affine[:3, :3] *= np.asarray(strides)
    return Grid(affine, (shape[0], shape[1], shape[2]), image.grid.frame_of_reference)


def _without_table(tissue: Mask, spacing_mm: FloatArray) -> Mask:
    """Return the largest piece of tissue that an opening leaves together, grown back to its own surface."""
    depth = ndimage.distance_transform_edt(np.pad(tissue, 1, mode="edge"), sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
    core = largest_piece(np.asarray(depth > _TABLE_MM / 2))
    if not core.any():
        return largest_piece(tissue)
    away = ndimage.distance_transform_edt(~core, sampling=spacing_mm)
    return np.asarray(tissue & (away <= _TABLE_MM / 2 + float(spacing_mm.max())))


def _room_air(not_body: Mask, values: NDArray[Any]) -> Mask:
    """Return the pieces outside the body that reach the image's border and hold room air."""
    pieces, count = ndimage.label(not_body)
    border = np.ones(not_body.shape, dtype=bool)
    border[1:-1, 1:-1, 1:-1] = False
    at_border = np.unique(pieces[border & not_body])
    medians = ndimage.median(values, pieces, at_border)
    room = [piece for piece, median in zip(at_border, np.atleast_1d(medians), strict=True) if median < _ROOM_AIR_HU]
    chosen = np.zeros(count + 1, dtype=bool)
    chosen[room] = True
    return chosen[pieces]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _last_inside_mm(body: NDArray[np.uint8], starts: FloatArray, ways: FloatArray) -> FloatArray:
    """Return how far along each line its last point inside lies; -1 where its first does not.

    Lines are followed to the border in steps of 1 mm, the last of them in steps of 0.25 mm. ``starts`` are voxel
    indices, ``ways`` voxel indices a millimetre.
    """
    found = np.full(starts.shape[0], -1.0)
    for n in range(starts.shape[0]):
        u, v, w = ways[n]
        i, j, k = starts[n]
        if not _inside(body, i, j, k):
            continue
        far = 0.0
        while _holds(body.shape, i + far * u, j + far * v, k + far * w):
            if _inside(body, i + far * u, j + far * v, k + far * w):
                found[n] = far
            far += _STRIDE_MM
        for _ in range(int(_STRIDE_MM / _STEP_MM) - 1):
            far = found[n] + _STEP_MM
            if not _inside(body, i + far * u, j + far * v, k + far * w):
                break
            found[n] = far
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _holds(shape: tuple[int, int, int], i: float, j: float, k: float) -> bool:
    return -0.5 <= i <= shape[0] - 0.5 and -0.5 <= j <= shape[1] - 0.5 and -0.5 <= k <= shape[2] - 0.5


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _inside(body: NDArray[np.uint8], i: float, j: float, k: float) -> bool:
    """Say whether the mask, interpolated between voxel centres, is at least half at an index."""
    shape = body.shape
    if not _holds(shape, i, j, k):
        return False
    i, j, k = min(max(i, 0.0), shape[0] - 1.0), min(max(j, 0.0), shape[1] - 1.0), min(max(k, 0.0), shape[2] - 1.0)
    share = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                x, y, z = min(int(i) + a, shape[0] - 1), min(int(j) + b, shape[1] - 1), min(int(k) + c, shape[2] - 1)
                if body[x, y, z]:
                    share += abs(1 - a - i + int(i)) * abs(1 - b - j + int(j)) * abs(1 - c - k + int(k))
    return share >= 0.5


def _at_border(grid: Grid, points_mm: FloatArray) -> NDArray[np.bool_]:
    index = grid.index(points_mm)
    return np.asarray(((index < 1) | (index > np.asarray(grid.shape) - 2)).any(axis=-1))


def _at_padding(surface: PatientSurface, points_mm: FloatArray, ways: FloatArray) -> NDArray[np.bool_]:
    """Say where tissue ends at the image's constant lowest value without the blurred edge that skin shows."""
    image, lowest = surface.image, surface.lowest
    edge_mm = 3 * float(image.grid.spacing_mm.min())
    lines = points_mm[:, None] + np.linspace(-edge_mm, edge_mm, 25)[:, None] * ways[:, None]
    index = np.clip(np.round(image.grid.index(lines)).astype(int), 0, np.asarray(image.grid.shape) - 1)
    values = image.values[tuple(np.moveaxis(index, -1, 0))]
    blurred = (values > lowest) & (values < _TISSUE_HU)
    return np.asarray((values[:, -1] == lowest) & ~blurred.any(axis=1))
