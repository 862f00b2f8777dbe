"""Materials: elements by mass and a density, read from data files that name their sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import xraylib
from pydantic import Field, model_validator

from metaspine.errors import DeviceFileError, InputError
from metaspine.evidence import look_up
from metaspine.physics.device_files import DeviceFileModel, read_device_file

_SUM_TOLERANCE = 1e-4
_CEMENT = re.compile(r"cement(-(?P<percent>\d+(\.\d+)?)-(?P<opacifier>baso4|zro2))?")
_ALSO = "also carbon-peek, cement, cement-30-baso4, cement-15-zro2 (percent of its mass)"
_REMEDY = "See docs/materials.md for the format of a materials file"


@dataclass(frozen=True)
class Material:
    """What photons meet: elements by mass, and a density.

    Parameters
    ----------
    name
        Its key in the data files, e.g. "cortical".
    title
        What a reader is shown.
    mass_fractions
        Pairs of atomic number and fraction by mass, atomic numbers rising.
    density_g_cm3
        The nominal density; a voxel carries its own.
    evidence
        Ids of what composition and density rest on.

    Raises
    ------
    InputError
        When the fractions are not positive or don't sum to 1, an element is unknown, or the density is not positive.
    """

    name: str
    title: str
    mass_fractions: tuple[tuple[int, float], ...]
    density_g_cm3: float
    evidence: tuple[str, ...]

    def __post_init__(self) -> None:
        fractions = [fraction for _, fraction in self.mass_fractions]
        if abs(sum(fractions) - 1) > _SUM_TOLERANCE or min(fractions, default=0.0) <= 0:
            raise InputError(
                f"the mass fractions sum to {sum(fractions):.6g}, the smallest is {min(fractions, default=0.0):g}",
                where=f"material {self.name}",
                remedy="Give positive fractions by mass that sum to 1",
            )
        if not 0 < self.density_g_cm3 < 30:
            raise InputError(
                f"a density of {self.density_g_cm3} g/cm3",
                where=f"material {self.name}",
                remedy="Give the density in g/cm3",
            )


class MaterialEntry(DeviceFileModel):
    """A material as written: fractions by mass, or the atoms of its formula."""

    title: str
    density_g_cm3: float = Field(gt=0)
    mass_fractions: dict[str, float] | None = None
    formula: dict[str, int] | None = None
    evidence: str

    @model_validator(mode="after")
    def _one_composition(self) -> MaterialEntry:
        if (self.mass_fractions is None) == (self.formula is None):
            raise ValueError("either mass_fractions or formula is wanted")
        return self


class MaterialsFile(DeviceFileModel):
    """A file of materials."""

    metaspine_materials: Literal[1]
    materials: dict[str, MaterialEntry]


@cache
def materials() -> Mapping[str, Material]:
    """Return the materials that ship with metaspine, by name."""
    folder = files("metaspine.physics") / "data" / "materials"
    found: dict[str, Material] = {}
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        with as_file(item) as path:
            found |= read_materials(path)
    return MappingProxyType(found)


def material(name: str) -> Material:
    """Return a material that ships with metaspine.

    Raises
    ------
    InputError
        When there is none of that name; the message lists them.
    """
    try:
        return materials()[name]
    except KeyError:
        raise InputError(
            f"there is no material {name!r}", where="materials", remedy=f"There are: {', '.join(sorted(materials()))}"
        ) from None


def read_materials(path: Path) -> dict[str, Material]:
    """Return the materials of a file, by name.

    Raises
    ------
    DeviceFileError
        When the file cannot be read or does not fit the format.
    InputError
        When fractions don't sum to 1, or an element or an evidence id is unknown.
    """
    document = read_device_file(path, MaterialsFile, remedy=_REMEDY)
    return {name: _material(name, entry, path) for name, entry in document.materials.items()}


def mixture(name: str, title: str, parts: Mapping[Material, float], *, evidence: tuple[str, ...] = ()) -> Material:
    """Return materials mixed by mass; their volumes add up.

    Parameters
    ----------
    name, title
        Of the mixture.
    parts
        Fraction by mass of each material.
    evidence
        Ids beside those of the parts.

    Raises
    ------
    InputError
        When the fractions are negative or don't sum to 1.
    """
    shares = {part: share for part, share in parts.items() if share != 0}
    volume_cm3_g = sum(share / part.density_g_cm3 for part, share in shares.items())
    fractions: dict[int, float] = {}
    for part, share in shares.items():
        for number, fraction in part.mass_fractions:
            fractions[number] = fractions.get(number, 0.0) + share * fraction
    cited = (identifier for part in shares for identifier in part.evidence)
    density = 1 / volume_cm3_g if volume_cm3_g > 0 else 0.0
    present = tuple(sorted((number, fraction) for number, fraction in fractions.items() if fraction > 0))
    return Material(name, title, present, density, tuple(dict.fromkeys((*cited, *evidence))))


def cement(*, barium_sulfate_percent: float = 0.0, zirconium_dioxide_percent: float = 0.0) -> Material:
    """Return bone cement: PMMA with an opacifier, in percent of its mass (MAT-15).

    Raises
    ------
    InputError
        When the percentages are negative or leave no PMMA.
    """
    opacifier = barium_sulfate_percent + zirconium_dioxide_percent
    if min(barium_sulfate_percent, zirconium_dioxide_percent) < 0 or not opacifier < 100:
        raise InputError(
            f"cement with {barium_sulfate_percent} % BaSO4 and {zirconium_dioxide_percent} % ZrO2",
            where="cement",
            remedy="Give the opacifiers in percent of the mass, together below 100",
        )
    words = [f"{barium_sulfate_percent:g} % BaSO4"] * (barium_sulfate_percent > 0)
    words += [f"{zirconium_dioxide_percent:g} % ZrO2"] * (zirconium_dioxide_percent > 0)
    return mixture(
        "-".join(["cement", f"{barium_sulfate_percent:g}", f"{zirconium_dioxide_percent:g}"]),
        " + ".join(["bone cement: PMMA", *words]),
        {
            material("pmma"): 1 - opacifier / 100,
            material("barium-sulfate"): barium_sulfate_percent / 100,
            material("zirconium-dioxide"): zirconium_dioxide_percent / 100,
        },
        evidence=("MAT-15",),
    )


def carbon_peek() -> Material:
    """Return carbon-fibre-reinforced PEEK as screws and rods are made of (MAT-16)."""
    share = 0.58
    return mixture(
        "carbon-peek",
        "PEEK reinforced with carbon fibre, 58 % by mass",
        {material("carbon-fibre"): share, material("peek"): 1 - share},
        evidence=("MAT-16",),
    )


def named_material(words: str) -> Material:
    """Return a material as a person names it: a shipped one, ``carbon-peek``, or a cement with its opacifier.

    A cement is ``cement`` (PMMA alone), ``cement-30-baso4`` or ``cement-15-zro2``: its opacifier in percent by mass.

    Raises
    ------
    InputError
        When there is none of that name; the message lists them.
    """
    if words == "carbon-peek":
        return carbon_peek()
    found = _CEMENT.fullmatch(words.lower())
    if found is None:
        try:
            return material(words)
        except InputError as error:
            raise InputError(error.what, where=error.where, remedy=f"{error.remedy}; {_ALSO}") from error
    percent = float(found["percent"] or 0.0)
    if found["opacifier"] == "zro2":
        return cement(zirconium_dioxide_percent=percent)
    return cement(barium_sulfate_percent=percent)


def _material(name: str, entry: MaterialEntry, path: Path) -> Material:
    look_up(entry.evidence)
    try:
        numbered = {
            xraylib.SymbolToAtomicNumber(symbol): amount
            for symbol, amount in (entry.mass_fractions or entry.formula or {}).items()
        }
    except ValueError:
        raise DeviceFileError(f"{name}: unknown element", where=str(path), remedy="Use the elements' symbols") from None
    if entry.formula is not None:
        numbered = _by_mass(numbered)
    return Material(name, entry.title, tuple(sorted(numbered.items())), entry.density_g_cm3, (entry.evidence,))


def _by_mass(atoms: Mapping[int, float]) -> dict[int, float]:
    masses = {number: count * xraylib.AtomicWeight(number) for number, count in atoms.items()}
    return {number: mass / sum(masses.values()) for number, mass in masses.items()}
