"""Doses, plans, segmentations and NRRD files with bytes changed, cut or doubled: read, or clearly refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from synthetic_dicom import HEAD_FIRST_SUPINE, write_series
from synthetic_dose import write_dose
from synthetic_seg import write_seg

from metaspine.errors import MetaspineError
from metaspine.exchange.dicom_ct import read_dicom_ct
from metaspine.exchange.nrrd import read_nrrd_layers
from metaspine.exchange.rtdose import read_dose
from metaspine.exchange.rtplan import read_plan_dicom
from metaspine.exchange.seg import read_seg
from metaspine.running import silent

MUTATIONS = 250
Reader = Callable[[Path], object]


@pytest.fixture(scope="module")
def readers(tmp_path_factory) -> dict[str, tuple[Path, Reader]]:
    folder = tmp_path_factory.mktemp("whole")
    write_series(folder / "ct")
    grid = read_dicom_ct(folder / "ct", series=None, progress=silent).volume.grid
    seg = write_seg(
        folder / "seg.dcm",
        {"GTV": lambda points: points[..., 0] > -4, "SpinalCord": lambda points: points[..., 1] > 0},
        axes=HEAD_FIRST_SUPINE,
        first_mm=(-6.0, -8.0, -4.0),
        pixel_mm=(2.0, 1.0),
        size=(5, 7, 9),
        step_mm=(0, 0, 3.0),
    )
    header = (
        "NRRD0004\ntype: int16\ndimension: 3\nspace: LPS\nsizes: 2 3 4\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n"
    )
    header += "endian: little\nencoding: raw\nspace origin: (10,20,30)\nSegment0_Name:=GTV\n\n"
    nrrd = folder / "labels.nrrd"
    nrrd.write_bytes(header.encode() + np.arange(24, dtype="<i2").tobytes())
    return {
        "dose": (write_dose(folder / "dose.dcm", bits=16), read_dose),
        "plan": (Path(get_testdata_file("rtplan.dcm")), read_plan_dicom),
        "seg": (seg, lambda path: read_seg(path, grid=grid)),
        "nrrd": (nrrd, read_nrrd_layers),
    }


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Change up to four bytes, cut the end, or double a part."""
    changed = bytearray(content)
    kind = random.integers(4)
    if kind == 0:
        return bytes(changed[: random.integers(len(changed))])
    start, stop = sorted(random.integers(len(changed), size=2))
    if kind == 1:
        return bytes(changed[:stop] + changed[start:])
    for place in random.integers(min(len(changed), 1500 if kind == 2 else len(changed)), size=random.integers(1, 5)):
        changed[place] = random.integers(256)
    return bytes(changed)


@pytest.mark.parametrize("name", ["dose", "plan", "seg", "nrrd"])
def test_damaged_files_are_read_or_refused(readers, tmp_path, name):
    """No other exception, no crash; and the damage is felt: some are refused, some are not."""
    path, read = readers[name]
    whole, random = path.read_bytes(), np.random.default_rng(len(name))
    messages = []
    for _ in range(MUTATIONS):
        damaged = tmp_path / path.name
        damaged.write_bytes(mutated(whole, random))
        try:
            read(damaged)
        except MetaspineError as error:
            messages.append(str(error))
    assert 0 < len(messages) < MUTATIONS
    assert all(str(tmp_path / path.name) in message for message in messages)
