"""No word of an identity is left: a marker planted in every text, nested and in odd places, is gone from the bytes."""

from __future__ import annotations

import copy
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from synthetic_dicom import write_series

from metaspine.errors import InputError
from metaspine.exchange import confidentiality
from metaspine.exchange.confidentiality import Pseudonyms, profile
from metaspine.exchange.deidentify import FACES_REMAIN, KINDS, Deidentified, deidentified, deidentify
from metaspine.exchange.numbering import SCHEMES, entry_of_name, numbering_table
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.record import record
from metaspine.exchange.writing.report import report_object
from metaspine.exchange.writing.rtplan import rtplan

sys.path.insert(0, str(Path(__file__).parent / "writing"))
from planned_objects import STUDY, WHEN, dciodvfy, small_plan, structure_set
from test_record_object import delivery

SECRET = b"thirty-two random bytes, or more"
MARKER = "SMITH"
TEXT = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
BESIDE = (
    "AdditionalPatientHistory",
    "AdmissionID",
    "ContentDescription",
    "DoseComment",
    "ImageComments",
    "InstitutionAddress",
    "InstitutionName",
    "OperatorsName",
    "OtherPatientNames",
    "PatientAddress",
    "PatientComments",
    "PerformedProcedureStepDescription",
    "PrescriptionDescription",
    "ProtocolName",
    "RequestingPhysician",
    "ResponsiblePerson",
    "RTPlanDescription",
    "SeriesDescription",
    "StationName",
    "StructureSetDescription",
    "StudyDescription",
    "TreatmentSite",
)
"""Elements that none of the objects has, and a hospital's may."""


def ct_slice(folder: Path) -> Dataset:
    return pydicom.dcmread(write_series(folder)[0])


def own_objects() -> dict[str, Dataset]:
    regions = structure_set()
    plan = rtplan(small_plan(), study=STUDY, structure_set=regions, when=WHEN)
    return {
        "RTStructureSet": regions,
        "RTPlan": plan,
        "RTBrachyTreatmentRecord": record(delivery(), plan_object=plan, study=STUDY),
    }


def foreign(name: str) -> Dataset:
    return pydicom.dcmread(get_testdata_file(name, download=False))


def every_object(folder: Path) -> Iterator[Dataset]:
    yield from (copy.deepcopy(found) for found in own_objects().values())
    yield ct_slice(folder)
    for name in ("CT_small.dcm", "MR_small.dcm", "rtdose.dcm", "rtplan.dcm"):
        yield foreign(name)


def planted(dataset: Dataset) -> Dataset:
    """The object with the marker in every text, in private and unknown elements, top and nested."""
    for keyword in BESIDE:
        setattr(dataset, keyword, MARKER)
    dataset.PatientName, dataset.PatientID = f"{MARKER}^JOHN", f"{MARKER}-17"
    dataset.BodyPartExamined = MARKER
    dataset.RequestAttributesSequence = Sequence([_item()])
    dataset.ReferencedStudySequence = Sequence([_item()])
    dataset.AcquisitionContextSequence = Sequence([_item()])
    for item in [dataset, *_nested(dataset)]:
        item.private_block(0x1151, f"{MARKER} PRIVATE", create=True).add_new(1, "LO", MARKER)
        item.add_new(Tag(0x0021, 0x4001), "UN", MARKER.encode() + b" ")
        for element in item:
            if element.VR in TEXT:
                element.value = MARKER
    dataset.PatientName = f"{MARKER}^JOHN"
    return dataset


def _item() -> Dataset:
    """An item with a code of nobody's, text, and a deeper item with the same."""
    inner, outer = Dataset(), Dataset()
    for item in (inner, outer):
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = MARKER, "99SMITH", MARKER
        item.InstitutionName, item.DeviceSerialNumber, item.RequestedProcedureID = MARKER, MARKER, MARKER
    outer.RequestedProcedureCodeSequence = Sequence([inner])
    return outer


def _nested(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            yield item
            yield from _nested(item)


def clean(dataset: Dataset, secret: bytes = SECRET) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return deidentified(copy.deepcopy(dataset), Pseudonyms(secret))


def marked_bytes(dataset: Dataset, path: Path) -> bytes:
    return write_object(dataset, path).read_bytes().upper()


def test_the_marker_is_gone_from_every_object(tmp_path: Path) -> None:
    for number, found in enumerate(every_object(tmp_path / "ct")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = planted(found)
        assert marked_bytes(dataset, tmp_path / f"{number}.dcm").count(MARKER.encode()) > 30, found.Modality
        cleaned = clean(dataset)
        assert MARKER.encode() not in marked_bytes(cleaned, tmp_path / f"{number}-clean.dcm"), found.Modality
        assert not [tag for tag in cleaned.keys() if tag.is_private]  # noqa: SIM118 - a dataset iterates elements


def test_the_marker_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confidentiality, "_text", lambda element, _: element.value)
    cleaned = clean(planted(copy.deepcopy(own_objects()["RTPlan"])))
    assert MARKER.encode() in marked_bytes(cleaned, tmp_path / "leaky.dcm")


def test_elements_that_are_not_what_they_say_are_dropped() -> None:
    lame = copy.deepcopy(own_objects()["RTPlan"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lame.add_new(Tag(0x0010, 0x1030), "DS", "1")
        lame["PatientWeight"]._value = MARKER
        lame.add_new(Tag(0x3006, 0x0008), "DA", MARKER)
        lame.add_new(Tag(0x0018, 0x0015), "CS", "smith, john")
    cleaned = clean(lame)
    assert "PatientWeight" not in cleaned
    assert "BodyPartExamined" not in cleaned
    assert cleaned.StructureSetDate == ""


@pytest.mark.parametrize("kind", ["RTStructureSet", "RTPlan", "RTBrachyTreatmentRecord"])
def test_what_was_valid_is_valid_without_identity(tmp_path: Path, kind: str) -> None:
    cleaned = clean(own_objects()[kind])
    path = write_object(cleaned, tmp_path / "clean.dcm")
    before = dciodvfy(write_object(own_objects()[kind], tmp_path / "before.dcm"), first_line=kind)
    assert dciodvfy(path, first_line=kind) == before


def test_pixels_and_geometry_stay_as_they_were(tmp_path: Path) -> None:
    original = ct_slice(tmp_path / "ct")
    cleaned = clean(original)
    assert np.array_equal(cleaned.pixel_array, original.pixel_array)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleIntercept", "Rows"):
        assert cleaned[keyword].value == original[keyword].value
    plan = own_objects()["RTPlan"]
    channel = clean(plan).ApplicationSetupSequence[0].ChannelSequence[0]
    assert channel == plan.ApplicationSetupSequence[0].ChannelSequence[0] or channel.ChannelTotalTime == 300.4
    point = channel.BrachyControlPointSequence[0]
    assert list(point.ControlPoint3DPosition) == [2.0, -4.0, 0.0]


def test_references_hold_within_a_secret_and_not_across() -> None:
    found = {kind: clean(dataset) for kind, dataset in own_objects().items()}
    regions, plan = found["RTStructureSet"], found["RTPlan"]
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == regions.SOPInstanceUID
    assert plan.FrameOfReferenceUID == regions.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    given = found["RTBrachyTreatmentRecord"].ReferencedRTPlanSequence[0]
    assert given.ReferencedSOPInstanceUID == plan.SOPInstanceUID == plan.file_meta.MediaStorageSOPInstanceUID
    assert len({item.StudyInstanceUID for item in found.values()} | {STUDY.study_uid}) == 2
    assert len({item.PatientID for item in found.values()}) == 1
    original = own_objects()["RTPlan"]
    other = clean(original, b"another secret of the house")
    assert len({str(item.SOPInstanceUID) for item in (original, plan, other)}) == 3
    assert other.PatientID != plan.PatientID
    assert plan.SOPClassUID == original.SOPClassUID


def test_dates_move_together_times_go_and_the_birth_date_is_empty() -> None:
    originals, shifts = own_objects(), set()
    for kind, keyword in (("RTPlan", "RTPlanDate"), ("RTBrachyTreatmentRecord", "TreatmentDate")):
        before, after = (
            datetime.strptime(str(item[keyword].value), "%Y%m%d") for item in (originals[kind], clean(originals[kind]))
        )
        shifts.add((before - after).days)
    assert len(shifts) == 1
    assert 1 <= shifts.pop() <= 3650
    plan = clean(originals["RTPlan"])
    assert (plan.PatientBirthDate, plan.PatientSex, plan.RTPlanTime) == ("", "", "000000")
    other = copy.deepcopy(originals["RTPlan"])
    other.PatientID = "18"
    assert clean(other).RTPlanDate != plan.RTPlanDate


def test_it_says_that_and_how_it_was_deidentified() -> None:
    plan = clean(own_objects()["RTPlan"])
    assert plan.PatientIdentityRemoved == "YES"
    assert plan.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [(item.CodeValue, item.CodingSchemeDesignator) for item in plan.DeidentificationMethodCodeSequence]
    assert codes == [("113100", "DCM"), ("113107", "DCM")]
    assert plan.ApprovalStatus == "UNAPPROVED"


def test_regions_are_named_by_their_role_and_codes_by_the_standard() -> None:
    regions = copy.deepcopy(own_objects()["RTStructureSet"])
    regions.StructureSetROISequence[2].ROIName = "Smith's needle"
    names = [item.ROIName for item in clean(regions).StructureSetROISequence]
    assert names == ["lesion (4)", "spinal cord (5)", "region (6)"]
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "113100", "DCM", "Mr. Smith's profile"
    regions.AnatomicRegionSequence = Sequence([item])
    assert clean(regions).AnatomicRegionSequence[0].CodeMeaning == "Basic Application Confidentiality Profile"


def test_regions_keep_the_role_and_level_that_a_plan_needs() -> None:
    known = {entry.name for scheme in SCHEMES for entry in numbering_table(scheme).values()}
    names = [*sorted(known), "SpinalCord", "A_Aorta", "spinal_cord (2)", "Smith's met T12"]
    regions = copy.deepcopy(own_objects()["RTStructureSet"])
    regions.StructureSetROISequence = Sequence([region_named(name, n) for n, name in enumerate(names, start=1)])
    cleaned = [item.ROIName for item in clean(regions).StructureSetROISequence]
    assert len(set(cleaned)) == len(names)
    for name, instead in zip(names, cleaned, strict=True):
        before, after = entry_of_name(name), entry_of_name(instead)
        assert (after.role, after.level) == (before.role, before.level), (name, instead)
    vertebra = cleaned[names.index("vertebrae_T12")]
    assert vertebra.startswith("vertebra T12 (")
    assert cleaned[-1] == f"region ({len(names)})"


def region_named(name: str, number: int) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName = number, name
    return item


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientName", "Z"),
        ("PatientID", "Z_D"),
        ("PatientBirthDate", "Z"),
        ("AccessionNumber", "Z"),
        ("InstitutionName", "X_Z_D"),
        ("OtherPatientIDs", "X"),
        ("StudyInstanceUID", "U"),
        ("RTPlanLabel", "D"),
    ],
)
def test_the_profile_is_the_standards(keyword: str, action: str) -> None:
    assert profile()[int(Tag(keyword))] == action
    assert len(profile()) == 652


@pytest.mark.parametrize("missing", [1, 5, 9, 40, 333, 600])
def test_a_file_that_is_cut_within_an_element_is_never_taken_for_whole(tmp_path: Path, missing: int) -> None:
    (tmp_path / "in").mkdir()
    path = write_object(own_objects()["RTStructureSet"], tmp_path / "in" / "regions.dcm")
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(InputError, match="1 x is truncated or malformed DICOM"):
        run(tmp_path / "in", tmp_path / "to")


def test_the_start_of_an_element_at_the_end_is_an_element_that_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = write_object(own_objects()["RTStructureSet"], tmp_path / "in" / "regions.dcm")
    path.write_bytes(path.read_bytes() + b"\x10\x40\x01")
    with pytest.raises(InputError, match=r"1 x is truncated or malformed DICOM \(it ends within an element"):
        run(tmp_path / "in", tmp_path / "to")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hospital's export: a plan with its regions, a report, a burned-in image, a damaged file, and a text."""
    found = tmp_path / "export" / "below"
    (found / "zz").mkdir(parents=True)
    objects = own_objects()
    write_object(objects["RTPlan"], found / "DOE_JANE plan.dcm")
    write_object(objects["RTPlan"], found / "again.dcm")
    write_object(objects["RTStructureSet"], found / "regions.dcm")
    other = copy.deepcopy(objects["RTStructureSet"])
    del other.RTROIObservationsSequence
    write_object(other, found / "zz" / "other.dcm")
    write_object(report_object(b"%PDF-1.7 x", study=STUDY, title="t", when=WHEN), found / "report.dcm")
    burned = ct_slice(tmp_path / "ct")
    burned.BurnedInAnnotation = "YES"
    burned.save_as(found / "burned.dcm")
    (found / "cut.dcm").write_bytes((found / "regions.dcm").read_bytes()[:900])
    (found / "notes.txt").write_text("Doe, Jane", encoding="utf-8")
    return tmp_path / "export"


def run(folder: Path, to: Path) -> Deidentified:
    return deidentify(folder, to, secret=SECRET)


def test_a_folder_is_written_whole_and_what_is_left_out_is_named(folder: Path, tmp_path: Path) -> None:
    made = run(folder, tmp_path / "to")
    assert len(made.written) == 2
    assert sorted(path.name.split(".")[0] for path in made.written) == ["RTPLAN", "RTSTRUCT"]
    assert sorted((tmp_path / "to").iterdir()) == list(made.written)
    reasons = {Path(name).name: reason for name, reason in made.left_out}
    assert reasons.keys() == {*("report.dcm", "burned.dcm", "cut.dcm", "notes.txt", "again.dcm", "other.dcm")}
    assert "Encapsulated PDF Storage may hold an identity" in reasons["report.dcm"]
    assert "its pixels hold text" in reasons["burned.dcm"]
    assert "truncated or malformed" in reasons["cut.dcm"]
    assert reasons["notes.txt"] == "is no DICOM file"
    assert reasons["again.dcm"] == reasons["other.dcm"].replace("another object with the same UID", "the same object")
    assert made.notes == (FACES_REMAIN,)
    for path in made.written:
        assert b"Doe" not in path.read_bytes()


def test_an_object_that_does_not_say_which_it_is_is_left_out(tmp_path: Path) -> None:
    nameless, modeless = (copy.deepcopy(own_objects()["RTPlan"]) for _ in range(2))
    nameless.SOPInstanceUID, nameless.preamble = "", b"\0" * 128
    del modeless.Modality
    (tmp_path / "in").mkdir()
    write_object(modeless, tmp_path / "in" / "a.dcm")
    nameless.save_as(tmp_path / "in" / "b.dcm", enforce_file_format=False)
    made = run(tmp_path / "in", tmp_path / "to")
    assert [path.name.split(".")[0] for path in made.written] == ["object"]
    assert made.left_out == (("b.dcm", "it has no SOPInstanceUID"),)


def test_a_real_scan_reads_the_same_without_identity(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dicom_ct_rtstruct_sts037"
    made = deidentify(folder, tmp_path / "to", secret=SECRET)
    assert made.left_out == ()
    structures = [path for path in made.written if path.name.startswith("RTSTRUCT")]
    before = read_scan(folder / "ct", structures=next((folder / "rtstruct").glob("*.dcm")))
    after = read_scan(tmp_path / "to", structures=structures)
    assert np.array_equal(before.image.values, after.image.values)
    assert np.array_equal(before.image.grid.affine, after.image.grid.affine)
    assert [found.name for found in before.structures] == ["GTV_Mass_CT"]
    assert [(found.name, found.role) for found in after.structures] == [("lesion (1)", before.structures[0].role)]


def test_a_secret_a_folder_and_a_place_outside_are_asked_for(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="would lie among those with one"):
        run(folder, folder / "clean")
    with pytest.raises(InputError, match="a secret of 5 bytes can be guessed"):
        deidentify(folder, tmp_path / "to", secret=b"short")
    with pytest.raises(InputError, match="is no folder"):
        run(folder / "missing", tmp_path / "to")
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="nothing here can be de-identified \\(it is empty\\)"):
        run(folder / "empty", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_the_secret_is_never_printed() -> None:
    assert "random" not in repr(Pseudonyms(SECRET)) + str(Pseudonyms(SECRET))


def test_secondary_captures_and_documents_are_no_kind_that_is_written() -> None:
    assert not [uid for uid in KINDS if uid.startswith(("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.104"))]


def test_the_command_names_what_it_left_out_and_warns_of_faces(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "metaspine", "deidentify", str(folder), "--to", str(tmp_path / "to")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"COLUMNS": "200", "PATH": ""})
    assert done.returncode == 0, done.stderr
    assert "2 objects without identity" in done.stdout
    assert "left out  below/burned.dcm: its pixels hold text" in done.stdout
    assert "can be shown as a face" in done.stderr
    done = subprocess.run([*command, "--key", str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "cannot be read" in " ".join(done.stderr.split())
