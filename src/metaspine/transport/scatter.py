"""Monte Carlo of the scattered photons, with forced first collisions along every primary ray.

The primary is known analytically (:mod:`metaspine.transport.primary`); what is left to chance is where its photons
collide first and what becomes of them. Along each ray, sites of first collision are drawn in strata of depth; each
sends out one photon with the weight of its stratum, which is followed photon by photon to its end.

Rays come in batches. A batch is scored in arrays of its own and added to the tally in the order of its number, so that
a tally depends on the seed and the number of batches alone: not on threads, and not on interruptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.compiling import kernel, step
from metaspine.transport.medium import MATERIAL_BITS, OUTSIDE, TOTAL, WHOLE, Medium, Part, coefficient, level
from metaspine.transport.parallel import cores, side_by_side
from metaspine.transport.photons import (
    GRAY_PER_KEV_PER_MM3,
    Photon,
    Region,
    collided,
    emitted_fraction,
    followed,
    isotropic,
    moved,
    weighing,
)
from metaspine.transport.random_numbers import Stream, stream, uniform
from metaspine.transport.source import Source, beyond_rim, check_inside, emission, energy_and_weight, starting_point
from metaspine.transport.voxel_walk import MM_PER_TICK, leaves_at, next_voxel, voxel_of, walk_from

WHOLE_GRID_MM = 1e6
"""A region that no photon leaves."""


class Sampling(NamedTuple):
    """How rays are drawn."""

    seed: int = 1
    rays_per_batch: int = 10000
    sites_per_ray: int = 16
    stretch: float = 1.0
    """Sites are drawn over depths that are this much denser near the source (above 1) or farther out (below 1)."""
    energy_cut_kev: float = 2.0
    """Photons below are left: in tissue they fly some ten micrometres."""
    region_mm: float = WHOLE_GRID_MM
    """The dose is wanted within this distance of the source; farther out fewer photons fly, each of more weight."""
    outside_one_in: float = 4.0
    """Of the photons that leave that region, one in so many goes on."""
    forced: bool = True
    """False: an analog run of everything, the primary included, to test the forced one against."""


@step
def primary_ray(ray: int, sampling: Sampling, source: Source, medium: Medium) -> tuple[Stream, Photon]:
    """Return ray number ``ray``, counted through all batches: its generator and the photon that starts it.

    Directions are drawn for each ray; energies fill the spectrum evenly within a batch.
    """
    random, direction = isotropic(stream(sampling.seed, ray, 0))
    random, value = uniform(random)
    energy, weight = energy_and_weight((ray % sampling.rays_per_batch + value) / sampling.rays_per_batch, source)
    random, point = starting_point(random, source)
    voxel = voxel_of(point[0], point[1], point[2], medium.lattice)
    return random, Photon(voxel, point, direction, energy, weight * emission(direction, source))


@step
def _site(number: int, sampling: Sampling, random: Stream) -> tuple[Stream, float, float]:
    """Return the depth of a site in mean free paths, drawn in its stratum, and its weight."""
    random, value = uniform(random)
    depth = -math.log(1.0 - (number + value) / sampling.sites_per_ray) / sampling.stretch
    weight = math.exp((sampling.stretch - 1.0) * depth) / (sampling.sites_per_ray * sampling.stretch)
    return random, depth, weight


@step
def _region(sampling: Sampling, source: Source) -> Region:
    return Region(source.point_mm, sampling.region_mm, sampling.outside_one_in)


@step
def _sent_out(
    photon: Photon, history: Stream, sampling: Sampling, region: Region, medium: Medium, kerma: NDArray[np.float32]
) -> None:
    """Follow what comes out of a first collision: always a photon, with the weight of its probability."""
    fraction = emitted_fraction(photon, medium)
    random, lot = uniform(history)
    random, sent = collided(weighing(photon, photon.weight * fraction), lot * fraction, medium, random)
    if sent.weight > 0.0:
        followed(sent, random, sampling.energy_cut_kev, region, medium, kerma)


@step
def _along_ray(ray: int, sampling: Sampling, source: Source, medium: Medium, kerma: NDArray[np.float32]) -> int:
    """Send photons out from all sites of a ray, and return how many."""
    random, photon = primary_ray(ray, sampling, source, medium)
    region = _region(sampling, source)
    row, fraction = level(photon.energy_kev, medium)
    walk = walk_from(photon.point_mm, photon.direction, medium.lattice)
    at, depth, material, total = 0, 0.0, np.uint32(OUTSIDE), 0.0
    random, site_depth, weight = _site(0, sampling, random)
    site, sent = 0, 0
    while site < sampling.sites_per_ray:
        here = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
        if here != material:
            if here == OUTSIDE:
                break
            material = here
            total = coefficient(material, row, fraction, TOTAL, medium)
        end = leaves_at(walk)
        attenuation = total * medium.density[np.uint64(walk.voxel)]
        end_depth = depth + attenuation * (end - at) * MM_PER_TICK
        while site < sampling.sites_per_ray and site_depth < end_depth:
            way_mm = at * MM_PER_TICK + (site_depth - depth) / attenuation
            heavier, history = 1.0, stream(sampling.seed, ray, site + 1)
            if way_mm > region.radius_mm:
                history, lot = uniform(history)
                heavier = region.one_in if lot * region.one_in < 1.0 else 0.0
            if heavier > 0.0:
                there = moved(weighing(photon, photon.weight * weight * heavier), walk.voxel, way_mm)
                _sent_out(there, history, sampling, region, medium, kerma)
                sent += 1
            site += 1
            if site < sampling.sites_per_ray:
                random, site_depth, weight = _site(site, sampling, random)
        depth, at = end_depth, end
        walk = next_voxel(walk)
    return sent


@step
def scored_ray(ray: int, sampling: Sampling, source: Source, medium: Medium, kerma: NDArray[np.float32]) -> int:
    """Score everything that comes of one ray; return how many photons were followed."""
    if sampling.forced:
        return _along_ray(ray, sampling, source, medium, kerma)
    random, photon = primary_ray(ray, sampling, source, medium)
    followed(photon, random, sampling.energy_cut_kev, _region(sampling, source), medium, kerma)
    return 1


@kernel
def _score(batch: int, kerma: NDArray[np.float32], sampling: Sampling, source: Source, medium: Medium) -> int:
    """Score one batch into ``kerma`` (voxel with rim, channel); return the photons followed."""
    kerma[:] = 0.0
    photons = 0
    first = batch * sampling.rays_per_batch
    for ray in range(first, first + sampling.rays_per_batch):
        photons += scored_ray(ray, sampling, source, medium, kerma)
    return photons


@kernel
def _add(scores: NDArray[np.float32], sums: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
    """Add batches (batch, score) to the tally (score,), score by score in the batches' order."""
    for place in range(scores.shape[1]):
        for batch in range(scores.shape[0]):
            score = np.float64(scores[batch, place])
            sums[place] += score
            squares[place] += score * score


@dataclass(frozen=True, eq=False)
class Tally:
    """What some batches of rays have scored; more batches make a new tally with the same bits as one long run."""

    batches: int
    photons: int
    """Followed so far."""
    sums: NDArray[np.float64]
    """(voxel with rim, medium or water) keV/(mm^2 g/cm3) summed over batches."""
    squares: NDArray[np.float64]
    """The batches' squares, summed."""


def empty_tally(medium: Medium) -> Tally:
    """Return the tally of no batch."""
    zeros = np.zeros((medium.packed.size, 2))
    return Tally(0, 0, zeros, zeros)


def continued(tally: Tally, batches: int, *, sampling: Sampling, source: Source, medium: Medium) -> Tally:
    """Return the tally after some more batches.

    Raises
    ------
    ValueError
        No batches or rays asked for, a source outside the grid, a spectrum outside the tables.
    """
    check_run(batches, sampling, medium)
    check_inside(source.point_mm, source.edges_kev, medium)
    sums, squares, photons = tally.sums.copy(), tally.squares.copy(), tally.photons
    at_once = min(batches, cores())
    scores = np.empty((at_once, medium.packed.size, 2), dtype=np.float32)
    from_rim = beyond_rim(source, medium)
    end = tally.batches + batches
    for first in range(tally.batches, end, at_once):
        part = scores[: end - first]
        photons += _score_all(first, part, sampling, from_rim, medium)
        _add_all(part, sums, squares)
    return Tally(end, photons, sums, squares)


def _score_all(
    first_batch: int, scores: NDArray[np.float32], sampling: Sampling, source: Source, medium: Medium
) -> int:
    def score(lane: int) -> int:
        return _score(first_batch + lane, scores[lane], sampling, source, medium)

    return sum(side_by_side(score, len(scores)))


def _add_all(scores: NDArray[np.float32], sums: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
    edges = np.linspace(0, sums.size, cores() + 1).astype(int)
    flat_scores, flat_sums, flat_squares = scores.reshape(len(scores), -1), sums.reshape(-1), squares.reshape(-1)

    def add(piece: int) -> None:
        places = slice(edges[piece], edges[piece + 1])
        _add(flat_scores[:, places], flat_sums[places], flat_squares[places])

    side_by_side(add, cores())


def check_run(batches: int, sampling: Sampling, medium: Medium) -> None:
    """Refuse a run of nothing, a region of nothing, and an energy cut below the tables.

    Raises
    ------
    ValueError
        Any of them, with the values.
    """
    if min(batches, sampling.rays_per_batch, sampling.sites_per_ray) < 1 or not sampling.stretch > 0:
        raise ValueError(
            f"{batches} batches of {sampling.rays_per_batch} rays with {sampling.sites_per_ray} sites, "
            f"stretch {sampling.stretch}: all must be above 0"
        )
    if not sampling.region_mm > 0 or not sampling.outside_one_in >= 1:
        raise ValueError(
            f"a region of {sampling.region_mm:g} mm and one in {sampling.outside_one_in:g} photons outside: more than "
            "0 mm and one in 1 or more are wanted"
        )
    if sampling.energy_cut_kev < medium.energy_start_kev:
        raise ValueError(
            f"an energy cut of {sampling.energy_cut_kev:g} keV: the tables start at {medium.energy_start_kev:g} keV"
        )


class Estimate(NamedTuple):
    """The mean over batches and its standard error."""

    kerma_gy: NDArray[np.float64]
    """(nx, ny, nz, 2) per emitted photon: to the medium, to water in the medium."""
    standard_error_gy: NDArray[np.float64]


def estimate(tally: Tally, sampling: Sampling, medium: Medium, part: Part = WHOLE) -> Estimate:
    """Return what a tally says of the voxels of a part of the grid.

    Raises
    ------
    ValueError
        Fewer than two batches: they tell nothing of the error.
    """
    if tally.batches < 2:
        raise ValueError(f"{tally.batches} batches in the tally: two or more are wanted, ten for a fair standard error")
    lattice = medium.lattice
    volume_mm3 = lattice.spacing_x_mm * lattice.spacing_y_mm * lattice.spacing_z_mm
    gray = GRAY_PER_KEV_PER_MM3 / (volume_mm3 * sampling.rays_per_batch)
    rimmed = (*(count + 2 for count in medium.shape), 2)
    sums, squares = (
        total.reshape(rimmed)[1:-1, 1:-1, 1:-1][part] / tally.batches for total in (tally.sums, tally.squares)
    )
    variance = np.maximum(squares - sums**2, 0.0) / (tally.batches - 1)
    return Estimate(gray * sums, gray * np.sqrt(variance))
