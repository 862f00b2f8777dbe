"""Flight and scattering against closed forms and quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import xraylib
from numba import njit

from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients
from metaspine.transport.medium import Medium, medium
from metaspine.transport.photons import (
    ELECTRON_REST_ENERGY_KEV,
    LEFT,
    Photon,
    Region,
    collided,
    emitted_fraction,
    flown,
    leaves_region_at,
    turned,
)
from metaspine.transport.random_numbers import exponential, stream, uniform
from metaspine.transport.tables import PhotonTables
from metaspine.transport.voxel_walk import MM_PER_TICK, NEVER_MM, voxel_of

MANY = 200_000
EVERYWHERE = Region((0.0, 0.0, 0.0), 1e6, 1.0)


@njit
def outcomes(photon: Photon, medium: Medium, count: int) -> np.ndarray:
    """(photon, [weight, energy, cosine to the old direction]) of many collisions."""
    found = np.empty((count, 3))
    for n in range(count):
        random, lot = uniform(stream(5, n, 0))
        random, after = collided(photon, lot, medium, random)
        old, new = photon.direction, after.direction
        found[n] = after.weight, after.energy_kev, old[0] * new[0] + old[1] * new[1] + old[2] * new[2]
    return found


@njit
def flights(photon: Photon, region: Region, medium: Medium, count: int, kerma: np.ndarray) -> np.ndarray:
    """How far photons fly along x; -1 where they leave."""
    far = np.empty(count)
    for n in range(count):
        random, depth = exponential(stream(6, n, 0))
        _, lot = uniform(random)
        there = flown(photon, depth, lot, region, medium, kerma)
        far[n] = -1.0 if there.voxel == LEFT else there.point_mm[0] - photon.point_mm[0]
    return far


def in_the_middle(medium: Medium, energy_kev: float) -> Photon:
    middle = tuple((count / 2 + 1.0) * 1.0 for count in medium.shape)
    return Photon(voxel_of(*middle, medium.lattice), middle, (1.0, 0.0, 0.0), energy_kev, 1.0)


@pytest.mark.parametrize("energy_kev", [15.0, 30.0, 50.0])
@pytest.mark.parametrize("name", ["water", "cortical"])
def test_collisions_follow_the_cross_sections(tables: PhotonTables, name: str, energy_kev: float) -> None:
    number = {"water": 0, "cortical": 1}[name]
    block = medium(np.full((3, 3, 3), number), np.ones((3, 3, 3)), (1, 1, 1), tables=tables, water=0)
    found = outcomes(in_the_middle(block, energy_kev), block, MANY)
    truth = coefficients(material(name), energy_kev)
    scattered = found[:, 0] > 0
    coherent = scattered & (found[:, 1] == energy_kev)
    lost = 1 - found[scattered & ~coherent, 1] / energy_kev

    def share(mask: np.ndarray, wanted: float) -> None:
        assert mask.mean() == pytest.approx(wanted, abs=4 * math.sqrt(wanted / MANY))

    total = float(truth.total[0])
    share(coherent, float(truth.coherent[0]) / total)
    share(scattered & ~coherent, float(truth.incoherent[0]) / total)
    error = 4 * lost.std() / math.sqrt(len(lost))
    assert lost.mean() == pytest.approx(float((truth.compton_transfer / truth.incoherent)[0]), abs=error + 2e-5)


def test_compton_energies_are_those_of_the_angle(tables: PhotonTables) -> None:
    block = medium(np.zeros((3, 3, 3), int), np.ones((3, 3, 3)), (1, 1, 1), tables=tables, water=0)
    found = outcomes(in_the_middle(block, 40.0), block, 2000)
    changed = (found[:, 0] > 0) & (found[:, 1] != 40.0)
    kept = 1 / (1 + 40.0 / ELECTRON_REST_ENERGY_KEV * (1 - found[changed, 2]))
    assert found[changed, 1] == pytest.approx(40.0 * kept, rel=1e-6)


@pytest.mark.parametrize("energy_kev", [12.5, 25.0])
def test_coherent_angles_follow_the_form_factors(tables: PhotonTables, energy_kev: float) -> None:
    block = medium(np.zeros((3, 3, 3), int), np.ones((3, 3, 3)), (1, 1, 1), tables=tables, water=0)
    found = outcomes(in_the_middle(block, energy_kev), block, MANY)
    cosines = found[(found[:, 0] > 0) & (found[:, 1] == energy_kev), 2]
    grid = np.linspace(-1, 1, 20001)
    x = energy_kev / 12.398419843 * np.sqrt((1 - grid) / 2)
    density = np.zeros_like(grid)
    for number, fraction in material("water").mass_fractions:
        factor = np.interp(x, np.linspace(0, 5, 4001), [xraylib.FF_Rayl(number, q) for q in np.linspace(0, 5, 4001)])
        density += fraction / xraylib.AtomicWeight(number) * (1 + grid**2) * factor**2
    density /= density.sum()
    for power in (1, 2):
        error = 4 * (cosines**power).std() / math.sqrt(len(cosines))
        assert (cosines**power).mean() == pytest.approx(float((density * grid**power).sum()), abs=error + 0.002)


def test_flights_are_exponential_and_score_path_times_transfer(water: Callable[..., Medium]) -> None:
    block = water(40)
    start, kerma = in_the_middle(block, 20.0), np.zeros((block.packed.size, 2), dtype=np.float32)
    far = flights(start, EVERYWHERE, block, MANY, kerma)
    truth = coefficients(material("water"), 20.0)
    attenuation = float(truth.total[0]) / 10
    for distance in (2.0, 5.0, 10.0, 19.5):
        beyond = np.mean((far < 0) | (far > distance))
        wanted = math.exp(-attenuation * distance)
        assert beyond == pytest.approx(wanted, abs=4 * math.sqrt(wanted / MANY))
    line = kerma.reshape(42, 42, 42, 2)[:, 21, 21].astype(float) / MANY
    assert (kerma > 0).sum() == 2 * 20
    edges = np.arange(21.0, 41.0) - 21.0
    mean_path = (np.exp(-attenuation * edges) - np.exp(-attenuation * (edges + 1))) / attenuation
    assert line[21:41, 0] == pytest.approx(20.0 * float(truth.transfer[0]) / 10 * mean_path, rel=0.015)
    np.testing.assert_allclose(line[..., 0], line[..., 1], rtol=1e-5)


def test_photons_that_leave_the_region_are_fewer_and_heavier(water: Callable[..., Medium]) -> None:
    block, count = water(40), MANY
    start, region = in_the_middle(block, 20.0), Region(in_the_middle(block, 20.0).point_mm, 6.5, 4.0)
    kerma, everywhere = (np.zeros((block.packed.size, 2), dtype=np.float32) for _ in range(2))
    far = flights(start, region, block, count, kerma)
    all_of_them = flights(start, EVERYWHERE, block, count, everywhere)
    arrived, wanted = (far > 7).sum(), (all_of_them > 7).sum() / 4
    assert arrived == pytest.approx(wanted, abs=5 * math.sqrt(wanted))
    line, whole = (values.reshape(42, 42, 42, 2)[21:41, 21, 21, 0].astype(float) for values in (kerma, everywhere))
    np.testing.assert_allclose(line[:7], whole[:7], rtol=1e-6)
    assert line[7:] == pytest.approx(whole[7:], rel=0.03)
    assert (line[7:] != whole[7:]).all()


@pytest.mark.parametrize(
    ("point", "direction", "wanted"),
    [
        ((3.0, 0, 0), (1.0, 0, 0), 7.0),
        ((3.0, 0, 0), (-1.0, 0, 0), 13.0),
        ((0.0, 6, 0), (0.0, 0, 1.0), 8.0),
        ((12.0, 0, 0), (-1.0, 0, 0), NEVER_MM),
    ],
)
def test_the_way_out_of_the_region(point: tuple, direction: tuple, wanted: float) -> None:
    photon = Photon(0, point, direction, 20.0, 1.0)
    assert leaves_region_at(photon, Region((0.0, 0, 0), 10.0, 2.0)) * MM_PER_TICK == pytest.approx(wanted)


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 0, -1), (0.6, 0, 0.8), (0, -1, 0), (1e-6, 0, 1)])
@pytest.mark.parametrize("cosine", [-1.0, -0.3, 0.0, 0.9, 1.0])
def test_turning_keeps_length_and_angle(direction: tuple[float, float, float], cosine: float) -> None:
    old = np.array(direction) / np.linalg.norm(direction)
    new = [np.array(turned(tuple(old), cosine, azimuth)) for azimuth in np.linspace(0, 2 * np.pi, 7)[:-1]]
    for vector in new:
        assert np.linalg.norm(vector) == pytest.approx(1)
        assert vector @ old == pytest.approx(cosine, abs=2e-4)
    assert np.mean(new, axis=0) == pytest.approx(cosine * old, abs=2e-4)


def test_fluorescence_lines_are_emitted_by_their_yield(tables: PhotonTables) -> None:
    lines = np.array([[0, 0], [8.0, 30.0]], dtype=np.float32)
    yields = np.zeros((2, tables.total.shape[1], 2), dtype=np.float32)
    yields[1] = 0.3, 0.5
    two = tables._replace(
        **{name: getattr(tables, name)[:2] for name in ("total", "scatter", "coherent", "transfer")},
        line_energies_kev=lines,
        line_yields=yields,
    )
    block = medium(np.ones((3, 3, 3), int), np.ones((3, 3, 3)), (1, 1, 1), tables=two, water=0)
    photon = in_the_middle(block, 40.0)
    found = outcomes(photon, block, MANY)
    truth = coefficients(material("cortical"), 40.0)
    absorbed = float(truth.photoelectric[0] / truth.total[0])
    for energy, share in ((8.0, 0.3), (30.0, 0.5)):
        emitted = (found[:, 0] > 0) & (found[:, 1] == energy)
        assert emitted.mean() == pytest.approx(share * absorbed, abs=4 / math.sqrt(MANY))
        assert found[emitted, 2].mean() == pytest.approx(0, abs=4 / math.sqrt(3 * emitted.sum()))
    wanted = float((found[:, 0] > 0).mean())
    assert emitted_fraction(photon, block) == pytest.approx(wanted, abs=4 / math.sqrt(MANY))
