"""The kernel that the engines interpolate with, and the arrays of the depth dose, are one law."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.physics.depth_dose import interpolate_all
from metaspine.physics.interpolation import interpolate

NODES = np.array([0.5, 1.0, 2.5, 3.0])
VALUES = np.array([4.0, 2.0, 1.0, -1.0])


def test_by_hand() -> None:
    x = np.array([0.0, 0.5, 0.75, 1.0, 1.75, 3.0, 4.0])
    expected = [6.0, 4.0, 3.0, 2.0, 1.5, -1.0, -5.0]
    np.testing.assert_allclose(interpolate_all(x, NODES, VALUES), expected, rtol=1e-14)
    np.testing.assert_allclose([interpolate(value, NODES, VALUES) for value in x], expected, rtol=1e-14)


@settings(max_examples=50)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20))
def test_kernel_and_array_agree_to_the_last_bit(x: list[float]) -> None:
    by_kernel = [interpolate(value, NODES, VALUES) for value in x]
    np.testing.assert_array_equal(interpolate_all(np.array(x), NODES, VALUES), by_kernel)
