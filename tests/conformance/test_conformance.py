"""Everything we write, judged by programs and tables that others made; each judge is seen to say no once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from consistency import inconsistencies
from pydicom.dataset import Dataset
from validators import dciodvfy, dcm2json, dcmdump, strict_reading, tables
from written import WRITTEN, Written

from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.statement import WRITTEN_CLASSES

EACH = pytest.mark.parametrize("written", WRITTEN, ids=lambda item: item.name)


def named(name: str) -> Written:
    return next(item for item in WRITTEN if item.name == name)


@EACH
def test_dciodvfy_finds_nothing(written: Written, tmp_path: Path) -> None:
    readable = written.twin or written.once
    assert dciodvfy(write_object(readable(), tmp_path / "object.dcm"), written.recognised_as) == []


@EACH
def test_the_standards_tables_find_nothing(written: Written) -> None:
    found = tables(written.once(), written.iod, modules=written.modules, conditions=written.conditions)
    assert found == []


@EACH
def test_nothing_contradicts_itself(written: Written) -> None:
    assert inconsistencies(written.once()) == []


@EACH
def test_pydicom_reads_every_value_strictly(written: Written, tmp_path: Path) -> None:
    path = written.write_once(tmp_path)
    assert strict_reading(path) == []
    assert pydicom.dcmread(path).to_json_dict() == written.once().to_json_dict()


@EACH
def test_dcmtk_reads_what_pydicom_reads(written: Written, tmp_path: Path) -> None:
    path = written.write_once(tmp_path)
    assert dcmdump(path) == []
    assert dcm2json(path) == []


@EACH
def test_uids_are_valid_and_the_files_are_reproducible(written: Written, tmp_path: Path) -> None:
    dataset = written.once()
    uids = [str(element.value) for element in dataset.iterall() if element.VR == "UI" and element.VM == 1]
    assert all(pydicom.uid.UID(uid).is_valid and len(uid) <= 64 for uid in uids)
    assert len({dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID}) == 3
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert written.write(first).read_bytes() == written.write(second).read_bytes()


# Canaries: each judge must say no to what is wrong, or its silence says nothing. -------------------------------------


def without(keyword: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        del dataset[keyword]

    return change


def holding(keyword: str, value: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        setattr(dataset, keyword, value)

    return change


def broken(written: Written, change: Callable[[Dataset], None], folder: Path) -> Path:
    dataset = written.once()
    change(dataset)
    return write_object(dataset, folder / "broken.dcm")


@pytest.mark.parametrize("keyword", ["DoseUnits", "DoseSummationType", "ReferencedRTPlanSequence", "DoseType"])
def test_dciodvfy_misses_an_attribute_of_type_1(keyword: str, tmp_path: Path) -> None:
    path = broken(named("dose, HFS, 16 bit"), without(keyword), tmp_path)
    assert any(keyword in fault for fault in dciodvfy(path, "RTDose"))


def test_dciodvfy_aborting_is_no_pass(tmp_path: Path) -> None:
    found = dciodvfy(named("dose, HFS, 32 bit").write_once(tmp_path), "RTDose")
    assert found
    assert not any("Error" in fault for fault in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("DoseUnits"), "DoseUnits is missing (type 1)"),
        (holding("DoseUnits", ""), "DoseUnits is empty (type 1)"),
        (without("GridFrameOffsetVector"), "GridFrameOffsetVector is missing (type 1C)"),
        (without("ReferencedRTPlanSequence"), "ReferencedRTPlanSequence is missing (type 1C)"),
        (without("PositionReferenceIndicator"), "PositionReferenceIndicator is missing (type 2)"),
        (holding("PlanarConfiguration", 0), "PlanarConfiguration may not be there"),
        (holding("BeamName", "A"), "BeamName belongs to no module of rt-dose"),
    ],
)
def test_the_tables_say_no(change: Callable[[Dataset], None], said: str) -> None:
    dose = named("dose, HFS, 16 bit")
    dataset = dose.once()
    change(dataset)
    assert said in tables(dataset, dose.iod, modules=dose.modules, conditions=dose.conditions)


def _numbered_apart(dataset: Dataset) -> None:
    dataset.RTROIObservationsSequence[0].ReferencedROINumber = 99


def _one_point_more(dataset: Dataset) -> None:
    dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints += 1


def _strange_slice(dataset: Dataset) -> None:
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def _an_offset_less(dataset: Dataset) -> None:
    dataset.GridFrameOffsetVector = dataset.GridFrameOffsetVector[:3]


def _a_segment_less(dataset: Dataset) -> None:
    dataset.SegmentSequence = dataset.SegmentSequence[1:]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("structures on slices", _numbered_apart, "observed as"),
        ("structures on slices", _one_point_more, "not as many as declared"),
        ("structures on slices", _strange_slice, "a slice that is not listed"),
        ("dose, HFS, 16 bit", _an_offset_less, "3 offsets for 13 frames"),
        ("dose, HFS, 16 bit", holding("PixelData", b"00"), "PixelData holds 2 bytes"),
        ("segments", _a_segment_less, "are drawn"),
        ("uncertainty", without("PerFrameFunctionalGroupsSequence"), "PerFrameFunctionalGroupsSequence is missing"),
        ("structures on slices", without("StructureSetROISequence"), "StructureSetROISequence is missing"),
        ("structures on slices", without("RTROIObservationsSequence"), "RTROIObservationsSequence is missing"),
    ],
)
def test_contradictions_are_seen(name: str, change: Callable[[Dataset], None], said: str) -> None:
    dataset = named(name).once()
    change(dataset)
    assert any(said in fault for fault in inconsistencies(dataset))


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("structures on slices", "StructureSetLabel"),
        ("CT of a NIfTI scan", "RescaleType"),
        ("CT of a NIfTI scan", "KVP"),
        ("segments", "SegmentSequence"),
        ("fractional segments", "MaximumFractionalValue"),
        ("uncertainty", "ContentQualification"),
    ],
)
def test_the_tables_miss_what_is_left_out(name: str, keyword: str) -> None:
    written = named(name)
    dataset = written.once()
    del dataset[keyword]
    found = tables(dataset, written.iod, modules=written.modules, conditions=written.conditions)
    assert any(keyword in fault for fault in found)


def test_strict_reading_says_no(tmp_path: Path) -> None:
    path = named("dose, HFS, 16 bit").write_once(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"PHYSICAL", b"Physical"))
    assert any("DoseType" in fault for fault in strict_reading(path))


def test_dcmtk_says_no(tmp_path: Path) -> None:
    path = named("dose, HFS, 16 bit").write_once(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert dcmdump(path)


# The statement --------------------------------------------------------------------------------------------------------


def test_every_class_of_the_statement_is_judged_here_and_is_written_as_it_says() -> None:
    stated = {item.sop_class: item for item in WRITTEN_CLASSES}
    found = {}
    for written in WRITTEN:
        dataset = written.once()
        found[dataset.SOPClassUID] = (written.iod, dataset.Modality, dataset.file_meta.TransferSyntaxUID)
    for uid, item in stated.items():
        assert found[uid] == (item.iod, item.modality, item.transfer_syntax)
