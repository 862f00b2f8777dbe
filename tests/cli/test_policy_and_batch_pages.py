"""docs/policy.md and docs/batch.md: what they show is what the program prints and writes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from shown_in_docs import ROOT, docs_page, lines, printed, python_printed, shown_commands

PAGES = {name: docs_page(name) for name in ("policy", "batch")}
COMMANDS = [shown for page in PAGES.values() for shown in shown_commands(page)]


@pytest.fixture
def beside_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.gz"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
@pytest.mark.usefixtures("beside_the_examples")
def test_what_is_shown_is_what_is_printed(command: str, shown: str) -> None:
    assert lines(printed(command, folder=Path.cwd(), may_fail=True)) == lines(shown)


def test_the_tables_are_those_that_are_read_and_written(beside_the_examples: Path) -> None:
    shown_cases, shown_advice, shown_faults = re.findall(r"```csv\n(.*?)```", PAGES["batch"], re.DOTALL)
    (command,) = re.findall(r"\$ metaspine (batch .*)", PAGES["batch"])
    printed(f"{command} --errors bad.csv", folder=Path.cwd(), may_fail=True)
    for name, shown in (("examples/cases.csv", shown_cases), ("advice.csv", shown_advice), ("bad.csv", shown_faults)):
        assert lines((beside_the_examples / name).read_text(encoding="utf-8")) == lines(shown)


def test_the_policy_is_the_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGES["policy"], re.DOTALL)
    assert shown == (ROOT / "examples" / "board-policy.yaml").read_text(encoding="utf-8")


@pytest.mark.usefixtures("beside_the_examples")
def test_its_python_runs() -> None:
    assert (
        python_printed(PAGES["policy"])
        == "Example Hospital, spine tumour board ('CONFLICT-SCLC', 'CONFLICT-STEROIDS')\n"
    )
