"""The water engine against the depth dose it is made of, the published figures, and its own promises."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from metaspine.dosimetry import ENGINES, Irradiation, compute_dose, dose_at_points, inside_applicator
from metaspine.errors import Cancelled, DeviceFileError, FrameMismatch, InputError
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.depth_dose import dose_rate_gy_per_min, treatment_time_s
from metaspine.running import silent

NEEDLE = read_applicator("intrabeam-needle")
FRAME = "test"
DIRECTION = np.array([0.3, -0.9, 0.2])
ISOCENTRE = np.array([12.3, -4.5, 100.2])


def dwell(time_s: float = 60.0) -> DwellPosition:
    return DwellPosition(ISOCENTRE, DIRECTION / np.linalg.norm(DIRECTION), time_s)


def water(*dwells: DwellPosition, spacing_mm: float = 1.0, half_extent_mm: float = 15.0) -> Dose:
    grid = Grid.around(ISOCENTRE, half_extent_mm=half_extent_mm, spacing_mm=spacing_mm, frame_of_reference=FRAME)
    image = Volume(np.zeros(grid.shape), grid)
    irradiation = Irradiation(dwells or (dwell(),), NEEDLE, NEEDLE.nominal, grid, image, "0" * 64)
    return ENGINES["water"](irradiation, progress=silent)


def test_every_voxel_is_time_times_dose_rate_at_its_distance() -> None:
    dose = water(dwell(90.0))
    grid = dose.volume.grid
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    distance = np.linalg.norm(points - ISOCENTRE, axis=-1)
    known = np.isfinite(dose.volume.values)
    expected = 1.5 * dose_rate_gy_per_min(NEEDLE.nominal.depth_dose, distance[known])
    np.testing.assert_allclose(dose.volume.values[known], expected, rtol=1e-6)


def test_the_prescribed_time_gives_the_prescribed_dose_all_round() -> None:
    time = treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=8, distance_from_isocentre_mm=13)
    around = np.random.default_rng(1).normal(size=(200, 3))
    points = ISOCENTRE + 13 * around / np.linalg.norm(around, axis=1, keepdims=True)
    dose = dose_at_points(points, dwells=(dwell(time),), applicator=NEEDLE, output=NEEDLE.nominal)
    backwards = inside_applicator(points, dwells=(dwell(time),), applicator=NEEDLE)
    np.testing.assert_allclose(dose[~backwards], 8.0, rtol=1e-12)
    assert np.isnan(dose[backwards]).all()


def test_no_dose_is_defined_in_the_tip_and_the_shaft() -> None:
    one = dwell()
    along, across = one.direction, np.cross(one.direction, [0, 0, 1.0])
    across /= np.linalg.norm(across)
    inside = [0.0 * along, 2.19 * along, -50 * along, -10 * along + 2.19 * across, 1.55 * (along + across)]
    outside = [2.21 * along, -10 * along + 2.21 * across, 1.56 * (along + across), -92 * along, 2.21 * across]
    points = ISOCENTRE + np.array(inside + outside)
    found = inside_applicator(points, dwells=(one,), applicator=NEEDLE)
    np.testing.assert_array_equal(found, [True] * 5 + [False] * 5)
    dose = dose_at_points(points, dwells=(one,), applicator=NEEDLE, output=NEEDLE.nominal)
    np.testing.assert_array_equal(np.isnan(dose), found)


def test_the_undefined_volume_is_the_needles_own() -> None:
    """Half a sphere and a cylinder to the edge of the grid, within 2 %."""
    straight = replace(dwell(), direction=np.array([0.0, 0.0, 1.0]))
    dose = water(straight, spacing_mm=0.25, half_extent_mm=10)
    volume = float(np.isnan(dose.volume.values).sum()) * 0.25**3
    expected = 2 / 3 * math.pi * 2.2**3 + math.pi * 2.2**2 * 10.125
    assert volume == pytest.approx(expected, rel=0.02)
    np.testing.assert_array_equal(np.isnan(dose.relative_uncertainty.values), np.isnan(dose.volume.values))


def test_dwell_positions_add_up() -> None:
    second = DwellPosition(ISOCENTRE + np.array([5, 0, 0]), dwell().direction, 30.0)
    both, first_alone, second_alone = water(dwell(), second), water(dwell()), water(second)
    total = first_alone.volume.values + second_alone.volume.values
    np.testing.assert_allclose(both.volume.values, total, rtol=1e-5)


def test_the_uncertainty_is_the_outputs_and_the_directions() -> None:
    dose = water()
    points = np.array([[13.0, 0, 0], [0, 0, 13.0]]) + ISOCENTRE
    at = dose.relative_uncertainty.sample(points)
    np.testing.assert_allclose(at, math.hypot(0.15, 0.15) / math.sqrt(3), rtol=1e-4)
    near = dose.relative_uncertainty.sample(ISOCENTRE + np.array([0, 0, 4.0]))
    assert float(near) > float(at[0])


def test_the_dose_says_what_it_is() -> None:
    dose = water()
    assert dose.medium == "water"
    assert dose.convention is DoseConvention.CONSOLE
    assert not dose.provenance.calibrated
    assert dose.provenance.output == "nominal output, not for treatment"
    text = " ".join(dose.notes)
    assert "overstated" in text
    assert "anisotropy" in text
    assert "extrapolated" in text


def test_the_same_input_gives_the_same_bits() -> None:
    first, second = water(), water()
    assert first.volume.values.tobytes() == second.volume.values.tobytes()


def test_progress_can_stop_the_work() -> None:
    grid = Grid.around(ISOCENTRE, half_extent_mm=5, spacing_mm=1, frame_of_reference=FRAME)
    irradiation = Irradiation((dwell(),), NEEDLE, NEEDLE.nominal, grid, Volume(np.zeros(grid.shape), grid), "")

    def stop(step: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled(f"{step} was stopped")

    with pytest.raises(Cancelled):
        ENGINES["water"](irradiation, progress=stop)


def test_impossible_dwells_are_refused() -> None:
    points = ISOCENTRE + np.array([[10, 0, 0]])
    for faulty, message in (
        (replace(dwell(), time_s=-1.0), "dwell time"),
        (replace(dwell(), direction=np.zeros(3)), "direction"),
    ):
        with pytest.raises(DeviceFileError, match=message):
            dose_at_points(points, dwells=(faulty,), applicator=NEEDLE, output=NEEDLE.nominal)
    with pytest.raises(DeviceFileError, match="no dwell position"):
        dose_at_points(points, dwells=(), applicator=NEEDLE, output=NEEDLE.nominal)


@dataclass(frozen=True)
class Named:
    """Stands where only a few of a plan's or a scan's names are looked at."""

    frame_of_reference: str = FRAME
    sha256: str = "a" * 64
    path: str = "ct.nii.gz"


@dataclass(frozen=True)
class SmallScan:
    image: object = None
    origin: Named = Named()
    frame_of_reference: str = FRAME


@dataclass(frozen=True, eq=False)
class SmallPlan:
    dwell: DwellPosition
    vertebra: Named = Named()
    applicator: object = NEEDLE
    output: object = NEEDLE.nominal
    scan_sha256: str = "a" * 64


def test_compute_dose_lays_the_grid_around_the_isocentre() -> None:
    dose = compute_dose(SmallPlan(dwell()), SmallScan(), spacing_mm=1.0, half_extent_mm=10.0)  # type: ignore[arg-type]
    assert dose.volume.grid.shape == (21, 21, 21)
    np.testing.assert_allclose(dose.volume.grid.point_mm((10, 10, 10)), ISOCENTRE)
    assert dose.volume.grid.frame_of_reference == FRAME
    assert dose.provenance.scan_sha256 == "a" * 64


def test_compute_dose_refuses_what_it_cannot_do() -> None:
    plan, scan = SmallPlan(dwell()), SmallScan()
    with pytest.raises(InputError, match=r"no dose engine 'monte carlo'.*water"):
        compute_dose(plan, scan, engine="monte carlo")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="another scan"):
        compute_dose(plan, SmallScan(origin=Named(sha256="b" * 64)))  # type: ignore[arg-type]
    with pytest.raises(FrameMismatch):
        compute_dose(plan, SmallScan(frame_of_reference="other"))  # type: ignore[arg-type]
    for spacing in (0.0, -1.0, 0.01, float("nan")):
        with pytest.raises(InputError, match="dose grid"):
            compute_dose(plan, scan, spacing_mm=spacing)  # type: ignore[arg-type]
