"""The part of a prepared patient around one position of the needle, with the applicator in it."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.interior import inside, positions, shape_mm
from metaspine.dosimetry.live_patient import INTERIOR, LivePatient
from metaspine.dosimetry.reference_run import source_of
from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator
from metaspine.transport.medium import MATERIAL_BITS, OUTSIDE, Medium
from metaspine.transport.source import Source

_PARTS = 4
"""A voxel that the applicator cuts is judged at this many points a side."""
_WHERE = "live engine"
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Window:
    """A box of the patient's voxels around the needle."""

    box: Box
    """Where it lies in the patient's region."""
    grid: Grid
    medium: Medium
    """The applicator's own volume is emptied."""
    source: Source
    kinds: NDArray[np.uint8]
    """(nx, ny, nz): as in the patient, INTERIOR where the applicator is."""


def window(patient: LivePatient, dwell: DwellPosition, reach_mm: float) -> Window:
    """Return the voxels that reach ``reach_mm`` from the isocentre along the grid's axes, as far as there are tissues.

    Raises
    ------
    InputError
        When the isocentre lies outside the region or in metal.
    DeviceFileError
        When the needle's direction has no length.
    """
    box = _box(patient, dwell, reach_mm)
    i, j, k = box
    grid = patient.grid.cropped((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
    place = (grid.index(dwell.isocentre_mm) + 0.5) * grid.spacing_mm
    direction = grid.directions.T @ positions([dwell])[1][0]
    kinds = patient.kinds[box].copy()
    return Window(
        box=box,
        grid=grid,
        medium=_emptied(_cropped(patient.medium, box), kinds, (grid.spacing_mm, place, direction), patient.applicator),
        source=source_of(patient.applicator, patient.spectrum, dwell, grid, importance=patient.importance),
        kinds=kinds,
    )


def inner(outer: Window, patient: LivePatient, dwell: DwellPosition, reach_mm: float) -> Box:
    """Return where the voxels within ``reach_mm`` of the isocentre lie in a larger window."""
    smaller = _box(patient, dwell, reach_mm)
    i, j, k = (
        slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(smaller, outer.box, strict=True)
    )
    return i, j, k


def _box(patient: LivePatient, dwell: DwellPosition, reach_mm: float) -> Box:
    grid = patient.grid
    where = f"the source at LPS {np.round(dwell.isocentre_mm, 1).tolist()} mm lies"
    if not bool(grid.contains(dwell.isocentre_mm)):
        raise InputError(
            f"{where} outside the region that was prepared",
            where=_WHERE,
            remedy="Prepare a region that holds every position of the needle",
        )
    centre = np.clip(np.rint(grid.index(dwell.isocentre_mm)).astype(int), 0, np.array(grid.shape) - 1)
    if patient.metal[tuple(centre)]:
        raise InputError(
            f"{where} inside metal",
            where=_WHERE,
            remedy="Move the isocentre out of the metal; if the metal is the needle itself, state by an override what "
            "it displaces: the engine puts the applicator there itself",
        )
    reach = np.ceil(reach_mm / grid.spacing_mm).astype(int)
    low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, grid.shape)
    i, j, k = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return i, j, k


def _cropped(whole: Medium, box: Box) -> Medium:
    """Return a box of a medium with a rim of its own."""
    rimmed = whole.packed.reshape(tuple(count + 2 for count in whole.shape))
    packed = rimmed[tuple(slice(part.start, part.stop + 2) for part in box)].copy()
    for axis in range(3):
        faces = np.moveaxis(packed, axis, 0)
        faces[0], faces[-1] = OUTSIDE, OUTSIDE
    lattice = whole.lattice._replace(stride_x=packed.shape[1] * packed.shape[2], stride_y=packed.shape[2])
    i, j, k = (count - 2 for count in packed.shape)
    flat = packed.ravel()
    return whole._replace(lattice=lattice, packed=flat, density=flat.view(np.float32), shape=(i, j, k))


def _emptied(
    voxels: Medium,
    kinds: NDArray[np.uint8],
    place: tuple[FloatArray, FloatArray, FloatArray],
    applicator: Applicator,
) -> Medium:
    """Empty the applicator's volume in a medium of our own, mark its voxels in ``kinds``, and return the medium.

    ``place`` holds spacing, isocentre from the grid's corner and direction, along the grid's axes. What the applicator
    displaces does not attenuate; a voxel that it cuts keeps the density of the part outside (DOS-03).
    """
    found, shares = np.empty(kinds.size, np.int64), np.empty(kinds.size, np.float32)
    count = _cut(kinds, found, shares, place, shape_mm(applicator))
    i, j, k = np.unravel_index(found[:count], kinds.shape)
    there = (i + 1) * voxels.lattice.stride_x + (j + 1) * voxels.lattice.stride_y + k + 1
    thinner = (voxels.density[there] * (1 - shares[:count])).view(np.uint32)
    voxels.packed[there] = (thinner & ~MATERIAL_BITS) | (voxels.packed[there] & MATERIAL_BITS)
    return voxels


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _near(start: FloatArray, step_mm: float, direction: FloatArray, radius_mm: float, count: int) -> tuple[int, int]:
    """Return from which to below which voxel of a row the needle's axis is nearer than ``radius_mm``.

    ``start`` is the first voxel's offset from the isocentre; the row runs along the last axis. The squared distance
    from the axis is a parabola along it.
    """
    along = start[0] * direction[0] + start[1] * direction[1] + start[2] * direction[2]
    constant = start[0] ** 2 + start[1] ** 2 + start[2] ** 2 - along**2 - radius_mm**2
    slope = start[2] - along * direction[2]
    curvature = 1.0 - direction[2] ** 2
    if curvature < 1e-9:
        return (0, count) if constant < 0.0 else (0, 0)
    inside2 = slope**2 - curvature * constant
    if inside2 <= 0.0:
        return 0, 0
    half = np.sqrt(inside2) / curvature / step_mm
    middle = -slope / curvature / step_mm
    return max(0, int(np.ceil(middle - half))), min(count, int(np.floor(middle + half)) + 1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cut(
    kinds: NDArray[np.uint8],
    found: NDArray[np.int64],
    shares: NDArray[np.float32],
    place: tuple[FloatArray, FloatArray, FloatArray],
    shape_mm: FloatArray,
) -> int:
    """Fill number and share of the voxels that the applicator cuts, and return how many."""
    spacing, isocentre, direction = place
    half_diagonal = 0.5 * np.sqrt(np.sum(spacing**2))
    offset, part = np.empty(3), np.empty(3)
    rows, columns = kinds.shape[1], kinds.shape[2]
    count = 0
    for row in range(kinds.shape[0] * rows):
        i, j = row // rows, row % rows
        offset[0] = (i + 0.5) * spacing[0] - isocentre[0]
        offset[1] = (j + 0.5) * spacing[1] - isocentre[1]
        offset[2] = 0.5 * spacing[2] - isocentre[2]
        first, last = _near(offset, spacing[2], direction, shape_mm[0] + half_diagonal, columns)
        for k in range(first, last):
            offset[2] = (k + 0.5) * spacing[2] - isocentre[2]
            along = offset[0] * direction[0] + offset[1] * direction[1] + offset[2] * direction[2]
            if along > shape_mm[1] + half_diagonal:
                continue
            held = 0
            for piece in range(_PARTS**3):
                part[0] = offset[0] + ((piece % _PARTS + 0.5) / _PARTS - 0.5) * spacing[0]
                part[1] = offset[1] + ((piece // _PARTS % _PARTS + 0.5) / _PARTS - 0.5) * spacing[1]
                part[2] = offset[2] + ((piece // _PARTS**2 + 0.5) / _PARTS - 0.5) * spacing[2]
                held += inside(part, direction, shape_mm)
            if held > 0:
                found[count], shares[count] = row * columns + k, held / _PARTS**3
                count += 1
            if inside(offset, direction, shape_mm):
                kinds[i, j, k] = INTERIOR
    return count
