"""Signed distances from a mask's surface, against brute force and against a box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oriented_grids import FRAME, grids

from metaspine.errors import GeometryError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.distances import distance_mm


def to_boxes(region: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """The distance of every voxel's centre to the nearest of the region's boxes, one by one."""
    centres = np.moveaxis(np.indices(region.shape), 0, -1).reshape(-1, 1, 3)
    apart = np.maximum(np.abs(centres - np.argwhere(region)[None]) - 0.5, 0) * spacing_mm
    return np.linalg.norm(apart, axis=-1).min(axis=1).reshape(region.shape)


@settings(max_examples=40, deadline=None)
@given(st.data(), grids(most_voxels=5))
def test_every_distance_is_that_to_the_nearest_face(data, grid: Grid) -> None:
    mask = data.draw(arrays(np.bool_, grid.shape))
    if not mask.any():
        return
    padded = np.pad(mask, 1)
    outwards, inwards = to_boxes(padded, grid.spacing_mm), to_boxes(~padded, grid.spacing_mm)
    expected = np.where(padded, -inwards, outwards)[1:-1, 1:-1, 1:-1]
    assert np.allclose(distance_mm(Volume(mask, grid)).values, expected, rtol=1e-5, atol=1e-5)


def test_along_each_axis_the_surface_lies_on_the_faces() -> None:
    """Voxels of 1 x 2 x 3 mm: the neighbours' centres are half their own voxel from the surface."""
    grid = Grid.axis_aligned(origin_mm=0, spacing_mm=(1, 2, 3), shape=(8, 8, 8), frame_of_reference=FRAME)
    mask = np.zeros(grid.shape, dtype=bool)
    mask[3:5, 3:5, 3:5] = True
    distance = distance_mm(Volume(mask, grid)).values
    assert distance[:5, 3, 3].tolist() == [2.5, 1.5, 0.5, -0.5, -0.5]
    assert distance[3, :4, 3].tolist() == [5, 3, 1, -0.5]
    assert distance[3, 3, :4].tolist() == [7.5, 4.5, 1.5, -0.5]


def test_coverage_counts_from_one_half_and_the_border_is_a_surface() -> None:
    grid = Grid.axis_aligned(origin_mm=0, spacing_mm=1, shape=(3, 1, 1), frame_of_reference=FRAME)
    distance = distance_mm(Volume(np.array([0.49, 0.5, 1.0]).reshape(3, 1, 1), grid))
    assert distance.values[:, 0, 0].tolist() == [0.5, -0.5, -0.5]


def test_an_empty_or_undefined_mask_is_refused() -> None:
    grid = Grid.axis_aligned(origin_mm=0, spacing_mm=1, shape=(2, 2, 2), frame_of_reference=FRAME)
    with pytest.raises(StructureError, match=r"no voxel.*Check the structure"):
        distance_mm(Volume(np.zeros(grid.shape, dtype=bool), grid))
    with pytest.raises(GeometryError, match="not a number"):
        distance_mm(Volume(np.full(grid.shape, np.nan), grid))
