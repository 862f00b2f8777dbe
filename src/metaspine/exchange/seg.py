"""DICOM SEG: segments as masks or coverage on the image's own voxels. Segments may overlap.

Source: DICOM PS3.3 C.8.20.2 (Segmentation), A.51, A.90 (label map segmentation).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, SegmentationStorage

from metaspine.errors import FrameMismatch, StructureError
from metaspine.exchange.dicom_files import Elements, damage_reported
from metaspine.exchange.multiframe import class_of, each_frame, frame_count, whole_object
from metaspine.exchange.numbering import LabelEntry, entry_of_name
from metaspine.exchange.rtstruct import StructureSet
from metaspine.exchange.seg_frames import FrameGroups, Piece, pieces, placement, region_of
from metaspine.geometry import Grid
from metaspine.patient.structure import Origin, Role, Structure

LABEL_MAP_SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.7")
PROBABLE = 0.5
"""A voxel belongs to a segment of probabilities where they reach this (EXCHANGE-22)."""
_ORIGINS: Mapping[str, Origin] = {"AUTOMATIC": Origin.AUTOMATIC, "MANUAL": Origin.DRAWN}
_BACKGROUND = 0
"""A label map lists what belongs to no segment, too."""
_EXPORT_AGAIN = "Export the segmentation again from the system that made it"


@dataclass(eq=False)
class _Found:
    """What the frames hold, by the number of the segment."""

    pieces: defaultdict[int, list[Piece]] = field(default_factory=lambda: defaultdict(list))
    outside: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))


def is_seg(path: Path) -> bool:
    """Say whether a DICOM file is a SEG.

    Raises
    ------
    StructureError
        When the file is malformed.
    """
    return class_of(path, kind=StructureError) in (SegmentationStorage, LABEL_MAP_SEGMENTATION)


def read_seg(path: Path, *, grid: Grid) -> StructureSet:
    """Read the segments of a SEG whose pixels are voxels of the image, in any orientation and any part of it.

    Binary segments and label maps become bool Volumes, occupancies become coverage from 0 to 1, probabilities are cut
    at a half (EXCHANGE-22). A segment that cannot be read is returned as unreadable, with the reason.

    Raises
    ------
    FrameMismatch, GridMismatch
        When it belongs to another frame of reference, or its pixels are not voxels of the image (EXCHANGE-04).
    StructureError
        When the file is malformed, has no segment, or is of an unknown type.
    """
    with damage_reported(path, kind=StructureError):
        elements = whole_object(path, kind=StructureError)
        _refuse_other_frame(elements, grid)
        segments = _segments(elements)
        found = _Found()
        for number, frame, groups in _frames(elements):
            place = placement(groups, grid=grid, shape=(frame.shape[0], frame.shape[1]))
            piece, outside = pieces(frame, place, grid)
            found.outside[number] += outside
            if piece is not None:
                found.pieces[number].append(piece)
        return _structure_set(segments, found, grid, elements)


def _refuse_other_frame(elements: Elements, grid: Grid) -> None:
    stated = elements.text("FrameOfReferenceUID")
    if stated != grid.frame_of_reference:
        raise FrameMismatch(grid.frame_of_reference, stated or "(none stated)", where=elements.where)


def _segments(elements: Elements) -> dict[int, Elements]:
    items = [Elements(item, elements.where, StructureError) for item in elements.dataset.get("SegmentSequence") or ()]
    items = [item for item in items if item.number("SegmentNumber") != _BACKGROUND]
    segments = {int(item.number("SegmentNumber")): item for item in items}
    if not segments:
        raise StructureError("holds no segment", where=elements.where, remedy=_EXPORT_AGAIN)
    if len(segments) < len(items):
        raise StructureError("two of its segments share a number", where=elements.where, remedy=_EXPORT_AGAIN)
    return segments


def _frames(elements: Elements) -> Iterator[tuple[int, NDArray[Any], FrameGroups]]:
    """Return for every frame its segment, its values (bool, or coverage), and where it lies."""
    kind = elements.required_text("SegmentationType").upper()
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise StructureError(f"is a segmentation of the unknown type {kind}", where=elements.where)
    groups = _groups(elements)
    for own, stored in zip(groups, each_frame(elements), strict=True):
        if kind == "LABELMAP":
            for number in np.unique(stored[stored > 0]):
                yield int(number), stored == number, own
        else:
            number = int(own.group("SegmentIdentificationSequence").number("ReferencedSegmentNumber"))
            yield number, _coverage(elements, stored) if kind == "FRACTIONAL" else stored > 0, own


def _groups(elements: Elements) -> list[FrameGroups]:
    own = elements.dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = (elements.dataset.get("SharedFunctionalGroupsSequence") or (Dataset(),))[0]
    frames = frame_count(elements, at_once=False)
    if len(own) != frames:
        raise StructureError(
            f"declares {frames} frames and describes {len(own)}", where=elements.where, remedy=_EXPORT_AGAIN
        )
    return [FrameGroups(item, shared, elements.where) for item in own]


def _coverage(elements: Elements, stored: NDArray[Any]) -> NDArray[Any]:
    full = elements.number("MaximumFractionalValue")
    if not full > 0 or stored.max(initial=0) > full:
        raise StructureError(
            f"its fractions exceed MaximumFractionalValue, {full:g}", where=elements.where, remedy=_EXPORT_AGAIN
        )
    fraction = (stored / full).astype(np.float32)
    kind = elements.required_text("SegmentationFractionalType").upper()
    if kind == "PROBABILITY":
        return fraction >= PROBABLE
    if kind == "OCCUPANCY":
        return fraction
    raise StructureError(f"holds fractions of the unknown kind {kind}", where=elements.where)


def _structure_set(segments: Mapping[int, Elements], found: _Found, grid: Grid, elements: Elements) -> StructureSet:
    structures, notes = [], list(_kind_notes(elements))
    unreadable = [
        (f"segment {number}", "has frames and is not in the file's list of segments")
        for number in found.pieces
        if number not in segments
    ]
    for number, segment in segments.items():
        name = segment.text("SegmentLabel") or f"segment {number}"
        try:
            structures.append(_structure(name, segment, found, grid))
        except StructureError as error:
            unreadable.append((name, error.what))
            continue
        if found.outside[number]:
            notes.append(f"{name}: {found.outside[number]} of its voxels lie outside the image")
    return StructureSet(tuple(structures), tuple(unreadable), tuple(notes))


def _structure(name: str, segment: Elements, found: _Found, grid: Grid) -> Structure:
    number = int(segment.number("SegmentNumber"))
    if not found.pieces[number]:
        outside = found.outside[number]
        raise StructureError("lies outside the image" if outside else "has no voxel")
    entry = _entry(name, segment)
    return Structure(
        name=name,
        role=entry.role,
        region=region_of(found.pieces[number], grid),
        origin=_ORIGINS.get(segment.text("SegmentAlgorithmType").upper(), Origin.UNKNOWN),
        level=entry.level or _entry_of_code(segment, "AnatomicRegionSequence").level,
        source=segment.where,
    )


def _entry(name: str, segment: Elements) -> LabelEntry:
    """Return role and level from the segment's label, else from the code of what it is."""
    of_label = entry_of_name(name)
    return of_label if of_label.role is not Role.OTHER else _entry_of_code(segment, "SegmentedPropertyTypeCodeSequence")


def _entry_of_code(segment: Elements, keyword: str) -> LabelEntry:
    items = segment.dataset.get(keyword) or ()
    meaning = str(items[0].get("CodeMeaning", "")) if items else ""
    return entry_of_name(meaning)


def _kind_notes(elements: Elements) -> tuple[str, ...]:
    if elements.text("SegmentationFractionalType").upper() != "PROBABILITY":
        return ()
    name = Path(elements.where).name
    return (f"{name}: its fractions are probabilities; a voxel belongs to a segment from {PROBABLE:g} (EXCHANGE-22)",)
