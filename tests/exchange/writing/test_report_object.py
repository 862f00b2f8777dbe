"""The report as encapsulated PDF: the same bytes come out, and it says what it is and what it speaks of."""

from __future__ import annotations

import copy
from pathlib import Path

import pydicom
import pytest
from planned_objects import STUDY, WHEN, Condition, broken_rules, dciodvfy, small_plan, structure_set
from pydicom.dataset import Dataset

from metaspine.errors import InputError
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.report import report_object, write_report_object
from metaspine.exchange.writing.rtplan import rtplan

FIRST_LINE = "EncapsulatedPDF"
EVEN, ODD = b"%PDF-1.7 even bytes\n", b"%PDF-1.7 odd bytes\n"
TITLE = "Plan for intraoperative radiotherapy · T12"
CONDITIONS: dict[str, Condition] = {"SourceInstanceSequence": lambda *_: True}


def objects() -> list[Dataset]:
    regions = structure_set()
    return [rtplan(small_plan(), study=STUDY, structure_set=regions, when=WHEN), regions]


def report(pdf: bytes = EVEN, title: str = TITLE) -> Dataset:
    return report_object(pdf, study=STUDY, title=title, references=objects(), when=WHEN)


def test_dciodvfy_and_the_tables_find_no_error(tmp_path: Path) -> None:
    path = write_report_object(ODD, tmp_path / "r.dcm", study=STUDY, title=TITLE, references=objects(), when=WHEN)
    assert dciodvfy(path, first_line=FIRST_LINE) == []
    assert broken_rules(pydicom.dcmread(path), "encapsulated-pdf", set(), CONDITIONS) == []


@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "EncapsulatedDocument", "DocumentTitle", "ConversionType"])
def test_a_report_that_lacks_what_it_must_have_is_seen_by_both(tmp_path: Path, keyword: str) -> None:
    lame = copy.deepcopy(report())
    delattr(lame, keyword)
    assert broken_rules(lame, "encapsulated-pdf", set(), CONDITIONS) == [f"{keyword} is missing"]
    assert dciodvfy(write_object(lame, tmp_path / "lame.dcm"), first_line=FIRST_LINE) != []


@pytest.mark.parametrize("pdf", [EVEN, ODD])
def test_the_pdf_comes_out_as_it_went_in(tmp_path: Path, pdf: bytes) -> None:
    read = pydicom.dcmread(write_object(report(pdf), tmp_path / "r.dcm"))
    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == pdf
    assert len(read.EncapsulatedDocument) % 2 == 0
    assert read.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_it_says_what_it_is_and_what_it_speaks_of(tmp_path: Path) -> None:
    read = pydicom.dcmread(write_object(report(), tmp_path / "r.dcm"))
    code = read.ConceptNameCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == ("371524004", "SCT", "Clinical report")
    assert (read.DocumentTitle, read.Modality) == (TITLE, "DOC")
    named = {item.ReferencedSOPInstanceUID for item in read.SourceInstanceSequence}
    assert named == {found.SOPInstanceUID for found in objects()}
    assert (read.PatientID, read.StudyInstanceUID, read.BurnedInAnnotation) == ("17", "1.2.3", "YES")


def test_other_bytes_or_another_title_make_another_object() -> None:
    found = [report(), report(), report(ODD), report(title="other")]
    assert len({item.SOPInstanceUID for item in found}) == 3


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(InputError, match="a report that is no PDF"):
        report(b"<html>")
