"""DICOM objects of one file, and the frames of those that hold many: doses, segmentations, plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID, RLELossless

from metaspine.errors import InputError
from metaspine.exchange.dicom_files import Elements, damage_reported, open_dicom
from metaspine.geometry.grid import FloatArray

_MOST_VOXELS = 10**9
_EXPORT_AGAIN = "Export it again from the system that made it"


def class_of(path: Path, *, kind: type[InputError]) -> str:
    """Return the UID of a DICOM file's class; empty where it states none.

    Raises
    ------
    InputError
        Of that kind, when the file is malformed.
    """
    with damage_reported(path, kind=kind):
        return Elements(open_dicom(path, with_pixels=False), str(path), kind).text("SOPClassUID")


def whole_object(path: Path, *, kind: type[InputError]) -> Elements:
    """Return all elements of a DICOM file; call it under :func:`damage_reported`."""
    return Elements(open_dicom(path, with_pixels=True), str(path), kind)


def frame_count(elements: Elements, *, at_once: bool = True) -> int:
    """Return how many frames the file declares; 1 where it says nothing.

    Parameters
    ----------
    at_once
        Whether all of them are to be in memory together.

    Raises
    ------
    InputError
        When it declares none, or more voxels than are read into memory (EXCHANGE-08).
    """
    stated = elements.optional_number("NumberOfFrames")
    frames = 1.0 if stated is None else stated
    rows, columns = elements.number("Rows"), elements.number("Columns")
    declared = f"declares {frames:g} frames of {rows:g} x {columns:g} pixels"
    if min(frames, rows, columns) < 1 or frames != int(frames):
        raise elements.kind(declared, where=elements.where, remedy=_EXPORT_AGAIN)
    if (frames if at_once else 1) * rows * columns > _MOST_VOXELS:
        raise elements.kind(
            f"{declared}, more than {_MOST_VOXELS:.0e} voxels (EXCHANGE-08)",
            where=elements.where,
            remedy="Give a smaller grid",
        )
    return int(frames)


def each_frame(elements: Elements) -> Iterator[NDArray[Any]]:
    """Return the stored whole numbers [row, column] of one frame after the other.

    Raises
    ------
    InputError
        When the pixels are compressed in another way than by run lengths.
    """
    plugin = _decoder(elements)
    if elements.number("BitsAllocated") == 1 and not plugin:
        yield from _bit_frames(elements)
        return
    for frame in iter_pixels(elements.dataset, raw=True, decoding_plugin=plugin):
        yield np.asarray(frame)


def _bit_frames(elements: Elements) -> Iterator[NDArray[np.uint8]]:
    """Return frames of single bits; they follow each other without a gap, in the midst of a byte too (PS3.5 8.1.1)."""
    rows, columns = int(elements.number("Rows")), int(elements.number("Columns"))
    packed = np.frombuffer(elements.dataset.PixelData, dtype=np.uint8)
    if packed.size * 8 < frame_count(elements, at_once=False) * rows * columns:
        raise ValueError("it holds fewer pixels than it declares")
    for first in range(0, frame_count(elements, at_once=False) * rows * columns, rows * columns):
        within = np.unpackbits(packed[first // 8 : (first + rows * columns + 7) // 8], bitorder="little")
        yield within[first % 8 : first % 8 + rows * columns].reshape(rows, columns)


def stored_frames(elements: Elements) -> NDArray[Any]:
    """Return the stored whole numbers [frame, row, column]; uncompressed or run-length encoded.

    Raises
    ------
    InputError
        When the pixels are compressed in another way: of a dose or a mask no lossy copy is good enough.
    """
    dataset = elements.dataset
    frames = frame_count(elements)
    stored = np.asarray(pixel_array(dataset, raw=True, decoding_plugin=_decoder(elements)))
    return stored.reshape(frames, int(dataset.Rows), int(dataset.Columns))


def _decoder(elements: Elements) -> str:
    """Return the name of pydicom's decoder; refuse what is compressed in another way than by run lengths."""
    syntax = UID(elements.dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated and syntax != RLELossless:
        raise elements.kind(
            f"its pixels are compressed as {syntax.name}, which is not read",
            where=elements.where,
            remedy="Export it uncompressed or run-length encoded (RLE)",
        )
    return "pydicom" if syntax.is_encapsulated else ""


def plane_axes(elements: Elements) -> FloatArray:
    """Return 3 x 3, rows: the unit vectors in LPS along an image row, along a column, and across (row x column).

    Raises
    ------
    InputError
        When ImageOrientationPatient holds no two perpendicular unit vectors.
    """
    row, column = elements.numbers("ImageOrientationPatient", 6).reshape(2, 3)
    axes = np.vstack([row, column, np.cross(row, column)])
    if not np.abs(axes @ axes.T - np.eye(3)).max() < 1e-3:
        raise elements.kind(
            f"ImageOrientationPatient {axes[:2].ravel().tolist()} holds no two perpendicular unit vectors",
            where=elements.where,
            remedy=_EXPORT_AGAIN,
        )
    return axes


def pixel_spacing_mm(elements: Elements) -> tuple[float, float]:
    """Return the distances between columns and between rows (PixelSpacing states them in the other order).

    Raises
    ------
    InputError
        When one of them is not positive.
    """
    between_rows, between_columns = (float(value) for value in elements.numbers("PixelSpacing", 2))
    if not min(between_rows, between_columns) > 0:
        raise elements.kind(
            f"its pixels have no size (PixelSpacing {between_rows:g}, {between_columns:g})",
            where=elements.where,
            remedy=_EXPORT_AGAIN,
        )
    return between_columns, between_rows
