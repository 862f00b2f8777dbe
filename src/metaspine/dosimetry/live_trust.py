"""Where a live dose cannot be trusted: in, near and behind metal, off the calibrated range, out of reach.

Which directions metal covers is kept on the six faces of a cube around the source, each face a square of cells, with
the distance at which metal begins. A cell that metal touches counts as covered and so do its neighbours: the shadow
comes out a little too wide, never too narrow.
"""

from __future__ import annotations

import math
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_patient import INTERIOR, STILL
from metaspine.dosimetry.live_smoothing import Field, Place, in_slabs
from metaspine.dosimetry.live_window import Window
from metaspine.geometry.grid import FloatArray
from metaspine.transport.compiling import kernel, step

CELLS = 64
"""Along a side of a face: 1.4 degrees, 1 mm at 40 mm."""
_NO_METAL = np.float32(1e9)


class Doubt(IntFlag):
    """What speaks against a voxel's value; 0 is nothing."""

    NEAR_METAL = 1
    """In metal or within 3 mm of it: noise is left as it is there (DOS-33)."""
    BEHIND_METAL = 2
    """Metal stands between the source and the voxel: the scatter ratio of the drag tier does not hold at all."""
    OUT_OF_REACH = 4
    """Farther from the isocentre than is computed."""
    EXTRAPOLATED_OUTPUT = 8
    """Nearer or farther than the output's valid range."""
    NEAR_BORDER = 16
    """So near the end of the known tissues that photons scattered back from beyond are missing."""
    INSIDE_APPLICATOR = 32


def doubts(
    kinds: NDArray[np.uint8], metal: NDArray[np.bool_], place: Place, *, valid_mm: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return the doubts of every voxel of a dose box (nx, ny, nz); NEAR_BORDER is the caller's.

    Parameters
    ----------
    kinds, metal
        Of the box, (nx, ny, nz).
    place
        Where it lies.
    valid_mm
        The output's valid range from the isocentre.
    """
    found = np.zeros(place.shape, np.uint8)
    begins = metal_begins(metal, place)
    known = (kinds, begins, float(begins.min()))
    in_slabs(place.shape[0], lambda low, high: _doubt(low, high, found, known, place, valid_mm))
    return found


def behind_metal(points_mm: FloatArray, metal: NDArray[np.bool_], around: Window) -> NDArray[np.bool_]:
    """Say of points (n, 3), from the window's corner, whether they lie in, near or behind metal."""
    spacing = around.grid.spacing_mm
    at = np.floor(points_mm / spacing).astype(int)
    near = around.kinds[tuple(at.T)] == STILL
    if not metal.any():
        return np.asarray(near)
    x, y, z = around.source.point_mm
    sides = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    behind = np.zeros(len(points_mm), np.bool_)
    place = Place(around.medium.shape, (0, 0, 0), sides, (x, y, z), 0.0)
    _behind(points_mm - np.array([x, y, z]), metal_begins(metal, place), behind)
    return np.asarray(near | behind)


def metal_begins(metal: NDArray[np.bool_], place: Place) -> Field:
    """Return the distance in mm at which metal begins, (face, cell, cell); very large where there is none."""
    begins = np.full((6, CELLS, CELLS), _NO_METAL, np.float32)
    voxels = np.argwhere(metal)
    if len(voxels) > 0:
        _cover(voxels, begins, place)
    return begins


@step
def _cell(x: float, y: float, z: float) -> tuple[int, int, int]:
    """Return face and cell of a direction."""
    across_x, across_y, across_z = abs(x), abs(y), abs(z)
    if across_x >= across_y and across_x >= across_z:
        face, longest, u, v = 0 if x > 0 else 1, across_x, y, z
    elif across_y >= across_z:
        face, longest, u, v = 2 if y > 0 else 3, across_y, x, z
    else:
        face, longest, u, v = 4 if z > 0 else 5, across_z, x, y
    half = CELLS / 2.0 / max(longest, 1e-6)
    return face, min(int(u * half + CELLS / 2.0), CELLS - 1), min(int(v * half + CELLS / 2.0), CELLS - 1)


@kernel
def _cover(voxels: NDArray[np.int64], begins: Field, place: Place) -> None:
    """Cover the cells of metal's voxels and the cells around them; points lie closer than cells are wide."""
    spacing, source = place.spacing_mm, place.source_mm
    for index in range(len(voxels)):
        x = (voxels[index, 0] + 0.5) * spacing[0] - source[0]
        y = (voxels[index, 1] + 0.5) * spacing[1] - source[1]
        z = (voxels[index, 2] + 0.5) * spacing[2] - source[2]
        widest = max(spacing[0], max(spacing[1], spacing[2]))
        distance = max(math.sqrt(x * x + y * y + z * z) - widest, 0.5)
        parts = int(widest * CELLS / distance) + 1
        for part in range((parts + 1) ** 3):
            dx = (part % (parts + 1) / parts - 0.5) * spacing[0]
            dy = (part // (parts + 1) % (parts + 1) / parts - 0.5) * spacing[1]
            dz = (part // (parts + 1) ** 2 / parts - 0.5) * spacing[2]
            face, a, b = _cell(x + dx, y + dy, z + dz)
            for near_a in range(max(a - 1, 0), min(a + 2, CELLS)):
                for near_b in range(max(b - 1, 0), min(b + 2, CELLS)):
                    begins[face, near_a, near_b] = min(begins[face, near_a, near_b], distance)


@kernel
def _behind(offsets_mm: FloatArray, begins: Field, behind: NDArray[np.bool_]) -> None:
    for index in range(len(offsets_mm)):
        x, y, z = offsets_mm[index, 0], offsets_mm[index, 1], offsets_mm[index, 2]
        face, a, b = _cell(x, y, z)
        behind[index] = math.sqrt(x * x + y * y + z * z) > begins[face, a, b]


@kernel
def _doubt(
    low: int,
    high: int,
    found: NDArray[np.uint8],
    known: tuple[NDArray[np.uint8], Field, float],
    place: Place,
    valid_mm: tuple[float, float],
) -> None:
    kinds, begins, nearest = known
    spacing, source = place.spacing_mm, place.source_mm
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                x = (i + 0.5) * spacing[0] - source[0]
                y = (j + 0.5) * spacing[1] - source[1]
                z = (k + 0.5) * spacing[2] - source[2]
                distance = math.sqrt(x * x + y * y + z * z)
                doubt = 0
                doubt |= 1 if kinds[i, j, k] == STILL else 0
                if distance > nearest:
                    face, a, b = _cell(x, y, z)
                    doubt |= 2 if distance > begins[face, a, b] else 0
                doubt |= 4 if distance > place.reach_mm else 0
                doubt |= 8 if distance < valid_mm[0] or distance > valid_mm[1] else 0
                doubt |= 32 if kinds[i, j, k] == INTERIOR else 0
                found[i, j, k] = doubt
