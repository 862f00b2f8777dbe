"""The pixels of slices, as Hounsfield units or as stored.

Compressed pixels are decoded by GDCM, run-length encoded ones by pydicom; plain ones of 16 bits are taken as they lie.
MONOCHROME1 says how a screen shows a value (the lowest white), not what the value means: the values stay as they are
(DICOM PS3.3 C.7.6.3.1.2).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from metaspine.errors import ImageError
from metaspine.exchange.dicom_codestream import codestream_of
from metaspine.exchange.dicom_files import Elements, damage_reported, read_elements
from metaspine.exchange.dicom_series import SliceHeader
from metaspine.exchange.hounsfield import AIR_HU

_DECODED_BY_GDCM = {*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEGTransferSyntaxes}
_TAKEN_AS_THEY_LIE = {ExplicitVRLittleEndian, ImplicitVRLittleEndian}
_HOUNSFIELD_TYPES = {"", "HU", "US"}
_PADDING_MAY_BE_BELOW_HU = -900
_MOST_WHOLE_SLOPE, _MOST_WHOLE_INTERCEPT = 1000, 1_000_000
_EXPORT_AGAIN = "Export the series again from the scanner or the archive"
_KEYWORDS = (
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "HighBit",
    "ModalityLUTSequence",
    "NumberOfFrames",
    "PhotometricInterpretation",
    "PixelData",
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PlanarConfiguration",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "Rows",
    "SamplesPerPixel",
)


@dataclass(frozen=True, eq=False)
class SlicePixels:
    """One slice: its values [row, column], whole numbers of 16 or 32 bits where nothing is lost, else float32."""

    values: NDArray[Any]
    padded: int
    """Pixels that the file marks as padding; they became air."""
    notes: tuple[str, ...]


class PixelReader:
    """Reads the pixels of slices and hashes their files on the way, each file once where its slices follow each other.

    Parameters
    ----------
    hounsfield
        Whether the values must be Hounsfield units. Otherwise they are as stored, after the file's own slope and
        intercept where it has them, and padding is left as it is.
    """

    def __init__(self, *, hounsfield: bool = True) -> None:
        self._hounsfield = hounsfield
        self._digest = hashlib.sha256()
        self._path: Path | None = None
        self._dataset = Dataset()

    def sha256(self) -> str:
        """Return the SHA-256 over the files read, one after the other."""
        return self._digest.hexdigest()

    def read(self, item: SliceHeader) -> SlicePixels:
        """Return the values of one slice.

        Raises
        ------
        ImageError
            When the pixels are truncated, of several samples or of other frames than announced, compressed in a way
            that cannot be decoded, or the file does not say how they become Hounsfield units.
        """
        with damage_reported(item.path):
            if item.path != self._path:
                raw = item.path.read_bytes()
                self._digest.update(raw)
                self._dataset, self._path = read_elements(raw, _KEYWORDS), item.path
            pixels = self._pixels(item)
        if pixels.values.shape != (item.rows, item.columns):
            raise ImageError(
                f"holds {pixels.values.shape} pixels, not {item.rows} x {item.columns}",
                where=str(item.path),
                remedy=_EXPORT_AGAIN,
            )
        return pixels

    def _pixels(self, item: SliceHeader) -> SlicePixels:
        dataset = self._dataset
        elements = Elements(dataset, str(item.path))
        _refuse_other_pixels(elements, item.frame)
        rescaling = item.rescaling or elements
        if not self._hounsfield:
            slope, intercept = _stated_rescale(rescaling)
            return SlicePixels(_rescaled(_stored(dataset, item), slope, intercept), 0, ())
        slope, intercept, notes = _hounsfield_rescale(rescaling)
        stored = _stored(dataset, item)
        values = _rescaled(stored, slope, intercept)
        padding, padding_notes = _padding(dataset, item, stored, slope=slope, intercept=intercept)
        if padding is None or not padding.any():
            return SlicePixels(values, 0, notes + padding_notes)
        values = np.where(padding, np.asarray(AIR_HU, dtype=values.dtype), values)
        return SlicePixels(values, int(np.count_nonzero(padding)), notes + padding_notes)


def _refuse_other_pixels(elements: Elements, frame: int | None) -> None:
    samples = elements.number("SamplesPerPixel")
    photometric = elements.required_text("PhotometricInterpretation")
    frames = elements.optional_number("NumberOfFrames") or 1
    if samples != 1 or photometric not in {"MONOCHROME1", "MONOCHROME2"} or (frame is None and frames != 1):
        raise ImageError(
            f"holds {frames:g} frames of {samples:g} samples ({photometric}), not one grey-scale slice",
            where=elements.where,
            remedy="Give the original slices, not a colour picture or a multi-frame object",
        )


def _hounsfield_rescale(elements: Elements) -> tuple[float, float, tuple[str, ...]]:
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


def _stated_rescale(elements: Elements) -> tuple[float, float]:
    """Return slope and intercept of an image without a unit; where the file states none, 1 and 0."""
    if not (elements.text("RescaleSlope") or elements.text("RescaleIntercept")):
        return 1.0, 0.0
    slope, intercept = elements.number("RescaleSlope"), elements.number("RescaleIntercept")
    if slope <= 0:
        raise ImageError(f"RescaleSlope is {slope:g}", where=elements.where, remedy=_EXPORT_AGAIN)
    return slope, intercept


def _rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return the values; whole numbers stay whole."""
    if slope == 1 and intercept == 0:
        return stored
    small = stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2
    whole = slope.is_integer() and slope <= _MOST_WHOLE_SLOPE and intercept.is_integer()
    if small and whole and abs(intercept) <= _MOST_WHOLE_INTERCEPT:
        return stored.astype(np.int32) * int(slope) + int(intercept)
    return (stored * slope + intercept).astype(np.float32)


def _stored(dataset: Dataset, item: SliceHeader, *, correct_unused_bits: bool = True) -> NDArray[Any]:
    plain = _as_they_lie(dataset, item, correct_unused_bits=correct_unused_bits)
    if plain is not None:
        return plain
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    plugin = "gdcm" if syntax in _DECODED_BY_GDCM else "pydicom" if syntax == RLELossless else ""
    if syntax.is_encapsulated and not plugin:
        raise ImageError(
            f"its pixels are compressed as {syntax.name}, which is not read",
            where=str(item.path),
            remedy="Export the series uncompressed, or as JPEG 2000, JPEG-LS, JPEG or RLE",
        )
    if plugin == "gdcm":
        _refuse_other_codestream(dataset, item)
    options: dict[str, Any] = {} if correct_unused_bits else {"correct_unused_bits": False}
    found = pixel_array(dataset, raw=True, index=item.frame, decoding_plugin=plugin, **options)
    return np.asarray(found)


def _refuse_other_codestream(dataset: Dataset, item: SliceHeader) -> None:
    """Refuse a compressed picture of another size than the file announces, before GDCM sees it."""
    frames = 1 if item.frame is None else int(dataset.NumberOfFrames)
    table = (dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths"))
    offsets = (table[0], table[1]) if table[0] and table[1] else None
    picture = get_frame(dataset.PixelData, item.frame or 0, number_of_frames=frames, extended_offsets=offsets)
    found = codestream_of(picture)
    bytes_each = (found.bits + 7) // 8
    announced = (dataset.Rows, dataset.Columns, 1, dataset.BitsAllocated)
    if (found.rows, found.columns, found.samples, 8 * bytes_each) != announced:
        raise ImageError(
            f"announces {dataset.Rows} x {dataset.Columns} pixels of {dataset.BitsAllocated} bits, and its compressed "
            f"picture is {found.rows} x {found.columns} of {found.samples} x {found.bits} bits",
            where=str(item.path),
            remedy=_EXPORT_AGAIN,
        )


def _as_they_lie(dataset: Dataset, item: SliceHeader, *, correct_unused_bits: bool) -> NDArray[Any] | None:
    """Return plain pixels of 16 bits without a copy; None where pydicom must see to them."""
    element = dataset.get_item("PixelData")
    value = element.value if isinstance(element, RawDataElement) else None
    pixels = item.rows * item.columns
    frames = 1 if item.frame is None else int(dataset.NumberOfFrames)
    if (
        value is None
        or dataset.file_meta.get("TransferSyntaxUID") not in _TAKEN_AS_THEY_LIE
        or (dataset.Rows, dataset.Columns, dataset.BitsAllocated) != (item.rows, item.columns, 16)
        or dataset.PixelRepresentation not in {0, 1}
        or not 1 <= dataset.BitsStored <= 16
        or len(value) != 2 * pixels * frames
    ):
        return None
    kind = "<i2" if dataset.PixelRepresentation else "<u2"
    stored = np.frombuffer(value, dtype=kind, count=pixels, offset=2 * pixels * (item.frame or 0))
    stored = stored.reshape(item.rows, item.columns)
    unused = 16 - dataset.BitsStored
    return stored if not (unused and correct_unused_bits) else (stored << unused) >> unused


def _padding(
    dataset: Dataset, item: SliceHeader, stored: NDArray[Any], *, slope: float, intercept: float
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """Return which pixels are padding; a padding value that tissue may have is not believed."""
    elements = Elements(dataset, str(item.path))
    value = elements.optional_number("PixelPaddingValue")
    if value is None:
        return None, ()
    limit = elements.optional_number("PixelPaddingRangeLimit")
    signed = dataset.PixelRepresentation == 1
    low, high = sorted(_with_sign(bound, signed) for bound in (value, value if limit is None else limit))
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated and dataset.BitsStored < dataset.BitsAllocated:
        # Some scanners write padding into the bits above BitsStored, which are cut off when decoding.
        stored = _stored(dataset, item, correct_unused_bits=False)
    padding = (stored >= low) & (stored <= high)
    believable = high > 2 ** (dataset.BitsStored - int(signed)) or high * slope + intercept < _PADDING_MAY_BE_BELOW_HU
    if not believable and padding.any():
        note = f"PixelPaddingValue {value:g} is {high * slope + intercept:g} HU, which tissue may have; left as it is"
        return None, (note,)
    return padding, ()


def _with_sign(value: float, signed: bool) -> float:
    """Return a padding value in the sign of the pixels: implicit VR files may give it unsigned, or the reverse."""
    if signed and value > 32767:
        return value - 65536
    return value + 65536 if not signed and value < 0 else value
