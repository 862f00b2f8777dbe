"""Where the frames of a DICOM SEG lie on the image's grid, and the regions that they make.

A frame is taken only where each of its pixels is a voxel of the image (EXCHANGE-04), in any orientation; nothing is
resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from metaspine.errors import GridMismatch, StructureError
from metaspine.exchange.dicom_files import Elements
from metaspine.exchange.multiframe import pixel_spacing_mm, plane_axes
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray

SAME_MM = 0.05
_EXPORT_AGAIN = "Export the segmentation again from the system that made it"


@dataclass(frozen=True)
class FrameGroups:
    """What a SEG says of one frame: in the frame's own groups, else in those that all frames share."""

    own: Dataset
    shared: Dataset
    where: str

    def group(self, keyword: str) -> Elements:
        """Return the one item of a functional group.

        Raises
        ------
        StructureError
            When neither the frame nor the file has it.
        """
        for groups in (self.own, self.shared):
            items = groups.get(keyword)
            if items:
                return Elements(items[0], self.where, StructureError)
        raise StructureError(
            f"{keyword} is missing: where its frames lie is unknown", where=self.where, remedy=_EXPORT_AGAIN
        )


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a frame lies in the image's index space.

    Parameters
    ----------
    start
        Index of the frame's lowest voxel along i, j, k; it may lie outside the image.
    across
        The axis that all of the frame's pixels share.
    transposed, flipped
        What is done with the frame [row, column] for its axes to grow like the image's.
    """

    start: tuple[int, int, int]
    across: int
    transposed: bool
    flipped: tuple[bool, bool]

    def oriented(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return the frame's values as voxels [i, j, k], one of the axes of length 1."""
        values = frame.T if self.transposed else frame
        values = values[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]
        return np.expand_dims(values, self.across)


@dataclass(frozen=True, eq=False)
class Piece:
    """The voxels of one segment on one frame, cropped to what is not zero."""

    start: tuple[int, int, int]
    values: NDArray[Any]
    plane: tuple[int, int]
    """The axis across the frame, and the index along it."""


def placement(groups: FrameGroups, *, grid: Grid, shape: tuple[int, int]) -> Placement:
    """Return where a frame of ``shape`` (rows, columns) lies on the grid.

    Raises
    ------
    GridMismatch
        When its pixels are not voxels of the grid (EXCHANGE-04), or its slices are farther apart than the grid's.
    StructureError
        When the file does not say where it lies.
    """
    axes = plane_axes(groups.group("PlaneOrientationSequence"))
    measures = groups.group("PixelMeasuresSequence")
    position = groups.group("PlanePositionSequence").numbers("ImagePositionPatient", 3)
    steps = (axes[:2] * np.array(pixel_spacing_mm(measures))[:, None]).T
    turn = np.rint(grid.inverse[:3, :3] @ steps).astype(int)
    first = np.rint(grid.index(position)).astype(int)
    apart = _apart_mm(grid, position, steps, turn, first, shape)
    if (np.abs(turn).sum(axis=0) != 1).any() or (turn[:, 0] @ turn[:, 1]) or apart > SAME_MM:
        raise _other_grid(groups.where, apart)
    along_column, along_row = (int(np.abs(turn[:, n]).argmax()) for n in (0, 1))
    across = 3 - along_column - along_row
    _refuse_other_distance(measures, float(grid.spacing_mm[across]))
    backwards = [bool(turn[axis, n] < 0) for n, axis in ((0, along_column), (1, along_row))]
    reach = np.zeros(3, dtype=int)
    reach[along_column] = -(shape[1] - 1) if backwards[0] else 0
    reach[along_row] = -(shape[0] - 1) if backwards[1] else 0
    i, j, k = (int(value) for value in first + reach)
    transposed = along_column < along_row
    return Placement((i, j, k), across, transposed, tuple(backwards if transposed else backwards[::-1]))  # type: ignore[arg-type]


def pieces(frame: NDArray[Any], place: Placement, grid: Grid) -> tuple[Piece | None, int]:
    """Return what of a frame lies in the image, None where that is nothing, and how many voxels lie outside it."""
    values = place.oriented(frame)
    occupied = np.argwhere(values)
    if not len(occupied):
        return None, 0
    low, high = occupied.min(axis=0), occupied.max(axis=0) + 1
    start = np.asarray(place.start)
    inside_low = np.maximum(low, -start)
    inside_high = np.minimum(high, np.asarray(grid.shape) - start)
    if (inside_high <= inside_low).any():
        return None, len(occupied)
    cropped = values[tuple(slice(a, b) for a, b in zip(inside_low, inside_high, strict=True))]
    i, j, k = (int(value) for value in start + inside_low)
    outside = len(occupied) - int(np.count_nonzero(cropped))
    return Piece((i, j, k), np.ascontiguousarray(cropped), (place.across, place.start[place.across])), outside


def region_of(found: Sequence[Piece], grid: Grid) -> Volume:
    """Return the pieces of one segment as a Volume on the grid cropped to them.

    Raises
    ------
    StructureError
        When two frames of the segment lie on one plane.
    """
    planes = [piece.plane for piece in found]
    if len(set(planes)) < len(planes):
        raise StructureError("has two frames on one plane")
    starts = np.array([piece.start for piece in found])
    low = starts.min(axis=0)
    high = (starts + [piece.values.shape for piece in found]).max(axis=0)
    values = np.zeros(high - low, dtype=found[0].values.dtype)
    for piece in found:
        begin = np.asarray(piece.start) - low
        end = begin + piece.values.shape
        values[tuple(slice(a, b) for a, b in zip(begin, end, strict=True))] = piece.values
    (a, b, c), (d, e, f) = (int(v) for v in low), (int(v) for v in high)
    return Volume(values, grid.cropped((a, b, c), (d, e, f)))


def _apart_mm(
    grid: Grid,
    position: FloatArray,
    steps: FloatArray,
    turn: NDArray[np.int_],
    first: NDArray[np.int_],
    shape: tuple[int, int],
) -> float:
    """Return how far the frame's corner pixels lie from the voxels that they are taken for."""
    rows, columns = shape
    corners = np.array([(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)])
    theirs = position + corners @ steps.T
    ours = grid.point_mm(first + corners @ turn.T)
    return float(np.linalg.norm(theirs - ours, axis=1).max())


def _other_grid(where: str, apart_mm: float) -> GridMismatch:
    return GridMismatch(
        f"the segmentation's pixels are not voxels of the image (EXCHANGE-04): they lie up to {apart_mm:.2f} mm off",
        where=where,
        remedy="Segment this very image, or resample the segmentation onto it with nearest neighbour",
    )


def _refuse_other_distance(measures: Elements, spacing_mm: float) -> None:
    stated = measures.optional_number("SpacingBetweenSlices")
    if stated is not None and abs(abs(stated) - spacing_mm) > SAME_MM:
        raise GridMismatch(
            f"the segmentation's slices are {abs(stated):g} mm apart and the image's {spacing_mm:.3f} mm (EXCHANGE-04)",
            where=measures.where,
            remedy="Segment this very image, or resample the segmentation onto it with nearest neighbour",
        )
