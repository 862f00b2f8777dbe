"""Grids and volumes in every orientation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import FRAME, PATIENT_POSITIONS, grid_in_position, grids

from metaspine.errors import FrameMismatch, GeometryError, GridMismatch
from metaspine.geometry import Grid, Volume


@settings(max_examples=50, deadline=None)
@given(grids(), st.tuples(*[st.floats(-20, 20)] * 3))
def test_index_and_point_are_each_others_inverse(grid: Grid, index: tuple[float, float, float]) -> None:
    assert np.allclose(grid.index(grid.point_mm(index)), index, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(grids())
def test_the_corners_are_the_outer_faces_of_the_voxels(grid: Grid) -> None:
    index = grid.index(grid.corners_mm())
    assert np.allclose(index.min(axis=0), -0.5, atol=1e-8)
    assert np.allclose(index.max(axis=0), np.array(grid.shape) - 0.5, atol=1e-8)
    sides = np.linalg.norm(grid.point_mm(np.diag(grid.shape)) - grid.origin_mm, axis=1)
    assert grid.voxel_volume_mm3 * np.prod(grid.shape) == pytest.approx(np.prod(sides))


@settings(max_examples=30, deadline=None)
@given(grids())
def test_a_linear_field_is_sampled_exactly_between_centres(grid: Grid) -> None:
    slope = np.array([0.3, -1.1, 0.7])
    centres = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    inner = grid.point_mm(np.random.default_rng(1).random((20, 3)) * (np.array(grid.shape) - 1))
    assert np.allclose(Volume(centres @ slope, grid).sample(inner), inner @ slope, atol=1e-7)


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
def test_left_is_left_in_every_patient_position(position: str) -> None:
    """A mark at the patient's left, posterior and cranial is found there, however the patient lay."""
    grid = grid_in_position(position, spacing_mm=(0.8, 0.9, 2.5), shape=(31, 29, 11), centre_mm=(12, -30, -500))
    mark = np.array([12 + 4.0, -30 + 6.0, -500 + 7.5])
    values = np.zeros(grid.shape)
    values[tuple(np.rint(grid.index(mark)).astype(int))] = 1
    found = grid.point_mm(np.argwhere(values)[0])
    assert (np.abs(found - mark) <= 1.26).all()
    assert Volume(values, grid).sample(found) == pytest.approx(1)
    assert grid.right_handed


def test_the_index_grows_towards_left_posterior_head_for_head_first_supine() -> None:
    grid = grid_in_position("HFS")
    assert np.array_equal(grid.directions, np.eye(3))


def test_a_sheared_affine_is_refused_with_the_way_out() -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.3
    with pytest.raises(GeometryError, match=r"not perpendicular.*upright"):
        Grid(affine, (4, 4, 4), FRAME)


def test_frames_never_mix() -> None:
    with pytest.raises(FrameMismatch, match=rf"{FRAME} and 2\.25\.7"):
        grid_in_position("HFS").require_frame("2.25.7")


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(GridMismatch, match=r"\(2, 2, 2\).*\(40, 40, 20\)"):
        Volume(np.zeros((2, 2, 2)), grid_in_position("HFS"))
