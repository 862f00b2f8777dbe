"""Fluorescence: which lines are worth following, and how many photons of each an absorption yields.

A K or L vacancy emits a photon that may fly further than a voxel. Lines below 6 keV reach less than 0.5 mm of water
and stay where they are made; lines that carry little of the energy are left to their place too (PHO-05).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import xraylib

from metaspine.geometry.grid import FloatArray
from metaspine.physics.materials import Material

FOLLOWED_FROM_KEV = 6.0
"""Below this energy a line's mean free path in water is below 0.5 mm (PHO-05)."""
LEAST_SHARE = 0.01
"""The share of an absorbed photon's energy, at its largest, below which a line stays where it is made (PHO-05)."""

_GROUPS = {
    "K alpha": (xraylib.KA1_LINE, xraylib.KA2_LINE),
    "K beta": (xraylib.KB1_LINE, xraylib.KB2_LINE, xraylib.KB3_LINE),
    "L alpha": (xraylib.LA1_LINE, xraylib.LA2_LINE),
    "L beta": (xraylib.LB1_LINE, xraylib.LB2_LINE, xraylib.LB3_LINE, xraylib.LB4_LINE),
    "L gamma": (xraylib.LG1_LINE, xraylib.LG2_LINE, xraylib.LG3_LINE),
}
"""Summed line by line: xraylib's own mean energy of a group is wrong where a member is missing (barium's K beta)."""
_HIGHEST_KEV = 60.0
_PROBED_KEV = np.arange(1.05, _HIGHEST_KEV, 0.1)


@dataclass(frozen=True)
class Line:
    """A group of fluorescence lines of one element, taken together at its mean energy."""

    atomic_number: int
    group: str
    energy_kev: float


@cache
def element_lines(number: int) -> tuple[Line, ...]:
    """Return the groups of lines that photons of up to 60 keV can excite in an element; none for the lightest."""
    found = []
    for group, members in _GROUPS.items():
        made = [(_production(number, member, _HIGHEST_KEV), member) for member in members]
        total = sum(amount for amount, _ in made)
        if total > 0:
            mean = sum(amount * xraylib.LineEnergy(number, member) for amount, member in made if amount > 0) / total
            found.append(Line(number, group, float(mean)))
    return tuple(found)


def followed_lines(
    material: Material, *, lowest_kev: float = FOLLOWED_FROM_KEV, least_share: float = LEAST_SHARE
) -> tuple[Line, ...]:
    """Return the lines of a material that transport should follow, strongest element first.

    Parameters
    ----------
    material
        Its elements are searched.
    lowest_kev
        Lines below stay where they are made.
    least_share
        So do lines that never carry this share of what the material's photoelectric absorption takes up.
    """
    lines = [line for number, _ in material.mass_fractions for line in element_lines(number)]
    candidates = [line for line in lines if line.energy_kev >= lowest_kev]
    if not candidates:
        return ()
    absorbed = photoelectric_cm2_g(material, _PROBED_KEV)
    kept = [line for line in candidates if largest_share(material, line, absorbed) > least_share]
    return tuple(sorted(kept, key=lambda line: -largest_share(material, line, absorbed)))


def largest_share(material: Material, line: Line, photoelectric: FloatArray) -> float:
    """Return the largest share over 1 to 60 keV of the absorbed energy that leaves in a line.

    ``photoelectric`` is the material's coefficient in cm2/g at 1.05, 1.15 ... keV.
    """
    yields = photons_per_absorption(material, line, _PROBED_KEV, photoelectric)
    return float((yields * line.energy_kev / _PROBED_KEV).max())


def photoelectric_cm2_g(material: Material, energy_kev: FloatArray) -> FloatArray:
    """Return the photoelectric coefficient of a material in cm2/g at energies (energy,)."""
    total = np.zeros(energy_kev.size)
    for number, fraction in material.mass_fractions:
        total += fraction * _photoelectric_of_element(number, tuple(energy_kev.tolist()))
    return total


@lru_cache(maxsize=256)
def _photoelectric_of_element(number: int, energy_kev: tuple[float, ...]) -> FloatArray:
    return np.array([xraylib.CS_Photo(number, energy) for energy in energy_kev])


def photons_per_absorption(
    material: Material, line: Line, energy_kev: FloatArray, photoelectric: FloatArray
) -> FloatArray:
    """Return the photons of a line per photoelectric absorption in the material, (energy,).

    The line's production coefficient (photoelectric coefficient, jump ratio, fluorescence yield and radiative rate,
    Coster-Kronig transfer included) over the material's photoelectric coefficient in cm2/g.
    """
    fraction = dict(material.mass_fractions)[line.atomic_number]
    made = _produced(line.atomic_number, line.group, tuple(energy_kev.tolist()))
    return np.asarray(fraction * made / photoelectric)


@lru_cache(maxsize=256)
def _produced(number: int, group: str, energy_kev: tuple[float, ...]) -> FloatArray:
    """Return the production coefficient of a group of lines in cm2/g, (energy,)."""
    return np.array([sum(_production(number, member, energy) for member in _GROUPS[group]) for energy in energy_kev])


def _production(number: int, line: int, energy_kev: float) -> float:
    """Return a line's production coefficient in cm2/g; 0 where xraylib has no such line or the shell is not reached."""
    try:
        return float(xraylib.CS_FluorLine(number, line, energy_kev))
    except ValueError:
        return 0.0
