"""``metaspine policy`` and the conflicts of ``metaspine evidence``: the template, the check, the sides."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from metaspine.cli.policy import policy_template
from metaspine.evidence import conflicts
from metaspine.exchange.policy_file import read_board_policy
from metaspine.patient.policy import selectable_conflicts


def metaspine(*arguments: str | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "metaspine", *map(str, arguments)]
    environment = {"COLUMNS": "100", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code, done.stderr
    return " ".join(re.sub(r"[│╭╰─╮╯┃]", " ", done.stdout + done.stderr).split())


def test_the_template_changes_nothing_and_names_every_side(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy_template(), encoding="utf-8")
    policy = read_board_policy(path)
    assert policy.choices == {}
    for conflict in selectable_conflicts():
        assert all(f"# {key}" in policy_template() for key in conflict.sides)
    assert "CONFLICT-WOUND" not in policy_template()


def test_the_template_with_every_choice_uncommented_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy_template().replace("  # CONFLICT-", "  CONFLICT-"), encoding="utf-8")
    policy = read_board_policy(path)
    assert policy.choices == {conflict.id: conflict.default for conflict in selectable_conflicts()}
    assert policy.departures == ()
    assert policy.grounds == {}


def test_the_printed_template_can_be_read_as_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "metaspine", "policy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "40", "PATH": ""})
    assert done.stdout == policy_template()


def test_a_policy_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("centre: Here\nchoices: {CONFLICT-SCLC: {side: s2_resistant, reason: our data}}\n", "utf-8")
    said = metaspine("policy", path)
    assert "Here: departs from the default in 1 of 13 conflicts" in said
    assert "CONFLICT-SCLC s2_resistant our data instead of ask" in said
    path.write_text("centre: Here\n", "utf-8")
    assert "Here: follows the default in all of 13 conflicts" in metaspine("policy", path)
    path.write_text("centre: Here\nchoices: {CONFLICT-SCLC: none}\n", "utf-8")
    assert "'none' is no side of this conflict" in metaspine("policy", path, code=4)


@pytest.mark.parametrize("identifier", ["CONFLICT-STEROIDS", "CONFLICT-WOUND"])
def test_evidence_shows_the_sides_of_a_conflict(identifier: str) -> None:
    said = metaspine("evidence", identifier)
    conflict = conflicts()[identifier]
    assert conflict.question in said
    assert "(default)" in said
    for side in conflict.sides.values():
        assert side.key in said
        assert f"{', '.join(side.references)} [{side.confidence}]" in said
    assert ("`metaspine policy`" in said) is conflict.selectable
    assert ("shown only" in said) is not conflict.selectable
    assert "Jaipanya" in said
