"""What every written object has: UIDs from content, an identity that is never printed, numbers that fit."""

from __future__ import annotations

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
