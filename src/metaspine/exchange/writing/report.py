"""The report as an encapsulated PDF, with a title, a code that says what it is, and the objects it speaks of.

Source: DICOM PS3.3 A.45.1 (encapsulated PDF), C.24.2 (encapsulated document).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from metaspine.errors import InputError
from metaspine.exchange.writing.objects import (
    LONG_STRING,
    Kind,
    code,
    day,
    new_object,
    reference_to,
    sequence,
    time_of_day,
    write_object,
)
from metaspine.exchange.writing.texts import plain
from metaspine.patient.study import Study

CONCEPT = ("371524004", "SCT", "Clinical report")
_PDF = b"%PDF-"


def write_report_object(
    pdf: bytes, path: Path | str, *, study: Study, title: str, references: Sequence[Dataset] = (), when: datetime
) -> Path:
    """Write a report as encapsulated PDF.

    Raises
    ------
    InputError
        As :func:`report_object` does.
    OutputError
        When the file cannot be written.
    """
    return write_object(report_object(pdf, study=study, title=title, references=references, when=when), path)


def report_object(
    pdf: bytes, *, study: Study, title: str, references: Sequence[Dataset] = (), when: datetime
) -> Dataset:
    """Return a report as encapsulated PDF.

    Parameters
    ----------
    pdf
        The report's own bytes; they come out as they went in (a zero byte after them where their number is odd).
    title
        At most 64 characters of it are kept.
    references
        The objects it speaks of: plan, structure set, dose.

    Raises
    ------
    InputError
        When the bytes are no PDF.
    """
    if not pdf.startswith(_PDF):
        raise InputError("a report that is no PDF", where="report", remedy="Give the bytes of a PDF file")
    kind = Kind(EncapsulatedPDFStorage, "DOC", plain(title, LONG_STRING))
    about = "".join(str(found.SOPInstanceUID) for found in references)
    content = sha256(pdf + title.encode() + about.encode() + when.isoformat().encode()).hexdigest()
    made = new_object(kind, study=study, content=content, when=when)
    del made.OperatorsName
    made.ConversionType = "WSD"
    made.ContentDate, made.ContentTime, made.AcquisitionDateTime = day(when), time_of_day(when), ""
    made.BurnedInAnnotation = "YES"
    made.RecognizableVisualFeatures = "NO"
    made.DocumentTitle = kind.description
    made.ConceptNameCodeSequence = sequence([code(*CONCEPT)])
    if references:
        made.SourceInstanceSequence = sequence(reference_to(found) for found in references)
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made.EncapsulatedDocumentLength = len(pdf)
    return made
