"""How well a dose is known: the output, the direction, the position of the tip; and the bounds that follow.

The conventions are PHY-12, PHY-14, PHY-17, PHY-21 and PHY-22 of the evidence. The output's error is common to the
prescription and to the limit: a source that gives too much does so at both. A limit is one on absolute dose, and so its
bound includes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from metaspine.errors import DeviceFileError
from metaspine.physics.applicators import DepthDose, Output
from metaspine.physics.depth_dose import distance_mm, dose_rate_gy_per_min

if TYPE_CHECKING:
    from metaspine.geometry.grid import FloatArray

EVIDENCE = ("PHY-12", "PHY-14", "PHY-17", "PHY-21", "PHY-22")

ONE_SIDED_95 = 1.645
"""The 95 % quantile of the normal distribution."""
EXPONENT_UNCERTAINTY = 0.3
"""One standard deviation of the fall-off's exponent where a table is extrapolated (PHY-17)."""


def relative_uncertainty(depth_dose: DepthDose, distance_from_isocentre_mm: ArrayLike) -> FloatArray:
    """Return one standard deviation of the dose at distances (...) in mm, as a fraction, for a source that is in place.

    u^2 = u_output^2 + u_direction^2 + (0.3 ln(r / r_valid))^2, the last outside the valid range only (PHY-17).
    """
    distance = np.asarray(distance_from_isocentre_mm, dtype=np.float64)
    beyond = np.log(distance / np.clip(distance, *depth_dose.valid_mm))
    common = depth_dose.relative_uncertainty**2 + depth_dose.direction_relative_uncertainty**2
    return np.asarray(np.sqrt(common + (EXPONENT_UNCERTAINTY * beyond) ** 2))


def rise_when_closer(depth_dose: DepthDose, distance_from_isocentre_mm: float, shift_mm: float) -> float:
    """Return ln D(r - shift) - ln D(r): the relative rise of the dose when the tip lies closer by ``shift_mm``.

    Infinite where the shift reaches the point itself.

    Raises
    ------
    DeviceFileError
        When the shift is negative.
    """
    if not shift_mm >= 0:
        raise DeviceFileError(
            f"a tip position uncertainty of {shift_mm} mm", where="uncertainty", remedy="Give 0 mm or more"
        )
    closer = distance_from_isocentre_mm - shift_mm
    if closer <= 0:
        return math.inf
    near, here = dose_rate_gy_per_min(depth_dose, [closer, distance_from_isocentre_mm])
    return math.log(near / here)


def upper_95_factor(output: Output, *, distance_mm: float, sigma_mm: float) -> float:
    """Return the factor from a dose to its one-sided upper 95 % bound at a distance in mm from the isocentre (PHY-22).

    exp(sqrt((1.645 u)^2 + b^2)) with b = ln D(r - 1.645 sigma) - ln D(r), which is exact for either error alone;
    infinite where the tip may touch the point.
    """
    own = ONE_SIDED_95 * float(relative_uncertainty(output.depth_dose, distance_mm))
    position = rise_when_closer(output.depth_dose, distance_mm, ONE_SIDED_95 * sigma_mm)
    return math.exp(math.hypot(own, position))


def upper_95(output: Output, *, dose_gy: float, distance_mm: float, sigma_mm: float) -> float:
    """Return the one-sided upper 95 % bound in Gy of a dose at a distance in mm from the isocentre (PHY-22)."""
    return dose_gy * upper_95_factor(output, distance_mm=distance_mm, sigma_mm=sigma_mm) if dose_gy else 0.0


def largest_allowed_distance_mm(
    output: Output, *, dose_gy: float, limit_gy: float, nearest_distance_mm: float, sigma_mm: float
) -> float:
    """Return the largest distance at which ``dose_gy`` may lie so that the limit holds at ``nearest_distance_mm``.

    The time that gives the dose at the distance d gives ``dose_gy D(n) / D(d)`` at the nearest point n of the
    structure; the upper 95 % bound of that is to stay at the limit (PHY-22): D(d) = dose D(n) factor / limit. All
    distances are from the isocentre, in mm. Returns 0 where the tip may touch the structure: no distance keeps the
    limit.

    Raises
    ------
    DeviceFileError
        When a dose, the limit, or the nearest distance is not positive.
    """
    if not (dose_gy > 0 and limit_gy > 0):
        raise DeviceFileError(
            f"a dose of {dose_gy} Gy with a limit of {limit_gy} Gy", where="dose limit", remedy="Give more than 0 Gy"
        )
    factor = upper_95_factor(output, distance_mm=nearest_distance_mm, sigma_mm=sigma_mm)
    if math.isinf(factor):
        return 0.0
    rate_at_nearest = float(dose_rate_gy_per_min(output.depth_dose, nearest_distance_mm))
    return float(distance_mm(output.depth_dose, rate_at_nearest * factor * dose_gy / limit_gy))
