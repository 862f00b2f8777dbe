"""What a page of docs/ shows of the program, and what the program prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def docs_page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def shown_commands(page: str) -> list[tuple[str, str]]:
    """Each command of a page with what is shown below it."""
    return re.findall(r"```console\n\$ metaspine (.*?)\n(.*?)```", page, re.DOTALL)


def printed(command: str, *, folder: Path = ROOT, may_fail: bool = False) -> str:
    """What a command prints, on a plain terminal of 100 columns."""
    environment = os.environ | {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [sys.executable, "-m", "metaspine", *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=folder, check=not may_fail)
    return done.stdout + done.stderr


def python_printed(page: str) -> str:
    """What the one Python block of a page prints."""
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]
