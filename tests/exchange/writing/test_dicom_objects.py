"""What every written object has: UIDs from content, an identity that is never printed, numbers that fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RTDoseStorage

from metaspine.errors import OutputError
from metaspine.exchange.writing.objects import Kind, decimal, new_object, reference_to, write_object
from metaspine.exchange.writing.uids import is_uid, uid_of
from metaspine.patient.study import Study

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DOSE = Kind(RTDoseStorage, "RTDOSE", "dose")
STUDY = Study(patient_name="Doe^Jane", patient_id="17", study_uid="1.2.3")


@given(st.lists(st.text() | st.binary(), max_size=4), st.lists(st.text() | st.binary(), max_size=4))
def test_a_uid_is_valid_and_tells_contents_apart(one: list[str | bytes], other: list[str | bytes]) -> None:
    first, second = uid_of(*one), uid_of(*other)
    assert is_uid(first)
    assert len(first) <= 64
    plain = [[part.encode() if isinstance(part, str) else part for part in parts] for parts in (one, other)]
    assert (first == second) == (plain[0] == plain[1])


@pytest.mark.parametrize(("text", "valid"), [("1.2.3", True), ("nifti-abc", False), ("", False), ("1.02.3", False)])
def test_what_is_a_uid(text: str, valid: bool) -> None:
    assert is_uid(text) is valid


def test_the_same_content_gives_the_same_object(tmp_path: Path) -> None:
    one, other = (new_object(DOSE, study=STUDY, content="abc", when=WHEN) for _ in range(2))
    write_object(one, tmp_path / "one.dcm")
    write_object(other, tmp_path / "other.dcm")
    assert (tmp_path / "one.dcm").read_bytes() == (tmp_path / "other.dcm").read_bytes()
    third = new_object(DOSE, study=STUDY, content="abd", when=WHEN)
    assert third.SOPInstanceUID != one.SOPInstanceUID
    assert third.StudyInstanceUID == one.StudyInstanceUID == "1.2.3"
    read = pydicom.dcmread(tmp_path / "one.dcm")
    assert (str(read.PatientName), read.PatientID, read.InstanceCreationTime) == ("Doe^Jane", "17", "030405")
    assert reference_to(read).ReferencedSOPInstanceUID == one.SOPInstanceUID


STATED = {
    "study_date": [("2025.03.14", "20250314"), ("20250314", "20250314"), ("20250231", ""), ("March", ""), ("", "")],
    "birth_date": [("1950", ""), ("1950-01-02", "19500102"), ("19500102", "19500102")],
    "study_time": [
        ("10:11:12", "101112"),
        ("101112.345000", "101112.345000"),
        ("101112.1234567", "101112.123456"),
        ("1011", "1011"),
        ("256161", ""),
        ("noon", ""),
    ],
    "sex": [("F", "F"), ("m", "M"), ("W", ""), ("O", "O")],
    "accession_number": [("A" * 16, "A" * 16), ("A" * 17, ""), ("A\\B", ""), ("A\nB", "")],
    "study_id": [("1", "1"), ("S" * 20, "")],
    "referring_physician": [("Doe^J", "Doe^J"), ("Doe^J\\Roe^K", "Doe^J")],
}
KEYWORDS = {
    "study_date": "StudyDate",
    "birth_date": "PatientBirthDate",
    "study_time": "StudyTime",
    "sex": "PatientSex",
    "accession_number": "AccessionNumber",
    "study_id": "StudyID",
    "referring_physician": "ReferringPhysicianName",
}


@pytest.mark.parametrize(
    ("name", "stated", "written"), [(name, *pair) for name, pairs in STATED.items() for pair in pairs]
)
def test_what_images_state_in_a_way_that_dicom_forbids_is_put_right_or_left_empty(
    name: str, stated: str, written: str
) -> None:
    study = replace(STUDY, **{name: stated})
    assert str(new_object(DOSE, study=study, content="abc", when=WHEN)[KEYWORDS[name]].value) == written


def test_the_patient_is_found_by_the_images_own_name_and_number() -> None:
    study = replace(STUDY, patient_id="X" * 70, patient_name="N" * 80 + "^B", study_uid="1.2.03")
    with pytest.warns(UserWarning, match="exceeds the maximum|Invalid value for VR UI"):
        made = new_object(DOSE, study=study, content="abc", when=WHEN)
    assert (made.PatientID, made.PatientName, made.StudyInstanceUID) == ("X" * 70, "N" * 80 + "^B", "1.2.03")


def test_without_a_study_one_is_made_from_the_content() -> None:
    found = new_object(DOSE, study=Study(), content="abc", when=WHEN)
    assert is_uid(found.StudyInstanceUID)
    assert found.StudyInstanceUID == new_object(DOSE, study=Study(), content="abc", when=WHEN).StudyInstanceUID


def test_who_it_is_is_never_printed() -> None:
    assert "Doe" not in repr(STUDY) + str(STUDY) + f"{STUDY}"


@given(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-4))
def test_numbers_fit_and_stay_as_near_as_16_characters_allow(value: float) -> None:
    written = str(decimal(value))
    assert len(written) <= 16
    assert float(written) == pytest.approx(value, rel=1e-8, abs=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(OutputError, match="has no place in DICOM"):
        decimal(value)


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    broken = new_object(DOSE, study=STUDY, content="abc", when=WHEN)
    del broken.file_meta.TransferSyntaxUID
    with pytest.raises(OutputError, match="cannot be written as DICOM"):
        write_object(broken, tmp_path / "broken.dcm")
    assert list(tmp_path.iterdir()) == []
