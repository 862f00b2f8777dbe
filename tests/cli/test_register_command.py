"""``metaspine register``: a second image made from the example; what it prints, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage
from synthetic_dicom import SERIES, Change, enhanced, mr, write_series
from typer.testing import CliRunner
from validation.registration_cases import Patient, Setting, case_of, first_image

from metaspine.cli.app import app
from metaspine.cli.register import RegisterRequest, register_command
from metaspine.errors import ImageError, InputError, LevelError
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Grid, Volume


@pytest.fixture(scope="module")
def patient(example_folder: Path) -> Patient:
    folder = example_folder / "t12"
    return Patient(read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz"))


@pytest.fixture(scope="module")
def second(patient: Patient, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """A second CT as NIfTI, the true matrix, and a point 8 mm off the vertebra's middle in it."""
    case = case_of(patient, Setting("T12", 8, field_mm=100, height_mm=80))
    path = tmp_path_factory.mktemp("second") / "second.nii.gz"
    ras = np.diag([-1.0, -1, 1, 1]) @ case.image.image.grid.affine
    nib.save(nib.Nifti1Image(case.image.image.values, ras), path)
    middle = case.truth[:3, :3] @ patient.centre_mm("T12") + case.truth[:3, 3]
    return path, case.truth, middle + np.array([5, -4, 5])


def test_json_holds_the_transform_the_error_and_the_level(
    example_folder: Path, second: tuple[Path, np.ndarray, np.ndarray]
) -> None:
    path, truth, near = second
    folder = example_folder / "t12"
    point = ",".join(f"{value:.1f}" for value in near)
    arguments = ["register", f"{folder}/ct.nii.gz", "--to", f"{path}", "--structures", f"{folder}/labels.nii.gz"]
    result = CliRunner().invoke(app, [*arguments, "--level", "T12", "--no-hounsfield", f"--at={point}", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    planning = read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    mask = planning.structure("vertebrae_T12").region
    points = np.c_[mask.grid.point_mm(np.argwhere(mask.values)), np.ones(int(mask.values.sum()))]
    off = np.linalg.norm(points @ (np.array(document["matrix_lps_mm"]) - truth).T, axis=1).mean()
    assert off < 0.7
    assert off <= document["error_mm"]
    assert document["level"] == "T12"
    assert document["level_margin"] >= 0.35
    assert {"T11", "L1"} <= {one["level"] for one in document["neighbours"]}
    assert "vertebrae_T12" in document["carried_structures"]
    assert any("not known" in note for note in document["notes"])


def write_dicom(folder: Path, volume: Volume, change: Change) -> list[Path]:
    """Write a volume as slices, its values rounded."""
    grid = volume.grid
    count, rows, columns = grid.shape[::-1]
    return write_series(
        folder,
        axes=(grid.directions[:, 0], grid.directions[:, 1]),
        step_mm=grid.affine[:3, 2],
        first_mm=grid.origin_mm,
        pixel_mm=(grid.spacing_mm[1], grid.spacing_mm[0]),
        size=(count, rows, columns),
        field=volume.sample,
        intercept=0.0,
        change=change,
    )


def of(patient_id: str, frame: str) -> Change:
    """Make slices of one patient and one frame of reference."""

    def change(dataset: Dataset, k: int) -> None:
        dataset.FrameOfReferenceUID, dataset.PatientID, dataset.PatientName = frame, patient_id, "A^B"

    return change


def prone(volume: Volume) -> Volume:
    """The same voxels in the order in which a scanner stores those of a prone patient."""
    affine = volume.grid.affine @ np.diag([-1.0, -1, 1, 1])
    affine[:3, 3] = volume.grid.point_mm((volume.grid.shape[0] - 1, volume.grid.shape[1] - 1, 0))
    return Volume(volume.values[::-1, ::-1], Grid(affine, volume.grid.shape, volume.grid.frame_of_reference))


def after(first: Change, then: Change) -> Change:
    return lambda dataset, k: (first(dataset, k), then(dataset, k))


def off_mm(patient: Patient, level: str, matrix: object, truth: np.ndarray) -> float:
    points = np.c_[patient.points_mm[level], np.ones(len(patient.points_mm[level]))]
    return float(np.linalg.norm(points @ (np.array(matrix) - truth).T, axis=1).mean())


def run(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["register", *map(str, arguments), "--level", "T12", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_mr_in_dicom_is_found_without_a_start_and_gets_the_planning_cts_densities(
    example_folder: Path, patient: Patient, tmp_path: Path
) -> None:
    setting = Setting("T12", 31, kind="mr", noise=20, field_mm=110, height_mm=90, apart_mm=300, posture_degrees=12)
    case = case_of(patient, replace(setting, spacing_mm=(1.2, 1.2, 3.0), turn_degrees=0.0))
    stir = f"{SERIES}.7"
    write_dicom(tmp_path / "to" / "stir", prone(case.image.volume), after(mr("stir", stir), of("1", "1.2.3")))
    write_series(tmp_path / "to" / "t1", change=mr("t1", f"{SERIES}.8"))
    folder, written = example_folder / "t12", tmp_path / "result"
    second = ("--to", tmp_path / "to", "--to-series", stir)
    said = run(folder / "ct.nii.gz", "--structures", folder / "labels.nii.gz", *second, "--into", written)
    assert off_mm(patient, "T12", said["matrix_lps_mm"], case.truth) < min(0.7, said["error_mm"])
    assert said["to_frame"] == "1.2.3"
    middle = case.truth[:3, :3] @ patient.centre_mm("T12") + case.truth[:3, 3]
    assert said["middle_lps_mm"] == pytest.approx(middle, abs=1.5)
    assert 8 <= said["turned_degrees"] <= 20
    notes = "\n".join(said["notes"])
    assert "Hounsfield units are the planning CT's, within 10 mm of T12" in notes
    assert "level: one landmark counted" in notes
    assert json.loads((written / "registration.json").read_text()) == said
    values = nib.load(written / "hounsfield.nii.gz")
    place = np.linalg.solve(values.affine, np.append(middle * [-1, -1, 1], 1.0))[:3]
    here = patient.scan.image.sample(patient.centre_mm("T12"))
    assert values.dataobj[tuple(np.rint(place).astype(int))] == pytest.approx(float(here), abs=120)
    regions = pydicom.dcmread(written / "structures.dcm")
    slices = regions.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert {item.ReferencedSOPClassUID for item in slices.ContourImageSequence} == {MRImageStorage}
    drawn = dict(zip((one.ROIName for one in regions.StructureSetROISequence), regions.ROIContourSequence, strict=True))
    points = np.concatenate([np.reshape(one.ContourData, (-1, 3)) for one in drawn["vertebrae_T12"].ContourSequence])
    assert points.astype(float).mean(axis=0) == pytest.approx(middle, abs=4.0)


def test_a_planning_mr_in_dicom_and_an_enhanced_ct(example_folder: Path, patient: Patient, tmp_path: Path) -> None:
    """The contours move; the second CT keeps its own values; that the files name two patients is said, not who."""
    planned = first_image(patient, Setting("T12", 32, planned="mr")).volume
    write_dicom(tmp_path / "mr", planned, after(mr(), of("Miller", "1.2.4")))
    case = case_of(patient, Setting("T12", 33, field_mm=100, height_mm=80, start_off_mm=4))
    slices = write_dicom(tmp_path / "slices", case.image.image, of("Smith", "1.2.5"))
    enhanced(slices, tmp_path / "ct" / "enhanced.dcm")
    near = ",".join(f"{value:.1f}" for value in case.start[:3, :3] @ patient.centre_mm("T12") + case.start[:3, 3])
    labels = example_folder / "t12" / "labels.nii.gz"
    said = run(tmp_path / "mr", "--structures", labels, "--to", tmp_path / "ct", f"--at={near}")
    assert off_mm(patient, "T12", said["matrix_lps_mm"], case.truth) < min(0.7, said["error_mm"])
    assert (said["from_frame"], said["to_frame"]) == ("1.2.4", "1.2.5")
    assert {"vertebrae_T12", "lesion_T12"} <= set(said["carried_structures"])
    notes = "\n".join(said["notes"])
    assert "THE TWO IMAGES MAY BE OF TWO PATIENTS: they differ in patient ID" in notes
    assert "Miller" not in notes
    assert "was not checked by a count" in notes
    assert "Hounsfield units are" not in notes


def test_a_level_that_is_not_labelled_is_refused(example_folder: Path) -> None:
    folder = example_folder / "t12"
    request = RegisterRequest(folder / "ct.nii.gz", folder / "ct.nii.gz", (folder / "labels.nii.gz",), None, "C2")
    with pytest.raises(LevelError, match=r"C2 is labelled 0 times\. Labelled are: .*T12"):
        register_command(request, json_output=False)


@pytest.mark.parametrize("text", ["1,2", "left", "1;2;3"])
def test_a_point_must_be_a_point(example_folder: Path, text: str) -> None:
    folder = example_folder / "t12"
    request = RegisterRequest(
        folder / "ct.nii.gz", folder / "ct.nii.gz", (folder / "labels.nii.gz",), None, "T12", at=text
    )
    with pytest.raises(InputError, match=f"--at: '{text}' is no point"):
        register_command(request, json_output=False)


def test_labels_that_are_one_level_off_are_refused_by_the_ribs(example_folder: Path, tmp_path: Path) -> None:
    """T11's label is called T12, and so on: the count from the last rib finds out."""
    folder = example_folder / "t12"
    shifted = "\n".join(
        f"  {number}: {{name: vertebrae_{level}, role: vertebra, level: {level}}}"
        for number, level in zip(range(29, 37), ("L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9"), strict=True)
    )
    mapping = tmp_path / "labels.yaml"
    mapping.write_text(f"scheme: totalsegmentator-v2\nlabels:\n{shifted}\n")
    request = RegisterRequest(folder / "ct.nii.gz", folder / "ct.nii.gz", (folder / "labels.nii.gz",), mapping, "T12")
    with pytest.raises(LevelError, match=r"T12 was stated and is labelled so, but .*T11"):
        register_command(request, json_output=False)


def test_a_cone_beam_ct_that_cannot_be_hounsfield_units_is_told_the_option(
    example_folder: Path, tmp_path: Path
) -> None:
    folder = example_folder / "t12"
    nib.save(nib.Nifti1Image(np.full((4, 4, 4), 300, np.int16), np.eye(4)), tmp_path / "cone-beam.nii")
    request = RegisterRequest(
        folder / "ct.nii.gz", tmp_path / "cone-beam.nii", (folder / "labels.nii.gz",), None, "T12"
    )
    with pytest.raises(ImageError, match=r"no value is negative.*Say --no-hounsfield of a cone-beam CT"):
        register_command(request, json_output=False)
