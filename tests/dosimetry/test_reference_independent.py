"""The independent calculation: it must pass what is right and find what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metaspine.dosimetry.absolute import AbsoluteRate
from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.independent import IndependentCheck, independent_check
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses
from metaspine.dosimetry.reference_run import metal_shadow
from metaspine.dosimetry.reference_tissues import Tissues, all_water, with_margin
from metaspine.errors import GridMismatch, InputError
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import material
from metaspine.running import silent
from metaspine.transport.scatter import Sampling

NEEDLE = read_applicator("intrabeam-needle")
ORIGIN = np.zeros(3)
GRID = Grid.around(ORIGIN, half_extent_mm=16.0, spacing_mm=2.0, frame_of_reference="test")
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)
STOP = Stop(relative_uncertainty=None, distance_mm=10.0, histories=5000)
FEW = Sampling(seed=5, rays_per_batch=500)


def irradiation(tissues: Tissues) -> Irradiation:
    dwell = DwellPosition(ORIGIN, np.array([0.0, 0.0, 1.0]), 60.0)
    image = Volume(np.zeros(GRID.shape), GRID)
    return Irradiation((dwell,), NEEDLE, NEEDLE.nominal, GRID, image, "0" * 64, tissues)


def with_plate(name: str, density_g_cm3: float) -> Tissues:
    """Water with a plate of another material 6 to 10 mm to the left of the source."""
    water = all_water(GRID)
    x = water.density.grid.point_mm(np.moveaxis(np.indices(water.density.grid.shape), 0, -1))[..., 0]
    plate = (x >= 6.0) & (x < 10.0)
    density = np.where(plate, density_g_cm3, water.density.values).astype(np.float32)
    kinds = plate.astype(np.uint8)
    grid = water.density.grid
    return Tissues(Volume(kinds, grid), Volume(density, grid), (*water.materials, material(name)))


def doses(tissues: Tissues) -> ReferenceDoses:
    return reference_doses(irradiation(tissues), stop=STOP, sampling=FEW, rate=RATE, progress=silent)


def check(tissues: Tissues, reference: ReferenceDoses) -> IndependentCheck:
    return independent_check(irradiation(tissues), reference, stop=STOP, sampling=FEW._replace(seed=6))


@pytest.fixture(scope="module")
def water() -> ReferenceDoses:
    return doses(all_water(GRID))


def test_a_dose_grid_that_ends_before_15_mm_is_checked_too() -> None:
    grid = Grid.around(ORIGIN, half_extent_mm=8.0, spacing_mm=2.0, frame_of_reference="test")
    small = replace(irradiation(all_water(grid)), grid=grid, image=Volume(np.zeros(grid.shape), grid))
    near = Stop(relative_uncertainty=None, distance_mm=8.0, histories=5000)
    reference = reference_doses(small, stop=near, sampling=FEW, rate=RATE, progress=silent)
    found = independent_check(small, reference, sampling=FEW._replace(seed=6))
    assert found.voxels > 0
    assert found.tissues_agree


def test_water_agrees_with_itself_and_the_shape_difference_is_told(water: ReferenceDoses) -> None:
    found = check(all_water(GRID), water)
    assert found.tissues_agree
    assert abs(found.median_difference) < 0.01
    near_reference = min(found.in_water, key=lambda point: abs(point.distance_mm - 10.0))
    assert abs(near_reference.deviation) < 0.03
    assert not found.water_agrees
    assert found.largest_in_water.deviation > 0.1
    assert "a generic spectrum against the table" in " ".join(found.sentences)


def test_a_wrong_scale_is_found_in_water(water: ReferenceDoses) -> None:
    half = replace(water, rate=replace(RATE, photons_per_min=RATE.photons_per_min / 2))
    found = check(all_water(GRID), half)
    assert all(point.deviation < -0.3 for point in found.in_water)


def test_a_dose_that_forgot_the_tissues_is_found(water: ReferenceDoses) -> None:
    bone = with_plate("cortical", 1.92)
    right = check(bone, doses(bone))
    wrong = check(bone, replace(water, primary_to_medium=doses(bone).primary_to_medium))
    assert right.agreeing_share > wrong.agreeing_share + 0.1
    assert not wrong.tissues_agree


def test_metal_casts_a_shadow_that_is_left_out() -> None:
    titanium = with_plate("titanium", 4.5)
    shadow = Volume(metal_shadow(titanium, irradiation(titanium).dwells[0], NEEDLE), with_margin(GRID))
    points = np.array([[8.0, 0, 0], [14.0, 0, 0], [14.0, 6, -6], [4.0, 0, 0], [-14.0, 0, 0], [0, 12.0, 0]])
    index = np.rint(shadow.grid.index(points)).astype(int)
    np.testing.assert_array_equal(shadow.values[tuple(index.T)], [True, True, True, False, False, False])
    found = check(titanium, doses(titanium))
    assert found.in_metal_shadow > 100
    assert "behind metal were left out" in found.sentences[-1]


def test_another_grid_and_missing_tissues_are_refused(water: ReferenceDoses) -> None:
    other = replace(irradiation(all_water(GRID)), grid=GRID.cropped((0, 0, 0), (4, 4, 4)))
    with pytest.raises(GridMismatch, match="another grid"):
        independent_check(other, water)
    without = replace(irradiation(all_water(GRID)), tissues=None)
    with pytest.raises(InputError, match="without tissues"):
        independent_check(without, water)
