"""The live engine against the reference engine, its bits, its doubts and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from live_phantom import DWELL, ISOCENTRE, NEEDLE, OFFSETS, RATE, REGION, UP, patient, tissues

from metaspine.dosimetry.live import LiveRequest, asked, drag_dose, live_updates
from metaspine.dosimetry.live_dose import LiveDose, Tier
from metaspine.dosimetry.live_patient import LivePatient, prepared
from metaspine.dosimetry.live_scene import live_sampling
from metaspine.dosimetry.live_trust import Doubt
from metaspine.dosimetry.reference_run import further, kerma, metal_shadow, started
from metaspine.errors import DeviceFileError, InputError
from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import DoseConvention
from metaspine.running import LatestRequest
from metaspine.transport.scatter import Sampling

FEW = live_sampling()._replace(rays_per_batch=500, sites_per_ray=16)
REGION_SLICES = (slice(None),) * 3


def shown(of: LivePatient, *, steps: int = 8, enough: int = 1, sampling: Sampling = FEW) -> list[LiveDose]:
    updates = live_updates(of, asked(DWELL), sampling=sampling, steps_to_live=steps, enough_photons=enough)
    return [update for update in updates if update is not None]


@pytest.fixture(scope="module")
def reference() -> tuple[np.ndarray, np.ndarray]:
    """Dose in Gy and its standard error (nx, ny, nz, medium or water) over the region."""
    run = started(tissues(), DWELL, NEEDLE, sampling=Sampling(seed=99, rays_per_batch=10_000))
    mean, error = kerma(further(run, 16), REGION_SLICES)
    return mean * RATE.photons_per_min, error * RATE.photons_per_min


def on_region(values: Volume) -> np.ndarray:
    """Return a dose box's values on the region, NaN beyond."""
    start = np.rint(REGION.index(values.grid.origin_mm)).astype(int)
    whole = np.full(REGION.shape, np.nan)
    whole[tuple(slice(a, a + n) for a, n in zip(start, values.values.shape, strict=True))] = values.values
    return whole


def shell(nearest_mm: float, farthest_mm: float) -> np.ndarray:
    distance = np.linalg.norm(REGION.point_mm(np.moveaxis(np.indices(REGION.shape), 0, -1)) - ISOCENTRE, axis=-1)
    return np.asarray((distance >= nearest_mm) & (distance < farthest_mm))


def test_a_dragged_dose_is_within_its_stated_error(reference: tuple[np.ndarray, np.ndarray]) -> None:
    update = drag_dose(patient(), asked(DWELL))
    assert update.tier is Tier.DRAG
    for channel, dose in enumerate((update.to_medium, update.to_water)):
        found = on_region(dose.volume)
        use = shell(5.0, 22.0) & np.isfinite(found)
        deviation = found[use] / reference[0][use][:, channel] - 1
        assert np.sqrt((deviation**2).mean()) < np.nanmean(update.noise.values)
        assert abs(deviation.mean()) < 0.03


def test_in_water_the_dragged_dose_is_the_engines_own() -> None:
    run = started(tissues(only_water=True), DWELL, NEEDLE, sampling=Sampling(seed=98, rays_per_batch=10_000))
    exact = kerma(further(run, 10), REGION_SLICES)[0][..., 1] * RATE.photons_per_min
    found = on_region(drag_dose(patient(only_water=True), asked(DWELL)).to_water.volume)
    for nearest in (6.0, 10.0, 14.0):
        use = shell(nearest, nearest + 4.0) & np.isfinite(found)
        assert float((found[use] / exact[use]).mean()) == pytest.approx(1.0, abs=0.015)


def test_a_live_dose_is_the_references_within_three_standard_deviations(
    reference: tuple[np.ndarray, np.ndarray],
) -> None:
    update = shown(patient())[-1]
    assert update.tier is Tier.LIVE
    noise = on_region(update.noise)
    for channel, dose in enumerate((update.to_medium, update.to_water)):
        found = on_region(dose.volume)
        use = shell(5.0, 22.0) & np.isfinite(found)
        mean, error = reference[0][use][:, channel], reference[1][use][:, channel]
        apart = (found[use] - mean) / np.hypot(error, noise[use] * found[use])
        assert np.mean(np.abs(apart) < 3) > 0.99
        assert 0.4 < np.sqrt((apart**2).mean()) < 1.3
        assert abs(found[use].mean() / mean.mean() - 1) < 0.01


def test_refining_comes_nearer_and_says_so(reference: tuple[np.ndarray, np.ndarray]) -> None:
    updates = shown(patient(), steps=2, enough=400_000)
    assert [update.tier for update in updates[:3]] == [Tier.DRAG, Tier.LIVE, Tier.REFINED]
    use = shell(10.0, 22.0) & np.isfinite(on_region(updates[-1].to_water.volume))
    deviations, stated = [], []
    for update in (updates[1], updates[-1]):
        deviations.append(np.std(on_region(update.to_water.volume)[use] / reference[0][use][:, 1]))
        stated.append(np.sqrt((on_region(update.noise)[use] ** 2).mean()))
    assert deviations[1] < 0.7 * deviations[0]
    assert stated[1] < 0.7 * stated[0]
    assert updates[-1].photons >= 400_000


def test_refined_bits_are_those_of_one_long_run() -> None:
    refined = shown(patient(), steps=2, enough=6 * 500 * 16)[-1]
    steps = (refined.to_medium.provenance.histories or 0) // (2 * 500)
    assert steps == 4
    once = shown(patient(), steps=steps)[-1]
    assert once.photons == refined.photons
    np.testing.assert_array_equal(once.to_medium.volume.values, refined.to_medium.volume.values)
    np.testing.assert_array_equal(once.noise.values, refined.noise.values)
    other = shown(patient(), steps=steps, sampling=FEW._replace(seed=2))[-1]
    assert not np.array_equal(other.to_medium.volume.values, once.to_medium.volume.values, equal_nan=True)


_PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from live_phantom import patient
from test_live_engine import shown
doses = shown(patient(rod=True), steps=3)
for one in doses:
    print(hashlib.sha256(one.to_medium.volume.values.tobytes() + one.noise.values.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, os.path.dirname(__file__)],
            env={**os.environ, "NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(hashes) == 1
    assert len(next(iter(hashes)).split()) == 2


def test_a_moved_needle_keeps_its_noise() -> None:
    """The same seed a tenth of a millimetre away differs far less than another seed at the same place."""
    moved = replace(DWELL, isocentre_mm=ISOCENTRE + np.array([0.1, 0.0, 0.0]))
    raw = []
    for dwell, seed in ((DWELL, 1), (moved, 1), (DWELL, 2)):
        updates = live_updates(
            patient(), asked(dwell), sampling=FEW._replace(seed=seed), steps_to_live=4, enough_photons=1
        )
        raw.append(on_region([update for update in updates if update][-1].to_water.volume))
    use = shell(15.0, 22.0)
    same, other = (np.nanstd(raw[n][use] / raw[0][use]) for n in (1, 2))
    assert same < 0.5 * other


def test_the_shadow_of_a_rod_is_flagged_and_not_dragged() -> None:
    dragged, live = shown(patient(rod=True), steps=3)
    hidden = metal_shadow(tissues(rod=True), DWELL, NEEDLE)
    doubts = on_region(live.doubts)
    use = np.isfinite(doubts) & hidden
    flagged = (doubts[use].astype(int) & (Doubt.NEAR_METAL | Doubt.BEHIND_METAL)) != 0
    assert flagged.all()
    behind = (on_region(live.doubts)[np.isfinite(doubts)].astype(int) & Doubt.BEHIND_METAL) != 0
    assert behind.mean() < 2.5 * hidden[np.isfinite(doubts)].mean()
    found = on_region(dragged.to_medium.volume)
    assert np.isnan(found[hidden]).all()
    lit = shell(6.0, 20.0) & (doubts == 0)
    assert np.isfinite(found[lit]).all()
    assert np.isfinite(on_region(live.to_medium.volume)[use & shell(6.0, 20.0)]).all()


def test_doubts_name_the_range_the_border_and_the_applicator() -> None:
    update = shown(patient(), steps=1)[-1]
    doubts = on_region(update.doubts).astype(int)
    nearest, farthest = NEEDLE.nominal.depth_dose.valid_mm
    extrapolated = (doubts & Doubt.EXTRAPOLATED_OUTPUT) != 0
    np.testing.assert_array_equal(extrapolated, ~shell(nearest, np.nextafter(farthest, 99)))
    border = (doubts & Doubt.NEAR_BORDER) != 0
    np.testing.assert_array_equal(border, np.abs(OFFSETS).max(axis=-1) > 18.0)
    inside = (doubts & Doubt.INSIDE_APPLICATOR) != 0
    assert inside.any()
    assert np.isnan(on_region(update.to_medium.volume)[inside]).all()
    assert np.isfinite(on_region(update.to_medium.volume)[(doubts & (Doubt.INSIDE_APPLICATOR | 4)) == 0]).all()
    assert (update.trusted == (update.doubts.values == 0)).all()


def test_what_a_live_dose_says_of_itself() -> None:
    dragged, live = shown(patient(), steps=2)
    for update in (dragged, live):
        assert update.to_medium.convention is DoseConvention.MONTE_CARLO_MEDIUM
        assert update.to_water.convention is DoseConvention.MONTE_CARLO_WATER
        assert update.to_medium.provenance.engine == "live"
        assert update.dwell is DWELL
        assert 0 < update.latency_s < 600
        assert update.age_s >= 0
    assert (dragged.photons, dragged.to_medium.provenance.histories) == (0, None)
    assert "for following a moving needle only" in dragged.to_medium.notes[0]
    assert live.to_medium.provenance.histories == 2 * 2 * 500
    table = NEEDLE.nominal.depth_dose
    common = table.relative_uncertainty**2 + table.direction_relative_uncertainty**2 + RATE.relative_uncertainty**2
    known = np.isfinite(live.noise.values)
    np.testing.assert_allclose(
        live.to_medium.relative_uncertainty.values[known], np.sqrt(common + live.noise.values[known] ** 2), rtol=1e-4
    )


def test_a_resting_needle_gets_its_live_dose_first() -> None:
    request = asked(DWELL, resting=True)
    updates = [one for one in live_updates(patient(), request, sampling=FEW, steps_to_live=1, enough_photons=1) if one]
    assert [update.tier for update in updates] == [Tier.LIVE]


def test_dose_is_proportional_to_time() -> None:
    longer = replace(DWELL, time_s=120.0)
    once, twice = (drag_dose(patient(), asked(dwell)).to_water.volume.values for dwell in (DWELL, longer))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


def test_the_latest_needle_wins_and_errors_reach_the_caller() -> None:
    of, seen, failures, first = patient(), [], [], threading.Event()

    def receive(update: LiveDose) -> None:
        seen.append(update)
        first.set()

    def failed(request: LiveRequest, error: Exception) -> None:
        failures.append(error)

    moved = replace(DWELL, isocentre_mm=ISOCENTRE + 1.0)
    away = replace(DWELL, isocentre_mm=ISOCENTRE + 100.0)
    with LatestRequest(
        lambda request: live_updates(of, request, sampling=FEW, steps_to_live=2, enough_photons=200_000),
        receive,
        failed,
    ) as following:
        following.ask(asked(DWELL))
        assert first.wait(60.0)
        following.ask(asked(moved))
        assert following.wait(60.0)
        following.ask(asked(away))
        assert following.wait(60.0)
    assert seen[0].dwell is DWELL
    assert seen[-1].dwell is moved
    assert seen[-1].photons >= 200_000
    places = [update.dwell is moved for update in seen]
    assert places == sorted(places)
    assert len(failures) == 1
    assert "outside the region" in str(failures[0])


@pytest.mark.parametrize(
    ("dwell", "said"),
    [
        (DwellPosition(ISOCENTRE + 90.0, UP, 60.0), r"lies outside the region that was prepared.*Prepare a region"),
        (DwellPosition(ISOCENTRE - np.array([12.0, 0, 0]), UP, 60.0), r"inside metal.*Move the isocentre out"),
        (DwellPosition(ISOCENTRE, UP, -1.0), r"a dwell time of -1.0 s.*Give a time of 0 s or more"),
    ],
)
def test_a_needle_that_cannot_be_is_refused(dwell: DwellPosition, said: str) -> None:
    with pytest.raises(InputError, match=said):
        drag_dose(patient(rod=True), asked(dwell))
    with pytest.raises(InputError, match=said):
        next(live_updates(patient(rod=True), asked(dwell)))


def test_missing_tissues_spectra_and_steps_are_refused() -> None:
    with pytest.raises(InputError, match=r"there are no tissues.*tissues_around"):
        prepared(None, NEEDLE, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE)
    nameless = replace(NEEDLE, spectrum="")
    with pytest.raises(DeviceFileError, match=r"names no spectrum.*Name the source"):
        prepared(tissues(), nameless, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE)
    with pytest.raises(InputError, match="0 steps of rays"):
        next(live_updates(patient(), asked(DWELL), steps_to_live=0))
    with pytest.raises(DeviceFileError, match="direction"):
        drag_dose(patient(), asked(DwellPosition(ISOCENTRE, np.zeros(3), 60.0)))


def test_an_oblique_region_gives_the_same_dose() -> None:
    """The same patient stored with flipped and swapped axes."""
    stored = tissues()
    affine = REGION.affine.copy()
    affine[:3, 0] *= -1
    affine[:3, 3] += REGION.affine[:3, 0] * (REGION.shape[0] - 1)
    turned = Grid(affine[:, [2, 1, 0, 3]], REGION.shape[::-1], "test")

    def turn(volume: Volume) -> Volume:
        return Volume(np.ascontiguousarray(volume.values[::-1].transpose(2, 1, 0)), turned)

    other = replace(stored, material=turn(stored.material), density=turn(stored.density))
    of = prepared(other, NEEDLE, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE, water=patient().water)
    tilted = replace(DWELL, direction=np.array([0.3, -0.2, 0.9]))
    plain = drag_dose(patient(), asked(tilted)).to_medium.volume
    found = drag_dose(of, asked(tilted)).to_medium.volume
    points = plain.grid.point_mm(np.moveaxis(np.indices(plain.grid.shape), 0, -1))
    index = np.rint(found.grid.index(points)).astype(int)
    np.testing.assert_allclose(found.values[tuple(np.moveaxis(index, -1, 0))], plain.values, rtol=2e-4)
