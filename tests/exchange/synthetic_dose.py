"""Small RTDOSE files, written with pydicom from a formula in patient coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage
from synthetic_dicom import FRAME, HEAD_FIRST_SUPINE, INSTANCE, SERIES, STUDY

FIRST_MM = (-6.0, -8.0, -4.0)
PIXEL_MM = (2.0, 1.5)
PLAN = "1.2.826.0.1.3680043.10.99.5"


def slope_gy(points_mm: np.ndarray) -> np.ndarray:
    """A dose that tells every direction apart."""
    return 20.0 + points_mm @ np.array([0.03, 0.07, 0.11])


def write_dose(
    path: Path,
    *,
    axes: tuple[Any, Any] = HEAD_FIRST_SUPINE,
    offsets: Sequence[float] | None = (0.0, 3.0, 6.0, 9.0, 12.0),
    across_mm: Sequence[float] | None = None,
    field: Callable[[np.ndarray], np.ndarray] = slope_gy,
    bits: int = 32,
    signed: bool = False,
    first_mm: Any = FIRST_MM,
    change: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write planes of 7 rows and 9 columns whose values are ``field`` at the pixel centres.

    ``offsets`` go into GridFrameOffsetVector; ``across_mm`` says where the planes truly lie along row x column, where
    that is not what the vector says as it stands.
    """
    along_row, along_column = (np.asarray(axis, dtype=float) for axis in axes)
    truly = np.asarray(offsets if across_mm is None else across_mm, dtype=float)
    row, column = np.mgrid[:7, :9]
    plane = np.asarray(first_mm) + column[..., None] * along_row * PIXEL_MM[1] + row[..., None] * along_column * 2.0
    points = plane + truly[:, None, None, None] * np.cross(along_row, along_column)
    dose = field(points)
    scaling = float(f"{np.abs(dose).max() / (2 ** (bits - int(signed)) - 2) or 1e-3:.9e}")
    kind = ("<i" if signed else "<u") + str(bits // 8)
    dataset = _header((*along_row, *along_column), first_mm, len(truly), bits, signed)
    dataset.DoseGridScaling = f"{scaling:.9e}"
    if offsets is not None:
        dataset.GridFrameOffsetVector = [float(value) for value in offsets]
        dataset.FrameIncrementPointer = pydicom.tag.Tag(0x3004000C)
        dataset.NumberOfFrames = len(truly)
    dataset.PixelData = np.rint(dose / scaling).astype(kind).tobytes()
    if change is not None:
        change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _header(orientation: Any, first_mm: Any, frames: int, bits: int, signed: bool) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = RTDoseStorage
    dataset.SOPInstanceUID = f"{INSTANCE}.2000"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, f"{SERIES}.2000"
    dataset.PatientName, dataset.PatientID = "Phantom", "1"
    dataset.FrameOfReferenceUID = FRAME
    dataset.Modality = "RTDOSE"
    dataset.Rows, dataset.Columns = 7, 9
    dataset.PixelSpacing = list(PIXEL_MM)
    dataset.ImageOrientationPatient = [round(float(value), 12) for value in orientation]
    dataset.ImagePositionPatient = [float(value) for value in first_mm]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(signed)
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    plan = Dataset()
    plan.ReferencedSOPClassUID, plan.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.5", PLAN
    dataset.ReferencedRTPlanSequence = pydicom.Sequence([plan])
    return dataset
