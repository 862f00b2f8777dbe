"""rt-utils and dicompyler-core on the series of bench_reading.py: a program of its own, run by a Python that has them.

They need pydicom 2, and metaspine pydicom 3: :func:`peers_python` makes an environment for them and nothing else.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUIREMENTS = ("rt-utils==1.2.7", "dicompyler-core==0.5.6", "pydicom<3", "setuptools<81")


def peers_python(folder: Path) -> Path | None:
    """Return a Python with the peers in a new environment below the folder; None where they cannot be installed."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
        subprocess.run(install, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return python


def peers_measured(python: Path, slices: Path, structures: Path) -> dict[str, tuple[float, float]]:
    """Return CPU ms and wall ms of each peer's work, by what it is."""
    command = [python, __file__, slices, structures]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {what: (cpu_ms, wall_ms) for what, (cpu_ms, wall_ms) in json.loads(done.stdout).items()}


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return CPU ms and wall ms of one run: the longest takes half a minute, and nothing here is compiled first."""
    cpu_start, wall_start = time.process_time(), time.perf_counter()
    work()
    return 1000 * (time.process_time() - cpu_start), 1000 * (time.perf_counter() - wall_start)


def _rt_utils(slices: str, structures: str) -> Any:
    """Read series and structures; the pixels are decoded, and put into no volume."""
    from rt_utils import RTStructBuilder

    return RTStructBuilder.create_from(dicom_series_path=slices, rt_struct_path=structures)


def _rt_utils_with_masks(slices: str, structures: str) -> None:
    read = _rt_utils(slices, structures)
    for name in read.get_roi_names():
        assert read.get_roi_mask_by_name(name).any(), name


def _dicompyler_core(slices: str, structures: str) -> None:
    """Read each slice's data and pixels, and each structure's points by plane."""
    import numpy as np
    from dicompylercore.dicomparser import DicomParser

    for path in Path(slices).iterdir():
        one = DicomParser(str(path))
        assert one.GetImageData()["rows"] == np.asarray(one.ds.pixel_array).shape[0]
    drawn = DicomParser(structures)
    for number in drawn.GetStructures():
        assert drawn.GetStructureCoordinates(number), number


def main() -> None:
    """Measure the peers and print the figures as JSON."""
    slices, structures = sys.argv[1:]
    importlib.import_module("rt_utils")
    importlib.import_module("dicompylercore.dicomparser")
    rt_utils, dicompyler = (f"{name} {importlib.metadata.version(name)}" for name in ("rt-utils", "dicompyler-core"))
    measured = {
        f"{rt_utils}, slices and structures": _timed(lambda: _rt_utils(slices, structures)),
        f"{rt_utils}, with masks": _timed(lambda: _rt_utils_with_masks(slices, structures)),
        f"{dicompyler}, slices and structures": _timed(lambda: _dicompyler_core(slices, structures)),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
