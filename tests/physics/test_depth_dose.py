"""Dose rates, times and distances against the published figures and against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import DeviceFileError
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import DepthDose
from metaspine.physics.depth_dose import (
    distance_mm,
    dose_at,
    dose_rate_gy_per_min,
    extrapolated,
    treatment_time_s,
)

NEEDLE = read_applicator("intrabeam-needle")
TABLE = NEEDLE.nominal.depth_dose

MEASURED = DepthDose(
    distance_from_isocentre_mm=np.array([5.0, 7.0, 10.0, 20.0]),
    dose_rate_gy_per_min=np.array([20.0, 8.0, 2.5, 0.3]),
    relative_uncertainty=0.05,
    valid_mm=(5.0, 20.0),
    evidence=(),
)


def test_needle_at_5_mm_from_its_surface() -> None:
    """V9: Sethi 2018, 7.04 Gy/min; 15 %."""
    assert float(dose_rate_gy_per_min(TABLE, 7.2)) == pytest.approx(7.04, rel=0.15)


def test_8_gy_at_5_mm_from_the_surface_takes_less_than_2_minutes() -> None:
    """V10: published as within 2 minutes."""
    assert treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=8, distance_from_isocentre_mm=7.2) < 120


def test_8_gy_at_10_mm_from_the_tip_takes_about_5_minutes() -> None:
    """V11: S0's example, 5 minutes; 25 %."""
    time = treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=8, distance_from_isocentre_mm=12.2)
    assert time == pytest.approx(300, rel=0.25)


def test_the_dose_falls_as_the_third_power() -> None:
    """V7 and V17: Armoogum 2007, slope -3 within -2.8 to -3.3; dose(15)/dose(13) = (13/15)^3 within 5 %."""
    near, far, at_13, at_15 = dose_rate_gy_per_min(TABLE, [10, 20, 13, 15])
    assert -3.3 < math.log(far / near) / math.log(2) < -2.8
    assert at_15 / at_13 == pytest.approx((13 / 15) ** 3, rel=0.05)


def test_interpolation_is_exact_at_the_nodes_and_a_power_law_between() -> None:
    np.testing.assert_allclose(
        dose_rate_gy_per_min(MEASURED, MEASURED.distance_from_isocentre_mm), MEASURED.dose_rate_gy_per_min, rtol=1e-13
    )
    middle = math.sqrt(7.0 * 10.0)
    assert float(dose_rate_gy_per_min(MEASURED, middle)) == pytest.approx(math.sqrt(8.0 * 2.5))


def test_beyond_the_table_the_end_slopes_continue() -> None:
    slope = math.log(0.3 / 2.5) / math.log(2)
    assert float(dose_rate_gy_per_min(MEASURED, 40.0)) == pytest.approx(0.3 * 2**slope)
    inner = math.log(8 / 20) / math.log(7 / 5)
    assert float(dose_rate_gy_per_min(MEASURED, 2.5)) == pytest.approx(20 * 0.5**inner)


def test_extrapolation_is_flagged() -> None:
    np.testing.assert_array_equal(extrapolated(TABLE, [2.2, 7.2, 13, 20, 20.1]), [True, False, False, False, True])


@settings(max_examples=50, deadline=None)
@given(st.floats(1.0, 60.0))
def test_distance_is_the_inverse_of_the_dose_rate(distance: float) -> None:
    rate = dose_rate_gy_per_min(MEASURED, distance)
    assert float(distance_mm(MEASURED, rate)) == pytest.approx(distance, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 50.0), st.floats(2.2, 40.0))
def test_the_time_gives_the_dose(dose_gy: float, distance: float) -> None:
    time = treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=dose_gy, distance_from_isocentre_mm=distance)
    given_gy = dose_at(NEEDLE.nominal, time_s=time, distance_from_isocentre_mm=distance)
    assert float(given_gy) == pytest.approx(dose_gy, rel=1e-12)


def test_arrays_keep_their_shape() -> None:
    assert dose_rate_gy_per_min(TABLE, np.full((2, 3, 4), 10.0)).shape == (2, 3, 4)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_impossible_distances_and_doses_are_refused(bad: float) -> None:
    with pytest.raises(DeviceFileError, match="distance"):
        dose_rate_gy_per_min(TABLE, [10.0, bad])
    with pytest.raises(DeviceFileError, match="dose rate"):
        distance_mm(TABLE, bad)
    with pytest.raises(DeviceFileError, match="dose of"):
        treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=bad, distance_from_isocentre_mm=10)


def test_a_prescription_inside_the_applicator_is_refused() -> None:
    with pytest.raises(DeviceFileError, match="inside the applicator"):
        treatment_time_s(NEEDLE.nominal, NEEDLE, dose_gy=8, distance_from_isocentre_mm=2.0)


def test_a_wrong_dose_rate_would_be_noticed() -> None:
    """The canary: an output off by 30 % leaves the published bands."""
    wrong = replace(TABLE, dose_rate_gy_per_min=TABLE.dose_rate_gy_per_min * 0.7)
    output = replace(NEEDLE.nominal, depth_dose=wrong)
    time = treatment_time_s(output, NEEDLE, dose_gy=8, distance_from_isocentre_mm=12.2)
    assert time != pytest.approx(300, rel=0.25)
