"""The generator against published sequences and simple statistics."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from metaspine.transport.random_numbers import Stream, exponential, following, mixed, stream, uniform

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SPLITMIX_OF_1234567 = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)
"""The first outputs of splitmix64.c from the state 1234567, as published with the algorithm's test suites."""
XOROSHIRO_OF_1_2 = (
    3,
    412333834243,
    2360170716294286339,
    9295852285959843169,
    2797080929874688578,
    6019711933173041966,
    3076529664176959358,
    3521761819100106140,
    7493067640054542992,
    920801338098114767,
)
"""xoroshiro128plus.c (2018: 24, 16, 37) from the state (1, 2)."""


@njit
def splitmix(state: int, count: int) -> np.ndarray:
    words = np.empty(count, dtype=np.uint64)
    for n in range(count):
        words[n] = mixed(np.uint64(state) + np.uint64(n + 1) * GOLDEN)
    return words


@njit
def xoroshiro(low: int, high: int, count: int) -> np.ndarray:
    words = np.empty(count, dtype=np.uint64)
    random = Stream(np.uint64(low), np.uint64(high))
    for n in range(count):
        random, words[n] = following(random)
    return words


@njit
def drawn(seed: int, histories: int, sites: int) -> np.ndarray:
    values = np.empty((histories, sites, 3))
    for history in range(histories):
        for site in range(sites):
            random = stream(seed, history, site)
            random, values[history, site, 0] = uniform(random)
            random, values[history, site, 1] = uniform(random)
            random, values[history, site, 2] = exponential(random)
    return values


def test_splitmix_gives_the_published_words() -> None:
    assert tuple(int(word) for word in splitmix(1234567, 5)) == SPLITMIX_OF_1234567


def test_xoroshiro_gives_the_published_words() -> None:
    assert tuple(int(word) for word in xoroshiro(1, 2, 10)) == XOROSHIRO_OF_1_2


def test_plain_python_gives_the_same_words() -> None:
    random, words = Stream(np.uint64(1), np.uint64(2)), []
    with np.errstate(over="ignore"):
        for _ in range(10):
            random, word = following(random)
            words.append(int(word))
    assert tuple(words) == XOROSHIRO_OF_1_2


def test_first_numbers_of_neighbouring_streams_are_uniform_and_unrelated() -> None:
    values = drawn(7, 20000, 4)
    first = values[..., 0].ravel()
    counts = np.histogram(first, bins=100, range=(0, 1))[0]
    chi2 = ((counts - len(first) / 100) ** 2 / (len(first) / 100)).sum()
    assert 55 < chi2 < 155  # 99 degrees of freedom, four standard deviations
    for other in (values[..., 1].ravel()[:], np.roll(first, 1), np.roll(values[..., 0], 1, axis=0).ravel()):
        assert abs(np.corrcoef(first, other)[0, 1]) < 4 / np.sqrt(len(first))


def test_exponential_numbers_have_mean_and_variance_one() -> None:
    values = drawn(3, 20000, 4)[..., 2]
    assert values.mean() == pytest.approx(1, abs=4 / np.sqrt(values.size))
    assert values.var() == pytest.approx(1, abs=4 * np.sqrt(8 / values.size))


def test_seed_history_and_site_each_change_the_stream() -> None:
    values = {float(drawn(seed, 3, 3)[h, s, 0]) for seed in (0, 1, 2) for h in range(3) for s in range(3)}
    assert len(values) == 27
