"""NIfTI and mapping files with damaged bytes: only errors of metaspine come out, and nothing hangs or warns.

DICOM files are in test_fuzz.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from damage import damaged

from metaspine.errors import MetaspineError
from metaspine.exchange.scans import read_scan


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
