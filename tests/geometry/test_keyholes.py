"""Holes joined to their outlines: filled line by line, the area must be that of the even-odd rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from metaspine.geometry import Grid, Volume
from metaspine.geometry.evenodd import area
from metaspine.geometry.keyholes import has_holes, keyholed
from metaspine.geometry.tracing import voxel_edges


def square(half: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    return np.array([(-half, -half), (half, -half), (half, half), (-half, half)]) + np.array([x, y])


def loops_of(plane: np.ndarray) -> list[np.ndarray]:
    grid = Grid(np.eye(4), (*plane.shape, 1), "frame")
    return [contour.points_mm[:, :2] for contour in voxel_edges(Volume(plane[..., None], grid)).contours]


def filled_one_by_one(lines: tuple[np.ndarray, ...], shape: tuple[int, int]) -> np.ndarray:
    """The union of the lines, each filled by itself by scikit-image; pixels lie at whole numbers."""
    masks = [polygon2mask(shape, line) for line in lines]
    return np.logical_or.reduce(masks)


@pytest.mark.parametrize("turned", [False, True])
def test_a_ring_becomes_one_line_of_its_area(turned: bool) -> None:
    hole = square(2.0, 1.0)[::-1] if turned else square(2.0, 1.0)
    (line,) = keyholed([square(5.0), hole]) or ()
    assert area([line]) == pytest.approx(100 - 16, rel=1e-9)
    x, y = line.T
    assert (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 == pytest.approx(100 - 16, rel=1e-12)


def test_an_island_in_a_hole_stays_its_own_line() -> None:
    lines = keyholed([square(5.0), square(3.0), square(1.0)]) or ()
    assert sorted(area([line]) for line in lines) == pytest.approx([4, 64])


def test_two_holes_one_behind_the_other_are_both_cut_out() -> None:
    (line,) = keyholed([square(10.0), square(1.0, -4.0), square(1.0, 4.0), square(1.0, 0.0, 0.5)]) or ()
    assert area([line]) == pytest.approx(400 - 12)


def test_lines_apart_stay_as_they_are() -> None:
    lines = keyholed([square(1.0), square(1.0, 5.0)]) or ()
    assert len(lines) == 2
    assert not has_holes([square(1.0), square(1.0, 5.0)])
    assert has_holes([square(3.0), square(1.0)])
    assert not has_holes([square(3.0)])


def test_lines_that_cross_are_told_apart() -> None:
    assert keyholed([square(3.0), square(3.0, 4.0, 1.0)]) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.3, 0.8))
def test_every_mask_comes_back_from_lines_filled_one_by_one(seed: int, share: float) -> None:
    """Random masks are full of holes, of islands, and of corners that touch."""
    plane = np.random.default_rng(seed).random((9, 11)) < share
    plane[4, 5] = True
    loops = loops_of(plane)
    lines = keyholed(loops)
    assert lines is not None
    assert np.array_equal(filled_one_by_one(lines, plane.shape), plane)
    assert sum(area([line]) for line in lines) == pytest.approx(plane.sum(), rel=1e-9)
    holes = sum(has_holes([outer, inner]) for outer in loops for inner in loops if outer is not inner) > 0
    assert (len(lines) < len(loops)) == holes
