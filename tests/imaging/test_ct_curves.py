"""CT curves: the generic one against its paper, a scanner's own, the tube voltage, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xraylib
import yaml

from metaspine.errors import DeviceFileError, InputError
from metaspine.geometry import Grid, Volume
from metaspine.imaging.calibration import cautions_of, read_ct_curve
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.physics.materials import material
from metaspine.physics.tissues import bone, compact_share, vertebral_marrow

OWN = {
    "metaspine_ct_curve": 1,
    "name": "ward-3",
    "title": "scanner of ward 3",
    "tube_voltage_kv": 140,
    "scanner": "A scanner",
    "date": "2026-01-15",
    "points": [
        {"hu": -1000, "density_g_cm3": 0.001},
        {"hu": 0, "density_g_cm3": 1.0},
        {"hu": 1200, "density_g_cm3": 1.85},
    ],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "curve.yaml"
    path.write_text(yaml.safe_dump(OWN | changes), encoding="utf-8")
    return path


def scan_at(tube_voltage_kv: float | None) -> Scan:
    grid = Grid.axis_aligned(origin_mm=(0, 0, 0), shape=(2, 2, 2), spacing_mm=(1, 1, 1), frame_of_reference="1.2")
    image = Volume(np.zeros((2, 2, 2), np.int16), grid)
    return Scan(image, (), ScanOrigin("ct", "0", tube_voltage_kv=tube_voltage_kv))


def test_generic_curve_is_schneiders() -> None:
    curve = read_ct_curve()
    assert curve.generic
    assert curve.density([-1000])[0] == pytest.approx(0.00121)
    assert curve.density([-98, 0, 14]) == pytest.approx([0.9305, 1.018, 1.0305], abs=5e-4)
    assert curve.density([100, 500, 1000, 1600]) == pytest.approx([1.0762, 1.313, 1.609, 1.9642], abs=5e-4)


def hounsfield(substance: object, density: float, energy_kev: float) -> float:
    """1000 (mu / mu_water - 1) at the effective energy of a 120 kV scanner, straight from xraylib's totals."""

    def linear(fractions: tuple[tuple[int, float], ...], rho: float) -> float:
        return rho * sum(
            share * (xraylib.CS_Photo(z, energy_kev) + xraylib.CS_Compt(z, energy_kev) + xraylib.CS_Rayl(z, energy_kev))
            for z, share in fractions
        )

    water = linear(material("water").mass_fractions, 1.0)
    return 1000 * (linear(substance.mass_fractions, density) / water - 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("density", [1.1, 1.2, 1.4, 1.6, 1.9])
def test_generic_curve_agrees_with_the_hounsfield_units_of_our_own_bone(density: float) -> None:
    """An independent route: the units that our bone would have at 75 keV (filtered 120 kV), read by the curve."""
    seen = hounsfield(bone(float(compact_share(density))), density, 75.0)
    assert read_ct_curve().density([seen])[0] == pytest.approx(density, rel=0.04)


@pytest.mark.parametrize("name", ["adipose", "soft", "muscle"])
def test_generic_curve_agrees_for_soft_tissues(name: str) -> None:
    tissue = material(name)
    seen = hounsfield(tissue, tissue.density_g_cm3, 75.0)
    assert read_ct_curve().density([seen])[0] == pytest.approx(tissue.density_g_cm3, rel=0.02)


def test_marrow_lies_between_fat_and_soft_tissue() -> None:
    assert material("adipose").density_g_cm3 < vertebral_marrow().density_g_cm3 < material("soft").density_g_cm3


def test_a_scanners_own_curve_is_read(tmp_path: Path) -> None:
    curve = read_ct_curve(written(tmp_path))
    assert not curve.generic
    assert curve.density([600, -3000, 5000]) == pytest.approx([1.425, 0.001, 1.85])
    assert cautions_of(curve, scan_at(140)) == ()


def test_a_curve_of_another_tube_voltage_is_refused(tmp_path: Path) -> None:
    curve = read_ct_curve(written(tmp_path))
    with pytest.raises(DeviceFileError, match=r"belongs to 140 kV, the scan was made at 120 kV.*curve for 120 kV"):
        cautions_of(curve, scan_at(120))


def test_an_unknown_tube_voltage_is_said() -> None:
    voltage, generic = cautions_of(read_ct_curve(), scan_at(None))
    assert "tube voltage is unknown" in voltage
    assert "literature, not the scanner's own" in generic


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"points": [*OWN["points"][:2], {"hu": 500, "density_g_cm3": 0.9}, OWN["points"][2]]},  # type: ignore[index]
            r"does not rise from 0 HU \(1 g/cm3\) to 500 HU \(0\.9 g/cm3\)",
        ),
        ({"points": OWN["points"][::-1]}, "does not rise"),  # type: ignore[index]
        ({"points": OWN["points"][:2]}, "points"),  # type: ignore[index]
        (
            {"points": [{"hu": hu, "density_g_cm3": 1 + hu / 2000} for hu in (-500, 0, 1500)]},
            "reaches from -500 to 1500 HU only",
        ),
        ({"date": None}, "neither the date of its measurement nor evidence"),
        ({"tube_voltage_kv": None}, "tube_voltage_kv"),
        ({"speed": 3}, "speed: is not a known key"),
    ],
)
def test_a_bad_curve_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DeviceFileError, match=message):
        read_ct_curve(written(tmp_path, **changes))


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceFileError, match=r"no CT curve 'siemens'.*generic-120kv"):
        read_ct_curve("siemens")
    with pytest.raises(InputError, match="NOWHERE"):
        read_ct_curve(written(tmp_path, evidence="NOWHERE"))
