"""What every object made by highdicom needs: the library itself, sources to refer to, and the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

from metaspine.errors import OutputError
from metaspine.exchange.writing.objects import Kind, day, new_object, sequence, time_of_day
from metaspine.exchange.writing.uids import uid_of
from metaspine.patient.study import Study
from metaspine.version import __version__


def highdicom() -> ModuleType:
    """Return highdicom, which writes segmentations and parametric maps.

    Raises
    ------
    OutputError
        When it is not installed.
    """
    try:
        import highdicom as library
    except ImportError as error:
        raise OutputError(
            "segmentations and parametric maps need highdicom, which is not installed",
            remedy="Install metaspine with its extra: pip install 'metaspine[segmentations]'",
        ) from error
    return library  # type: ignore[no-any-return]


def equipment(instance: UID) -> dict[str, Any]:
    """Return what highdicom asks of every object: its identifiers and what made it."""
    return {
        "sop_instance_uid": instance,
        "series_instance_uid": uid_of("series", instance),
        "series_number": 1,
        "instance_number": 1,
        "manufacturer": "metaspine",
        "manufacturer_model_name": "metaspine",
        "software_versions": __version__,
        "device_serial_number": "none",
    }


def finished(made: Dataset, kind: Kind, *, study: Study, content: str, when: datetime) -> Dataset:
    """Return an object of highdicom with our date and identity in place of the moment's and of random identifiers."""
    ours = new_object(kind, study=study, content=content, when=when)
    ours.file_meta.TransferSyntaxUID = made.file_meta.TransferSyntaxUID
    made.file_meta = ours.file_meta
    for keyword in ("ContentDate", "SeriesDate", "InstanceCreationDate"):
        setattr(made, keyword, day(when))
    for keyword in ("ContentTime", "SeriesTime", "InstanceCreationTime"):
        setattr(made, keyword, time_of_day(when))
    for keyword in ("SpecificCharacterSet", "SeriesDescription", "OperatorsName", *_IDENTITY):
        if keyword in ours:
            made[keyword] = ours[keyword]
    if "PixelData" in made:
        made["PixelData"].VR = "OB"
    _equip(made, when)
    _renamed(made, {str(made.DimensionOrganizationSequence[0].DimensionOrganizationUID): uid_of("dimensions", content)})
    return made


def _equip(made: Dataset, when: datetime) -> None:
    """Keep that highdicom had a hand in it, on our date; what made the source images is theirs to say."""
    kept = [
        item
        for item in made.ContributingEquipmentSequence
        if item.PurposeOfReferenceCodeSequence[0].CodeValue != _ACQUISITION
    ]
    for item in kept:
        item.ContributionDateTime = day(when) + time_of_day(when)
    made.ContributingEquipmentSequence = sequence(kept)


_ACQUISITION = "109101"
_IDENTITY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)


def _renamed(dataset: Dataset, names: Mapping[str, UID]) -> None:
    """Replace identifiers wherever they stand."""
    for element in dataset.iterall():
        if element.VR == "UI" and element.VM == 1 and str(element.value) in names:
            element.value = names[str(element.value)]
