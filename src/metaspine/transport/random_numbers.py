"""Random numbers that belong to a history, not to a thread.

Every history starts from its own number, so that a result depends on the seed and on which histories were run, never
on who ran them. Splitmix64 turns (seed, history, site) into a state [1]_; xoroshiro128+ runs from it [2]_.

References
----------
.. [1] Steele GL, Lea D, Flood CH. Fast splittable pseudorandom number generators. OOPSLA 2014.
   doi:10.1145/2660193.2660195
.. [2] Blackman D, Vigna S. Scrambled linear pseudorandom number generators. ACM Trans Math Softw 2021;47:36.
   doi:10.1145/3460772 (rotations 24, 16, 37)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from metaspine.transport.compiling import step

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
_BITS = np.uint64(64)
_11, _16, _24, _27, _30, _31, _37 = (np.uint64(n) for n in (11, 16, 24, 27, 30, 31, 37))
_UNIT = 1.0 / 9007199254740992.0
"""2^-53: the upper 53 bits of a word as a number in [0, 1)."""


class Stream(NamedTuple):
    """The state of one history's generator."""

    low: np.uint64
    high: np.uint64


@step
def mixed(word: np.uint64) -> np.uint64:
    """Return splitmix64's output for the state ``word`` after its increment."""
    word = (word ^ (word >> _30)) * _FIRST_FACTOR
    word = (word ^ (word >> _27)) * _SECOND_FACTOR
    return word ^ (word >> _31)


@step
def stream(seed: int, history: int, site: int) -> Stream:
    """Return the generator of one site of one history.

    The three numbers are mixed one into the other, so that neighbours share nothing. Use it as
    ``random, value = uniform(random)``.
    """
    word = mixed(np.uint64(seed) + _GOLDEN)
    word = mixed((word ^ np.uint64(history)) + _GOLDEN)
    word = mixed((word ^ np.uint64(site)) + _GOLDEN)
    return Stream(mixed(word + _GOLDEN), mixed(word + _GOLDEN + _GOLDEN))


@step
def following(random: Stream) -> tuple[Stream, np.uint64]:
    """Return the generator after one step, and its word."""
    low, high = random.low, random.high
    word = low + high
    high = high ^ low
    low = ((low << _24) | (low >> (_BITS - _24))) ^ high ^ (high << _16)
    high = (high << _37) | (high >> (_BITS - _37))
    return Stream(low, high), word


@step
def uniform(random: Stream) -> tuple[Stream, float]:
    """Return the generator after one step, and a number in [0, 1)."""
    random, word = following(random)
    return random, np.float64(word >> _11) * _UNIT


@step
def exponential(random: Stream) -> tuple[Stream, float]:
    """Return the generator after one step, and an exponential number of mean one."""
    random, value = uniform(random)
    return random, -math.log(1.0 - value)
