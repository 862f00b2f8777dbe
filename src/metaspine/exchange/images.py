"""Reading an image that holds no Hounsfield units: MR of any weighting, cone-beam CT, a CT only to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import ImageError
from metaspine.exchange.dicom_ct import find_stack, volume_of
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.dicom_pixels import PixelReader
from metaspine.exchange.dicom_series import IMAGES
from metaspine.exchange.nifti import is_nifti, read_nifti
from metaspine.exchange.slice_blocks import SliceBlocks
from metaspine.patient.image import Image
from metaspine.patient.scan import ScanOrigin
from metaspine.running import Progress, silent


def read_image(path: Path | str, *, series: str | None = None, progress: Progress = silent) -> Image:
    """Read the images of one series into one volume, in LPS mm, with the values that the file gives them.

    Which weighting a series of an MR has (T1, T2, STIR) is not guessed: the series is chosen by its UID from a list
    that shows description and sequence times.

    Parameters
    ----------
    path
        A DICOM folder, a DICOM file (its folder and its series are read) or a NIfTI file.
    series
        The UID of the series to read where a folder holds several.
    progress
        Is told how far the reading has come.

    Raises
    ------
    ImageError
        When there is no image, more than one series, or the slices cannot be trusted; as for a CT, the values aside.
    """
    source = Path(path)
    if source.is_dir() or is_dicom(source):
        return _read_series(source, series, progress)
    if not source.exists():
        raise ImageError("there is no such file or folder", where=str(source), remedy="Check the path")
    if not is_nifti(source):
        raise ImageError(
            "is neither a DICOM folder or file nor NIfTI (.nii, .nii.gz)",
            where=str(source),
            remedy="Give the image as DICOM or NIfTI",
        )
    image = read_nifti(source)
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
