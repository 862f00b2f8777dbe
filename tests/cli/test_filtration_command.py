"""``metaspine filtration``: what it prints goes into an applicator file and is read again; a bad table is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import metaspine.physics
from metaspine.cli.filtration import filtration_command
from metaspine.dosimetry import filtration
from metaspine.dosimetry.water_depth_dose import WaterResponse
from metaspine.errors import DeviceFileError
from metaspine.geometry.grid import FloatArray
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Filter
from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients
from metaspine.physics.spectrum import filtered, read_spectrum

NEEDLE = read_applicator("intrabeam-needle")
SHIPPED = Path(metaspine.physics.__file__).parent / "data" / "applicators" / "intrabeam-needle.yaml"


def unscattered(applicator: object, distance_mm: FloatArray, **_: object) -> WaterResponse:
    """The primary alone stands for the engine: exp(-mu r) / r^2, so that the test does not wait for Monte Carlo."""
    energy = read_spectrum("gold-50kv").energies_kev
    water = coefficients(material("water"), energy)
    depth = np.outer(water.total, distance_mm / 10)
    return WaterResponse(energy, distance_mm, (energy * water.transfer)[:, None] * np.exp(-depth) / distance_mm**2)


def calibration(folder: Path, power: float | None = None) -> Path:
    """A calibration whose table is that of 0.4 mm of aluminium, or a power law."""
    now = datetime.now(UTC)
    distance = np.array([5.0, 7, 10, 13, 16, 20])
    beam = filtered(read_spectrum("gold-50kv"), (NEEDLE.filters[0], Filter("aluminium", 0.4, "MAT-13")))
    rate = unscattered(None, distance).dose(beam) if power is None else distance**-power
    rate = rate / rate[2] * 2.6
    document: dict[str, Any] = {
        "metaspine_calibration": 1,
        "serial_number": "507",
        "date": str((now - timedelta(days=9)).date()),
        "tube_voltage_kv": 50,
        "tube_current_ua": 40,
        "dose_definition": "physical dose to water",
        "origin_of_distance": "isocentre",
        "applicator": "intrabeam-needle",
        "table": [
            {"distance_mm": float(r), "dose_rate_gy_per_min": float(value)}
            for r, value in zip(distance, rate, strict=True)
        ],
        "relative_uncertainty": 0.04,
        "output_of_the_day": {
            "factor": 1.0,
            "date_time": (now - timedelta(hours=1)).isoformat(),
            "validity_h": 12,
        },
    }
    path = folder / "calibration.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _without_monte_carlo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtration, "water_response", unscattered)


def test_what_it_prints_is_read_as_part_of_an_applicator_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filtration_command(calibration(tmp_path), "intrabeam-needle", None, json_output=False)
    text = capsys.readouterr().out
    printed = yaml.safe_load(text[text.index("filters:") : text.index("Decision support")])
    own = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | printed
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(own), encoding="utf-8")
    wall = read_applicator(path).filters[-1]
    assert wall.thickness_mm == pytest.approx(0.4, abs=0.006)
    assert wall.stands_for_wall
    assert "fitted to serial number 507" in wall.note


def test_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filtration_command(calibration(tmp_path), "intrabeam-needle", "507", json_output=True)
    document = json.loads(capsys.readouterr().out)
    assert document["aluminium_mm"] == pytest.approx(0.4, abs=0.006)
    assert document["largest_deviation"] < 0.01
    low, high = document["within_3_percent_mm"]
    assert low < 0.4 < high


def test_a_table_that_no_filter_makes_and_another_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceFileError, match="no filtration from 0 to 2 mm"):
        filtration_command(calibration(tmp_path, power=6.0), "intrabeam-needle", None, json_output=False)
    with pytest.raises(DeviceFileError, match="serial number is '507', but '508' is in use"):
        filtration_command(calibration(tmp_path), "intrabeam-needle", "508", json_output=False)
