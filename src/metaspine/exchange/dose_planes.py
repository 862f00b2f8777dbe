"""Where the planes of an RTDOSE lie: GridFrameOffsetVector in all its forms (DICOM PS3.3 C.8.8.3.2).

The vector is either relative (its first element is 0: distances from ImagePositionPatient along row x column, whatever
the orientation) or absolute (its first element is the z of ImagePositionPatient, and the orientation is 1 0 0 0 1 0).
Planes may follow each other in either direction and at uneven distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements
from metaspine.geometry.grid import FloatArray

SAME_MM = 0.01
"""Offsets that differ by less are the same (EXCHANGE-20)."""
FINEST_STEP_MM = 0.1
MOST_ADDED = 4
"""Uneven planes are filled up to a step that makes at most so many times as many planes (EXCHANGE-20)."""
_EXPORT_AGAIN = "Export the dose again from the planning system"


@dataclass(frozen=True, eq=False)
class DosePlanes:
    """Evenly spaced planes, and how they come from those of the file.

    Parameters
    ----------
    step_mm
        From one plane to the next, along row x column; negative where they descend.
    at
        (n,) For each plane its place among the file's planes; fractional where it lies between two of them.
    """

    step_mm: float
    at: FloatArray
    notes: tuple[str, ...] = ()

    @property
    def as_stored(self) -> bool:
        """Whether the planes are the file's own."""
        return not self.notes


def dose_planes(elements: Elements, *, frames: int, axes: FloatArray, position_mm: FloatArray) -> DosePlanes:
    """Return the planes of a dose.

    Parameters
    ----------
    frames
        How many the file holds.
    axes, position_mm
        Row, column and row x column; the centre of the first pixel.

    Raises
    ------
    ImageError
        When the offsets are missing, too few or too many, neither relative nor absolute, not in order, or so uneven
        that no even step holds them (EXCHANGE-20); when a single plane does not say how thick it is.
    """
    stated = bool(elements.text("GridFrameOffsetVector"))
    if not stated and frames == 1:
        return DosePlanes(_thickness_mm(elements), np.zeros(1))
    _refuse_other_pointer(elements)
    count = len(elements.text("GridFrameOffsetVector").split("\\")) if stated else 0
    if stated and count != frames:
        raise ImageError(
            f"GridFrameOffsetVector places {count} planes and the file holds {frames}",
            where=elements.where,
            remedy=_EXPORT_AGAIN,
        )
    offsets = elements.numbers("GridFrameOffsetVector", frames)
    _refuse_unknown_start(elements, float(offsets[0]), axes, position_mm)
    if frames == 1:
        return DosePlanes(_thickness_mm(elements), np.zeros(1))
    gaps = np.diff(offsets)
    if not ((gaps > SAME_MM).all() or (gaps < -SAME_MM).all()):
        raise ImageError(
            "GridFrameOffsetVector does not lead from plane to plane in one direction",
            where=elements.where,
            remedy=_EXPORT_AGAIN,
        )
    return _evenly(offsets, elements.where)


def _thickness_mm(elements: Elements) -> float:
    thickness = elements.optional_number("SliceThickness")
    if thickness is None or not thickness > 0:
        raise ImageError(
            "holds one plane and does not say how thick it is (SliceThickness), so it is the dose of no volume",
            where=elements.where,
            remedy="Export the dose as a volume",
        )
    return thickness


def _refuse_other_pointer(elements: Elements) -> None:
    pointer = elements.dataset.get("FrameIncrementPointer")
    if pointer is not None and pointer != 0x3004000C:
        raise ImageError(
            f"its frames are told apart by {pointer}, not by GridFrameOffsetVector",
            where=elements.where,
            remedy="Export the dose of one plan, one frame a plane",
        )


def _refuse_unknown_start(elements: Elements, first: float, axes: FloatArray, position_mm: FloatArray) -> None:
    upright = np.abs(axes - np.eye(3)).max() < 1e-4
    if abs(first) < SAME_MM or (upright and abs(first - position_mm[2]) < SAME_MM):
        return
    wrong = (
        f"neither at 0 nor at the planes' z, {position_mm[2]:g} mm"
        if upright
        else "not at 0, and only planes of the orientation 1 0 0 0 1 0 may state their z instead"
    )
    raise ImageError(
        f"GridFrameOffsetVector starts at {first:g} mm: {wrong}",
        where=elements.where,
        remedy=_EXPORT_AGAIN,
    )


def _evenly(offsets: FloatArray, where: str) -> DosePlanes:
    """Return the planes at an even step: the file's, or with planes between them where theirs is uneven."""
    reach = float(offsets[-1] - offsets[0])
    count = len(offsets)
    even = offsets[0] + reach * np.arange(count) / (count - 1)
    if np.abs(offsets - even).max() < SAME_MM:
        return DosePlanes(reach / (count - 1), np.arange(count, dtype=np.float64))
    smallest = float(np.abs(np.diff(offsets)).min())
    for parts in range(1, MOST_ADDED + 1):
        steps = round(abs(reach) * parts / smallest)
        step = reach / steps
        place = (offsets - offsets[0]) / step
        if np.abs(place - np.rint(place)).max() * abs(step) < SAME_MM and _affordable(step, steps, count):
            return _filled(np.rint(place), steps, step)
    raise ImageError(
        f"its planes are unevenly spaced ({', '.join(f'{gap:g}' for gap in _different(np.diff(offsets)))} mm), and no "
        "even step holds them (EXCHANGE-20)",
        where=where,
        remedy="Export the dose on an evenly spaced grid",
    )


def _affordable(step: float, steps: int, count: int) -> bool:
    return abs(step) >= FINEST_STEP_MM and steps + 1 <= MOST_ADDED * count


def _filled(place: FloatArray, steps: int, step: float) -> DosePlanes:
    at = np.interp(np.arange(steps + 1), place, np.arange(len(place)))
    added = steps + 1 - len(place)
    note = f"the planes are unevenly spaced; {added} were added between them, linearly, for an even step (EXCHANGE-20)"
    return DosePlanes(step, np.asarray(at), (note,))


def _different(gaps: FloatArray) -> list[float]:
    return sorted({round(abs(float(gap)), 3) for gap in gaps})[:5]
