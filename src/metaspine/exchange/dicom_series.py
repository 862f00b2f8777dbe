"""Finding the one CT series in a folder with anything in it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MediaStorageDirectoryStorage,
)

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported, is_dicom, open_dicom
from metaspine.geometry.grid import FloatArray
from metaspine.patient.study import Study
from metaspine.running import Progress

_ENHANCED = {EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage}
_STANDARD_ROOT = "1.2.840.10008."
_EXPORT_AGAIN = "Export the series again from the scanner or the archive"


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """What one CT slice says of itself, its pixels aside.

    Parameters
    ----------
    row_direction, column_direction
        LPS unit vectors along which the column index and the row index grow (ImageOrientationPatient).
    position_mm
        LPS centre of the first pixel (ImagePositionPatient).
    row_spacing_mm, column_spacing_mm
        Between rows and between columns (PixelSpacing, in this order).
    """

    path: Path
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    frame_of_reference: str
    rows: int
    columns: int
    row_direction: FloatArray
    column_direction: FloatArray
    position_mm: FloatArray
    row_spacing_mm: float
    column_spacing_mm: float
    patient_position: str
    tube_voltage_kv: float | None
    convolution_kernel: str
    description: str
    gantry_tilt_deg: float | None
    thickness_mm: float | None
    study: Study


@dataclass(frozen=True, eq=False)
class Series:
    """The slices of one series as found, in the order of their file names, and what was set aside."""

    slices: tuple[SliceHeader, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """One DICOM file of a folder: which series it belongs to and what kind of object it is."""

    path: Path
    sop_class: str
    class_name: str
    series_uid: str
    localiser: bool
    description: str
    kernel: str


def find_series(folder: Path, *, series: str | None, progress: Progress) -> Series:
    """Return the folder's CT series: the only one, or the one whose UID is ``series``.

    Localisers, other objects and files that are no DICOM are set aside with a note.

    Raises
    ------
    ImageError
        When the folder holds no CT, several series to choose from, or a file that cannot be read.
    """
    found, foreign = _look_through(folder, progress)
    by_series: dict[str, list[_Found]] = defaultdict(list)
    for item in found:
        if item.sop_class == CTImageStorage and not item.localiser:
            by_series[item.series_uid].append(item)
    chosen = _choose(by_series, found, folder=folder, series=series)
    notes = _set_aside_notes([item for item in found if item not in chosen], foreign)
    return Series(tuple(_slice_header(item.path) for item in chosen), notes)


def series_of(path: Path) -> str:
    """Return the UID of the series that one DICOM file belongs to.

    Raises
    ------
    ImageError
        When the file is malformed or is no CT image.
    """
    found = _find(path)
    if found.sop_class != CTImageStorage:
        raise ImageError(f"is {found.class_name}, not a CT image", where=str(path), remedy="Give a CT")
    return found.series_uid


def _look_through(folder: Path, progress: Progress) -> tuple[list[_Found], list[Path]]:
    """Return the DICOM files below a folder and the files that are none, both in the order of their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found: list[_Found] = []
    foreign: list[Path] = []
    for count, path in enumerate(paths):
        progress("looking through the DICOM folder", count / len(paths))
        if is_dicom(path):
            found.append(_find(path))
        elif path.suffix.lower() in {".dcm", ".ima"}:
            raise ImageError(
                "is named like a DICOM file and is none (no DICM after its preamble; truncated?)",
                where=str(path),
                remedy=f"{_EXPORT_AGAIN}, or take the file out of the folder",
            )
        else:
            foreign.append(path)
    return found, foreign


def _find(path: Path) -> _Found:
    with damage_reported(path):
        dataset = open_dicom(path, with_pixels=False)
        elements = Elements(dataset, str(path))
        sop_class = elements.text("SOPClassUID") or _directory_class(dataset)
        if not sop_class:
            raise ImageError(_empty_uids(elements), where=str(path), remedy=_EXPORT_AGAIN)
        class_name = UID(sop_class).name
        if class_name == sop_class and not _private(sop_class, elements.text("Modality")):
            raise ImageError(
                f"is of the unknown class {sop_class!r} and may be a damaged slice of the CT",
                where=str(path),
                remedy=f"{_EXPORT_AGAIN}, or take the file out of the folder",
            )
        return _Found(
            path,
            sop_class,
            class_name,
            elements.required_text("SeriesInstanceUID") if sop_class == CTImageStorage else "",
            "LOCALIZER" in elements.text("ImageType").upper().split("\\"),
            elements.text("SeriesDescription"),
            elements.text("ConvolutionKernel"),
        )


def _private(sop_class: str, modality: str) -> bool:
    """Say whether an unknown class is a manufacturer's own (a private report or raw data), not a damaged CT's."""
    well_formed = re.fullmatch(r"[0-9]+(\.[0-9]+)+", sop_class) is not None
    return well_formed and not sop_class.startswith(_STANDARD_ROOT) and modality not in {"", "CT"}


def _directory_class(dataset: object) -> str:
    """Return the class of a DICOMDIR, which stands in the file's meta information only."""
    stated = str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID", ""))
    return stated if stated == MediaStorageDirectoryStorage else ""


def _empty_uids(elements: Elements) -> str:
    keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    empty = [keyword for keyword in keywords if not elements.text(keyword)]
    return f"malformed DICOM: {', '.join(empty)} missing or empty, so what it belongs to is unknown"


def _choose(
    by_series: Mapping[str, Sequence[_Found]], found: Sequence[_Found], *, folder: Path, series: str | None
) -> Sequence[_Found]:
    if series is not None and series in by_series:
        return by_series[series]
    listing = "; ".join(_listed(uid, items) for uid, items in by_series.items()) or "none"
    if series is not None:
        raise ImageError(
            f"holds no CT series {series}", where=str(folder), remedy=f"Choose one of its CT series: {listing}"
        )
    if not by_series:
        raise ImageError(_no_ct(found), where=str(folder), remedy="Give the folder of a CT series")
    if len(by_series) > 1:
        raise ImageError(
            f"holds {len(by_series)} CT series: {listing}", where=str(folder), remedy="Choose one by series=UID"
        )
    return next(iter(by_series.values()))


def _listed(uid: str, items: Sequence[_Found]) -> str:
    description = items[0].description or "no description"
    return f"{uid} ({description}, {len(items)} slices, kernel {items[0].kernel or 'unknown'})"


def _no_ct(found: Sequence[_Found]) -> str:
    if any(item.sop_class in _ENHANCED for item in found):
        return "holds only enhanced multi-frame CT, which is not read yet"
    kinds = Counter("localiser" if item.localiser else item.class_name for item in found)
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no DICOM file"
    return f"holds no CT series (found: {held})"


def _set_aside_notes(items: Sequence[_Found], foreign: Sequence[Path]) -> tuple[str, ...]:
    notes = [
        f"set aside: {item.path.name} ({'localiser' if item.localiser else item.class_name})"
        for item in items
        if item.localiser or item.sop_class != CTImageStorage
    ]
    others = Counter(item.series_uid for item in items if not item.localiser and item.sop_class == CTImageStorage)
    notes += [f"set aside: series {uid}, {count} slices, not the one chosen" for uid, count in others.items()]
    if foreign:
        names = ", ".join(path.name for path in foreign[:5]) + (" ..." if len(foreign) > 5 else "")
        notes.append(f"set aside: {len(foreign)} files that are no DICOM ({names})")
    return tuple(notes)


def _slice_header(path: Path) -> SliceHeader:
    with damage_reported(path):
        elements = Elements(open_dicom(path, with_pixels=False), str(path))
        orientation = elements.numbers("ImageOrientationPatient", 6)
        row_spacing, column_spacing = elements.numbers("PixelSpacing", 2)
        return SliceHeader(
            path=path,
            sop_instance_uid=elements.required_text("SOPInstanceUID"),
            series_uid=elements.required_text("SeriesInstanceUID"),
            study_uid=elements.required_text("StudyInstanceUID"),
            frame_of_reference=elements.required_text("FrameOfReferenceUID"),
            rows=int(elements.number("Rows")),
            columns=int(elements.number("Columns")),
            row_direction=orientation[:3],
            column_direction=orientation[3:],
            position_mm=elements.numbers("ImagePositionPatient", 3),
            row_spacing_mm=float(row_spacing),
            column_spacing_mm=float(column_spacing),
            patient_position=elements.text("PatientPosition"),
            tube_voltage_kv=elements.optional_number("KVP"),
            convolution_kernel=elements.text("ConvolutionKernel"),
            description=elements.text("SeriesDescription"),
            gantry_tilt_deg=elements.optional_number("GantryDetectorTilt"),
            thickness_mm=elements.optional_number("SliceThickness"),
            study=_study(elements),
        )


def _study(elements: Elements) -> Study:
    return Study(
        patient_name=elements.text("PatientName"),
        patient_id=elements.text("PatientID"),
        birth_date=elements.text("PatientBirthDate"),
        sex=elements.text("PatientSex"),
        study_uid=elements.text("StudyInstanceUID"),
        study_id=elements.text("StudyID"),
        study_date=elements.text("StudyDate"),
        study_time=elements.text("StudyTime"),
        accession_number=elements.text("AccessionNumber"),
        referring_physician=elements.text("ReferringPhysicianName"),
    )
