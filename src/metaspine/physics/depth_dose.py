"""Dose rate against distance, its inverse, and the treatment time that follows.

Between the nodes of a table the logarithm of the dose rate is linear in the logarithm of the distance, which makes a
power law exact; beyond them the end slopes continue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import DeviceFileError
from metaspine.physics.applicators import Applicator, DepthDose, Output

if TYPE_CHECKING:
    from metaspine.geometry.grid import FloatArray

SECONDS_PER_MINUTE = 60.0


def interpolate_all(x: FloatArray, nodes: FloatArray, values: FloatArray) -> FloatArray:
    """Return the piecewise linear values at ``x`` (n,); outside the nodes the end slopes continue.

    Called with logarithms it interpolates log-log. ``nodes`` (m,) increase, m >= 2. The kernel of the same law is
    :func:`metaspine.physics.interpolation.interpolate`.
    """
    segment = np.clip(np.searchsorted(nodes, x) - 1, 0, nodes.size - 2)
    slope = np.diff(values) / np.diff(nodes)
    return np.asarray(values[segment] + slope[segment] * (x - nodes[segment]))


def log_table(depth_dose: DepthDose) -> tuple[FloatArray, FloatArray]:
    """Return the logarithms of the table's distances (mm) and dose rates (Gy/min), for kernels."""
    return np.log(depth_dose.distance_from_isocentre_mm), np.log(depth_dose.dose_rate_gy_per_min)


def dose_rate_gy_per_min(depth_dose: DepthDose, distance_mm: ArrayLike) -> FloatArray:
    """Return the dose rate to water in Gy/min at distances (...) from the isocentre in mm.

    Raises
    ------
    DeviceFileError
        When a distance is not positive.
    """
    distance = _positive(distance_mm, "distance", "mm")
    log_distance, log_rate = log_table(depth_dose)
    return np.asarray(np.exp(interpolate_all(np.log(distance).ravel(), log_distance, log_rate)).reshape(distance.shape))


def distance_mm(depth_dose: DepthDose, dose_rate: ArrayLike) -> FloatArray:
    """Return the distances from the isocentre in mm at which dose rates (...) in Gy/min are found.

    Raises
    ------
    DeviceFileError
        When a dose rate is not positive.
    """
    rate = _positive(dose_rate, "dose rate", "Gy/min")
    log_distance, log_rate = log_table(depth_dose)
    nodes, values = np.ascontiguousarray(log_rate[::-1]), np.ascontiguousarray(log_distance[::-1])
    return np.asarray(np.exp(interpolate_all(np.log(rate).ravel(), nodes, values)).reshape(rate.shape))


def extrapolated(depth_dose: DepthDose, distance_mm: ArrayLike) -> NDArray[np.bool_]:
    """Say for each distance (...) from the isocentre in mm whether it lies outside the table's valid range."""
    distance = np.asarray(distance_mm, dtype=np.float64)
    nearest, farthest = depth_dose.valid_mm
    tolerance = 1e-9 * farthest
    return np.asarray((distance < nearest - tolerance) | (distance > farthest + tolerance))


def treatment_time_s(
    output: Output, applicator: Applicator, *, dose_gy: float, distance_from_isocentre_mm: float
) -> float:
    """Return the time in s that gives a dose in Gy at a distance in mm from the isocentre.

    t = D / rate(r). A calibrated output holds its output of the day already.

    Raises
    ------
    DeviceFileError
        When the dose is not positive, or the point lies inside the applicator.
    """
    if not dose_gy > 0:
        raise DeviceFileError(f"a dose of {dose_gy} Gy", where="treatment time", remedy="Give a dose larger than 0 Gy")
    _refuse_inside(applicator, distance_from_isocentre_mm)
    rate = float(dose_rate_gy_per_min(output.depth_dose, distance_from_isocentre_mm))
    return SECONDS_PER_MINUTE * dose_gy / rate


def dose_at(output: Output, *, time_s: float, distance_from_isocentre_mm: ArrayLike) -> FloatArray:
    """Return the dose in Gy that a time in s gives at distances (...) in mm from the isocentre."""
    rate = dose_rate_gy_per_min(output.depth_dose, distance_from_isocentre_mm)
    return np.asarray(rate * (time_s / SECONDS_PER_MINUTE))


def _positive(values: ArrayLike, what: str, unit: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if not (array > 0).all():
        worst = float(np.nanmin(array)) if not np.isnan(array).all() else float("nan")
        raise DeviceFileError(f"a {what} of {worst} {unit}", where="depth dose", remedy=f"Give more than 0 {unit}")
    return array


def _refuse_inside(applicator: Applicator, distance_mm: float) -> None:
    if not distance_mm >= applicator.radius_mm:
        raise DeviceFileError(
            f"a prescription {distance_mm:.2f} mm from the isocentre lies inside the applicator",
            where=applicator.name,
            remedy=f"Prescribe at {applicator.radius_mm} mm (its surface) or farther",
        )
