"""Cross sections against NIST's printed figures, xraylib's own differential cross sections, and conservation."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import xraylib

from metaspine.errors import InputError
from metaspine.physics.materials import Material, cement, material
from metaspine.physics.photon_data import (
    PLANCK_KEV_ANGSTROM,
    absorption_cm2_g,
    coefficients,
    energies_kev,
    klein_nishina,
    photon_tables,
)

ENERGIES = (10, 15, 20, 30, 40, 50)


def oxygen_absorption(energy_kev: list[float]) -> np.ndarray:
    return absorption_cm2_g(pure("O"), energy_kev)


def pure(symbol: str) -> Material:
    return Material(symbol, symbol, ((xraylib.SymbolToAtomicNumber(symbol), 1.0),), 1.0, ("MAT-13",))


def test_v1_water_attenuation() -> None:
    nist = [5.329, 1.673, 0.8096, 0.3756, 0.2683, 0.2269]
    np.testing.assert_allclose(coefficients(material("water"), ENERGIES).total, nist, rtol=0.002)


def test_v2_water_absorption() -> None:
    nist = [4.944, 1.374, 0.5503, 0.1557, 0.06947, 0.04223]
    np.testing.assert_allclose(absorption_cm2_g(material("water"), ENERGIES), nist, rtol=0.005)


def test_v3_oxygen_absorption() -> None:
    nist = [5.565, 1.545, 0.6179, 0.1729, 0.04414]
    np.testing.assert_allclose(oxygen_absorption([10, 15, 20, 30, 50]), nist, rtol=0.005)


def test_v4_cortical_bone() -> None:
    bone = material("cortical")
    np.testing.assert_allclose(coefficients(bone, [20, 30]).total, [4.001, 1.331], rtol=0.005)
    np.testing.assert_allclose(absorption_cm2_g(bone, [20, 30]), [3.601, 1.070], rtol=0.01)


def test_xraylibs_own_energy_absorption_is_still_wrong_and_ours_is_not() -> None:
    nist = 0.6179
    assert xraylib.CS_Energy(8, 20.0) < 0.75 * nist
    assert xraylib.CS_Photo_Total(8, 20.0) < 0.6 * xraylib.CS_Photo(8, 20.0)
    assert oxygen_absorption([20.0])[0] == pytest.approx(nist, rel=0.002)


def test_bone_keeps_its_fluorescence() -> None:
    bone = material("cortical")
    kept = coefficients(bone, [20.0]).transfer[0]
    assert 0.02 < kept / absorption_cm2_g(bone, [20.0])[0] - 1 < 0.03


@pytest.mark.parametrize("energy", [0.99, 60.01, float("nan")])
def test_an_energy_outside_the_tables_is_refused(energy: float) -> None:
    with pytest.raises(InputError, match=r"photon data: an energy of .* keV.*1 to 60 keV"):
        coefficients(material("water"), [20.0, energy])


def test_tables_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="at least one material"):
        photon_tables([])


def test_tables_are_in_1_per_mm_and_add_up() -> None:
    tables = photon_tables([material("water"), material("cortical")])
    row = round((20 - tables.energy_start_kev) / tables.energy_step_kev)
    assert tables.total[0, row] == pytest.approx(0.08096, rel=0.002)
    assert tables.transfer[0, row] == pytest.approx(0.05503, rel=0.005)
    assert tables.total.shape == (2, 591)
    assert tables.energy_end_kev == pytest.approx(60)
    assert (tables.scatter < tables.total).all()
    assert (tables.coherent < tables.scatter).all()
    assert (tables.transfer <= tables.total).all()
    assert tables.line_energies_kev.size == 0


def between_nodes(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies in the middle of the cells, the tables' linear value there, and the exact one."""
    tables = photon_tables([material(name)])
    middle = (energies_kev()[1:] + energies_kev()[:-1]) / 2
    linear = 10 * (tables.total[0, 1:].astype(float) + tables.total[0, :-1]) / 2
    return middle, linear, coefficients(material(name), middle).total


def edges_kev(number: int) -> list[float]:
    found = []
    for shell in range(xraylib.K_SHELL, xraylib.M5_SHELL + 1):
        with contextlib.suppress(ValueError):
            found.append(xraylib.EdgeEnergy(number, shell))
    return [edge for edge in found if 1 <= edge <= 60]


@pytest.mark.parametrize("name", ["water", "cortical", "titanium", "tantalum"])
def test_interpolation_is_right_on_both_sides_of_an_edge(name: str) -> None:
    energy, linear, exact = between_nodes(name)
    error = np.abs(linear / exact - 1)
    edges = [edge for number, _ in material(name).mass_fractions for edge in edges_kev(number)]
    holds_edge = np.array([any(abs(value - edge) < 0.0502 for edge in edges) for value in energy])
    assert error[~holds_edge & (energy > 5)].max() < 2e-3
    assert error[~holds_edge & (energy > 8)].max() < 4e-4
    assert holds_edge.sum() <= len(edges)


@pytest.mark.parametrize(("name", "energy"), [("water", 8), ("water", 30), ("cortical", 20), ("titanium", 50)])
def test_cosines_are_those_of_xraylibs_differential_cross_sections(name: str, energy: int) -> None:
    """Moments of the tables against moments of xraylib's own DCS_Compt and DCS_Rayl, summed over the elements."""
    tables = photon_tables([material(name)])
    angle = np.linspace(1e-4, np.pi, 4001)
    for table, differential in (
        (tables.incoherent_cosines, xraylib.DCS_Compt),
        (tables.coherent_cosines, xraylib.DCS_Rayl),
    ):
        density = np.sin(angle) * sum(
            fraction * np.array([differential(number, float(energy), float(a)) if a > 0.02 else 0.0 for a in angle])
            for number, fraction in material(name).mass_fractions
        )
        quantiles = table[0, energy - 1].astype(float)
        for power in (1, 2):
            expected = (density * np.cos(angle) ** power).sum() / density.sum()
            # the average of cosine**power over uniform lots, linear between the quantiles
            lots = np.interp(np.linspace(0, 1, 200_001), np.linspace(0, 1, quantiles.size), quantiles)
            assert np.mean(lots**power) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("name", ["water", "spongiosa", "titanium"])
@pytest.mark.parametrize("energy", [10, 20, 30, 50])
def test_sampled_compton_energy_is_the_energy_that_the_coefficient_transfers(name: str, energy: int) -> None:
    found = coefficients(material(name), [energy])
    quantiles = photon_tables([material(name)]).incoherent_cosines[0, energy - 1].astype(float)
    lots = np.interp(np.linspace(0, 1, 200_001), np.linspace(0, 1, quantiles.size), quantiles)
    _, kept = klein_nishina(float(energy), lots)
    assert np.mean(1 - kept) == pytest.approx(found.compton_transfer[0] / found.incoherent[0], rel=0.003)


def test_binding_matters() -> None:
    """Without S(x, Z) Compton scattering in oxygen is 21 % too likely at 20 keV."""
    cosine = np.linspace(-1, 1, 20_001)
    free = np.trapezoid(klein_nishina(20.0, cosine)[0], cosine)
    x = 20 / PLANCK_KEV_ANGSTROM * np.sqrt((1 - cosine[:-1]) / 2)
    bound = np.trapezoid(
        klein_nishina(20.0, cosine[:-1])[0] * [xraylib.SF_Compt(8, max(float(v), 2e-3)) / 8 for v in x], cosine[:-1]
    )
    assert free / bound == pytest.approx(1.21, abs=0.02)


def test_barium_cement_gives_back_its_k_lines_and_energy_is_conserved() -> None:
    tables = photon_tables([material("water"), cement(barium_sulfate_percent=17.5)])
    energies = tables.line_energies_kev[1]
    assert energies == pytest.approx([32.06, 36.45], abs=0.05)
    assert (tables.line_yields[0] == 0).all()
    energy = energies_kev()
    yields = tables.line_yields[1]
    assert (yields[energy < 37.4] == 0).all()
    at_40 = yields[round((40 - 1) / 0.1)]
    assert 0.6 < at_40.sum() < 0.75
    absorbed = tables.total[1] - tables.scatter[1]
    carried = absorbed * (yields * energies).sum(axis=1) / energy
    whole = 0.1 * coefficients(cement(barium_sulfate_percent=17.5), energy).transfer
    np.testing.assert_allclose(tables.transfer[1] + carried, whole, rtol=1e-5)


def test_fluorescence_yield_of_barium_is_the_published_one() -> None:
    """K photons per K vacancy: 0.902 (Krause 1979); K vacancies per absorption from the jump of the coefficient."""
    barium = pure("Ba")
    below, above = coefficients(barium, [37.43, 37.45]).photoelectric
    tables = photon_tables([barium])
    photons = tables.line_yields[0, round((37.5 - 1) / 0.1), :2].sum()
    assert photons / (1 - below / above) == pytest.approx(0.902, rel=0.02)


def test_titanium_and_calcium_lines_stay_where_they_are_made() -> None:
    assert photon_tables([material("titanium"), material("cortical")]).line_energies_kev.size == 0
