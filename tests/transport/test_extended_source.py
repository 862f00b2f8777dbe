"""A source of several points: where photons start, and the mean of their primaries; a point source costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metaspine.transport.extended_source import extended_primary_kerma
from metaspine.transport.medium import Medium
from metaspine.transport.primary import Nodes, primary_kerma
from metaspine.transport.random_numbers import stream
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, beyond_rim, point_source, starting_point

NODES = Nodes(np.array([20.0, 35.0]), np.array([0.6, 0.4]))
OFFSETS = [(-1.2, 0.4, 0.0), (0.8, 0.0, 1.0), (0.0, -0.5, -0.7)]
SHARES = [1.0, 2.0, 1.0]


def extended(middle: float) -> Source:
    return point_source((middle,) * 3, [12, 30, 48], [2, 1], offsets_mm=OFFSETS, shares=SHARES)


def point_at(source: Source, number: int) -> Source:
    x, y, z = (float(value) for value in np.add(source.point_mm, source.offsets_mm[number]))
    return point_source((x, y, z), source.edges_kev, np.diff(source.cumulative))


def test_the_centre_is_the_weighted_mean_and_the_points_stay_where_they_are() -> None:
    source = extended(10.0)
    np.testing.assert_allclose(source.point_mm, 10 + np.average(OFFSETS, axis=0, weights=SHARES))
    np.testing.assert_allclose(source.offsets_mm + source.point_mm, 10 + np.array(OFFSETS))
    np.testing.assert_allclose(source.shares, [0.25, 0.75, 1.0])


def test_points_are_drawn_by_their_shares_and_a_point_source_draws_nothing() -> None:
    source, plain = extended(10.0), point_source((1, 2, 3), [12, 30], [1])
    with np.errstate(over="ignore"):
        places = np.array([starting_point(stream(1, ray, 0), source)[1] for ray in range(4000)])
        assert starting_point(stream(1, 5, 0), plain) == (stream(1, 5, 0), (1, 2, 3))
    first = np.isclose(places, 10 + np.array(OFFSETS[0])).all(axis=1).mean()
    second = np.isclose(places, 10 + np.array(OFFSETS[1])).all(axis=1).mean()
    assert first == pytest.approx(0.25, abs=0.03)
    assert second == pytest.approx(0.5, abs=0.03)


def test_the_primary_is_the_mean_over_the_points(layered: Medium) -> None:
    source = extended(12.0)
    found = extended_primary_kerma(source, NODES, layered, radius_mm=40.0)
    parts = [primary_kerma(point_at(source, number), NODES, layered, radius_mm=40.0) for number in range(3)]
    np.testing.assert_allclose(found, np.average(parts, axis=0, weights=SHARES), rtol=1e-5)


def test_far_away_the_centre_stands_for_the_points(water: Callable[..., Medium]) -> None:
    """At 20 extents and beyond, 6 sigma^2 / r^2 is 0.1 to 0.2 % with the spread of these points."""
    source = extended(21.0)
    exact, quick = (
        extended_primary_kerma(source, NODES, water(42), radius_mm=60.0, averaging_radius_mm=0.0, far_extents=extents)
        for extents in (1e9, 8.0)
    )
    index = np.moveaxis(np.indices((42, 42, 42)), 0, -1) + 0.5
    distance = np.linalg.norm(index - source.point_mm, axis=-1)
    extent = np.linalg.norm(source.offsets_mm, axis=1).max()
    far = distance > 8.0 * extent
    spread = np.average((source.offsets_mm**2).sum(axis=1), weights=SHARES)
    error = np.abs(quick / exact - 1)[far]
    assert (error.max(axis=-1) <= 6 * spread / distance[far] ** 2).all()
    assert error.max() > 0
    np.testing.assert_array_equal(quick[~far], exact[~far])


def test_a_point_source_is_handed_on_as_it_is(layered: Medium, broad: Callable[..., Source]) -> None:
    source = broad((12.0, 12.0, 12.0))
    np.testing.assert_array_equal(
        extended_primary_kerma(source, NODES, layered, radius_mm=40.0),
        primary_kerma(source, NODES, layered, radius_mm=40.0),
    )


def test_scatter_starts_at_all_points(water: Callable[..., Medium]) -> None:
    """Two points 8 mm apart scatter like the mean of two sources, and not like one between them."""
    medium, sampling = water(24), Sampling(seed=4, rays_per_batch=3000)
    ends = [(-4.0, 0.0, 0.0), (4.0, 0.0, 0.0)]
    both = point_source((12, 12, 12), [12, 30, 48], [2, 1], offsets_mm=ends, shares=[1, 1])
    singles = [point_source(np.add(12, end), [12, 30, 48], [2, 1]) for end in ends]

    def scattered(source: Source) -> np.ndarray:
        tally = continued(empty_tally(medium), 10, sampling=sampling, source=source, medium=medium)
        return estimate(tally, sampling, medium).kerma_gy[..., 0]

    profile, left, right, between = (
        scattered(source)[:, 10:14, 10:14].mean(axis=(1, 2))
        for source in (both, *singles, point_source((12, 12, 12), [12, 30, 48], [2, 1]))
    )
    np.testing.assert_allclose(profile, (left + right) / 2, rtol=0.06)
    assert (np.abs(between / profile - 1) > 0.15).any()


@pytest.mark.parametrize(
    ("offsets", "shares", "message"),
    [
        ([(0, 0, 0)], [1, 1], "one share a point"),
        ([(0, 0)], [1], "one share a point"),
        ([], [], "one share a point"),
        ([(0, 0, 0), (0, 0, 1)], [1, 0], "a share above 0"),
        ([(0, 0, np.nan)], [1], "a place"),
    ],
)
def test_bad_points_are_refused(offsets: list[tuple[float, ...]], shares: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        point_source((0, 0, 0), [10, 20], [1], offsets_mm=offsets, shares=shares)


def test_a_point_outside_the_grid_is_refused(water: Callable[..., Medium]) -> None:
    source = point_source((2, 12, 12), [12, 30], [1], offsets_mm=[(-5, 0, 0), (5, 0, 0)], shares=[1, 1])
    with pytest.raises(ValueError, match="lies outside the grid"):
        beyond_rim(source, water(24))
