"""A series of slices as one volume: i the column, j the row, k the slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.exchange.dicom_enhanced import frame_headers
from metaspine.exchange.dicom_files import damage_reported
from metaspine.exchange.dicom_pixels import PixelReader, SlicePixels
from metaspine.exchange.dicom_series import CT, SliceHeader, Wanted, find_series, series_of, slice_header, study_of
from metaspine.exchange.dicom_stack import SliceStack, stack_slices
from metaspine.exchange.hounsfield import AIR_HU, HounsfieldCheck
from metaspine.exchange.slice_blocks import SliceBlocks
from metaspine.geometry import Grid, Volume
from metaspine.geometry.resampling import upright
from metaspine.patient.scan import ScanOrigin
from metaspine.running import InTurn, Progress, silent


@dataclass(frozen=True, eq=False)
class CtImage:
    """A CT as read: the volume in Hounsfield units, where it came from, what had to be done."""

    volume: Volume
    origin: ScanOrigin
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FoundStack:
    """The slices of the one series that was asked for, in order, and what was noticed on the way."""

    stack: SliceStack
    path: Path
    """What was asked for."""
    folder: Path
    notes: tuple[str, ...]

    def origin(self, sha256: str, modality: str) -> ScanOrigin:
        """Return where the image came from."""
        first = self.stack.slices[0]
        with damage_reported(first.path):
            study = study_of(first.elements)
            sop_class = first.elements.text("SOPClassUID")
        return ScanOrigin(
            path=str(self.path),
            sha256=sha256,
            series_uid=first.series_uid,
            study_uid=first.study_uid,
            modality=modality,
            patient_position=first.patient_position,
            tube_voltage_kv=first.tube_voltage_kv,
            convolution_kernel=first.convolution_kernel,
            description=first.description,
            study=study,
            instance_uids=tuple(item.sop_instance_uid for item in self.stack.slices),
            sop_class=sop_class,
            frame_numbers=tuple(item.frame + 1 for item in self.stack.slices if item.frame is not None),
            resampled=self.stack.sheared,
        )


def read_dicom_ct(path: Path, *, series: str | None = None, progress: Progress = silent) -> CtImage:
    """Read the CT series of a folder, or the series that one file belongs to.

    Slices shifted against each other by a tilted gantry are resampled upright, with a note.

    Raises
    ------
    ImageError
        When there is no CT, more than one series, or the series cannot be trusted; the message says why.
    """
    found = find_stack(path, wanted=CT, series=series, progress=progress)
    reader, check = PixelReader(), HounsfieldCheck(str(found.folder))
    blocks = SliceBlocks(found.stack.shape)
    pixels: list[SlicePixels] = []

    def take(k: int, values: NDArray[Any]) -> None:
        blocks.put(k, check.take(values))

    with InTurn(take) as taking:
        for k, item in enumerate(found.stack.slices):
            progress("reading the CT slices", k / len(found.stack.slices))
            one = reader.read(item)
            taking.hand(k, one.values)
            pixels.append(SlicePixels(np.empty((0, 0)), one.padded, one.notes))
    values = blocks.volume()
    value_notes = check.notes(values)
    volume, tilt_notes = volume_of(values, found.stack, outside=AIR_HU)
    notes = (*found.notes, *_pixel_notes(pixels), *value_notes, *tilt_notes)
    return CtImage(volume, found.origin(reader.sha256(), "CT"), notes)


def find_stack(path: Path, *, wanted: Wanted, series: str | None, progress: Progress) -> FoundStack:
    """Return the slices of a folder's series, or of the series that one file belongs to, in order.

    Raises
    ------
    ImageError
        When there is no such series, more than one, or its slices do not belong together.
    """
    folder = path if path.is_dir() else path.parent
    chosen = series if path.is_dir() else series or series_of(path, wanted=wanted)
    found = find_series(folder, wanted=wanted, series=chosen, progress=progress)
    frames = [item for item in found.files if item.sop_class in wanted.frames]
    headers: Sequence[SliceHeader] = (
        frame_headers(found.files) if frames else tuple(slice_header(item) for item in found.files)
    )
    stack = stack_slices(headers, same_content=_same_content, where=str(folder), noun=wanted.noun)
    return FoundStack(stack, path, folder, found.notes + stack.notes)


def volume_of(values: NDArray[Any], stack: SliceStack, *, outside: float) -> tuple[Volume, tuple[str, ...]]:
    """Return the slices' values where they lie; a sheared stack is resampled upright, with a note.

    Parameters
    ----------
    outside
        The value of the corners that a sheared stack does not reach.
    """
    frame = stack.slices[0].frame_of_reference
    if not stack.sheared:
        return Volume(values, Grid(stack.affine, stack.shape, frame)), ()
    volume = upright(values, stack.affine, frame, outside=outside)
    note = (
        f"the slices are shifted against each other by a gantry tilted by {stack.tilt_deg:.1f} degrees; the image was "
        "resampled upright (trilinear), so a label map made on the original slices does not fit it"
    )
    return volume, (note,)


def _same_content(first: SliceHeader, second: SliceHeader) -> bool:
    one, other = (PixelReader(hounsfield=False).read(item).values for item in (first, second))
    return np.array_equal(one, other)


def _pixel_notes(pixels: Sequence[SlicePixels]) -> tuple[str, ...]:
    padded = sum(one.padded for one in pixels)
    notes = [f"{padded} voxels that the files mark as padding were set to {AIR_HU} HU"] if padded else []
    return (*notes, *dict.fromkeys(note for one in pixels for note in one.notes))
