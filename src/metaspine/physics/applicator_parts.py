"""Parts of an applicator file beyond its geometry: points of emission, anisotropy, and the metal behind the tip."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from metaspine.errors import DeviceFileError
from metaspine.physics.anisotropy import AnisotropyTable, anisotropy_of
from metaspine.physics.applicators import MetalTube
from metaspine.physics.device_files import DeviceFileModel
from metaspine.physics.emission import ISOTROPIC, POINT, Anisotropy, Emission, Ring, disc, hemisphere


class PublishedValue(DeviceFileModel):
    """A value with the evidence it is taken from."""

    value: float = Field(gt=0)
    evidence: str


class Stated(PublishedValue):
    """A published value, with those it conflicts with and a note for the reader."""

    others: tuple[PublishedValue, ...] = ()
    note: str = ""


class EmissionPoint(DeviceFileModel):
    """A ring of emission about the axis, or a point on it."""

    towards_tip_mm: float
    from_axis_mm: float = Field(default=0.0, ge=0)
    share: float = Field(gt=0)


class EmissionEntry(DeviceFileModel):
    """The size of the source: an even disc or hemisphere of a radius, or a few points of their own."""

    shape: Literal["disc", "hemisphere", "points"]
    radius_mm: float | None = Field(default=None, gt=0)
    points: tuple[EmissionPoint, ...] = ()
    evidence: str
    note: str = ""

    @model_validator(mode="after")
    def _radius_or_points(self) -> EmissionEntry:
        if (self.shape == "points") != bool(self.points) or (self.shape == "points") == (self.radius_mm is not None):
            raise ValueError("a disc and a hemisphere need radius_mm, points need points")
        return self


class AnisotropyEntry(AnisotropyTable):
    """A published F(r, theta)."""

    evidence: str


class Shaft(DeviceFileModel):
    """The metal of the shaft: a tube, or a rod where it has no inner diameter."""

    material: str
    outer_diameter_mm: Stated
    inner_diameter_mm: Stated | None = None
    begins_behind_tip_mm: Stated


class CannulaWall(DeviceFileModel):
    """The cannula's wall, around the bore that the file names."""

    material: str
    outer_diameter_mm: Stated
    begins_behind_tip_mm: Stated | None = None
    """None: where it ends when the needle is pushed home."""


def emission_of(
    entry: EmissionEntry | None, table: AnisotropyEntry | None, *, radius_mm: float, path: Path
) -> Emission:
    """Return where an applicator sends its photons from and to; a point and isotropic where its file says nothing.

    Raises
    ------
    DeviceFileError
        When a point of emission lies outside the applicator, or the anisotropy's table is faulty.
    """
    anisotropy: Anisotropy = ISOTROPIC
    if table is not None:
        anisotropy = anisotropy_of(table, f"published ({table.evidence})", path, evidence=table.evidence)
    if entry is None:
        return Emission(POINT.description, POINT.rings, anisotropy)
    rings = _rings(entry)
    size = f"{entry.radius_mm:g} mm radius" if entry.radius_mm else f"{len(entry.points)} points"
    note = f": {entry.note}" if entry.note else ""
    found = Emission(f"{entry.shape}, {size} ({entry.evidence}){note}", rings, anisotropy, entry.evidence)
    if not found.extent_mm < radius_mm:
        raise DeviceFileError(
            f"points of emission reach {found.extent_mm:g} mm from the isocentre, the applicator {radius_mm:g} mm",
            where=str(path),
            remedy="Give an emission inside the applicator (mm)",
        )
    return found


def _rings(entry: EmissionEntry) -> tuple[Ring, ...]:
    if entry.radius_mm is not None:
        return disc(entry.radius_mm) if entry.shape == "disc" else hemisphere(entry.radius_mm)
    return tuple(Ring(point.towards_tip_mm, point.from_axis_mm, point.share) for point in entry.points)


def shaft_tube(shaft: Shaft, *, tip_mm: float, length_mm: float, path: Path) -> MetalTube:
    """Return the shaft's metal; ``tip_mm`` is from the isocentre to the tip, ``length_mm`` the needle's.

    Raises
    ------
    DeviceFileError
        When it has no wall, no length, or reaches the isocentre.
    """
    inner = shaft.inner_diameter_mm
    values = (shaft.outer_diameter_mm, shaft.begins_behind_tip_mm, *((inner,) if inner else ()))
    return _tube(
        "shaft",
        shaft.material,
        (inner.value / 2 if inner else 0.0, shaft.outer_diameter_mm.value / 2),
        (shaft.begins_behind_tip_mm.value - tip_mm, length_mm - tip_mm),
        evidence=tuple(value.evidence for value in values),
        path=path,
    )


def cannula_tube(
    wall: CannulaWall, bore: Stated, length: Stated, *, tip_mm: float, protrusion_mm: float, path: Path
) -> MetalTube:
    """Return the cannula's metal, around its bore, from where it ends behind the tip.

    Raises
    ------
    DeviceFileError
        When it has no wall, or reaches the isocentre.
    """
    begins = wall.begins_behind_tip_mm
    start = (begins.value if begins else protrusion_mm) - tip_mm
    return _tube(
        "cannula",
        wall.material,
        (bore.value / 2, wall.outer_diameter_mm.value / 2),
        (start, start + length.value),
        evidence=(bore.evidence, length.evidence, wall.outer_diameter_mm.evidence),
        path=path,
    )


def _tube(
    name: str,
    metal: str,
    radii_mm: tuple[float, float],
    behind_isocentre_mm: tuple[float, float],
    *,
    evidence: tuple[str, ...],
    path: Path,
) -> MetalTube:
    (inner, outer), (start, end) = radii_mm, behind_isocentre_mm
    faults = {
        f"the {name} is {2 * outer:g} mm wide outside and {2 * inner:g} mm inside": not inner < outer,
        f"the {name} begins {start:g} mm behind the isocentre and ends {end:g} mm behind it": not 0 < start < end,
    }
    for fault, found in faults.items():
        if found:
            raise DeviceFileError(fault, where=str(path), remedy="Correct the file's lengths (mm)")
    return MetalTube(name, metal, inner, outer, behind_isocentre_mm, tuple(dict.fromkeys(evidence)))
