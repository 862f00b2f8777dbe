"""metaspine dose, and Monte Carlo through metaspine plan: files, streams, stopping and going on, the override."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from test_commands import EXAMPLES, metaspine, plan_arguments

from metaspine.cli.exit_codes import ExitCode
from metaspine.planning import read_plan

T12 = EXAMPLES / "t12"
SCAN = ("--scan", T12 / "ct.nii.gz", "--structures", T12 / "labels.nii.gz")
COARSE = ("--spacing", "2", "--reach", "24")
MONTE_CARLO = {
    "monte-carlo.pdf",
    "monte-carlo.json",
    "monte-carlo-dose-to-medium.nii.gz",
    "monte-carlo-dose-to-water-in-medium.nii.gz",
    "monte-carlo-statistical-uncertainty-to-medium.nii.gz",
    "monte-carlo-statistical-uncertainty-to-water-in-medium.nii.gz",
}
PLANNED = {"report.pdf", "plan.json", "dose.nii.gz", "dvh.csv"}


@pytest.fixture(scope="session")
def planned(planning: subprocess.CompletedProcess[str]) -> Path:
    assert planning.returncode == ExitCode.DONE, planning.stderr
    return Path(planning.args[-1])


@pytest.fixture
def folder(planned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planned, tmp_path / "t12"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_both_doses_stand_side_by_side_and_the_plan_stays_as_it_is(folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in PLANNED}
    result = metaspine("dose", folder, *SCAN, *COARSE, "--uncertainty", "2", "--in", "spinal_cord")
    assert result.returncode == ExitCode.DONE, result.stderr
    assert names(folder) == PLANNED | MONTE_CARLO
    assert {name: (folder / name).read_bytes() for name in PLANNED} == before
    said = " ".join(result.stdout.split())
    for words in (
        "MC medium MC water",
        "Hottest 0.03 cm3 of spinal_cord",
        "Hottest 0.03 cm3 of bony canal T12",
        "Independent calculation (a)",
        "Independent calculation (b)",
        "the hottest 0.03 cm3 of spinal_cord",
        "Prescription, limit and time stay in console dose",
    ):
        assert words in said, words
    assert "Monte Carlo dose" in result.stderr
    exported_with_all_that_can_be_asked_for(folder, folder.parent / "dicom")


def exported_with_all_that_can_be_asked_for(folder: Path, to: Path) -> None:
    further = ("--monte-carlo", "both", "--effective", "eqd2", "--seg", "--console-uncertainty")
    result = metaspine("export", folder, *SCAN, *further, "--to", to)
    assert result.returncode == ExitCode.DONE, result.stderr
    wanted = {
        *("rtplan", "rtstruct", "rtdose-console", "uncertainty-console", "rtdose-effective-eqd2-cord", "seg", "report"),
        *("rtdose-monte-carlo-to-medium", "uncertainty-monte-carlo-to-medium", "report-monte-carlo"),
        *("rtdose-monte-carlo-to-water-in-medium", "uncertainty-monte-carlo-to-water-in-medium"),
    }
    assert {name.removesuffix(".dcm") for name in names(to) if not name.startswith("ct")} == wanted
    said = " ".join(result.stdout.split())
    assert all(f"{name}.dcm" in said for name in wanted)
    assert "the CT as used (" in said
    assert "Plan label: NOMINAL T12; never approved." in said
    assert "STOP" in said
    for name, nifti in (
        ("rtdose-monte-carlo-to-medium", "monte-carlo-dose-to-medium"),
        ("rtdose-monte-carlo-to-water-in-medium", "monte-carlo-dose-to-water-in-medium"),
    ):
        written = SimpleITK.ReadImage(to / f"{name}.dcm", SimpleITK.sitkFloat64)
        step = float(pydicom.dcmread(to / f"{name}.dcm", stop_before_pixels=True).DoseGridScaling)
        computed = SimpleITK.ReadImage(folder / f"{nifti}.nii.gz", SimpleITK.sitkFloat64)
        there = SimpleITK.Resample(written, computed, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
        wanted_gy = np.nan_to_num(SimpleITK.GetArrayFromImage(computed))
        assert np.abs(SimpleITK.GetArrayFromImage(there) * step - wanted_gy).max() <= step
        assert wanted_gy.max() > 8.0


def interrupted(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metaspine", "dose", folder, *SCAN, *COARSE, *more]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, restore_signals=True
    )
    assert process.stderr is not None
    while "Monte Carlo dose" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_control_c_keeps_the_run_and_resume_gives_the_same_bytes(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]], folder: Path, tmp_path: Path
) -> None:
    enough = ("--uncertainty", "0", "--histories", "400000", "--to", str(tmp_path / "run"))
    stopped = interrupted(folder, *enough)
    assert stopped.returncode == ExitCode.CANCELLED
    assert "go on with --resume" in " ".join(stopped.stderr.split())
    assert "Stopped by you; nothing half-written was left." in stopped.stderr
    assert names(tmp_path / "run") == {"monte-carlo.checkpoint"}
    again = metaspine_here("dose", folder, *SCAN, *COARSE, *enough)
    assert again.returncode == ExitCode.INPUT
    assert "an earlier run lies here" in " ".join(again.stderr.split())
    resumed = metaspine("dose", folder, *SCAN, *COARSE, *enough, "--resume", "--json")
    assert resumed.returncode == ExitCode.DONE, resumed.stderr
    numbers = json.loads(resumed.stdout)
    assert numbers["histories"] == 400_000
    assert names(tmp_path / "run") == MONTE_CARLO
    whole = metaspine_here("dose", folder, *SCAN, *COARSE, *enough[:-1], tmp_path / "whole", "--json")
    assert json.loads(whole.stdout) == numbers
    for name in MONTE_CARLO - {"monte-carlo.pdf"}:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "10", "--in", "spinal_cord"), "both a distance and a structure"),
        (("--whole",), "all of which structure?"),
        (("--in", "liver_2"), "there is no structure 'liver_2'"),
        (("--at", "90"), "90 mm from the isocentre"),
        (("--uncertainty", "0"), "Give at least one of them, above 0"),
        (("--histories", "0"), "Give at least one of them, above 0"),
        (("--resume",), "there is no checkpoint to resume"),
        (("--material", "spinal_cord"), "does not say what a structure is made of"),
        (("--material", "spinal_cord=gold_leaf"), "there is no material 'gold_leaf'"),
        (("--curve", "none.yaml"), "none.yaml"),
        (("--spacing", "0"), "a dose grid of 0.0 mm voxels"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]],
    folder: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    result = metaspine_here("dose", folder, *SCAN, *arguments)
    assert result.returncode == ExitCode.INPUT
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert names(folder) == PLANNED


def test_a_folder_without_a_plan(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    result = metaspine_here("dose", tmp_path, *SCAN)
    assert result.returncode == ExitCode.INPUT
    assert "that metaspine plan wrote" in " ".join(result.stderr.split())


def test_the_override_makes_a_new_plan_with_both_limits(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    planned: Path,
    folder: Path,
    tmp_path: Path,
) -> None:
    # The search for the needle's path is that of the plan that lies there, which is read instead of searched again.
    monkeypatch.setattr("metaspine.cli.plan.make_plan", lambda scan, _, **__: read_plan(planned, scan))
    act = ("--treat-by-monte-carlo", "bone before the border", "--responsible", "Dr A. Example", "--uncertainty", "5")
    refused = metaspine_here(*plan_arguments("t12", "T12", folder), *act)
    assert refused.returncode == ExitCode.OUTPUT
    assert "never changes one" in " ".join(refused.stderr.split())
    to = tmp_path / "longer"
    result = metaspine_here(*plan_arguments("t12", "T12", to), *act)
    assert result.returncode == ExitCode.DONE, result.stderr
    assert names(to) == PLANNED | (MONTE_CARLO - {"monte-carlo.pdf"})
    said = " ".join(result.stdout.split())
    assert "TIME BY MONTE CARLO" in said
    assert "responsible: Dr A. Example; reason: bone before the border" in said
    assert "Gy console dose (limit 8 Gy" in said
    assert "Gy by Monte Carlo (limit" in said
    console, longer = (json.loads((place / "plan.json").read_text(encoding="utf-8")) for place in (planned, to))
    stops = {caution["code"] for caution in longer["warnings"] if caution["stops"]}
    assert "MONTE_CARLO_TISSUES_UNANSWERED" in stops, "the example's bright vessels"
    act_document = longer["treated_by_monte_carlo"]
    assert console["treated_by_monte_carlo"] is None
    assert act_document["console_time_s"] == console["dwell"]["time_s"]
    assert longer["dwell"]["time_s"] == act_document["time_s"] > console["dwell"]["time_s"]
    assert longer["dwell"]["isocentre_mm"] == console["dwell"]["isocentre_mm"]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (("--treat-by-monte-carlo", "why"), "with a reason and the name"),
        (("--treat-by-monte-carlo", " ", "--responsible", "who"), "with a reason and the name"),
        (("--responsible", "who"), "an override that was not asked for"),
        (("--material", "aorta=blood"), "dose in water does not change"),
    ],
)
def test_half_an_override_is_none_and_water_has_no_materials(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    act: tuple[str, ...],
    message: str,
) -> None:
    result = metaspine_here(*plan_arguments("t12", "T12", tmp_path / "t12"), *act)
    assert result.returncode == ExitCode.INPUT
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "t12").exists()
