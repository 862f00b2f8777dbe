"""Rigid transforms form a group, keep lengths, and keep frames apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import FRAME, contour_set, grid_in_position, grids, rotations, square

from metaspine.errors import FrameMismatch, GeometryError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.transforms import RigidTransform

POINTS = np.random.default_rng(3).normal(scale=100, size=(12, 3))


@st.composite
def transforms(draw, from_frame: str = FRAME, to_frame: str = "2.25.1") -> RigidTransform:
    matrix = np.eye(4)
    turn = draw(rotations())
    matrix[:3, :3] = turn * [1, 1, np.sign(np.linalg.det(turn))]
    matrix[:3, 3] = [draw(st.floats(-300, 300)) for _ in range(3)]
    return RigidTransform(matrix, from_frame, to_frame)


@settings(max_examples=40, deadline=None)
@given(transforms())
def test_the_inverse_undoes(there: RigidTransform) -> None:
    assert np.allclose(there.inverse.points(there.points(POINTS)), POINTS, atol=1e-9)
    round_trip = there.inverse.after(there)
    assert (round_trip.from_frame, round_trip.to_frame) == (FRAME, FRAME)
    assert np.allclose(round_trip.matrix, np.eye(4), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(transforms("a", "b"), transforms("b", "c"), transforms("c", "d"))
def test_composition_is_one_after_the_other_and_associative(first, second, third) -> None:
    assert np.allclose(second.after(first).points(POINTS), second.points(first.points(POINTS)), atol=1e-9)
    left, right = third.after(second).after(first), third.after(second.after(first))
    assert np.allclose(left.matrix, right.matrix, atol=1e-9)
    assert (left.from_frame, left.to_frame) == ("a", "d")
    inverse = second.after(first).inverse
    assert np.allclose(inverse.matrix, first.inverse.after(second.inverse).matrix, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(transforms())
def test_lengths_and_handedness_are_kept(there: RigidTransform) -> None:
    moved = there.points(POINTS)
    assert np.allclose(np.linalg.norm(np.diff(moved, axis=0), axis=1), np.linalg.norm(np.diff(POINTS, axis=0), axis=1))
    assert np.allclose(there.directions(np.diff(POINTS, axis=0)), np.diff(moved, axis=0), atol=1e-9)
    x, y, z = there.directions(np.eye(3))
    assert np.allclose(np.cross(x, y), z)


@settings(max_examples=40, deadline=None)
@given(transforms(), grids())
def test_a_moved_volume_holds_the_same_values_at_the_moved_points(there: RigidTransform, grid: Grid) -> None:
    volume = Volume(np.random.default_rng(5).random(grid.shape), grid)
    moved = there.volume(volume)
    inside = grid.point_mm(np.random.default_rng(6).random((8, 3)) * (np.array(grid.shape) - 1))
    assert moved.grid.frame_of_reference == "2.25.1"
    assert moved.grid.right_handed == grid.right_handed
    assert np.allclose(moved.sample(there.points(inside)), volume.sample(inside), atol=1e-6)


def test_contours_move_with_their_frame() -> None:
    shift = np.eye(4)
    shift[:3, 3] = (1, 2, 3)
    there = RigidTransform(shift, FRAME, "2.25.1")
    moved = there.contours(contour_set(square(4)))
    assert moved.frame_of_reference == "2.25.1"
    assert np.array_equal(moved.contours[0].points_mm, square(4) + np.array([1, 2, 3]))
    with pytest.raises(FrameMismatch, match=rf"2\.25\.1 and {FRAME}"):
        there.contours(moved)


def test_frames_never_mix() -> None:
    there = RigidTransform(np.eye(4), "2.25.1", "2.25.2")
    with pytest.raises(FrameMismatch, match=rf"{FRAME} and 2\.25\.1"):
        there.grid(grid_in_position("HFS"))
    with pytest.raises(FrameMismatch, match=r"2\.25\.2 and 2\.25\.1"):
        there.after(there)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (
            np.diag([1.01, 1, 1, 1]),
            r"2\.25\.1 to 2\.25\.2: .*not rigid.*Use a rigid",
        ),
        (np.diag([-1, 1, 1, 1]), "mirrors"),
        (np.diag([2, 2, 2, 1]), "scales"),
        (np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "shears"),
        (np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0.5, 1]]), "not rigid"),
        (np.full((4, 4), np.nan), "finite 4 x 4"),
        (np.eye(3), "finite 4 x 4"),
    ],
)
def test_what_is_not_rigid_is_refused(matrix, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        RigidTransform(matrix, "2.25.1", "2.25.2")
