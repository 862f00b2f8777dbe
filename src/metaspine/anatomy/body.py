"""The vertebral body: footprint, endplates, centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from metaspine.anatomy.bone import Mask, largest_piece
from metaspine.anatomy.local import ANTERIOR, CRANIAL, LocalBone
from metaspine.geometry.grid import FloatArray, Grid

_INNER = 0.7
"""The part of the footprint, in diameter, over which an endplate is fitted (ANAT-03)."""
_STEEPEST = 1.0
"""A surface steeper than 45 degrees to the axial plane is no endplate (ANAT-03)."""
_CUT = 0.1
"""An endplate is cut by the field of view when more than this fraction of its surface lies on the image's border."""


@dataclass(frozen=True, eq=False)
class Endplate:
    """A plane in the local grid: height (index 2) = slopes . (index 0, index 1) + offset."""

    slopes: FloatArray
    offset: float
    cut: bool
    """True where the field of view ends here, not the bone."""

    def height(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Return the plane's index 2 above indices 0 and 1."""
        return np.asarray(self.slopes[0] * first + self.slopes[1] * second + self.offset)

    @property
    def normal(self) -> FloatArray:
        """Unit normal along the local axes, towards cranial."""
        vector = np.array([-self.slopes[0], -self.slopes[1], 1.0])
        return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True, eq=False)
class Body:
    """The body in the local grid; an endplate is None where too little of it was found."""

    footprint: Mask
    """Axial outline at mid-height, indices 0 and 1."""
    superior: Endplate | None
    inferior: Endplate | None
    centre: FloatArray
    """The mean index of the body's voxels: in front of the canal, between the endplates."""


def find_body(bone: LocalBone, *, core: FloatArray, posterior_wall: float, image: Grid) -> Body:
    """Return the body that lies in front of the posterior wall.

    Parameters
    ----------
    core
        Index of the middle of the thickest bone.
    posterior_wall
        Index 1 of the canal's front.
    image
        The image's grid, to tell where the field of view ends.
    """
    mask = bone.mask
    middle = int(np.clip(round(core[CRANIAL]), 0, mask.shape[CRANIAL] - 1))
    footprint = _footprint(mask, middle, posterior_wall)
    inner = np.argwhere(_shrunk(footprint, _INNER))
    superior = _endplate(bone, inner, middle, image, upwards=True)
    inferior = _endplate(bone, inner, middle, image, upwards=False)
    centre = _centre(mask & footprint[:, :, None], superior, inferior)
    return Body(footprint, superior, inferior, core if centre is None else centre)


def cranial_axis(body: Body, bone: LocalBone) -> FloatArray:
    """Return the mean normal of the endplates that the field of view does not cut, in LPS; else the frame's axis."""
    whole = [plate.normal for plate in (body.superior, body.inferior) if plate is not None and not plate.cut]
    mean = np.mean(whole, axis=0) if whole else np.array([0.0, 0.0, 1.0])
    return np.asarray(bone.grid.directions @ (mean / np.linalg.norm(mean)))


def _footprint(mask: Mask, middle: int, posterior_wall: float) -> Mask:
    slab = mask[:, :, max(middle - 2, 0) : middle + 3]
    section = ndimage.binary_fill_holes(2 * slab.sum(axis=CRANIAL) > slab.shape[CRANIAL])
    section[:, : max(int(np.floor(posterior_wall)) + 1, 0)] = False
    return largest_piece(section)


def _shrunk(footprint: Mask, factor: float) -> Mask:
    """Return the footprint scaled about its middle."""
    if not footprint.any():
        return footprint
    middle = np.argwhere(footprint).mean(axis=0)
    every = np.argwhere(np.ones_like(footprint))
    source = np.round(middle + (every - middle) / factor).astype(int)
    on = ((source >= 0) & (source < footprint.shape)).all(axis=1)
    shrunk = np.zeros_like(footprint)
    shrunk[tuple(every[on].T)] = footprint[tuple(source[on].T)]
    return shrunk


def _endplate(bone: LocalBone, columns: np.ndarray, middle: int, image: Grid, *, upwards: bool) -> Endplate | None:
    surface = _surface(bone, columns, middle, upwards=upwards)
    if len(surface) < 10:
        return None
    index = image.index(bone.grid.point_mm(surface))
    cut = ((index < 0.25) | (index > np.asarray(image.shape) - 1.25)).any(axis=1)
    slopes, offset = _plane(surface if cut.all() else surface[~cut])
    if np.hypot(*slopes) > _STEEPEST:
        return None
    return Endplate(slopes, offset, bool(cut.mean() > _CUT))


def _surface(bone: LocalBone, columns: np.ndarray, middle: int, *, upwards: bool) -> FloatArray:
    """Return the indices (n, 3) where the columns leave the bone, going up or down from the middle."""
    depth = bone.depth.values[columns[:, 0], columns[:, 1]]
    run = depth[:, middle:] if upwards else depth[:, middle::-1]
    first_out = np.argmax(run <= 0, axis=1)
    rows = np.flatnonzero(first_out > 0)
    last, after = (run[rows, first_out[rows] - n] for n in (1, 0))
    steps = first_out[rows] - 1 + last / (last - after)
    height = middle + steps if upwards else middle - steps
    return np.column_stack([columns[rows], height]).astype(np.float64)


def _plane(points: FloatArray) -> tuple[FloatArray, float]:
    """Fit index 2 over indices 0 and 1 by least squares, four times, trimming what lies beyond 2.5 robust sigma."""
    design = np.column_stack([points[:, :2], np.ones(len(points))])
    kept = np.ones(len(points), dtype=bool)
    for _ in range(4):
        solution, *_ = np.linalg.lstsq(design[kept], points[kept, 2], rcond=None)
        residual = np.abs(points[:, 2] - design @ solution)
        kept = residual < 2.5 * (1.4826 * np.median(residual[kept]) + 0.2)
    return solution[:2], float(solution[2])


def _centre(body: Mask, superior: Endplate | None, inferior: Endplate | None) -> FloatArray | None:
    index = np.argwhere(body).astype(np.float64)
    inside = np.ones(len(index), dtype=bool)
    if superior is not None:
        inside &= index[:, CRANIAL] <= superior.height(index[:, 0], index[:, ANTERIOR])
    if inferior is not None:
        inside &= index[:, CRANIAL] >= inferior.height(index[:, 0], index[:, ANTERIOR])
    return index[inside].mean(axis=0) if inside.any() else None
