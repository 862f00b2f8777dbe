"""The nearest point of a structure against geometry that is known, and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import StructureError
from metaspine.evaluation.nearest import nearest_point_mm
from metaspine.evaluation.quadrature import quadrature
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet

FRAME = "test"
SQUARE = np.array([[-5.0, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]])
PRISM = ContourSet(tuple(Contour(SQUARE + [0, 0, z]) for z in (0.0, 2.0, 4.0)), FRAME)  # noqa: RUF005


@pytest.mark.parametrize(
    ("point", "nearest"),
    [
        ((9, 0, 1), (5, 0, 1)),
        ((9, 8, 1), (5, 5, 1)),
        ((1, 2, 9), (1, 2, 5)),
        ((9, 0, -4), (5, 0, -1)),
        ((1, 1, 1), (1, 1, 1)),
    ],
)
def test_a_prism_has_walls_faces_edges_and_an_inside(point: tuple[float, ...], nearest: tuple[float, ...]) -> None:
    np.testing.assert_allclose(nearest_point_mm(PRISM, np.array(point, dtype=float)), nearest, atol=1e-9)


def test_a_point_in_a_hole_is_nearest_to_the_holes_wall() -> None:
    loops = [Contour(SQUARE * size + np.array([0, 0, z])) for z in (0.0, 2.0, 4.0) for size in (1.0, 0.5)]
    np.testing.assert_allclose(nearest_point_mm(ContourSet(tuple(loops), FRAME), np.array([1.0, 0, 2])), (2.5, 0, 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_label_map_on_oblique_axes_against_brute_force(seed: int) -> None:
    random = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * random.uniform(0.5, 2, 3)
    grid = Grid(affine, (7, 6, 5), FRAME)
    mask = random.random(grid.shape) < 0.2
    mask[3, 3, 2] = True
    region = Volume(mask, grid)
    point = grid.point_mm(random.uniform(-4, 12, 3))
    exact = float(np.linalg.norm(nearest_point_mm(region, point) - point))
    points = quadrature(region, spacing_mm=0.2)
    brute = float(np.linalg.norm(np.vstack([points.points_mm, points.surface_mm]) - point, axis=1).min())
    assert exact <= brute + 1e-9
    assert brute - exact < 0.2


def test_nothing_is_nearest_to_nothing() -> None:
    grid = Grid.around((0, 0, 0), half_extent_mm=2, spacing_mm=1, frame_of_reference=FRAME)
    with pytest.raises(StructureError, match="empty"):
        nearest_point_mm(Volume(np.zeros(grid.shape, dtype=bool), grid), np.zeros(3))
