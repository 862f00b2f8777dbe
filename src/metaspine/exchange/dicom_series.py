"""Finding the one series of images in a folder with anything in it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    XRay3DAngiographicImageStorage,
)

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported, is_dicom, read_header
from metaspine.geometry.grid import FloatArray
from metaspine.patient.study import Study
from metaspine.running import Progress

_MR_TIMES = (("TR", "RepetitionTime"), ("TE", "EchoTime"), ("TI", "InversionTime"))
_STANDARD_ROOT = "1.2.840.10008."
_EXPORT_AGAIN = "Export the series again from the scanner or the archive"


@dataclass(frozen=True)
class Wanted:
    """Which objects are looked for.

    Parameters
    ----------
    noun
        What messages call them.
    slices, frames
        SOP classes of one slice a file, and of all slices in one file.
    """

    noun: str
    slices: frozenset[str]
    frames: frozenset[str]

    def holds(self, sop_class: str) -> bool:
        """Say whether a SOP class is looked for."""
        return sop_class in self.slices or sop_class in self.frames


CT = Wanted(
    "CT",
    frozenset({CTImageStorage}),
    frozenset({EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage}),
)
IMAGES = Wanted(
    "image",
    CT.slices | {MRImageStorage},
    CT.frames | {EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, XRay3DAngiographicImageStorage},
)
"""Everything that shows the body in slices, whatever its values mean."""


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """What one slice says of itself, its pixels aside.

    Parameters
    ----------
    row_direction, column_direction
        LPS unit vectors along which the column index and the row index grow (ImageOrientationPatient).
    position_mm
        LPS centre of the first pixel (ImagePositionPatient).
    row_spacing_mm, column_spacing_mm
        Between rows and between columns (PixelSpacing, in this order).
    frame
        Which frame of the file it is, from 0; None where the file holds one slice.
    rescaling
        Where slope and intercept of this frame stand; None where they stand in the file's own data set.
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
    patient_id: str
    modality: str
    elements: Elements
    """All of its file's header."""
    frame: int | None = None
    rescaling: Elements | None = None

    @property
    def name(self) -> str:
        """What messages call the slice."""
        return self.path.name if self.frame is None else f"{self.path.name} frame {self.frame + 1}"


@dataclass(frozen=True, eq=False)
class Found:
    """One DICOM file of a folder, read up to the group 0028 (image)."""

    path: Path
    header: Dataset
    sop_class: str
    series_uid: str
    localiser: bool

    @property
    def elements(self) -> Elements:
        """The header's elements."""
        return Elements(self.header, str(self.path))

    @property
    def kind(self) -> str:
        """What messages call the object."""
        return "localiser" if self.localiser else UID(self.sop_class).name


@dataclass(frozen=True, eq=False)
class Series:
    """The files of one series in the order of their names, and what was set aside."""

    files: tuple[Found, ...]
    notes: tuple[str, ...]


def find_series(folder: Path, *, wanted: Wanted, series: str | None, progress: Progress) -> Series:
    """Return the folder's series of the wanted kind: the only one, or the one whose UID is ``series``.

    Localisers, other objects and files that are no DICOM are set aside with a note.

    Raises
    ------
    ImageError
        When the folder holds no such series, several to choose from, or a file that cannot be read.
    """
    found, foreign = _look_through(folder, wanted, progress)
    by_series: dict[str, list[Found]] = defaultdict(list)
    for item in found:
        if wanted.holds(item.sop_class) and not item.localiser:
            by_series[item.series_uid].append(item)
    chosen = _choose(by_series, found, wanted=wanted, folder=folder, series=series)
    aside = [item for item in found if item not in chosen]
    return Series(tuple(chosen), (*_set_aside_notes(aside, wanted), *_file_notes(chosen, foreign)))


def series_of(path: Path, *, wanted: Wanted) -> str:
    """Return the UID of the series that one DICOM file belongs to.

    Raises
    ------
    ImageError
        When the file is malformed or is of another kind.
    """
    found = _find(path, wanted)
    if not wanted.holds(found.sop_class):
        raise ImageError(
            f"is {UID(found.sop_class).name}, not {_a(wanted.noun)}", where=str(path), remedy=f"Give {_a(wanted.noun)}"
        )
    return found.series_uid


def classes_in(path: Path, series: str | None, *, progress: Progress) -> frozenset[str]:
    """Return the SOP class of one DICOM file, or those of a folder's images in slices; of one series where it is given.

    Raises
    ------
    ImageError
        When a file is malformed.
    """
    found = _look_through(path, IMAGES, progress)[0] if path.is_dir() else [_find(path, IMAGES)]
    asked = [item for item in found if IMAGES.holds(item.sop_class) and not item.localiser]
    return frozenset(item.sop_class for item in asked if not path.is_dir() or series in (None, item.series_uid))


def _a(noun: str) -> str:
    return "a CT image" if noun == "CT" else "an image in slices"


def _look_through(folder: Path, wanted: Wanted, progress: Progress) -> tuple[list[Found], list[Path]]:
    """Return the DICOM files below a folder and the files that are none, both in the order of their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found: list[Found] = []
    foreign: list[Path] = []
    for count, path in enumerate(paths):
        progress("looking through the DICOM folder", count / len(paths))
        if is_dicom(path):
            found.append(_find(path, wanted))
        elif path.suffix.lower() in {".dcm", ".ima"}:
            raise ImageError(
                "is named like a DICOM file and is none (no DICM after its preamble; truncated?)",
                where=str(path),
                remedy=f"{_EXPORT_AGAIN}, or take the file out of the folder",
            )
        else:
            foreign.append(path)
    return found, foreign


def _find(path: Path, wanted: Wanted) -> Found:
    with damage_reported(path):
        header = read_header(path)
        elements = Elements(header, str(path))
        sop_class = elements.text("SOPClassUID") or _directory_class(header)
        if not sop_class:
            raise ImageError(_empty_uids(elements), where=str(path), remedy=_EXPORT_AGAIN)
        if UID(sop_class).name == sop_class and not _private(elements, sop_class):
            raise ImageError(
                f"is of the unknown class {sop_class!r} and may be a damaged slice of the image",
                where=str(path),
                remedy=f"{_EXPORT_AGAIN}, or take the file out of the folder",
            )
        series_uid = elements.required_text("SeriesInstanceUID") if wanted.holds(sop_class) else ""
        localiser = "LOCALIZER" in elements.text("ImageType").upper().split("\\")
        return Found(path, header, sop_class, series_uid, localiser)


def _private(elements: Elements, sop_class: str) -> bool:
    """Say whether an unknown class is a manufacturer's own (a private report or raw data), not a damaged slice's."""
    well_formed = re.fullmatch(r"[0-9]+(\.[0-9]+)+", sop_class) is not None
    modality = elements.text("Modality")
    slice_like = modality in {"", "CT"} or (modality == "MR" and "ImagePositionPatient" in elements.dataset)
    return well_formed and not sop_class.startswith(_STANDARD_ROOT) and not slice_like


def _directory_class(dataset: Dataset) -> str:
    """Return the class of a DICOMDIR, which stands in the file's meta information only."""
    stated = str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID", ""))
    return stated if stated == MediaStorageDirectoryStorage else ""


def _empty_uids(elements: Elements) -> str:
    keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    empty = [keyword for keyword in keywords if not elements.text(keyword)]
    return f"malformed DICOM: {', '.join(empty)} missing or empty, so what it belongs to is unknown"


def _choose(
    by_series: Mapping[str, Sequence[Found]],
    found: Sequence[Found],
    *,
    wanted: Wanted,
    folder: Path,
    series: str | None,
) -> Sequence[Found]:
    if series is not None and series in by_series:
        return by_series[series]
    listing = "; ".join(_listed(uid, items) for uid, items in by_series.items()) or "none"
    where, noun = str(folder), wanted.noun
    if series is not None:
        raise ImageError(f"holds no {noun} series {series}", where=where, remedy=f"Choose one of its series: {listing}")
    if not by_series:
        kinds = Counter(item.kind for item in found)
        held = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no DICOM file"
        raise ImageError(
            f"holds no {noun} series (found: {held})",
            where=where,
            remedy=f"Give the folder of a series of {noun} slices",
        )
    if len(by_series) > 1:
        raise ImageError(
            f"holds {len(by_series)} {noun} series: {listing}", where=where, remedy="Choose one by series=UID"
        )
    return next(iter(by_series.values()))


def _listed(uid: str, items: Sequence[Found]) -> str:
    with damage_reported(items[0].path):
        elements = items[0].elements
        parts = [elements.text("SeriesDescription") or "no description", _amount(items)]
        if elements.text("Modality") == "MR":
            parts += [
                f"{name} {elements.text(keyword)} ms" for name, keyword in _MR_TIMES if elements.text(keyword)
            ] or ["sequence times unknown"]
        else:
            parts.append(f"kernel {elements.text('ConvolutionKernel') or 'unknown'}")
    return f"{uid} ({', '.join(parts)})"


def _amount(items: Sequence[Found]) -> str:
    frames = items[0].elements.optional_number("NumberOfFrames")
    return f"{len(items)} slices" if frames is None or frames <= 1 else f"{frames:g} frames"


def _set_aside_notes(items: Sequence[Found], wanted: Wanted) -> list[str]:
    notes = [
        f"set aside: {item.path.name} ({item.kind})"
        for item in items
        if item.localiser or not wanted.holds(item.sop_class)
    ]
    others = Counter(item.series_uid for item in items if not item.localiser and wanted.holds(item.sop_class))
    return notes + [f"set aside: series {uid}, {count} slices, not the one chosen" for uid, count in others.items()]


def _file_notes(chosen: Sequence[Found], foreign: Sequence[Path]) -> list[str]:
    bare = [item.path for item in chosen if not item.header.preamble]
    notes = []
    if bare:
        notes.append(f"{len(bare)} files have no DICOM preamble and were read without ({_some(bare)})")
    if foreign:
        notes.append(f"set aside: {len(foreign)} files that are no DICOM ({_some(foreign)})")
    return notes


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:5]) + (" ..." if len(paths) > 5 else "")


def slice_header(item: Found) -> SliceHeader:
    """Return what a file of one slice says of itself.

    Raises
    ------
    ImageError
        When an element that is needed is missing or malformed.
    """
    with damage_reported(item.path):
        elements = item.elements
        orientation = elements.numbers("ImageOrientationPatient", 6)
        row_spacing, column_spacing = elements.numbers("PixelSpacing", 2)
        return SliceHeader(
            path=item.path,
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
            patient_id=elements.text("PatientID"),
            modality=elements.text("Modality"),
            elements=elements,
        )


def study_of(elements: Elements) -> Study:
    """Return whose images they are."""
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
