"""The CT as it was used, as a derived series: for scans that are no DICOM series, or whose slices were resampled.

Source: DICOM PS3.3 A.3 (CT image), C.7.6.1 (general image), C.7.6.2 (image plane), C.8.2.1 (CT image module).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pydicom.valuerep import DSfloat

from metaspine.exchange.writing.frames import Frames, frames_of, towards_patient
from metaspine.exchange.writing.objects import Kind, day, decimal, new_object, time_of_day, write_object
from metaspine.exchange.writing.studies import study_of
from metaspine.exchange.writing.texts import TEXT, plain
from metaspine.exchange.writing.uids import frame_uid, uid_of
from metaspine.geometry import Volume
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure
from metaspine.patient.study import Study
from metaspine.running import whole_folder
from metaspine.running.dates import local_now_or_source_date

_STEPS = 2**16 - 2
_KIND = Kind(CTImageStorage, "CT", "CT as used for the spine needle plan")


@dataclass(frozen=True, eq=False)
class _Encoded:
    """Hounsfield units as whole numbers of 16 bits: value = slope * stored + intercept."""

    stored: NDArray[np.int16]
    slope: DSfloat
    intercept: DSfloat


def write_ct(scan: Scan, folder: Path | str, *, study: Study | None = None, when: datetime | None = None) -> Scan:
    """Write the CT as a derived series into a folder and return the scan as that series holds it.

    The returned scan has the same voxels, structures and frame of reference; its axes are turned towards the patient
    (EXCHANGE-30), and it names the series' slices, so that an RTSTRUCT written from it may refer to them.

    Raises
    ------
    OutputError
        When the folder cannot be written to.
    GridMismatch
        When the grid is skewed.
    """
    made = list(ct_slices(scan, study=study, when=when or local_now_or_source_date()))
    with whole_folder(folder) as temporary:
        for k, dataset in enumerate(made):
            write_object(dataset, temporary / f"ct{k:04d}.dcm")
    return as_series(scan, made)


def ct_slices(scan: Scan, *, when: datetime, study: Study | None = None) -> Iterator[Dataset]:
    """Yield the CT's slices as DICOM objects, from the feet to the head.

    Values that are whole Hounsfield units are kept exactly; fractions within half of RescaleSlope.

    Raises
    ------
    GridMismatch
        When the grid is skewed.
    """
    whose = study_of(scan, study=study)
    frames = frames_of(scan.image, where=scan.origin.path)
    encoded = _encoded(frames.values)
    content = sha256(encoded.stored.tobytes() + repr(frames.grid.affine.tolist()).encode()).hexdigest()
    series = uid_of("series", CTImageStorage, whose.study_uid, content)
    for k in range(frames.grid.shape[2]):
        made = new_object(_KIND, study=whose, content=f"{content} {k}", when=when)
        made.SeriesInstanceUID, made.InstanceNumber = series, k + 1
        made.ContentDate, made.ContentTime = day(when), time_of_day(when)
        _add_origin(made, scan)
        _add_plane(made, frames, k)
        _add_pixels(made, encoded, k)
        yield made


def as_series(scan: Scan, slices: list[Dataset]) -> Scan:
    """Return a scan as a derived series holds it."""
    origin = replace(
        scan.origin,
        series_uid=str(slices[0].SeriesInstanceUID),
        study_uid=str(slices[0].StudyInstanceUID),
        study=study_of(scan, study=scan.origin.study or _study_in(slices[0])),
        instance_uids=tuple(str(item.SOPInstanceUID) for item in slices),
        sop_class=str(CTImageStorage),
        frame_numbers=(),
        resampled=False,
    )
    structures = tuple(_turned(structure) for structure in scan.structures)
    return replace(scan, image=towards_patient(scan.image), structures=structures, origin=origin)


def _turned(structure: Structure) -> Structure:
    region = structure.region
    return replace(structure, region=towards_patient(region)) if isinstance(region, Volume) else structure


def _study_in(dataset: Dataset) -> Study:
    """Return the study that an object says it belongs to."""
    return Study(
        patient_name=str(dataset.PatientName),
        patient_id=dataset.PatientID,
        birth_date=dataset.PatientBirthDate,
        sex=dataset.PatientSex,
        study_uid=str(dataset.StudyInstanceUID),
        study_id=dataset.StudyID,
        study_date=dataset.StudyDate,
        study_time=dataset.StudyTime,
        accession_number=dataset.AccessionNumber,
        referring_physician=str(dataset.ReferringPhysicianName),
    )


def _encoded(values: NDArray[Any]) -> _Encoded:
    if values.dtype.kind in "iu" or np.array_equal(values, np.rint(values)):
        return _Encoded(values.astype("<i2"), decimal(1.0), decimal(0.0))
    lowest, highest = float(values.min()), float(values.max())
    slope, intercept = decimal((highest - lowest) / _STEPS), decimal((highest + lowest) / 2)
    return _Encoded(np.rint((values - float(intercept)) / float(slope)).astype("<i2"), slope, intercept)


def _add_origin(made: Dataset, scan: Scan) -> None:
    made.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    said = ["Grid of the planning scan, Hounsfield units", *scan.notes]
    if scan.origin.resampled:
        said.insert(0, "Slices of a tilted gantry resampled upright")
    made.DerivationDescription = plain("; ".join(said), TEXT)
    made.PatientPosition, made.Laterality = scan.origin.patient_position, ""
    made.KVP = None if scan.origin.tube_voltage_kv is None else decimal(scan.origin.tube_voltage_kv)
    made.AcquisitionNumber = None
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame_uid(scan.frame_of_reference), ""


def _add_plane(made: Dataset, frames: Frames, k: int) -> None:
    made.ImageOrientationPatient, made.ImagePositionPatient = frames.orientation, frames.position(k)
    made.PixelSpacing, made.SliceThickness = frames.pixel_spacing, decimal(frames.spacing_mm)
    made.Columns, made.Rows = frames.grid.shape[:2]


def _add_pixels(made: Dataset, encoded: _Encoded, k: int) -> None:
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 1
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit = 15
    made.RescaleSlope, made.RescaleIntercept, made.RescaleType = encoded.slope, encoded.intercept, "HU"
    pixels = encoded.stored[k].tobytes()
    made.add_new("PixelData", "OW", pixels)
