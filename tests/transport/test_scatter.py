"""The forced Monte Carlo against the analog one, against energy conservation and symmetry; streams, bits, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, point_source
from metaspine.transport.tables import PhotonTables

DEGREES = 19
"""Of freedom of 20 batches."""


def block_means(values: np.ndarray, size: int) -> np.ndarray:
    parts = [count // size for count in values.shape[:3]]
    return values.reshape(parts[0], size, parts[1], size, parts[2], size, -1).mean(axis=(1, 3, 5))


def fine_primary(layered: Medium, tables: PhotonTables, source: Source) -> np.ndarray:
    """The primary on voxels a quarter as wide, averaged over blocks of 4 mm: sharp shadows take that."""
    inner = (slice(1, -1),) * 3
    coarse = (layered.packed.reshape(26, 26, 26)[inner] & 0xFF, layered.density.reshape(26, 26, 26)[inner])
    material, density = (np.repeat(np.repeat(np.repeat(each, 4, 0), 4, 1), 4, 2) for each in coarse)
    fine = medium(material, density, (0.25, 0.25, 0.25), tables=tables, water=0)
    kerma = primary_kerma(source, spectrum_nodes(source, parts=3), fine, radius_mm=99)
    return block_means(kerma.astype(float), 16)


@pytest.mark.parametrize(("stretch", "region_mm"), [(1.0, 1e6), (0.6, 1e6), (1.0, 6.0)])
def test_forced_and_analog_agree_in_all_materials(
    layered: Medium, tables: PhotonTables, broad: Callable[..., Source], stretch: float, region_mm: float
) -> None:
    """Primary plus forced scatter against everything analog: coarse blocks whose errors are well known."""
    source = broad((12.4, 12.3, 12.6))
    ways = {
        "forced": Sampling(seed=11, rays_per_batch=1000, sites_per_ray=16, stretch=stretch, region_mm=region_mm),
        "analog": Sampling(seed=12, rays_per_batch=20000, forced=False),
    }
    kerma, error = {}, {}
    for name, sampling in ways.items():
        blocks = []
        for seed in range(20):
            one = sampling._replace(seed=100 * sampling.seed + seed)
            tally = continued(empty_tally(layered), 1, sampling=one, source=source, medium=layered)
            inner = tally.sums.reshape(26, 26, 26, 2)[1:-1, 1:-1, 1:-1] / sampling.rays_per_batch
            blocks.append(block_means(inner, 4))
        kerma[name] = np.mean(blocks, axis=0) * 1.602176634e-10
        error[name] = np.std(blocks, axis=0, ddof=1) / np.sqrt(len(blocks)) * 1.602176634e-10
    primary = fine_primary(layered, tables, source)
    away = np.ones(primary.shape[:3], dtype=bool)
    away[3, 3, 3] = False  # holds the source's own voxel, whose mean no grid of points gives
    spread = np.sqrt(error["forced"] ** 2 + error["analog"] ** 2)
    for channel in range(2):
        score = ((primary + kerma["forced"] - kerma["analog"]) / spread)[away][:, channel]
        assert np.abs(score).max() < 5
        assert np.mean(score**2) == pytest.approx(DEGREES / (DEGREES - 2), rel=0.35)
        assert abs(score.mean()) < 0.25


def test_all_energy_is_found_again_in_a_block_that_none_leaves(
    water: Callable[..., Medium], broad: Callable[..., Source]
) -> None:
    """A dense block of water: kerma times mass, with the primary's, is the energy that the source sends out."""
    block = water(24)
    dense = block._replace(density=block.density.copy())
    dense.density[:] = np.where(dense.density > 0.5, 40.0, dense.density)
    source = broad((12.4, 12.5, 12.3))
    sampling = Sampling(seed=2, rays_per_batch=10000, forced=False)
    found = estimate(continued(empty_tally(dense), 10, sampling=sampling, source=source, medium=dense), sampling, dense)
    kev_per_joule = 1 / 1.602176634e-16
    mass_kg = 40.0 * 1e-6
    energy = found.kerma_gy[..., 0].sum() * mass_kg * kev_per_joule
    nodes = spectrum_nodes(source)
    emitted = float((nodes.energies_kev * nodes.photons).sum())
    assert energy == pytest.approx(emitted, rel=0.004)
    with_scatter = continued(
        empty_tally(dense), 10, sampling=sampling._replace(forced=True, rays_per_batch=500), source=source, medium=dense
    )
    scattered = (
        estimate(with_scatter, sampling._replace(rays_per_batch=500), dense).kerma_gy[..., 0].sum()
        * mass_kg
        * kev_per_joule
    )
    assert 0.02 * emitted < scattered < 0.6 * emitted


def test_scatter_has_no_direction_of_its_own(water: Callable[..., Medium], broad: Callable[..., Source]) -> None:
    block = water(21)
    sampling = Sampling(seed=5, rays_per_batch=4000, sites_per_ray=8)
    found = estimate(
        continued(empty_tally(block), 10, sampling=sampling, source=broad((10.5,) * 3), medium=block), sampling, block
    )
    kerma, error = found.kerma_gy[..., 0], found.standard_error_gy[..., 0]
    halves = []
    for axis in range(3):
        for side in (slice(None, 10), slice(11, None)):
            part = tuple(side if n == axis else slice(None) for n in range(3))
            halves.append((kerma[part].sum(), np.sqrt((error[part] ** 2).sum())))
    mean = np.mean([value for value, _ in halves])
    for value, spread in halves:
        assert value == pytest.approx(mean, abs=6 * spread + 0.002 * mean)


def test_a_long_run_and_one_that_was_continued_have_the_same_bits(
    layered: Medium, broad: Callable[..., Source]
) -> None:
    source, sampling = broad((12.4, 12.3, 12.6)), Sampling(seed=4, rays_per_batch=50)
    run = {"sampling": sampling, "source": source, "medium": layered}
    long = continued(empty_tally(layered), 7, **run)
    first = continued(empty_tally(layered), 2, **run)
    kept = first.sums.copy()
    second = continued(continued(first, 4, **run), 1, **run)
    np.testing.assert_array_equal(first.sums, kept)
    assert (second.batches, second.photons) == (long.batches, long.photons)
    np.testing.assert_array_equal(second.sums, long.sums)
    np.testing.assert_array_equal(second.squares, long.squares)
    other = continued(empty_tally(layered), 7, **(run | {"sampling": sampling._replace(seed=5)}))
    assert (other.sums != long.sums).any()


BITS = """
import hashlib, numpy as np
from metaspine.transport.medium import medium
from metaspine.transport.scatter import Sampling, continued, empty_tally
from metaspine.transport.source import point_source
from metaspine.transport.tables import PhotonTables
energy = 1 + 0.1 * np.arange(591)
table = np.stack([(2000 / energy**3 + 0.02), (9000 / energy**3 + 0.02)]).astype(np.float32)
cosines = np.tile(np.linspace(-1, 1, 17, dtype=np.float32), (2, 60, 1))
tables = PhotonTables(1.0, 0.1, table, table * 0.5, table * 0.1, table * 0.4, cosines, cosines)
block = medium(np.indices((16, 16, 16)).sum(axis=0) % 2, np.full((16, 16, 16), 1.1), (1, 1, 1), tables=tables, water=0)
source = point_source((8.2, 8.3, 8.4), [15, 30, 50], [2, 1])
tally = continued(empty_tally(block), 5, sampling=Sampling(9, 200), source=source, medium=block)
print(hashlib.sha256(tally.sums.tobytes() + tally.squares.tobytes()).hexdigest())
"""


def test_the_same_bits_whatever_the_number_of_threads() -> None:
    found = set()
    for threads in ("1", "2", "3"):
        environment = os.environ | {"NUMBA_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", BITS], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


def test_energies_outside_the_cut_and_empty_runs_are_refused(layered: Medium, broad: Callable[..., Source]) -> None:
    source, empty = broad((12.4, 12.3, 12.6)), empty_tally(layered)
    for batches, sampling, message in (
        (0, Sampling(), "0 batches"),
        (1, Sampling(rays_per_batch=0), "of 0 rays"),
        (1, Sampling(sites_per_ray=0), "0 sites"),
        (1, Sampling(energy_cut_kev=0.5), "energy cut of 0.5 keV"),
        (1, Sampling(region_mm=0.0), "region of 0 mm"),
        (1, Sampling(outside_one_in=0.5), "one in 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            continued(empty, batches, sampling=sampling, source=source, medium=layered)
    with pytest.raises(ValueError, match="outside the grid"):
        continued(empty, 1, sampling=Sampling(), source=broad((-1, 5, 5)), medium=layered)
    hard = point_source((5, 5, 5), [50, 80], [1])
    with pytest.raises(ValueError, match="the tables hold"):
        continued(empty, 1, sampling=Sampling(), source=hard, medium=layered)
    with pytest.raises(ValueError, match="two or more are wanted"):
        estimate(empty, Sampling(), layered)


SHELLS = (8, 10, 15, 20, 30)
"""The lower radii, in mm, of the shells of 1 mm that are compared."""


def shell_mean(kerma: np.ndarray, square: np.ndarray, distance: np.ndarray, low: float) -> float:
    """The mean over a shell: kerma over its voxel's mean of 1/r^2 is smooth; a parabola through it is integrated."""
    near = (distance > low - 2) & (distance < low + 3)
    curve = np.polynomial.Polynomial.fit(distance[near], (kerma * square)[near], 2)
    return float(3 * (curve.integ()(low + 1) - curve.integ()(low)) / ((low + 1) ** 3 - low**3))


@pytest.mark.parametrize("name", ["P1_20keV", "P1_30keV", "P1_50keV", "P2_shells"])
def test_a_point_source_in_water_against_egsnrc(shared_data: Path, water: Callable[..., Medium], name: str) -> None:
    """Shells within 1 % and two standard errors; the long run is validation/point_source.py."""
    folder = shared_data / "reference-dose"
    peer, block = np.load(folder / f"{name}_egs_xcom.npz"), water(100, (2, 2, 2))
    if name.startswith("P1"):
        energy = float(name[3:5])
        source = point_source((100.0, 100.0, 100.0), [energy, energy + 1e-4], [1])
    else:
        bins = np.loadtxt(folder / "spectrum_50kV_W_0.5mmBe_1mmWater.csv", delimiter=",")
        source = point_source((100.0, 100.0, 100.0), [*bins[:, 0], bins[-1, 1]], bins[:, 3])
    sampling = Sampling(seed=8, rays_per_batch=800, sites_per_ray=16)
    run = {"sampling": sampling, "source": source, "medium": block}
    scatter = estimate(continued(empty_tally(block), 10, **run), sampling, block)
    primary = primary_kerma(source, spectrum_nodes(source, parts=2), block, radius_mm=40, averaging_radius_mm=20)
    offset = (np.moveaxis(np.indices(block.shape), 0, -1) + 0.5) * 2 - 100
    distance = np.linalg.norm(offset, axis=-1)
    parts = np.stack(np.meshgrid(*[(np.arange(4) - 1.5) / 2] * 3), axis=-1).reshape(-1, 3)
    near = distance < 40
    square = np.zeros(block.shape)
    square[near] = 1 / np.mean([1 / ((offset[near] + part) ** 2).sum(axis=-1) for part in parts], axis=0)
    for low in SHELLS:
        ours = shell_mean(scatter.kerma_gy[..., 0] + primary[..., 0], square, distance, low)
        shell = (distance > low - 1) & (distance < low + 2)
        spread = np.sqrt((scatter.standard_error_gy[shell, 0] ** 2).sum()) / shell.sum()
        theirs, sigma = float(peer["dose_Gy"][low]), float(peer["sigma_Gy"][low])
        assert ours == pytest.approx(theirs, abs=0.01 * theirs + 2 * np.hypot(spread, sigma)), low
