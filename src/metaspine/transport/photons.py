"""A photon's life: flight with track-length scoring, collisions, scattering.

Energy is scored where a photon flies, not where it collides: every voxel gets path times energy-transfer coefficient,
the expectation of what the photon transfers there (track-length estimator of collision kerma). Electrons of these
energies reach some 40 um, so that collision kerma is dose.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.compiling import step, step_of_cpu
from metaspine.transport.medium import (
    COHERENT,
    MATERIAL_BITS,
    OUTSIDE,
    SCATTER,
    TOTAL,
    TRANSFER,
    Medium,
    coefficient,
    level,
)
from metaspine.transport.random_numbers import Stream, exponential, uniform
from metaspine.transport.voxel_walk import MM_PER_TICK, NEVER, leaves_at, next_voxel, ticks, walk_from

ELECTRON_REST_ENERGY_KEV = 510.99895
GRAY_PER_KEV_PER_MM3 = 1.602176634e-10
"""1 keV/(mm3 g/cm3) in Gy."""
LEFT = -1
"""The voxel of a photon that has left the grid."""

Vector = tuple[float, float, float]


class Region(NamedTuple):
    """The sphere that the dose is wanted in: photons that leave it go on by lot, and weigh more for it."""

    centre_mm: Vector
    radius_mm: float
    one_in: float
    """Of the photons that leave, one in so many goes on, with so many times its weight."""


class Photon(NamedTuple):
    """A photon between two collisions."""

    voxel: int
    point_mm: Vector
    direction: Vector
    energy_kev: float
    weight: float


@step
def moved(photon: Photon, voxel: int, path_mm: float) -> Photon:
    """Return the photon ``path_mm`` further, in ``voxel``."""
    point, direction = photon.point_mm, photon.direction
    there = (
        point[0] + path_mm * direction[0],
        point[1] + path_mm * direction[1],
        point[2] + path_mm * direction[2],
    )
    return Photon(voxel, there, direction, photon.energy_kev, photon.weight)


@step_of_cpu
def score(kerma: NDArray[np.floating], voxel: np.uint64, to_medium: float, to_water: float) -> None:
    """Add to both channels of a voxel. Other devices bring their own, since their photons meet in one array."""
    kerma[voxel, 0] += to_medium
    kerma[voxel, 1] += to_water


@step
def weighing(photon: Photon, weight: float) -> Photon:
    """Return the photon with another weight."""
    return Photon(photon.voxel, photon.point_mm, photon.direction, photon.energy_kev, weight)


@step
def leaves_region_at(photon: Photon, region: Region) -> int:
    """Return the ticks after which a photon flies out of the region; never, where it is outside already."""
    point, centre, direction = photon.point_mm, region.centre_mm, photon.direction
    x, y, z = point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]
    inside = region.radius_mm * region.radius_mm - (x * x + y * y + z * z)
    if inside <= 0.0:
        return NEVER
    along = x * direction[0] + y * direction[1] + z * direction[2]
    return ticks(math.sqrt(along * along + inside) - along)


@step
def flown(
    photon: Photon, depth: float, lot: float, region: Region, medium: Medium, kerma: NDArray[np.float32]
) -> Photon:
    """Fly through ``depth`` mean free paths, score on the way, and return the photon where it arrives.

    Scores weight x energy x path x transfer coefficient: to the medium in ``kerma[voxel, 0]``, to water in
    ``kerma[voxel, 1]``. ``lot``, in [0, 1), says whether the photon goes on where it leaves the region. Its voxel is
    LEFT where it does not, or flew out of the grid.
    """
    row, fraction = level(photon.energy_kev, medium)
    energy, weight = photon.energy_kev * photon.weight, photon.weight
    water = energy * coefficient(medium.water, row, fraction, TRANSFER, medium)
    walk = walk_from(photon.point_mm, photon.direction, medium.lattice)
    leaves_region = leaves_region_at(photon, region)
    at, material, total, transfer, attenuation = 0, np.uint32(OUTSIDE), 0.0, 0.0, 0.0
    while True:
        here = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
        if here != material:
            if here == OUTSIDE:
                return moved(photon, LEFT, at * MM_PER_TICK)
            material = here
            total = coefficient(material, row, fraction, TOTAL, medium)
            transfer = energy * coefficient(material, row, fraction, TRANSFER, medium)
        if at > leaves_region:
            if lot * region.one_in >= 1.0:
                return moved(photon, LEFT, at * MM_PER_TICK)
            leaves_region = NEVER
            energy, weight = energy * region.one_in, weight * region.one_in
            water, transfer = water * region.one_in, transfer * region.one_in
        attenuation = total * medium.density[np.uint64(walk.voxel)]
        end = leaves_at(walk)
        path_mm = (end - at) * MM_PER_TICK
        if attenuation * path_mm > depth:
            break
        score(kerma, np.uint64(walk.voxel), transfer * path_mm, water * path_mm)
        depth -= attenuation * path_mm
        at = end
        walk = next_voxel(walk)
    path_mm = depth / attenuation
    score(kerma, np.uint64(walk.voxel), transfer * path_mm, water * path_mm)
    return moved(weighing(photon, weight), walk.voxel, at * MM_PER_TICK + path_mm)


@step
def turned(direction: Vector, cosine: float, azimuth: float) -> Vector:
    """Return the direction turned by a polar angle, given by its cosine, and an azimuth."""
    x, y, z = direction
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    sideways, upwards = sine * math.cos(azimuth), sine * math.sin(azimuth)
    across = math.sqrt(max(0.0, 1.0 - z * z))
    if across < 1e-4:
        return sideways, upwards, cosine if z > 0.0 else -cosine
    return (
        x * cosine + (x * z * sideways - y * upwards) / across,
        y * cosine + (y * z * sideways + x * upwards) / across,
        z * cosine - across * sideways,
    )


@step
def _cosine(cosines: NDArray[np.float32], material: int, energy_place: float, choice: float, quantile: float) -> float:
    """Return a scattering cosine from the tables of the two neighbouring energies, one chosen by lot."""
    row = int(energy_place)
    if choice < energy_place - row and row + 1 < cosines.shape[1]:
        row += 1
    place = quantile * (cosines.shape[2] - 1)
    below = int(place)
    low, high = cosines[material, row, below], cosines[material, row, below + 1]
    cosine: float = low + (place - below) * (high - low)
    return cosine


@step
def emitted_fraction(photon: Photon, medium: Medium) -> float:
    """Return the probability that a collision of the photon in its voxel yields a photon: scattered or fluorescent."""
    material = medium.packed[np.uint64(photon.voxel)] & MATERIAL_BITS
    row, fraction = level(photon.energy_kev, medium)
    total = coefficient(material, row, fraction, TOTAL, medium)
    scatter = coefficient(material, row, fraction, SCATTER, medium)
    absorbed = total - scatter
    lines = 0.0
    for line in range(medium.line_yields.shape[2]):
        lines += medium.line_yields[material, row, line]
    fraction_emitted: float = (scatter + lines * absorbed) / total
    return fraction_emitted


@step
def collided(photon: Photon, lot: float, medium: Medium, random: Stream) -> tuple[Stream, Photon]:
    """Return the photon that a collision yields; its weight is 0 where the photon was absorbed.

    Parameters
    ----------
    photon
        The photon at the place of its collision.
    lot
        A number in [0, 1) that chooses what happens: coherent, then incoherent, then the fluorescence lines, then
        absorption.
    medium
        What it collides with.
    random
        The history's generator.
    """
    material = medium.packed[np.uint64(photon.voxel)] & MATERIAL_BITS
    row, fraction = level(photon.energy_kev, medium)
    total = coefficient(material, row, fraction, TOTAL, medium)
    scatter = coefficient(material, row, fraction, SCATTER, medium)
    chosen = lot * total
    if chosen >= scatter:
        return _fluorescent(photon, (chosen - scatter) / (total - scatter), medium, random)
    coherent = chosen < coefficient(material, row, fraction, COHERENT, medium)
    random, choice = uniform(random)
    random, quantile = uniform(random)
    random, turn = uniform(random)
    energy = photon.energy_kev
    place = (energy - medium.energy_start_kev) / medium.cosine_energy_step_kev
    if coherent:
        cosine = _cosine(medium.coherent_cosines, material, place, choice, quantile)
    else:
        cosine = _cosine(medium.incoherent_cosines, material, place, choice, quantile)
        energy = energy / (1.0 + energy / ELECTRON_REST_ENERGY_KEV * (1.0 - cosine))
    direction = turned(photon.direction, cosine, 2.0 * math.pi * turn)
    return random, Photon(photon.voxel, photon.point_mm, direction, energy, photon.weight)


@step
def _fluorescent(photon: Photon, lot: float, medium: Medium, random: Stream) -> tuple[Stream, Photon]:
    """Return the fluorescence photon of an absorption, or one of weight 0."""
    material = medium.packed[np.uint64(photon.voxel)] & MATERIAL_BITS
    row, _ = level(photon.energy_kev, medium)
    up_to = 0.0
    for line in range(medium.line_yields.shape[2]):
        up_to += medium.line_yields[material, row, line]
        if lot < up_to:
            random, direction = isotropic(random)
            energy = np.float64(medium.line_energies_kev[material, line])
            return random, Photon(photon.voxel, photon.point_mm, direction, energy, photon.weight)
    return random, Photon(photon.voxel, photon.point_mm, photon.direction, photon.energy_kev, 0.0)


@step
def isotropic(random: Stream) -> tuple[Stream, Vector]:
    """Return a direction of the whole sphere."""
    random, height = uniform(random)
    random, turn = uniform(random)
    return random, direction_of(2.0 * height - 1.0, 2.0 * math.pi * turn)


@step
def direction_of(cosine: float, azimuth: float) -> Vector:
    """Return the unit vector of a polar cosine and an azimuth."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    return sine * math.cos(azimuth), sine * math.sin(azimuth), cosine


@step
def followed(
    photon: Photon,
    random: Stream,
    energy_cut_kev: float,
    region: Region,
    medium: Medium,
    kerma: NDArray[np.float32],
) -> Stream:
    """Follow a photon, collision by collision, until it is absorbed, leaves or falls below the energy cut."""
    while photon.energy_kev > energy_cut_kev:
        random, depth = exponential(random)
        random, lot = uniform(random)
        photon = flown(photon, depth, lot, region, medium, kerma)
        if photon.voxel == LEFT:
            return random
        random, lot = uniform(random)
        random, photon = collided(photon, lot, medium, random)
        if photon.weight == 0.0:
            return random
    return random
