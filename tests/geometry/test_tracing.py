"""Masks to contours: nothing is lost, at borders, in holes, at touching corners; and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oriented_grids import FRAME, circle, contour_set, grids, polygon_area
from skimage.measure import label

from metaspine.errors import GeometryError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.evenodd import area
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.slabs import volume_mm3
from metaspine.geometry.tracing import half_level, voxel_edges


def slice_mask(rows: list[str]) -> Volume:
    """A mask of one slice; ``#`` belongs to it. Pixels are 2 x 1 mm."""
    values = np.array([[letter == "#" for letter in row] for row in rows])[:, :, None]
    grid = Grid.axis_aligned(origin_mm=(0, 0, 0), spacing_mm=(2, 1, 3), shape=values.shape, frame_of_reference=FRAME)
    return Volume(values, grid)


RING = ["......", ".####.", ".#..#.", ".####.", "......"]
ISLAND_IN_RING = ["#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"]
TOUCHING = ["##..", "##..", "..##", "..##"]
CROSS_OF_HOLES = ["#####", "#.###", "##.##", "###.#", "#####"]
CHEQUERS = ["#.#.", ".#.#", "#.#.", ".#.#"]
FULL = ["####"] * 4
ONE = ["#"]


@settings(max_examples=60, deadline=None)
@given(st.data(), grids(), st.integers(0, 2))
def test_voxel_edges_give_the_same_mask_again(data, grid: Grid, axis: int) -> None:
    """Whatever the mask, the axes, the flips, and wherever it touches the border."""
    values = data.draw(arrays(np.bool_, grid.shape))
    if not values.any():
        return
    contours = voxel_edges(Volume(values, grid), axis=axis)
    again = coverage(contours, grid, slice_thickness_mm=float(grid.spacing_mm[axis]))
    assert np.array_equal(again.values, values)


@pytest.mark.parametrize("rows", [RING, ISLAND_IN_RING, TOUCHING, CROSS_OF_HOLES, CHEQUERS, FULL, ONE])
def test_voxel_edges_enclose_the_voxels_area_exactly(rows: list[str]) -> None:
    mask = slice_mask(rows)
    loops = [contour.points_mm[:, :2] for contour in voxel_edges(mask).closed]
    assert area(loops) == pytest.approx(2 * mask.values.sum(), rel=1e-12)


@pytest.mark.parametrize("rows", [RING, ISLAND_IN_RING, TOUCHING, CROSS_OF_HOLES, CHEQUERS, FULL, ONE])
def test_every_island_and_every_hole_has_its_own_line(rows: list[str]) -> None:
    """Counted by scikit-image: islands by their sides, holes by their sides and corners (what touches stays apart)."""
    mask = slice_mask(rows).values[:, :, 0]
    islands = label(mask, connectivity=1).max()
    surroundings = label(~np.pad(mask, 1), connectivity=2).max()
    assert len(voxel_edges(slice_mask(rows)).closed) == islands + surroundings - 1


@pytest.mark.parametrize("rows", [RING, TOUCHING, CHEQUERS, FULL])
def test_voxel_edges_write_corners_only_and_no_point_twice(rows: list[str]) -> None:
    for contour in voxel_edges(slice_mask(rows)).closed:
        step = np.roll(contour.points_mm, -1, axis=0) - contour.points_mm
        assert ((np.abs(step) > 0).sum(axis=1) == 1).all()
        assert (np.einsum("ij,ij->i", step, np.roll(step, -1, axis=0)) == 0).all()


def test_touching_corners_stay_two_regions() -> None:
    loops = [contour.points_mm for contour in voxel_edges(slice_mask(TOUCHING)).closed]
    assert [len(loop) for loop in loops] == [4, 4]


def test_a_mask_that_fills_the_image_survives() -> None:
    """Its outline lies on the image's outer edge, half a voxel beyond the outer centres."""
    outline = voxel_edges(slice_mask(FULL)).closed[0].points_mm
    assert outline.min(axis=0).tolist() == [-1, -0.5, 0]
    assert outline.max(axis=0).tolist() == [7, 3.5, 0]
    smooth = half_level(slice_mask(FULL)).closed
    assert len(smooth) == 1
    assert area([smooth[0].points_mm[:, :2]]) == pytest.approx(2 * (16 - 4 * 0.125))


def test_half_level_finds_a_circle_between_the_voxels() -> None:
    """Of exact coverage: the traced area is within 0.5 % of the circle's at radius 10 pixels."""
    grid = Grid.axis_aligned(origin_mm=(-15, -15, 0), spacing_mm=1, shape=(31, 31, 1), frame_of_reference=FRAME)
    round_mask = coverage(contour_set(circle(10, (0.3, 0.2))), grid, single_plane_mm=1.0)
    traced = half_level(round_mask)
    assert volume_mm3(traced, single_plane_mm=1.0) == pytest.approx(polygon_area(10), rel=5e-3)
    radius = np.linalg.norm(traced.closed[0].points_mm[:, :2] - (0.3, 0.2), axis=1)
    assert np.abs(radius - 10).max() < 0.12


@pytest.mark.parametrize("trace", [voxel_edges, half_level])
def test_holes_stay_holes(trace) -> None:
    loops = [contour.points_mm[:, :2] for contour in trace(slice_mask(ISLAND_IN_RING)).closed]
    assert len(loops) == 4
    assert area(loops) < sum(area([loop]) for loop in loops)


@pytest.mark.parametrize("trace", [voxel_edges, half_level])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_contours_lie_on_the_slices_of_the_chosen_axis(trace, axis: int) -> None:
    values = np.zeros((5, 6, 7), dtype=bool)
    values[1:4, 2:5, 1:6] = True
    grid = Grid.axis_aligned(origin_mm=(0, 0, 0), spacing_mm=(1, 2, 3), shape=(5, 6, 7), frame_of_reference=FRAME)
    contours = trace(Volume(values, grid), axis=axis)
    assert len(contours.closed) == (3, 3, 5)[axis]
    for contour in contours.closed:
        assert np.ptp(contour.points_mm[:, axis]) == 0
    assert contours.frame_of_reference == FRAME


@pytest.mark.parametrize("trace", [voxel_edges, half_level])
def test_what_has_no_outline_is_refused(trace) -> None:
    grid = slice_mask(FULL).grid
    with pytest.raises(StructureError, match=r"no outline.*Check the structure"):
        trace(Volume(np.full(grid.shape, 0.3), grid))
    with pytest.raises(GeometryError, match="not a number in some voxels"):
        trace(Volume(np.full(grid.shape, np.nan), grid))
    with pytest.raises(GeometryError, match="no axis 3"):
        trace(slice_mask(FULL), axis=3)
