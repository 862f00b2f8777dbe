"""Efficiency against PENELOPE's track length, 1 / (relative variance x core time), in 1 mm voxels in spongiosa.

It runs where METASPINE_PENELOPE_PYTHON names the Python of an environment that has pyPenred and numpy (AGPL-3, never a
dependency; validation/penelope_peer.py says how to make one), and says so where it doesn't.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from validation.penelope_cases import SIDE, Case, needle_spectrum, spongiosa_shell, write_case

from benchmarks.measurement import Measurement
from metaspine.dosimetry.reference_run import nodes_of
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import primary_kerma
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import importance, point_source

PEER = Path(__file__).parent.parent / "validation" / "penelope_peer.py"
DISTANCE_MM = 15.0
SAMPLING = Sampling(rays_per_batch=20_000, region_mm=DISTANCE_MM + 15)
BATCHES = 20


class Efficiency(NamedTuple):
    """The relative variance of a voxel, the core time that it took, and the kerma as a check."""

    variance: float
    cpu_s: float
    kerma_gy: float

    def to_one_percent_s(self) -> float:
        """Return the core time for a standard error of 1 %."""
        return self.variance * self.cpu_s / 1e-4


def measure() -> list[Measurement]:
    """Measure ours, and PENELOPE's where it is at hand."""
    case = spongiosa_shell(DISTANCE_MM)
    what = f"1 % in 1 mm voxels at {DISTANCE_MM:g} mm, spongiosa, core time"
    python = os.environ.get("METASPINE_PENELOPE_PYTHON")
    own = ours(case)
    own_ms = 1000 * own.to_one_percent_s()
    if not python:
        return [Measurement(what, own_ms, own_ms, "not run: METASPINE_PENELOPE_PYTHON is not set")]
    other = theirs(case, python)
    against = f"PENELOPE (pyPenred), track length; kerma ours / theirs {own.kerma_gy / other.kerma_gy:.3f}"
    return [Measurement(what, own_ms, own_ms, against, other.to_one_percent_s() / own.to_one_percent_s())]


def ours(case: Case) -> Efficiency:
    """Return ours: primary and scatter, on as many threads as there are, in CPU time."""
    tables = photon_tables(case.materials)
    densities = np.array([entry.density_g_cm3 for entry in case.materials])[case.voxels]
    voxels = medium(case.voxels, densities, (1, 1, 1), tables=tables, water=0)
    _run(case, voxels, 1)
    return _run(case, voxels, BATCHES)


def _run(case: Case, voxels: Medium, batches: int) -> Efficiency:
    spectrum, region = needle_spectrum(), next(iter(case.regions.values()))
    weights = importance(spectrum.edges_kev, voxels)
    middle = (SIDE / 2 + 1e-6,) * 3
    source = point_source(middle, spectrum.edges_kev, spectrum.photons_per_bin, importance=weights)
    start = time.process_time()
    primary = primary_kerma(source, nodes_of(spectrum), voxels, radius_mm=DISTANCE_MM + 1)[..., 0]
    tally = continued(empty_tally(voxels), batches, sampling=SAMPLING, source=source, medium=voxels)
    taken = time.process_time() - start
    if batches == 1:
        return Efficiency(0.0, taken, 0.0)
    found = estimate(tally, SAMPLING, voxels)
    mean = float((primary + found.kerma_gy[..., 0])[region].mean())
    variance = float((found.standard_error_gy[..., 0][region] ** 2).mean()) / mean**2
    return Efficiency(variance, taken, mean)


def theirs(case: Case, python: str) -> Efficiency:
    """Return PENELOPE's, in its own environment, with one thread.

    Raises
    ------
    RuntimeError
        When its run fails, with what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.npz"
        write_case(case, path)
        done = subprocess.run([python, str(PEER), str(path)], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{python} {PEER.name} failed: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Efficiency(found["variance"], found["cpu_s"], found["kerma_gy"])
