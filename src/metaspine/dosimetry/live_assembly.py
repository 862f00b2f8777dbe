"""From kerma per photon to the doses that a live update carries, with what is known of their error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_patient import STILL
from metaspine.dosimetry.live_smoothing import (
    RIM,
    SHELL_MM,
    TABLE_STEP_MM,
    TO_MEDIUM,
    TO_WATER,
    Expected,
    Field,
    Halves,
    InWater,
    Place,
    Smoothed,
    in_slabs,
)
from metaspine.transport.compiling import kernel, step
from metaspine.transport.medium import MATERIAL_BITS

DRAG_NEAR_MM = 25.0
DRAG_ERROR_NEAR, DRAG_ERROR_FAR = 0.06, 0.14
"""Of the drag tier's dose, one standard deviation, without metal (DOS-32)."""
SMOOTHING_ERROR_PER_MM = 0.015
"""Of the scattered kerma, for each mm of the smoothing's width (DOS-31)."""
BEHIND_METAL_ERROR = 0.15
"""Of the dose behind metal, one standard deviation, by smoothing across the shadow's edge, at full width (DOS-33)."""
LEAST = 1e-60
"""Keeps a division defined where there is no dose."""
DIMMEST = 0.02
"""Quotients below have the noise of this one: no score at all is no certainty."""
BEHIND_METAL = 2
NOT_FOR_DRAG, NOWHERE = 1 | 2 | 4 | 32, 4 | 32
"""Doubts, as :class:`metaspine.dosimetry.live_trust.Doubt` numbers them, with which no dose is given."""


class Made(NamedTuple):
    """The arrays of an update, each (nx, ny, nz); NaN where no dose is given."""

    to_medium: Field
    """Gy."""
    to_water: Field
    noise: Field
    """Of the dose to medium, one standard deviation, relative."""
    error: Field
    """The same with the output's."""
    error_to_water: Field


class Scale(NamedTuple):
    """From kerma to dose."""

    photons: float
    """That leave the applicator in the dwell time."""
    common2: float
    """The square of the relative uncertainty that all voxels share: the output's."""


def dragged(primary: Field, doubts: NDArray[np.uint8], tables: InWater, place: Place, scale: Scale) -> Made:
    """Return the drag tier's dose: primary times one plus water's ratio of scattered to primary kerma.

    Parameters
    ----------
    primary
        (nx, ny, nz, medium or water) Gy per photon in the dose box.
    doubts
        As :func:`metaspine.dosimetry.live_trust.doubts` returns them.
    tables
        Water's kerma.
    place, scale
        The dose box, and what makes kerma a dose.
    """
    made = _room(place)
    in_slabs(place.shape[0], lambda low, high: _drag(low, high, made, (primary, doubts), (tables, place), scale))
    return made


def assembled(
    primary: Field,
    doubts: NDArray[np.uint8],
    halves: Halves,
    scatter: tuple[Smoothed, Expected, float],
    place: Place,
    scale: Scale,
) -> Made:
    """Return primary plus smoothed scatter; ``scatter`` ends with the smoothing's squared narrowing."""
    made, (smooth, known, narrowed2) = _room(place), scatter
    given = (primary, doubts, smooth.fields, smooth.noise)
    in_slabs(
        place.shape[0], lambda low, high: _assemble(low, high, made, given, (halves, known, place), (scale, narrowed2))
    )
    return made


def _room(place: Place) -> Made:
    return Made(*(np.empty(place.shape, np.float32) for _ in range(5)))


@kernel
def _drag(
    low: int,
    high: int,
    made: Made,
    given: tuple[Field, NDArray[np.uint8]],
    where: tuple[InWater, Place],
    scale: Scale,
) -> None:
    primary, doubts = given
    tables, place = where
    spacing, source = place.spacing_mm, place.source_mm
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                if doubts[i, j, k] & NOT_FOR_DRAG:
                    _leave(i, j, k, made)
                    continue
                x = (i + 0.5) * spacing[0] - source[0]
                y = (j + 0.5) * spacing[1] - source[1]
                z = (k + 0.5) * spacing[2] - source[2]
                distance = math.sqrt(x * x + y * y + z * z)
                row = min(int(distance / TABLE_STEP_MM + 0.5), len(tables.primary) - 1)
                factor = scale.photons * (1.0 + tables.scatter[row] / tables.primary[row])
                noise = DRAG_ERROR_NEAR if distance <= DRAG_NEAR_MM else DRAG_ERROR_FAR
                made.to_medium[i, j, k] = factor * primary[i, j, k, 0]
                made.to_water[i, j, k] = factor * primary[i, j, k, 1]
                made.noise[i, j, k] = noise
                made.error[i, j, k] = math.sqrt(scale.common2 + noise * noise)
                made.error_to_water[i, j, k] = made.error[i, j, k]


@kernel
def _assemble(
    low: int,
    high: int,
    made: Made,
    given: tuple[Field, NDArray[np.uint8], Field, Field],
    where: tuple[Halves, Expected, Place],
    scales: tuple[Scale, float],
) -> None:
    primary, doubts, fields, noises = given
    halves, known, place = where
    scale, narrowed2 = scales
    spacing, source = place.spacing_mm, place.source_mm
    for i in range(low, high):
        for j in range(place.shape[1]):
            for k in range(place.shape[2]):
                if doubts[i, j, k] & NOWHERE:
                    _leave(i, j, k, made)
                    continue
                x = (i + 0.5) * spacing[0] - source[0]
                y = (j + 0.5) * spacing[1] - source[1]
                z = (k + 0.5) * spacing[2] - source[2]
                shell = int(math.sqrt(x * x + y * y + z * z) / SHELL_MM)
                f = known.scatter[i + RIM, j + RIM, k + RIM]
                packed = halves.packed[i + place.offset[0] + 1, j + place.offset[1] + 1, k + place.offset[2] + 1]
                ratio = halves.ratio[packed & MATERIAL_BITS]
                quotient = fields[TO_WATER, i + RIM, j + RIM, k + RIM]
                of_medium = f * ratio * fields[TO_MEDIUM, i + RIM, j + RIM, k + RIM]
                of_water = f * quotient
                to_medium, to_water = primary[i, j, k, 0] + of_medium, primary[i, j, k, 1] + of_water
                noise = noises[min(known.kinds[i + RIM, j + RIM, k + RIM], STILL), shell]
                width2 = narrowed2 * known.width2[i + RIM, j + RIM, k + RIM]
                blurred2 = SMOOTHING_ERROR_PER_MM * SMOOTHING_ERROR_PER_MM * width2
                noise2 = noise * max(quotient, DIMMEST) * f * f + blurred2 * of_water * of_water
                hidden2 = BEHIND_METAL_ERROR**2 * narrowed2 if doubts[i, j, k] & BEHIND_METAL else 0.0
                relative2 = ratio * ratio * noise2 / max(to_medium * to_medium, LEAST) + hidden2
                water2 = noise2 / max(to_water * to_water, LEAST) + hidden2
                made.to_medium[i, j, k] = scale.photons * to_medium
                made.to_water[i, j, k] = scale.photons * to_water
                made.noise[i, j, k] = math.sqrt(relative2)
                made.error[i, j, k] = math.sqrt(scale.common2 + relative2)
                made.error_to_water[i, j, k] = math.sqrt(scale.common2 + water2)


@step
def _leave(i: int, j: int, k: int, made: Made) -> None:
    made.to_medium[i, j, k] = math.nan
    made.to_water[i, j, k] = math.nan
    made.noise[i, j, k] = math.nan
    made.error[i, j, k] = math.nan
    made.error_to_water[i, j, k] = math.nan
