"""When the standard demands its conditional attributes: its words, as functions of the object.

highdicom's tables say that an attribute is 1C or 2C and not when; the conditions are those of DICOM PS3.3. Parts that
we never write (photographs, veterinary care, encryption) have no condition here.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from validators import Condition, Conditions

_OF_A_PLAN = ("PLAN", "MULTI_PLAN", "FRACTION", "BEAM", "BRACHY", "FRACTION_SESSION", "BEAM_SESSION")
_NOT_GREY = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420")


def _has_pixels(dataset: Dataset, _: Dataset) -> bool:
    return "PixelData" in dataset


def _always(_: Dataset, __: Dataset) -> bool:
    return True


def _never(_: Dataset, __: Dataset) -> bool:
    return False


def _code(_: Dataset, item: Dataset) -> bool:
    return "LongCodeValue" not in item and "URNCodeValue" not in item


EVERY: Conditions = {
    "SpecificCharacterSet": Condition(_always),
    "CodeValue": Condition(_code),
    "CodingSchemeDesignator": Condition(lambda _, item: "URNCodeValue" not in item),
    "DeidentificationMethod": Condition(
        lambda d, _: d.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethodCodeSequence" not in d
    ),
}

IMAGE: Conditions = EVERY | {
    "PlanarConfiguration": Condition(lambda d, _: d.get("SamplesPerPixel", 1) > 1, else_absent=True),
    "PixelAspectRatio": Condition(_never, else_absent=True),
    "PixelPaddingValue": Condition(lambda d, _: "PixelPaddingRangeLimit" in d),
    "RedPaletteColorLookupTableDescriptor": Condition(
        lambda d, _: d.get("PhotometricInterpretation") == "PALETTE COLOR", else_absent=True
    ),
    "PatientOrientation": Condition(
        lambda d, _: "ImageOrientationPatient" not in d and "SharedFunctionalGroupsSequence" not in d
    ),
}

DOSE: Conditions = IMAGE | {
    "PixelData": Condition(_always),
    "GridFrameOffsetVector": Condition(lambda d, _: int(d.get("NumberOfFrames", 1)) > 1),
    "DoseGridScaling": Condition(_has_pixels),
    "SamplesPerPixel": Condition(_has_pixels),
    "PhotometricInterpretation": Condition(_has_pixels),
    "BitsAllocated": Condition(_has_pixels),
    "BitsStored": Condition(_has_pixels),
    "HighBit": Condition(_has_pixels),
    "PixelRepresentation": Condition(_has_pixels),
    "ReferencedRTPlanSequence": Condition(lambda d, _: d.get("DoseSummationType") in _OF_A_PLAN),
    "ReferencedTreatmentRecordSequence": Condition(lambda d, _: d.get("DoseSummationType") == "RECORD"),
    "ReferencedSpatialRegistrationSequence": Condition(lambda d, _: "SpatialTransformOfDose" in d),
    "PlanOverviewSequence": Condition(_never, else_absent=True),
}

CT: Conditions = IMAGE | {
    "PixelData": Condition(_always),
    "PatientPosition": Condition(lambda d, _: "PatientOrientationCodeSequence" not in d),
    "Laterality": Condition(lambda d, _: not d.get("BodyPartExamined")),
    "RescaleType": Condition(lambda d, _: "LOCALIZER" not in d.ImageType),
    "EnergyWeightingFactor": Condition(_never, else_absent=True),
}

STRUCTURES: Conditions = EVERY | {
    "ReferencedFrameNumber": Condition(_never, else_absent=True),
    "ROIInterpreterSequence": Condition(_never, else_absent=True),
}

SEGMENTS: Conditions = IMAGE | {
    "PixelData": Condition(_always),
    "SegmentationFractionalType": Condition(lambda d, _: d.get("SegmentationType") == "FRACTIONAL"),
    "MaximumFractionalValue": Condition(lambda d, _: d.get("SegmentationType") == "FRACTIONAL"),
    "SegmentSequence/SegmentAlgorithmName": Condition(lambda _, item: item.get("SegmentAlgorithmType") != "MANUAL"),
    "ReferencedSeriesSequence": Condition(_always),
}

MAP: Conditions = IMAGE | {
    "FloatPixelPaddingRangeLimit": Condition(lambda d, _: "FloatPixelPaddingValue" in d),
    "ReferencedSeriesSequence": Condition(_always),
    "SourceImageSequence": Condition(_never),
}
