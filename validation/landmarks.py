"""The points found in real vertebrae against those picked on the same CTs (landmarks.json of the shared data)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.exchange.scans import read_scan
from metaspine.geometry.grid import FloatArray
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.vertebra import Vertebra
from validation.chapter import Chapter, Table, verdict


@dataclass(frozen=True)
class Source:
    """A CT of the shared data with the label map its vertebrae come from."""

    image: str
    labels: str
    levels: tuple[str, ...]


SOURCES = (
    Source("ct_lidc0001_thoracolumbar/ct.nii.gz", "ct_lidc0001_thoracolumbar/labels.nii.gz", ("T8", "T12", "L1")),
    Source("ct_totalseg_lumbar_3mm/ct.nii.gz", "ct_totalseg_lumbar_3mm/labels.nii.gz", ("L1", "L3")),
    Source("ct_tptbox_L3/ct.nii.gz", "ct_tptbox_L3/labels_vertebra.nii.gz", ("L3",)),
    Source("dicom_ct_totalseg_T11T12/dicom", "dicom_ct_totalseg_T11T12/labels.nii.gz", ("T12",)),
)


@dataclass(frozen=True, eq=False)
class LandmarkError:
    """One point found minus the point picked, along the picked vertebra's own axes, mm."""

    image: str
    level: str
    point: str
    left_mm: float
    anterior_mm: float
    cranial_mm: float
    uncertainty_mm: float
    complete: bool
    """Whether the vertebra lies wholly in the image."""

    @property
    def distance_mm(self) -> float:
        """The length of the error."""
        return float(np.linalg.norm([self.left_mm, self.anterior_mm, self.cranial_mm]))


def scan_of(source: Source, data: Path) -> Scan:
    """Read a source's CT with its labels."""
    return read_scan(data / source.image, structures=data / source.labels)


def landmark_errors(source: Source, data: Path) -> tuple[LandmarkError, ...]:
    """Return the error of every picked point of a CT; a point that was not found is infinitely far away."""
    picked = json.loads((data / "landmarks.json").read_text(encoding="utf-8"))[source.image]
    scan = scan_of(source, data)
    return tuple(
        error
        for level in source.levels
        for error in _errors(source.image, describe_vertebra(scan, level), picked[level])
    )


def _errors(image: str, found: Vertebra, picked: dict) -> list[LandmarkError]:
    left, anterior, cranial = (
        sign * np.array(picked["axes_RAS"][name]) * [-1, -1, 1]
        for sign, name in ((-1, "right_lateral"), (1, "anterior"), (1, "cranial"))
    )
    uncertainty = float(re.search(r"[\d.]+", picked["uncertainty"])[0])
    errors = []
    for name, point in _points(found).items():
        offset = np.full(3, np.inf) if point is None else point - np.array(picked["points"][name]["LPS"])
        parts = [float(offset @ axis) if point is not None else np.inf for axis in (left, anterior, cranial)]
        errors.append(LandmarkError(image, found.level, name, *parts, uncertainty, found.complete))
    return errors


def _points(found: Vertebra) -> dict[str, FloatArray | None]:
    isthmi = {side: found.pedicle(side) for side in Side}
    return {
        "body_centre": found.body_centre_mm,
        "canal_centre_at_pedicle_level": found.canal_centre_mm,
        **{f"pedicle_isthmus_{side}": pedicle and pedicle.isthmus_mm for side, pedicle in isthmi.items()},
    }


def chapter(data: Path | None) -> Chapter:
    """Return the landmark errors in mm, CT by CT."""
    title = "Anatomy: landmarks on real CTs"
    if data is None:
        return Chapter(title, "METASPINE_TEST_DATA is not set: the shared CTs are not at hand, nothing was measured.")
    text = (
        "Points found from the automatic vertebra labels against points picked on the same CTs, along the vertebra's "
        "own axes. A vertebra that lies wholly in the image passes when the distance is within the picked point's "
        "uncertainty. The T12 of the DICOM series reaches the image's lower border, and its coarse label is mixed "
        "with T11's: its errors are shown, not judged."
    )
    return Chapter(title, text, tuple(_table(source, landmark_errors(source, data)) for source in SOURCES))


def _table(source: Source, errors: tuple[LandmarkError, ...]) -> Table:
    header = ("level", "point", "left mm", "anterior mm", "cranial mm", "distance mm", "allowed mm", "verdict")
    rows = tuple(
        (
            error.level,
            error.point.replace("_", " "),
            *(f"{part:+.1f}" for part in (error.left_mm, error.anterior_mm, error.cranial_mm)),
            f"{error.distance_mm:.1f}",
            f"{error.uncertainty_mm:.1f}",
            verdict(error.distance_mm <= error.uncertainty_mm) if error.complete else "cut by the image: not judged",
        )
        for error in errors
    )
    return Table(source.image, header, rows)
