"""CT, structures and dose of one patient, however he lay and whichever end went first: they meet at the same place."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_dicom import PATIENT_POSITIONS, setting, slope_hu, write_series, write_structure_set
from synthetic_dose import slope_gy, write_dose

from metaspine.errors import StructureError
from metaspine.exchange.rtdose import read_dose
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Volume
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.rasterise import coverage

TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
AXES = {**PATIENT_POSITIONS, "oblique": (tuple(TURN[0]), tuple(TURN[1]))}
PIXEL_MM, SLICE_MM = 1.0, 2.0
SHAPE = (13, 17, 19)
"""Slices, rows, columns."""
CENTRE_MM = np.array([3.0, -2.0, 4.0])
"""Of the image, and of the dose."""


def first_mm(axes: np.ndarray, steps: tuple[float, float, float]) -> np.ndarray:
    """The first pixel's centre, so that the image's centre lies at CENTRE_MM."""
    return CENTRE_MM - sum(step * axis for step, axis in zip(steps, axes, strict=True))


def frame_of(position: str) -> np.ndarray:
    row, column = np.array(AXES[position])
    return np.array([row, column, np.cross(row, column)])


def box(axes: np.ndarray) -> list[tuple[str, list[float]]]:
    """A box on three slices, away from the centre along every axis: columns 10 to 16, rows 9 to 13, slices 7 to 9."""
    start = first_mm(axes, (9.0 * PIXEL_MM, 8.0 * PIXEL_MM, 6.0 * SLICE_MM))
    corners = [(9.5, 8.5), (16.5, 8.5), (16.5, 13.5), (9.5, 13.5)]
    planes = [
        np.array([start + i * axes[0] + j * axes[1] + k * SLICE_MM * axes[2] for i, j in corners]) for k in (7, 8, 9)
    ]
    return [("CLOSED_PLANAR", plane.ravel().tolist()) for plane in planes]


def middle_mm(axes: np.ndarray) -> np.ndarray:
    return first_mm(axes, (9.0, 8.0, 12.0)) + 13.0 * axes[0] + 11.0 * axes[1] + 16.0 * axes[2]


def mean_inside(values: Volume, region: ContourSet) -> float:
    share = coverage(region, values.grid, slice_thickness_mm=SLICE_MM).values
    return float((share * values.values).sum() / share.sum())


@pytest.mark.parametrize(
    ("position", "dose_position"),
    [*((position, position) for position in AXES), *((position, "HFS") for position in PATIENT_POSITIONS)],
)
def test_ct_structure_and_dose_meet_where_they_were_drawn(tmp_path, position, dose_position):
    axes, lies = frame_of(position), frame_of(dose_position)
    write_series(
        tmp_path / "ct",
        axes=(axes[0], axes[1]),
        step_mm=SLICE_MM * axes[2],
        first_mm=first_mm(axes, (9.0, 8.0, 12.0)),
        pixel_mm=(PIXEL_MM, PIXEL_MM),
        size=SHAPE,
        change=setting("PatientPosition", position if position in PATIENT_POSITIONS else "HFS"),
    )
    drawn = write_structure_set(tmp_path / "rs.dcm", {"SpinalCord": box(axes)})
    scan = read_scan(tmp_path / "ct", structures=drawn)
    assert scan.notes == ()
    region = scan.structure("SpinalCord").region
    assert isinstance(region, ContourSet)
    expected = middle_mm(axes)
    assert mean_inside(scan.image, region) == pytest.approx(slope_hu(expected), abs=0.3)

    start = first_mm(lies, (1.5 * 8 / 2, 2.0 * 6 / 2, 2.0 * 10 / 2)) + (expected - CENTRE_MM)
    path = write_dose(
        tmp_path / "dose.dcm", axes=(lies[0], lies[1]), offsets=[2.0 * k for k in range(11)], first_mm=start
    )
    dose = read_dose(path).volume
    assert mean_inside(dose, region) == pytest.approx(slope_gy(expected), abs=0.02)


def test_a_tilted_gantry_takes_upright_contours_and_refuses_those_of_its_own_slices(tmp_path):
    tilt, upright = np.radians(18.5), np.eye(3)
    axes = np.array([[1.0, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, 0, 1.0]])
    write_series(
        tmp_path / "ct",
        axes=(axes[0], axes[1]),
        step_mm=SLICE_MM * axes[2],
        first_mm=first_mm(axes, (9.0, 8.0, 12.0)),
        pixel_mm=(PIXEL_MM, PIXEL_MM),
        size=SHAPE,
    )
    regions = {"SpinalCord": box(upright), "GTV": box(axes)}
    scan = read_scan(tmp_path / "ct", structures=write_structure_set(tmp_path / "rs.dcm", regions))
    found = mean_inside(scan.image, scan.structure("SpinalCord").region)
    assert found == pytest.approx(slope_hu(middle_mm(upright)), abs=0.3)
    assert any("GTV: contours lie up to 0.84 mm off the image's slices" in note for note in scan.notes)
    with pytest.raises(StructureError, match=r"a contour strays 1\.59 mm from the plane"):
        mean_inside(scan.image, scan.structure("GTV").region)
