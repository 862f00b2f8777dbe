"""The walk against path lengths found by sorting all plane crossings of a line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from metaspine.transport.medium import Lattice
from metaspine.transport.voxel_walk import MM_PER_TICK, Walk, leaves_at, next_voxel, voxel_of, walk_from

SHAPE = (9, 7, 5)


@njit
def walked(start: tuple, direction: tuple, lattice: Lattice, rim: np.ndarray) -> np.ndarray:
    """The path length in every voxel until the rim is met."""
    paths = np.zeros(rim.size)
    walk = walk_from(start, direction, lattice)
    at = 0
    while not rim[walk.voxel]:
        end = leaves_at(walk)
        paths[walk.voxel] += (end - at) * MM_PER_TICK
        at = end
        walk = next_voxel(walk)
    return paths


def sorted_crossings(start: np.ndarray, direction: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Path lengths by Siddon's first form: all crossings sorted, each piece given to the voxel of its middle."""
    at = [0.0]
    for axis in range(3):
        if abs(direction[axis]) > 1e-9:
            planes = np.arange(1, SHAPE[axis]) * spacing[axis]
            at += list((planes - start[axis]) / direction[axis])
    cut = np.unique([value for value in at if value >= 0])
    paths = np.zeros(SHAPE)
    for low, high in pairwise(cut):
        cell = np.floor((start + direction * (low + high) / 2) / spacing).astype(int)
        if ((cell >= 1) & (cell < np.array(SHAPE) - 1)).all():
            paths[tuple(cell)] += high - low
    return paths


def rim() -> np.ndarray:
    mask = np.ones(SHAPE, dtype=np.bool_)
    mask[1:-1, 1:-1, 1:-1] = False
    return mask.ravel()


part = st.floats(-1, 1)
inside = st.floats(0.01, 0.99)


@settings(max_examples=150, deadline=None)
@given(st.tuples(inside, inside, inside), st.tuples(part, part, part), st.tuples(*[st.floats(0.3, 3)] * 3))
def test_paths_are_those_between_sorted_crossings(place: tuple, towards: tuple, spacings: tuple) -> None:
    length = np.linalg.norm(towards)
    if length < 0.1:
        return
    direction, spacing = np.array(towards) / length, np.array(spacings)
    start = spacing * (1 + np.array(place) * (np.array(SHAPE) - 2))
    lattice = Lattice(*spacings, SHAPE[1] * SHAPE[2], SHAPE[2])
    paths = walked(tuple(start), tuple(direction), lattice, rim())
    assert paths.reshape(SHAPE) == pytest.approx(sorted_crossings(start, direction, spacing), abs=1e-7)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_along_an_axis(axis: int, sign: float) -> None:
    direction = [0.0, 0.0, 0.0]
    direction[axis] = sign
    start = tuple((np.array(SHAPE) // 2 + 0.5).tolist())
    paths = walked(start, tuple(direction), Lattice(1.0, 1.0, 1.0, SHAPE[1] * SHAPE[2], SHAPE[2]), rim())
    assert paths.sum() == pytest.approx(SHAPE[axis] // 2 - 0.5, abs=1e-9)


def test_through_a_corner_in_one_step_and_the_same_in_plain_python() -> None:
    lattice = Lattice(1.0, 1.0, 1.0, 35, 5)
    third = 1 / np.sqrt(3)
    walk = walk_from((2.5, 2.5, 2.5), (third, third, third), lattice)
    assert isinstance(walk, Walk)
    assert leaves_at(walk) * MM_PER_TICK == pytest.approx(np.sqrt(3) / 2, abs=1e-8)
    assert next_voxel(walk).voxel == voxel_of(3.5, 3.5, 3.5, lattice)
