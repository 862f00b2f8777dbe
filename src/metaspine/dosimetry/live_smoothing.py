r"""Noise taken out of a few hundred thousand scattered photons without crossing the borders of compact bone.

The scattered kerma is divided by what water would have there, darkened by a power of what the tissues leave of the
primary,

.. math:: f(p) = K_{scatter,water}(r) \, q(p)^{0.35}, \quad q = K_{primary}(p) / K_{primary,water}(r),

and the quotient, which is nearly constant, is spread by diffusion: between neighbours of the same kind of tissue only,
for a time that grows with the distance and shrinks as photons are added. Diffusion is linear and does not look at the
values, so that noise stays unbiased. Kerma to water is continuous across tissues; kerma to the medium is divided by its
ratio of energy transfer to water's besides, and so nearly is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_patient import COMPACT, SOFT, STILL, WaterScatter
from metaspine.geometry.grid import FloatArray
from metaspine.transport.compiling import kernel
from metaspine.transport.medium import MATERIAL_BITS
from metaspine.transport.parallel import cores, side_by_side

Field = NDArray[np.float32]
Kinds = NDArray[np.uint8]

DARKENING, DARKEST = 0.35, 0.1
"""The power, and the least q that is followed (DOS-31)."""
WIDTH_PER_MM, WIDEST_MM, AT_PHOTONS = 0.09, 3.0, 300_000
"""DOS-31."""
STRIDES = (1, 1, 2, 2, 3, 3)
"""Voxels between the neighbours of each step of the diffusion."""
STABLE = 1.0 / 6.5
"""The most of a neighbour's difference that goes over in one step: above a sixth, diffusion swings."""
RIM = max(STRIDES)
NOTHING = 255
"""The kind of the rim's voxels."""
TO_MEDIUM, TO_WATER, HALF_DIFFERENCE = range(3)
"""The fields that are smoothed."""
SHELL_MM = 2.0
_FEWEST_VOXELS = 200
TABLE_STEP_MM = 0.25


class Place(NamedTuple):
    """Where the dose box lies, for kernels."""

    shape: tuple[int, int, int]
    offset: tuple[int, int, int]
    """Of its first voxel in the window."""
    spacing_mm: tuple[float, float, float]
    source_mm: tuple[float, float, float]
    """From the corner of the dose box."""
    reach_mm: float


class InWater(NamedTuple):
    """Water's kerma per photon by distance, every TABLE_STEP_MM from 0, times 4 pi r^2."""

    primary: FloatArray
    scatter: FloatArray


class Expected(NamedTuple):
    """What does not change while photons are added, in the dose box with a rim of RIM voxels."""

    scatter: Field
    """f in Gy per photon; 0 beyond the reach."""
    kinds: NDArray[np.uint8]
    width2: Field
    """The square of the width in mm^2 at AT_PHOTONS; 0 where nothing is smoothed."""


class Halves(NamedTuple):
    """What two halves of the rays scored in a window, and what its voxels are; all with the window's rim."""

    first: Field
    """(x, y, z, medium or water)."""
    second: Field
    packed: NDArray[np.uint32]
    ratio: Field
    """(material,) energy transfer over water's at one energy."""
    gray: float
    """What makes a half's score Gy per photon."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Scattered kerma over f, and its noise."""

    fields: Field
    """(field, x, y, z) with the rim; to the medium over the material's ratio besides."""
    noise: Field
    """(kind, shell): the variance of the quotients over their mean."""


def width_mm(distance_mm: float, photons: int) -> float:
    """Return the standard deviation of the smoothing at a distance from the source after some photons."""
    return min(WIDTH_PER_MM * distance_mm, WIDEST_MM) * narrowed(photons)


def in_water(water: WaterScatter) -> InWater:
    """Return water's tables for the kernels; nearer than the first shell its values hold."""
    distance = np.arange(0.0, water.distance_mm[-1] + 2 * TABLE_STEP_MM, TABLE_STEP_MM)
    primary = np.exp(np.interp(distance, water.distance_mm, np.log(water.primary_gy_mm2)))
    return InWater(primary, primary * np.interp(distance, water.distance_mm, water.ratio))


def expected(primary: Field, kinds: NDArray[np.uint8], place: Place, tables: InWater) -> Expected:
    """Return what smoothing needs to know of a place before any photon was followed.

    Parameters
    ----------
    primary, kinds
        Of the dose box: (nx, ny, nz, medium or water) Gy per photon, and (nx, ny, nz).
    place, tables
        Where it lies, and water's kerma.
    """
    i, j, k = (count + 2 * RIM for count in place.shape)
    known = Expected(
        np.zeros((i, j, k), np.float32), np.full((i, j, k), NOTHING, np.uint8), np.zeros((i, j, k), np.float32)
    )
    known.kinds[RIM:-RIM, RIM:-RIM, RIM:-RIM] = kinds
    in_slabs(place.shape[0], lambda low, high: _expect(low, high, primary, known, place, tables))
    return known


def expected_scatter(primary_to_water: FloatArray, distance_mm: FloatArray, tables: InWater) -> FloatArray:
    """Return f in Gy per photon at points (...) of some primary kerma and distance from the source."""
    spot = distance_mm / TABLE_STEP_MM
    rows = np.arange(len(tables.primary))
    spread = 1 / (4 * np.pi * np.maximum(distance_mm, 1.0) ** 2)
    left = primary_to_water / (np.interp(spot, rows, tables.primary) * spread)
    return np.asarray(np.interp(spot, rows, tables.scatter) * spread * np.maximum(left, DARKEST) ** DARKENING)


def smoothed(halves: Halves, known: Expected, place: Place, photons: int) -> Smoothed:
    """Return the mean of two halves over f, smoothed as befits the number of photons followed."""
    fields = np.zeros((3, *known.kinds.shape), np.float32)
    in_slabs(place.shape[0], lambda low, high: _divide(low, high, fields, known, halves, place))
    fields = _diffused(fields, known, place, narrowed(photons) ** 2)
    return Smoothed(fields, _noise(fields, known.kinds, place))


def in_slabs(planes: int, work: Callable[[int, int], None]) -> None:
    """Do a piece of work on slabs of planes, from low to below high, on all cores."""
    edges = np.linspace(0, planes, 2 * cores() + 1).astype(int)
    side_by_side(lambda piece: work(int(edges[piece]), int(edges[piece + 1])), len(edges) - 1)


def narrowed(photons: int) -> float:
    """Return the factor by which widths shrink after some photons."""
    return float((AT_PHOTONS / max(photons, 1)) ** 0.25)


def _diffused(fields: Field, known: Expected, place: Place, narrowed2: float) -> Field:
    """Return the fields after all steps; ``narrowed2`` is the factor of the squared widths."""
    finest, before = min(place.spacing_mm), 0.0
    across = [(finest / spacing) ** 2 for spacing in place.spacing_mm]
    spread = np.zeros_like(fields)
    for stride in STRIDES:
        square = 2 * (stride * finest) ** 2
        numbers = np.array([narrowed2 / square, before / square, STABLE, *across], np.float32)
        for field in range(3):
            _one_step(fields[field], spread[field], known, stride, numbers)
        fields, spread = spread, fields
        before += STABLE * square
    return fields


def _one_step(field: Field, spread: Field, known: Expected, stride: int, numbers: Field) -> None:
    """Let every voxel take its share of its six neighbours' differences.

    Everything is flat and each neighbour a view of its own, so that the kernel is a plain loop that a processor does
    many of at once.
    """
    planes, rows, columns = field.shape
    flat, kinds, width2, out = field.ravel(), known.kinds.ravel(), known.width2.ravel(), spread.reshape(-1)
    jumps = [jump for unit in (rows * columns, columns, 1) for jump in (-stride * unit, stride * unit)]

    def slab(low: int, high: int) -> None:
        first, last = (low + RIM) * rows * columns, (high + RIM) * rows * columns
        here, *there = (slice(first + jump, last + jump) for jump in (0, *jumps))
        near = tuple(flat[neighbour] for neighbour in there)
        near_kinds = tuple(kinds[neighbour] for neighbour in there)
        _diffuse((flat[here], kinds[here], width2[here]), near, near_kinds, numbers, out[here])

    in_slabs(planes - 2 * RIM, slab)


def _noise(fields: Field, kinds: NDArray[np.uint8], place: Place) -> Field:
    """Return the variance over the mean of the quotients by kind and shell; small shells take their neighbours'."""
    shells = int(place.reach_mm / SHELL_MM) + 2
    sums = np.zeros((3, place.shape[0], STILL + 1, shells))
    in_slabs(place.shape[0], lambda low, high: _sum(low, high, fields, kinds, sums, place))
    square, value, count = sums.sum(axis=1)
    noise = np.zeros(square.shape, np.float32)
    for kind in (SOFT, COMPACT, STILL):
        enough = (count[kind] >= _FEWEST_VOXELS) & (value[kind] > 0)
        if not enough.any():
            enough = value[kind] > 0
        if enough.any():
            found = square[kind][enough] / value[kind][enough]
            noise[kind] = np.interp(np.arange(shells), np.flatnonzero(enough), found)
    return noise


@kernel
def _expect(low: int, high: int, primary: Field, known: Expected, place: Place, tables: InWater) -> None:
    spacing, source = place.spacing_mm, place.source_mm
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                x = (i + 0.5) * spacing[0] - source[0]
                y = (j + 0.5) * spacing[1] - source[1]
                z = (k + 0.5) * spacing[2] - source[2]
                square = x * x + y * y + z * z
                if square > place.reach_mm * place.reach_mm:
                    known.kinds[i + RIM, j + RIM, k + RIM] = NOTHING
                    continue
                square = max(square, 1.0)
                distance = math.sqrt(square)
                spot = min(distance / TABLE_STEP_MM, len(tables.primary) - 1.001)
                row = int(spot)
                fraction = spot - row
                beam = tables.primary[row] + fraction * (tables.primary[row + 1] - tables.primary[row])
                scatter = tables.scatter[row] + fraction * (tables.scatter[row + 1] - tables.scatter[row])
                spread = 1.0 / (4.0 * math.pi * square)
                left = max(primary[i, j, k, 1] / (beam * spread), DARKEST)
                known.scatter[i + RIM, j + RIM, k + RIM] = scatter * spread * left**DARKENING
                if known.kinds[i + RIM, j + RIM, k + RIM] < STILL:
                    width = min(WIDTH_PER_MM * distance, WIDEST_MM)
                    known.width2[i + RIM, j + RIM, k + RIM] = width * width


@kernel
def _divide(low: int, high: int, fields: Field, known: Expected, halves: Halves, place: Place) -> None:
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                f = known.scatter[i + RIM, j + RIM, k + RIM]
                if f <= 0.0:
                    continue
                x, y, z = i + place.offset[0] + 1, j + place.offset[1] + 1, k + place.offset[2] + 1
                scale = 0.5 * halves.gray / f
                first, second = scale * halves.first[x, y, z, 1], scale * halves.second[x, y, z, 1]
                to_medium = scale * (halves.first[x, y, z, 0] + halves.second[x, y, z, 0])
                material = halves.packed[x, y, z] & MATERIAL_BITS
                fields[TO_MEDIUM, i + RIM, j + RIM, k + RIM] = to_medium / halves.ratio[material]
                fields[TO_WATER, i + RIM, j + RIM, k + RIM] = first + second
                fields[HALF_DIFFERENCE, i + RIM, j + RIM, k + RIM] = first - second


@kernel
def _diffuse(
    own: tuple[Field, NDArray[np.uint8], Field],
    near: tuple[Field, ...],
    near_kinds: tuple[Kinds, ...],
    numbers: Field,
    out: Field,
) -> None:
    """Take a share of the differences of neighbours of the same kind; in single precision throughout."""
    values, kinds, width2 = own
    by_width, before, most, along_x, along_y, along_z = (
        numbers[0],
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
    )
    for n in range(len(values)):
        value, kind = values[n], kinds[n]
        share = min(max(by_width * width2[n] - before, np.float32(0.0)), most)
        x = (near[0][n] - value) * np.float32(near_kinds[0][n] == kind)
        x += (near[1][n] - value) * np.float32(near_kinds[1][n] == kind)
        y = (near[2][n] - value) * np.float32(near_kinds[2][n] == kind)
        y += (near[3][n] - value) * np.float32(near_kinds[3][n] == kind)
        z = (near[4][n] - value) * np.float32(near_kinds[4][n] == kind)
        z += (near[5][n] - value) * np.float32(near_kinds[5][n] == kind)
        out[n] = value + share * (along_x * x + along_y * y + along_z * z)


@kernel
def _sum(low: int, high: int, fields: Field, kinds: NDArray[np.uint8], sums: FloatArray, place: Place) -> None:
    """Sum squared differences, values and voxels by plane, kind and shell."""
    spacing, source = place.spacing_mm, place.source_mm
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                kind = kinds[i + RIM, j + RIM, k + RIM]
                if kind > STILL:
                    continue
                x = (i + 0.5) * spacing[0] - source[0]
                y = (j + 0.5) * spacing[1] - source[1]
                z = (k + 0.5) * spacing[2] - source[2]
                shell = int(math.sqrt(x * x + y * y + z * z) / SHELL_MM)
                difference = fields[HALF_DIFFERENCE, i + RIM, j + RIM, k + RIM]
                sums[0, i, kind, shell] += difference * difference
                sums[1, i, kind, shell] += fields[TO_WATER, i + RIM, j + RIM, k + RIM]
                sums[2, i, kind, shell] += 1.0
