"""What must agree within an object, and no validator at hand looks at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ParametricMapStorage,
    RTDoseStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

_PARTS = {
    RTStructureSetStorage: ("StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence"),
    SegmentationStorage: ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "SegmentSequence"),
    ParametricMapStorage: ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
}
"""Neither dciodvfy nor the tables miss these of a structure set."""
_EACH_FRAME = ("PlanePositionSequence", "FrameContentSequence")
_ALL_FRAMES = ("PixelMeasuresSequence", "PlaneOrientationSequence")


def inconsistencies(dataset: Dataset) -> list[str]:
    """What contradicts itself in an object; empty for one that does not."""
    checks = {
        RTDoseStorage: _dose,
        RTStructureSetStorage: _structures,
        SegmentationStorage: _frames,
        ParametricMapStorage: _frames,
        CTImageStorage: _pixels,
    }
    missing = [name for name in _PARTS.get(dataset.SOPClassUID, ()) if not dataset.get(name)]
    if missing:
        return [f"{name} is missing" for name in missing]
    check = checks.get(dataset.SOPClassUID)
    return [] if check is None else list(check(dataset))


def _pixels(dataset: Dataset) -> Iterator[str]:
    frames = int(dataset.get("NumberOfFrames", 1))
    expected = dataset.Rows * dataset.Columns * frames * dataset.BitsAllocated // 8
    if len(dataset.PixelData) != expected + expected % 2:
        yield f"PixelData holds {len(dataset.PixelData)} bytes, not {expected}"


def _dose(dataset: Dataset) -> Iterator[str]:
    yield from _pixels(dataset)
    offsets = dataset.GridFrameOffsetVector
    if len(offsets) != dataset.NumberOfFrames:
        yield f"{len(offsets)} offsets for {dataset.NumberOfFrames} frames"
    if offsets[0] != 0 or any(b <= a for a, b in pairwise(offsets)):
        yield "the offsets do not rise from 0"


def _structures(dataset: Dataset) -> Iterator[str]:
    listed = [item.ROINumber for item in dataset.StructureSetROISequence]
    drawn = [item.ReferencedROINumber for item in dataset.ROIContourSequence]
    observed = [item.ReferencedROINumber for item in dataset.RTROIObservationsSequence]
    if not (listed == drawn == observed) or len(set(listed)) != len(listed):
        yield f"regions are numbered {listed}, drawn as {drawn}, observed as {observed}"
    names = [item.ROIName for item in dataset.StructureSetROISequence]
    if len(set(names)) != len(names):
        yield f"two regions share a name: {names}"
    frames = {item.FrameOfReferenceUID for item in dataset.ReferencedFrameOfReferenceSequence}
    if any(item.ReferencedFrameOfReferenceUID not in frames for item in dataset.StructureSetROISequence):
        yield "a region lives in a frame of reference that is not listed"
    known = {
        image.ReferencedSOPInstanceUID
        for frame in dataset.ReferencedFrameOfReferenceSequence
        for study in frame.get("RTReferencedStudySequence", ())
        for series in study.RTReferencedSeriesSequence
        for image in series.ContourImageSequence
    }
    for region in dataset.ROIContourSequence:
        for contour in region.get("ContourSequence", ()):
            if len(contour.ContourData) != 3 * contour.NumberOfContourPoints:
                yield f"region {region.ReferencedROINumber}: a contour's points are not as many as declared"
            if any(image.ReferencedSOPInstanceUID not in known for image in contour.get("ContourImageSequence", ())):
                yield f"region {region.ReferencedROINumber}: a contour refers to a slice that is not listed"


def _frames(dataset: Dataset) -> Iterator[str]:
    each = dataset.PerFrameFunctionalGroupsSequence
    if len(each) != dataset.NumberOfFrames:
        yield f"{len(each)} descriptions for {dataset.NumberOfFrames} frames"
    shared = dataset.SharedFunctionalGroupsSequence[0]
    yield from (f"{name} is missing" for name in _ALL_FRAMES if name not in shared)
    yield from (f"a frame lacks {name}" for name in _EACH_FRAME if any(name not in item for item in each))
    if "SegmentSequence" in dataset:
        numbers = {item.SegmentNumber for item in dataset.SegmentSequence}
        used = {item.SegmentIdentificationSequence[0].ReferencedSegmentNumber for item in each}
        if used != numbers:
            yield f"segments {sorted(numbers)} are described and {sorted(used)} are drawn"
