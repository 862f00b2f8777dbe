"""Rigid transforms between two frames of reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metaspine.errors import FrameMismatch, GeometryError
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume

_NOT_RIGID = 1e-4


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """A rotation and a shift from one frame of reference to another.

    Parameters
    ----------
    matrix
        4 x 4, LPS mm of ``from_frame`` to LPS mm of ``to_frame``.
    from_frame, to_frame
        UIDs of the frames of reference.

    Raises
    ------
    GeometryError
        When the matrix scales, shears, reflects or is not finite.
    """

    matrix: FloatArray
    from_frame: str
    to_frame: str

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise GeometryError("a rigid transform needs a finite 4 x 4 matrix", remedy="Check the registration's file")
        rotation = matrix[:3, :3]
        lower = np.abs(matrix[3] - [0, 0, 0, 1]).max()
        if max(np.abs(rotation.T @ rotation - np.eye(3)).max(), lower) > _NOT_RIGID or np.linalg.det(rotation) < 0:
            raise GeometryError(
                "the transform is not rigid: it scales, shears or mirrors the patient",
                where=f"{self.from_frame} to {self.to_frame}",
                remedy="Use a rigid registration (rotation and shift only)",
            )

    @property
    def inverse(self) -> RigidTransform:
        """The way back."""
        matrix = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        return RigidTransform(matrix, self.to_frame, self.from_frame)

    def after(self, first: RigidTransform) -> RigidTransform:
        """Return the transform that does ``first`` and then this one.

        Raises
        ------
        FrameMismatch
            When ``first`` does not end in the frame where this one begins.
        """
        if first.to_frame != self.from_frame:
            raise FrameMismatch(first.to_frame, self.from_frame, where="rigid transform after another")
        return RigidTransform(self.matrix @ first.matrix, first.from_frame, self.to_frame)

    def points(self, points_mm: ArrayLike) -> FloatArray:
        """Return the LPS points (..., 3) of ``from_frame`` as points of ``to_frame``."""
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def directions(self, directions: ArrayLike) -> FloatArray:
        """Return the directions (..., 3) of ``from_frame`` turned into ``to_frame``."""
        return np.asarray(np.asarray(directions, dtype=np.float64) @ self.matrix[:3, :3].T)

    def grid(self, grid: Grid) -> Grid:
        """Return the same voxels in ``to_frame``.

        Raises
        ------
        FrameMismatch
            When the grid is not in ``from_frame``.
        """
        grid.require_frame(self.from_frame, where="rigid transform")
        return Grid(self.matrix @ grid.affine, grid.shape, self.to_frame)

    def volume(self, volume: Volume) -> Volume:
        """Return the same values in ``to_frame``; nothing is interpolated, the grid turns.

        Raises
        ------
        FrameMismatch
            When the volume is not in ``from_frame``.
        """
        return Volume(volume.values, self.grid(volume.grid))

    def contours(self, contours: ContourSet) -> ContourSet:
        """Return the same contours in ``to_frame``.

        Raises
        ------
        FrameMismatch
            When the contours are not in ``from_frame``.
        """
        if contours.frame_of_reference != self.from_frame:
            raise FrameMismatch(contours.frame_of_reference, self.from_frame, where="rigid transform")
        moved = tuple(Contour(self.points(contour.points_mm), contour.kind) for contour in contours.contours)
        return ContourSet(moved, self.to_frame)
