"""A volume as DICOM lays it out: frames of rows and columns, one after the other along row x column.

Source: DICOM PS3.3 C.7.6.2 (image plane): orientation, position of the first pixel's centre, spacing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray
from pydicom.valuerep import DSfloat

from metaspine.errors import GridMismatch
from metaspine.exchange.writing.objects import decimal
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray

_SAME_MM = 0.05


@dataclass(frozen=True, eq=False)
class Frames:
    """A volume whose index axes are DICOM's: i the column, j the row, k the frame, right-handed.

    Parameters
    ----------
    values
        (frames, rows, columns).
    grid
        Of the same voxels, indexed (column, row, frame).
    """

    values: NDArray[Any]
    grid: Grid

    @property
    def orientation(self) -> list[DSfloat]:
        """ImageOrientationPatient: where a row leads, where a column leads."""
        return [decimal(value) for value in self.grid.directions[:, :2].T.ravel()]

    @property
    def pixel_spacing(self) -> list[DSfloat]:
        """PixelSpacing: between rows, then between columns."""
        return [decimal(self.grid.spacing_mm[1]), decimal(self.grid.spacing_mm[0])]

    @property
    def spacing_mm(self) -> float:
        """From frame to frame."""
        return float(self.grid.spacing_mm[2])

    def position(self, k: int) -> list[DSfloat]:
        """Return ImagePositionPatient of frame k."""
        return [decimal(value) for value in self.grid.point_mm((0, 0, k))]

    @property
    def offsets(self) -> list[DSfloat]:
        """GridFrameOffsetVector, counted from the first frame along row x column."""
        return [decimal(k * self.spacing_mm) for k in range(self.grid.shape[2])]


def frames_of(volume: Volume, *, where: str = "") -> Frames:
    """Return a volume as frames; its axes are reordered and flipped, no value is changed.

    Rows lead to the patient's left and columns to the back as nearly as the axes allow (EXCHANGE-30): a reader that
    forgets the orientation then still gets an upright grid right.

    Raises
    ------
    GridMismatch
        When the grid is so skewed that frames at a right angle would lie more than 0.05 mm elsewhere (EXCHANGE-04).
    """
    turned = towards_patient(volume)
    _refuse_skewed(turned.grid, where)
    return Frames(turned.values.transpose(2, 1, 0), turned.grid)


def slice_axis(grid: Grid) -> int:
    """Return the index axis that leads to the head most nearly: the one that becomes the frames."""
    return int(np.flatnonzero(io_orientation(np.asarray(grid.affine))[:, 0] == 2)[0])


def towards_patient(volume: Volume) -> Volume:
    """Return the same voxels with i, j, k as near to left, back and head as the axes allow.

    They are then right-handed (a test turns grids every way); frames that were not would be refused as skewed.
    """
    affine = np.asarray(volume.grid.affine)
    order = io_orientation(affine)
    values = apply_orientation(volume.values, order)
    turned = affine @ inv_ornt_aff(order, volume.grid.shape)
    return Volume(values, Grid(turned, values.shape, volume.grid.frame_of_reference))


def _refuse_skewed(grid: Grid, where: str) -> None:
    """Refuse a grid that DICOM's right angles cannot describe."""
    affine = np.array(grid.affine)
    row, column = (np.array([float(v) for v in part]) for part in np.split(grid.directions[:, :2].T.ravel(), 2))
    affine[:3, 2] = np.cross(row, column) * grid.spacing_mm[2]
    apart = np.linalg.norm(_corners(affine, grid) - _corners(grid.affine, grid), axis=1).max()
    if apart > _SAME_MM:
        raise GridMismatch(
            f"the grid's axes are not perpendicular: its frames would lie up to {apart:.2f} mm elsewhere (EXCHANGE-04)",
            where=where,
            remedy="Resample it onto an upright grid first",
        )


def _corners(affine: FloatArray, grid: Grid) -> FloatArray:
    last = np.asarray(grid.shape) - 0.5
    choice = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
    points = np.where(choice, last, -0.5)
    return points @ affine[:3, :3].T + affine[:3, 3]
