"""What is written here, as data: the conformance statement and the conformance tests are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ParametricMapStorage,
    RTDoseStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)


@dataclass(frozen=True)
class WrittenClass:
    """One kind of object that is written.

    Parameters
    ----------
    iod
        Its name among the standard's information object definitions, as in the tables of the tests.
    holds
        What of ours it holds.
    made_by
        The function that makes it.
    """

    sop_class: UID
    modality: str
    iod: str
    transfer_syntax: UID
    holds: str
    made_by: str


WRITTEN_CLASSES: tuple[WrittenClass, ...] = (
    WrittenClass(
        CTImageStorage, "CT", "ct-image", ExplicitVRLittleEndian, "the CT as used, a derived series", "write_ct"
    ),
    WrittenClass(
        RTStructureSetStorage,
        "RTSTRUCT",
        "rt-structure-set",
        ImplicitVRLittleEndian,
        "structures as contours, the needle, where no dose is defined",
        "write_rtstruct",
    ),
    WrittenClass(RTDoseStorage, "RTDOSE", "rt-dose", ExplicitVRLittleEndian, "a plan's dose", "write_rtdose"),
    WrittenClass(
        SegmentationStorage, "SEG", "segmentation", ExplicitVRLittleEndian, "structures as segments", "write_seg"
    ),
    WrittenClass(
        ParametricMapStorage,
        "OT",
        "parametric-map",
        ExplicitVRLittleEndian,
        "one standard deviation of a dose",
        "write_uncertainty",
    ),
)
