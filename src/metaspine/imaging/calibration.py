"""The CT curve: mass density by Hounsfield units, for one scanner at one tube voltage."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from metaspine.errors import DeviceFileError
from metaspine.evidence import look_up
from metaspine.geometry.grid import FloatArray
from metaspine.patient.scan import Scan
from metaspine.physics.device_files import DeviceFileModel, read_device_file

GENERIC = "generic-120kv"
_SAME_KV = 1.0
_AIR_BY_HU, _BONE_FROM_HU = -900, 1000
_REMEDY = "See docs/materials.md for the format of a CT curve"


@dataclass(frozen=True, eq=False)
class CtCurve:
    """Mass density by Hounsfield units, linear between its points.

    Below the first point its density holds, above the last the last one's: what lies there is counted and noted.
    """

    name: str
    title: str
    tube_voltage_kv: float
    scanner: str
    date: datetime.date | None
    """When it was measured; None for a curve from the literature."""
    hounsfield: FloatArray
    """(point,) rising."""
    density_g_cm3: FloatArray
    """(point,) rising."""
    evidence: tuple[str, ...]
    source_path: str = ""

    @property
    def generic(self) -> bool:
        """Whether it comes from the literature and not from a scanner."""
        return self.date is None

    def density(self, hounsfield: ArrayLike) -> FloatArray:
        """Return the mass density in g/cm3 at Hounsfield units (...)."""
        return np.asarray(np.interp(np.asarray(hounsfield, dtype=np.float64), self.hounsfield, self.density_g_cm3))


class CurvePoint(DeviceFileModel):
    """One point of a curve."""

    hu: float
    density_g_cm3: float = Field(gt=0)


class CtCurveFile(DeviceFileModel):
    """A CT curve as written; the date may be null only where evidence names the literature."""

    metaspine_ct_curve: Literal[1]
    name: str
    title: str
    tube_voltage_kv: float = Field(gt=0)
    scanner: str
    date: datetime.date | None
    evidence: str | None = None
    points: tuple[CurvePoint, ...] = Field(min_length=3)


def read_ct_curve(name_or_path: str | Path = GENERIC) -> CtCurve:
    """Return the shipped generic curve by its name, or a scanner's own from a file (a path that ends in .yaml or .yml).

    Raises
    ------
    DeviceFileError
        When there is no such curve, its points don't rise, it does not reach from air to bone, or it has neither a date
        nor evidence.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        return _from_file(Path(text), source_path=text)
    if text != GENERIC:
        raise DeviceFileError(
            f"there is no CT curve {text!r}",
            where="CT curves",
            remedy=f"There is: {GENERIC}; or give the path of a .yaml file",
        )
    with as_file(files("metaspine.imaging") / "data" / f"{text}.yaml") as path:
        return _from_file(path, source_path="")


def cautions_of(curve: CtCurve, scan: Scan) -> tuple[str, ...]:
    """Return what must be said when a curve reads a scan; refuse a curve of another tube voltage (CT-06).

    Raises
    ------
    DeviceFileError
        When the scan was made at another tube voltage than the curve.
    """
    voltage = scan.origin.tube_voltage_kv
    if voltage is not None and abs(voltage - curve.tube_voltage_kv) > _SAME_KV:
        raise DeviceFileError(
            f"the CT curve {curve.name} belongs to {curve.tube_voltage_kv:g} kV, the scan was made at {voltage:g} kV",
            where=curve.source_path or scan.origin.path,
            remedy=f"Give the scanner's own curve for {voltage:g} kV: densities of bone differ by more than its errors",
        )
    cautions = []
    if voltage is None:
        cautions.append(
            f"The CT's tube voltage is unknown; its densities were read by the curve {curve.name} for "
            f"{curve.tube_voltage_kv:g} kV. At another voltage bone would be read too dense or too thin"
        )
    if curve.generic:
        cautions.append(
            f"The CT's densities were read by a curve from the literature, not the scanner's own ({curve.name})"
        )
    return tuple(cautions)


def _from_file(path: Path, *, source_path: str) -> CtCurve:
    document = read_device_file(path, CtCurveFile, remedy=_REMEDY)
    if document.evidence:
        look_up(document.evidence)
    hounsfield = np.array([point.hu for point in document.points])
    density = np.array([point.density_g_cm3 for point in document.points])
    _refuse_unusable(hounsfield, density, document, path)
    return CtCurve(
        name=document.name,
        title=document.title,
        tube_voltage_kv=document.tube_voltage_kv,
        scanner=document.scanner,
        date=document.date,
        hounsfield=hounsfield,
        density_g_cm3=density,
        evidence=(document.evidence,) if document.evidence else (),
        source_path=source_path,
    )


def _refuse_unusable(hounsfield: FloatArray, density: FloatArray, document: CtCurveFile, path: Path) -> None:
    falls = np.flatnonzero((np.diff(hounsfield) <= 0) | (np.diff(density) <= 0))
    if falls.size:
        first, second = (document.points[falls[0] + step] for step in (0, 1))
        raise DeviceFileError(
            f"the curve does not rise from {first.hu:g} HU ({first.density_g_cm3:g} g/cm3) to "
            f"{second.hu:g} HU ({second.density_g_cm3:g} g/cm3)",
            where=str(path),
            remedy="Give points whose Hounsfield units and densities both rise",
        )
    if hounsfield[0] > _AIR_BY_HU or hounsfield[-1] < _BONE_FROM_HU:
        raise DeviceFileError(
            f"the curve reaches from {hounsfield[0]:g} to {hounsfield[-1]:g} HU only",
            where=str(path),
            remedy=f"Give points from air (below {_AIR_BY_HU} HU) to dense bone (above {_BONE_FROM_HU} HU)",
        )
    if document.date is None and not document.evidence:
        raise DeviceFileError(
            "the curve has neither the date of its measurement nor evidence",
            where=str(path),
            remedy="State the date on which the scanner was measured",
        )
