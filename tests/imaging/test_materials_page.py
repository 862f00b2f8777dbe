"""The files printed in docs/materials.md are read as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metaspine.imaging.calibration import read_ct_curve
from metaspine.physics.anisotropy import read_anisotropy
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import read_materials

PAGE = Path(__file__).parent.parent.parent / "docs" / "materials.md"


def printed(start: str, folder: Path) -> Path:
    (block,) = [
        text
        for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        if text.startswith(start)
    ]
    path = folder / "printed.yaml"
    path.write_text(block, encoding="utf-8")
    return path


def test_the_printed_materials_file(tmp_path: Path) -> None:
    found = read_materials(printed("metaspine_materials", tmp_path))
    assert found["my-cement"].density_g_cm3 == 1.45


def test_the_printed_anisotropy(tmp_path: Path) -> None:
    found = read_anisotropy(printed("metaspine_anisotropy", tmp_path), read_applicator("intrabeam-needle"))
    assert found.at(10, 0) == pytest.approx(1.4)


def test_the_printed_ct_curve(tmp_path: Path) -> None:
    curve = read_ct_curve(printed("metaspine_ct_curve", tmp_path))
    assert curve.density([120])[0] == pytest.approx(1.08)
