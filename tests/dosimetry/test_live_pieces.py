"""The live engine's pieces against closed forms: smoothing, shadows, the window, displaced needles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_phantom import DWELL, ISOCENTRE, NEEDLE, RATE, REGION, UP, patient, tissues, water

from metaspine.dosimetry.around_applicator import around_applicator
from metaspine.dosimetry.live_patient import COMPACT, NEAR_METAL_MM, SOFT, STILL, prepared, water_scatter
from metaspine.dosimetry.live_scenarios import ScenarioDoses, scenario_doses
from metaspine.dosimetry.live_scene import Scatter, live_sampling, scene_of
from metaspine.dosimetry.live_smoothing import AT_PHOTONS, RIM, Expected, Halves, Place, smoothed, width_mm
from metaspine.dosimetry.live_trust import metal_begins
from metaspine.dosimetry.live_window import window
from metaspine.dosimetry.reference_run import further, kerma, started
from metaspine.errors import InputError
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import DoseConvention, MetalTube
from metaspine.physics.emission import Anisotropy, Emission, hemisphere
from metaspine.transport.gathering import cleared, gather
from metaspine.transport.scatter import Sampling
from metaspine.transport.source import emission

SIDE = 41
PLACE = Place((SIDE,) * 3, (0, 0, 0), (1.0, 1.0, 1.0), (SIDE / 2,) * 3, 100.0)


def known(kinds: np.ndarray, width2_mm2: float) -> Expected:
    rimmed = tuple(count + 2 * RIM for count in kinds.shape)
    around, scatter, width2 = np.full(rimmed, 255, np.uint8), np.zeros(rimmed, np.float32), np.zeros(rimmed, np.float32)
    inner = (slice(RIM, -RIM),) * 3
    around[inner], scatter[inner] = kinds, 1.0
    width2[inner] = np.where(kinds < STILL, width2_mm2, 0.0)
    return Expected(scatter, around, width2)


def spread(values: np.ndarray, kinds: np.ndarray, width2_mm2: float, photons: int = AT_PHOTONS) -> np.ndarray:
    """Smooth one map, given to both halves and both channels, and return the water channel."""
    scores = np.zeros((SIDE + 2, SIDE + 2, SIDE + 2, 2), np.float32)
    scores[1:-1, 1:-1, 1:-1] = values[..., None]
    halves = Halves(scores, scores, np.zeros(scores.shape[:3], np.uint32), np.ones(1, np.float32), 1.0)
    fields = smoothed(halves, known(kinds, width2_mm2), PLACE, photons).fields
    return np.asarray(fields[1, RIM:-RIM, RIM:-RIM, RIM:-RIM])


@pytest.mark.parametrize("width_squared", [0.04, 0.5, 2.0, 4.0, 8.0])
def test_a_point_is_spread_by_the_width_asked_for(width_squared: float) -> None:
    point = np.zeros((SIDE,) * 3)
    point[SIDE // 2, SIDE // 2, SIDE // 2] = 1.0
    found = spread(point, np.full(point.shape, SOFT), width_squared)
    offset = np.arange(SIDE) - SIDE // 2
    for axis in range(3):
        profile = found.sum(axis=tuple(other for other in range(3) if other != axis))
        assert profile.sum() == pytest.approx(1.0, abs=1e-5)
        assert (profile * offset**2).sum() == pytest.approx(width_squared, rel=1e-4)
    assert found.min() >= 0.0


def test_more_photons_are_smoothed_less_by_the_fourth_root() -> None:
    point = np.zeros((SIDE,) * 3)
    point[SIDE // 2, SIDE // 2, SIDE // 2] = 1.0
    found = spread(point, np.full(point.shape, SOFT), 4.0, photons=16 * AT_PHOTONS)
    offset = np.arange(SIDE) - SIDE // 2
    assert (found.sum(axis=(1, 2)) * offset**2).sum() == pytest.approx(1.0, rel=1e-4)
    assert width_mm(20.0, 16 * AT_PHOTONS) == pytest.approx(width_mm(20.0, AT_PHOTONS) / 2)


def test_nothing_crosses_from_one_kind_to_another_and_metal_stays_sharp() -> None:
    generator = np.random.default_rng(1)
    kinds = np.full((SIDE,) * 3, SOFT)
    kinds[20:], kinds[30:] = COMPACT, STILL
    values = np.where(kinds == SOFT, 1.0, np.where(kinds == COMPACT, 5.0, generator.uniform(size=kinds.shape)))
    np.testing.assert_allclose(spread(values, kinds, 4.0), values, rtol=1e-6)


def test_smoothing_keeps_what_there_is_and_quiets_noise() -> None:
    """The variance of white noise becomes the sum of the squares of a point's spread; a Gaussian's is the least."""
    generator = np.random.default_rng(2)
    kinds = np.full((SIDE,) * 3, SOFT)
    noisy, point = 1 + generator.normal(0, 0.3, kinds.shape), np.zeros(kinds.shape)
    point[SIDE // 2, SIDE // 2, SIDE // 2] = 1.0
    found, kernel = spread(noisy, kinds, 2.0), spread(point, kinds, 2.0)
    middle = (slice(8, -8),) * 3
    assert found[middle].mean() == pytest.approx(noisy[middle].mean(), abs=0.01)
    assert found[middle].std() / 0.3 == pytest.approx(np.sqrt((kernel**2).sum()), rel=0.05)
    assert found[middle].std() / 0.3 < 1.3 / (2 * np.sqrt(np.pi) * np.sqrt(2.0)) ** 1.5


coordinate = st.floats(-18.0, 18.0)
fraction = st.sampled_from([0.001, 0.999]) | st.floats(0.001, 0.999)


@settings(max_examples=300, deadline=None)
@given(st.tuples(coordinate, coordinate, coordinate), st.tuples(*[fraction] * 3), st.floats(1.3, 3.0))
def test_every_point_behind_a_voxel_of_metal_is_known_to_be(
    at: tuple[float, ...], inside: tuple[float, ...], farther: float
) -> None:
    voxel = np.floor(np.array(at) + SIDE / 2).astype(int)
    metal = np.zeros((SIDE,) * 3, bool)
    metal[tuple(voxel)] = True
    entry = voxel + np.array(inside) - SIDE / 2
    if np.linalg.norm(entry) < 3.0:
        return
    begins = metal_begins(metal, PLACE)
    x, y, z = behind = farther * entry
    axis = int(np.argmax(np.abs(behind)))
    face = 2 * axis + (0 if behind[axis] > 0 else 1)
    u, v = [value for place, value in enumerate((x, y, z)) if place != axis] / np.abs(behind[axis])
    cell = [min(int((value + 1) / 2 * begins.shape[1]), begins.shape[1] - 1) for value in (u, v)]
    assert np.linalg.norm(behind) > begins[face, cell[0], cell[1]]
    assert (begins < 1e6).mean() < 0.5


@pytest.mark.parametrize("direction", [UP, np.array([0.6, -0.5, 0.62]), np.array([1.0, 0.0, 0.0])])
def test_the_window_is_emptied_as_the_reference_engine_empties(direction: np.ndarray) -> None:
    dwell = DwellPosition(ISOCENTRE, direction, 1.0)
    around = window(patient(), dwell, 100.0)
    expected = around_applicator(tissues(), dwell, NEEDLE).density.values
    rimmed = around.medium.density.reshape(tuple(count + 2 for count in around.medium.shape))
    np.testing.assert_allclose(rimmed[1:-1, 1:-1, 1:-1], expected, rtol=1e-4, atol=1e-4)
    assert around.grid.aligned_with(REGION)


def test_a_part_of_the_region_transports_as_the_whole() -> None:
    part = scene_of(patient(), DWELL, 12.0, 4.0)
    assert part.place.shape == (13, 13, 13)
    assert part.window.medium.shape == (17, 17, 17)
    whole = window(patient(), DWELL, 100.0)
    inner = whole.medium.packed.reshape(tuple(count + 2 for count in whole.medium.shape))
    rimmed = part.window.medium.packed.reshape(19, 19, 19)
    i, j, k = (part_of.start for part_of in part.window.box)
    np.testing.assert_array_equal(rimmed[1:-1, 1:-1, 1:-1], inner[i + 1 : i + 18, j + 1 : j + 18, k + 1 : k + 18])
    assert (rimmed[0] == 255).all()
    np.testing.assert_allclose(part.grid.point_mm((np.array(part.place.source_mm) / 2.0) - 0.5), ISOCENTRE, atol=1e-9)


def test_metal_is_left_sharp_three_millimetres_around() -> None:
    of = patient(rod=True)
    metal = np.argwhere(of.metal)
    still = np.argwhere(of.kinds == STILL)
    nearest = np.sqrt(((still[:, None] - metal[None]) ** 2).sum(axis=2)).min(axis=1) * 2.0
    assert nearest.max() <= NEAR_METAL_MM < 2.0 * np.sqrt(3)
    assert (of.kinds == COMPACT).any()


def test_waters_ratio_is_that_of_the_engine() -> None:
    """Up to 12 mm, where it does not matter yet that the small region ends at 28 mm."""
    found = water_scatter(NEEDLE, reach_mm=20.0, spacing_mm=2.0)
    run = started(tissues(only_water=True), DWELL, NEEDLE, sampling=Sampling(seed=5, rays_per_batch=10_000))
    total = kerma(further(run, 6), (slice(None),) * 3)[0][..., 1]
    distance = np.linalg.norm(REGION.point_mm(np.moveaxis(np.indices(REGION.shape), 0, -1)) - ISOCENTRE, axis=-1)
    for at in (6.0, 9.0, 12.0):
        shell = np.abs(distance - at) < 1.0
        ratio = np.interp(distance[shell], found.distance_mm, found.ratio)
        mine = (run.primary[shell][:, 1] * (1 + ratio)).sum()
        assert mine == pytest.approx(total[shell].sum(), rel=0.01, abs=0)


SHIFTED = replace(DWELL, isocentre_mm=ISOCENTRE + np.array([1.5, -1.0, 0.5]), direction=np.array([0.05, 0.03, 1.0]))
POINTS = ISOCENTRE + np.array(
    [[14.0, 2.0, -1.0], [-12.0, 5.0, 3.0], [3.0, 16.0, 2.0], [8.0, -4.0, 6.0], [18.0, 1.0, 1.0]]
)


def test_a_displaced_needles_dose_is_that_of_a_run_there() -> None:
    """Brute force at voxel centres; 5 % beside the noise: a voxel of 2 mm holds its mean, and smoothing errs."""
    index = np.rint(REGION.index(POINTS)).astype(int)
    found = scenario_doses(
        patient(), DWELL, [DWELL, SHIFTED], REGION.point_mm(index), steps_per_group=3, sampling=live_sampling(7)
    )
    noise = found.groups_to_water.std(axis=0, ddof=1) / np.sqrt(8)
    for scenario, dwell in enumerate((DWELL, SHIFTED)):
        run = started(tissues(), dwell, NEEDLE, sampling=Sampling(seed=31, rays_per_batch=10_000))
        mean, error = kerma(further(run, 10), (slice(None),) * 3)
        for channel, dose in enumerate((found.to_medium, found.to_water)):
            expected = mean[tuple(index.T)][:, channel] * RATE.photons_per_min
            chance = error[tuple(index.T)][:, channel] * RATE.photons_per_min
            apart = np.abs(dose[scenario] - expected)
            assert (apart < 3 * np.hypot(noise[scenario], chance) + 0.05 * expected).all()


@pytest.mark.parametrize("shift", [[2.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 2.0]])
def test_at_a_neighbouring_place_the_parabola_is_the_run_there(shift: list[float]) -> None:
    moved = replace(DWELL, isocentre_mm=ISOCENTRE + np.array(shift))
    run = {"step_mm": 2.0, "steps_per_group": 1, "sampling": live_sampling(3)._replace(rays_per_batch=300)}
    from_plan = scenario_doses(patient(), DWELL, [moved], POINTS, **run)
    there = scenario_doses(patient(), moved, [moved], POINTS, **run)
    np.testing.assert_allclose(from_plan.groups_to_medium, there.groups_to_medium, rtol=1e-6)
    np.testing.assert_allclose(from_plan.to_water, there.to_water, rtol=1e-6)


def test_percentiles_are_those_of_the_scenarios() -> None:
    scenarios, groups = 200, 8
    maxima = np.linspace(1.0, 3.0, scenarios)
    dose = np.stack([maxima, 0.5 * maxima, np.full(scenarios, np.nan)], axis=1)
    shifts = np.linspace(-0.07, 0.07, groups)
    made = ScenarioDoses(
        dwells=(DWELL,) * scenarios,
        to_medium=dose,
        to_water=2 * dose,
        groups_to_medium=dose + shifts[:, None, None],
        groups_to_water=2 * dose + shifts[:, None, None],
        doubtful=np.zeros(dose.shape, bool),
        photons=1,
    )
    low, middle, high = made.percentiles_of_maximum(convention=DoseConvention.MONTE_CARLO_MEDIUM)
    assert (low.value_gy, middle.value_gy, high.value_gy) == pytest.approx((1.1, 2.0, 2.9))
    assert middle.by_photons_gy == pytest.approx(shifts.std(ddof=1) / np.sqrt(groups))
    uniform = 2.0 * np.sqrt(0.5 * 0.5 / scenarios)
    assert middle.by_scenarios_gy == pytest.approx(uniform, rel=0.2)
    assert middle.standard_error_gy == pytest.approx(np.hypot(middle.by_photons_gy, middle.by_scenarios_gy))
    assert made.percentiles_of_mean((50,))[0].value_gy == pytest.approx(2 * 0.75 * 2.0)
    with pytest.raises(InputError, match=r"console dose.*Ask for one of the Monte Carlo conventions"):
        made.percentiles_of_maximum(convention=DoseConvention.CONSOLE)


def test_points_in_the_applicator_and_behind_metal_are_said() -> None:
    points = ISOCENTRE + np.array([[0.0, 0.0, 1.0], [-20.0, 0.0, 0.0], [12.0, 0.0, 0.0]])
    found = scenario_doses(patient(rod=True), DWELL, [DWELL], points, steps_per_group=1)
    assert np.isnan(found.to_medium[0, 0])
    assert found.doubtful[0].tolist() == [False, True, False]
    assert (found.to_water[0, 1:] > 0).all()


def test_unusable_scenarios_are_refused() -> None:
    with pytest.raises(InputError, match=r"0 scenarios, 5 points.*Give at least one of each"):
        scenario_doses(patient(), DWELL, [], POINTS)
    with pytest.raises(InputError, match=r"1 scenarios, 0 points"):
        scenario_doses(patient(), DWELL, [DWELL], np.zeros((0, 3)))
    with pytest.raises(InputError, match=r"2 points lie outside the region.*Prepare a larger region"):
        scenario_doses(patient(), DWELL, [DWELL], np.vstack([POINTS, ISOCENTRE + 99.0, ISOCENTRE - 99.0]))
    with pytest.raises(InputError, match="inside metal"):
        scenario_doses(patient(rod=True), replace(DWELL, isocentre_mm=ISOCENTRE - [12.0, 0, 0]), [DWELL], POINTS)


def test_more_rays_are_the_same_rays() -> None:
    around = scene_of(patient(), DWELL, 20.0, 4.0).window
    sampling = live_sampling()._replace(rays_per_batch=200)
    first, second = Scatter(around, sampling), Scatter(around, sampling)
    first.step()
    one = first.halves(patient().ratio)
    gathered = one.first.copy(), one.gray
    first.step()
    second.step()
    second.step()
    two = second.halves(patient().ratio)
    np.testing.assert_array_equal(first.halves(patient().ratio).first, two.first)
    long = cleared(around.medium)
    own = sampling._replace(seed=2 * sampling.seed)
    gather(0, 400, long, sampling=own, source=around.source, medium=around.medium)
    np.testing.assert_array_equal(two.first.reshape(long.shape), long)
    assert (two.first >= gathered[0]).all()
    assert two.gray == pytest.approx(gathered[1] / 2)


def test_the_dose_lies_where_the_grid_says() -> None:
    scene = scene_of(patient(), DWELL, 10.0, 2.0)
    volume = Volume(np.zeros(scene.place.shape), scene.grid)
    np.testing.assert_allclose(volume.grid.index(ISOCENTRE) * 2.0 + 1.0, scene.place.source_mm)


def test_the_live_source_is_the_applicators_own() -> None:
    """Points of emission and anisotropy as in the reference engine; a shadow it does not have is said."""
    table = Anisotropy("made up", np.array([10.0]), np.array([0.0, 90, 180]), np.array([[1.4, 1.0, 0.6]]))
    own = Emission("hemisphere", hemisphere(1.2), table, "PHY-28")
    tube = MetalTube("shaft", "steel", 1.7, 2.2, (18.0, 92.0), ("PHY-28",))
    device = replace(NEEDLE, emission=own, metal=(tube,))
    shaped = prepared(tissues(), device, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE, water=water())
    source, plain = (window(each, DWELL, 12.0).source for each in (shaped, patient()))
    np.testing.assert_allclose(np.subtract(source.point_mm, plain.point_mm), 0.6 * UP, atol=1e-9)
    assert emission((0.0, 0.0, 1.0), source) / emission((0.0, 0.0, -1.0), source) == pytest.approx(1.4 / 0.6)
    assert (len(plain.shares), emission((0.0, 0.0, 1.0), plain)) == (1, 1.0)
    assert any("no shadow of the shaft" in note for note in shaped.notes)
    assert not any("no shadow" in note for note in patient().notes)
