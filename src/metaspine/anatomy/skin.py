"""The patient's surface: where the body ends in air, and where the image merely ends.

The face of a cropped image, the border of the field of view and the padding around the reconstruction circle are not
skin: where the body reaches them the depth under the skin is not determinable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
_STEP_MM = 0.25


@dataclass(frozen=True, eq=False)
class PatientSurface:
    """The body as a mask, and the values around it."""

    body: Volume
    """True inside the patient, the air in lungs and bowel included."""
    image: Volume
    """Hounsfield units, as read."""


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

    Parameters
    ----------
    surface
        From :func:`patient_surface`.
    point_mm
        A point inside the patient.
    outwards
        The way to go, of any length (against a needle's direction).

    Returns
    -------
    None where the point lies outside the body, or where the line reaches the border of the image or of its
    reconstructed circle while still in the body: the image ends there, not the patient (ANAT-09).
    """
    way = np.asarray(outwards, dtype=np.float64)
    way = way / np.linalg.norm(way)
    start = np.asarray(point_mm, dtype=np.float64)
    grid = surface.body.grid
    reach = float(np.linalg.norm(grid.corners_mm() - start, axis=1).max())
    line = start + np.arange(0.0, reach, _STEP_MM)[:, None] * way
    line = line[grid.contains(line)]
    if not len(line):
        return None
    inside = surface.body.sample(line, outside=0.0) >= 0.5
    last = int(np.flatnonzero(inside)[-1]) if inside.any() else -1
    if not inside[0] or _at_border(surface.body, line[last]) or _at_padding(surface.image, line[last], way):
        return None
    return np.asarray(line[last] + 0.5 * _STEP_MM * way)


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


def _at_border(body: Volume, point_mm: FloatArray) -> bool:
    index = body.grid.index(point_mm)
    return bool(((index < 1) | (index > np.asarray(body.grid.shape) - 2)).any())


def _at_padding(image: Volume, point_mm: FloatArray, way: FloatArray) -> bool:
    """Say whether tissue ends at the image's constant lowest value without the blurred edge that skin shows."""
    edge_mm = 3 * float(image.grid.spacing_mm.min())
    line = point_mm + np.linspace(-edge_mm, edge_mm, 25)[:, None] * way
    index = np.clip(np.round(image.grid.index(line)).astype(int), 0, np.asarray(image.grid.shape) - 1)
    values = image.values[tuple(index.T)]
    lowest = image.values.min()
    blurred = (values > lowest) & (values < _TISSUE_HU)
    return bool(values[-1] == lowest and not blurred.any())
