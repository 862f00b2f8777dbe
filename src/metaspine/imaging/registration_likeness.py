"""How alike two images are over the same points, in bits: plain kernels, because every search asks it often."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from metaspine.geometry.grid import FloatArray
from metaspine.imaging.regions import Mask

_FEWEST = 300
_TAILS = (0.005, 0.995)


def likeness(first: NDArray[np.float32], second: FloatArray) -> float:
    """Return the mutual information of two sets of values in bits; 0 where there are too few.

    sum p(a, b) log2(p(a, b) / (p(a) p(b))), over equal bins between each set's 0.5th and 99.5th percentile, less what
    chance alone makes of it, (n_ab - n_a - n_b + 1) / (2 N ln 2) by the occupied bins (Miller 1955). Bins grow with N,
    8 x 8 to 32 x 32.
    """
    if len(first) < _FEWEST:
        return 0.0
    bins = int(np.clip(np.sqrt(len(first) / 10), 8, 32))
    return float(_information(first, second, _bounds(first), _bounds(second), bins))


def _bounds(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 0.5th and the 99.5th percentile, linear between values, as np.percentile does."""
    at = np.array(_TAILS) * (len(values) - 1)
    below = np.floor(at).astype(int)
    ordered = np.partition(values, [*below, *np.minimum(below + 1, len(values) - 1)])
    lower, upper = ordered[below], ordered[np.minimum(below + 1, len(values) - 1)]
    low, high = lower + (at - below) * (upper - lower)
    return float(low), float(high)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _information(
    first: NDArray[np.float32],
    second: FloatArray,
    first_bounds: tuple[float, float],
    second_bounds: tuple[float, float],
    bins: int,
) -> float:
    joint = np.zeros((bins, bins))
    first_low, second_low = first_bounds[0], second_bounds[0]
    first_width = max(first_bounds[1] - first_low, 1e-6) / bins
    second_width = max(second_bounds[1] - second_low, 1e-6) / bins
    for n in range(len(first)):
        a = min(max((first[n] - first_low) / first_width, 0.0), bins - 1.0)
        b = min(max((second[n] - second_low) / second_width, 0.0), bins - 1.0)
        joint[int(a), int(b)] += 1.0
    one, other = joint.sum(axis=1), joint.sum(axis=0)
    bits, occupied = 0.0, 0
    for a in range(bins):
        for b in range(bins):
            if joint[a, b] > 0:
                occupied += 1
                bits += joint[a, b] * np.log2(joint[a, b] * len(first) / (one[a] * other[b]))
    by_chance = (occupied - (one > 0).sum() - (other > 0).sum() + 1) / (2 * len(first) * np.log(2.0))
    return float(bits / len(first) - by_chance)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def sampled(values: NDArray[np.float32], usable: Mask, index: FloatArray) -> tuple[FloatArray, Mask]:
    """Return the values at fractional voxel indices (n, 3), linear between voxels, and where they are usable.

    Outside, the nearest voxel's value, not usable; usable is what the nearest voxel is.
    """
    found, good = np.empty(len(index)), np.zeros(len(index), np.bool_)
    for n in range(len(index)):
        inside = True
        for axis in range(3):
            inside = inside and -0.5 <= index[n, axis] <= values.shape[axis] - 0.5
        x = min(max(index[n, 0], 0.0), values.shape[0] - 1.0)
        y = min(max(index[n, 1], 0.0), values.shape[1] - 1.0)
        z = min(max(index[n, 2], 0.0), values.shape[2] - 1.0)
        i, j, k = int(x), int(y), int(z)
        total = 0.0
        for corner in range(8):
            di, dj, dk = corner & 1, (corner >> 1) & 1, corner >> 2
            weight = abs(1 - di - x + i) * abs(1 - dj - y + j) * abs(1 - dk - z + k)
            if weight > 0:
                total += weight * values[i + di, j + dj, k + dk]
        found[n] = total
        good[n] = inside and usable[int(x + 0.5), int(y + 0.5), int(z + 0.5)]
    return found, good
