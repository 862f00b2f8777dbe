"""Small DICOM series and structure sets, written with pydicom from a formula in patient coordinates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RTStructureSetStorage,
)

FRAME = "1.2.826.0.1.3680043.10.99.1"
STUDY = "1.2.826.0.1.3680043.10.99.2"
SERIES = "1.2.826.0.1.3680043.10.99.3"
INSTANCE = "1.2.826.0.1.3680043.10.99.4"

HEAD_FIRST_SUPINE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
PATIENT_POSITIONS = {
    "HFS": HEAD_FIRST_SUPINE,
    "HFP": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "HFDR": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    "HFDL": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    "FFS": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "FFP": ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "FFDR": ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)),
    "FFDL": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
}

Change = Callable[[Dataset, int], None]


def slope_hu(points_mm: np.ndarray) -> np.ndarray:
    """A field that tells every direction apart, in whole HU at whole millimetres."""
    return points_mm @ np.array([3.0, 7.0, 11.0]) - 20.0


def nothing_changed(dataset: Dataset, k: int) -> None:
    """Leave the slice as it is."""


def write_series(
    folder: Path,
    *,
    axes: tuple[Any, Any] = HEAD_FIRST_SUPINE,
    step_mm: Any = None,
    first_mm: Any = (-6.0, -8.0, -4.0),
    pixel_mm: tuple[float, float] = (2.0, 1.0),
    size: tuple[int, int, int] = (5, 7, 9),
    field: Callable[[np.ndarray], np.ndarray] = slope_hu,
    slope: float = 1.0,
    intercept: float = -1024.0,
    change: Change = nothing_changed,
    prefix: str = "s",
) -> list[Path]:
    """Write slices (count, rows, columns) whose values are ``field`` at the pixel centres.

    The centre of pixel (row, column) of a slice is position + row_axis * column * column spacing + column_axis * row *
    row spacing (PS3.3 C.7.6.2.1.1). ``change`` may alter each data set before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, rows, columns = size
    along_row, along_column = (np.asarray(axis, dtype=float) for axis in axes)
    step = np.cross(along_row, along_column) * 3.0 if step_mm is None else np.asarray(step_mm, dtype=float)
    row, column = np.mgrid[:rows, :columns]
    written = []
    for k in range(count):
        position = np.asarray(first_mm, dtype=float) + k * step
        points = position + column[..., None] * along_row * pixel_mm[1] + row[..., None] * along_column * pixel_mm[0]
        stored = np.rint((field(points) - intercept) / slope).astype(np.int16)
        dataset = _slice(k, stored, position, (*along_row, *along_column), pixel_mm, slope, intercept)
        change(dataset, k)
        path = folder / f"{prefix}{k:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def _slice(
    k: int, stored: np.ndarray, position: Any, orientation: Any, pixel_mm: Any, slope: float, intercept: float
) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{INSTANCE}.{k}"
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = SERIES
    dataset.FrameOfReferenceUID = FRAME
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientPosition = "HFS"
    dataset.KVP = "120"
    dataset.ConvolutionKernel = "B30f"
    dataset.SeriesDescription = "spine"
    dataset.SliceThickness = "3"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelSpacing = [float(value) for value in pixel_mm]
    dataset.ImageOrientationPatient = [round(float(value), 12) for value in orientation]
    dataset.ImagePositionPatient = [round(float(value), 9) for value in position]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.RescaleType = "HU"
    dataset.PixelData = stored.astype("<i2").tobytes()
    return dataset


def setting(keyword: str, value: Any, *, only: int | None = None) -> Change:
    """Return a change that sets one element, of every slice or of one."""

    def change(dataset: Dataset, k: int) -> None:
        if only is None or k == only:
            setattr(dataset, keyword, value)

    return change


def mr(description: str = "t2_tse_sag", series: str = SERIES, **times: str) -> Change:
    """Make slices an MR's of one weighting."""

    def change(dataset: Dataset, k: int) -> None:
        dataset.SOPClassUID, dataset.Modality = MRImageStorage, "MR"
        dataset.SeriesInstanceUID, dataset.SeriesDescription = series, description
        dataset.SOPInstanceUID = f"{series}.{k}"
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "KVP", "ConvolutionKernel"):
            delattr(dataset, keyword)
        for keyword, value in times.items():
            setattr(dataset, keyword, value)

    return change


def enhanced(paths: list[Path], target: Path, change: Callable[[Dataset], None] | None = None) -> Path:
    """Put slices into one enhanced file, by the standard's functional groups; frames in the order of the paths."""
    slices = [pydicom.dcmread(path) for path in paths]
    dataset = copy.deepcopy(slices[0])
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedCTImageStorage, f"{INSTANCE}.77"
    dataset.NumberOfFrames = len(slices)
    dataset.PixelData = b"".join(one.PixelData for one in slices)
    shared, dataset.PerFrameFunctionalGroupsSequence = Dataset(), Sequence()
    shared.PixelMeasuresSequence = _item(slices[0], "PixelSpacing", "SliceThickness")
    shared.PlaneOrientationSequence = _item(slices[0], "ImageOrientationPatient")
    shared.CTReconstructionSequence = _item(slices[0], "ConvolutionKernel")
    shared.CTXRayDetailsSequence = _item(slices[0], "KVP")
    for one in slices:
        frame = Dataset()
        frame.PlanePositionSequence = _item(one, "ImagePositionPatient")
        frame.PixelValueTransformationSequence = _item(one, "RescaleSlope", "RescaleIntercept", "RescaleType")
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    for keyword in ("PixelSpacing", "SliceThickness", "ImageOrientationPatient", "ImagePositionPatient"):
        delattr(dataset, keyword)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "ConvolutionKernel", "KVP"):
        delattr(dataset, keyword)
    if change is not None:
        change(dataset)
    target.parent.mkdir(exist_ok=True)
    dataset.save_as(target, enforce_file_format=True)
    return target


def _item(source: Dataset, *keywords: str) -> Sequence:
    item = Dataset()
    for keyword in keywords:
        setattr(item, keyword, source[keyword].value)
    return Sequence([item])


def stored_pixels(dataset: Dataset) -> np.ndarray:
    """The slice's stored values as written."""
    return np.frombuffer(dataset.PixelData, dtype="<i2").reshape(dataset.Rows, dataset.Columns).copy()


def square(z_mm: float, half_mm: float = 5.0, centre_mm: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """ContourData of a square on one plane."""
    x, y = centre_mm
    corners = [(-half_mm, -half_mm), (half_mm, -half_mm), (half_mm, half_mm), (-half_mm, half_mm)]
    return [value for dx, dy in corners for value in (x + dx, y + dy, z_mm)]


def write_structure_set(
    path: Path,
    regions: dict[str, list[tuple[str, list[float]]]],
    *,
    frame: str = FRAME,
    algorithm: str = "MANUAL",
    change: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write an RTSTRUCT: name -> list of (geometric type, ContourData)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = f"{INSTANCE}.1000"
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = f"{SERIES}.1000"
    dataset.Modality = "RTSTRUCT"
    dataset.StructureSetROISequence = Sequence()
    dataset.ROIContourSequence = Sequence()
    for number, (name, contours) in enumerate(regions.items(), start=1):
        region = Dataset()
        region.ROINumber, region.ROIName = number, name
        region.ReferencedFrameOfReferenceUID = frame
        region.ROIGenerationAlgorithm = algorithm
        dataset.StructureSetROISequence.append(region)
        drawn = Dataset()
        drawn.ReferencedROINumber = number
        drawn.ContourSequence = Sequence()
        for kind, values in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(values) // 3
            contour.ContourData = [round(float(value), 6) for value in values]
            drawn.ContourSequence.append(contour)
        dataset.ROIContourSequence.append(drawn)
    if change is not None:
        change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path
