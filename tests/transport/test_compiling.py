"""A kernel that was cached on disk is compiled anew when a step in another file has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import metaspine

STEPS = """
from metaspine.transport.compiling import step

FACTOR = 3

@step
def times(ticks):
    return FACTOR * ticks
"""
KERNEL = """
from metaspine.elsewhere.steps import times
from metaspine.transport.compiling import kernel
from metaspine.transport.voxel_walk import ticks

@kernel
def length():
    return times(ticks(1.0))
"""
CALL = "from metaspine.elsewhere.kernel import length; print(length(), sum(length.stats.cache_hits.values()))"


def test_an_update_of_a_step_in_transport_or_beside_the_kernel_reaches_a_cached_kernel(tmp_path: Path) -> None:
    package = tmp_path / "metaspine"
    elsewhere = package / "elsewhere"
    transport = Path(metaspine.__file__).parent / "transport"
    shutil.copytree(transport, package / "transport", ignore=shutil.ignore_patterns("__pycache__"))
    elsewhere.mkdir()
    for path, text in {
        package / "__init__.py": "",
        elsewhere / "__init__.py": "",
        elsewhere / "steps.py": STEPS,
        elsewhere / "kernel.py": KERNEL,
    }.items():
        path.write_text(text)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def length() -> tuple[int, int]:
        done = subprocess.run([sys.executable, "-c", CALL], env=environment, capture_output=True, text=True, check=True)
        ticks, hits = done.stdout.split()
        return int(ticks), int(hits)

    assert [length(), length()] == [(3 * 2**32, 0), (3 * 2**32, 1)]
    for step, old, new, wanted in (
        (package / "transport" / "voxel_walk.py", "TICKS_PER_MM = 4294967296.0", "TICKS_PER_MM = 1024.0", 3 * 1024),
        (elsewhere / "steps.py", "FACTOR = 3", "FACTOR = 5", 5 * 1024),
    ):
        step.write_text(step.read_text().replace(old, new))
        assert length() == (wanted, 0)
