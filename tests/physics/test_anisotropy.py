"""Polar anisotropy: isotropic by default, a measured F(r, theta) from a file, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from metaspine.errors import DeviceFileError
from metaspine.physics.anisotropy import read_anisotropy
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.emission import ISOTROPIC

NEEDLE = read_applicator("intrabeam-needle")
FILE = {
    "metaspine_anisotropy": 1,
    "serial_number": "000000",
    "date": "2026-01-15",
    "tube_voltage_kv": 50,
    "applicator": "intrabeam-needle",
    "angles_deg": [0, 45, 90, 135, 160],
    "rows": [
        {"distance_mm": 10, "factors": [1.4, 1.2, 1.0, 0.9, 0.6]},
        {"distance_mm": 20, "factors": [1.2, 1.1, 1.0, 0.9, 0.8]},
    ],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "anisotropy.yaml"
    path.write_text(yaml.safe_dump(FILE | changes), encoding="utf-8")
    return path


def test_isotropic_says_that_it_is_assumed() -> None:
    assert not ISOTROPIC.measured
    assert "assumed" in ISOTROPIC.description
    np.testing.assert_allclose(ISOTROPIC.emission(distance_mm=7.2), 1)
    np.testing.assert_allclose(ISOTROPIC.at([5, 10, 40], [0, 77, 180]), 1)


def test_between_the_points_it_is_linear_and_beyond_them_it_holds(tmp_path: Path) -> None:
    found = read_anisotropy(written(tmp_path), NEEDLE)
    assert found.measured
    assert found.at(10, [0, 22.5, 90, 180]) == pytest.approx([1.4, 1.3, 1.0, 0.6])
    assert found.at([15, 5, 99], 0) == pytest.approx([1.3, 1.4, 1.2])


def test_emission_has_mean_one_and_points_to_the_tip(tmp_path: Path) -> None:
    emission = read_anisotropy(written(tmp_path), NEEDLE).emission(distance_mm=10, count=721)
    cosine = np.linspace(-1, 1, 721)
    assert np.trapezoid(emission, cosine) / 2 == pytest.approx(1)
    assert emission[-1] / emission[360] == pytest.approx(1.4)
    assert emission[0] / emission[360] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"applicator": "bare-probe"}, "belongs to bare-probe at 50 kV, the applicator is intrabeam-needle"),
        ({"tube_voltage_kv": 40}, "at 40 kV"),
        ({"angles_deg": [0, 90, 45, 135, 160]}, "rising angles"),
        ({"angles_deg": [10, 45, 90, 135, 160]}, "angles from 10 to 160"),
        ({"angles_deg": [0, 45, 90, 120, 140]}, "150 degrees or more"),
        ({"rows": FILE["rows"][::-1]}, "rising distances"),  # type: ignore[index]
        ({"rows": [{"distance_mm": 10, "factors": [1, 1, 1]}]}, "3 factors at 10 mm for 5 angles"),
        ({"rows": [{"distance_mm": 10, "factors": [1, 1, 1.1, 1, 1]}]}, "1.1 at 90 degrees"),
        ({"rows": [{"distance_mm": 10, "factors": [1, 1, 1, 0, -1]}]}, "factors from -1"),
        ({"serial_number": ""}, "serial_number"),
        ({"date": None}, "date"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DeviceFileError, match=message):
        read_anisotropy(written(tmp_path, **changes), NEEDLE)
