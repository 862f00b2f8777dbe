"""A dose around a needle, on grids that lie every way an image can, and the plan that it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage

from metaspine.exchange.writing.objects import Kind, new_object
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance, EffectiveDose
from metaspine.patient.study import Study
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel

FRAME = "1.2.826.0.1.3680043.10.99.1"
STUDY = Study(patient_name="Doe^Jane", patient_id="17", sex="F", study_uid="1.2.826.0.1.3680043.10.99.2")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISOCENTRE_MM = np.array([3.0, -20.0, 105.0])
SHAPE = (21, 17, 13)


def turn(angles_deg: tuple[float, float, float]) -> np.ndarray:
    """Rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(angles_deg)):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[[one, one, other, other], [one, other, one, other]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        matrix = step @ matrix
    return matrix


def axes(row: tuple[float, ...], column: tuple[float, ...], sign: float = 1.0) -> np.ndarray:
    return np.column_stack([row, column, sign * np.cross(row, column)])


LIES: dict[str, np.ndarray] = {
    "HFS": axes((1, 0, 0), (0, 1, 0)),
    "HFP": axes((-1, 0, 0), (0, -1, 0)),
    "HFDR": axes((0, -1, 0), (1, 0, 0)),
    "HFDL": axes((0, 1, 0), (-1, 0, 0)),
    "FFS": axes((-1, 0, 0), (0, 1, 0)),
    "FFP": axes((1, 0, 0), (0, -1, 0)),
    "FFDR": axes((0, -1, 0), (-1, 0, 0)),
    "FFDL": axes((0, 1, 0), (1, 0, 0)),
    "left-handed (NIfTI)": axes((-1, 0, 0), (0, 1, 0), -1.0),
    "slices downwards": axes((1, 0, 0), (0, 1, 0), -1.0),
    "sagittal": axes((0, 1, 0), (0, 0, -1)),
    "oblique": turn((11.0, -7.0, 4.0)),
    "oblique, left-handed": turn((-20.0, 9.0, 33.0)) @ np.diag([1.0, 1.0, -1.0]),
}
"""The columns say where i, j and k lead."""


def grid_of(directions: np.ndarray, *, spacing_mm: tuple[float, ...] = (1.0, 1.5, 2.5)) -> Grid:
    """A grid of SHAPE around the isocentre."""
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing_mm
    affine[:3, 3] = ISOCENTRE_MM + np.array([0.3, 0.2, -0.1]) - affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return Grid(affine, SHAPE, FRAME)


def dose_gy(points_mm: np.ndarray) -> np.ndarray:
    """8 Gy at 13 mm, falling with the cube of the distance, steeper to the left and to the head."""
    away = points_mm - ISOCENTRE_MM
    radius = np.maximum(np.linalg.norm(away, axis=-1), 0.5)
    return 8.0 * (13.0 / radius) ** 3 * np.exp(away @ np.array([0.02, 0.01, 0.005]))


def make_dose(
    grid: Grid | None = None,
    *,
    convention: DoseConvention = DoseConvention.CONSOLE,
    calibrated: bool = False,
    interior_mm: float = 2.2,
) -> Dose:
    there = grid_of(LIES["HFS"]) if grid is None else grid
    points = there.point_mm(np.stack(np.meshgrid(*map(np.arange, there.shape), indexing="ij"), axis=-1))
    inside = np.linalg.norm(points - ISOCENTRE_MM, axis=-1) < interior_mm
    values = np.where(inside, np.nan, dose_gy(points)).astype(np.float32)
    uncertainty = np.where(inside, np.nan, 0.08 + 0.001 * (points[..., 0] - ISOCENTRE_MM[0])).astype(np.float32)
    medium = {DoseConvention.CONSOLE: "water", DoseConvention.MONTE_CARLO_MEDIUM: "medium"}.get(
        convention, "water in medium"
    )
    provenance = DoseProvenance("water", "1", "intrabeam-needle", "an output", calibrated, "c" * 64)
    return Dose(Volume(values, there), Volume(uncertainty, there), medium, convention, provenance, ("Dose in water.",))


def make_rtplan() -> Dataset:
    """What of a plan an RTDOSE refers to."""
    return new_object(Kind(RTPlanStorage, "RTPLAN", "plan"), study=STUDY, content="plan", when=WHEN)


def make_effective(*, eqd2: bool) -> EffectiveDose:
    """1.3 times the dose, or the EQD2 of that at alpha/beta 2 Gy: d (d + 2) / 4."""
    dose = make_dose()
    weighted = 1.3 * dose.volume.values.astype(np.float64)
    values = weighted * (weighted + 2.0) / 4.0 if eqd2 else weighted
    model = BiologicalModel(1.3, 2.0 if eqd2 else None)
    return EffectiveDose(Volume(values, dose.volume.grid), model, dose, ("A constant.",))


def small_noise(dose: Dose) -> Volume:
    """A statistical uncertainty, 0.1 to 0.3 %, that differs from the whole one and is nowhere above 1 Gy."""
    there = dose.volume.grid
    shares = 0.001 + 0.002 * np.linspace(0.0, 1.0, dose.volume.values.size, dtype=np.float32).reshape(there.shape)
    return Volume(shares, there)
