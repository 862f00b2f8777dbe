"""DICOM objects without a word of whose they are: for other centres, and for reports of faults.

Only kinds of objects that hold no picture of text and no document are written; pixels are never changed.

Source: DICOM PS3.15, annex E (DICOM-06 to DICOM-08).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from metaspine.errors import InputError
from metaspine.exchange.confidentiality import Cleaning, Pseudonyms, words_of
from metaspine.exchange.dicom_files import damage_reported, is_dicom, open_dicom
from metaspine.exchange.dicom_prewalk import walk
from metaspine.exchange.writing.objects import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, write_object
from metaspine.running import Progress, silent, whole_folder
from metaspine.version import __version__

KINDS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT image",
    "1.2.840.10008.5.1.4.1.1.2.1": "enhanced CT image",
    "1.2.840.10008.5.1.4.1.1.4": "MR image",
    "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR image",
    "1.2.840.10008.5.1.4.1.1.128": "PET image",
    "1.2.840.10008.5.1.4.1.1.30": "parametric map",
    "1.2.840.10008.5.1.4.1.1.66.1": "spatial registration",
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "RT dose",
    "1.2.840.10008.5.1.4.1.1.481.3": "RT structure set",
    "1.2.840.10008.5.1.4.1.1.481.5": "RT plan",
    "1.2.840.10008.5.1.4.1.1.481.6": "RT brachy treatment record",
}
"""The SOP classes that are de-identified; all others are left out."""
METHOD = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
SHORTEST_SECRET_BYTES = 16
FACES_REMAIN = (
    "Pixels are as they were: a head in an image can be shown as a face, and text burned into pixels that its file "
    "does not declare is still there. Look at the images before they leave the house."
)


@dataclass(frozen=True)
class Deidentified:
    """What was written without identity, and what was not written, with the reason."""

    written: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]
    """A file's name within the folder, and why it was left out."""
    notes: tuple[str, ...]


def deidentify(folder: Path | str, to: Path | str, *, secret: bytes, progress: Progress = silent) -> Deidentified:
    """Write every object of a folder that can be de-identified into another folder; all of them or none.

    Parameters
    ----------
    folder
        With anything in it and below it.
    to
        Where to; outside the folder. The files' names say their modality and new UID.
    secret
        What UIDs, names and the shift of dates are made from: the same secret keeps objects of several runs together.
        Who has it can find a known patient again.

    Raises
    ------
    InputError
        When there is no folder, the target lies in it, the secret is short, or nothing in it can be de-identified.
    OutputError
        When the target cannot be written; nothing is left then.
    """
    source, target = Path(folder), Path(to)
    _refuse(source, target, secret)
    pseudonyms, names = Pseudonyms(secret), set[str]()
    left_out: list[tuple[str, str]] = []
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    with whole_folder(target) as temporary:
        for index, path in enumerate(paths):
            progress("removing identities", index / len(paths))
            try:
                made = _made(path, pseudonyms)
            except InputError as error:
                left_out.append((str(path.relative_to(source)), error.what))
                continue
            name = f"{made.get('Modality') or 'object'}.{made.SOPInstanceUID}.dcm"
            left_out += _written(made, temporary / name, str(path.relative_to(source)))
            names.add(name)
        if not names:
            raise InputError(
                f"nothing here can be de-identified ({_summary(left_out)})",
                where=str(source),
                remedy=f"Give a folder of DICOM objects of these kinds: {', '.join(KINDS.values())}",
            )
    progress("removing identities", 1.0)
    written = tuple(target / name for name in sorted(names))
    return Deidentified(written, tuple(left_out), (FACES_REMAIN,))


def deidentified(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """Return an object without its identity; the object handed in is used up.

    Raises
    ------
    InputError
        When the object's kind may hold pictures of text, or it declares some.
    """
    _refuse_unsuitable(dataset)
    transfer_syntax = UID(dataset.file_meta.TransferSyntaxUID)
    patient_id = str(dataset.get("PatientID", ""))
    cleaning = Cleaning(pseudonyms, patient_id, words_of(dataset))
    cleaning.clean(dataset)
    pseudonym = pseudonyms.patient(patient_id)
    dataset.PatientName = dataset.PatientID = pseudonym
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [f"metaspine {__version__}", *(meaning for _, meaning in METHOD)]
    dataset.DeidentificationMethodCodeSequence = Sequence([_code(value, meaning) for value, meaning in METHOD])
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.preamble = b"\0" * 128
    dataset.file_meta = _file_meta(dataset, transfer_syntax)
    return dataset


def _written(made: Dataset, path: Path, name: str) -> list[tuple[str, str]]:
    """Write an object; return its name and a reason where another of the same UID is there already."""
    if not path.exists():
        write_object(made, path)
        return []
    earlier = path.read_bytes()
    write_object(made, path)
    if path.read_bytes() == earlier:
        return [(name, "the same object is there already")]
    path.write_bytes(earlier)
    return [(name, "another object with the same UID is there already")]


def _made(path: Path, pseudonyms: Pseudonyms) -> Dataset:
    if not is_dicom(path):
        raise InputError("is no DICOM file", where=str(path))
    with damage_reported(path, kind=InputError):
        _refuse_cut(path)
        return deidentified(open_dicom(path, with_pixels=True), pseudonyms)


def _refuse_cut(path: Path) -> None:
    """Refuse a file that ends within an element: pydicom reads it as a shorter object, and says nothing."""
    with path.open("rb") as stream:
        end = walk(stream)
    if end != path.stat().st_size:
        raise InputError("is truncated or malformed DICOM (it ends within an element)", where=str(path))


def _refuse(source: Path, target: Path, secret: bytes) -> None:
    if not source.is_dir():
        raise InputError("is no folder", where=str(source), remedy="Give the folder whose objects are to be written")
    if target.resolve().is_relative_to(source.resolve()):
        raise InputError(
            "the objects without identity would lie among those with one",
            where=str(target),
            remedy="Write into a folder outside",
        )
    if len(secret) < SHORTEST_SECRET_BYTES:
        raise InputError(
            f"a secret of {len(secret)} bytes can be guessed",
            where="key",
            remedy=f"Give at least {SHORTEST_SECRET_BYTES} random bytes",
        )


def _refuse_unsuitable(dataset: Dataset) -> None:
    kind = str(dataset.get("SOPClassUID", ""))
    if kind not in KINDS:
        name = UID(kind).name if kind else "unknown"
        raise InputError(f"an object of the kind {name} may hold an identity in its pixels or text")
    if not dataset.get("SOPInstanceUID"):
        raise InputError("it has no SOPInstanceUID")
    if str(dataset.get("BurnedInAnnotation", "NO")) != "NO":
        raise InputError("its pixels hold text (BurnedInAnnotation)")


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _file_meta(dataset: Dataset, transfer_syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def _summary(left_out: list[tuple[str, str]]) -> str:
    counted = Counter(reason for _, reason in left_out)
    return "; ".join(f"{number} x {reason}" for reason, number in counted.most_common(3)) or "it is empty"
