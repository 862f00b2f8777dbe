"""How long the reference engine takes in a real vertebra: the example's T12, from the scan to 1 % at 15 and 25 mm.

Run with ``python -m benchmarks.bench_reference``. Everything is counted: tissues, tables, the calibration run in water,
the primary, and the scatter until the standard error of the dose to medium is 1 % (root mean square over the shell).
"""

from __future__ import annotations

import time
from pathlib import Path

import metaspine as ms
from benchmarks.measurement import Measurement
from metaspine.dosimetry import Stop, irradiation_of, reference_doses
from metaspine.running import silent

EXAMPLE = Path(__file__).parent.parent / "examples" / "t12"
GOAL_MS = {15.0: 4000.0, 25.0: 20000.0}


def measure() -> list[Measurement]:
    """Measure both distances, after one run that compiles the kernels."""
    case = ms.read_case(EXAMPLE / "case.yaml")
    scan = ms.read_scan(EXAMPLE / "ct.nii.gz", structures=EXAMPLE / "labels.nii.gz")
    prescription = ms.Prescription(dose_gy=8, depth_mm=13, origin="isocentre")
    plan = ms.make_plan(scan, case, level="T12", applicator="intrabeam-needle", prescription=prescription)
    reference_doses(irradiation_of(plan, scan), stop=Stop(histories=1), progress=silent)
    rows = []
    for distance_mm, goal_ms in GOAL_MS.items():
        cpu, wall = time.process_time(), time.perf_counter()
        doses = reference_doses(irradiation_of(plan, scan), stop=Stop(distance_mm=distance_mm), progress=silent)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        on = doses.runs[0].device
        what = f"from the scan to {doses.reached:.2%} at {distance_mm:g} mm, examples/t12, on the {on.upper()}"
        rows.append(Measurement(what, 1000 * cpu, 1000 * wall, goal_wall_ms=goal_ms))
    return rows


if __name__ == "__main__":
    for row in measure():
        print(f"{row.what}: CPU {row.cpu_ms:.0f} ms, wall {row.wall_ms:.0f} ms, goal {row.goal_wall_ms:g} ms wall")
