"""Enhanced multi-frame images: every frame a slice, its place and rescaling in the functional groups.

What holds for all frames stands in the shared group, what differs in each frame's own; either may hold a macro
(DICOM PS3.3 C.7.6.16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported, open_dicom
from metaspine.exchange.dicom_series import Found, SliceHeader

_EXPORT_AGAIN = "Export the series again from the scanner or the archive"


@dataclass(frozen=True)
class _Groups:
    """The functional groups of one frame: its own, else the shared."""

    own: Dataset
    shared: Dataset
    where: str

    def macro(self, keyword: str) -> Elements:
        """Return a macro's elements; empty where the frame has none."""
        for group in (self.own, self.shared):
            items: Any = group.get(keyword) or ()
            if len(items):
                return Elements(items[0], self.where)
        return Elements(Dataset(), self.where)

    def converted(self, keyword: str, macro: str) -> str:
        """Return an element of a macro, or of those that converted old slices keep together."""
        places = (macro, "UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence")
        return next((text for place in places if (text := self.macro(place).text(keyword))), "")


def frame_headers(files: Sequence[Found]) -> tuple[SliceHeader, ...]:
    """Return what each frame of an enhanced image says of itself.

    Raises
    ------
    ImageError
        When the series is more than one file, or a frame says too little.
    """
    path = files[0].path
    if len(files) > 1:
        raise ImageError(
            f"is one of {len(files)} multi-frame files of the series, which are not put together",
            where=str(path),
            remedy="Export the series as single slices or as one multi-frame file",
        )
    with damage_reported(path):
        dataset = open_dicom(path, with_pixels=False)
        elements = Elements(dataset, str(path))
        own = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        shared = dataset.get("SharedFunctionalGroupsSequence") or (Dataset(),)
        if len(own) != elements.number("NumberOfFrames") or not len(own):
            raise ImageError(
                f"announces {elements.text('NumberOfFrames')} frames and describes {len(own)}",
                where=str(path),
                remedy=_EXPORT_AGAIN,
            )
        return tuple(
            _frame_header(path, frame, elements, _Groups(item, shared[0], f"{path} frame {frame + 1}"))
            for frame, item in enumerate(own)
        )


def _frame_header(path: Path, frame: int, elements: Elements, groups: _Groups) -> SliceHeader:
    measures = groups.macro("PixelMeasuresSequence")
    orientation = groups.macro("PlaneOrientationSequence").numbers("ImageOrientationPatient", 6)
    row_spacing, column_spacing = measures.numbers("PixelSpacing", 2)
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
        position_mm=groups.macro("PlanePositionSequence").numbers("ImagePositionPatient", 3),
        row_spacing_mm=float(row_spacing),
        column_spacing_mm=float(column_spacing),
        patient_position=elements.text("PatientPosition"),
        tube_voltage_kv=_number(groups.converted("KVP", "CTXRayDetailsSequence")),
        convolution_kernel=groups.converted("ConvolutionKernel", "CTReconstructionSequence"),
        description=elements.text("SeriesDescription"),
        gantry_tilt_deg=_number(groups.converted("GantryDetectorTilt", "CTAcquisitionDetailsSequence")),
        thickness_mm=measures.optional_number("SliceThickness"),
        patient_id=elements.text("PatientID"),
        modality=elements.text("Modality"),
        elements=elements,
        frame=frame,
        rescaling=groups.macro("PixelValueTransformationSequence"),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
