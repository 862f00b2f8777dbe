"""A vertebra in its own axes: index 0 grows to the patient's left, 1 to anterior, 2 to cranial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.anatomy.bone import Mask, resample
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.vertebra import LocalFrame

LEFT, ANTERIOR, CRANIAL = 0, 1, 2


def local_frame(*, cranial: ArrayLike, anterior: ArrayLike) -> LocalFrame:
    """Return the frame with this cranial axis whose anterior is as near as can be to the one given.

    LPS: left x posterior = cranial, hence left = cranial x anterior.
    """
    up = _unit(np.asarray(cranial, dtype=np.float64))
    forwards = np.asarray(anterior, dtype=np.float64)
    forwards = _unit(forwards - up * (forwards @ up))
    return LocalFrame(np.cross(up, forwards), forwards, up)


def frame_about_left(left: FloatArray, cranial: FloatArray) -> LocalFrame:
    """Return the frame with exactly this left axis whose cranial is as near as can be to the one given."""
    side = _unit(left)
    up = _unit(cranial - side * (cranial @ side))
    return LocalFrame(side, np.cross(side, up), up)


def axes(frame: LocalFrame) -> FloatArray:
    """Return the frame's unit vectors as rows: left, anterior, cranial."""
    return np.stack([frame.left, frame.anterior, frame.cranial])


@dataclass(frozen=True, eq=False)
class LocalBone:
    """The signed distance of a vertebra (mm, positive inside) on a grid along its own axes."""

    depth: Volume
    frame: LocalFrame

    @property
    def grid(self) -> Grid:
        """Where the values lie."""
        return self.depth.grid

    @property
    def step_mm(self) -> float:
        """The edge of the cubic voxels."""
        return float(self.grid.spacing_mm[0])

    @property
    def mask(self) -> Mask:
        """Where there is bone."""
        return np.asarray(self.depth.values > 0)

    @property
    def coverage(self) -> NDArray[np.float32]:
        """The fraction of each voxel that is bone, to first order in its distance from the surface."""
        return np.clip(self.depth.values / self.step_mm + 0.5, 0, 1)


def local_bone(
    depth: Volume, frame: LocalFrame, *, points_mm: FloatArray, step_mm: float, margin_mm: float = 3.0
) -> LocalBone:
    """Return the bone on a cubic grid along its own axes that holds all ``points_mm`` and a margin."""
    turn = axes(frame)
    reach = points_mm @ turn.T
    low, high = reach.min(axis=0) - margin_mm, reach.max(axis=0) + margin_mm
    affine = np.eye(4)
    affine[:3, :3] = turn.T * step_mm
    affine[:3, 3] = low @ turn
    i, j, k = (int(n) for n in np.ceil((high - low) / step_mm) + 1)
    grid = Grid(affine, (i, j, k), depth.grid.frame_of_reference)
    return LocalBone(Volume(resample(depth, grid), grid), frame)


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
