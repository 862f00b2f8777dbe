"""Rigid fits by SimpleITK: mutual information (Mattes), one thread and a fixed seed: the same bits every time."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import RegistrationError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.imaging.registration_samples import Picture, Samples, coarser, shown

COARSE_MM = 2.0
"""The voxels of the search and the first fits."""
_BINS = 32


@dataclass(frozen=True, eq=False)
class Pair:
    """The two images of one fit as SimpleITK has them, at one resolution; the first's mask says where to compare."""

    first: Any
    first_mask: Any
    second: Any
    second_mask: Any
    centre_mm: tuple[float, float, float]
    """The point that the rotations turn about: the vertebra's middle in the first image."""
    compared: int
    """The number of the first image's voxels in the mask."""


@dataclass(frozen=True)
class Steps:
    """How far the optimiser goes: its first step and its last, mm, and how many at most."""

    first_mm: float
    last_mm: float
    most: int
    samples: int
    """So many of the first image's voxels are compared, at most about."""


QUICK = Steps(3.0, 0.3, 30, 2_000)
COARSE = Steps(2.0, 0.1, 60, 6_000)


def simple_itk() -> ModuleType:
    """Return the library.

    Raises
    ------
    RegistrationError
        When it is not installed.
    """
    try:
        import SimpleITK
    except ImportError:
        raise RegistrationError(
            "registration needs SimpleITK, which is not installed",
            remedy="Install metaspine with the extra registration: pip install 'metaspine[registration]'",
        ) from None
    return SimpleITK  # type: ignore[no-any-return]


def pair(first: Picture, second: Picture, samples: Samples, place: FloatArray) -> Pair:
    """Return two images ready for fits over one vertebra, both in coarse voxels.

    Values beyond what the vertebra's surroundings have in the first, and the second at about the right ``place``
    (4 x 4), are cut off: SimpleITK's bins reach from the lowest value to the highest.
    """
    mask = Volume(_mask(first.grid, samples), first.grid)
    low, high = mask.bounds() or ((0, 0, 0), first.grid.shape)
    taken = coarser(Picture(first.values.cropped(low, high), mask.cropped(low, high).values), COARSE_MM)
    there, usable = shown(second, samples.points_mm @ place[:3, :3].T + place[:3, 3])
    return Pair(
        _image(_cut(taken.values, samples.values), np.float32),
        _image(Volume(taken.usable, taken.grid), np.uint8),
        _image(_cut(second.values, there[usable]), np.float32),
        _image(Volume(second.usable, second.grid), np.uint8),
        (float(samples.centre_mm[0]), float(samples.centre_mm[1]), float(samples.centre_mm[2])),
        int(taken.usable.sum()),
    )


def _cut(volume: Volume, to: NDArray[Any]) -> Volume:
    if not to.size:
        return volume
    low, high = np.percentile(to, [0.5, 99.5])
    return Volume(np.clip(volume.values, low, high), volume.grid)


def fit(images: Pair, start: FloatArray, steps: Steps, *, seed: int) -> FloatArray | None:
    """Return the rigid matrix (4 x 4, first to second LPS mm) near ``start`` that fits best; None where none does."""
    itk = simple_itk()
    method = itk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)  # sums of several parts are added in the order in which threads end
    method.SetMetricAsMattesMutualInformation(_BINS)
    share = steps.samples / max(1, images.compared)
    if share < 1:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(share, seed + 1)
    method.SetMetricFixedMask(images.first_mask)
    method.SetMetricMovingMask(images.second_mask)
    method.SetInterpolator(itk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(steps.first_mm, steps.last_mm, steps.most, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(_euler(itk, start, images.centre_mm), inPlace=False)
    try:
        return _matrix(itk.Euler3DTransform(method.Execute(images.first, images.second).GetNthTransform(0)))
    except RuntimeError:  # SimpleITK's word for too little overlap; the caller says so in ours
        return None


def _mask(grid: Grid, samples: Samples) -> NDArray[np.bool_]:
    mask = np.zeros(grid.shape, dtype=bool)
    mask[tuple(np.rint(grid.index(samples.points_mm)).astype(int).T)] = True
    return mask


def _image(volume: Volume, kind: type) -> Any:
    itk = simple_itk()
    image = itk.GetImageFromArray(np.ascontiguousarray(volume.values.transpose(2, 1, 0).astype(kind)))
    image.SetSpacing(volume.grid.spacing_mm.tolist())
    image.SetOrigin(volume.grid.origin_mm.tolist())
    image.SetDirection(volume.grid.directions.ravel().tolist())
    return image


def _euler(itk: ModuleType, matrix: FloatArray, centre_mm: tuple[float, float, float]) -> Any:
    transform = itk.Euler3DTransform()
    transform.SetCenter(centre_mm)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist(), 1e-6)
    centre = np.asarray(centre_mm)
    transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())
    return transform


def _matrix(transform: Any) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    centre = np.asarray(transform.GetCenter())
    matrix[:3, 3] = np.asarray(transform.TransformPoint(centre.tolist())) - matrix[:3, :3] @ centre
    return matrix
