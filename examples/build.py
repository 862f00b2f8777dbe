"""Make the two examples from a public chest CT: crop it and insert one lytic lesion each.

    python examples/build.py FOLDER

FOLDER holds a CT with the geometry of LIDC-IDRI-0001 and its TotalSegmentator v2 labels: cxr.nii.gz and mask.nii.gz as
published, or ct.nii.gz and labels.nii.gz (where they come from: ATTRIBUTION.md). The program writes t12/ and l1/ beside
itself. The anatomy is a patient's, the lesions are invented. The same input gives the same voxels on every machine.

A lesion is an ellipsoid in the vertebra's own axes, filled with the density of soft tissue and blended with the bone
over a smooth rim. Cortex stays: no dense voxel (CORTEX_HU) of the vertebra's shell (SHELL_MM) is thinned, except where
a lesion says that it breaches the wall towards the canal. No cortex is invented: where the wall is thin it stays thin.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FILES = (("ct.nii.gz", "labels.nii.gz"), ("cxr.nii.gz", "mask.nii.gz"))
AIR_HU = -1024
"""What the padding outside the scanner's field of view is set to; no tissue is less dense."""

CROP_RAS_MM = ((-85.0, 57.0), (-141.0, 8.0), (-341.0, -187.0))
"""What both examples show: T10 to L3 with ribs 10 to 12, from the air behind the skin to in front of the aorta."""

FILL_HU, FILL_NOISE_HU = 45.0, 15.0
RIM_MM = 2.0
CORTEX_HU, SHELL_MM = 250.0, 3.0
SPINAL_CORD, LESION = 79, 200


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid in a vertebra's own axes.

    Parameters
    ----------
    folder
        Where the example goes, beside this program.
    vertebra
        The number of the vertebra in the label map.
    centre_ras_mm
        The centre, in the file's world coordinates (RAS).
    semi_axes_mm
        Half axes: right-left, anterior-posterior, cranio-caudal.
    axes_ras
        Unit vectors in RAS, in the same order.
    epidural_mm
        How far it reaches into the canal through the posterior wall; 0 keeps the wall.
    seed
        The seed of its noise.
    """

    folder: str
    vertebra: int
    centre_ras_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    axes_ras: tuple[tuple[float, float, float], ...]
    epidural_mm: float
    seed: int


T12 = Lesion(
    folder="t12",
    vertebra=32,
    centre_ras_mm=(-18.4, -50.8, -254.9),
    semi_axes_mm=(9.2, 9.2, 9.2),
    axes_ras=((0.981, 0.177, -0.085), (-0.140, 0.936, 0.324), (0.137, -0.306, 0.942)),
    epidural_mm=0.0,
    seed=12,
)
"""Central in the body, contained, the posterior wall intact."""

L1 = Lesion(
    folder="l1",
    vertebra=31,
    centre_ras_mm=(-30.8, -45.3, -282.3),
    semi_axes_mm=(9.6, 7.9, 8.6),
    axes_ras=((0.983, 0.182, -0.035), (-0.159, 0.926, 0.343), (0.095, -0.332, 0.939)),
    epidural_mm=2.0,
    seed=1,
)
"""Posterior in the left half of the body, reaching the base of the left pedicle and through the posterior wall."""

LESIONS = (T12, L1)


@dataclass(frozen=True, eq=False)
class Image:
    """A CT in HU and its labels on one grid.

    Parameters
    ----------
    hu, labels
        Arrays of the same shape, in the file's order.
    affine
        From voxel indices to RAS mm.
    """

    hu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]
    affine: Array

    @property
    def spacing_mm(self) -> Array:
        """The lengths of a voxel's edges."""
        return np.asarray(nib.affines.voxel_sizes(self.affine), dtype=float)

    def positions_mm(self) -> Array:
        """Return the RAS position of every voxel's centre, shape (i, j, k, 3)."""
        indices = np.moveaxis(np.indices(self.hu.shape), 0, -1)
        return np.asarray(nib.affines.apply_affine(self.affine, indices), dtype=float)


def read(folder: Path) -> Image:
    """Read the CT and its labels in the axes R, A, S; both must lie on one grid."""
    names = next((pair for pair in FILES if (folder / pair[0]).is_file()), None)
    if names is None:
        raise SystemExit(f"{folder}: no CT here; give the folder that holds one of {[pair[0] for pair in FILES]}")
    ct, labels = (nib.as_closest_canonical(nib.load(folder / name)) for name in names)
    if ct.shape != labels.shape or not np.allclose(ct.affine, labels.affine):
        raise SystemExit(f"{folder}: {names[0]} and {names[1]} lie on different grids; take both from one source")
    hu = np.maximum(np.asarray(ct.dataobj, np.int16), np.int16(AIR_HU))
    return Image(hu, np.asarray(labels.dataobj, np.uint8), ct.affine)


def crop(image: Image) -> Image:
    """Cut the image to the voxels whose centres lie in CROP_RAS_MM; positions stay what they were."""
    corners = np.array(CROP_RAS_MM).T
    low, high = nib.affines.apply_affine(np.linalg.inv(image.affine), corners)
    start = np.maximum(np.ceil(low), 0).astype(int)
    stop = np.minimum(np.floor(high) + 1, image.hu.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    affine = image.affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(image.affine, start)
    return Image(image.hu[box], image.labels[box], affine)


def depth_mm(image: Image, lesion: Lesion) -> Array:
    """Return how deep each voxel lies below the ellipsoid's surface, to first order; negative outside."""
    local = (image.positions_mm() - lesion.centre_ras_mm) @ np.array(lesion.axes_ras).T
    scaled = local / lesion.semi_axes_mm
    radius = np.maximum(np.linalg.norm(scaled, axis=-1), 1e-9)
    slope = np.maximum(np.linalg.norm(scaled / lesion.semi_axes_mm, axis=-1), 1e-9)
    return np.asarray(radius * (1.0 - radius) / slope)


def shell(image: Image, vertebra: Mask) -> Mask:
    """Return the dense voxels of the vertebra's outer layer: the cortex that stays."""
    below_surface_mm = ndimage.distance_transform_edt(vertebra, sampling=image.spacing_mm)
    return vertebra & (below_surface_mm <= SHELL_MM) & (image.hu >= CORTEX_HU)


def epidural(image: Image, vertebra: Mask, lesion: Lesion) -> tuple[Mask, Mask]:
    """Return the breached wall and the epidural space that the lesion may enter, both empty where it keeps the wall.

    The breach is the part of the body's shell that faces the cord: nearer to the cord than the lesion's centre is,
    and in front of the cord's own centre at that height.
    """
    nowhere = np.zeros_like(vertebra)
    if lesion.epidural_mm == 0.0:
        return nowhere, nowhere
    cord = image.labels == SPINAL_CORD
    outside_mm = ndimage.distance_transform_edt(~vertebra, sampling=image.spacing_mm)
    from_cord_mm = ndimage.distance_transform_edt(~cord, sampling=image.spacing_mm)
    facing = (from_cord_mm <= 10.0) & (depth_mm(image, lesion) > -RIM_MM / 2)
    return vertebra & facing, ~vertebra & ~cord & facing & (outside_mm <= lesion.epidural_mm)


def insert(image: Image, lesion: Lesion) -> Image:
    """Return the image with the lesion in it: HU replaced, its voxels labelled LESION."""
    vertebra = image.labels == lesion.vertebra
    wall, canal = epidural(image, vertebra, lesion)
    room = (vertebra & ~(shell(image, vertebra) & ~wall)) | canal
    depth = depth_mm(image, lesion)
    share = np.where(room, np.clip(0.5 + depth / RIM_MM, 0.0, 1.0), 0.0)
    share = share * share * (3.0 - 2.0 * share)
    tumour_hu = np.random.default_rng(lesion.seed).normal(FILL_HU, FILL_NOISE_HU, image.hu.shape)
    hu = np.rint((1.0 - share) * image.hu + share * tumour_hu).astype(np.int16)
    labels = np.where(room & (depth >= 0.0), np.uint8(LESION), image.labels)
    return Image(hu, labels, image.affine)


def write(path: Path, values: npt.NDArray[np.generic], affine: Array) -> None:
    """Write one NIfTI file whose bytes depend on nothing but its content."""
    picture = nib.Nifti1Image(values, affine)
    picture.header.set_xyzt_units("mm")
    picture.set_qform(affine, code="scanner")
    picture.set_sform(affine, code="scanner")
    path.write_bytes(gzip.compress(picture.to_bytes(), compresslevel=9, mtime=0))


def summary(example: Image, lesion: Lesion) -> str:
    """Say in one line what was made: the figures that README.md states."""
    tumour = example.labels == LESION
    to_canal_mm = ndimage.distance_transform_edt(example.labels != SPINAL_CORD, sampling=example.spacing_mm)
    from_centre_mm = np.linalg.norm(example.positions_mm() - lesion.centre_ras_mm, axis=-1)
    return (
        f"{lesion.folder}: lesion {tumour.sum() * np.prod(example.spacing_mm) / 1000:.2f} ml, "
        f"{example.hu[tumour].mean():.0f} HU on average; from the spinal canal's label "
        f"{to_canal_mm[tumour].min():.1f} mm (border), "
        f"{from_centre_mm[example.labels == SPINAL_CORD].min():.1f} mm (centre)"
    )


def main() -> None:
    """Make both examples."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("source", type=Path, help="the folder with the CT and its labels")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="where t12/ and l1/ go")
    arguments = parser.parse_args()
    image = crop(read(arguments.source))
    for lesion in LESIONS:
        example = insert(image, lesion)
        folder = arguments.to / lesion.folder
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "ct.nii.gz", example.hu, example.affine)
        write(folder / "labels.nii.gz", example.labels, example.affine)
        print(summary(example, lesion))


if __name__ == "__main__":
    main()
