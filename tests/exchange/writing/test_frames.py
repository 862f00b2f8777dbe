"""Axes turned towards the patient: no value changes its place, whichever way the grid lay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from metaspine.exchange.writing.frames import frames_of, slice_axis, towards_patient
from metaspine.geometry import Grid, Volume

ANGLES = st.tuples(*[st.floats(-180, 180) | st.sampled_from([-90.0, -45.0, 45.0, 60.0, 90.0])] * 3)


def volume_of(angles: tuple[float, float, float], mirrored: bool) -> Volume:
    affine = np.eye(4)
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag([1, 1, -1.0 if mirrored else 1.0])
    affine[:3, :3] = axes * (1.0, 1.5, 2.5)
    affine[:3, 3] = (3.0, -4.0, 5.0)
    return Volume(np.arange(60.0).reshape(3, 4, 5), Grid(affine, (3, 4, 5), "1.2.3"))


@given(ANGLES, st.booleans())
def test_every_value_stays_where_it_was(angles: tuple[float, float, float], mirrored: bool) -> None:
    volume = volume_of(angles, mirrored)
    turned = towards_patient(volume)
    assert turned.grid.right_handed
    where = np.stack(np.meshgrid(*map(np.arange, turned.grid.shape), indexing="ij"), axis=-1)
    before = np.rint(volume.grid.index(turned.grid.point_mm(where))).astype(int)
    assert np.array_equal(volume.values[tuple(np.moveaxis(before, -1, 0))], turned.values)
    assert turned.grid.spacing_mm[2] == pytest.approx(volume.grid.spacing_mm[slice_axis(volume.grid)])


@given(ANGLES, st.booleans())
def test_orientation_position_and_spacing_give_every_frame_its_place(
    angles: tuple[float, float, float], mirrored: bool
) -> None:
    """The centre of pixel (row, column) of a frame, by the standard's own equation."""
    volume = volume_of(angles, mirrored)
    frames = frames_of(volume)
    row, column = (np.array(part, dtype=float) for part in (frames.orientation[:3], frames.orientation[3:]))
    last = len(frames.values) - 1
    between_rows, between_columns = (float(x) for x in frames.pixel_spacing)
    normal = np.cross(row, column)
    first = np.array(frames.position(0), dtype=float)
    assert np.array(frames.position(last), dtype=float) == pytest.approx(
        first + float(frames.offsets[last]) * normal, abs=1e-6
    )
    point = first + row * between_columns * 1 + column * between_rows * 2 + normal * float(frames.offsets[last])
    i, j, k = np.rint(volume.grid.index(point)).astype(int)
    assert volume.grid.index(point) == pytest.approx([i, j, k], abs=1e-6)
    assert frames.values[last, 2, 1] == volume.values[i, j, k]
