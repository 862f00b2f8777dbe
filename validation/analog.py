"""The engine's forced scatter against an analog run of the same physics, in every material."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients, photon_tables
from metaspine.physics.spectrum import GY_PER_KEV_PER_G
from metaspine.transport.medium import Medium, medium
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import WHOLE_GRID_MM, Sampling, continued, empty_tally
from metaspine.transport.source import Source, point_source
from validation.chapter import Chapter, Table, verdict

FloatArray = NDArray[np.float64]

MATERIALS = ("water", "adipose", "soft", "spongiosa", "cortical", "pmma", "peek", "titanium")
SIDE, BLOCK = 24, 4
"""Voxels of 1 mm, and how many of them make a block."""
WALL = slice(16, 20)
"""Of the material that is looked at, 2 mm from the source; the rest is water."""
SOURCE_MM = 14.0
"""Along every axis: the middle of a block."""
EDGES_KEV, PHOTONS = np.arange(12.0, 49.0, 4.0), np.arange(9, 0, -1)
RUNS = 20
FORCED = Sampling(rays_per_batch=3000)
ANALOG = Sampling(rays_per_batch=100_000, forced=False)
REGIONS_MM = (WHOLE_GRID_MM, 8.0)
PLACES = {"all blocks": slice(None), "in the wall": slice(4, 5), "behind the wall": slice(5, 6)}
POINTS_PER_VOXEL, POINTS_IN_WALL, ENERGIES_PER_BIN = 4, 24, 4
MM2_PER_CM2 = 100
LARGEST_ERROR = 0.25
"""Relative: a block that few photons reach has no error worth the name, and is judged in the sums alone."""

_TEXT = f"""
A point source of 12 to 48 keV in a cube of water of {SIDE} mm, with a wall of 4 mm of each material 2 mm from it. The
reference engine's forced scatter, with the primary in closed form, against an analog run that draws everything, the
primary included (`region_mm`: outside a sphere of 8 mm one photon in four goes on): collision kerma to the medium in
blocks of {BLOCK} mm, {RUNS} independent runs each, the block that holds the source left out. z is the difference in
standard errors, for blocks whose error is below {100 * LARGEST_ERROR:.0f} %; chi2 is the mean of z squared,
{(RUNS - 1) / (RUNS - 3):.2f} at most when only chance is at work, as the errors come from {RUNS} runs; neighbouring
blocks share photons, so that it scatters by more than that of independent blocks: 35 % are allowed. Sums over blocks:
3 standard errors.

The second table is the engine's primary in its own voxels of 1 mm against the closed form integrated over each voxel:
what the averaging of a voxel leaves (docs/transport.md). It is not judged.
"""


class Blocks(NamedTuple):
    """Kerma of blocks in independent runs."""

    runs: FloatArray
    """(run, block, block, block)."""

    def mean(self) -> FloatArray:
        """Return the mean over runs."""
        return np.asarray(self.runs.mean(axis=0))

    def variance(self) -> FloatArray:
        """Return the variance of that mean."""
        return np.asarray(self.runs.var(axis=0, ddof=1) / len(self.runs))


def chapter(data: Path | None) -> Chapter:
    """Return the comparison; it needs no data."""
    del data
    forced, primary = [], []
    for number, name in enumerate(MATERIALS):
        exact = _exact_primary(name)
        forced += _rows(number, name, exact)
        primary.append(_primary_row(name, exact))
    places = [f"{place}: forced / analog - 1 (1 sigma)" for place in PLACES]
    header = ("wall of", "region", *places, "blocks", "mean z", "largest z", "chi2", "")
    tables = (
        Table("Forced beside analog", header, tuple(forced)),
        Table("The primary in voxels of 1 mm over its closed form, less 1", _PRIMARY_HEADER, tuple(primary)),
    )
    return Chapter("The engine against its own analog variant", _TEXT, tables)


def _source() -> Source:
    return point_source((SOURCE_MM,) * 3, EDGES_KEV, PHOTONS)


def _rows(number: int, name: str, exact: FloatArray) -> list[tuple[str, ...]]:
    walled, source, first_seed = _walled(name), _source(), 10_000 * (number + 1)
    primary = _block_means(exact)
    analog = _blocks(ANALOG._replace(seed=first_seed), source, walled)
    rows = []
    for place, region in enumerate(REGIONS_MM):
        sampling = FORCED._replace(seed=first_seed + 1000 * (place + 1), region_mm=region)
        rows.append(_row(name, region, primary, _blocks(sampling, source, walled), analog))
    return rows


def _walled(name: str) -> Medium:
    materials, densities = np.zeros((SIDE,) * 3, dtype=np.uint8), np.ones((SIDE,) * 3)
    materials[WALL], densities[WALL] = 1, material(name).density_g_cm3
    tables = photon_tables([material("water"), material(name)])
    return medium(materials, densities, (1, 1, 1), tables=tables, water=0)


def _points(count: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre points and weights of 0 to 1."""
    places, weights = np.polynomial.legendre.leggauss(count)
    return (places + 1) / 2, weights / 2


def _exact_primary(name: str) -> FloatArray:
    """Return the primary's closed form, integrated over every voxel: (x, y, z) in Gy per photon.

    K = sum over energies of N E (mu_tr/rho) exp(-tau) / (4 pi r^2): a ray's way through the wall is its share of the
    way along x.
    """
    inside, weights = _points(ENERGIES_PER_BIN)
    energies = (EDGES_KEV[:-1, None] + np.diff(EDGES_KEV)[:, None] * inside).ravel()
    photons = (PHOTONS[:, None] / PHOTONS.sum() * weights).ravel()
    places, lateral = _points(POINTS_PER_VOXEL)
    across = np.add.outer(np.arange(SIDE), places).ravel() - SOURCE_MM
    square = np.add.outer(across**2, across**2)
    planes = [_plane(layer, name, energies, photons, square) for layer in range(SIDE)]
    parts = np.array(planes).reshape(SIDE, SIDE, POINTS_PER_VOXEL, SIDE, POINTS_PER_VOXEL)
    return np.asarray(np.einsum("iajbk,j,k->iab", parts, lateral, lateral))


def _plane(layer: int, name: str, energies: FloatArray, photons: FloatArray, square: FloatArray) -> FloatArray:
    """Return the kerma of a layer of voxels, averaged over its depth, at points across: (y, z)."""
    here = material(name) if WALL.start <= layer < WALL.stop else material("water")
    water, wall = coefficients(material("water"), energies), coefficients(material(name), energies)
    transfer, wall_density = coefficients(here, energies).transfer, material(name).density_g_cm3
    places, weights = _points(POINTS_IN_WALL if here.name == name else POINTS_PER_VOXEL)
    kerma = np.zeros_like(square)
    for place, weight in zip(layer + places - SOURCE_MM, weights, strict=True):
        distance = np.sqrt(place**2 + square)
        behind = np.clip(place + SOURCE_MM - WALL.start, 0, WALL.stop - WALL.start) if place > 0 else 0.0
        in_wall = distance * behind / abs(place)
        for energy, count, kerma_factor, mu_water, mu_wall in zip(
            energies, photons, transfer, water.total, wall.total * wall_density, strict=True
        ):
            left = np.exp(-(mu_water * (distance - in_wall) + mu_wall * in_wall) / 10)
            kerma += weight * count * energy * kerma_factor * left / (4 * np.pi * distance**2)
    return kerma * GY_PER_KEV_PER_G * MM2_PER_CM2


def _block_means(values: FloatArray) -> FloatArray:
    count = SIDE // BLOCK
    return np.asarray(values.reshape(count, BLOCK, count, BLOCK, count, BLOCK).mean(axis=(1, 3, 5)))


def _blocks(sampling: Sampling, source: Source, walled: Medium) -> Blocks:
    runs = []
    for run in range(RUNS):
        own = sampling._replace(seed=sampling.seed + run)
        tally = continued(empty_tally(walled), 1, sampling=own, source=source, medium=walled)
        rimmed = tally.sums[:, 0].reshape((SIDE + 2,) * 3)[1:-1, 1:-1, 1:-1]
        runs.append(_block_means(rimmed * GRAY_PER_KEV_PER_MM3 / own.rays_per_batch))
    return Blocks(np.array(runs))


_PRIMARY_HEADER = ("wall of", "all but the source's block", "in the wall", "its first millimetre", "behind the wall")


def _primary_row(name: str, exact: FloatArray) -> tuple[str, ...]:
    source = _source()
    kerma = primary_kerma(source, spectrum_nodes(source, parts=8), _walled(name), radius_mm=2 * SIDE)[..., 0]
    away = np.ones(kerma.shape, dtype=bool)
    away[12:16, 12:16, 12:16] = False
    layers = (slice(None), WALL, slice(WALL.start, WALL.start + 1), slice(WALL.stop, None))
    ratios = [kerma[layer][away[layer]].sum(dtype=float) / exact[layer][away[layer]].sum() - 1 for layer in layers]
    return (name, *(f"{100 * ratio:+.2f} %" for ratio in ratios))


def _row(name: str, region_mm: float, primary: FloatArray, forced: Blocks, analog: Blocks) -> tuple[str, ...]:
    away = np.ones(primary.shape, dtype=bool)
    away[3, 3, 3] = False
    whole, spread = primary + forced.mean(), np.sqrt(forced.variance() + analog.variance())
    judged = away & (analog.variance() > 0) & (spread < LARGEST_ERROR * whole)
    z = (whole - analog.mean())[judged] / spread[judged]
    sums = [_sum_of(place, away, primary, forced, analog) for place in PLACES.values()]
    chi2 = float(np.mean(z**2))
    fair = abs(chi2 / ((RUNS - 1) / (RUNS - 3)) - 1) <= 0.35
    return (
        name,
        "whole" if region_mm == WHOLE_GRID_MM else f"{region_mm:g} mm",
        *(f"{100 * ratio:+.2f} % ({100 * sigma:.2f} %)" for ratio, sigma in sums),
        f"{judged.sum()}",
        f"{z.mean():+.2f}",
        f"{np.abs(z).max():.1f}",
        f"{chi2:.2f}",
        verdict(fair and all(abs(ratio) <= 3 * sigma for ratio, sigma in sums)),
    )


def _sum_of(
    place: slice, away: NDArray[np.bool_], primary: FloatArray, forced: Blocks, analog: Blocks
) -> tuple[float, float]:
    """Return the ratio of two sums over blocks less 1, and its standard error from the runs' own sums."""
    chosen = np.zeros_like(away)
    chosen[place] = away[place]
    drawn = analog.runs[:, chosen].sum(axis=1)
    scattered = forced.runs[:, chosen].sum(axis=1)
    ratio = (primary[chosen].sum() + scattered.mean()) / drawn.mean() - 1
    variance = (drawn.var(ddof=1) + scattered.var(ddof=1)) / RUNS
    return float(ratio), float(np.sqrt(variance) / drawn.mean())
