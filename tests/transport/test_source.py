"""Energies, weights and anisotropy of a source."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metaspine.transport.medium import Medium
from metaspine.transport.source import emission, energy_and_weight, importance, point_source


def test_energies_follow_the_spectrum() -> None:
    source = point_source((0, 0, 0), [10, 20, 40], [1, 3])
    assert energy_and_weight(0.125, source) == pytest.approx((15, 1))
    assert energy_and_weight(0.625, source) == pytest.approx((30, 1))


def test_importance_moves_energies_and_weights_make_up_for_it() -> None:
    plain = point_source((0, 0, 0), [10, 20, 40, 50], [1, 3, 2])
    source = point_source((0, 0, 0), [10, 20, 40, 50], [1, 3, 2], importance=[0.1, 1, 5])
    places = (np.arange(20000) + 0.5) / 20000

    def mean(which: object, power: int) -> float:
        pairs = [energy_and_weight(place, which) for place in places]  # type: ignore[arg-type]
        return float(np.mean([weight * energy**power for energy, weight in pairs]))

    assert mean(source, 0) == pytest.approx(1, rel=1e-3)
    assert mean(source, 1) == pytest.approx(mean(plain, 1), rel=1e-3)


def test_anisotropy_is_relative_to_its_mean_over_the_sphere() -> None:
    source = point_source((0, 0, 0), [10, 20], [1], axis=(0, 0, 5), anisotropy=[1.0, 2.0, 3.0])
    cosines = np.linspace(-1, 1, 2001)
    values = [emission((np.sqrt(1 - c * c), 0.0, c), source) for c in cosines]
    assert np.trapezoid(values, cosines) / 2 == pytest.approx(1, abs=1e-6)
    assert values[-1] / values[0] == pytest.approx(3)


@pytest.mark.parametrize(
    ("edges", "photons", "anisotropy", "message"),
    [
        ([10, 20, 15], [1, 1], [1, 1], "rising"),
        ([10, 20], [1, 1], [1, 1], "2 edges for 2 bins"),
        ([10, 20], [0], [1, 1], "no photons"),
        ([10, 20, 30], [1, -1], [1, 1], "negative bins"),
        ([10, 20], [1], [1], "anisotropy"),
    ],
)
def test_bad_sources_are_refused(
    edges: list[float], photons: list[float], anisotropy: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        point_source((0, 0, 0), edges, photons, anisotropy=anisotropy)


def test_hard_photons_are_drawn_more_often(water: Callable[..., Medium]) -> None:
    found = importance([10.0, 12.0, 30.0, 50.0], water(3))
    assert (np.diff(found) > 0).all()
    assert found[-1] < 1
