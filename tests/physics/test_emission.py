"""Where an applicator's photons start: a point unless its file says more; its cannula's and its shaft's walls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import metaspine.physics
from metaspine.errors import DeviceFileError, InputError
from metaspine.physics.anisotropy import read_anisotropy, with_anisotropy
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator
from metaspine.physics.emission import disc, hemisphere

SHIPPED = Path(metaspine.physics.__file__).parent / "data" / "applicators" / "intrabeam-needle.yaml"
NEEDLE = read_applicator("intrabeam-needle")
ANGLES = [0, 45, 90, 135, 160]


def stated(value: float, evidence: str = "PHY-28") -> dict[str, Any]:
    return {"value": value, "evidence": evidence}


def altered(folder: Path, **change: Any) -> Applicator:
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | change
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_applicator(path)


SHAFT = {
    "material": "steel",
    "outer_diameter_mm": stated(4.4),
    "inner_diameter_mm": stated(3.4),
    "begins_behind_tip_mm": stated(20),
}
WALL = {"material": "steel", "outer_diameter_mm": stated(5.4)}


def test_the_shipped_needle_is_a_point_and_says_that_this_is_assumed() -> None:
    points, shares = NEEDLE.emission.points()
    assert NEEDLE.emission.point
    np.testing.assert_array_equal(points, [[0, 0, 0]])
    np.testing.assert_array_equal(shares, [1])
    assert "assumed" in NEEDLE.emission.description
    assert "assumed" in NEEDLE.emission.anisotropy.description
    assert NEEDLE.metal == ()


def test_a_hemisphere_and_a_disc_have_the_moments_of_the_even_ones(tmp_path: Path) -> None:
    """Even hemisphere: mean a/2 to the pole, mean square a^2/3 on each axis; even disc: a^2/4 on each axis across."""
    points, shares = altered(
        tmp_path, emission={"shape": "hemisphere", "radius_mm": 1.2, "evidence": "PHY-28"}
    ).emission.points()
    np.testing.assert_allclose(shares @ points, [0, 0, 0.6], atol=1e-12)
    np.testing.assert_allclose(shares @ points**2, np.full(3, 1.2**2 / 3), rtol=0.02)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.2)
    flat, even = altered(tmp_path, emission={"shape": "disc", "radius_mm": 1.2, "evidence": "PHY-28"}).emission.points()
    np.testing.assert_allclose(even @ flat, 0, atol=1e-12)
    np.testing.assert_allclose(even @ flat**2, [1.2**2 / 4, 1.2**2 / 4, 0], atol=1e-12)
    assert len(disc(1.0)) == len(hemisphere(1.0))


def test_points_of_ones_own(tmp_path: Path) -> None:
    rings = [{"towards_tip_mm": 1.0, "share": 3}, {"towards_tip_mm": -0.5, "from_axis_mm": 0.4, "share": 1}]
    points, shares = altered(
        tmp_path, emission={"shape": "points", "points": rings, "evidence": "PHY-28"}
    ).emission.points()
    assert shares[0] == pytest.approx(0.75)
    assert shares @ points == pytest.approx([0, 0, 0.625])


@pytest.mark.parametrize(
    ("emission", "message"),
    [
        ({"shape": "disc", "evidence": "PHY-28"}, "need radius_mm"),
        ({"shape": "points", "radius_mm": 1, "evidence": "PHY-28"}, "need radius_mm"),
        ({"shape": "disc", "radius_mm": 2.5, "evidence": "PHY-28"}, "reach 2.* mm from the isocentre"),
        ({"shape": "disc", "radius_mm": -1, "evidence": "PHY-28"}, "emission.radius_mm"),
        ({"shape": "disc", "radius_mm": 1}, "emission.evidence: is missing"),
        ({"shape": "points", "points": [{"towards_tip_mm": 0, "share": 0}], "evidence": "PHY-28"}, "share"),
    ],
)
def test_a_faulty_emission_is_refused(tmp_path: Path, emission: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceFileError, match=message):
        altered(tmp_path, emission=emission)


def test_an_anisotropy_in_the_applicators_file(tmp_path: Path) -> None:
    table = {"angles_deg": ANGLES, "rows": [{"distance_mm": 10, "factors": [1.4, 1.2, 1, 0.9, 0.6]}]}
    found = altered(tmp_path, anisotropy={"evidence": "PHY-28", **table}).emission.anisotropy
    assert found.evidence == "PHY-28"
    assert not found.measured
    assert not found.isotropic
    assert float(found.at(10, 0)) == pytest.approx(1.4)
    with pytest.raises(DeviceFileError, match=r"1\.2 at 90 degrees"):
        altered(
            tmp_path,
            anisotropy={"evidence": "PHY-28", **table, "rows": [{"distance_mm": 10, "factors": [1, 1, 1.2, 1, 1]}]},
        )


def test_a_users_anisotropy_goes_into_the_applicator(tmp_path: Path) -> None:
    document = {
        "metaspine_anisotropy": 1,
        "serial_number": "000000",
        "date": "2026-01-15",
        "tube_voltage_kv": 50,
        "applicator": "intrabeam-needle",
        "angles_deg": ANGLES,
        "rows": [{"distance_mm": 10, "factors": [1.4, 1.2, 1, 0.9, 0.6]}],
    }
    path = tmp_path / "anisotropy.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    measured = read_anisotropy(path, NEEDLE, serial_number="000000")
    assert with_anisotropy(NEEDLE, measured).emission.anisotropy is measured
    with pytest.raises(DeviceFileError, match="serial number '000000', but '1' is in use"):
        read_anisotropy(path, NEEDLE, serial_number="1")
    with pytest.raises(DeviceFileError, match="belongs to intrabeam-needle at 50"):
        with_anisotropy(read_applicator("bare-probe"), measured)


def test_shaft_and_cannula_from_the_file(tmp_path: Path) -> None:
    shaft, cannula = altered(tmp_path, shaft=SHAFT, cannula_wall=WALL).metal
    assert (shaft.name, shaft.material, shaft.inner_radius_mm, shaft.outer_radius_mm) == ("shaft", "steel", 1.7, 2.2)
    assert shaft.behind_isocentre_mm == pytest.approx((17.8, 91.8))
    assert (cannula.inner_radius_mm, cannula.outer_radius_mm) == (2.2, 2.7)
    assert cannula.behind_isocentre_mm == pytest.approx((94 - 55 - 2.2, 94 - 2.2))
    nearer = altered(tmp_path, cannula_wall={**WALL, "begins_behind_tip_mm": stated(25)}).metal[0]
    assert nearer.behind_isocentre_mm[0] == pytest.approx(22.8)
    assert "PHY-28" in nearer.evidence
    assert "PHY-28" in altered(tmp_path, shaft=SHAFT).evidence


def test_the_hub_shortens_what_stands_out_of_the_cannula(tmp_path: Path) -> None:
    assert NEEDLE.channel.protrusion_mm == 39
    assert NEEDLE.channel.plastic_tip_length_mm is None
    own = altered(tmp_path, needle_hub_length_mm=stated(9), plastic_tip_length_mm=stated(20)).channel
    assert own.protrusion_mm == 30
    assert own.plastic_tip_length_mm == 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cannula_wall": {**WALL, "outer_diameter_mm": stated(4.4)}}, "4.4 mm wide outside and 4.4 mm inside"),
        ({"shaft": {**SHAFT, "begins_behind_tip_mm": stated(1)}}, "begins -1.2 mm behind the isocentre"),
        ({"shaft": {**SHAFT, "inner_diameter_mm": stated(5)}}, "4.4 mm wide outside and 5 mm inside"),
        ({"needle_hub_length_mm": stated(40)}, "its tip cannot stand out"),
        ({"cannula_wall": {"material": "steel"}}, "cannula_wall.outer_diameter_mm: is missing"),
        ({"through_bone": False}, "has no cannula"),
    ],
)
def test_impossible_walls_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceFileError, match=message):
        altered(tmp_path, **change)


def test_unknown_evidence_of_a_wall_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PHY-9999"):
        altered(tmp_path, shaft={**SHAFT, "outer_diameter_mm": stated(4.4, "PHY-9999")})
