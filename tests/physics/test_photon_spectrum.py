"""Source spectra: their files, half-value layers, filters, and the absolute rate."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

from metaspine.errors import DeviceFileError, InputError
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Filter
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.spectrum import (
    Spectrum,
    filtered,
    half_value_layer_mm,
    photons_per_min,
    primary_kerma_gy_per_photon,
    read_spectrum,
    spectrum_names,
)

SHIPPED = files("metaspine.physics") / "data" / "spectra"


def monoenergetic(energy_kev: float) -> Spectrum:
    edges = np.array([energy_kev - 0.01, energy_kev + 0.01])
    return Spectrum("line", "line", 60.0, edges, np.array([1.0]), "", (), ())


def altered(folder: Path, **changes: object) -> Path:
    document = yaml.safe_load((SHIPPED / "gold-50kv.yaml").read_text(encoding="utf-8"))
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(document | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", spectrum_names())
def test_shipped_spectra_are_whole(name: str) -> None:
    spectrum = read_spectrum(name)
    assert spectrum.photons_per_bin.sum() == pytest.approx(1)
    assert spectrum.edges_kev[-1] == spectrum.tube_voltage_kv
    assert dict(spectrum.made_by)["program"] == "SpekPy"
    assert dict(spectrum.made_by)["target_um"] in ("1", "1.0")


def test_gold_l_lines_stand_on_the_bremsstrahlung() -> None:
    spectrum = read_spectrum("gold-50kv")
    energy, photons = spectrum.energies_kev, spectrum.photons_per_bin
    strongest = sorted(energy[np.argsort(photons)[-2:]])
    assert strongest == pytest.approx([9.71, 11.44], abs=0.06)
    assert 0.4 < photons[(energy > 9) & (energy < 14.5)].sum() < 0.55


def test_half_value_layer_of_a_line_is_that_of_its_attenuation() -> None:
    """NIST: aluminium at 30 keV has mu/rho 1.128 cm2/g."""
    expected_mm = 10 * math.log(2) / (1.128 * 2.699)
    assert half_value_layer_mm(monoenergetic(30)) == pytest.approx(expected_mm, rel=0.01)


def test_v13_half_value_layer_behind_the_sphere() -> None:
    sphere = read_applicator("sphere-4cm")
    spectrum = filtered(read_spectrum(sphere.spectrum), sphere.filters)
    assert half_value_layer_mm(spectrum) == pytest.approx(0.89, abs=0.15)


def test_water_hardens_the_beam() -> None:
    spectra = [filtered(read_spectrum("gold-50kv"), [Filter("water", depth, "MAT-01")]) for depth in (1, 5, 10, 20)]
    layers = [half_value_layer_mm(spectrum) for spectrum in spectra]
    means = [spectrum.mean_energy_kev for spectrum in spectra]
    assert layers == sorted(layers)
    assert means == sorted(means)


def test_filters_multiply() -> None:
    spectrum = read_spectrum("gold-50kv")
    half = Filter("aluminium", 0.5, "MAT-13")
    twice = filtered(filtered(spectrum, [half]), [half])
    once = filtered(spectrum, [Filter("aluminium", 1.0, "MAT-13")])
    np.testing.assert_allclose(twice.photons_per_bin, once.photons_per_bin, rtol=1e-12)
    assert len(twice.filters) == 2
    assert spectrum.filters == ()


def test_needle_filters_give_the_published_transmission() -> None:
    """PHY-15: 0.53 to 0.63 of the bare probe about 7 mm from the isocentre, rising with depth."""
    needle, bare = read_applicator("intrabeam-needle"), read_applicator("bare-probe")
    behind = filtered(read_spectrum(needle.spectrum), needle.filters)
    before = filtered(read_spectrum(bare.spectrum), bare.filters)
    ratio = [primary_kerma_gy_per_photon(behind, r) / primary_kerma_gy_per_photon(before, r) for r in (7.2, 13.0, 20.0)]
    assert 0.53 < ratio[0] < 0.63
    assert ratio == sorted(ratio)


def test_primary_kerma_of_a_line_is_the_point_source_formula() -> None:
    """20 keV in water at 10 mm: 20 keV x 0.5503 cm2/g x exp(-0.8096) / (4 pi cm2), NIST's figures."""
    expected = 20 * 0.5503 * math.exp(-0.8096) / (4 * math.pi) * 1.602176634e-13
    assert primary_kerma_gy_per_photon(monoenergetic(20), 10.0) == pytest.approx(expected, rel=0.003, abs=0)


def test_the_absolute_rate_gives_back_the_output() -> None:
    needle = read_applicator("intrabeam-needle")
    kerma = 3e-14
    rate = photons_per_min(needle.nominal, water_kerma_gy_per_photon=kerma, distance_mm=7.2)
    assert rate * kerma == pytest.approx(float(dose_rate_gy_per_min(needle.nominal.depth_dose, 7.2)))
    assert rate * kerma == pytest.approx(7.04)


@pytest.mark.parametrize("kerma", [0.0, -1.0, float("nan")])
def test_no_rate_without_a_dose(kerma: float) -> None:
    output = read_applicator("intrabeam-needle").nominal
    with pytest.raises(DeviceFileError, match="absolute dose rate"):
        photons_per_min(output, water_kerma_gy_per_photon=kerma, distance_mm=7.2)


def test_a_spectrum_file_whose_numbers_were_changed_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load((SHIPPED / "gold-50kv.yaml").read_text(encoding="utf-8"))
    photons = list(document["photons_per_bin"])
    photons[100], photons[101] = photons[101], photons[100]
    with pytest.raises(DeviceFileError, match=r"own\.yaml: its numbers have the SHA-256 .* the file says 9b71"):
        read_spectrum(altered(tmp_path, photons_per_bin=photons))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first_edge_kev": 5}, "ends at 54 keV, beyond the tube voltage"),
        ({"first_edge_kev": 0.5}, "first_edge_kev"),
        ({"tube_voltage_kv": 80}, "tube_voltage_kv"),
        ({"bin_kev": 0}, "bin_kev"),
        ({"colour": "blue"}, "colour: is not a known key"),
    ],
)
def test_a_bad_spectrum_file_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DeviceFileError, match=message):
        read_spectrum(altered(tmp_path, **changes))


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceFileError, match=r"no spectrum 'tungsten'.*There are: gold-40kv, gold-50kv"):
        read_spectrum("tungsten")
    with pytest.raises(DeviceFileError, match="cannot be read"):
        read_spectrum(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="NOWHERE"):
        read_spectrum(altered(tmp_path, evidence="NOWHERE"))
    with pytest.raises(InputError, match="no material 'wood'"):
        filtered(read_spectrum("gold-50kv"), [Filter("wood", 1.0, "MAT-01")])


def test_probe_and_sphere_do_not_go_through_bone() -> None:
    assert read_applicator("intrabeam-needle").through_bone
    for name in ("bare-probe", "sphere-4cm"):
        found = read_applicator(name)
        assert not found.through_bone
        assert found.channel.cannula_length_mm == 0
        assert found.channel.working_channel_diameter_mm == 2 * found.radius_mm


def test_a_needle_without_its_cannula_is_refused(tmp_path: Path) -> None:
    text = (files("metaspine.physics") / "data" / "applicators" / "bare-probe.yaml").read_text(encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(text.replace("through_bone: false\n", ""), encoding="utf-8")
    with pytest.raises(DeviceFileError, match="goes through bone needs its cannula"):
        read_applicator(path)
