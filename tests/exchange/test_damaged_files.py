"""Files with damaged bytes: only errors of metaspine come out, and nothing hangs or warns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from synthetic_dicom import square, write_series, write_structure_set

from metaspine.errors import MetaspineError
from metaspine.exchange.scans import read_scan


def damaged(content: bytes, random: np.random.Generator, head: int) -> bytes:
    """Change a few bytes, mostly near the start where the structure is; sometimes cut or repeat a part."""
    data = bytearray(content)
    for _ in range(random.integers(1, 12)):
        place = int(random.integers(0, min(head, len(data)) if random.random() < 0.8 else len(data)))
        data[place] = int(random.choice([0, 1, 0x7F, 0x80, 0xFF, random.integers(0, 256)]))
    kind = random.random()
    start, stop = sorted(int(n) for n in random.integers(0, len(data), 2))
    if kind < 0.1:
        del data[start:stop]
    elif kind < 0.2:
        data[start:start] = data[start:stop]
    elif kind < 0.3:
        del data[start:]
    return bytes(data)


def attempts(path: Path, read: Callable[[], object], *, count: int, head: int, seed: int) -> int:
    """Damage a file again and again; return how often it was refused; every refusal says what, where and what to do."""
    whole = path.read_bytes()
    random = np.random.default_rng(seed)
    refused = silent = 0
    for _ in range(count):
        path.write_bytes(damaged(whole, random, head))
        try:
            read()
        except MetaspineError as error:
            refused += bool(error.what and error.where and error.remedy)
            silent += not (error.what and error.where and error.remedy)
    path.write_bytes(whole)
    assert silent == 0
    return refused


@pytest.mark.parametrize("seed", [1, 2])
def test_a_damaged_dicom_slice(tmp_path, seed):
    paths = write_series(tmp_path, size=(3, 5, 6))
    assert attempts(paths[1], lambda: read_scan(tmp_path), count=250, head=1100, seed=seed) > 100


def test_a_damaged_last_slice_is_never_left_out(tmp_path):
    paths = write_series(tmp_path, size=(3, 5, 6))
    depths = []
    attempts(paths[2], lambda: depths.append(read_scan(tmp_path).image.grid.shape[2]), count=250, head=700, seed=6)
    assert depths
    assert set(depths) == {3}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_damaged_structure_set(tmp_path, seed):
    write_series(tmp_path / "ct", size=(3, 5, 6))
    regions = {
        "GTV": [("CLOSED_PLANAR", square(3.0)), ("POINT", [0, 0, 0])],
        "Cord": [("OPEN_PLANAR", [0, 0, 0, 1, 1, 0])],
    }
    path = write_structure_set(tmp_path / "rs.dcm", regions)
    refused = attempts(path, lambda: read_scan(tmp_path / "ct", structures=path), count=200, head=1500, seed=seed)
    assert refused > 40


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz"])
def test_a_damaged_nifti_image(tmp_path, name):
    values = np.random.default_rng(1).normal(0, 100, (6, 7, 8)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / name)
    assert attempts(tmp_path / name, lambda: read_scan(tmp_path / name), count=300, head=352, seed=3) > 60


def test_a_damaged_label_map(tmp_path):
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    values = np.random.default_rng(1).normal(0, 100, (6, 7, 8)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "ct.nii")
    path = tmp_path / "liver.nii"
    nib.save(nib.Nifti1Image((values > 0).astype(np.uint8), affine), path)
    refused = attempts(path, lambda: read_scan(tmp_path / "ct.nii", structures=path), count=200, head=352, seed=4)
    assert refused > 50


def test_a_damaged_mapping_file(tmp_path):
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    values = np.random.default_rng(1).normal(0, 100, (6, 7, 8)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "ct.nii")
    nib.save(nib.Nifti1Image((values > 0).astype(np.uint8), affine), tmp_path / "liver.nii")
    path = tmp_path / "liver.yaml"
    path.write_text("scheme: none\nlabels:\n  1: {name: lesion_T12, role: lesion, level: T12, origin: synthetic}\n")

    def read() -> object:
        return read_scan(tmp_path / "ct.nii", structures=tmp_path / "liver.nii")

    assert attempts(path, read, count=200, head=200, seed=5) > 60
