"""``make bench``: run every ``benchmarks/bench_*.py`` and print what each measured, as ratios within one run.

``.venv/bin/python -m benchmarks reading`` runs one, named without its ``bench_``.

A benchmark module offers ``measure() -> list[Measurement]``. Nothing here is a test: speed is never asserted.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Measurement

HERE = Path(__file__).parent


def calibration_loop_s() -> float:
    """Return the CPU time of a fixed piece of arithmetic, so that runs on different machines can be compared."""
    values = np.linspace(0.0, 1.0, 2_000_000)
    start = time.process_time()
    for _ in range(10):
        np.sort(np.sin(values * 1e3))
    return time.process_time() - start


def main() -> None:
    """Run the benchmarks and print their tables."""
    console = Console(width=140)
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}")
    console.print(f"calibration loop {calibration_loop_s():.2f} s of CPU time")
    names = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    for name in sys.argv[1:] or names:
        module = importlib.import_module(f"benchmarks.bench_{name}")
        console.print(_table(name, module.measure()))


def _table(title: str, measurements: list[Measurement]) -> Table:
    table = Table("what", "CPU ms", "wall ms", "goal", "against", "ratio", title=title, title_justify="left")
    for row in measurements:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        goal = "" if row.goal_wall_ms is None else f"{row.goal_wall_ms:g}"
        table.add_row(row.what, f"{row.cpu_ms:.1f}", f"{row.wall_ms:.1f}", goal, row.against, ratio)
    return table


if __name__ == "__main__":
    main()
