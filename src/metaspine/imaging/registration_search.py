"""Where a vertebra may lie in the second image: a coarse search, and how well a place fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from metaspine.geometry.grid import FloatArray
from metaspine.imaging.registration_likeness import likeness
from metaspine.imaging.registration_samples import Picture, Samples, shown

_APART_MM = 7.0
_TURN_DEGREES = 12.0
"""By so much the likeliest places are also tried turned, about each axis (REG-02)."""
_LEVER_MM = 20.0
_SEARCH_SAMPLES, _JUDGED_SAMPLES = 1500, 20_000


@dataclass(frozen=True, eq=False)
class Fit:
    """Where a vertebra may lie: the rigid matrix, how alike the images are there, and how much of it is seen."""

    matrix: FloatArray
    likeness: float
    seen_share: float
    middle_mm: FloatArray
    """Where the vertebra's middle came to lie."""


def moved(matrix: FloatArray, points_mm: FloatArray) -> FloatArray:
    """Return LPS points (..., 3) moved by a 4 x 4 matrix."""
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])


def judged(second: Picture, samples: Samples, matrix: FloatArray, *, most: int = _JUDGED_SAMPLES) -> Fit:
    """Return how well a place fits."""
    some = samples.some(most)
    values, usable = shown(second, moved(matrix, some.points_mm))
    seen = float(usable[some.inside].mean()) if some.inside.any() else 0.0
    return Fit(matrix, likeness(some.values[usable], values[usable]), seen, moved(matrix, some.centre_mm))


def candidates(
    second: Picture,
    samples: Samples,
    start: FloatArray,
    *,
    within_mm: float,
    step_mm: float,
    seen_share: float,
    most: int,
) -> list[FloatArray]:
    """Return the likeliest places around a start, best first, all at least 7 mm from each other."""
    few = samples.some(_SEARCH_SAMPLES)
    found = [judged(second, few, _shifted(start, shift)) for shift in _shifts(within_mm, step_mm)]
    chosen: list[Fit] = []
    for one in sorted(found, key=lambda one: -one.likeness):
        if one.seen_share >= seen_share and all(
            np.linalg.norm(one.middle_mm - other.middle_mm) >= _APART_MM for other in chosen
        ):
            chosen.append(one)
        if len(chosen) == most:
            break
    return [one.matrix for one in chosen]


def turned(second: Picture, samples: Samples, places: Sequence[FloatArray], *, most: int) -> list[FloatArray]:
    """Return each place turned as is likeliest there (patients lie otherwise than before), the likeliest first."""
    few = samples.some(_SEARCH_SAMPLES)
    best = [
        best_of([judged(second, few, _changed(place, few.centre_mm, turn)) for turn in _turns()]) for place in places
    ]
    return [one.matrix for one in sorted(best, key=lambda one: -one.likeness)[:most]]


def refined(second: Picture, samples: Samples, start: FloatArray, *, step_mm: float, most: int) -> FloatArray:
    """Return the rigid matrix near ``start`` in which the images are most alike, by Powell's method.

    Shifts and turns about the vertebra's middle, 20 mm of lever to the radian; ``most`` is the number of comparisons.
    """
    middle = samples.centre_mm

    def badness(change: FloatArray) -> float:
        return -judged(second, samples, _changed(start, middle, change), most=len(samples.points_mm)).likeness

    found = minimize(
        badness,
        np.zeros(6),
        method="Powell",
        options={"xtol": 0.02, "ftol": 1e-5, "maxfev": most, "direc": step_mm * np.eye(6)},
    )
    return _changed(start, middle, np.asarray(found.x))


def _changed(matrix: FloatArray, middle_mm: FloatArray, change: FloatArray) -> FloatArray:
    turn = Rotation.from_rotvec(change[3:] / _LEVER_MM).as_matrix()
    result = np.eye(4)
    result[:3, :3] = turn @ matrix[:3, :3]
    result[:3, 3] = moved(matrix, middle_mm) + change[:3] - result[:3, :3] @ middle_mm
    return result


def best_of(fits: Sequence[Fit]) -> Fit:
    """Return the fit in which the images are most alike."""
    return max(fits, key=lambda one: one.likeness)


def _turns() -> FloatArray:
    """Return the changes that turn only: none, and by 12 degrees about every combination of axes."""
    steps = np.array([0.0, 1.0, -1.0]) * np.radians(_TURN_DEGREES) * _LEVER_MM
    about = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.hstack([np.zeros_like(about), about])


def _shifts(within_mm: float, step_mm: float) -> FloatArray:
    reach = np.arange(0.0, within_mm + 1e-6, step_mm)
    steps = np.concatenate([-reach[:0:-1], reach])
    shifts = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(shifts[np.linalg.norm(shifts, axis=1) <= within_mm + 1e-6])


def _shifted(matrix: FloatArray, shift_mm: FloatArray) -> FloatArray:
    result = matrix.copy()
    result[:3, 3] += shift_mm
    return result
