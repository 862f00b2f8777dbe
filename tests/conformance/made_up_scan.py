"""A scan with what is hard to write: a ring, an island in it, a drawn ring, curves, points, something too thin."""

from __future__ import annotations

import numpy as np
from made_up_dose import FRAME, LIES, STUDY

from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure

SHAPE = (60, 50, 16)
SPACING_MM = (1.0, 1.0, 1.5)
INSTANCES = tuple(f"1.2.826.0.1.3680043.10.99.4.{k}" for k in range(SHAPE[2]))


def scan_grid(lie: str = "HFS", frame: str = FRAME) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = LIES[lie] * SPACING_MM
    affine[:3, 3] = (10.0, -30.0, 100.0) - affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return Grid(affine, SHAPE, frame)


def points_of(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


def masks(grid: Grid) -> dict[str, np.ndarray]:
    """A ring of 2 cc, the same with an island, and a cord that touches the border of the image."""
    x, y, z = np.moveaxis(points_of(grid) - np.array([10.0, -30.0, 100.0]), -1, 0)
    radius, near = np.hypot(x - 2, y + 1), np.abs(z) < 3
    ring = (radius < 11.8) & (radius > 5.9) & near
    return {"lesion_T12": ring, "island": ring | ((radius < 3) & near), "spinal_cord": (x > 20) & (y > 10)}


def drawn_ring(z_mm: float, centre_mm: tuple[float, float] = (12.0, -31.0)) -> tuple[Contour, Contour]:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.c_[np.cos(angle), np.sin(angle), np.zeros(40)]
    return tuple(Contour(radius * circle + (*centre_mm, z_mm)) for radius in (9.0, 4.0))  # type: ignore[return-value]


def make_scan(lie: str = "HFS", *, slices: bool = True, frame: str = FRAME) -> Scan:
    grid = scan_grid(lie, frame)
    found = masks(grid)
    heights = sorted(grid.point_mm((0, 0, k))[2] for k in (6, 7, 8))
    rings = tuple(contour for z in heights for contour in drawn_ring(z))
    line = Contour(np.array([[10.0, -30, 95], [11.0, -31, 99], [12.0, -33, 104]]), "open")
    mark = Contour(np.array([[10.123456, -30.5, 100.25]]), "point")
    structures = (
        Structure("lesion_T12", Role.LESION, Volume(found["lesion_T12"], grid), Origin.SYNTHETIC, level="T12"),
        Structure("island", Role.OTHER, Volume(found["island"], grid), Origin.UNKNOWN),
        Structure("spinal_cord", Role.SPINAL_CORD, Volume(found["spinal_cord"], grid), Origin.AUTOMATIC),
        Structure("GTV", Role.LESION, ContourSet(rings, frame), Origin.DRAWN, confirmed_by="Dr Who"),
        Structure("catheter", Role.OTHER, ContourSet((line, mark), frame), Origin.DRAWN),
        Structure(
            "thin",
            Role.RIB,
            Volume(np.full((3, 3, 3), 0.2, np.float32), grid.cropped((0, 0, 0), (3, 3, 3))),
            Origin.DERIVED,
        ),
    )
    values = np.full(grid.shape, 40, dtype=np.int16)
    values[found["lesion_T12"]] = 330
    values[:5] = -1000
    origin = ScanOrigin(
        "ct",
        "c" * 64,
        series_uid="1.2.826.0.1.3680043.10.99.3" if slices else "",
        study_uid=STUDY.study_uid if slices else "",
        patient_position=lie if slices and len(lie) < 5 else "",
        tube_voltage_kv=120.0 if slices else None,
        study=STUDY if slices else None,
        instance_uids=INSTANCES if slices else (),
    )
    return Scan(Volume(values, grid), structures, origin, unreadable=(("PTV", "has no contours"),))
