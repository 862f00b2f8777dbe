"""Whether the values of an image can be Hounsfield units of a patient; conventions EXCHANGE-01 and EXCHANGE-02."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import ImageError

AIR_HU = -1024
_PADDING_BELOW_HU = -1100
_HIGHEST_HU = 32000
_TISSUE_ABOVE_HU = -900
_LEAST_TISSUE_FRACTION = 0.05
_TISSUE_MEDIAN_HU = (-300, 700)
_RESCALE_REMEDY = "Export the CT again in Hounsfield units, with its rescale slope and intercept"


def hounsfield(values: NDArray[Any], *, where: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the values as int16, or float32 where they have fractions, and notes on what had to be done.

    Padding below -1100 HU becomes air (EXCHANGE-02).

    Raises
    ------
    ImageError
        When a value is not finite, or the values cannot be a CT's (EXCHANGE-01).
    """
    _refuse_not_finite(values, where)
    padding = values < _PADDING_BELOW_HU
    padded = int(np.count_nonzero(padding))
    notes: tuple[str, ...] = ()
    if padded:
        lowest = float(values.min())
        values = np.where(padding, np.asarray(AIR_HU, dtype=values.dtype), values)
        share = 100 * padded / values.size
        notes = (
            f"{padded} voxels ({share:.1f} %) below {_PADDING_BELOW_HU} HU, down to {lowest:g}, were taken for padding "
            f"and set to {AIR_HU} HU (EXCHANGE-02)",
        )
    _refuse_absurd(values, where)
    return _compact(values), notes


def _refuse_not_finite(values: NDArray[Any], where: str) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        raise ImageError(
            f"{bad} of {values.size} voxels are not numbers (NaN or infinite)",
            where=where,
            remedy="Export the image again without masking or resampling it",
        )


def _refuse_absurd(values: NDArray[Any], where: str) -> None:
    lowest, highest = float(values.min()), float(values.max())
    if highest > _HIGHEST_HU:
        raise ImageError(
            f"the highest value is {highest:g}, above {_HIGHEST_HU} HU (EXCHANGE-01)",
            where=where,
            remedy=_RESCALE_REMEDY,
        )
    if lowest >= 0:
        raise ImageError(
            f"no value is negative (they run from {lowest:g} to {highest:g}); "
            "a CT of a patient holds fat and air, below 0 HU (EXCHANGE-01)",
            where=where,
            remedy=f"Give the CT, not a label map or dose. {_RESCALE_REMEDY}",
        )
    tissue = values[values > _TISSUE_ABOVE_HU]
    if tissue.size < _LEAST_TISSUE_FRACTION * values.size:
        raise ImageError(
            f"only {100 * tissue.size / values.size:.1f} % of the voxels lie above {_TISSUE_ABOVE_HU} HU (EXCHANGE-01)",
            where=where,
            remedy=_RESCALE_REMEDY,
        )
    median = float(np.median(tissue))
    low, high = _TISSUE_MEDIAN_HU
    if not low <= median <= high:
        raise ImageError(
            f"the median of the voxels above {_TISSUE_ABOVE_HU} HU is {median:g} HU, outside {low} to {high} "
            "(EXCHANGE-01)",
            where=where,
            remedy=_RESCALE_REMEDY,
        )


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """Return int16 where nothing is lost, else float32."""
    if values.dtype.kind in "iu" or np.array_equal(values, np.rint(values)):
        return np.ascontiguousarray(values, dtype=np.int16)
    return np.ascontiguousarray(values, dtype=np.float32)
