"""The same voxels in one order, however they are stored."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from metaspine.geometry import Grid, Volume

POINTS_MM = np.random.default_rng(5).uniform(-6, 6, (40, 3))


def stored(order: tuple[int, int, int], signs: tuple[int, int, int], turn_deg: tuple[float, float, float]) -> Volume:
    """A field of the patient's points, stored along turned axes in an order."""
    shape, spacing = np.array([9, 11, 7]), np.array([1.5, 1.0, 2.0])
    axes = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()[:, order] * signs
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing[list(order)]
    affine[:3, 3] = -affine[:3, :3] @ (shape[list(order)] - 1) / 2
    grid = Grid(affine, tuple(int(n) for n in shape[list(order)]), "1.2.3")
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return Volume(points @ [1.0, 10.0, 100.0], grid)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((-1, 1), repeat=3)))
def test_every_order_becomes_the_same(order, signs):
    one = stored(order, signs, (5.0, -12.0, 8.0)).in_one_order()
    same = stored((0, 1, 2), (-1, -1, 1), (5.0, -12.0, 8.0))
    assert one.grid.aligned_with(same.grid)
    np.testing.assert_allclose(one.values, same.values, atol=1e-9)


@given(
    order=st.permutations(range(3)).map(tuple),
    signs=st.tuples(*(st.sampled_from((-1, 1)),) * 3),
    turn_deg=st.tuples(*(st.floats(-180, 180),) * 3),
)
def test_no_voxel_moves(order, signs, turn_deg):
    before = stored(order, signs, turn_deg)
    after = before.in_one_order()
    np.testing.assert_allclose(after.sample(POINTS_MM, outside=-1.0), before.sample(POINTS_MM, outside=-1.0), atol=1e-6)
    assert sorted(after.grid.shape) == sorted(before.grid.shape)
    towards = np.diag(after.grid.directions)
    assert towards[0] <= 1e-9
    assert towards[1] <= 1e-9
    assert towards[2] >= -1e-9


def test_nothing_is_copied():
    before = stored((2, 0, 1), (1, -1, 1), (0.0, 0.0, 0.0))
    assert np.shares_memory(before.in_one_order().values, before.values)
