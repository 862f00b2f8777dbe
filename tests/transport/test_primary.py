"""The computed primary against closed forms, fine integration and Monte Carlo."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients
from metaspine.physics.spectral_nodes import spectral_nodes
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import Nodes, left_after, primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, point_source
from metaspine.transport.tables import PhotonTables

GRAY_PER_KEV_PER_G = 1.602176634e-13


def beam(energy_kev: float) -> Nodes:
    return Nodes(np.array([energy_kev]), np.array([1.0]))


def kerma_cm(name: str, energy_kev: float, distance_mm: np.ndarray, cm: list[tuple[str, float, float]]) -> np.ndarray:
    """Gy per photon by the textbook, in cm and g: layers are (material, density, fraction of the way)."""
    depth = sum(
        float(coefficients(material(layer), energy_kev).total[0]) * density * part for layer, density, part in cm
    )
    transfer = float(coefficients(material(name), energy_kev).transfer[0])
    distance_cm = distance_mm / 10
    return np.asarray(
        energy_kev * transfer * GRAY_PER_KEV_PER_G * np.exp(-depth * distance_cm) / (4 * math.pi * distance_cm**2)
    )


def mean_straight_ahead(name: str, density: float, energy_kev: float, from_mm: float) -> float:
    """The mean kerma over a voxel of 1 mm that begins ``from_mm`` straight ahead, the way all in one material."""
    inside = (np.arange(100) + 0.5) / 100
    x, y, z = from_mm + inside[:, None, None], inside[:, None] - 0.5, inside - 0.5
    distance = np.sqrt(x**2 + y**2 + z**2)
    return float(kerma_cm(name, energy_kev, distance, [(name, density, 1.0)]).mean())


def centres(medium: Medium, point_mm: tuple[float, float, float]) -> np.ndarray:
    spacing = np.array(medium.lattice[:3])
    return (np.moveaxis(np.indices(medium.shape), 0, -1) + 0.5) * spacing - point_mm


@pytest.mark.parametrize("spacing_mm", [(1, 1, 1), (0.8, 1.3, 2.1)])
@pytest.mark.parametrize("energy_kev", [12.0, 47.3])
def test_uniform_water(water: Callable[..., Medium], spacing_mm: tuple[float, float, float], energy_kev: float) -> None:
    block, point = water(24, spacing_mm), (9.3, 12.2, 13.7)
    kerma = primary_kerma(
        point_source(point, [1, 60], [1]), beam(energy_kev), block, radius_mm=11, averaging_radius_mm=0
    )
    distance = np.linalg.norm(centres(block, point), axis=-1)
    near = distance <= 11
    wanted = kerma_cm("water", energy_kev, distance[near], [("water", 1.0, 1.0)])
    assert kerma[near, 0] == pytest.approx(wanted, rel=2e-4, abs=0)
    assert kerma[near, 1] == pytest.approx(wanted, rel=2e-4, abs=0)
    assert (kerma[~near] == 0).all()
    assert near.any()


def test_behind_a_wall_and_in_it(layered: Medium) -> None:
    kerma = primary_kerma(
        point_source((12.5, 12.5, 12.5), [1, 60], [1]), beam(30.0), layered, radius_mm=50, averaging_radius_mm=0
    )
    behind = kerma_cm("water", 30.0, np.array([10.0]), [("water", 1.0, 0.7), ("cortical", 1.92, 0.3)])
    assert kerma[22, 12, 12] == pytest.approx(np.repeat(behind, 2), rel=2e-4, abs=0)
    inside = [("water", 1.0, 3.5 / 5), ("cortical", 1.92, 1.5 / 5)]
    distance = np.array([5.0])
    assert kerma[17, 12, 12, 0] == pytest.approx(kerma_cm("cortical", 30.0, distance, inside)[0], rel=2e-4, abs=0)
    assert kerma[17, 12, 12, 1] == pytest.approx(kerma_cm("water", 30.0, distance, inside)[0], rel=2e-4, abs=0)


def test_voxels_near_the_source_hold_their_mean(water: Callable[..., Medium]) -> None:
    block, point = water(12), (6.31, 6.44, 6.52)
    source = point_source(point, [1, 60], [1])
    mean = primary_kerma(source, beam(20.0), block, radius_mm=20)[..., 0]
    centre = primary_kerma(source, beam(20.0), block, radius_mm=20, averaging_radius_mm=0)[..., 0]
    inside = (np.arange(40) + 0.5) / 40 - 0.5
    parts = np.stack(np.meshgrid(inside, inside, inside, indexing="ij"), axis=-1).reshape(-1, 3)
    for voxel in ((7, 6, 6), (8, 6, 6), (8, 8, 8), (6, 9, 6)):
        distance = np.linalg.norm(np.array(voxel) + 0.5 + parts - point, axis=1)
        exact = kerma_cm("water", 20.0, distance, [("water", 1.0, 1.0)]).mean()
        assert mean[voxel] == pytest.approx(exact, rel=1.5e-3, abs=0)
    assert mean[7, 6, 6] > 1.02 * centre[7, 6, 6]


def test_voxels_in_bone_hold_their_mean(tables: PhotonTables) -> None:
    """By fine integration over the voxel: at 15 keV the centre is a tenth too low."""
    block = medium(np.ones((60, 5, 5), int), np.full((60, 5, 5), 1.92), (1, 1, 1), tables=tables, water=0)
    source = point_source((0.01, 2.5, 2.5), [1, 60], [1])
    kerma = primary_kerma(source, beam(15.0), block, radius_mm=99)[20, 2, 2, 0]
    centre = primary_kerma(source, beam(15.0), block, radius_mm=99, averaging_radius_mm=0)[20, 2, 2, 0]
    mean = mean_straight_ahead("cortical", 1.92, 15.0, 20 - 0.01)
    assert kerma == pytest.approx(mean, rel=5e-3, abs=0)
    assert kerma > 1.05 * centre


def test_anisotropy_multiplies(water: Callable[..., Medium]) -> None:
    block, point = water(20), (10.0, 10.0, 10.0)
    plain = primary_kerma(point_source(point, [1, 60], [1]), beam(30.0), block, radius_mm=9, averaging_radius_mm=0)
    forward = point_source(point, [1, 60], [1], axis=(0, 1, 0), anisotropy=[0.5, 1.0, 1.5])
    ratio = primary_kerma(forward, beam(30.0), block, radius_mm=9, averaging_radius_mm=0)[..., 0] / np.where(
        plain[..., 0] > 0, plain[..., 0], np.nan
    )
    offset = centres(block, point)
    distance = np.linalg.norm(offset, axis=-1)
    cosine = offset[..., 1] / distance
    checked = (distance > 5.5) & (distance < 9)
    assert ratio[checked] == pytest.approx(1 + 0.5 * cosine[checked], rel=1e-4)


def test_eight_nodes_stand_for_the_spectrum(tables: PhotonTables, layered: Medium) -> None:
    edges, photons = np.arange(8.0, 50.5, 0.5), np.linspace(3, 0.2, 84) + 5 * np.exp(-(((np.arange(84) - 6) / 2) ** 2))
    paths = [(0, 60.0), (1, 40.0), (2, 9.0)]
    few = spectral_nodes(edges, photons, tables, longest_paths=paths, count=8)
    source = point_source((12.5, 12.5, 12.5), edges, photons)
    exact = primary_kerma(source, spectrum_nodes(source, parts=2), layered, radius_mm=50)
    kerma = primary_kerma(source, few, layered, radius_mm=50)
    lit = exact[..., 0] * (centres(layered, (12.5, 12.5, 12.5)) ** 2).sum(axis=-1)
    metal = (layered.packed.reshape(26, 26, 26)[1:-1, 1:-1, 1:-1] & 0xFF) == 2
    kept = (lit > 0.003 * lit.max()) & ~metal
    error = kerma[kept] / exact[kept] - 1
    assert np.sqrt((error**2).mean()) < 0.002
    assert kept.mean() > 0.9


def test_an_analog_run_without_scatter_is_the_primary(tables: PhotonTables, layered: Medium) -> None:
    absorbing = layered._replace(coefficients=layered.coefficients.copy())
    absorbing.coefficients[..., 2:] = 0
    source = point_source((12.3, 12.4, 12.6), np.arange(15.0, 51.0, 5.0), np.ones(7))
    sampling = Sampling(seed=3, rays_per_batch=40000, forced=False)
    found = estimate(
        continued(empty_tally(layered), 10, sampling=sampling, source=source, medium=absorbing), sampling, layered
    )
    exact = primary_kerma(source, spectrum_nodes(source, parts=40), layered, radius_mm=99, averaging_radius_mm=99)
    distance = np.linalg.norm(centres(layered, source.point_mm), axis=-1)
    told = (distance > 1) & (distance < 8)
    score = (found.kerma_gy[told] - exact[told]) / found.standard_error_gy[told]
    degrees = 9
    assert abs(score.mean()) < 0.15
    assert np.mean(score**2) == pytest.approx(degrees / (degrees - 2), rel=0.25)
    assert found.kerma_gy[told].sum() == pytest.approx(exact[told].sum(), rel=2e-3, abs=0)


@pytest.mark.parametrize(
    ("point", "energy", "message"),
    [
        ((30.0, 5, 5), 20.0, "outside the grid"),
        ((5.0, 5, 5), 61.0, "the tables hold"),
        ((5.0, 5, 5), 0.5, "the tables hold"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    layered: Medium, point: tuple[float, float, float], energy: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        primary_kerma(point_source(point, [1, 60], [1]), beam(energy), layered, radius_mm=10)


def test_the_same_bits_on_one_core_and_on_two(layered: Medium, broad: Callable[..., Source]) -> None:
    import numba

    source = broad((12.3, 12.4, 12.6))
    nodes, before = spectrum_nodes(source), numba.get_num_threads()
    results = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        results.append(primary_kerma(source, nodes, layered, radius_mm=15))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])


def test_the_series_for_the_exponential() -> None:
    depths = np.linspace(-1, 40, 500)
    left = np.array([left_after(depth) for depth in depths])
    assert left[depths < 10] == pytest.approx(np.exp(-depths[depths < 10]), rel=1e-7)
    assert left == pytest.approx(np.exp(-depths), rel=1e-3)
    assert left_after(300.0) == left_after(40.0)


def test_opaque_voxels_hold_their_mean_as_clear_ones_do(tables: PhotonTables) -> None:
    """Titanium at 16 to 45 keV: half a voxel is from 0.5 to 7 mean free paths, on both sides of the series."""
    block = medium(np.full((60, 5, 5), 2), np.full((60, 5, 5), 4.54), (1, 1, 1), tables=tables, water=0)
    source = point_source((0.01, 2.5, 2.5), [1, 60], [1])
    for energy_kev in (16.0, 25.0, 32.0, 34.0, 45.0):
        kerma = primary_kerma(source, beam(energy_kev), block, radius_mm=99)[6, 2, 2, 0]
        mean = mean_straight_ahead("titanium", 4.54, energy_kev, 6 - 0.01)
        assert kerma == pytest.approx(mean, rel=0.03, abs=0), energy_kev


def test_a_voxel_of_a_thousand_mean_free_paths_gets_a_number(layered: Medium) -> None:
    """1.1 keV in titanium: sinh of half a voxel's depth is beyond every float, and what arrives there is nothing."""
    soft = point_source((12, 12, 12), [1.0, 1.2, 30.0], [1, 1])
    kerma = primary_kerma(soft, Nodes(np.array([1.1, 25.0]), np.array([0.5, 0.5])), layered, radius_mm=40.0)
    assert np.isfinite(kerma).all()
    assert (kerma[4:6, 12:15, 5:20] > 0).all()


@pytest.mark.parametrize(
    ("across", "energy", "tolerance"),
    [(0, 10.0, 0.08), (3, 10.0, 0.08), (0, 25.0, 0.08), (3, 25.0, 0.08), (8, 25.0, 0.08), (8, 10.0, 0.9)],
)
def test_a_metal_surface_gets_what_arrives(tables: PhotonTables, across: int, energy: float, tolerance: float) -> None:
    """The first millimetre of a titanium plate, integrated over the voxel on a fine raster: straight and aslant."""
    materials = np.zeros((40, 40, 40), np.uint8)
    materials[24:28] = 2
    plate = medium(materials, np.where(materials == 2, 4.54, 1.0), (1, 1, 1), tables=tables, water=0)
    nodes = Nodes(np.array([10.0, 25.0]), np.array([float(energy == 10.0), float(energy == 25.0)]))
    found = primary_kerma(point_source((20, 20.5, 20.5), [9, 26], [1]), nodes, plate, radius_mm=60.0)
    inside = (np.arange(60) + 0.5) / 60
    x, y, z = 4.0 + inside[:, None, None], across - 0.5 + inside[:, None], inside - 0.5
    distance = np.sqrt(x**2 + y**2 + z**2)
    water, titanium = (coefficients(material(name), [energy]) for name in ("water", "titanium"))
    depth = 0.1 * distance / x * (4.0 * water.total[0] + (x - 4.0) * 4.54 * titanium.total[0])
    fluence = (np.exp(-depth) / (4 * math.pi * distance**2)).mean() * 100  # per cm2
    expected = energy * titanium.transfer[0] * fluence * 1.602176634e-13
    assert found[24, 20 + across, 20, 0] == pytest.approx(expected, rel=tolerance, abs=0)


def test_a_part_of_the_grid_is_the_same_there_and_nothing_elsewhere(
    layered: Medium, broad: Callable[..., Source]
) -> None:
    source = broad((12.3, 12.4, 12.6))
    nodes, part = spectrum_nodes(source), (slice(3, 9), slice(None, 20), slice(14, None))
    whole = primary_kerma(source, nodes, layered, radius_mm=50)
    found = primary_kerma(source, nodes, layered, radius_mm=50, part=part)
    np.testing.assert_array_equal(found[part], whole[part])
    found[part] = 0
    assert (found == 0).all()
    assert (whole[part] > 0).any()


@pytest.mark.parametrize(("name", "number", "density"), [("water", 0, 1.0), ("cortical", 1, 1.92)])
@pytest.mark.parametrize("energy_kev", [20.0, 40.0])
def test_means_hold_divergence_and_attenuation_together(
    tables: PhotonTables, name: str, number: int, density: float, energy_kev: float
) -> None:
    """Beyond the fine averaging a voxel's mean is of inverse square times attenuation, by integration of both."""
    spacing = np.array([1.0, 1.4, 0.8])
    shape = (20, 15, 25)
    block = medium(np.full(shape, number), np.full(shape, density), spacing, tables=tables, water=0)
    point = np.array([10.2, 10.4, 10.1])
    kerma = primary_kerma(point_source(tuple(point), [1, 60], [1]), beam(energy_kev), block, radius_mm=20)[..., 0]
    inside = (np.arange(24) + 0.5) / 24 - 0.5
    parts = np.stack(np.meshgrid(inside, inside, inside, indexing="ij"), axis=-1).reshape(-1, 3) * spacing
    for voxel in ((15, 7, 12), (16, 10, 12), (10, 7, 20), (14, 10, 17), (5, 4, 7)):
        distance = np.linalg.norm((np.array(voxel) + 0.5) * spacing + parts - point, axis=1)
        exact = kerma_cm(name, energy_kev, distance, [(name, density, 1.0)]).mean()
        assert kerma[voxel] == pytest.approx(exact, rel=6e-4, abs=0), voxel
