"""The command line as its users run it: exit codes, streams, one clear error, nothing half-written."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from metaspine.cli.exit_codes import ExitCode, exit_code
from metaspine.errors import Cancelled, CaseError, LevelError, NotEligible, NoTrajectory, OutputError

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))
from synthetic_dicom import square, write_series, write_structure_set

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def metaspine(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metaspine", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def plan_arguments(example: str, level: str, to: Path) -> list[str | Path]:
    folder = EXAMPLES / example
    return [
        *("plan", folder / "case.yaml", "--scan", folder / "ct.nii.gz", "--structures", folder / "labels.nii.gz"),
        *("--level", level, "--depth", "13", "--to", to),
    ]


def test_assess_prints_json_and_nothing_else_on_standard_output() -> None:
    result = metaspine("assess", EXAMPLES / "t12" / "case.yaml", "--json")
    assert result.returncode == ExitCode.DONE
    assert json.loads(result.stdout)["sins"]["total"] == 8


def test_the_schema_is_json() -> None:
    result = metaspine("schema")
    assert json.loads(result.stdout)["$schema"].startswith("https://json-schema.org/")


def test_evidence_names_its_source() -> None:
    result = metaspine("evidence", "IORT-06")
    assert "S0" in result.stdout
    assert metaspine("evidence", "IORT-6").returncode == ExitCode.INPUT


def test_scan_lists_what_is_in_it() -> None:
    folder = EXAMPLES / "t12"
    result = metaspine("scan", folder / "ct.nii.gz", "--structures", folder / "labels.nii.gz", "--json")
    names = {structure["name"]: structure for structure in json.loads(result.stdout)["structures"]}
    assert names["lesion_T12"]["role"] == "lesion"
    assert names["vertebrae_L1"]["level"] == "L1"
    assert names["spinal_cord"]["confirmed"] is False


def test_scan_prints_names_as_they_are_and_what_contours_bound(tmp_path: Path) -> None:
    write_series(tmp_path / "ct [1]", size=(8, 20, 20), first_mm=(-10, -20, -6))
    solid = [("CLOSED_PLANAR", square(z)) for z in (0.0, 3.0)]
    regions = {"GTV [old]": solid, "[/]": solid, ":heart:": solid, "needle": [("OPEN_NONPLANAR", [0, 0, 0, 1, 1, 5])]}
    path = write_structure_set(tmp_path / "rs.dcm", regions)
    result = metaspine("scan", tmp_path / "ct [1]", "--structures", path)
    assert result.returncode == ExitCode.DONE, result.stderr
    lines = [line.strip() for line in result.stdout.splitlines()]
    for name in ("GTV [old]", "[/]", ":heart:"):
        assert any(line.startswith(f"{name} ") and line.endswith("0.60 cm³, 2 contours") for line in lines), name
    assert any(line.startswith("needle ") and line.endswith("no volume, 1 contour") for line in lines)
    assert "ct [1]" in result.stdout.replace("\n", "")


def test_a_plan_leaves_the_report_and_its_files(planning: subprocess.CompletedProcess[str]) -> None:
    assert planning.returncode == ExitCode.DONE, planning.stderr
    written = {path.name for path in Path(planning.args[-1]).iterdir()}
    assert written == {"report.pdf", "plan.json", "dose.nii.gz", "dvh.csv"}
    assert "not for treatment" in planning.stdout
    assert "Report:" in planning.stdout


def test_a_refusal_is_reported_and_has_its_own_exit_code(tmp_path: Path) -> None:
    result = metaspine(*plan_arguments("l1", "L1", tmp_path / "l1"))
    assert result.returncode == ExitCode.REFUSED
    assert "IORT-06" in result.stderr
    assert {path.name for path in (tmp_path / "l1").iterdir()} == {"report.pdf"}


def test_a_level_without_a_lesion_stops(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    result = metaspine_here(*plan_arguments("t12", "T11", tmp_path / "t11"))
    assert result.returncode in (ExitCode.INPUT, ExitCode.REFUSED)
    assert "T11" in result.stderr
    assert not (tmp_path / "t11").exists() or not any((tmp_path / "t11").glob("plan.json"))


def test_without_the_level_the_command_line_is_not_understood(tmp_path: Path) -> None:
    folder = EXAMPLES / "t12"
    result = metaspine("plan", folder / "case.yaml", "--scan", folder / "ct.nii.gz", "--to", tmp_path)
    assert result.returncode == ExitCode.USAGE
    assert "--level" in result.stderr


def test_an_unwritable_target_leaves_nothing(
    metaspine_here: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where the folder should go", encoding="utf-8")
    result = metaspine_here(*plan_arguments("t12", "T12", occupied / "report"))
    assert result.returncode == ExitCode.OUTPUT
    assert [path.name for path in tmp_path.iterdir()] == ["occupied"]


def test_an_address_that_is_in_use_is_one_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = metaspine("serve", "--port", str(port))
    assert result.returncode == ExitCode.INPUT
    said = " ".join(result.stderr.split())
    assert f"metaspine serve: the service did not start at 127.0.0.1:{port}" in said
    assert "choose another by --port" in said


def test_a_missing_case_file_is_one_message(tmp_path: Path) -> None:
    result = metaspine("assess", tmp_path / "none.yaml")
    assert result.returncode == ExitCode.INPUT
    assert "Traceback" not in result.stderr
    assert "none.yaml" in result.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotEligible("no"), ExitCode.REFUSED),
        (NoTrajectory("no"), ExitCode.REFUSED),
        (LevelError("no"), ExitCode.REFUSED),
        (CaseError("no"), ExitCode.INPUT),
        (OutputError("no"), ExitCode.OUTPUT),
        (Cancelled("no"), ExitCode.CANCELLED),
    ],
)
def test_exit_codes(error: Exception, code: ExitCode) -> None:
    assert exit_code(error) == code  # type: ignore[arg-type]
