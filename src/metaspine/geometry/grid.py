"""The one grid: where the voxels of an image lie in the patient.

An array ``values[i, j, k]`` on a Grid has the centre of voxel (i, j, k) at ``affine @ (i, j, k, 1)``, in LPS mm. The
voxel is the cell around its centre: index -0.5 is the outer face of the first voxel, ``shape - 0.5`` that of the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import FrameMismatch, GeometryError

FloatArray = NDArray[np.float64]

_SAME_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxel centres in patient space.

    Parameters
    ----------
    affine
        4 x 4, voxel index (i, j, k) to LPS mm. Shear is refused; flips and oblique axes are fine.
    shape
        Number of voxels along i, j, k.
    frame_of_reference
        The frame's UID, or a name derived from the file's content where the format knows none.

    Raises
    ------
    GeometryError
        When the affine is singular, sheared or not finite, or the shape is empty.
    """

    affine: FloatArray
    shape: tuple[int, int, int]
    frame_of_reference: str

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        _refuse_unusable(affine, self.shape)

    @classmethod
    def axis_aligned(
        cls,
        *,
        origin_mm: ArrayLike,
        spacing_mm: ArrayLike,
        shape: tuple[int, int, int],
        frame_of_reference: str,
    ) -> Grid:
        """Return a grid along LPS whose first voxel centre is ``origin_mm``."""
        affine = np.eye(4)
        affine[:3, :3] = np.diag(np.broadcast_to(np.asarray(spacing_mm, dtype=np.float64), 3))
        affine[:3, 3] = np.asarray(origin_mm, dtype=np.float64)
        return cls(affine, shape, frame_of_reference)

    @classmethod
    def around(cls, centre_mm: ArrayLike, *, half_extent_mm: float, spacing_mm: float, frame_of_reference: str) -> Grid:
        """Return a cubic LPS grid with a voxel centred on ``centre_mm``."""
        reach = int(np.ceil(half_extent_mm / spacing_mm))
        origin = np.asarray(centre_mm, dtype=np.float64) - reach * spacing_mm
        side = 2 * reach + 1
        return cls.axis_aligned(
            origin_mm=origin,
            spacing_mm=spacing_mm,
            shape=(side, side, side),
            frame_of_reference=frame_of_reference,
        )

    @cached_property
    def inverse(self) -> FloatArray:
        """4 x 4, LPS mm to voxel index."""
        inverse = np.asarray(np.linalg.inv(self.affine), dtype=np.float64)
        inverse.setflags(write=False)
        return inverse

    @cached_property
    def spacing_mm(self) -> FloatArray:
        """Distance between voxel centres along i, j, k."""
        return np.asarray(np.sqrt(np.square(self.affine[:3, :3]).sum(axis=0)), dtype=np.float64)

    @cached_property
    def directions(self) -> FloatArray:
        """3 x 3; column a is the unit vector in LPS along which index a grows."""
        return np.asarray(self.affine[:3, :3] / self.spacing_mm, dtype=np.float64)

    @property
    def origin_mm(self) -> FloatArray:
        """The centre of voxel (0, 0, 0)."""
        return np.asarray(self.affine[:3, 3], dtype=np.float64)

    @property
    def voxel_volume_mm3(self) -> float:
        """The volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def right_handed(self) -> bool:
        """Whether the index axes turn the same way as LPS."""
        return bool(np.linalg.det(self.affine[:3, :3]) > 0)

    def point_mm(self, index: ArrayLike) -> FloatArray:
        """Return the LPS points (..., 3) of voxel indices (..., 3), which may be fractional."""
        return _mapped(self.affine, index)

    def index(self, point_mm: ArrayLike) -> FloatArray:
        """Return the fractional voxel indices (..., 3) of LPS points (..., 3)."""
        return _mapped(self.inverse, point_mm)

    def contains(self, point_mm: ArrayLike) -> NDArray[np.bool_]:
        """Say for each LPS point (..., 3) whether it lies inside the voxels, faces included."""
        return self.holds(self.index(point_mm))

    def holds(self, index: FloatArray) -> NDArray[np.bool_]:
        """Say for each fractional voxel index (..., 3) whether it lies inside the voxels, faces included."""
        inside = (index >= -0.5 - 1e-9) & (index <= np.asarray(self.shape) - 0.5 + 1e-9)
        return np.asarray(inside.all(axis=-1))

    def corners_mm(self) -> FloatArray:
        """Return the eight outer corners (8, 3) of the voxels, in LPS mm."""
        low, high = np.full(3, -0.5), np.asarray(self.shape) - 0.5
        choice = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
        return self.point_mm(np.where(choice, high, low))

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Grid:
        """Return the grid of the voxels ``start`` (included) to ``stop`` (excluded)."""
        affine = self.affine.copy()
        affine[:3, 3] = self.point_mm(start)
        i, j, k = (high - low for low, high in zip(start, stop, strict=True))
        return Grid(affine, (i, j, k), self.frame_of_reference)

    def aligned_with(self, other: Grid) -> bool:
        """Say whether both are the same grid to within a micrometre, frame of reference included."""
        if self.frame_of_reference != other.frame_of_reference or self.shape != other.shape:
            return False
        return bool(np.abs(self.corners_mm() - other.corners_mm()).max() < _SAME_MM)

    def require_frame(self, frame_of_reference: str, *, where: str = "") -> None:
        """Raise FrameMismatch unless the other value lives in this grid's frame of reference."""
        if frame_of_reference != self.frame_of_reference:
            raise FrameMismatch(self.frame_of_reference, frame_of_reference, where=where)


def _mapped(matrix: FloatArray, points: ArrayLike) -> FloatArray:
    """Return points (..., 3) moved by a 4 x 4 matrix.

    Written out instead of ``@``: for rows of three the threads of a linear algebra library cost more than they give.
    """
    given = np.asarray(points, dtype=np.float64)
    x, y, z = given[..., 0], given[..., 1], given[..., 2]
    moved = np.empty(given.shape)
    for axis in range(3):
        moved[..., axis] = x * matrix[axis, 0] + y * matrix[axis, 1] + z * matrix[axis, 2] + matrix[axis, 3]
    return moved


def _refuse_unusable(affine: FloatArray, shape: tuple[int, ...]) -> None:
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError("a grid needs a finite 4 x 4 affine", remedy="Check the image's geometry")
    if len(shape) != 3 or min(shape) < 1:
        raise GeometryError(f"a grid of shape {shape} holds no voxel", remedy="Check the image's dimensions")
    columns = affine[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if spacing.min() < 1e-6:
        raise GeometryError("a grid's voxels have no size", remedy="Check the image's spacing")
    gram = (columns / spacing).T @ (columns / spacing)
    if np.abs(gram - np.eye(3)).max() > 1e-3:
        raise GeometryError(
            "the grid's axes are not perpendicular (a tilted gantry?)",
            remedy="Resample the image onto an upright grid first",
        )
