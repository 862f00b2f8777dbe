"""``metaspine register``: a second image made from the example; what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner
from validation.registration_cases import Patient, Setting, case_of

from metaspine.cli.app import app
from metaspine.cli.register import RegisterRequest, register_command
from metaspine.errors import InputError, LevelError
from metaspine.exchange.scans import read_scan


@pytest.fixture(scope="module")
def second(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """A second CT as NIfTI, the true matrix, and a point 8 mm off the vertebra's middle in it."""
    folder = example_folder / "t12"
    patient = Patient(read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz"))
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
