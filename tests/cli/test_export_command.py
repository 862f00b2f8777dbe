"""``metaspine export``: the objects of a plan name each other, in one frame, and the dose is where the plan says."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from metaspine.cli.export import ExportRequest, export_command, refuse_beside_other_objects
from metaspine.cli.exported import Beside, exported
from metaspine.dosimetry import compute_dose
from metaspine.dosimetry.effective import effective_dose
from metaspine.errors import InputError, OutputError
from metaspine.exchange.rtdose import read_dose
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.objects import write_object
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel
from metaspine.reports.monte_carlo_reading import MonteCarloDose
from metaspine.running import silent

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange" / "writing"))
from planned_objects import STUDY, WHEN, dciodvfy, made_up

PDF = b"%PDF-1.7 the report"
PAGES = b"%PDF-1.7 two conventions"
CONSOLE = "rtdose-console.dcm"
TO_MEDIUM, TO_WATER = "rtdose-monte-carlo-to-medium.dcm", "rtdose-monte-carlo-to-water-in-medium.dcm"
WEIGHTED = "rtdose-effective-rbe.dcm"
FURTHER = (WEIGHTED, TO_MEDIUM, TO_WATER)
MAPS = {
    "uncertainty-console.dcm": CONSOLE,
    "uncertainty-monte-carlo-to-medium.dcm": TO_MEDIUM,
    "uncertainty-monte-carlo-to-water-in-medium.dcm": TO_WATER,
}


@cache
def patient() -> tuple[Scan, Plan]:
    """The made-up patient, as if the scan had come from DICOM slices."""
    scan = made_up().make_scan(made_up().scan_grid())
    slices = tuple(f"1.2.5.{k}" for k in range(scan.image.grid.shape[2]))
    origin = ScanOrigin("ct", "c" * 64, series_uid="1.2.4", study_uid="1.2.3", study=STUDY, instance_uids=slices)
    return replace(scan, origin=origin), made_up().make_plan(scan)


@cache
def console_dose() -> Dose:
    """On a coarse grid: what is written is tested here, not what is computed."""
    scan, plan = patient()
    return compute_dose(plan, scan, spacing_mm=1.0, half_extent_mm=20.0)


@cache
def monte_carlo() -> tuple[MonteCarloDose, MonteCarloDose]:
    """Doses and noise that differ from each other and from the console's everywhere, on a grid of their own."""
    grid = Grid.around(made_up().ISOCENTRE_MM, half_extent_mm=16, spacing_mm=2.0, frame_of_reference=made_up().FRAME)
    away = grid.point_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    radius = np.linalg.norm(away - made_up().ISOCENTRE_MM, axis=-1)
    made = DoseProvenance("reference", "1", "intrabeam-needle", "nominal output", False, "c" * 64, 1, 1000)

    def one(gray: float, noise: float, medium: str, convention: DoseConvention) -> MonteCarloDose:
        values = np.where(radius < 3, np.nan, gray * (13.0 / np.maximum(radius, 1.0)) ** 3.2).astype(np.float32)
        whole = Volume(np.full(grid.shape, 0.15, np.float32), grid)
        statistical = Volume(np.full(grid.shape, noise, np.float32), grid)
        return MonteCarloDose(Dose(Volume(values, grid), whole, medium, convention, made), statistical)

    return (
        one(5.0, 0.01, "medium", DoseConvention.MONTE_CARLO_MEDIUM),
        one(4.5, 0.02, "water in medium", DoseConvention.MONTE_CARLO_WATER),
    )


@cache
def objects() -> dict[str, Dataset]:
    scan, plan = patient()
    return exported(plan, scan, console_dose(), beside=Beside(report=PDF), bits=16, progress=silent, when=WHEN)


@cache
def everything() -> dict[str, Dataset]:
    """All that can be asked for, with values of 16 bits, on which dciodvfy does not abort."""
    scan, plan = patient()
    beside = Beside(
        monte_carlo=monte_carlo(),
        effective=effective_dose(plan, console_dose(), BiologicalModel(1.3)),
        console_uncertainty=True,
        segments=True,
        report=PDF,
        monte_carlo_pages=PAGES,
    )
    return exported(plan, scan, console_dose(), beside=beside, bits=16, progress=silent, when=WHEN)


@cache
def exported_without_slices() -> dict[str, Dataset]:
    """The scan from NIfTI, values of 32 bits."""
    bare = made_up().make_scan(made_up().scan_grid())
    beside = Beside(segments=find_spec("highdicom") is not None, report=PDF)
    return exported(patient()[1], bare, console_dose(), beside=beside, bits=32, progress=silent, when=WHEN)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("highdicom")
    folder = tmp_path_factory.mktemp("exported")
    return {name: write_object(dataset, folder / name) for name, dataset in everything().items()}


def referred(dataset: Dataset, keyword: str) -> set[str]:
    return {str(item.ReferencedSOPInstanceUID) for item in dataset[keyword]}


def test_every_object_names_the_others_by_their_uids() -> None:
    made = objects()
    uid = {name: str(dataset.SOPInstanceUID) for name, dataset in made.items()}
    assert list(uid) == ["rtstruct.dcm", "rtplan.dcm", "rtdose-console.dcm", "report.dcm"]
    assert referred(made["rtplan.dcm"], "ReferencedStructureSetSequence") == {uid["rtstruct.dcm"]}
    assert referred(made["rtdose-console.dcm"], "ReferencedRTPlanSequence") == {uid["rtplan.dcm"]}
    others = {uid["rtstruct.dcm"], uid["rtplan.dcm"], uid["rtdose-console.dcm"]}
    assert referred(made["report.dcm"], "SourceInstanceSequence") == others
    assert len(set(uid.values())) == 4
    assert len({dataset.SeriesInstanceUID for dataset in made.values()}) == 4


def test_all_belong_to_one_patient_one_study_and_one_frame_of_reference() -> None:
    made = objects()
    for keyword, value in (("PatientID", "17"), ("PatientName", "Doe^Jane"), ("StudyInstanceUID", "1.2.3")):
        assert {str(dataset[keyword].value) for dataset in made.values()} == {value}
    framed = [made[name] for name in ("rtstruct.dcm", "rtplan.dcm", "rtdose-console.dcm")]
    assert {str(dataset.FrameOfReferenceUID) for dataset in framed} == {made_up().FRAME}
    assert {dataset.ApprovalStatus for dataset in framed[:2]} == {"UNAPPROVED"}


@pytest.mark.parametrize(
    ("name", "first_line"),
    [
        ("rtstruct.dcm", "RTStructureSet"),
        ("rtplan.dcm", "RTPlan"),
        ("rtdose-console.dcm", "RTDose"),
        (WEIGHTED, "RTDose"),
        (TO_MEDIUM, "RTDose"),
        (TO_WATER, "RTDose"),
        *((name, "ParametricMap") for name in MAPS),
        ("seg.dcm", "Segmentation"),
        ("report.dcm", "EncapsulatedPDF"),
        ("report-monte-carlo.dcm", "EncapsulatedPDF"),
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
    image = SimpleITK.ReadImage(str(written["rtdose-console.dcm"]), SimpleITK.sitkFloat64)
    scaling = float(pydicom.dcmread(written["rtdose-console.dcm"]).DoseGridScaling)
    point = [float(part) for part in objects()["rtplan.dcm"].DoseReferenceSequence[0].DoseReferencePointCoordinates]
    read = SimpleITK.Resample(image, (1, 1, 1), SimpleITK.Transform(), SimpleITK.sitkLinear, point)
    assert float(SimpleITK.GetArrayFromImage(read).item()) * scaling == pytest.approx(8.0, rel=0.03)


def test_what_limited_the_plan_is_in_the_structure_set_also_where_it_was_derived() -> None:
    scan, plan = patient()
    canal = replace(plan.limiting_structure, name="bony canal T12", origin=Origin.DERIVED)
    derived = replace(plan, limiting_structure=canal, limit=replace(plan.limit, structure="bony canal T12"))
    made = exported(derived, scan, console_dose(), beside=Beside(), bits=16, progress=silent, when=WHEN)
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
    dose = read_dose(tmp_path / "rtdose-console.dcm")
    assert dose.plan_uid == pydicom.dcmread(tmp_path / "rtplan.dcm").SOPInstanceUID


def test_every_further_object_belongs_to_the_same_plan_study_and_frame() -> None:
    pytest.importorskip("highdicom")
    made = everything()
    plan = str(made["rtplan.dcm"].SOPInstanceUID)
    for name in (CONSOLE, *FURTHER):
        assert referred(made[name], "ReferencedRTPlanSequence") == {plan}, name
    for name, dose in MAPS.items():
        assert referred(made[name].ReferencedSeriesSequence[0], "ReferencedInstanceSequence") == {
            str(made[dose].SOPInstanceUID)
        }, name
    assert {str(dataset.StudyInstanceUID) for dataset in made.values()} == {"1.2.3"}
    assert {str(d.FrameOfReferenceUID) for d in made.values() if "FrameOfReferenceUID" in d} == {made_up().FRAME}
    pages = made["report-monte-carlo.dcm"]
    assert {str(made[name].SOPInstanceUID) for name in (TO_MEDIUM, TO_WATER, CONSOLE)} < referred(
        pages, "SourceInstanceSequence"
    )
    assert pages.EncapsulatedDocument.startswith(PAGES)
    assert made["report.dcm"].EncapsulatedDocument.startswith(PDF)
    slices = made["seg.dcm"].ReferencedSeriesSequence[0]
    assert referred(slices, "ReferencedInstanceSequence") <= set(patient()[0].origin.instance_uids)
    assert {item.SegmentLabel for item in made["seg.dcm"].SegmentSequence} == {"vertebrae_T12", "spinal_cord", "lesion"}


def test_no_two_doses_can_be_taken_for_each_other() -> None:
    pytest.importorskip("highdicom")
    made = everything()
    said = {
        name: (made[name].DoseType, str(made[name].DoseComment).partition("; 0 GY")[0]) for name in (CONSOLE, *FURTHER)
    }
    assert said == {
        CONSOLE: ("PHYSICAL", "NOMINAL; CONSOLE/WATER"),
        WEIGHTED: ("EFFECTIVE", "NOMINAL; RBE=1.3; CONSOLE/WATER"),
        TO_MEDIUM: ("PHYSICAL", "NOMINAL; MC/MEDIUM"),
        TO_WATER: ("PHYSICAL", "NOMINAL; MC/WATER-IN-MEDIUM"),
    }
    corrections = [made[name].TissueHeterogeneityCorrection for name in (CONSOLE, *FURTHER)]
    assert corrections == ["WATER", "WATER", "IMAGE", "IMAGE"]
    shown = [*said, *MAPS]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription"):
        assert len({str(made[name][keyword].value) for name in shown}) == len(shown), keyword
    assert made[TO_MEDIUM].SeriesDescription == "Monte Carlo dose to medium, reference engine"
    assert made["uncertainty-monte-carlo-to-water-in-medium.dcm"].SeriesDescription == (
        "Statistical 1 SD in Gy of Monte Carlo dose to water in medium"
    )
    names = [item.ROIName for item in made["rtstruct.dcm"].StructureSetROISequence]
    assert names[-2:] == ["dose not defined", "dose not defined (Monte Carlo)"]


@pytest.mark.parametrize("name", [CONSOLE, *FURTHER])
def test_another_program_reads_each_dose_and_no_other_from_its_file(written: dict[str, Path], name: str) -> None:
    medium, water = (found.dose.volume for found in monte_carlo())
    console = console_dose().volume
    weighted = Volume(1.3 * console.values, console.grid)
    dose = {CONSOLE: console, WEIGHTED: weighted, TO_MEDIUM: medium, TO_WATER: water}[name]
    image = SimpleITK.ReadImage(str(written[name]), SimpleITK.sitkFloat64)
    step = float(pydicom.dcmread(written[name]).DoseGridScaling)
    voxels = np.random.default_rng(3).integers(0, dose.grid.shape, (500, 3))
    found = [image[image.TransformPhysicalPointToIndex(point.tolist())] for point in dose.grid.point_mm(voxels)]
    wanted = np.nan_to_num(dose.values[tuple(voxels.T)].astype(float))
    assert np.abs(np.array(found) * step - wanted).max() <= step / 2 * (1 + 1e-4)


def test_segments_of_a_scan_from_nifti_lie_on_the_ct_as_it_was_used() -> None:
    pytest.importorskip("highdicom")
    made = exported_without_slices()
    slices = {str(dataset.SOPInstanceUID) for name, dataset in made.items() if name.startswith("ct")}
    listed = made["seg.dcm"].ReferencedSeriesSequence[0]
    assert referred(listed, "ReferencedInstanceSequence") <= slices
    assert str(listed.SeriesInstanceUID) == str(made["ct0000.dcm"].SeriesInstanceUID)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bits": 8}, r"--bits: '8' is not known. Give 16, 32"),
        ({"monte_carlo": "muscle"}, r"--monte-carlo: 'muscle' is not known. Give medium, water, both"),
        ({"effective": "bed"}, r"--effective: 'bed' is not known. Give rbe, eqd2"),
        ({"run": Path("elsewhere")}, r"--run: says something of --monte-carlo, which was not asked for"),
        ({"rbe": 1.3}, r"--rbe: says something of --effective, which was not asked for"),
        ({"effective": "rbe", "rbe": 1.0}, r"effectiveness of 1\. .*never 1 \(RBE-01\)"),
        ({"effective": "eqd2", "bits": 16}, r"--bits: 16 bits hold an EQD2 .* Write the EQD2 with 32 bits"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(
    tmp_path: Path, asked: dict[str, object], message: str
) -> None:
    request = replace(ExportRequest(plan=tmp_path, scan=tmp_path, to=tmp_path / "out"), **asked)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        export_command(request)
    assert list(tmp_path.iterdir()) == []


def test_no_object_is_written_among_those_of_another_export(tmp_path: Path) -> None:
    (tmp_path / "rtplan.dcm").touch()
    refuse_beside_other_objects(tmp_path, objects())
    (tmp_path / TO_MEDIUM).touch()
    with pytest.raises(OutputError, match=rf"other DICOM objects lie here \({TO_MEDIUM}\).*another folder"):
        refuse_beside_other_objects(tmp_path, objects())
