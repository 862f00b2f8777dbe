"""Polar anisotropy of a source: isotropic until somebody measures it, then F(r, theta) from a file.

theta is counted from the axis: 0 towards the tip, 90 degrees on the equator, 180 towards the shaft. F is the dose rate
in water relative to the equator's at the same distance.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from metaspine.errors import DeviceFileError
from metaspine.geometry.grid import FloatArray
from metaspine.physics.applicators import Applicator
from metaspine.physics.device_files import DeviceFileModel, read_device_file

_EQUATOR_DEG = 90.0
_LAST_DEG = 150.0
_EQUATOR_TOLERANCE = 0.02
_REMEDY = "See docs/materials.md for the format of an anisotropy file"


@dataclass(frozen=True, eq=False)
class Anisotropy:
    """F(r, theta), linear between its points, held beyond its ends."""

    description: str
    distance_mm: FloatArray
    """(distance,) from the isocentre, rising."""
    angle_deg: FloatArray
    """(angle,) rising, 0 towards the tip."""
    factor: FloatArray
    """(distance, angle), 1 at 90 degrees."""
    applicator: str = ""
    serial_number: str = ""
    tube_voltage_kv: float | None = None
    date: datetime.date | None = None
    """When it was measured; None where it is an assumption."""

    @property
    def measured(self) -> bool:
        """Whether it was measured; otherwise it is the isotropic assumption."""
        return self.date is not None

    def at(self, distance_mm: ArrayLike, angle_deg: ArrayLike) -> FloatArray:
        """Return F at distances (...) in mm and angles (...) in degrees."""
        distance, angle = np.broadcast_arrays(
            np.asarray(distance_mm, dtype=np.float64), np.asarray(angle_deg, dtype=np.float64)
        )
        curves = np.stack([np.interp(angle, self.angle_deg, row) for row in self.factor])
        place = np.interp(distance, self.distance_mm, np.arange(float(self.distance_mm.size)))
        below = np.minimum(place.astype(np.int64), max(self.distance_mm.size - 2, 0))
        above = np.minimum(below + 1, self.distance_mm.size - 1)
        low, high = (np.take_along_axis(curves, row[None], axis=0)[0] for row in (below, above))
        return np.asarray(low + (place - below) * (high - low))

    def emission(self, *, distance_mm: float, count: int = 181) -> FloatArray:
        """Return the emission (count,) at cosines evenly from -1 to 1, its mean over the sphere 1.

        F of one distance, taken as the emission itself: scatter smooths F, so that the emission is if anything steeper.
        """
        cosine = np.linspace(-1.0, 1.0, count)
        values = self.at(distance_mm, np.degrees(np.arccos(cosine)))
        return np.asarray(values / (np.trapezoid(values, cosine) / 2))


ISOTROPIC = Anisotropy(
    "isotropic (assumed: the needle's polar anisotropy is not published, PHY-14)",
    np.array([10.0]),
    np.array([0.0, 180.0]),
    np.ones((1, 2)),
)


class AnisotropyRow(DeviceFileModel):
    """F at one distance from the isocentre."""

    distance_mm: float = Field(gt=0)
    factors: tuple[float, ...]


class AnisotropyFile(DeviceFileModel):
    """A measured anisotropy as written; every key is needed."""

    metaspine_anisotropy: Literal[1]
    serial_number: str = Field(min_length=1)
    date: datetime.date
    tube_voltage_kv: float = Field(gt=0)
    applicator: str
    angles_deg: tuple[float, ...] = Field(min_length=3)
    rows: tuple[AnisotropyRow, ...] = Field(min_length=1)


def read_anisotropy(path: Path, applicator: Applicator) -> Anisotropy:
    """Return the anisotropy that a user measured with an applicator.

    Raises
    ------
    DeviceFileError
        When the file cannot be read or does not fit the format, belongs to another applicator or tube voltage, its
        angles don't rise from 0 to 150 degrees or more, or a row is not positive or not 1 on the equator.
    """
    document = read_device_file(path, AnisotropyFile, remedy=_REMEDY)
    angles, distances = np.array(document.angles_deg), np.array([row.distance_mm for row in document.rows])
    _refuse_other(document, applicator, path)
    _refuse_unordered(angles, distances, path)
    for row in document.rows:
        _refuse_row(row, angles, path)
    return Anisotropy(
        description=f"measured on {document.date}, serial number {document.serial_number}",
        distance_mm=distances,
        angle_deg=angles,
        factor=np.array([row.factors for row in document.rows]),
        applicator=document.applicator,
        serial_number=document.serial_number,
        tube_voltage_kv=document.tube_voltage_kv,
        date=document.date,
    )


def _refuse_other(document: AnisotropyFile, applicator: Applicator, path: Path) -> None:
    if document.applicator != applicator.name or document.tube_voltage_kv != applicator.tube_voltage_kv:
        raise DeviceFileError(
            f"the anisotropy belongs to {document.applicator} at {document.tube_voltage_kv:g} kV, the applicator is "
            f"{applicator.name} at {applicator.tube_voltage_kv:g} kV",
            where=str(path),
            remedy="Give the anisotropy measured with this applicator",
        )


def _refuse_unordered(angles: FloatArray, distances: FloatArray, path: Path) -> None:
    rising = bool((np.diff(angles) > 0).all() and (np.diff(distances) > 0).all())
    if not rising or angles[0] != 0 or not _LAST_DEG <= angles[-1] <= 180:
        raise DeviceFileError(
            f"angles from {angles[0]:g} to {angles[-1]:g} degrees at {', '.join(f'{d:g}' for d in distances)} mm",
            where=str(path),
            remedy=f"Give rising angles from 0 (the tip) to {_LAST_DEG:g} degrees or more, and rising distances",
        )


def _refuse_row(row: AnisotropyRow, angles: FloatArray, path: Path) -> None:
    if len(row.factors) != angles.size:
        raise DeviceFileError(
            f"{len(row.factors)} factors at {row.distance_mm:g} mm for {angles.size} angles",
            where=str(path),
            remedy="Give one factor for each angle",
        )
    equator = float(np.interp(_EQUATOR_DEG, angles, row.factors))
    if min(row.factors) <= 0 or abs(equator - 1) > _EQUATOR_TOLERANCE:
        raise DeviceFileError(
            f"factors from {min(row.factors):g} at {row.distance_mm:g} mm, {equator:.3g} at 90 degrees",
            where=str(path),
            remedy="Give positive factors relative to the dose on the equator, where they are 1",
        )
