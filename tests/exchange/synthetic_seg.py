"""Small DICOM SEG files, written with pydicom from a mask in patient coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage
from synthetic_dicom import FRAME, INSTANCE, SERIES, STUDY

Mask = Callable[[np.ndarray], np.ndarray]
"""From LPS points (..., 3) to 0 or 1, or to a fraction."""


def write_seg(
    path: Path,
    masks: Mapping[str, Mask],
    *,
    axes: tuple[Any, Any],
    first_mm: Any,
    pixel_mm: tuple[float, float],
    size: tuple[int, int, int],
    step_mm: Any,
    kind: str = "BINARY",
    fractional: str = "OCCUPANCY",
    change: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write a frame for every segment and plane: ``size`` is planes, rows, columns; ``pixel_mm`` as PixelSpacing."""
    planes, rows, columns = size
    along_row, along_column = (np.asarray(axis, dtype=float) for axis in axes)
    row, column = np.mgrid[:rows, :columns]
    in_plane = column[..., None] * along_row * pixel_mm[1] + row[..., None] * along_column * pixel_mm[0]
    frames, groups = [], []
    for number, mask in enumerate(masks.values(), start=1):
        for plane in range(planes):
            position = np.asarray(first_mm, dtype=float) + plane * np.asarray(step_mm, dtype=float)
            frames.append(mask(position + in_plane))
            groups.append(_groups(position, number))
    dataset = _header(list(masks), kind, (*along_row, *along_column), pixel_mm, float(np.linalg.norm(step_mm)))
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, len(frames)
    dataset.PerFrameFunctionalGroupsSequence = pydicom.Sequence(groups)
    values = np.array(frames)
    if kind == "BINARY":
        packed = np.packbits(values.astype(bool).ravel(), bitorder="little").tobytes()
        dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    else:
        dataset.SegmentationFractionalType, dataset.MaximumFractionalValue = fractional, 200
        stored = np.rint(values * 200).astype(np.uint8).tobytes()
        dataset.PixelData = stored + b"\0" * (len(stored) % 2)
    if change is not None:
        change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _groups(position: np.ndarray, number: int) -> Dataset:
    plane, segment, item = Dataset(), Dataset(), Dataset()
    plane.ImagePositionPatient = [round(float(value), 9) for value in position]
    segment.ReferencedSegmentNumber = number
    item.PlanePositionSequence = pydicom.Sequence([plane])
    item.SegmentIdentificationSequence = pydicom.Sequence([segment])
    return item


def _header(names: Sequence[str], kind: str, orientation: Any, pixel_mm: Any, step_mm: float) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = SegmentationStorage, f"{INSTANCE}.3000"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{SERIES}.3000"
    dataset.FrameOfReferenceUID, dataset.Modality = FRAME, "SEG"
    dataset.SegmentationType = kind
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.SegmentSequence = pydicom.Sequence([_segment(n, name) for n, name in enumerate(names, start=1)])
    axes, measures, shared = Dataset(), Dataset(), Dataset()
    axes.ImageOrientationPatient = [round(float(value), 12) for value in orientation]
    measures.PixelSpacing, measures.SpacingBetweenSlices = list(pixel_mm), step_mm
    shared.PlaneOrientationSequence = pydicom.Sequence([axes])
    shared.PixelMeasuresSequence = pydicom.Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = pydicom.Sequence([shared])
    return dataset


def _segment(number: int, name: str) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel, item.SegmentAlgorithmType = number, name, "MANUAL"
    item.SegmentedPropertyTypeCodeSequence = pydicom.Sequence([code("T-D0050", "Tissue")])
    return item


def code(value: str, meaning: str) -> Dataset:
    """A code of some scheme."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item
