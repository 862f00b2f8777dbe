"""The pixels of one CT slice as Hounsfield units.

Compressed pixels are decoded by GDCM, run-length encoded ones by pydicom. MONOCHROME1 says how a screen shows a value
(the lowest white), not what the value means: Hounsfield units stay as they are (DICOM PS3.3 C.7.6.3.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes, RLELossless

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported, open_dicom
from metaspine.exchange.hounsfield import AIR_HU

_DECODED_BY_GDCM = {*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEGTransferSyntaxes}
_HOUNSFIELD_TYPES = {"", "HU", "US"}
_PADDING_MAY_BE_BELOW_HU = -900
_EXPORT_AGAIN = "Export the series again from the scanner or the archive"


@dataclass(frozen=True, eq=False)
class SlicePixels:
    """One slice: Hounsfield units [row, column], float32."""

    values_hu: NDArray[np.float32]
    padded: int
    """Pixels that the file marks as padding; they became air."""
    notes: tuple[str, ...]


def read_pixels(path: Path) -> SlicePixels:
    """Return the Hounsfield units of one slice.

    Raises
    ------
    ImageError
        When the pixels are truncated, of several samples or frames, compressed in a way that cannot be decoded, or
        the file does not say how they become Hounsfield units.
    """
    with damage_reported(path):
        dataset = open_dicom(path, with_pixels=True)
        elements = Elements(dataset, str(path))
        _refuse_other_pixels(elements)
        slope, intercept, notes = _rescale(elements)
        stored = _decoded(dataset, path)
        padding, padding_notes = _padding(dataset, elements, stored, slope=slope, intercept=intercept)
        values = (stored * slope + intercept).astype(np.float32)
    values[padding] = AIR_HU
    return SlicePixels(values, int(np.count_nonzero(padding)), notes + padding_notes)


def _refuse_other_pixels(elements: Elements) -> None:
    samples = elements.number("SamplesPerPixel")
    photometric = elements.required_text("PhotometricInterpretation")
    frames = elements.optional_number("NumberOfFrames") or 1
    if samples != 1 or photometric not in {"MONOCHROME1", "MONOCHROME2"} or frames != 1:
        raise ImageError(
            f"holds {frames:g} frames of {samples:g} samples ({photometric}), not one grey-scale slice",
            where=elements.where,
            remedy="Give the original CT slices, not a colour picture or a multi-frame object",
        )


def _rescale(elements: Elements) -> tuple[float, float, tuple[str, ...]]:
    kind = elements.text("RescaleType").upper()
    if elements.text("ModalityLUTSequence") or kind not in _HOUNSFIELD_TYPES:
        raise ImageError(
            f"its values are {kind or 'given by a look-up table'}, not Hounsfield units",
            where=elements.where,
            remedy="Give the series in Hounsfield units",
        )
    slope, intercept = elements.number("RescaleSlope"), elements.number("RescaleIntercept")
    if slope <= 0:
        raise ImageError(f"RescaleSlope is {slope:g}", where=elements.where, remedy=_EXPORT_AGAIN)
    notes = ("RescaleType is unspecified (US); taken for Hounsfield units",) if kind == "US" else ()
    return slope, intercept, notes


def _decoded(dataset: Dataset, path: Path, **options: Any) -> NDArray[Any]:
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    plugin = "gdcm" if syntax in _DECODED_BY_GDCM else "pydicom" if syntax == RLELossless else ""
    if syntax.is_encapsulated and not plugin:
        raise ImageError(
            f"its pixels are compressed as {syntax.name}, which is not read",
            where=str(path),
            remedy="Export the series uncompressed, or as JPEG 2000, JPEG-LS, JPEG or RLE",
        )
    return np.asarray(pixel_array(dataset, raw=True, decoding_plugin=plugin, **options))


def _padding(
    dataset: Dataset, elements: Elements, stored: NDArray[Any], *, slope: float, intercept: float
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return which pixels are padding; a padding value that tissue may have is not believed."""
    value = elements.optional_number("PixelPaddingValue")
    nothing = np.zeros(stored.shape, dtype=np.bool_)
    if value is None:
        return nothing, ()
    limit = elements.optional_number("PixelPaddingRangeLimit")
    signed = dataset.PixelRepresentation == 1
    low, high = sorted(_as_stored(bound, signed) for bound in (value, value if limit is None else limit))
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated and dataset.BitsStored < dataset.BitsAllocated:
        # Some scanners write padding into the bits above BitsStored, which are cut off when decoding.
        stored = _decoded(dataset, Path(elements.where), correct_unused_bits=False)
    padding = (stored >= low) & (stored <= high)
    believable = high > 2 ** (dataset.BitsStored - int(signed)) or high * slope + intercept < _PADDING_MAY_BE_BELOW_HU
    if not believable and padding.any():
        note = f"PixelPaddingValue {value:g} is {high * slope + intercept:g} HU, which tissue may have; left as it is"
        return nothing, (note,)
    return padding, ()


def _as_stored(value: float, signed: bool) -> float:
    """Return a padding value in the sign of the pixels: implicit VR files may give it unsigned, or the reverse."""
    if signed and value > 32767:
        return value - 65536
    return value + 65536 if not signed and value < 0 else value
