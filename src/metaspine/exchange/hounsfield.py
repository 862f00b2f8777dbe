"""Whether the values of an image can be Hounsfield units of a patient; conventions EXCHANGE-01 and EXCHANGE-02.

The values are counted slice by slice: one histogram answers every question asked of whole numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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
_HALF = 1 << 15
_INT16_VALUES = 2 * _HALF


class HounsfieldCheck:
    """Takes the slices of an image one after the other, and says at the end whether they can be a patient's CT."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._counts = np.zeros(_INT16_VALUES, dtype=np.int64)
        """How often each value occurs; whole numbers only, those beyond 16 bits at the nearest that has room."""
        self._voxels = self._not_finite = self._padded = 0
        self._lowest_padding = np.inf
        self._highest = -np.inf
        self._fractions = False

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Count a slice and return it: padding as air (EXCHANGE-02), int16, or float32 where it has fractions."""
        self._voxels += values.size
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                self._not_finite += values.size - int(np.count_nonzero(finite))
                return np.zeros(values.shape, dtype=np.int16)
            if not np.array_equal(values, np.rint(values)):
                return self._take_fractions(values)
        whole = values if values.dtype == np.int16 else self._within_int16(values)
        counts = np.bincount(whole.reshape(-1).view(np.uint16), minlength=_INT16_VALUES)
        padding = int(counts[_HALF : _INT16_VALUES + _PADDING_BELOW_HU].sum())
        if padding:
            below = whole < _PADDING_BELOW_HU
            self._padded += padding
            self._lowest_padding = min(self._lowest_padding, float(values.min()))
            whole = np.where(below, np.int16(AIR_HU), whole)
            counts = np.bincount(whole.reshape(-1).view(np.uint16), minlength=_INT16_VALUES)
        self._counts += counts
        return whole

    def _within_int16(self, values: NDArray[Any]) -> NDArray[np.int16]:
        highest = float(values.max())
        self._highest = max(self._highest, highest)
        if highest >= _HALF or float(values.min()) < -_HALF:
            values = np.clip(values, -_HALF, _HALF - 1)
        return values.astype(np.int16, order="C")

    def _take_fractions(self, values: NDArray[Any]) -> NDArray[np.float32]:
        self._fractions = True
        below = values < _PADDING_BELOW_HU
        if below.any():
            self._padded += int(np.count_nonzero(below))
            self._lowest_padding = min(self._lowest_padding, float(values.min()))
            values = np.where(below, np.float32(AIR_HU), values)
        return values.astype(np.float32)

    def notes(self, values: NDArray[Any]) -> tuple[str, ...]:
        """Return what was done to the image whose slices were taken.

        Parameters
        ----------
        values
            The whole image, of the slices as they were returned.

        Raises
        ------
        ImageError
            When a value is not finite, or the values cannot be a CT's (EXCHANGE-01).
        """
        if self._not_finite:
            raise ImageError(
                f"{self._not_finite} of {self._voxels} voxels are not numbers (NaN or infinite)",
                where=self._where,
                remedy="Export the image again without masking or resampling it",
            )
        self._refuse_absurd(values)
        if not self._padded:
            return ()
        share = 100 * self._padded / self._voxels
        return (
            f"{self._padded} voxels ({share:.1f} %) below {_PADDING_BELOW_HU} HU, down to {self._lowest_padding:g}, "
            f"were taken for padding and set to {AIR_HU} HU (EXCHANGE-02)",
        )

    def _refuse_absurd(self, values: NDArray[Any]) -> None:
        facts = _facts_of_fractions(values) if self._fractions else _facts(self._counts)
        lowest, highest = facts.lowest, max(self._highest, facts.highest)
        if highest > _HIGHEST_HU:
            self._refuse(f"the highest value is {highest:g}, above {_HIGHEST_HU} HU (EXCHANGE-01)")
        if lowest >= 0:
            raise ImageError(
                f"no value is negative (they run from {lowest:g} to {highest:g}); "
                "a CT of a patient holds fat and air, below 0 HU (EXCHANGE-01)",
                where=self._where,
                remedy=f"Give the CT, not a label map or dose. {_RESCALE_REMEDY}",
            )
        if facts.tissue < _LEAST_TISSUE_FRACTION * self._voxels:
            share = 100 * facts.tissue / self._voxels
            self._refuse(f"only {share:.1f} % of the voxels lie above {_TISSUE_ABOVE_HU} HU (EXCHANGE-01)")
        low, high = _TISSUE_MEDIAN_HU
        if not low <= facts.median <= high:
            self._refuse(
                f"the median of the voxels above {_TISSUE_ABOVE_HU} HU is {facts.median:g} HU, outside {low} to {high} "
                "(EXCHANGE-01)"
            )

    def _refuse(self, what: str) -> None:
        raise ImageError(what, where=self._where, remedy=_RESCALE_REMEDY)


class _Facts(NamedTuple):
    """What is asked of an image's values; tissue is the number of voxels above -900 HU, the median theirs."""

    lowest: float
    highest: float
    tissue: int
    median: float


def _facts(counts: NDArray[np.int64]) -> _Facts:
    """Return the facts from how often each 16-bit value occurs, in the order 0 to 32767, -32768 to -1."""
    counts = np.roll(counts, _HALF)
    occupied = np.flatnonzero(counts) - _HALF
    first = _TISSUE_ABOVE_HU + 1
    reached = np.cumsum(counts[first + _HALF :])
    middle = [first + int(np.searchsorted(reached, rank, side="right")) for rank in _middle_ranks(reached[-1])]
    return _Facts(float(occupied[0]), float(occupied[-1]), int(reached[-1]), sum(middle) / 2)


def _facts_of_fractions(values: NDArray[np.float32]) -> _Facts:
    """Return the facts of an image with fractions: counted by whole numbers, then exact for those in the middle."""
    counts = np.zeros(_HALF - _TISSUE_ABOVE_HU, dtype=np.int64)
    for plane in values:
        tissue = np.minimum(plane[plane > _TISSUE_ABOVE_HU], _HALF - 1)
        counts += np.bincount(np.floor(tissue).astype(np.int64) - _TISSUE_ABOVE_HU, minlength=len(counts))
    reached = np.cumsum(counts)
    ranks = _middle_ranks(reached[-1])
    low, high = (_TISSUE_ABOVE_HU + int(np.searchsorted(reached, rank, side="right")) for rank in ranks)
    near = np.sort(np.concatenate([_between(plane, low, high + 1) for plane in values]))
    before = int(reached[low - _TISSUE_ABOVE_HU - 1]) if low > _TISSUE_ABOVE_HU else 0
    middle = [float(near[rank - before]) for rank in ranks] if near.size else [0.0, 0.0]
    return _Facts(float(values.min()), float(values.max()), int(reached[-1]), sum(middle) / 2)


def _between(plane: NDArray[np.float32], low: int, high: int) -> NDArray[np.float32]:
    return plane[(plane > _TISSUE_ABOVE_HU) & (plane >= low) & (plane < high)]


def _middle_ranks(number: int) -> tuple[int, int]:
    """Return the places of the one or two values in the middle; of nothing, the first."""
    return max(0, int(number) - 1) // 2, max(0, int(number)) // 2
