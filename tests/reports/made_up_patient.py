"""A small made-up patient with a plan: everything a report shows, in numbers that are easy to check by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import (
    AppliedPrescription,
    Approach,
    BlockedPath,
    Caution,
    DwellPosition,
    LimitCheck,
    Plan,
    Trajectory,
)
from metaspine.patient.prescription import Prescription
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.patient.vertebra import LandmarkCount, LevelCheck, LocalFrame, Pedicle, Plane, Vertebra
from metaspine.physics.applicators import Applicator, Channel, DepthDose, DoseConvention, Output

FRAME = "2.25.4711"
LEFT, ANTERIOR, CRANIAL = np.eye(3) * np.array([[1.0], [-1.0], [1.0]])
ISOCENTRE_MM = np.array([2.0, -4.0, 0.0])


def scan_grid(*, mirrored: bool = False) -> Grid:
    """100 x 100 x 60 voxels of 1.25 mm about the origin; mirrored: index i grows to the patient's right."""
    affine = np.diag([1.25, 1.25, 1.25, 1.0])
    affine[:3, 3] = -1.25 * np.array([49.5, 39.5, 29.5])
    if mirrored:
        affine[0] *= -1.0
    return Grid(affine, (100, 100, 60), FRAME)


def ellipsoid(
    points_mm: np.ndarray, centre_mm: tuple[float, float, float], half_mm: tuple[float, float, float]
) -> np.ndarray:
    return np.square((points_mm - centre_mm) / half_mm).sum(axis=-1) < 1.0


def make_scan(grid: Grid) -> Scan:
    points = grid.point_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    x, y, z = np.moveaxis(points, -1, 0)
    body = ellipsoid(points, (0, -6, 0), (22, 16, 13)) & (np.abs(z) < 12)
    cord = (np.square(x / 6.0) + np.square((y - 18.0) / 4.5)) < 1.0
    canal = (np.square(x / 9.0) + np.square((y - 18.0) / 7.5)) < 1.0
    arch = ((np.square(x / 15.0) + np.square((y - 19.0) / 13.0)) < 1.0) & (np.abs(z) < 9) & ~canal
    spinous = (np.abs(x) < 3) & (y > 28) & (y < 50) & (np.abs(z + 4) < 5)
    lesion = ellipsoid(points, (2, -5, 0), (9, 8, 8))
    values = np.full(grid.shape, 40.0)
    values[body | arch | spinous] = 330.0
    values[lesion] = 60.0
    values[(y > 62)] = -1000.0
    structures = (
        Structure(
            "vertebrae_T12",
            Role.VERTEBRA,
            Volume((body | arch | spinous) & ~canal, grid),
            Origin.AUTOMATIC,
            level="T12",
        ),
        Structure("spinal_cord", Role.SPINAL_CORD, Volume(cord, grid), Origin.AUTOMATIC),
        Structure("lesion", Role.LESION, Volume(lesion, grid), Origin.SYNTHETIC, level="T12"),
    )
    return Scan(Volume(values, grid), structures, ScanOrigin("ct.nii.gz", "c" * 64))


def make_applicator() -> Applicator:
    depth_dose = DepthDose(
        np.array([5.0, 10.0, 20.0, 40.0]), np.array([20.0, 2.5, 0.3125, 0.04]), 0.08, (5.0, 30.0), ("DEV-01",)
    )
    output = Output(depth_dose, False, "nominal output, not for treatment", "dose to water")
    channel = Channel(4.4, 94.0, 4.4, 55.0, 7.0, ("DEV-02",))
    return Applicator(
        "intrabeam-needle", "INTRABEAM needle applicator", 50.0, 2.2, 2.2, channel, output, 1.0, ("DEV-01",)
    )


def make_trajectory(scan: Scan, side: Side = Side.RIGHT) -> Trajectory:
    direction = np.array([-0.60 * side.lps_sign, -0.79, 0.11])
    direction /= np.linalg.norm(direction)
    tip = ISOCENTRE_MM + 2.2 * direction
    return Trajectory(
        side,
        Approach.TRANSPEDICULAR,
        tip - 71.3 * direction,
        ISOCENTRE_MM,
        direction,
        tip,
        71.3,
        ISOCENTRE_MM - 34.0 * direction,
        1.4,
        3.3,
        37.2,
        6.3,
        1.0,
    )


def make_vertebra() -> Vertebra:
    axes = LocalFrame(LEFT, ANTERIOR, CRANIAL)
    pedicles = [
        Pedicle(side, np.array([side.lps_sign * 13.0, 14.0, 3.0]), ANTERIOR, 9.1, 14.0, 96.0)
        for side in (Side.RIGHT, Side.LEFT)
    ]
    return Vertebra(
        "T12",
        FRAME,
        axes,
        np.array([0.0, -6.0, 0.0]),
        np.array([0.0, 18.0, 0.0]),
        18.0,
        15.0,
        pedicles[0],
        pedicles[1],
        Plane(np.array([0.0, -6.0, 12.0]), CRANIAL),
        Plane(np.array([0.0, -6.0, -12.0]), CRANIAL),
        True,
        0.9,
    )


def make_plan(scan: Scan, side: Side = Side.RIGHT) -> Plan:
    applicator = make_applicator()
    trajectory = make_trajectory(scan, side)
    requested = Prescription(dose_gy=8, depth_mm=13, origin="isocentre")
    applied = AppliedPrescription(
        requested,
        13.0,
        11.6,
        11.6,
        True,
        8.0,
        1.6,
        0.871,
        0.953,
        "The cord's upper 95 % bound would pass 8 Gy at 13.0 mm.",
        ("IORT-20", "IORT-21"),
    )
    limit = LimitCheck("spinal_cord", False, 8.0, 5.31, 7.96, 4.87, 7.12, 18.4, True, False, ("IORT-20",))
    return Plan(
        level="T12",
        vertebra=make_vertebra(),
        level_check=LevelCheck(
            "T12",
            "T12",
            (LandmarkCount("last rib", "T12"), LandmarkCount("sacrum", "", "the sacrum is out of view")),
            True,
        ),
        lesion=scan.structure("lesion"),
        limiting_structure=scan.structure("spinal_cord"),
        applicator=applicator,
        output=applicator.nominal,
        convention=DoseConvention.CONSOLE,
        trajectory=trajectory,
        alternatives=(replace(trajectory, side=side.other, pedicle_margin_mm=0.6, score=0.7),),
        blocked=(BlockedPath(side.other, Approach.EXTRAPEDICULAR, "the rib lies in the way at every angle tried"),),
        prescription=applied,
        limit=limit,
        dwell=DwellPosition(trajectory.isocentre_mm, trajectory.direction, 300.4),
        hand_check="11.6 mm from the isocentre, 1.60 Gy/min: 8 Gy in 5 min 00 s",
        warnings=(
            Caution("PRESCRIPTION_REDUCED", "The prescription distance was reduced from 13.0 to 11.6 mm.", "IORT-21"),
            Caution(
                "NOMINAL_OUTPUT",
                "No calibration of your own device was given: nominal output, not for treatment.",
                "DEV-01",
                True,
            ),
            Caution(
                "LIMIT_UNCONFIRMED",
                "The spinal cord came from automatic labels and nobody confirmed it.",
                "PLAN-12",
                True,
            ),
        ),
        policy=(("pedicle_margin_mm", "1 mm (PLAN-02, C)"), ("canal_clearance_mm", "1 mm (PLAN-04, C)")),
        scan_sha256="c" * 64,
        metaspine_version="0.1.0",
    )


def make_dose(scan: Scan) -> Dose:
    """1600 / r^3 Gy/min x 5.007 min: 8 Gy lies at 10 mm; undefined inside 2.2 mm."""
    grid = Grid.around(ISOCENTRE_MM, half_extent_mm=32, spacing_mm=1.0, frame_of_reference=FRAME)
    points = grid.point_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    radius = np.linalg.norm(points - ISOCENTRE_MM, axis=-1)
    values = np.where(radius < 2.2, np.nan, 8.0 * (11.6 / np.maximum(radius, 0.1)) ** 3)
    uncertainty = Volume(np.broadcast_to(np.float64(0.08), grid.shape), grid)
    provenance = DoseProvenance("water", "1", "intrabeam-needle", "nominal output, not for treatment", False, "c" * 64)
    return Dose(Volume(values, grid), uncertainty, "water", DoseConvention.CONSOLE, provenance, ("Dose in water.",))
