"""A CT series as one volume: i the column, j the row, k the slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import ImageError
from metaspine.exchange.dicom_pixels import SlicePixels, read_pixels
from metaspine.exchange.dicom_series import SliceHeader, find_series, series_of
from metaspine.exchange.dicom_stack import SliceStack, stack_slices
from metaspine.exchange.hounsfield import AIR_HU, hounsfield
from metaspine.exchange.provenance import sha256_of
from metaspine.geometry import Grid, Volume
from metaspine.geometry.resampling import upright
from metaspine.patient.scan import ScanOrigin
from metaspine.running import Progress, silent


@dataclass(frozen=True, eq=False)
class CtImage:
    """A CT as read: the volume in Hounsfield units, where it came from, what had to be done."""

    volume: Volume
    origin: ScanOrigin
    notes: tuple[str, ...]


def read_dicom_ct(path: Path, *, series: str | None = None, progress: Progress = silent) -> CtImage:
    """Read the CT series of a folder, or the series that one file belongs to.

    Slices shifted against each other by a tilted gantry are resampled upright, with a note.

    Raises
    ------
    ImageError
        When there is no CT, more than one series, or the series cannot be trusted; the message says why.
    """
    folder = path if path.is_dir() else path.parent
    found = find_series(folder, series=series if path.is_dir() else series or series_of(path), progress=progress)
    stack = stack_slices(found.slices, same_content=_same_content, where=str(folder))
    values, pixel_notes = _values(stack, progress)
    values, value_notes = hounsfield(values, where=str(folder))
    volume, tilt_notes = _volume(values, stack)
    digest = sha256_of(item.path for item in stack.slices)
    notes = found.notes + stack.notes + pixel_notes + value_notes + tilt_notes
    return CtImage(volume, _origin(path, digest, stack), notes)


def _same_content(first: SliceHeader, second: SliceHeader) -> bool:
    return np.array_equal(read_pixels(first.path).values_hu, read_pixels(second.path).values_hu)


def _values(stack: SliceStack, progress: Progress) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    columns, rows, count = stack.shape
    values = np.empty((count, rows, columns), dtype=np.float32)
    pixels: list[SlicePixels] = []
    for k, item in enumerate(stack.slices):
        progress("reading the CT slices", k / count)
        one = read_pixels(item.path)
        if one.values_hu.shape != (rows, columns):
            raise ImageError(
                f"holds {one.values_hu.shape} pixels, not {rows} x {columns}",
                where=str(item.path),
                remedy="Export the series again from the scanner or the archive",
            )
        values[k] = one.values_hu
        pixels.append(SlicePixels(np.empty((0, 0), dtype=np.float32), one.padded, one.notes))
    return values.transpose(2, 1, 0), _pixel_notes(pixels)


def _pixel_notes(pixels: Sequence[SlicePixels]) -> tuple[str, ...]:
    padded = sum(one.padded for one in pixels)
    notes = [f"{padded} voxels that the files mark as padding were set to {AIR_HU} HU"] if padded else []
    return (*notes, *dict.fromkeys(note for one in pixels for note in one.notes))


def _volume(values: NDArray[np.int16 | np.float32], stack: SliceStack) -> tuple[Volume, tuple[str, ...]]:
    frame = stack.slices[0].frame_of_reference
    if not stack.sheared:
        return Volume(values, Grid(stack.affine, stack.shape, frame)), ()
    volume = upright(values, stack.affine, frame, outside=AIR_HU)
    note = (
        f"the slices are shifted against each other by a gantry tilted by {stack.tilt_deg:.1f} degrees; the image was "
        "resampled upright (trilinear), so a label map made on the original slices does not fit it"
    )
    return volume, (note,)


def _origin(path: Path, digest: str, stack: SliceStack) -> ScanOrigin:
    first = stack.slices[0]
    return ScanOrigin(
        path=str(path),
        sha256=digest,
        series_uid=first.series_uid,
        study_uid=first.study_uid,
        modality="CT",
        patient_position=first.patient_position,
        tube_voltage_kv=first.tube_voltage_kv,
        convolution_kernel=first.convolution_kernel,
        description=first.description,
        study=first.study,
        instance_uids=tuple(item.sop_instance_uid for item in stack.slices),
        resampled=stack.sheared,
    )
