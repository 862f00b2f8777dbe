"""docs/assess.md: what it shows is what the program prints, and its Python runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "assess.md").read_text(encoding="utf-8")
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
    assert done.stdout.splitlines() == [
        "the tumour infiltrates the pedicle ('IORT-06',)",
        "stabilisation, then stereotactic radiosurgery",
    ]
