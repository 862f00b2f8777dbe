"""The shipped applicator says what was published; a faulty file is refused with what, where and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import metaspine.physics
from metaspine.errors import DeviceFileError, InputError
from metaspine.physics.applicator_files import applicator_names, read_applicator
from metaspine.physics.applicators import DistanceOrigin

SHIPPED = Path(metaspine.physics.__file__).parent / "data" / "applicators" / "intrabeam-needle.yaml"


def altered(tmp_path: Path, change: dict[str, Any], remove: str = "") -> Path:
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | change
    document.pop(remove, None)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_the_needle_is_shipped_with_its_published_lengths() -> None:
    assert "intrabeam-needle" in applicator_names()
    needle = read_applicator("intrabeam-needle")
    assert needle.channel.needle_diameter_mm == 4.4
    assert needle.channel.needle_length_mm == 94
    assert needle.channel.cannula_length_mm == 55
    assert needle.channel.working_channel_diameter_mm == 7
    assert needle.radius_mm == needle.tip_beyond_isocentre_mm == 2.2


def test_conflicts_and_misprints_are_shown() -> None:
    text = " ".join(read_applicator("intrabeam-needle").warnings)
    assert "4.2 mm (PHY-02)" in text
    assert "(sic)" in text
    assert "cannot slide" in text


def test_nominal_output_is_the_published_point_and_not_for_treatment() -> None:
    nominal = read_applicator("intrabeam-needle").nominal
    assert not nominal.calibrated
    assert nominal.description == "nominal output, not for treatment"
    assert nominal.depth_dose.distance_from_isocentre_mm[0] == pytest.approx(7.2)
    assert nominal.depth_dose.dose_rate_gy_per_min[0] == pytest.approx(7.04, rel=0.15)  # V9
    assert nominal.depth_dose.relative_uncertainty == pytest.approx(0.15 / np.sqrt(3))


def test_origins_differ_by_the_radius() -> None:
    needle = read_applicator("intrabeam-needle")
    assert needle.from_isocentre_mm(5, DistanceOrigin.APPLICATOR_SURFACE) == pytest.approx(7.2)
    assert needle.from_isocentre_mm(10, DistanceOrigin.APPLICATOR_TIP) == pytest.approx(12.2)
    assert needle.from_isocentre_mm(13, DistanceOrigin.ISOCENTRE) == 13


def test_a_users_own_file_is_read(tmp_path: Path) -> None:
    path = altered(tmp_path, {"name": "own", "needle_diameter_mm": {"value": 4.2, "evidence": "PHY-02"}})
    assert read_applicator(path).radius_mm == 2.1


@pytest.mark.parametrize(
    ("change", "remove", "message"),
    [
        ({}, "needle_length_mm", "needle_length_mm: is missing"),
        ({"colour": "red"}, "", "colour: is not a known key"),
        ({"needle_length_mm": {"value": -94, "evidence": "PHY-01"}}, "", "needle_length_mm.value"),
        ({"needle_length_mm": {"value": float("nan"), "evidence": "PHY-01"}}, "", "needle_length_mm.value"),
        ({"needle_length_mm": {"value": 94}}, "", "needle_length_mm.evidence: is missing"),
        ({"needle_diameter_mm": {"value": 5, "evidence": "PHY-01"}}, "", "wider than the cannula"),
        ({"tip_beyond_isocentre_mm": {"value": 0.1, "evidence": "PHY-05"}}, "", "beyond the isocentre"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, change: dict[str, Any], remove: str, message: str) -> None:
    path = altered(tmp_path, change, remove)
    with pytest.raises(DeviceFileError) as caught:
        read_applicator(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_unknown_evidence_is_refused(tmp_path: Path) -> None:
    path = altered(tmp_path, {"needle_length_mm": {"value": 94, "evidence": "PHY-9999"}})
    with pytest.raises(InputError, match="PHY-9999"):
        read_applicator(path)


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(DeviceFileError, match="intrabeam-needle"):
        read_applicator("intrabeam-sphere")


def test_a_file_that_is_no_yaml_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [1,", encoding="utf-8")
    with pytest.raises(DeviceFileError, match="not a YAML text"):
        read_applicator(path)
    with pytest.raises(DeviceFileError, match="cannot be read"):
        read_applicator(tmp_path / "absent.yaml")
