"""Grids of every orientation, for the tests of this folder."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from metaspine.geometry import Grid
from metaspine.geometry.contours import Contour, ContourSet

FRAME = "1.2.826.0.1.3680043.10.1"

PATIENT_POSITIONS = {
    "HFS": ((1, 0, 0), (0, 1, 0)),
    "HFP": ((-1, 0, 0), (0, -1, 0)),
    "HFDR": ((0, 1, 0), (-1, 0, 0)),
    "HFDL": ((0, -1, 0), (1, 0, 0)),
    "FFS": ((-1, 0, 0), (0, 1, 0)),
    "FFP": ((1, 0, 0), (0, -1, 0)),
    "FFDR": ((0, -1, 0), (-1, 0, 0)),
    "FFDL": ((0, 1, 0), (1, 0, 0)),
}
"""LPS directions in which columns and rows are counted in axial pictures (DICOM PS3.3 C.7.6.1.1.1: the scanner's
picture stays upright while the patient lies as the position says)."""


def grid_in_position(position: str, *, spacing_mm=(1.0, 1.0, 1.0), shape=(40, 40, 20), centre_mm=(0, 0, 0)) -> Grid:
    """An axial grid of a patient position; slices are stored against the table's way for feet first."""
    columns, rows = (np.array(way, dtype=float) for way in PATIENT_POSITIONS[position])
    directions = np.stack([columns, rows, np.cross(columns, rows)], axis=1)
    return grid_along(directions, spacing_mm=spacing_mm, shape=shape, centre_mm=centre_mm)


def grid_along(directions, *, spacing_mm, shape, centre_mm=(0, 0, 0)) -> Grid:
    """A grid along the columns of ``directions`` whose middle is ``centre_mm``."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions) * spacing_mm
    affine[:3, 3] = np.asarray(centre_mm, dtype=float) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(affine, shape, FRAME)


def contour_set(*loops, frame: str = FRAME) -> ContourSet:
    return ContourSet(tuple(Contour(np.asarray(loop, dtype=float)) for loop in loops), frame)


def in_plane(points, z: float = 0.0) -> np.ndarray:
    """Points (n, 2) as LPS points on an axial plane."""
    points = np.asarray(points, dtype=float)
    return np.column_stack([points, np.full(len(points), z)])


def circle(radius: float, centre=(0.0, 0.0), *, z: float = 0.0, corners: int = 400) -> np.ndarray:
    angle = 2 * np.pi * np.arange(corners) / corners
    return in_plane(np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)]), z)


def polygon_area(radius: float, corners: int = 400) -> float:
    return corners / 2 * radius**2 * np.sin(2 * np.pi / corners)


def square(side: float, centre=(0.0, 0.0), *, z: float = 0.0) -> np.ndarray:
    h = side / 2
    x, y = centre
    return in_plane([(x - h, y - h), (x + h, y - h), (x + h, y + h), (x - h, y + h)], z)


@st.composite
def rotations(draw) -> np.ndarray:
    """Proper rotations and, half the time, reflections: axes of any handedness."""
    quaternion = np.array([draw(st.floats(-1, 1)) for _ in range(3)] + [draw(st.floats(0.2, 1))])
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return rotation * np.array([1, 1, draw(st.sampled_from([-1, 1]))])


@st.composite
def grids(draw, *, most_voxels: int = 7) -> Grid:
    """Grids with oblique, flipped and permuted axes, unequal spacings, far from the origin."""
    permuted = draw(rotations())[:, draw(st.permutations(range(3)))]
    spacing = [draw(st.floats(0.3, 5)) for _ in range(3)]
    shape = tuple(draw(st.integers(1, most_voxels)) for _ in range(3))
    centre = [draw(st.floats(-500, 500)) for _ in range(3)]
    return grid_along(permuted, spacing_mm=spacing, shape=shape, centre_mm=centre)
