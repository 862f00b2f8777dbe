"""The primary photons' collision kerma, computed: an exact walk to every voxel, a few energies for a whole spectrum.

At distance r from a point source, per emitted photon and with tau mean free paths on the way,

    K = emission / (4 pi r^2) sum_n photons_n E_n mu_tr(E_n) exp(-tau(E_n)),

to the voxel's medium and, with water's mu_tr, to a little water in it. The nodes n are a spectrum's bins, or the few
energies that stand for them. Voxels hold their mean, as those of the scattered kerma do: near the source and in metal
the value at the centre is less.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.compiling import kernel, step
from metaspine.transport.medium import MATERIAL_BITS, OUTSIDE, TOTAL, TRANSFER, WHOLE, Lattice, Medium, Part
from metaspine.transport.parallel import cores, side_by_side
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.source import Source, beyond_rim, check_inside, emission
from metaspine.transport.voxel_walk import MM_PER_TICK, TICKS_PER_MM, leaves_at, next_voxel, voxel_of, walk_from

FloatArray = NDArray[np.float64]

PIECES_PER_CORE = 8
"""Slabs of the grid that a core works through, so that none waits long for the others."""
SAME_PLANE = 1e-4
PARTS_AT_ONE_VOXEL = 10
"""Voxels one voxel away from the source are averaged over this many points a side, farther ones over fewer."""
MOST_PARTS = 20
SERIES_HOLDS = 1.0
"""Fall-off over half a voxel, as a logarithm, up to which the series of sinh(y)/y's logarithm is within 3e-5."""


class Nodes(NamedTuple):
    """Energies that stand for a spectrum."""

    energies_kev: FloatArray
    photons: FloatArray
    """Of each energy, per emitted photon."""


_Ray = tuple[Source, Medium]
Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First and one past the last index of each axis."""


class Beam(NamedTuple):
    """What the nodes of a primary run need of every material."""

    attenuation_per_tick: FloatArray
    """(material, node) per tick of path and g/cm3."""
    most_attenuation_per_tick: FloatArray
    """(material,) of its nodes."""
    kerma: FloatArray
    """(material, node) Gy mm2 per emitted photon, unattenuated, times 4 pi r^2."""
    radius_mm: float
    averaging_radius_mm: float


def spectrum_nodes(source: Source, *, parts: int = 1) -> Nodes:
    """Return every bin of a source's spectrum as ``parts`` nodes, evenly inside the bin."""
    photons = np.diff(source.cumulative) * source.weights
    widths = np.diff(source.edges_kev)
    inside = (np.arange(parts) + 0.5) / parts
    energies = source.edges_kev[:-1, None] + widths[:, None] * inside
    return Nodes(energies.ravel(), np.repeat(photons / parts, parts))


def primary_kerma(
    source: Source,
    nodes: Nodes,
    medium: Medium,
    *,
    radius_mm: float,
    averaging_radius_mm: float = 5.0,
    part: Part = WHOLE,
) -> NDArray[np.float32]:
    """Return the primary's collision kerma per emitted photon.

    Parameters
    ----------
    source
        Its place and anisotropy; its spectrum is taken from ``nodes``.
    nodes
        Energies for the spectrum.
    medium
        Voxels and coefficients.
    radius_mm
        Voxels whose centres lie farther from the source get 0.
    averaging_radius_mm
        Voxels hold their mean: nearer than this over a grid of points, farther out over the fall-off of a parallel
        beam inside the voxel. 0 gives the values at voxel centres. The source's own voxel, inside the applicator,
        comes out some percent low either way.
    part
        Voxels outside it get 0 too.

    Returns
    -------
    NDArray[np.float32]
        (nx, ny, nz, 2) in Gy: to the medium, to water in the medium.

    Raises
    ------
    ValueError
        A source outside the grid, an energy outside the tables.
    """
    check_inside(source.point_mm, nodes.energies_kev, medium)
    beam = beam_of(nodes, medium, radius_mm, averaging_radius_mm)
    kerma = np.zeros((*medium.shape, 2), dtype=np.float32)
    from_rim = beyond_rim(source, medium)
    planes, rows, columns = (piece.indices(count)[:2] for piece, count in zip(part, medium.shape, strict=True))
    pieces = min(planes[1] - planes[0], PIECES_PER_CORE * cores())
    edges = np.linspace(*planes, pieces + 1).astype(np.int64)

    def slab(piece: int) -> None:
        depths = np.zeros(len(nodes.photons))
        here = (int(edges[piece]), int(edges[piece + 1]))
        _fill((here, rows, columns), kerma, depths, beam, from_rim, medium)

    side_by_side(slab, pieces)
    return kerma


def beam_of(nodes: Nodes, medium: Medium, radius_mm: float, averaging_radius_mm: float) -> Beam:
    """Return the nodes' coefficients in a medium's materials, for kernels."""
    place = (nodes.energies_kev - medium.energy_start_kev) / medium.energy_step_kev
    row = np.floor(place).astype(int)
    table = medium.coefficients.astype(np.float64)
    at = table[:, row] + (place - row)[:, None] * (table[:, row + 1] - table[:, row])
    emitted = nodes.photons * nodes.energies_kev * GRAY_PER_KEV_PER_MM3
    per_tick = at[..., TOTAL] * MM_PER_TICK
    return Beam(
        per_tick, per_tick.max(axis=1), at[..., TRANSFER] * emitted, float(radius_mm), float(averaging_radius_mm)
    )


@step
def _attenuate(material: int, areal_ticks: float, depths: FloatArray, beam: Beam) -> None:
    """Add the mean free paths of some density times path, the path in ticks."""
    for node in range(len(depths)):
        depths[node] += beam.attenuation_per_tick[material, node] * areal_ticks


@step
def _depths_to(
    distance_mm: float,
    direction: tuple[float, float, float],
    depths: FloatArray,
    beam: Beam,
    ray: _Ray,
) -> tuple[float, int]:
    """Fill ``depths`` with every node's mean free paths from the source along a direction.

    Density times path is summed while the material stays the same, and turned into mean free paths when it changes. The
    last such sum is returned, in ticks, with the axis of the plane at which it began (-1: at the source).
    """
    source, medium = ray
    depths[:] = 0.0
    point = source.point_mm
    walk = walk_from(point, direction, medium.lattice)
    at, areal_ticks, goal, axis = 0, 0.0, int(distance_mm * TICKS_PER_MM), -1
    material = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
    while True:
        here = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
        if here != material:
            _attenuate(material, areal_ticks, depths, beam)
            if here == OUTSIDE:
                return 0.0, -1
            material, areal_ticks = here, 0.0
            axis = 0 if walk.to_x - walk.across_x == at else 1 if walk.to_y - walk.across_y == at else 2
        end = leaves_at(walk)
        if end >= goal:
            break
        areal_ticks += medium.density[np.uint64(walk.voxel)] * (end - at)
        at = end
        walk = next_voxel(walk)
    areal_ticks += medium.density[np.uint64(walk.voxel)] * (goal - at)
    _attenuate(material, areal_ticks, depths, beam)
    return areal_ticks, axis


@step
def left_after(depth: float) -> float:
    """Return exp(-depth) for a depth of at most some hundred: the 64th part in a series, squared six times.

    Without a call and a branch, so that a loop over nodes runs in vectors. It is within 1e-7 of itself to a depth of
    10, and within 1e-3 to 40, beyond which it stays as it is there.
    """
    part = min(depth, 40.0) * (-1.0 / 64.0)
    left = 1.0 + part * (1.0 + part * (1 / 2 + part * (1 / 6 + part * (1 / 24 + part * (1 / 120 + part * (1 / 720))))))
    left *= left
    left *= left
    left *= left
    left *= left
    left *= left
    left *= left
    return left


class Cell(NamedTuple):
    """A voxel, or a part of it, that the kerma is averaged over."""

    material: int
    ticks_density: float
    """Its g/cm3 times ticks per mm: attenuation per tick to that per mm."""
    divergence_per_mm: float
    """The slope of the inverse square, 2/r."""
    detour_mm: float
    """By how much the way to the cell's points is longer, in the mean, as they lie aside of its middle."""
    halves_mm: tuple[float, float, float]
    """Half of its sides, times the cosines of the ray."""


@step
def _moments(halves_mm: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the sums of squares, fourth and sixth powers, each over the series' divisor in the logarithm of a hump."""
    x, y, z = halves_mm[0] * halves_mm[0], halves_mm[1] * halves_mm[1], halves_mm[2] * halves_mm[2]
    return (x + y + z) / 6.0, (x * x + y * y + z * z) / 180.0, (x * x * x + y * y * y + z * z * z) / 2835.0


@step
def _sum_over_nodes(
    depths: FloatArray, cell: Cell, water: int, moments: tuple[float, float, float], beam: Beam
) -> tuple[float, float]:
    """Return kerma to the medium and to water of a cell whose humps' logarithms are series in the fall-off."""
    second, fourth, sixth = moments
    material = cell.material
    to_medium, to_water = 0.0, 0.0
    for node in range(len(depths)):
        attenuation = beam.attenuation_per_tick[material, node] * cell.ticks_density
        slope = attenuation + cell.divergence_per_mm
        square = slope * slope
        left = left_after(
            depths[node] + attenuation * cell.detour_mm - square * (second - square * (fourth - square * sixth))
        )
        to_medium += beam.kerma[material, node] * left
        to_water += beam.kerma[water, node] * left
    return to_medium, to_water


MOST_DEPTHS = 200.0
"""Half a voxel of more mean free paths lets nothing through; their sinh would overflow to infinity, times 0 is NaN."""


@step
def _hump(value: float) -> float:
    value = min(value, MOST_DEPTHS)
    return math.sinh(value) / value if value > 0.05 else 1.0 + value * value / 6.0


@step
def _sum_over_nodes_in_metal(
    depths: FloatArray, cell: Cell, water: int, half_layer_mm: float, beam: Beam
) -> tuple[float, float]:
    """Return the same where a voxel is so opaque that the series does not hold.

    At the surface of metal a beam has not come through metal all over the cell, and the product of three humps would
    let in many times what arrives: there the mean is that over a layer along the ray, half of it ``half_layer_mm``.
    """
    to_medium, to_water = 0.0, 0.0
    material, halves_mm = cell.material, cell.halves_mm
    for node in range(len(depths)):
        attenuation = beam.attenuation_per_tick[material, node] * cell.ticks_density
        if half_layer_mm > 0.0:
            along = max(attenuation * half_layer_mm, 1e-9)
            left = math.exp(along - depths[node]) * (1.0 - math.exp(-2.0 * along)) / (2.0 * along)
        else:
            slope = attenuation + cell.divergence_per_mm
            left = math.exp(-depths[node] - attenuation * cell.detour_mm)
            left *= _hump(slope * halves_mm[0]) * _hump(slope * halves_mm[1]) * _hump(slope * halves_mm[2])
        to_medium += beam.kerma[material, node] * left
        to_water += beam.kerma[water, node] * left
    return to_medium, to_water


@step
def _half_layer_mm(half_mm: float, run_mm: float, slope: float) -> float:
    """Return half of the layer of a cell at its material's surface, along the ray; 0 deeper inside.

    ``run_mm`` is the ray's path in this material to the cell's middle, ``slope`` the cosine to the normal of the plane
    where it began. Where that is the plane of the cell's own face, the layer lies between this face and the opposite.
    """
    through_mm = half_mm / max(slope, 1e-9)
    return through_mm if abs(through_mm - run_mm) <= SAME_PLANE * run_mm else 0.0


@step
def _mean_squares(direction: tuple[float, float, float], half: float, lattice: Lattice) -> tuple[float, float]:
    """Return the mean square of the distance of a cell's points from its middle, and of its part along the ray, mm2."""
    x, y, z = half * lattice.spacing_x_mm, half * lattice.spacing_y_mm, half * lattice.spacing_z_mm
    along = (direction[0] * x) ** 2 + (direction[1] * y) ** 2 + (direction[2] * z) ** 2
    return (x * x + y * y + z * z) / 3.0, along / 3.0


@step
def _kerma_at(
    point_mm: tuple[float, float, float], parts: int, depths: FloatArray, beam: Beam, ray: _Ray
) -> tuple[float, float]:
    """Return the mean kerma to the medium and to water of a cell about a point, its sides 1/``parts`` of a voxel's.

    Along the ray the kerma falls as exp(-(mu + 2/r) s), where 2/r is the inverse square's own slope; the mean of this
    over a box is the product of sinh(y)/y, y = (mu + 2/r) |u_i| h_i / 2, one factor a side. Aside of the ray the way is
    longer, in the mean by the sum of (1 - u_i^2) h_i^2 / (24 r). What is left of the inverse square is its curvature,
    the sum of (2 u_i^2 - 1) h_i^2 / (12 r^2). No parts mean the value at the point.
    """
    source, medium = ray
    start, lattice = source.point_mm, medium.lattice
    x, y, z = point_mm[0] - start[0], point_mm[1] - start[1], point_mm[2] - start[2]
    distance = max(math.sqrt(x * x + y * y + z * z), 1e-6)
    direction = (x / distance, y / distance, z / distance)
    run, axis = _depths_to(distance, direction, depths, beam, ray)
    voxel = np.uint64(voxel_of(point_mm[0], point_mm[1], point_mm[2], lattice))
    material, density = medium.packed[voxel] & MATERIAL_BITS, np.float64(medium.density[voxel]) * TICKS_PER_MM
    half = 0.5 / parts if parts > 0 else 0.0
    halves_mm = (
        half * abs(direction[0]) * lattice.spacing_x_mm,
        half * abs(direction[1]) * lattice.spacing_y_mm,
        half * abs(direction[2]) * lattice.spacing_z_mm,
    )
    square, along = _mean_squares(direction, half, lattice)
    cell = Cell(material, density, 2.0 / distance, (square - along) / (2.0 * distance), halves_mm)
    steepest = beam.most_attenuation_per_tick[material] * density + cell.divergence_per_mm
    if steepest * max(halves_mm[0], max(halves_mm[1], halves_mm[2])) < SERIES_HOLDS:
        to_medium, to_water = _sum_over_nodes(depths, cell, medium.water, _moments(halves_mm), beam)
    else:
        half_layer_mm = 0.0
        if axis >= 0:
            side = lattice.spacing_x_mm if axis == 0 else lattice.spacing_y_mm if axis == 1 else lattice.spacing_z_mm
            half_layer_mm = _half_layer_mm(half * side, run / density, abs(direction[axis]))
        to_medium, to_water = _sum_over_nodes_in_metal(depths, cell, medium.water, half_layer_mm, beam)
    curvature = 1.0 + (2.0 * along - square) / (distance * distance)
    spread = emission(direction, source) * curvature / (4.0 * math.pi * distance * distance)
    return to_medium * spread, to_water * spread


@step
def _parts(distance_mm: float, spacing_mm: float, beam: Beam) -> int:
    """Return how many cells a side a voxel is averaged over; 0 for its centre alone."""
    if beam.averaging_radius_mm <= 0.0:
        return 0
    if distance_mm >= beam.averaging_radius_mm:
        return 1
    wanted = math.ceil(PARTS_AT_ONE_VOXEL * spacing_mm / max(distance_mm, spacing_mm / 2.0))
    return max(1, min(MOST_PARTS, int(wanted)))


@step
def _voxel_kerma(
    centre_mm: tuple[float, float, float], parts: int, depths: FloatArray, beam: Beam, ray: _Ray
) -> tuple[float, float]:
    """Return the mean kerma of a voxel over parts^3 cells."""
    if parts <= 1:
        return _kerma_at(centre_mm, parts, depths, beam, ray)
    lattice = ray[1].lattice
    to_medium, to_water = 0.0, 0.0
    for part in range(parts * parts * parts):
        x = centre_mm[0] + ((part % parts + 0.5) / parts - 0.5) * lattice.spacing_x_mm
        y = centre_mm[1] + ((part // parts % parts + 0.5) / parts - 0.5) * lattice.spacing_y_mm
        z = centre_mm[2] + ((part // (parts * parts) + 0.5) / parts - 0.5) * lattice.spacing_z_mm
        medium_part, water_part = _kerma_at((x, y, z), parts, depths, beam, ray)
        to_medium += medium_part
        to_water += water_part
    return to_medium / parts**3, to_water / parts**3


@step
def kerma_of_voxel(
    index: tuple[int, int, int], depths: FloatArray, beam: Beam, source: Source, medium: Medium
) -> tuple[float, float]:
    """Return the mean kerma of a voxel of the grid to the medium and to water; ``depths`` (node,) is written over."""
    lattice, start = medium.lattice, source.point_mm
    largest = max(lattice.spacing_x_mm, max(lattice.spacing_y_mm, lattice.spacing_z_mm))
    x = (index[0] + 1.5) * lattice.spacing_x_mm
    y = (index[1] + 1.5) * lattice.spacing_y_mm
    z = (index[2] + 1.5) * lattice.spacing_z_mm
    distance = math.sqrt((x - start[0]) ** 2 + (y - start[1]) ** 2 + (z - start[2]) ** 2)
    if distance > beam.radius_mm:
        return 0.0, 0.0
    return _voxel_kerma((x, y, z), _parts(distance, largest, beam), depths, beam, (source, medium))


@kernel
def _fill(box: Box, kerma: NDArray[np.float32], depths: FloatArray, beam: Beam, source: Source, medium: Medium) -> None:
    """Fill a box of the voxels of ``kerma`` (i, j, k, channel)."""
    planes, rows, columns = box
    for i in range(planes[0], planes[1]):
        for j in range(rows[0], rows[1]):
            for k in range(columns[0], columns[1]):
                to_medium, to_water = kerma_of_voxel((i, j, k), depths, beam, source, medium)
                kerma[i, j, k, 0] = to_medium
                kerma[i, j, k, 1] = to_water
