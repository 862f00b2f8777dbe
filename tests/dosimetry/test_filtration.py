"""Effective filtration: found again in tables made from a known filter, refused where no filter makes the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metaspine.dosimetry import filtration
from metaspine.dosimetry.absolute import over_middle
from metaspine.dosimetry.filtration import Filtration, best_filtration, effective_filtration
from metaspine.dosimetry.reference_run import spectrum_of
from metaspine.dosimetry.water_depth_dose import WaterResponse, water_depth_dose, water_response
from metaspine.errors import DeviceFileError
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator, DepthDose, Filter, Output
from metaspine.transport.scatter import Sampling

NEEDLE = read_applicator("intrabeam-needle")
DISTANCE = np.array([6.0, 7.2, 8.5, 10.0, 12.0, 14.0])
SAMPLING = Sampling(seed=1, rays_per_batch=2500)


def behind(thickness_mm: float, material: str = "aluminium") -> Applicator:
    return replace(NEEDLE, filters=(NEEDLE.filters[0], Filter(material, thickness_mm, "MAT-13")))


def calibration(rate: np.ndarray, distance: np.ndarray = DISTANCE) -> Output:
    table = DepthDose(distance, rate, 0.03, (float(distance[0]), float(distance[-1])), ("PHY-20",))
    return Output(table, calibrated=True, description="serial number 507", dose_definition="physical dose to water")


@pytest.fixture(scope="module")
def response() -> WaterResponse:
    return water_response(NEEDLE, DISTANCE, sampling=SAMPLING)


def found(output: Output, response: WaterResponse) -> Filtration:
    return best_filtration(NEEDLE, output, response=response)


def test_energy_by_energy_is_the_full_engine(response: WaterResponse) -> None:
    """Two ways to the same dose, with different random numbers: the full run draws energies from the spectrum."""
    for thickness in (0.05, 0.31, 1.0):
        full = water_depth_dose(behind(thickness), DISTANCE, sampling=Sampling(seed=9), batches=6)
        np.testing.assert_allclose(response.dose(spectrum_of(behind(thickness))), full, rtol=0.015)


@pytest.mark.parametrize("thickness", [0.1, 0.5, 1.2])
def test_a_known_filter_is_found_again(response: WaterResponse, thickness: float) -> None:
    table = 3e13 * water_depth_dose(behind(thickness), DISTANCE, sampling=Sampling(seed=9), batches=6)
    fit = found(calibration(table), response)
    assert fit.thickness_mm == pytest.approx(thickness, abs=0.05 + 0.05 * thickness)
    assert fit.accepted
    assert fit.range_mm is not None
    assert fit.range_mm[0] <= thickness <= fit.range_mm[1]
    wall = fit.applicator.filters[-1]
    assert (wall.material, wall.thickness_mm, wall.evidence) == ("aluminium", fit.thickness_mm, "DOS-08")
    assert wall.stands_for_wall
    assert "serial number 507" in wall.note
    assert fit.applicator.filters[0] == NEEDLE.filters[0]
    assert len(fit.applicator.filters) == 2


def test_a_wall_of_plastic_is_matched_by_some_aluminium(response: WaterResponse) -> None:
    """3 mm of PMMA attenuate the beam much as a few tenths of a millimetre of aluminium; the shape is the same."""
    table = water_depth_dose(behind(3.0, "pmma"), DISTANCE, sampling=Sampling(seed=9), batches=6)
    fit = found(calibration(table), response)
    assert 0.1 < fit.thickness_mm < 0.6
    assert fit.largest_deviation < 0.02


@pytest.mark.parametrize("power", [1.5, 5.0])
def test_a_table_that_no_filter_makes_is_refused(
    response: WaterResponse, power: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtration, "water_response", lambda *_, **__: response)
    with pytest.raises(DeviceFileError, match=r"no filtration from 0 to 2 mm of aluminium.*within 3%.*Check distances"):
        effective_filtration(NEEDLE, calibration(5 * (10 / DISTANCE) ** power))


def test_a_good_table_is_accepted_and_scale_does_not_matter(
    response: WaterResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtration, "water_response", lambda *_, **__: response)
    table = response.dose(spectrum_of(behind(0.4)))
    one, other = (effective_filtration(NEEDLE, calibration(scale * table)) for scale in (1e13, 7e12))
    assert one.thickness_mm == other.thickness_mm == pytest.approx(0.4, abs=0.005)
    assert one.largest_deviation < 1e-3


def test_one_point_3_percent_off_is_not_enough_and_6_percent_off_is_refused(response: WaterResponse) -> None:
    table = response.dose(spectrum_of(behind(0.4)))
    bent = table * np.array([1, 1.06, 1, 1, 1, 1])
    assert not found(calibration(bent * 1e13), response).accepted
    assert found(calibration(table * np.array([1, 1.02, 1, 1, 1, 1])), response).accepted


def test_too_few_distances_and_useless_bounds_are_refused() -> None:
    with pytest.raises(
        DeviceFileError, match=r"3 distances of the table lie between 4\.2 and 40 mm.*Measure the depth"
    ):
        best_filtration(NEEDLE, calibration(np.array([9.0, 5, 2, 1]), np.array([3.0, 6, 8, 10])))
    with pytest.raises(DeviceFileError, match=r"bounds from 1 to 0\.5 mm"):
        best_filtration(NEEDLE, NEEDLE.nominal, bounds_mm=(1.0, 0.5))


def test_a_voxels_mean_of_an_inverse_cube_is_larger_than_its_middle() -> None:
    inside = (np.arange(20) + 0.5) / 20 - 0.5
    parts = np.stack(np.meshgrid(inside, inside, inside), axis=-1).reshape(-1, 3)
    for distance in (7.0, 10.0, 15.0):
        mean = (np.linalg.norm(parts + np.array([distance, 0, 0]), axis=1) ** -3.0).mean()
        assert over_middle(1.0, np.array([distance]))[0] == pytest.approx(mean * distance**3, rel=2e-4)
