"""``metaspine export``: the objects of a plan name each other, in one frame, and the dose is where the plan says."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from metaspine.cli import export
from metaspine.cli.export import ExportRequest, export_command, exported, refuse_strangers
from metaspine.dosimetry import compute_dose
from metaspine.errors import InputError, OutputError
from metaspine.evaluation import evaluate
from metaspine.evaluation.prior import evaluate_prior
from metaspine.exchange.rtdose import read_dose
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.objects import write_object
from metaspine.geometry import Volume
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin
from metaspine.running import silent

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange" / "writing"))
from planned_objects import STUDY, WHEN, dciodvfy, made_up

PDF = b"%PDF-1.7 the report"


@cache
def patient() -> tuple[Scan, Plan]:
    """The made-up patient, as if the scan had come from DICOM slices."""
    scan = made_up().make_scan(made_up().scan_grid())
    slices = tuple(f"1.2.5.{k}" for k in range(scan.image.grid.shape[2]))
    origin = ScanOrigin("ct", "c" * 64, series_uid="1.2.4", study_uid="1.2.3", study=STUDY, instance_uids=slices)
    return replace(scan, origin=origin), made_up().make_plan(scan)


@cache
def objects() -> dict[str, Dataset]:
    scan, plan = patient()
    return exported(plan, scan, report=PDF, bits=16, progress=silent, when=WHEN)


@cache
def exported_without_slices() -> dict[str, Dataset]:
    """The same, the scan from NIfTI."""
    bare = made_up().make_scan(made_up().scan_grid())
    return exported(patient()[1], bare, report=PDF, bits=32, progress=silent, when=WHEN)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    return {name: write_object(dataset, folder / name) for name, dataset in objects().items()}


def referred(dataset: Dataset, keyword: str) -> set[str]:
    return {str(item.ReferencedSOPInstanceUID) for item in dataset[keyword]}


def test_every_object_names_the_others_by_their_uids() -> None:
    made = objects()
    uid = {name: str(dataset.SOPInstanceUID) for name, dataset in made.items()}
    assert list(uid) == ["rtstruct.dcm", "rtplan.dcm", "rtdose.dcm", "report.dcm"]
    assert referred(made["rtplan.dcm"], "ReferencedStructureSetSequence") == {uid["rtstruct.dcm"]}
    assert referred(made["rtdose.dcm"], "ReferencedRTPlanSequence") == {uid["rtplan.dcm"]}
    others = {uid["rtstruct.dcm"], uid["rtplan.dcm"], uid["rtdose.dcm"]}
    assert referred(made["report.dcm"], "SourceInstanceSequence") == others
    assert len(set(uid.values())) == 4
    assert len({dataset.SeriesInstanceUID for dataset in made.values()}) == 4


def test_all_belong_to_one_patient_one_study_and_one_frame_of_reference() -> None:
    made = objects()
    for keyword, value in (("PatientID", "17"), ("PatientName", "Doe^Jane"), ("StudyInstanceUID", "1.2.3")):
        assert {str(dataset[keyword].value) for dataset in made.values()} == {value}
    framed = [made[name] for name in ("rtstruct.dcm", "rtplan.dcm", "rtdose.dcm")]
    assert {str(dataset.FrameOfReferenceUID) for dataset in framed} == {made_up().FRAME}
    assert {dataset.ApprovalStatus for dataset in framed[:2]} == {"UNAPPROVED"}


@pytest.mark.parametrize(
    ("name", "first_line"),
    [
        ("rtstruct.dcm", "RTStructureSet"),
        ("rtplan.dcm", "RTPlan"),
        ("rtdose.dcm", "RTDose"),
        ("report.dcm", "EncapsulatedPDF"),
    ],
)
def test_dciodvfy_finds_no_error(written: dict[str, Path], name: str, first_line: str) -> None:
    assert dciodvfy(written[name], first_line=first_line) == []


def test_the_needle_of_the_structure_set_runs_through_the_dwell_position_of_the_plan() -> None:
    regions, plan = objects()["rtstruct.dcm"], objects()["rtplan.dcm"]
    channel = plan.ApplicationSetupSequence[0].ChannelSequence[0]
    number = channel.ReferencedROINumber
    assert {item.ROINumber: item.ROIName for item in regions.StructureSetROISequence}[number] == "needle"
    drawn = next(item for item in regions.ROIContourSequence if item.ReferencedROINumber == number)
    entry, tip = np.array(drawn.ContourSequence[0].ContourData, dtype=float).reshape(2, 3)
    at = channel.BrachyControlPointSequence[0]
    along = (tip - entry) / np.linalg.norm(tip - entry)
    from_tip = np.array(at.ControlPoint3DPosition, dtype=float) - tip
    assert np.allclose(from_tip, -2.2 * along, atol=1e-4)
    assert np.allclose(at.ControlPointOrientation, along, atol=1e-5)


def test_another_program_finds_the_prescribed_dose_at_the_plans_point(written: dict[str, Path]) -> None:
    image = SimpleITK.ReadImage(str(written["rtdose.dcm"]), SimpleITK.sitkFloat64)
    scaling = float(pydicom.dcmread(written["rtdose.dcm"]).DoseGridScaling)
    point = [float(part) for part in objects()["rtplan.dcm"].DoseReferenceSequence[0].DoseReferencePointCoordinates]
    read = SimpleITK.Resample(image, (1, 1, 1), SimpleITK.Transform(), SimpleITK.sitkLinear, point)
    assert float(SimpleITK.GetArrayFromImage(read).item()) * scaling == pytest.approx(8.0, rel=0.03)


def test_what_limited_the_plan_is_in_the_structure_set_also_where_it_was_derived() -> None:
    scan, plan = patient()
    canal = replace(plan.limiting_structure, name="bony canal T12", origin=Origin.DERIVED)
    derived = replace(plan, limiting_structure=canal, limit=replace(plan.limit, structure="bony canal T12"))
    made = exported(derived, scan, report=None, bits=16, progress=silent, when=WHEN)
    numbers = {item.ROIName: item.ROINumber for item in made["rtstruct.dcm"].StructureSetROISequence}
    assert made["rtplan.dcm"].DoseReferenceSequence[1].ReferencedROINumber == numbers["bony canal T12"]
    assert "report.dcm" not in made


def test_a_scan_without_a_study_gets_one_for_all_objects() -> None:
    bare, made = made_up().make_scan(made_up().scan_grid()), exported_without_slices()
    assert len({dataset.StudyInstanceUID for dataset in made.values()}) == 1
    assert {str(dataset.PatientName) for dataset in made.values()} == {""}
    slices = [dataset for name, dataset in made.items() if name.startswith("ct")]
    assert len(slices) == bare.image.grid.shape[2]
    series = made["rtstruct.dcm"].ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    listed = series.RTReferencedSeriesSequence[0]
    assert {listed.SeriesInstanceUID} == {str(dataset.SeriesInstanceUID) for dataset in slices}
    assert referred(listed, "ContourImageSequence") == {str(dataset.SOPInstanceUID) for dataset in slices}
    assert {str(dataset.FrameOfReferenceUID) for dataset in slices} == {str(made["rtplan.dcm"].FrameOfReferenceUID)}


def test_the_exported_ct_structures_and_dose_are_read_back_as_they_were(tmp_path: Path) -> None:
    bare = made_up().make_scan(made_up().scan_grid())
    for name, dataset in exported_without_slices().items():
        write_object(dataset, tmp_path / name)
    back = read_scan(tmp_path, structures=tmp_path / "rtstruct.dcm")
    assert np.array_equal(back.image.values, bare.image.values)
    assert np.allclose(back.image.grid.affine, bare.image.grid.affine)
    names = {found.name for found in back.structures}
    assert {"vertebrae_T12", "spinal_cord", "lesion", "needle"} - names <= {"needle"}
    dose = read_dose(tmp_path / "rtdose.dcm")
    assert dose.plan_uid == pydicom.dcmread(tmp_path / "rtplan.dcm").SOPInstanceUID


def test_the_exported_dose_gives_the_plans_own_histograms_when_read_again(tmp_path: Path) -> None:
    scan, plan = patient()
    own = evaluate(plan, compute_dose(plan, scan), scan).of("lesion")
    prior = read_dose(write_object(exported_without_slices()["rtdose.dcm"], tmp_path / "rtdose.dcm"))
    frame = prior.volume.grid.frame_of_reference
    lesion = scan.structure("lesion")
    moved = replace(lesion, region=in_frame(lesion.region, frame))
    bare = replace(scan, image=in_frame(scan.image, frame), structures=(moved,))
    back = evaluate_prior(prior, bare, between="logarithmic").of("lesion")
    assert own.in_applicator_cc > 0.05
    assert back.in_applicator_cc == pytest.approx(own.in_applicator_cc, abs=0.02)
    values = {metric.name: metric.value for metric in own.metrics}
    found = {metric.name: metric.value for metric in back.metrics}
    for name in ("D98", "D95", "D50", "mean dose", "V8Gy"):
        assert found[name] == pytest.approx(values[name], rel=0.03), name


def in_frame(volume: Volume, frame: str) -> Volume:
    return Volume(volume.values, replace(volume.grid, frame_of_reference=frame))


def test_what_another_program_wrote_is_not_replaced_and_exports_do_not_mix(tmp_path: Path) -> None:
    made = objects()
    refuse_strangers(tmp_path / "missing", made)
    foreign = pydicom.data.get_testdata_file("rtstruct.dcm", download=False)
    (tmp_path / "rs_of_the_hospital.dcm").write_bytes(Path(foreign).read_bytes())
    refuse_strangers(tmp_path, made)
    for name, dataset in made.items():
        write_object(dataset, tmp_path / name)
    refuse_strangers(tmp_path, made)
    with pytest.raises(OutputError, match=r"report\.dcm: is of an earlier export and would stay"):
        refuse_strangers(tmp_path, {name: dataset for name, dataset in made.items() if name != "report.dcm"})
    for content in (Path(foreign).read_bytes(), b"no DICOM"):
        (tmp_path / "rtstruct.dcm").write_bytes(content)
        with pytest.raises(OutputError, match=r"rtstruct\.dcm: is not of this program and would be replaced"):
            refuse_strangers(tmp_path, made)


def test_the_command_leaves_the_hospitals_structure_set_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_read", lambda *_: patient())
    monkeypatch.setattr(export, "exported", lambda *_, **__: objects())
    (tmp_path / "rtstruct.dcm").write_bytes(b"the hospital's")
    with pytest.raises(OutputError, match="would be replaced"):
        export_command(request(tmp_path, bits=32))
    assert [path.name for path in tmp_path.iterdir()] == ["rtstruct.dcm"]
    assert (tmp_path / "rtstruct.dcm").read_bytes() == b"the hospital's"


def request(folder: Path, *, bits: int) -> ExportRequest:
    return ExportRequest(
        plan=folder,
        scan=folder,
        structures=(),
        labels=None,
        series=None,
        applicator=None,
        calibration=None,
        bits=bits,
        to=folder,
    )


def test_a_width_of_values_that_dicom_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="8 bits a value"):
        export_command(request(tmp_path, bits=8))
