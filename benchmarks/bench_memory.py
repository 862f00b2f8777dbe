"""The peak memory of planning and Monte Carlo dose on a CT of full size: 512 x 512 x 300 voxels, 31 structures.

The CT is the example, resampled to smaller voxels; its values mean nothing beyond that. The work runs in a process of
its own, because a process keeps its peak.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
from scipy import ndimage

from benchmarks.measurement import Measurement

EXAMPLE = Path(__file__).parent.parent / "examples" / "t12"
SHAPE = (512, 512, 300)
GOAL_GB = 2.0
_KILOBYTES_PER_GB = 1024**2


def write_large(source: Path, target: Path, *, order: int) -> None:
    """Resample an image to the full size over the same place, and write it as int16."""
    image = nib.load(source)
    factors = np.array(SHAPE) / image.shape
    values = ndimage.zoom(
        np.asarray(image.dataobj, dtype=np.int16), factors, order=order, grid_mode=True, mode="nearest"
    )
    affine = image.affine.copy()
    affine[:3, :3] = affine[:3, :3] / factors
    affine[:3, 3] += image.affine[:3, :3] @ (0.5 / factors - 0.5)
    nib.save(nib.Nifti1Image(values, affine), target)


def run(folder: Path) -> tuple[float, float, float]:
    """Return CPU s, wall s and peak memory in GB of ``metaspine plan --monte-carlo`` on the large CT."""
    command = [sys.executable, "-m", "metaspine", "plan", str(EXAMPLE / "case.yaml"), "--scan", str(folder / "ct.nii")]
    command += ["--structures", str(folder / "labels.nii"), "--labels", str(EXAMPLE / "labels.yaml")]
    command += ["--level", "T12", "--depth", "13", "--monte-carlo", "--to", str(folder / "plan")]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - start, after.ru_maxrss / _KILOBYTES_PER_GB


def measure() -> list[Measurement]:
    """Measure once: memory does not vary as time does."""
    with TemporaryDirectory(prefix="metaspine-bench-") as name:
        folder = Path(name)
        write_large(EXAMPLE / "ct.nii.gz", folder / "ct.nii", order=1)
        write_large(EXAMPLE / "labels.nii.gz", folder / "labels.nii", order=0)
        cpu_s, wall_s, peak_gb = run(folder)
    what = f"plan and Monte Carlo, {' x '.join(map(str, SHAPE))}: peak {peak_gb:.2f} GB (goal {GOAL_GB:g} GB)"
    return [Measurement(what, 1000 * cpu_s, 1000 * wall_s)]


if __name__ == "__main__":
    for row in measure():
        print(f"{row.what}; {row.cpu_ms / 1000:.1f} s CPU, {row.wall_ms / 1000:.1f} s wall")
