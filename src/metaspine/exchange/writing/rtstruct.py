"""RTSTRUCT: structures as contours that other systems fill as we do, and that say who made them.

Source: DICOM PS3.3 A.19, C.8.8.5 (structure set), C.8.8.6 (ROI contour), C.8.8.8 (RT ROI observations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from metaspine.errors import OutputError
from metaspine.exchange.writing.frames import slice_axis
from metaspine.exchange.writing.objects import (
    LONG_STRING,
    Kind,
    day,
    new_object,
    reference,
    sequence,
    time_of_day,
    write_object,
)
from metaspine.exchange.writing.outlines import Holes, Outline, Outlines, outlines_of
from metaspine.exchange.writing.references import has_slices, image_references, slice_reference
from metaspine.exchange.writing.studies import study_of
from metaspine.exchange.writing.texts import TEXT, plain
from metaspine.exchange.writing.uids import frame_uid
from metaspine.geometry import Volume
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.slabs import SAME_PLANE_MM
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Trajectory
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.patient.study import Study
from metaspine.running.dates import local_now_or_source_date

NEEDLE = "needle"
UNDEFINED_DOSE = "dose not defined"
UNDEFINED_MONTE_CARLO = "dose not defined (Monte Carlo)"
"""The names of the regions that are no structures of the scan."""

_INTERPRETED: Mapping[Role, str] = MappingProxyType({Role.LESION: "GTV", Role.BODY: "EXTERNAL", Role.OTHER: ""})
_COLOURS: Mapping[Role, tuple[int, int, int]] = MappingProxyType(
    {
        Role.LESION: (220, 30, 30),
        Role.SPINAL_CORD: (250, 220, 40),
        Role.THECAL_SAC: (60, 190, 230),
        Role.CAUDA_EQUINA: (240, 170, 40),
        Role.BONY_CANAL: (120, 120, 240),
        Role.BODY: (160, 160, 160),
    }
)
_OTHER_COLOUR = (90, 180, 100)
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
_CONTOUR_DATA = Tag("ContourData")
_ROUNDED_MM = 6
"""Decimals of a coordinate."""
_FARTHEST_MM = 1e5


@dataclass(frozen=True, eq=False)
class _Region:
    """A region of interest as it is to be written."""

    name: str
    outlines: Outlines
    interpreted: str
    algorithm: str
    interpreter: str
    described: str
    colour: tuple[int, int, int] = _OTHER_COLOUR


def write_rtstruct(
    scan: Scan,
    path: Path | str,
    *,
    holes: Holes = "keyhole",
    needle: Trajectory | None = None,
    dose: Dose | None = None,
    monte_carlo: Dose | None = None,
    study: Study | None = None,
    when: datetime | None = None,
) -> Path:
    """Write a scan's structures as RTSTRUCT and return where.

    Raises
    ------
    OutputError, FrameMismatch
        As :func:`rtstruct` does, and when the file cannot be written.
    """
    day_of_making = when or local_now_or_source_date()
    made = rtstruct(
        scan, holes=holes, needle=needle, dose=dose, monte_carlo=monte_carlo, study=study, when=day_of_making
    )
    return write_object(made, path)


def rtstruct(
    scan: Scan,
    *,
    when: datetime,
    holes: Holes = "keyhole",
    needle: Trajectory | None = None,
    dose: Dose | None = None,
    monte_carlo: Dose | None = None,
    study: Study | None = None,
) -> Dataset:
    """Return a scan's structures as RTSTRUCT, never approved.

    Masks are traced along the edges of their voxels, so that a reader that fills the lines finds the mask's own volume;
    drawn contours, open curves and points are kept. A contour refers to a slice only where it lies on a slice of the
    scan's own files (EXCHANGE-34). Only what a person drew is written as MANUAL (EXCHANGE-33).

    Parameters
    ----------
    when
        The date of its making.
    holes
        How the holes of structures are written; ``keyhole`` is understood by more readers (EXCHANGE-32).
    needle
        Its path becomes a region of its own: an open line from the skin, else from the bone, to the tip.
    dose
        Where it is not defined (inside the applicator) a region says so, as the RTDOSE cannot.
    monte_carlo
        The same for the Monte Carlo dose beside it: a region of its own, as its voxels are others.
    study
        Whose scan it is, where its files do not say.

    Raises
    ------
    OutputError
        When there is no structure, or a contour lies nowhere near a patient.
    FrameMismatch
        When the dose lives in another frame of reference.
    """
    regions = _regions(scan, holes, needle, {UNDEFINED_DOSE: dose, UNDEFINED_MONTE_CARLO: monte_carlo})
    if not regions:
        raise OutputError("the scan has no structure to write", where=scan.origin.path, remedy="Give its structures")
    encoded = [[_coordinates(line.points_mm, region.name) for line in region.outlines.outlines] for region in regions]
    kind = Kind(RTStructureSetStorage, "RTSTRUCT", "Structures for the spine needle plan")
    made = new_object(kind, study=study_of(scan, study=study), content=_content(scan, regions, encoded), when=when)
    # Explicit VR holds at most 65534 bytes of coordinates in a contour; implicit VR has no such limit.
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    made.StructureSetLabel, made.ApprovalStatus = "metaspine", "UNAPPROVED"
    made.StructureSetDescription = plain(_described(scan), TEXT)
    made.StructureSetDate, made.StructureSetTime = day(when), time_of_day(when)
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame_uid(scan.frame_of_reference), ""
    made.ReferencedFrameOfReferenceSequence = sequence([_referenced_frame(scan, made.StudyInstanceUID)])
    made.StructureSetROISequence = sequence(
        _listed(number, region, scan) for number, region in enumerate(regions, start=1)
    )
    made.ROIContourSequence = sequence(
        _drawn(number, region, data, scan)
        for number, (region, data) in enumerate(zip(regions, encoded, strict=True), start=1)
    )
    made.RTROIObservationsSequence = sequence(
        _observed(number, region) for number, region in enumerate(regions, start=1)
    )
    return made


def _regions(scan: Scan, holes: Holes, needle: Trajectory | None, doses: Mapping[str, Dose | None]) -> list[_Region]:
    found = [_of_structure(structure, scan, holes) for structure in scan.structures]
    if needle is not None:
        found.append(_of_needle(needle))
    for name, dose in doses.items():
        if dose is not None and np.isnan(dose.volume.values).any():
            found.append(_of_undefined_dose(name, dose, scan, holes))
    names: dict[str, int] = {}
    named = []
    for region in found:
        names[region.name] = names.get(region.name, 0) + 1
        count = f" ({names[region.name]})" if names[region.name] > 1 else ""
        named.append(replace(region, name=region.name[: LONG_STRING - len(count)] + count))
    return named


def _of_structure(structure: Structure, scan: Scan, holes: Holes) -> _Region:
    outlines = outlines_of(structure.region, slices=scan.image.grid, axis=_axis(scan), holes=holes)
    said = [
        structure.name if len(structure.name) > LONG_STRING else "",
        f"role {structure.role.value}",
        f"level {structure.level}" if structure.level else "",
        f"origin {structure.origin.value}",
        f"confirmed by {structure.confirmed_by}" if structure.confirmed_by else "",
        "" if structure.confirmed else "confirmed by nobody",
        outlines.remark,
    ]
    return _Region(
        name=plain(structure.name, LONG_STRING) or "unnamed",
        outlines=outlines,
        interpreted=_INTERPRETED.get(structure.role, "ORGAN"),
        algorithm="MANUAL" if structure.origin is Origin.DRAWN else "AUTOMATIC",
        interpreter=plain(structure.confirmed_by, LONG_STRING),
        described="; ".join(part for part in said if part),
        colour=_COLOURS.get(structure.role, _OTHER_COLOUR),
    )


def _of_needle(needle: Trajectory) -> _Region:
    start = needle.bone_entry_mm if needle.entry_mm is None else needle.entry_mm
    line = Outline("OPEN_NONPLANAR", np.stack([start, needle.tip_mm]))
    where = "bone" if needle.entry_mm is None else "skin"
    said = f"axis of the needle from the {where} to its tip, {needle.side.value} side; planned, confirmed by nobody"
    return _Region(NEEDLE, Outlines((line,)), "BRACHY_CHANNEL", "AUTOMATIC", "", said)


def _of_undefined_dose(name: str, dose: Dose, scan: Scan, holes: Holes) -> _Region:
    scan.image.grid.require_frame(dose.volume.grid.frame_of_reference, where="the dose")
    mask = Volume(np.isnan(dose.volume.values), dose.volume.grid)
    outlines = outlines_of(mask, slices=scan.image.grid, axis=_axis(scan), holes=holes)
    said = (
        "no dose is defined here (inside the applicator): 0 Gy in the RTDOSE stands for unknown, leave it out of a DVH"
    )
    return _Region(name, outlines, "", "AUTOMATIC", "", said)


def _axis(scan: Scan) -> int:
    """Return the index along which the scan's slices are counted."""
    return 2 if has_slices(scan) else slice_axis(scan.image.grid)


def _described(scan: Scan) -> str:
    said = [
        "Not approved. Research decision support.",
        "" if has_slices(scan) else "Refers to no image: the scan's grid is not that of DICOM slices.",
        *(f"Not in this set, unreadable: {name} ({reason})." for name, reason in scan.unreadable),
    ]
    return " ".join(part for part in said if part)


def _referenced_frame(scan: Scan, study_uid: str) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceUID = frame_uid(scan.frame_of_reference)
    if has_slices(scan) and scan.origin.series_uid:
        series = Dataset()
        series.SeriesInstanceUID = scan.origin.series_uid
        series.ContourImageSequence = sequence(image_references(scan))
        study = reference(_STUDY_CLASS, study_uid)
        study.RTReferencedSeriesSequence = sequence([series])
        item.RTReferencedStudySequence = sequence([study])
    return item


def _listed(number: int, region: _Region, scan: Scan) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName = number, region.name
    item.ReferencedFrameOfReferenceUID = frame_uid(scan.frame_of_reference)
    item.ROIDescription = plain(region.described, TEXT)
    item.ROIGenerationAlgorithm = region.algorithm
    return item


def _drawn(number: int, region: _Region, encoded: Sequence[bytes], scan: Scan) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber, item.ROIDisplayColor = number, list(region.colour)
    if encoded:
        lines = zip(region.outlines.outlines, encoded, strict=True)
        item.ContourSequence = sequence(_contour(line, data, scan) for line, data in lines)
    return item


def _contour(line: Outline, data: bytes, scan: Scan) -> Dataset:
    item = Dataset()
    k = _slice_of(line.points_mm, scan)
    if k is not None:
        item.ContourImageSequence = sequence([slice_reference(scan, k)])
    item.ContourGeometricType, item.NumberOfContourPoints = line.kind, len(line.points_mm)
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(data), data, 0, True, True)
    return item


def _slice_of(points_mm: FloatArray, scan: Scan) -> int | None:
    """Return the index k of the slice that all of the points lie on; None where there is none."""
    if not has_slices(scan):
        return None
    heights = scan.image.grid.index(points_mm)[:, 2]
    k = round(float(heights.mean()))
    away_mm = float(np.abs(heights - k).max()) * float(scan.image.grid.spacing_mm[2])
    return k if 0 <= k < scan.image.grid.shape[2] and away_mm <= SAME_PLANE_MM else None


def _observed(number: int, region: _Region) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.RTROIInterpretedType, item.ROIInterpreter = region.interpreted, region.interpreter
    return item


def _coordinates(points_mm: FloatArray, name: str) -> bytes:
    """Return ContourData as it stands in the file, to a millionth of a millimetre."""
    if not (np.isfinite(points_mm).all() and float(np.abs(points_mm).max(initial=0.0)) < _FARTHEST_MM):
        raise OutputError(
            "a contour lies nowhere near a patient", where=name, remedy="Check the structure's coordinates"
        )
    rounded = np.round(points_mm.ravel(), _ROUNDED_MM) + 0.0
    text = "\\".join([f"{value:.12g}" for value in rounded.tolist()])
    return text.encode("ascii") + b" " * (len(text) % 2)


def _content(scan: Scan, regions: Sequence[_Region], encoded: Sequence[Sequence[bytes]]) -> str:
    images = (*scan.origin.instance_uids, *map(str, scan.origin.frame_numbers))
    digest = sha256("|".join((scan.frame_of_reference, *images)).encode())
    for region, lines in zip(regions, encoded, strict=True):
        what = (region.name, region.described, region.algorithm, region.interpreter, region.interpreted)
        digest.update("|".join(what).encode())
        for line, data in zip(region.outlines.outlines, lines, strict=True):
            digest.update(line.kind.encode() + data)
    return digest.hexdigest()
