"""Scatter gathered onto one array, and the primary at points, against the transport they come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metaspine.transport.gathering import cleared, gather
from metaspine.transport.medium import Medium
from metaspine.transport.points import primary_at_points
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally
from metaspine.transport.source import Source

Point = tuple[float, float, float]
MIDDLE: Point = (12.2, 12.7, 11.9)
SAMPLING = Sampling(seed=4, rays_per_batch=100, sites_per_ray=4)


def test_a_batch_is_gathered_as_a_tally_scores_it(layered: Medium, broad: Callable[[Point], Source]) -> None:
    tally = continued(empty_tally(layered), 1, sampling=SAMPLING, source=broad(MIDDLE), medium=layered)
    scores = cleared(layered)
    photons = gather(0, 100, scores, sampling=SAMPLING, source=broad(MIDDLE), medium=layered)
    np.testing.assert_array_equal(scores, tally.sums.reshape(scores.shape).astype(np.float32))
    assert photons == tally.photons


def test_where_a_call_ends_changes_no_bit(layered: Medium, broad: Callable[[Point], Source]) -> None:
    given = {"sampling": SAMPLING, "source": broad(MIDDLE), "medium": layered}
    once, twice = cleared(layered), cleared(layered)
    photons = gather(0, 70, once, **given)
    assert gather(0, 30, twice, **given) + gather(30, 40, twice, **given) == photons
    np.testing.assert_array_equal(once, twice)


def test_an_array_is_used_again_where_it_fits(layered: Medium) -> None:
    old = cleared(layered)
    old[:] = 1.0
    assert cleared(layered, old) is old
    assert not old.any()
    assert cleared(layered, np.ones((3, 2), np.float32)).shape == old.shape


def test_points_get_what_voxel_centres_get(layered: Medium, broad: Callable[[Point], Source]) -> None:
    source = broad(MIDDLE)
    nodes = spectrum_nodes(source)
    voxels = primary_kerma(source, nodes, layered, radius_mm=40, averaging_radius_mm=0.0)
    index = np.array([[20, 12, 12], [17, 3, 20], [5, 13, 12], [2, 2, 2], [12, 12, 20], [0, 23, 23]])
    found = primary_at_points(source, nodes, layered, index + 0.5)
    np.testing.assert_allclose(found, voxels[tuple(index.T)], rtol=2e-4)


def test_faults_are_named(layered: Medium, broad: Callable[[Point], Source]) -> None:
    source = broad(MIDDLE)
    with pytest.raises(ValueError, match="a point lies outside the grid"):
        primary_at_points(source, spectrum_nodes(source), layered, np.array([[12.0, 12.0, 24.5]]))
    with pytest.raises(ValueError, match="0 rays from number 0"):
        gather(0, 0, cleared(layered), sampling=SAMPLING, source=source, medium=layered)
    with pytest.raises(ValueError, match="outside the grid"):
        gather(0, 1, cleared(layered), sampling=SAMPLING, source=broad((30.0, 1.0, 1.0)), medium=layered)
