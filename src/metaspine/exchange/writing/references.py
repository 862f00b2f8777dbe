"""References to the images that a scan was read from: slices of their own, or frames of one multi-frame object.

Source: DICOM PS3.3 table 10-3 (image SOP instance reference macro): a reference to some frames of a multi-frame image
gives their numbers, from 1; one without numbers is to all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage

from metaspine.exchange.writing.objects import reference
from metaspine.patient.scan import Scan


def has_slices(scan: Scan) -> bool:
    """Say whether the grid's slices are images that may be referred to, each as one of its own."""
    origin, count = scan.origin, scan.image.grid.shape[2]
    if origin.resampled or len(origin.instance_uids) != count:
        return False
    if origin.frame_numbers:
        return len(set(origin.instance_uids)) == 1 and len(set(origin.frame_numbers)) == count
    return len(set(origin.instance_uids)) == count


def slice_reference(scan: Scan, k: int) -> Dataset:
    """Return the reference to one slice of a scan that has them."""
    made = reference(_class_of(scan), scan.origin.instance_uids[k])
    if scan.origin.frame_numbers:
        made.ReferencedFrameNumber = scan.origin.frame_numbers[k]
    return made


def image_references(scan: Scan) -> Iterator[Dataset]:
    """Yield a reference to each object that the slices of a scan lie in."""
    for uid in dict.fromkeys(scan.origin.instance_uids):
        yield reference(_class_of(scan), uid)


def _class_of(scan: Scan) -> UID:
    return UID(scan.origin.sop_class) if scan.origin.sop_class else CTImageStorage
