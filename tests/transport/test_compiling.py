"""A kernel that was cached on disk is compiled anew when a step in another file has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import metaspine

EXAMPLE = """
from metaspine.transport.compiling import kernel
from metaspine.transport.voxel_walk import ticks

@kernel
def length():
    return ticks(1.0)
"""


def test_an_update_of_a_step_reaches_a_cached_kernel(tmp_path: Path) -> None:
    package = tmp_path / "metaspine"
    original = Path(metaspine.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(original / "transport", package / "transport", ignore=ignored)
    (package / "__init__.py").write_text("")
    (package / "transport" / "example.py").write_text(EXAMPLE)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def length() -> int:
        code = "from metaspine.transport.example import length; print(length(), sum(length.stats.cache_hits.values()))"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        ticks, hits = done.stdout.split()
        found.append(int(hits))
        return int(ticks)

    found: list[int] = []
    assert [length(), length()] == [2**32, 2**32]
    assert found == [0, 1]
    step = package / "transport" / "voxel_walk.py"
    step.write_text(step.read_text().replace("TICKS_PER_MM = 4294967296.0", "TICKS_PER_MM = 1024.0"))
    assert length() == 1024
