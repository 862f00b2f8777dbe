"""The time without an image, against arithmetic on the published point and law, and against simulation."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import DeviceFileError, InputError, MetaspineError
from metaspine.evidence import Confidence, look_up
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import DistanceOrigin, Output
from metaspine.physics.calibration import read_calibration
from metaspine.physics.time_check import (
    EVIDENCE,
    TimeCheck,
    check_time,
    compare_with_console,
    minutes_and_seconds,
)

NEEDLE = read_applicator("intrabeam-needle")
PUBLISHED_RATE, PUBLISHED_AT_MM, TIP_MM = 7.04, 7.2, 2.2
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "calibration.yaml"


def nominal_rate(distance_mm: float) -> float:
    """Return the published point scaled by the published third power, by hand."""
    return PUBLISHED_RATE * (PUBLISHED_AT_MM / distance_mm) ** 3


def check(**change: Any) -> TimeCheck:
    given: dict[str, Any] = {"dose_gy": 8.0, "depth_mm": 13.0, "origin": "isocentre"} | change
    return check_time(given.pop("output", NEEDLE.nominal), given.pop("applicator", NEEDLE), **given)


@pytest.mark.parametrize(
    ("depth_mm", "origin", "distance_mm"),
    [(13, "isocentre", 13), (10, "applicator_tip", 10 + TIP_MM), (5, "applicator_surface", PUBLISHED_AT_MM)],
)
def test_time_is_dose_over_the_published_rate(depth_mm: float, origin: str, distance_mm: float) -> None:
    found = check(depth_mm=depth_mm, origin=origin)
    assert found.from_isocentre_mm == pytest.approx(distance_mm)
    assert found.dose_rate_gy_per_min == pytest.approx(nominal_rate(distance_mm), rel=1e-9)
    assert found.time_s == pytest.approx(60 * 8 / nominal_rate(distance_mm), rel=1e-9)
    assert found.hand_check.startswith(f"{distance_mm:.1f} mm from the isocentre")


def test_published_times() -> None:
    """8 Gy at 5 mm from the surface within 2 min (PHY-24); 8 Gy at 1 cm from the tip in 5 min, within 25 % (PHY-23)."""
    assert check(depth_mm=5, origin="applicator_surface").time_s < 120
    assert check(depth_mm=10, origin="applicator_tip").time_s == pytest.approx(300, rel=0.25)


def test_table_is_measured_from_the_named_origin() -> None:
    found = check(depth_mm=12, origin=DistanceOrigin.APPLICATOR_TIP, further_mm=(9.5, 12))
    assert [row.from_origin_mm for row in found.depths] == [5, 8, 9.5, 10, 11, 12, 13, 15, 20, 25, 30]
    for row in found.depths:
        assert row.from_isocentre_mm == pytest.approx(row.from_origin_mm + TIP_MM)
        assert row.dose_gy == pytest.approx(8 * (14.2 / row.from_isocentre_mm) ** 3, rel=1e-9)
        assert row.prescribed == (row.from_origin_mm == 12)
        assert row.extrapolated == (not 7.2 <= round(row.from_isocentre_mm, 6) <= 20)


def test_inside_the_applicator_there_is_no_dose() -> None:
    wide = replace(NEEDLE, radius_mm=10.5)
    rows = {row.from_origin_mm: row for row in check(applicator=wide).depths}
    assert rows[10].dose_gy is None
    assert rows[10].relative_uncertainty is None
    assert rows[11].dose_gy is not None


def test_a_tip_closer_or_farther() -> None:
    found = {shift.closer_mm: shift for shift in check().tip_shifts}
    for closer in (2.0, 1.0, -1.0, -2.0):
        ratio = (13 / (13 - closer)) ** 3
        assert found[closer].relative_change == pytest.approx(ratio - 1, rel=1e-9)
        assert found[closer].dose_gy == pytest.approx(8 * ratio, rel=1e-9)
        assert not found[closer].extrapolated
    near = {shift.closer_mm: shift for shift in check(depth_mm=4).tip_shifts}
    assert near[2.0].dose_gy is None
    assert near[1.0].extrapolated


def test_bands_are_exact_for_either_error_alone() -> None:
    spread = math.hypot(0.15, 0.15) / math.sqrt(3)
    band = check().in_place
    assert band.one_sd.lower_gy == pytest.approx(8 * math.exp(-spread))
    assert band.within_95.upper_gy == pytest.approx(8 * math.exp(1.96 * spread))
    table = replace(NEEDLE.nominal.depth_dose, relative_uncertainty=0.0, direction_relative_uncertainty=0.0)
    position_only = check(output=replace(NEEDLE.nominal, depth_dose=table)).with_tip
    assert position_only.one_sd.lower_gy == pytest.approx(8 * (13 / 14.5) ** 3)
    assert position_only.one_sd.upper_gy == pytest.approx(8 * (13 / 11.5) ** 3)
    assert position_only.within_95.upper_gy == pytest.approx(8 * (13 / (13 - 1.96 * 1.5)) ** 3)


def test_the_95_percent_band_holds_95_percent_of_simulated_treatments() -> None:
    random = np.random.default_rng(1)
    output = random.normal(0, math.hypot(0.15, 0.15) / math.sqrt(3), 200_000)
    distance = 13 - random.normal(0, 1.5, output.size)
    dose = 8 * np.exp(output) * (13 / distance) ** 3
    band = check().with_tip.within_95
    assert band.upper_gy is not None
    assert np.mean((dose > band.lower_gy) & (dose < band.upper_gy)) == pytest.approx(0.95, abs=0.01)


def test_no_upper_end_where_the_applicator_may_reach_the_point() -> None:
    found = check(depth_mm=5)
    assert found.with_tip.within_95.upper_gy is None
    assert found.with_tip.one_sd.upper_gy is not None


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 100), st.floats(2.3, 50))
def test_time_and_rate_give_the_dose_and_the_table_falls(dose_gy: float, depth_mm: float) -> None:
    found = check(dose_gy=dose_gy, depth_mm=depth_mm)
    assert found.time_s / 60 * found.dose_rate_gy_per_min == pytest.approx(dose_gy)
    doses = [row.dose_gy for row in found.depths if row.dose_gy is not None]
    assert doses == sorted(doses, reverse=True)
    bands = (found.in_place.one_sd, found.in_place.within_95, found.with_tip.one_sd, found.with_tip.within_95)
    for band in bands:
        assert band.lower_gy < dose_gy < (math.inf if band.upper_gy is None else band.upper_gy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dose_gy": 0}, "a dose of 0 Gy"),
        ({"dose_gy": -8}, "a dose of -8 Gy"),
        ({"dose_gy": math.nan}, "a dose of nan Gy"),
        ({"dose_gy": math.inf}, "a dose of inf Gy"),
        ({"dose_gy": 800}, "a dose of 800 Gy"),
        ({"depth_mm": 0}, "a distance from the isocentre of 0 mm"),
        ({"depth_mm": 130}, "a distance from the isocentre of 130 mm"),
        ({"depth_mm": 2}, "2.00 mm from the isocentre lies inside the applicator"),
        ({"further_mm": (-1,)}, "a distance from the isocentre of -1 mm"),
        ({"origin": "skin"}, "a depth measured from 'skin'"),
    ],
)
def test_refused_with_what_where_and_what_to_do(change: dict[str, Any], message: str) -> None:
    with pytest.raises(MetaspineError) as caught:
        check(**change)
    assert isinstance(caught.value, InputError | DeviceFileError)
    assert message in caught.value.what
    assert caught.value.where
    assert caught.value.remedy


def test_cautions_say_what_is_not_as_it_should_be() -> None:
    assert check().cautions == ("no calibration was given: nominal output, not for treatment",)
    far = " ".join(check(depth_mm=30).cautions)
    assert "extrapolated (PHY-17)" in far
    assert "unusual" in far
    assert "PLAN-15" in far


@pytest.mark.parametrize(("percent", "agrees"), [(0, True), (5, True), (-5, True), (5.01, False), (-5.01, False)])
def test_agreement_ends_at_the_tolerance(percent: float, agrees: bool) -> None:
    found = check()
    comparison = compare_with_console(found, found.time_s * (1 + percent / 100))
    assert comparison.agrees is agrees
    assert comparison.tolerance == 0.05
    assert comparison.relative_difference == pytest.approx(percent / 100, abs=1e-12)
    assert comparison.dose_gy == pytest.approx(8 * (1 + percent / 100))
    assert agrees or comparison.hints == ()


def test_a_tolerance_of_ones_own() -> None:
    found = check()
    assert not compare_with_console(found, found.time_s * 1.03, tolerance=0.02).agrees
    assert compare_with_console(found, found.time_s * 1.08, tolerance=0.10).agrees


@pytest.mark.parametrize("tolerance", [0, -0.05, 0.11, math.nan])
def test_a_tolerance_that_would_pass_anything_is_refused(tolerance: float) -> None:
    with pytest.raises(InputError, match="TIME-03"):
        compare_with_console(check(), 400, tolerance=tolerance)


@pytest.mark.parametrize("time_s", [0, -1, math.nan, math.inf])
def test_a_console_time_that_is_none_is_refused(time_s: float) -> None:
    with pytest.raises(InputError, match="console time of"):
        compare_with_console(check(), time_s)


def test_hints_name_what_the_console_would_fit() -> None:
    found = check(depth_mm=10, origin="applicator_tip")
    (origin, bare) = compare_with_console(found, 60 * 8 / nominal_rate(10)).hints
    assert "10 mm from the isocentre" in origin
    assert "PHY-15" in bare
    (tip, targit) = compare_with_console(check(), 60 * 8 / nominal_rate(15.2)).hints
    assert "13 mm from the applicator surface or the applicator tip" in tip
    assert "PHY-18" in targit


def example(applicator: str = "intrabeam-needle") -> Output:
    return read_calibration(
        EXAMPLE, read_applicator(applicator), today=datetime(2026, 3, 2, 9, 0, tzinfo=UTC), serial_number="EXAMPLE-0000"
    )


def test_the_example_calibration_reads_and_says_that_it_is_invented() -> None:
    output = example()
    assert output.calibrated
    assert output.cautions == ()
    assert "EXAMPLE-0000" in output.description
    assert "INVENTED" in EXAMPLE.read_text(encoding="utf-8")
    found = check(output=output, depth_mm=10, origin="applicator_surface")
    assert found.time_s == pytest.approx(60 * 8 / (1.38 * 0.98))
    assert found.cautions == ()


def test_the_example_has_expired_the_next_day() -> None:
    with pytest.raises(DeviceFileError, match="expired"):
        read_calibration(EXAMPLE, NEEDLE, today=datetime(2026, 3, 3, 9, 0, tzinfo=UTC))


@pytest.mark.parametrize(("time_s", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (401.3, "6:41"), (3600, "60:00")])
def test_minutes_and_seconds(time_s: float, shown: str) -> None:
    assert minutes_and_seconds(time_s) == shown


def test_every_source_exists_and_own_conventions_are_labelled() -> None:
    for identifier in EVIDENCE:
        look_up(identifier)
    own = ("TIME-01", "TIME-02", "TIME-03", "TIME-04", "TIME-05", "TIME-07")
    assert {look_up(identifier).confidence for identifier in own} == {Confidence.CONVENTION}
