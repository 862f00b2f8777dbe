"""Reading an image that holds no Hounsfield units: MR of any weighting, cone-beam CT, a CT only to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import ImageError
from metaspine.exchange.dicom_ct import find_stack, volume_of
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.dicom_pixels import PixelReader
from metaspine.exchange.dicom_series import CT, IMAGES, classes_in
from metaspine.exchange.nifti import is_nifti, read_nifti
from metaspine.exchange.nrrd import is_nrrd, read_nrrd
from metaspine.exchange.scans import read_scan
from metaspine.exchange.slice_blocks import SliceBlocks
from metaspine.exchange.structure_files import AnyPath, read_structures
from metaspine.patient.image import Image
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.running import Progress, silent


def read_scan_or_image(
    path: AnyPath,
    *,
    hounsfield: bool = True,
    structures: AnyPath | Sequence[AnyPath] | None = None,
    labels: AnyPath | None = None,
    series: str | None = None,
    progress: Progress = silent,
) -> Scan | Image:
    """Read a CT as a scan, and what holds no Hounsfield units as an image; DICOM says which it is.

    Parameters
    ----------
    path, structures, labels, series, progress
        As for :func:`metaspine.exchange.scans.read_scan`.
    hounsfield
        False: whatever the file says, its values are no Hounsfield units (cone-beam CT, an MR as NIfTI or NRRD).

    Raises
    ------
    ImageError, StructureError, FrameMismatch, GridMismatch
        As :func:`metaspine.exchange.scans.read_scan` and :func:`read_image`.
    """
    source = Path(path)
    dicom = source.is_dir() or is_dicom(source)
    if not hounsfield or (dicom and not any(CT.holds(one) for one in classes_in(source, series, progress=progress))):
        return read_image(path, structures=structures, labels=labels, series=series, progress=progress)
    return read_scan(path, structures=structures, labels=labels, series=series, progress=progress)


def read_image(
    path: AnyPath,
    *,
    structures: AnyPath | Sequence[AnyPath] | None = None,
    labels: AnyPath | None = None,
    series: str | None = None,
    progress: Progress = silent,
) -> Image:
    """Read the images of one series into one volume, in LPS mm, with the values that the file gives them.

    Which weighting a series of an MR has (T1, T2, STIR) is not guessed: the series is chosen by its UID from a list
    that shows description and sequence times.

    Parameters
    ----------
    path
        A DICOM folder, a DICOM file (its folder and its series are read), a NIfTI or an NRRD file.
    structures
        RTSTRUCT and SEG files, NIfTI and NRRD label maps, drawn on this image.
    labels
        What the numbers of the label maps mean (docs/scans.md).
    series
        The UID of the series to read where a folder holds several.
    progress
        Is told how far the reading has come.

    Raises
    ------
    ImageError
        When there is no image, more than one series, or the slices cannot be trusted; as for a CT, the values aside.
    StructureError, FrameMismatch, GridMismatch
        When the structures cannot be read or are not this image's.
    """
    image = _read(Path(path), series, progress)
    grid = image.volume.grid
    read = read_structures(structures, labels=labels, grid=grid, origin=image.origin, progress=progress)
    return replace(
        image,
        origin=read.origin,
        notes=(*image.notes, *read.notes),
        structures=read.structures,
        unreadable=read.unreadable,
    )


def _read(source: Path, series: str | None, progress: Progress) -> Image:
    if source.is_dir() or is_dicom(source):
        return _read_series(source, series, progress)
    if not source.exists():
        raise ImageError("there is no such file or folder", where=str(source), remedy="Check the path")
    if not (is_nifti(source) or is_nrrd(source)):
        raise ImageError(
            "is neither a DICOM folder or file nor NIfTI (.nii, .nii.gz) nor NRRD (.nrrd)",
            where=str(source),
            remedy="Give the image as DICOM, NIfTI or NRRD",
        )
    image = read_nrrd(source) if is_nrrd(source) else read_nifti(source)
    _refuse_not_finite(image.volume.values, str(source))
    return Image(image.volume, ScanOrigin(path=str(source), sha256=image.sha256, modality=""), image.notes)


def _read_series(path: Path, series: str | None, progress: Progress) -> Image:
    found = find_stack(path, wanted=IMAGES, series=series, progress=progress)
    slices = found.stack.slices
    modalities = sorted({item.modality for item in slices})
    if len(modalities) > 1:
        raise ImageError(
            f"the series mixes the modalities {', '.join(modalities)}",
            where=str(found.folder),
            remedy="Export the series again from the scanner or the archive",
        )
    reader, blocks = PixelReader(hounsfield=False), SliceBlocks(found.stack.shape)
    for k, item in enumerate(slices):
        progress("reading the slices", k / len(slices))
        blocks.put(k, _compact(reader.read(item).values))
    values = blocks.volume()
    _refuse_not_finite(values, str(found.folder))
    volume, tilt_notes = volume_of(values, found.stack, outside=float(values.min()))
    progress("the image is read", 1.0)
    return Image(volume, found.origin(reader.sha256(), modalities[0]), found.notes + tilt_notes)


def _compact(values: NDArray[Any]) -> NDArray[np.int16 | np.float32]:
    """Return int16 where all values fit, else float32."""
    if values.dtype.kind in "iu" and values.min() >= -32768 and values.max() <= 32767:
        return values.astype(np.int16, copy=False)
    return values.astype(np.float32)


def _refuse_not_finite(values: NDArray[Any], where: str) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ImageError(
            "some voxels are not numbers (NaN or infinite)",
            where=where,
            remedy="Export the image again without masking or resampling it",
        )
