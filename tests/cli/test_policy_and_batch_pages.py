"""docs/policy.md and docs/batch.md: what they show is what the program prints and writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("policy", "batch")}
CONSOLE = [
    block
    for page in PAGES.values()
    for block in re.findall(r"```console\n\$ metaspine (.*?)\n(.*?)```", page, re.DOTALL)
]


@pytest.fixture
def beside_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.gz"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def printed(command: str) -> str:
    environment = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [sys.executable, "-m", "metaspine", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
@pytest.mark.usefixtures("beside_the_examples")
def test_what_is_shown_is_what_is_printed(command: str, shown: str) -> None:
    assert lines(printed(command)) == lines(shown)


def test_the_tables_are_those_that_are_read_and_written(beside_the_examples: Path) -> None:
    shown_cases, shown_advice, shown_faults = re.findall(r"```csv\n(.*?)```", PAGES["batch"], re.DOTALL)
    (command,) = re.findall(r"\$ metaspine (batch .*)", PAGES["batch"])
    printed(f"{command} --errors bad.csv")
    for name, shown in (("examples/cases.csv", shown_cases), ("advice.csv", shown_advice), ("bad.csv", shown_faults)):
        assert lines((beside_the_examples / name).read_text(encoding="utf-8")) == lines(shown)


def test_the_policy_is_the_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGES["policy"], re.DOTALL)
    assert shown == (ROOT / "examples" / "board-policy.yaml").read_text(encoding="utf-8")


@pytest.mark.usefixtures("beside_the_examples")
def test_its_python_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGES["policy"], re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Example Hospital, spine tumour board ('CONFLICT-SCLC', 'CONFLICT-STEROIDS')\n"
