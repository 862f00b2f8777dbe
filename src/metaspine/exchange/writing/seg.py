"""SEG: structures as segments, by highdicom (extra ``segmentations``).

Source: DICOM PS3.3 A.51 and C.8.20 (segmentation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, SegmentationStorage

from metaspine.errors import GridMismatch, OutputError, StructureError
from metaspine.exchange.writing.by_highdicom import equipment, finished, highdicom
from metaspine.exchange.writing.frames import Frames
from metaspine.exchange.writing.objects import LONG_STRING, Kind, decimal, new_object, sequence, write_object
from metaspine.exchange.writing.references import has_slices
from metaspine.exchange.writing.studies import study_of
from metaspine.exchange.writing.texts import TEXT, plain
from metaspine.exchange.writing.uids import frame_uid, uid_of
from metaspine.geometry import Grid, Volume
from metaspine.geometry.rasterise import coverage
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.running.dates import local_now_or_source_date

_ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
_TISSUE = Code("85756007", "SCT", "Tissue")
_NO_FAMILY = Code("123109", "DCM", "Manual Processing")
_CODES: Mapping[Role, tuple[Code, Code]] = MappingProxyType(
    {
        Role.VERTEBRA: (_ANATOMY, Code("51282000", "SCT", "Vertebra")),
        Role.SACRUM: (_ANATOMY, Code("54735007", "SCT", "Sacrum")),
        Role.RIB: (_ANATOMY, Code("113197003", "SCT", "Rib")),
        Role.SPINAL_CORD: (_ANATOMY, Code("2748008", "SCT", "Spinal cord")),
        Role.BONY_CANAL: (_ANATOMY, Code("61853006", "SCT", "Vertebral canal")),
        Role.VESSEL: (_ANATOMY, Code("59820001", "SCT", "Blood Vessel")),
        Role.LUNG: (_ANATOMY, Code("39607008", "SCT", "Lung")),
        Role.BODY: (_ANATOMY, Code("38266002", "SCT", "Entire body")),
        Role.LESION: (
            Code("49755003", "SCT", "Morphologically Abnormal Structure"),
            Code("108369006", "SCT", "Neoplasm"),
        ),
    }
)
"""What a segment is, by SNOMED CT; a role without its own code is tissue, and its label says the rest."""
_KIND = Kind(SegmentationStorage, "SEG", "Segments for the spine needle plan")
_HIGHEST = 255
_HALF = 0.5


@dataclass(frozen=True, eq=False)
class _Segment:
    structure: Structure
    filled: NDArray[np.float32 | np.uint8]
    """The share of each voxel of the scan's grid, 0 to 1; or whether it is at least half filled, 0 or 1."""


def write_seg(scan: Scan, path: Path | str, *, fractional: bool = False, when: datetime | None = None) -> Path:
    """Write a scan's structures as SEG and return where.

    Raises
    ------
    OutputError
        As :func:`seg` does, and when the file cannot be written.
    """
    return write_object(seg(scan, fractional=fractional, when=when or local_now_or_source_date()), path)


def seg(scan: Scan, *, when: datetime, fractional: bool = False) -> Dataset:
    """Return a scan's structures as one SEG on the scan's own slices; segments may overlap.

    Parameters
    ----------
    when
        The date of its making.
    fractional
        Write the share of each voxel that a structure fills, in 255 steps (OCCUPANCY); else voxels at least half
        filled. What bounds no volume (curves, points) cannot be a segment; ImageComments names it.

    Raises
    ------
    OutputError
        When the scan has no DICOM slices to refer to, no structure bounds a volume, or highdicom is not installed.
    """
    library = highdicom()
    sources = _sources(scan, when)
    segments, left_out = _segments(scan, fractional)
    if not segments:
        raise OutputError("no structure bounds a volume", where=scan.origin.path, remedy="Write an RTSTRUCT instead")
    stored = np.stack([item.filled.transpose(2, 1, 0) for item in segments], axis=-1)
    if scan.origin.frame_numbers:
        stored = stored[_in_order_of_frames(scan)]
    names = "|".join(f"{item.structure.name}/{item.structure.origin}" for item in segments)
    content = sha256(stored.tobytes() + names.encode() + "|".join(scan.origin.instance_uids).encode()).hexdigest()
    study = study_of(scan)
    made = library.seg.Segmentation(
        source_images=sources,
        pixel_array=stored,
        segmentation_type="FRACTIONAL" if fractional else "BINARY",
        segment_descriptions=[_description(library, n, item, content) for n, item in enumerate(segments, start=1)],
        fractional_type="OCCUPANCY" if fractional else None,
        max_fractional_value=_HIGHEST,
        content_label="STRUCTURES",
        content_description="Not approved; research decision support",
        **equipment(uid_of(SegmentationStorage, study.study_uid, content)),
    )
    if left_out:
        made.ImageComments = plain(f"Not in this object: {'; '.join(left_out)}", 10 * TEXT)
    return finished(made, _KIND, study=study, content=content, when=when)


def _sources(scan: Scan, when: datetime) -> list[Dataset]:
    """Return the headers of the images, slices or one of all frames, as far as a reference to them needs them."""
    grid, frame_numbers = scan.image.grid, scan.origin.frame_numbers
    whole = not frame_numbers or sorted(frame_numbers) == list(range(1, grid.shape[2] + 1))
    if not (has_slices(scan) and whole and scan.origin.series_uid and grid.right_handed):
        raise OutputError(
            "the scan's grid is not that of DICOM slices, which a segmentation must refer to",
            where=scan.origin.path,
            remedy="Write the CT as used first (write_ct) and give the scan that it returns",
        )
    frames = Frames(np.empty(0), grid)
    if frame_numbers:
        return [_multiframe_source(scan, frames, when)]
    return [_source(scan, frames, k, when) for k in range(grid.shape[2])]


def _in_order_of_frames(scan: Scan) -> NDArray[np.intp]:
    """Return the indices k in the order in which the scan's one image of all frames holds them."""
    return np.argsort(scan.origin.frame_numbers)


def _source(scan: Scan, frames: Frames, k: int, when: datetime) -> Dataset:
    made = _image(scan, frames, when)
    made.SOPInstanceUID = scan.origin.instance_uids[k]
    made.ImageOrientationPatient, made.ImagePositionPatient = frames.orientation, frames.position(k)
    made.PixelSpacing, made.SliceThickness = frames.pixel_spacing, decimal(frames.spacing_mm)
    return made


def _multiframe_source(scan: Scan, frames: Frames, when: datetime) -> Dataset:
    made, shared, measures, orientation = _image(scan, frames, when), Dataset(), Dataset(), Dataset()
    made.SOPClassUID, made.SOPInstanceUID = scan.origin.sop_class, scan.origin.instance_uids[0]
    measures.PixelSpacing, measures.SliceThickness = frames.pixel_spacing, decimal(frames.spacing_mm)
    orientation.ImageOrientationPatient = frames.orientation
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = sequence([measures]), sequence([orientation])
    made.SharedFunctionalGroupsSequence = sequence([shared])
    made.NumberOfFrames = frames.grid.shape[2]
    made.PerFrameFunctionalGroupsSequence = sequence(_place(frames, int(k)) for k in _in_order_of_frames(scan))
    return made


def _place(frames: Frames, k: int) -> Dataset:
    place, group = Dataset(), Dataset()
    place.ImagePositionPatient = frames.position(k)
    group.PlanePositionSequence = sequence([place])
    return group


def _image(scan: Scan, frames: Frames, when: datetime) -> Dataset:
    made = new_object(Kind(CTImageStorage, "CT", ""), study=study_of(scan), content="", when=when)
    made.SeriesInstanceUID = scan.origin.series_uid
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame_uid(scan.frame_of_reference), ""
    made.Columns, made.Rows = frames.grid.shape[:2]
    return made


def _segments(scan: Scan, fractional: bool) -> tuple[list[_Segment], list[str]]:
    found, left_out = [], [f"{name} ({reason})" for name, reason in scan.unreadable]
    for structure in scan.structures:
        try:
            filled = _filled(structure, scan.image.grid)
        except StructureError as error:
            left_out.append(f"{structure.name} ({error.what})")
            continue
        if filled.max() >= (1 / (2 * _HIGHEST) if fractional else _HALF):
            found.append(_Segment(structure, filled if fractional else (filled >= _HALF).astype(np.uint8)))
        else:
            left_out.append(f"{structure.name} (no voxel is at least half filled)")
    return found, left_out


def _filled(structure: Structure, grid: Grid) -> NDArray[np.float32]:
    """Return how much of each voxel of the grid a structure fills."""
    region = structure.region
    if not isinstance(region, Volume):
        return coverage(region, grid, single_plane_mm=float(grid.spacing_mm[2])).values
    start = np.rint(grid.index(region.grid.origin_mm)).astype(int)
    stop = start + region.grid.shape
    inside = (start >= 0).all() and (stop <= grid.shape).all()
    if not (inside and grid.cropped(_three(start), _three(stop)).aligned_with(region.grid)):
        raise GridMismatch(
            "the structure's voxels are not voxels of the scan",
            where=structure.name,
            remedy="Write an RTSTRUCT, or resample the structure onto the scan",
        )
    filled = np.zeros(grid.shape, dtype=np.float32)
    (i, j, k), (i_end, j_end, k_end) = start, stop
    filled[i:i_end, j:j_end, k:k_end] = region.values
    return filled


def _three(index: NDArray[Any]) -> tuple[int, int, int]:
    i, j, k = (int(n) for n in index)
    return i, j, k


def _regions(level: str) -> list[Code] | None:
    """Return SNOMED CT's code of a level as pydicom lists it; None for none, and for T13 and L6, which have none."""
    name = f"{level}Vertebra"
    return [getattr(codes.SCT, name)] if level and hasattr(codes.SCT, name) else None


def _description(library: Any, number: int, segment: _Segment, content: str) -> Dataset:
    structure = segment.structure
    category, kind = _CODES.get(structure.role, (_TISSUE, _TISSUE))
    manual = structure.origin is Origin.DRAWN
    program = "metaspine" if structure.origin is Origin.DERIVED else "not recorded"
    algorithm = library.AlgorithmIdentificationSequence(name=program, version="", family=_NO_FAMILY)
    made: Dataset = library.seg.SegmentDescription(
        segment_number=number,
        segment_label=plain(structure.name, LONG_STRING) or "unnamed",
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type="MANUAL" if manual else "AUTOMATIC",
        algorithm_identification=None if manual else algorithm,
        anatomic_regions=_regions(structure.level),
        tracking_uid=uid_of("segment", content, str(number)),
        tracking_id=plain(f"{structure.origin.value}: {structure.name}", LONG_STRING),
    )
    if not manual:  # highdicom asks for the program's family; what nobody recorded is not written
        del made.SegmentationAlgorithmIdentificationSequence
    return made
