"""The pedicles: where the bridge between body and arch is thinnest, which way it runs, how wide it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from metaspine.anatomy.bone import Mask, largest_piece
from metaspine.anatomy.local import LocalBone
from metaspine.anatomy.ring import Ring
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.side import Side
from metaspine.patient.vertebra import Pedicle

_SMOOTHING_MM = 1.0
_FLAT = 1.05
"""Sections up to 5 % larger than the smallest are as good as it: their middle is the isthmus (ANAT-04)."""
_ALONG_AXIS_MM = 4.0
_PEDICLE = 1.5
"""The pedicle's axis follows sections up to this far from the isthmus, up to this times its area (ANAT-04)."""


@dataclass(frozen=True, eq=False)
class _Section:
    """A pedicle's section in one coronal plane, in voxels: index 1, centre, marrow's middle, area, coverage."""

    plane: int
    centre: FloatArray
    marrow: FloatArray
    """The section's centre weighted by the square of the depth in bone: it follows the core, not the flanks."""
    area: float
    covered: FloatArray


def find_pedicle(bone: LocalBone, ring: Ring, side: Side, *, image: Grid) -> tuple[Pedicle | None, str]:
    """Return the pedicle of one side, or None with the reason (ANAT-04).

    Parameters
    ----------
    bone
        On the final local grid.
    ring
        The canal in the same grid.
    side
        The patient's side.
    image
        The image's grid, to tell where the field of view ends.
    """
    sections = _sections(bone, ring, side)
    if not sections:
        return None, f"{side} pedicle: no coronal section shows bone beside the canal, apart from body and arch"
    isthmus = _isthmus(sections, bone.step_mm)
    if _on_border(isthmus, bone, image):
        return None, f"{side} pedicle: cut by the field of view"
    width, height = _width_and_height(isthmus.covered)
    step = bone.step_mm
    return Pedicle(
        side,
        bone.grid.point_mm(isthmus.centre),
        _axis(sections, isthmus, bone),
        width * step,
        height * step,
        isthmus.area * step**2,
    ), ""


def _sections(bone: LocalBone, ring: Ring, side: Side) -> list[_Section]:
    """Return the sections that stand alone between the posterior wall and a quarter canal behind its centre."""
    centre = ring.centre
    middle = round(centre[0])
    first = round(centre[1] - 0.25 * (ring.front - ring.back))
    last = min(round(ring.front) + 2, bone.grid.shape[1] - 1)
    found = [_section(bone, plane, middle, side) for plane in range(max(first, 0), last + 1)]
    return [section for section in found if section is not None]


def _section(bone: LocalBone, plane: int, middle: int, side: Side) -> _Section | None:
    """Return the largest piece of bone on one side of the midline in a coronal plane; None where it crosses it."""
    half = slice(middle, None) if side is Side.LEFT else slice(0, middle + 1)
    mask = bone.mask[half, plane]
    piece = largest_piece(mask)
    at_midline = piece[0 if side is Side.LEFT else -1]
    if not piece.any() or at_midline.any():
        return None
    rim = ndimage.binary_dilation(piece) & ~(mask & ~piece)
    covered = np.where(rim, bone.coverage[half, plane], 0).astype(np.float64)
    corner = np.array([half.start or 0, plane, 0])
    depth = np.where(piece, bone.depth.values[half, plane], 0).astype(np.float64)
    return _Section(plane, corner + _middle(covered), corner + _middle(depth**2), float(covered.sum()), covered)


def _middle(weights: FloatArray) -> FloatArray:
    """Return the weighted mean of indices 0 and 2, with a 0 between them."""
    left, cranial = (np.arange(n) for n in weights.shape)
    total = weights.sum()
    return np.array([weights.sum(axis=1) @ left / total, 0.0, weights.sum(axis=0) @ cranial / total])


def _isthmus(sections: list[_Section], step_mm: float) -> _Section:
    areas = ndimage.gaussian_filter1d([section.area for section in sections], _SMOOTHING_MM / step_mm, mode="nearest")
    smallest = int(np.argmin(areas))
    flat = _run(areas <= _FLAT * areas[smallest], smallest)
    middle = sections[int(flat[len(flat) // 2])]
    centre = np.mean([sections[n].centre for n in flat], axis=0)
    return replace(middle, centre=centre)


def _run(chosen: Mask, inside: int) -> np.ndarray:
    """Return the indices of the unbroken run of chosen ones around one of them."""
    runs, _ = ndimage.label(chosen)
    return np.flatnonzero(runs == runs[inside])


def _axis(sections: list[_Section], isthmus: _Section, bone: LocalBone) -> FloatArray:
    """Return the direction in which the sections' marrow runs, posterior to anterior, in LPS."""
    reach = _ALONG_AXIS_MM / bone.step_mm
    near = [s for s in sections if abs(s.plane - isthmus.plane) <= reach and s.area <= _PEDICLE * isthmus.area]
    if len(near) < 3:
        return np.asarray(bone.frame.anterior)
    planes = np.array([section.plane for section in near], dtype=np.float64)
    centres = np.array([section.marrow for section in near])
    left, cranial = (np.polyfit(planes, centres[:, axis], 1)[0] for axis in (0, 2))
    along = np.array([left, 1.0, cranial])
    return np.asarray(bone.grid.directions @ (along / np.linalg.norm(along)))


def _width_and_height(covered: FloatArray) -> tuple[float, float]:
    """Return the mean chord from right to left over the middle half of the height, and the height, in voxels."""
    chords = covered.sum(axis=0)
    rows = np.flatnonzero(chords > 0.5)
    quarter = len(rows) // 4
    middle = rows[quarter : len(rows) - quarter]
    return float(chords[middle].mean()), float(covered.max(axis=0).sum())


def _on_border(section: _Section, bone: LocalBone, image: Grid) -> bool:
    first, second = np.nonzero(section.covered > 0)
    offset = section.centre[0] - _middle(section.covered)[0]
    points = bone.grid.point_mm(np.column_stack([first + offset, np.full(len(first), section.plane), second]))
    index = image.index(points)
    return bool(((index < 0.25) | (index > np.asarray(image.shape) - 1.25)).any())
