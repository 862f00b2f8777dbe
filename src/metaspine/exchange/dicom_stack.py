"""Where the slices of a series lie: their order, their even spacing, the affine they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metaspine.errors import ImageError
from metaspine.exchange.dicom_series import SliceHeader
from metaspine.geometry.grid import FloatArray

_SAME_DIRECTION = 1e-4
_SAME_LENGTH_MM = 1e-4
_SAME_POSITION_MM = 0.01
_MOST_VOXELS = 10**9
_SHEAR_DEG = 0.05
_NOTABLE_TILT_DEG = 1.0
_EXPORT_AGAIN = "Export the whole series again from the scanner or the archive"

SameContent = Callable[[SliceHeader, SliceHeader], bool]


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Slices in order along their normal, one at every position.

    Parameters
    ----------
    slices
        k = 0, 1, ... in the direction row x column, so that the index axes are right-handed.
    affine
        4 x 4, (column, row, slice) to LPS mm; sheared where the gantry was tilted.
    tilt_deg
        Between the way the slices follow each other and their normal.
    """

    slices: tuple[SliceHeader, ...]
    affine: FloatArray
    tilt_deg: float
    notes: tuple[str, ...]

    @property
    def sheared(self) -> bool:
        """Whether the tilt is more than a Grid takes for perpendicular."""
        return self.tilt_deg > _SHEAR_DEG

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        return self.slices[0].columns, self.slices[0].rows, len(self.slices)


def stack_slices(
    slices: Sequence[SliceHeader], *, same_content: SameContent, where: str, noun: str = "CT"
) -> SliceStack:
    """Return the slices in order, each position once.

    Raises
    ------
    ImageError
        When the slices do not belong together (orientation, size, spacing, frame of reference), two different ones
        share a position, one is missing, the spacing is uneven (EXCHANGE-03), or the image is too large (EXCHANGE-08).
    """
    first = slices[0]
    if first.columns * first.rows * len(slices) > _MOST_VOXELS:
        raise ImageError(
            f"{first.columns} x {first.rows} x {len(slices)} voxels are more than {_MOST_VOXELS:.0e} (EXCHANGE-08)",
            where=where,
            remedy="Give a smaller field of view",
        )
    _refuse_improper_axes(first)
    for other in slices[1:]:
        _refuse_stranger(first, other)
    normal = np.cross(first.row_direction, first.column_direction)
    ordered = sorted(slices, key=lambda item: float(item.position_mm @ normal))
    kept, notes = _without_duplicates(ordered, normal, same_content)
    if len(kept) < 2:
        raise ImageError(
            f"the series holds one {noun} slice, which is no volume", where=where, remedy="Give the whole series"
        )
    step = _even_step(kept, normal, where)
    notes += _unseen_between(kept[0], float(np.linalg.norm(step)))
    stack = SliceStack(tuple(kept), _affine(kept[0], step), _tilt_deg(step, normal), notes)
    _refuse_contradicted_tilt(stack, normal, where)
    return stack


def _refuse_improper_axes(item: SliceHeader) -> None:
    axes = np.array([item.row_direction, item.column_direction])
    if not np.abs(axes @ axes.T - np.eye(2)).max() < 1e-3:
        raise ImageError(
            f"ImageOrientationPatient {axes.ravel().tolist()} holds no two perpendicular unit vectors",
            where=str(item.path),
            remedy=_EXPORT_AGAIN,
        )
    if not min(item.row_spacing_mm, item.column_spacing_mm) > 0 or min(item.rows, item.columns) < 1:
        raise ImageError(
            f"its pixels have no size ({item.rows} x {item.columns}, PixelSpacing {item.row_spacing_mm:g}, "
            f"{item.column_spacing_mm:g})",
            where=str(item.path),
            remedy=_EXPORT_AGAIN,
        )


def _refuse_stranger(first: SliceHeader, other: SliceHeader) -> None:
    turn = np.abs([first.row_direction - other.row_direction, first.column_direction - other.column_direction]).max()
    spacing = max(
        abs(first.row_spacing_mm - other.row_spacing_mm), abs(first.column_spacing_mm - other.column_spacing_mm)
    )
    differing = [
        name
        for name, differs in (
            ("orientation (mixed axial and other slices?)", turn > _SAME_DIRECTION),
            ("number of rows or columns", (first.rows, first.columns) != (other.rows, other.columns)),
            ("pixel spacing", spacing > _SAME_LENGTH_MM),
            ("frame of reference", first.frame_of_reference != other.frame_of_reference),
            ("patient", first.patient_id != other.patient_id),
        )
        if differs
    ]
    if differing:
        raise ImageError(
            f"differs from {first.name} of the same series in its {' and '.join(differing)}",
            where=str(other.path),
            remedy="Export one series of one orientation",
        )


def _without_duplicates(
    ordered: Sequence[SliceHeader], normal: FloatArray, same_content: SameContent
) -> tuple[list[SliceHeader], tuple[str, ...]]:
    kept = [ordered[0]]
    notes = []
    for item in ordered[1:]:
        before = kept[-1]
        if (item.position_mm - before.position_mm) @ normal > _SAME_POSITION_MM:
            kept.append(item)
        elif same_content(before, item):
            notes.append(f"{item.name} repeats {before.name}; one of the two was taken")
        else:
            raise ImageError(
                f"lies at the same position as {before.name} ({_place(item)}) and shows something else",
                where=str(item.path),
                remedy="The series mixes acquisitions or phases: export one of them",
            )
    return kept, tuple(notes)


def _even_step(kept: Sequence[SliceHeader], normal: FloatArray, where: str) -> FloatArray:
    """Return the vector from one slice to the next, LPS mm."""
    positions = np.array([item.position_mm for item in kept])
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    tolerance = 0.01 + 0.01 * usual
    for before, gap in enumerate(gaps):
        if abs(gap - usual) > tolerance:
            _refuse_gap(kept[before], kept[before + 1], float(gap), usual, where)
    step = (positions[-1] - positions[0]) / (len(kept) - 1)
    straight = positions[0] + np.arange(len(kept))[:, None] * step
    astray = np.linalg.norm(positions - straight, axis=1)
    if astray.max() > max(_SAME_POSITION_MM, tolerance):
        worst = kept[int(astray.argmax())]
        raise ImageError(
            f"lies {astray.max():.2f} mm off the line of the other slices",
            where=str(worst.path),
            remedy="The couch or the field of view moved during the scan: reconstruct the series again",
        )
    return np.asarray(step)


def _refuse_gap(before: SliceHeader, after: SliceHeader, gap: float, usual: float, where: str) -> None:
    between = f"between {before.name} ({_place(before)}) and {after.name} ({_place(after)})"
    missing = round(gap / usual) - 1
    if missing >= 1 and abs(gap / usual - missing - 1) < 0.1:
        raise ImageError(
            f"{missing} slice{'s are' if missing > 1 else ' is'} missing {between}: "
            f"{gap:.2f} mm apart instead of {usual:.2f} mm",
            where=where,
            remedy=_EXPORT_AGAIN,
        )
    raise ImageError(
        f"the slices are unevenly spaced: {gap:.3f} mm {between}, {usual:.3f} mm elsewhere (EXCHANGE-03)",
        where=where,
        remedy="Export one evenly spaced reconstruction",
    )


def _place(item: SliceHeader) -> str:
    x, y, z = item.position_mm
    return f"ImagePositionPatient {x:.2f}, {y:.2f}, {z:.2f} mm"


def _unseen_between(first: SliceHeader, distance_mm: float) -> tuple[str, ...]:
    """Say when slices are farther apart than they are thick: nothing was measured between them."""
    if not first.thickness_mm or distance_mm <= 1.05 * first.thickness_mm:
        return ()
    return (
        f"slices are {distance_mm:.2f} mm apart and {first.thickness_mm:.2f} mm thick: there is unseen tissue between",
    )


def _tilt_deg(step: FloatArray, normal: FloatArray) -> float:
    along = abs(float(step @ normal))
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(step, normal)), along)))


def _refuse_contradicted_tilt(stack: SliceStack, normal: FloatArray, where: str) -> None:
    """Refuse a stated gantry tilt of which neither the images' axes nor their positions show anything."""
    tilt = stack.slices[0].gantry_tilt_deg or 0.0
    upright = float(np.abs(normal).max()) > np.cos(np.radians(_NOTABLE_TILT_DEG / 2))
    if abs(tilt) > _NOTABLE_TILT_DEG and upright and not stack.sheared:
        raise ImageError(
            f"GantryDetectorTilt says {tilt:g} degrees and the slices' orientation and positions say none",
            where=where,
            remedy="Export the series with its true orientation; if it was already straightened, correct the tag",
        )


def _affine(first: SliceHeader, step: FloatArray) -> FloatArray:
    affine = np.eye(4)
    affine[:3, 0] = first.row_direction * first.column_spacing_mm
    affine[:3, 1] = first.column_direction * first.row_spacing_mm
    affine[:3, 2] = step
    affine[:3, 3] = first.position_mm
    return affine
