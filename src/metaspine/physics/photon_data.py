"""Photon cross sections from xraylib's partial coefficients, and the tables that transport flies with.

xraylib's energy-absorption and Kissel totals are wrong for light elements (water at 20 keV by 30 %) and are never used:
energy transfer is built from the photoelectric coefficient and the Compton coefficient with its mean transfer. Atoms
are independent (no molecular interference), the bound electrons enter by S(x, Z) and F(x, Z), Doppler broadening is
left out. Source of the data: xraylib 4 (Schoonjans 2011, doi:10.1016/j.sab.2011.09.011; PHO-01), form factors after
Hubbell 1975 (doi:10.1063/1.555523). The tests hold the sum to NIST's coefficients of oxygen (PHO-03).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import xraylib
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray
from metaspine.physics.fluorescence import FOLLOWED_FROM_KEV, Line, followed_lines, photons_per_absorption
from metaspine.physics.materials import Material
from metaspine.transport.tables import PhotonTables

LOWEST_KEV, HIGHEST_KEV = 1.0, 60.0
STEP_KEV = 0.1
COSINE_STEP_KEV = 1.0
QUANTILES = 129
MM_PER_CM = 10.0
ELECTRON_REST_ENERGY_KEV = 510.99895
PLANCK_KEV_ANGSTROM = 12.398419843
_NODES = 96
_COSINES = 4001


class Coefficients(NamedTuple):
    """Mass coefficients in cm2/g at some energies, each (energy,)."""

    photoelectric: FloatArray
    incoherent: FloatArray
    coherent: FloatArray
    compton_transfer: FloatArray
    """Incoherent times the mean fraction of its energy that a photon leaves to the electron."""

    @property
    def total(self) -> FloatArray:
        """Everything that takes a photon out of its flight."""
        return np.asarray(self.photoelectric + self.incoherent + self.coherent)

    @property
    def transfer(self) -> FloatArray:
        """Energy transfer with all fluorescence absorbed where it is made."""
        return np.asarray(self.photoelectric + self.compton_transfer)


def energies_kev() -> FloatArray:
    """Return the energies of the tables (591,): 1 to 60 keV in steps of 0.1."""
    return np.linspace(LOWEST_KEV, HIGHEST_KEV, round((HIGHEST_KEV - LOWEST_KEV) / STEP_KEV) + 1)


def coefficients(material: Material, energy_kev: ArrayLike) -> Coefficients:
    """Return the mass coefficients of a material at energies (energy,) in keV.

    Each is the sum of its elements' by mass. The mean Compton transfer weights the Klein-Nishina cross section with
    S(x, Z): mu_tr = tau + sigma_incoherent <T>/E.

    Raises
    ------
    InputError
        When an energy lies outside 1 to 60 keV.
    """
    energy = _inside(energy_kev)
    sums = np.zeros((len(Coefficients._fields), energy.size))
    for number, fraction in material.mass_fractions:
        sums += fraction * np.stack(_element(number, tuple(energy.tolist())))
    return Coefficients(*sums)


def absorption_cm2_g(material: Material, energy_kev: ArrayLike) -> FloatArray:
    """Return mu_en/rho in cm2/g at energies (energy,) in keV: all fluorescence escapes, bremsstrahlung is neglected.

    This is what tables of mu_en/rho hold; a voxel of bone keeps its fluorescence, and its kerma needs
    :attr:`Coefficients.transfer`.
    """
    energy = _inside(energy_kev)
    found = coefficients(material, energy)
    every = followed_lines(material, lowest_kev=0.0, least_share=0.0)
    return np.asarray(found.transfer - _carried_away(material, energy, found, every))


def photon_tables(materials: Sequence[Material], *, followed_from_kev: float = FOLLOWED_FROM_KEV) -> PhotonTables:
    """Return the tables of some materials, in their order, for transport.

    Nodes on both sides of an absorption edge hold the coefficient of their own side; only the one cell of 0.1 keV that
    holds the edge is a ramp instead of a step. The error is measured in docs/materials.md. Fluorescence lines below
    ``followed_from_kev`` stay where they are made (PHO-05).

    Raises
    ------
    InputError
        When there is no material.
    """
    if not materials:
        raise InputError("photon tables of no material", where="photon data", remedy="Name at least one material")
    energy = energies_kev()
    found = [coefficients(material, energy) for material in materials]
    lines = [followed_lines(material, lowest_kev=followed_from_kev) for material in materials]
    transfer = [
        each.transfer - _carried_away(material, energy, each, its)
        for material, each, its in zip(materials, found, lines, strict=True)
    ]
    line_energies, line_yields = _line_tables(materials, energy, lines)
    coarse = np.arange(LOWEST_KEV, HIGHEST_KEV + COSINE_STEP_KEV / 2, COSINE_STEP_KEV)
    return PhotonTables(
        energy_start_kev=LOWEST_KEV,
        energy_step_kev=STEP_KEV,
        total=_per_mm([each.total for each in found]),
        scatter=_per_mm([each.incoherent + each.coherent for each in found]),
        coherent=_per_mm([each.coherent for each in found]),
        transfer=_per_mm(transfer),
        incoherent_cosines=_cosines(materials, coarse, _incoherent),
        coherent_cosines=_cosines(materials, coarse, _coherent),
        cosine_energy_step_kev=COSINE_STEP_KEV,
        line_energies_kev=line_energies,
        line_yields=line_yields,
    )


def momentum_transfer(energy_kev: ArrayLike, cosine: ArrayLike) -> FloatArray:
    """Return x = sin(theta/2)/lambda in 1/angstrom."""
    return np.asarray(
        np.asarray(energy_kev) / PLANCK_KEV_ANGSTROM * np.sqrt(np.maximum(0.0, (1 - np.asarray(cosine)) / 2))
    )


def klein_nishina(energy_kev: ArrayLike, cosine: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the Klein-Nishina cross section per cosine (any unit) and the photon's energy after over before."""
    cosines = np.asarray(cosine, dtype=np.float64)
    kept = 1 / (1 + np.asarray(energy_kev) / ELECTRON_REST_ENERGY_KEV * (1 - cosines))
    return kept**2 * (kept + 1 / kept - 1 + cosines**2), kept


def _inside(energy_kev: ArrayLike) -> FloatArray:
    energy = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64))
    if not ((energy >= LOWEST_KEV) & (energy <= HIGHEST_KEV)).all():
        worst = energy[~((energy >= LOWEST_KEV) & (energy <= HIGHEST_KEV))][0]
        raise InputError(
            f"an energy of {worst:g} keV",
            where="photon data",
            remedy=f"The cross sections hold from {LOWEST_KEV:g} to {HIGHEST_KEV:g} keV",
        )
    return energy


@lru_cache(maxsize=256)
def _element(number: int, energy_kev: tuple[float, ...]) -> Coefficients:
    energy = np.array(energy_kev)
    photo, incoherent, coherent = (
        np.array([function(number, value) for value in energy_kev])
        for function in (xraylib.CS_Photo, xraylib.CS_Compt, xraylib.CS_Rayl)
    )
    return Coefficients(photo, incoherent, coherent, incoherent * _mean_transfer(number, energy))


def _mean_transfer(number: int, energy_kev: FloatArray) -> FloatArray:
    """Return the mean fraction of the energy that Compton scattering leaves to the electron, (energy,)."""
    cosine, weight = np.polynomial.legendre.leggauss(_NODES)
    cross_section, kept = klein_nishina(energy_kev[:, None], cosine)
    density = weight * cross_section * _scattering_function(number, momentum_transfer(energy_kev[:, None], cosine))
    return np.asarray((density * (1 - kept)).sum(axis=1) / density.sum(axis=1))


_X = np.concatenate([[0.0], np.geomspace(2e-3, 5.0, 1200)])
"""Momentum transfers in 1/angstrom; S(x, Z) rises with x squared, and xraylib's tables begin at 0.0013."""


@cache
def _tabulated(number: int) -> tuple[FloatArray, FloatArray]:
    """Return S(x, Z) and F(x, Z) at ``_X``; S(0) = 0, where xraylib has none."""
    function = np.array([0.0] + [xraylib.SF_Compt(number, float(x)) for x in _X[1:]])
    factor = np.array([xraylib.FF_Rayl(number, float(x)) for x in _X])
    return function, factor


def _scattering_function(number: int, x: FloatArray) -> FloatArray:
    return np.asarray(np.interp(x, _X, _tabulated(number)[0]))


def _incoherent(number: int, energy_kev: float, cosine: FloatArray) -> FloatArray:
    """Return what an atom scatters incoherently per cosine, in units of its own of each energy."""
    function = np.interp(momentum_transfer(energy_kev, cosine), _X, _tabulated(number)[0])
    return np.asarray(klein_nishina(energy_kev, cosine)[0] * function)


def _coherent(number: int, energy_kev: float, cosine: FloatArray) -> FloatArray:
    """Return what an atom scatters coherently per cosine, in units of its own."""
    squared = np.interp(momentum_transfer(energy_kev, cosine), _X, _tabulated(number)[1] ** 2)
    return np.asarray((1 + cosine**2) * squared)


def _atoms(materials: Sequence[Material]) -> tuple[list[int], FloatArray]:
    """Return the elements of some materials, and the atoms of each in a gram of each material (material, element)."""
    numbers = sorted({number for material in materials for number, _ in material.mass_fractions})
    atoms = np.zeros((len(materials), len(numbers)))
    for row, material in enumerate(materials):
        for number, fraction in material.mass_fractions:
            atoms[row, numbers.index(number)] = fraction / xraylib.AtomicWeight(number)
    return numbers, atoms


def _cosines(
    materials: Sequence[Material], energy_kev: FloatArray, density: Callable[[int, float, FloatArray], FloatArray]
) -> NDArray[np.float32]:
    """Return the inverse cumulative distributions (material, energy, quantile) of an atom's density over cosines."""
    quantile = np.linspace(0, 1, QUANTILES)
    cosine = -np.cos(np.linspace(0, np.pi, _COSINES))
    numbers, atoms = _atoms(materials)
    found = np.empty((len(materials), energy_kev.size, QUANTILES), dtype=np.float32)
    for column, energy in enumerate(energy_kev):
        by_element = np.stack([density(number, float(energy), cosine) for number in numbers])
        # a threaded product of so few rows costs ten times the CPU time of this one
        values = np.einsum("me,ec->mc", atoms, by_element)
        cumulative = np.cumsum(np.diff(cosine) * (values[:, 1:] + values[:, :-1]) / 2, axis=1)
        for row, sums in enumerate(cumulative):
            found[row, column] = np.interp(quantile, np.concatenate([[0.0], sums]) / sums[-1], cosine)
    return found


def _carried_away(material: Material, energy_kev: FloatArray, found: Coefficients, lines: Sequence[Line]) -> FloatArray:
    """Return the energy that fluorescence lines carry away, as a mass coefficient (energy,) in cm2/g."""
    carried = np.zeros(energy_kev.size)
    for line in lines:
        yields = photons_per_absorption(material, line, energy_kev, found.photoelectric)
        carried += yields * found.photoelectric * line.energy_kev / energy_kev
    return carried


def _line_tables(
    materials: Sequence[Material], energy_kev: FloatArray, lines: Sequence[Sequence[Line]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lines' energies (material, line) and yields (material, energy, line), rows filled up with zeros."""
    width = max(len(its) for its in lines)
    energies = np.zeros((len(materials), width), dtype=np.float32)
    yields = np.zeros((len(materials), energy_kev.size, width), dtype=np.float32)
    for row, (material, its) in enumerate(zip(materials, lines, strict=True)):
        for column, line in enumerate(its):
            energies[row, column] = line.energy_kev
            absorbed = coefficients(material, energy_kev).photoelectric
            yields[row, :, column] = photons_per_absorption(material, line, energy_kev, absorbed)
    return energies, yields


def _per_mm(rows: Sequence[FloatArray]) -> NDArray[np.float32]:
    return (np.stack(rows) / MM_PER_CM).astype(np.float32)
