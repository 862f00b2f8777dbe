"""A calibration is the user's own measurement: read to the letter, or refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from metaspine.errors import DeviceFileError
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Output
from metaspine.physics.calibration import read_calibration
from metaspine.physics.depth_dose import dose_rate_gy_per_min, treatment_time_s

NEEDLE = read_applicator("intrabeam-needle")
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

DOCUMENT: dict[str, Any] = {
    "metaspine_calibration": 1,
    "serial_number": "XRS 507320",
    "date": "2026-01-15",
    "tube_voltage_kv": 50,
    "tube_current_ua": 40,
    "dose_definition": "physical dose to water",
    "origin_of_distance": "applicator_surface",
    "applicator": "intrabeam-needle",
    "table": [
        {"distance_mm": 3, "dose_rate_gy_per_min": 18.1},
        {"distance_mm": 5, "dose_rate_gy_per_min": 7.2},
        {"distance_mm": 10, "dose_rate_gy_per_min": 1.5},
        {"distance_mm": 20, "dose_rate_gy_per_min": 0.25},
    ],
    "relative_uncertainty": 0.05,
    "output_of_the_day": {"factor": 1.02, "date_time": "2026-03-02T07:30:00+00:00", "validity_h": 12},
}


def read(tmp_path: Path, change: dict[str, Any] | None = None, *, remove: str = "", **options: Any) -> Output:
    document = DOCUMENT | (change or {})
    document = {key: value for key, value in document.items() if key != remove}
    path = tmp_path / "calibration.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_calibration(path, NEEDLE, today=options.pop("today", NOW), **options)


def test_table_is_measured_from_its_origin_and_times_the_output_of_the_day(tmp_path: Path) -> None:
    output = read(tmp_path)
    assert output.calibrated
    np.testing.assert_allclose(output.depth_dose.distance_from_isocentre_mm, [5.2, 7.2, 12.2, 22.2])
    assert float(dose_rate_gy_per_min(output.depth_dose, 7.2)) == pytest.approx(7.2 * 1.02)
    assert output.depth_dose.valid_mm == pytest.approx((5.2, 22.2))
    assert "XRS 507320" in output.description
    assert "2026-01-15" in output.description
    assert output.cautions == ()


def test_time_follows_the_calibration(tmp_path: Path) -> None:
    time = treatment_time_s(read(tmp_path), NEEDLE, dose_gy=8, distance_from_isocentre_mm=12.2)
    assert time == pytest.approx(60 * 8 / (1.5 * 1.02))


def test_an_unquoted_yaml_date_time_with_zone_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    text = yaml.safe_dump(DOCUMENT).replace("'2026-03-02T07:30:00+00:00'", "2026-03-02 08:30:00 +01:00")
    assert "08:30:00 +01:00" in text
    path.write_text(text, encoding="utf-8")
    assert read_calibration(path, NEEDLE, today=NOW).calibrated


def day(**change: Any) -> dict[str, Any]:
    return {"output_of_the_day": DOCUMENT["output_of_the_day"] | change}


def table(*pairs: tuple[float, float]) -> dict[str, Any]:
    return {"table": [{"distance_mm": distance, "dose_rate_gy_per_min": rate} for distance, rate in pairs]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dose_definition": "TARGIT"}, "14 to 80 %"),
        ({"dose_definition": "V4.0"}, "14 to 80 %"),
        ({"dose_definition": "kerma"}, "dose_definition"),
        ({"applicator": "bare probe"}, "about half"),
        ({"applicator": "sphere 3 cm"}, "the applicator is 'sphere 3 cm', but 'intrabeam-needle' is in use"),
        ({"tube_voltage_kv": 40}, "tube voltage"),
        ({"origin_of_distance": "skin"}, "origin_of_distance"),
        ({"relative_uncertainty": 0}, "relative_uncertainty"),
        (table((5, 7), (5, 6)), "do not increase"),
        (table((10, 1), (5, 7)), "do not increase"),
        (table((5, 1), (10, 7)), "does not fall"),
        (table((5, 7), (10, -1)), "table.1.dose_rate_gy_per_min"),
        (table((-5, 7), (10, 1)), "table.0.distance_mm"),
        (table((5, float("nan")), (10, 1)), "table.0.dose_rate_gy_per_min"),
        (table((5, 7)), "table"),
        (day(date_time="2026-03-01T07:30:00+00:00"), "expired"),
        (day(date_time="2026-03-02T11:30:00+00:00"), "later than now"),
        (day(date_time="2026-03-02T07:30:00"), "timezone"),
        (day(factor=1.2), "further than 10%"),
        (day(validity_h=48), "longer than 24 h"),
        ({"serial_number": "  "}, "serial_number"),
        ({"origin_of_distance": "isocentre", **table((1.5, 300), (5, 7))}, "inside the applicator (2.2 mm)"),
        ({"date": "2026-04-01"}, "later than now"),
        ({"serial": "1"}, "serial: is not a known key"),
    ],
)
def test_refused_with_what_where_and_what_to_do(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceFileError) as caught:
        read(tmp_path, change)
    assert message in str(caught.value)
    assert "calibration.yaml" in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("key", sorted(DOCUMENT))
def test_every_key_is_needed(tmp_path: Path, key: str) -> None:
    with pytest.raises(DeviceFileError, match=f"{key}: is missing"):
        read(tmp_path, remove=key)


def test_another_source_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, serial_number="XRS 507320").calibrated
    with pytest.raises(DeviceFileError, match="serial number is 'XRS 507320', but 'XRS 1' is in use"):
        read(tmp_path, serial_number="XRS 1")


def test_a_curve_far_from_nominal_carries_a_caution(tmp_path: Path) -> None:
    bare = [(r - 2.2, 0.56 * (20 / r) ** 3) for r in (5.2, 7.2, 12.2, 22.2)]
    output = read(tmp_path, table(*bare))
    assert "PHY-20" in output.cautions[0]


def test_an_old_calibration_and_another_tube_current_carry_a_caution(tmp_path: Path) -> None:
    old = read(tmp_path, {"date": "2025-02-28"})
    assert "older than a year (PHY-31)" in old.cautions[0]
    assert read(tmp_path, {"date": "2025-03-02"}).cautions == ()
    assert "at 80 µA, the source runs at 40 µA (PHY-32)" in read(tmp_path, {"tube_current_ua": 80}).cautions[0]
