"""What two images are compared by: the voxels of one vertebra in the first, and what the second shows there.

Voxels that show no tissue (metal, padding, outside a scanner's field) are no part of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import RegistrationError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.resampling import resample, resample_labels, with_spacing
from metaspine.imaging.findings import METAL_HU
from metaspine.imaging.regions import Mask, region_of
from metaspine.imaging.registration_likeness import sampled
from metaspine.patient.image import Image
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure

AROUND_MM = 4.0
"""The comparison reaches this far beyond the vertebra's label: its edge is what tells where it is (REG-01)."""
_APART_MM = 1.0
METAL_HALO_MM = 2.0
_BRIGHTER = 6.0
"""Without Hounsfield units metal is what lies this many times as far above the median as the 90th percentile."""
_FILLED = 0.01
"""So much of an image at exactly its lowest value is padding, not tissue."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image made ready: float32 values, and where they show tissue."""

    values: Volume
    usable: Mask

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return self.values.grid


@dataclass(frozen=True, eq=False)
class Samples:
    """Points around one vertebra in the first image: LPS mm (n, 3), and the image's values (n,) there."""

    points_mm: FloatArray
    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    """Which of them lie in the vertebra itself."""

    @property
    def centre_mm(self) -> FloatArray:
        """The middle of the vertebra."""
        return np.asarray(self.points_mm[self.inside].mean(axis=0))

    def some(self, most: int) -> Samples:
        """Return at most about ``most`` of the points, evenly taken."""
        step = max(1, -(-len(self.points_mm) // most))
        return Samples(self.points_mm[::step], self.values[::step], self.inside[::step])

    def where(self, kept: NDArray[np.bool_]) -> Samples:
        """Return those of the points that are kept."""
        return Samples(self.points_mm[kept], self.values[kept], self.inside[kept])


def volume_of(image: Scan | Image) -> Volume:
    """Return the values of either kind of image."""
    return image.image if isinstance(image, Scan) else image.volume


def picture(image: Scan | Image, *, around_mm: FloatArray, reach_mm: float) -> Picture:
    """Return an image around LPS points (..., 3), with its metal, padding and blind areas set aside.

    Raises
    ------
    RegistrationError
        When it does not reach there.
    """
    whole = volume_of(image)
    lowest = np.nanmin(whole.values)
    padded = bool((whole.values == lowest).mean() > _FILLED)
    volume = _around(whole, np.atleast_2d(around_mm), reach_mm, where=image.origin.path)
    values = np.asarray(volume.values, dtype=np.float32)
    blind = ~np.isfinite(values) | (values == lowest if padded else False)
    metal = np.asarray(values >= _metal_from(image, values[~blind]))
    usable = ~(blind | widened(metal, volume.grid, METAL_HALO_MM))
    return Picture(Volume(np.where(np.isfinite(values), values, np.float32(lowest)), volume.grid), usable)


def coarser(image: Picture, spacing_mm: float) -> Picture:
    """Return a picture with voxels of at least a spacing: averages, usable where the middle of the voxel is."""
    if (image.grid.spacing_mm >= spacing_mm).all():
        return image
    grid = with_spacing(image.grid, np.maximum(image.grid.spacing_mm, spacing_mm))
    values = resample(image.values, grid, outside=float(image.values.values.min()))
    return Picture(values, resample_labels(Volume(image.usable, image.grid), grid).values)


def _around(volume: Volume, points_mm: FloatArray, reach_mm: float, *, where: str) -> Volume:
    index = volume.grid.index(points_mm)
    reach = reach_mm / volume.grid.spacing_mm
    start = np.maximum(np.floor(index.min(axis=0) - reach), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0) + reach) + 1, volume.grid.shape).astype(int)
    if (stop - start < 4).any():
        raise RegistrationError(
            f"the image does not reach to where the vertebra should be; it reaches {_extent(volume.grid)} (LPS mm)",
            where=where,
            remedy="Give a start within 20 mm of the vertebra, or another image. 3D Slicer shows RAS: change the sign "
            "of the first two numbers",
        )
    return volume.cropped((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))


def _extent(grid: Grid) -> str:
    corners = grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    return ", ".join(f"{a} {low[n]:.0f} to {high[n]:.0f}" for n, a in enumerate("xyz"))


def _metal_from(image: Scan | Image, values: NDArray[np.float32]) -> float:
    """Return the value from which it is metal; in MR metal is dark and part of the image."""
    if isinstance(image, Scan):
        return METAL_HU
    if image.origin.modality == "MR" or not values.size:
        return np.inf
    middle, bright = np.percentile(values[:: max(1, values.size // 200_000)], [50, 90])
    return float(middle + _BRIGHTER * max(bright - middle, 1e-6))


def samples_of(first: Picture, vertebra: Structure, others: Sequence[Structure]) -> Samples | None:
    """Return the comparison's points for one vertebra; None where the image shows none of it.

    They reach AROUND_MM beyond the label but not into the other vertebrae, which move on their own.
    """
    region = region_of(vertebra, first.grid)
    if region is None:
        return None
    window, start = window_around(first.grid, region.box, AROUND_MM + 2)
    label = in_window(vertebra, window)
    taken = np.zeros(window.shape, dtype=bool)
    for other in others:
        taken |= in_window(other, window)
    wanted = widened(label, window, AROUND_MM) & ~(widened(taken, window, _APART_MM) & ~label)
    box = tuple(slice(low, low + count) for low, count in zip(start, window.shape, strict=True))
    index = np.argwhere(wanted & first.usable[box])
    if not len(index) or not label.any():
        return None
    at = tuple(index.T)
    return Samples(window.point_mm(index), first.values.values[box][at], label[at])


def shown(second: Picture, points_mm: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the second image's values at LPS points (n, 3), and where it shows tissue."""
    values, usable = sampled(second.values.values, second.usable, second.grid.index(points_mm))
    return np.asarray(values), np.asarray(usable)


def widened(mask: Mask, grid: Grid, by_mm: float) -> Mask:
    """Return a mask and everything within a distance of it."""
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=grid.spacing_mm) <= by_mm)


def in_window(structure: Structure, window: Grid) -> Mask:
    """Return the voxels of a grid that a structure covers by half or more."""
    mask = np.zeros(window.shape, dtype=bool)
    region = region_of(structure, window)
    if region is not None:
        mask[region.box] = region.mask
    return mask


def window_around(grid: Grid, box: tuple[slice, slice, slice], by_mm: float) -> tuple[Grid, tuple[int, int, int]]:
    """Return the part of a grid around a box, and the index it begins at."""
    more = np.ceil(by_mm / grid.spacing_mm).astype(int)
    start = np.maximum([part.start for part in box] - more, 0)
    stop = np.minimum([part.stop for part in box] + more, grid.shape)
    low = (int(start[0]), int(start[1]), int(start[2]))
    return grid.cropped(low, (int(stop[0]), int(stop[1]), int(stop[2]))), low
