"""The files that ship with the program hold the same, whichever of PyYAML's loaders reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import metaspine
from metaspine.evidence.shipped import shipped_table

PACKAGE = Path(metaspine.__file__).parent
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("data/**/*.yaml"))


def test_there_are_files() -> None:
    assert {path.parts[0] for path in FILES} >= {"assessment", "evidence", "exchange", "patient", "physics"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_fast_loader_reads_what_the_plain_one_reads(path: Path) -> None:
    room, _, *names = path.parts
    text = (PACKAGE / path).read_text(encoding="utf-8")
    assert shipped_table(f"metaspine.{room}", "/".join(names)) == yaml.load(text, Loader=yaml.SafeLoader)
