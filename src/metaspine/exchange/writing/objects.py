"""What every DICOM object has in common: whose it is, what it is, where it refers to, and how it is stored.

Source: DICOM PS3.3 C.7.1.1 (patient), C.7.2.1 (study), C.7.3.1 (series), C.7.5.1 (equipment), C.12.1 (SOP common).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from metaspine.errors import OutputError
from metaspine.exchange.writing.identities import allowed
from metaspine.exchange.writing.uids import uid_of
from metaspine.patient.study import Study
from metaspine.running import whole_file
from metaspine.version import __version__

IMPLEMENTATION_CLASS_UID = uid_of("metaspine", "implementation class")
IMPLEMENTATION_VERSION_NAME = f"METASPINE_{__version__}"[:16]
LONG_STRING, SHORT_STRING = 64, 16
"""The most characters of LO and of SH."""


@dataclass(frozen=True)
class Kind:
    """What an object is."""

    sop_class: UID
    modality: str
    description: str
    """The series' description."""


def new_object(kind: Kind, *, study: Study, content: str, when: datetime) -> Dataset:
    """Return an object of a kind, with everything that does not depend on what it holds.

    Parameters
    ----------
    study
        Whose it is. Where it names no study, one is made from the content.
    content
        The hash of what the object will hold: the same content gives the same UIDs.
    when
        The date of its making, in the object's own local time.
    """
    dataset = Dataset()
    instance = uid_of(kind.sop_class, study.study_uid, content)
    dataset.file_meta = _file_meta(kind.sop_class, instance)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = day(when), time_of_day(when)
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind.sop_class, instance
    _add_study(dataset, study, content)
    dataset.Modality = kind.modality
    dataset.SeriesInstanceUID = uid_of("series", instance)
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.SeriesDate, dataset.SeriesTime = day(when), time_of_day(when)
    dataset.SeriesDescription = kind.description[:LONG_STRING]
    dataset.OperatorsName = ""
    dataset.Manufacturer = dataset.ManufacturerModelName = "metaspine"
    dataset.SoftwareVersions = __version__
    dataset.DeviceSerialNumber = "none"
    return dataset


def reference_to(dataset: Dataset) -> Dataset:
    """Return the item that refers to an object."""
    return reference(UID(dataset.SOPClassUID), UID(dataset.SOPInstanceUID))


def reference(sop_class: UID | str, instance: UID | str) -> Dataset:
    """Return the item that refers to an object by its class and instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(instance)
    return item


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return the item that holds a code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def sequence(items: Iterable[Dataset]) -> Sequence:
    """Return a sequence of items."""
    return Sequence(list(items))


def decimal(value: float) -> DSfloat:
    """Return a number as a decimal string of at most 16 characters, as near to it as they allow.

    Its value is that of the string: what is computed from it is what a reader will compute.

    Raises
    ------
    OutputError
        When it is not finite: DICOM has no word for that.
    """
    try:
        return DSfloat(str(DSfloat(float(value), auto_format=True)))
    except (ValueError, OverflowError) as error:
        raise OutputError(
            f"the number {value} has no place in DICOM", remedy="Report this together with the plan"
        ) from error


def day(when: datetime) -> str:
    """Return a date as DICOM writes it."""
    return when.strftime("%Y%m%d")


def time_of_day(when: datetime) -> str:
    """Return a time as DICOM writes it, to the second."""
    return when.strftime("%H%M%S")


def write_object(dataset: Dataset, path: Path | str) -> Path:
    """Write an object, whole or not at all.

    Raises
    ------
    OutputError
        When the file cannot be written, or a value does not fit its place in DICOM.
    """
    target = Path(path)
    with whole_file(target) as temporary:
        try:
            dataset.save_as(temporary, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise OutputError(
                f"cannot be written as DICOM ({error})", where=str(target), remedy="Report this together with the plan"
            ) from error
    return target


def _file_meta(sop_class: UID, instance: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def _add_study(dataset: Dataset, stated: Study, content: str) -> None:
    study = allowed(stated)
    dataset.PatientName, dataset.PatientID = study.patient_name, study.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = study.birth_date, study.sex
    dataset.StudyInstanceUID = study.study_uid or uid_of("study", content)
    dataset.StudyID, dataset.AccessionNumber = study.study_id, study.accession_number
    dataset.StudyDate, dataset.StudyTime = study.study_date, study.study_time
    dataset.ReferringPhysicianName = study.referring_physician
