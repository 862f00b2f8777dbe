"""docs/scores.md: what it shows is what the program prints, its Python runs, and what it calls off is off."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from metaspine.assessment.scoring import about, score_names

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "scores.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ metaspine (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_what_is_shown_is_what_is_printed(command: str, shown: str) -> None:
    environment = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [sys.executable, "-m", "metaspine", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in shown.splitlines()]


def test_its_python_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "7 (7, 7) []\n28\n"


def test_everything_that_is_not_computed_is_in_the_table() -> None:
    off = {name for name in score_names() if about(name).state != "computed"}
    table = PAGE.partition("## What is off, and why")[2].partition("What was obtained")[0]
    assert off <= set(re.findall(r"`(\w+)`", table))
