"""Polar anisotropy from files: a user's own measured F(r, theta), or the one in an applicator's file."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from metaspine.errors import DeviceFileError
from metaspine.physics.applicators import Applicator
from metaspine.physics.device_files import DeviceFileModel, read_device_file
from metaspine.physics.emission import Anisotropy

if TYPE_CHECKING:
    from metaspine.geometry.grid import FloatArray

_EQUATOR_DEG = 90.0
_LAST_DEG = 150.0
_EQUATOR_TOLERANCE = 0.02
_REMEDY = "See docs/materials.md for the format of an anisotropy file"


class AnisotropyRow(DeviceFileModel):
    """F at one distance from the isocentre."""

    distance_mm: float = Field(gt=0)
    factors: tuple[float, ...]


class AnisotropyTable(DeviceFileModel):
    """F(r, theta) as written."""

    angles_deg: tuple[float, ...] = Field(min_length=3)
    rows: tuple[AnisotropyRow, ...] = Field(min_length=1)


class AnisotropyFile(AnisotropyTable):
    """A measured anisotropy as written; every key is needed."""

    metaspine_anisotropy: Literal[1]
    serial_number: str = Field(min_length=1)
    date: datetime.date
    tube_voltage_kv: float = Field(gt=0)
    applicator: str


def read_anisotropy(path: Path, applicator: Applicator, *, serial_number: str | None = None) -> Anisotropy:
    """Return the anisotropy that a user measured with an applicator.

    ``serial_number``, where given, is that of the source at hand.

    Raises
    ------
    DeviceFileError
        When the file cannot be read or does not fit the format, belongs to another applicator, tube voltage or serial
        number, its angles don't rise from 0 to 150 degrees or more, or a row is not positive or not 1 on the equator.
    """
    document = read_device_file(path, AnisotropyFile, remedy=_REMEDY)
    _refuse_other(document, applicator, document.serial_number if serial_number is None else serial_number, path)
    table = anisotropy_of(document, f"measured on {document.date}, serial number {document.serial_number}", path)
    return replace(
        table,
        applicator=document.applicator,
        serial_number=document.serial_number,
        tube_voltage_kv=document.tube_voltage_kv,
        date=document.date,
    )


def anisotropy_of(table: AnisotropyTable, description: str, path: Path, *, evidence: str = "") -> Anisotropy:
    """Return the anisotropy of a table in a file.

    Raises
    ------
    DeviceFileError
        When its angles don't rise from 0 to 150 degrees or more, or a row is not positive or not 1 on the equator.
    """
    angles, distances = np.array(table.angles_deg), np.array([row.distance_mm for row in table.rows])
    _refuse_unordered(angles, distances, path)
    for row in table.rows:
        _refuse_row(row, angles, path)
    factors = np.array([row.factors for row in table.rows])
    return Anisotropy(description, distances, angles, factors, evidence=evidence)


def with_anisotropy(applicator: Applicator, anisotropy: Anisotropy) -> Applicator:
    """Return an applicator that sends its photons as an anisotropy says; Monte Carlo doses then follow it.

    Raises
    ------
    DeviceFileError
        When the anisotropy was measured with another applicator or tube voltage.
    """
    if anisotropy.measured and (anisotropy.applicator, anisotropy.tube_voltage_kv) != (
        applicator.name,
        applicator.tube_voltage_kv,
    ):
        raise DeviceFileError(
            f"the anisotropy belongs to {anisotropy.applicator} at {anisotropy.tube_voltage_kv} kV, the applicator is "
            f"{applicator.name} at {applicator.tube_voltage_kv:g} kV",
            where=applicator.name,
            remedy="Give the anisotropy measured with this applicator",
        )
    return replace(applicator, emission=replace(applicator.emission, anisotropy=anisotropy))


def _refuse_other(document: AnisotropyFile, applicator: Applicator, serial_number: str, path: Path) -> None:
    if document.serial_number != serial_number:
        raise DeviceFileError(
            f"the anisotropy is that of serial number {document.serial_number!r}, but {serial_number!r} is in use",
            where=str(path),
            remedy="Give the anisotropy of the source that is in use",
        )
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
