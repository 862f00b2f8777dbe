"""The examples' patients: T12 may be planned, L1 is refused on a page that another program can read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import metaspine as ms


def of_level(example_folder: Path, folder: str):
    (lesion,) = ms.assess(ms.read_case(example_folder / folder / "case.yaml")).lesions
    return lesion


def test_the_t12_patient_is_eligible(example_folder: Path) -> None:
    lesion = of_level(example_folder, "t12")
    assert lesion.level == "T12"
    assert lesion.sins.total == 3 + 3 + 2, "junctional, mechanical pain, lytic"
    assert lesion.escc.grade == "0"
    assert (lesion.iort_stabilisation.status, lesion.iort_stabilisation.reasons) == ("eligible", ())


def test_the_l1_patient_is_refused_for_the_pedicle_alone(example_folder: Path) -> None:
    lesion = of_level(example_folder, "l1")
    assert lesion.level == "L1"
    assert lesion.sins.total == 3 + 3 + 2 + 1, "junctional, mechanical pain, lytic, one side's pedicle"
    assert lesion.escc.grade == "1a"
    assert lesion.iort_stabilisation.status == "ineligible"
    (reason,) = lesion.iort_stabilisation.reasons
    assert (reason.code, reason.evidence) == ("PEDICLE_INFILTRATION", ("IORT-06",))


@pytest.fixture(scope="module")
def refusal(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """The exit code, the messages and the folder that planning L1 ends with."""
    folder = tmp_path_factory.mktemp("l1")
    example = example_folder / "l1"
    command = [sys.executable, "-m", "metaspine", "plan", example / "case.yaml", "--scan", example / "ct.nii.gz"]
    options = ["--structures", example / "labels.nii.gz", "--level", "L1", "--dose", "8", "--depth", "13"]
    answer = subprocess.run(
        [*command, *options, "--to", folder / "out"], capture_output=True, text=True, check=False, timeout=200
    )
    return answer.returncode, answer.stdout + answer.stderr, folder / "out"


def test_planning_l1_ends_refused_with_the_reason(refusal: tuple[int, str, Path]) -> None:
    code, messages, _ = refusal
    assert code == 3, messages
    assert "pedicle infiltration" in " ".join(messages.split())
    assert "IORT-06" in messages


def test_a_refusal_leaves_no_plan_behind(refusal: tuple[int, str, Path]) -> None:
    assert [path.name for path in refusal[2].iterdir()] == ["report.pdf"]


def poppler(program: str, report: Path, *more: str) -> str:
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed (make tools)")
    return subprocess.run([found, report, *more], capture_output=True, text=True, check=True).stdout


def test_the_refusal_s_text_can_be_read_by_poppler(refusal: tuple[int, str, Path]) -> None:
    text = poppler("pdftotext", refusal[2] / "report.pdf", "-")
    for words in ("IORT-06", "L1", "NO PLAN WAS MADE", "Decision support for research"):
        assert words in text


def test_every_font_of_the_refusal_is_embedded(refusal: tuple[int, str, Path]) -> None:
    head, _, *fonts = poppler("pdffonts", refusal[2] / "report.pdf").splitlines()
    assert head.split()[-5:] == ["emb", "sub", "uni", "object", "ID"]
    assert fonts
    assert {line.split()[-5] for line in fonts} == {"yes"}, "emb; the object's id is two numbers"
