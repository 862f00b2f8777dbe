"""Where the applicator is: the hemispherical tip and the shaft behind it. No dose is defined there."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import DeviceFileError
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator

_SURFACE_TOLERANCE_MM = 1e-9


def inside_applicator(
    points_mm: ArrayLike, *, dwells: Sequence[DwellPosition], applicator: Applicator
) -> NDArray[np.bool_]:
    """Say for each LPS point (..., 3) whether it lies inside the applicator at any dwell position.

    The surface itself counts as outside: a dose is defined there.
    """
    points = np.asarray(points_mm, dtype=np.float64)
    isocentres, directions = positions(dwells)
    inside = _any_inside(np.ascontiguousarray(points.reshape(-1, 3)), isocentres, directions, shape_mm(applicator))
    return np.asarray(inside.reshape(points.shape[:-1]))


def positions(dwells: Sequence[DwellPosition]) -> tuple[FloatArray, FloatArray]:
    """Return the isocentres (n, 3) in LPS mm and the unit directions (n, 3).

    Raises
    ------
    DeviceFileError
        When a direction has no length.
    """
    isocentres = np.array([dwell.isocentre_mm for dwell in dwells], dtype=np.float64).reshape(-1, 3)
    directions = np.array([_unit(dwell.direction) for dwell in dwells], dtype=np.float64).reshape(-1, 3)
    return isocentres, directions


def shape_mm(applicator: Applicator) -> FloatArray:
    """Return radius, tip beyond the isocentre, and length of the needle, for kernels."""
    return np.array([applicator.radius_mm, applicator.tip_beyond_isocentre_mm, applicator.channel.needle_length_mm])


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def inside(offset: FloatArray, direction: FloatArray, shape_mm: FloatArray) -> bool:
    """Say whether a point at ``offset`` (3,) from the isocentre lies in the applicator along a unit ``direction``."""
    radius, tip, length = shape_mm
    along = offset[0] * direction[0] + offset[1] * direction[1] + offset[2] * direction[2]
    across2 = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2 - along**2
    inner2 = (radius - _SURFACE_TOLERANCE_MM) ** 2
    if along <= 0.0:
        return bool(across2 < inner2 and along > tip - length)
    return bool(across2 / inner2 + (along / (tip - _SURFACE_TOLERANCE_MM)) ** 2 < 1.0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _any_inside(
    points_mm: FloatArray, isocentres: FloatArray, directions: FloatArray, shape_mm: FloatArray
) -> NDArray[np.bool_]:
    found = np.zeros(points_mm.shape[0], dtype=np.bool_)
    for index in range(points_mm.shape[0]):
        for dwell in range(isocentres.shape[0]):
            if inside(points_mm[index] - isocentres[dwell], directions[dwell], shape_mm):
                found[index] = True
                break
    return found


def _unit(direction: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(direction))
    if not (np.isfinite(length) and length > 0):
        raise DeviceFileError(f"a needle direction of {direction}", where="applicator", remedy="Give a unit vector")
    return np.asarray(direction, dtype=np.float64) / length
