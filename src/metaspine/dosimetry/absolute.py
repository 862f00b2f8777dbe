r"""From a kerma per photon to a dose: the photons a minute for which water gets the output's own dose rate.

The engine is run with every voxel water, the applicator in it, and its dose on the needle's equator at a reference
distance r0 is set equal to that of the output's depth-dose table:

.. math:: \dot N = \dot D_{table}(r_0) / K_{water}(r_0)

with the kerma per photon K. What is left between engine and table at other distances is a difference of shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.dosimetry.reference_run import Run, further, kerma, started
from metaspine.dosimetry.reference_tissues import all_water, without_margin
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.spectrum import photons_per_min
from metaspine.running import Progress, silent
from metaspine.transport.scatter import Sampling

REFERENCE_DISTANCE_MM = 10.0
"""From the isocentre; the nearest distance of the output's valid range where that does not hold it (DOS-01)."""
EQUATOR_COSINE = 0.5
"""Voxels within 30 degrees of the needle's equator are averaged: the table is measured there."""
_SPACING_MM = 1.0
_ROUNDS, _BATCHES = 10, 2
_STEP = "absolute dose rate in water"


@dataclass(frozen=True)
class AbsoluteRate:
    """The photons a minute that leave the applicator, by its output, and how they were found."""

    photons_per_min: float
    distance_mm: float
    """The reference distance from the isocentre."""
    water_kerma_gy_per_photon: float
    relative_uncertainty: float
    """One standard deviation of the Monte Carlo run alone; the output's own is its depth dose's."""
    seed: int
    histories: int


def reference_distance_mm(output: Output) -> float:
    """Return the distance from the isocentre at which an output calibrates the engine (DOS-01)."""
    nearest, farthest = output.depth_dose.valid_mm
    return float(np.clip(REFERENCE_DISTANCE_MM, nearest, farthest))


def absolute_rate(
    applicator: Applicator, output: Output, *, sampling: Sampling | None = None, progress: Progress = silent
) -> AbsoluteRate:
    """Return the photons a minute for which the engine's water dose equals the output's at the reference distance.

    Parameters
    ----------
    applicator
        Its spectrum, filters and shape.
    output
        The device's calibration, or the nominal output.
    sampling
        Seed and rays; ten rounds of two batches are run. None: the engine's own.
    progress
        Told after each round.
    """
    drawn = Sampling() if sampling is None else sampling
    distance = reference_distance_mm(output)
    kermas = _water_kermas(applicator, distance, drawn, progress)
    mean = float(kermas.mean())
    return AbsoluteRate(
        photons_per_min=photons_per_min(output, water_kerma_gy_per_photon=mean, distance_mm=distance),
        distance_mm=distance,
        water_kerma_gy_per_photon=mean,
        relative_uncertainty=float(kermas.std(ddof=1) / np.sqrt(_ROUNDS) / mean),
        seed=drawn.seed,
        histories=_ROUNDS * _BATCHES * drawn.rays_per_batch,
    )


def _water_kermas(applicator: Applicator, distance_mm: float, sampling: Sampling, progress: Progress) -> FloatArray:
    """Return the kerma per photon at a distance on the equator, as each round alone finds it, (round,)."""
    dwell = DwellPosition(np.zeros(3), np.array([0.0, 0.0, 1.0]), time_s=0.0)
    grid = Grid.around(
        np.zeros(3), half_extent_mm=distance_mm + _SPACING_MM, spacing_mm=_SPACING_MM, frame_of_reference="water"
    )
    run = started(all_water(grid), dwell, applicator, sampling=sampling)
    so_far = []
    for done in range(_ROUNDS):
        progress(_STEP, done / _ROUNDS)
        run = further(run, _BATCHES)
        so_far.append((done + 1) * _on_equator(run, grid, distance_mm))
    progress(_STEP, 1.0)
    return np.diff(so_far, prepend=0.0)


def _on_equator(run: Run, grid: Grid, distance_mm: float) -> float:
    """Return the mean water kerma at a distance, each voxel brought there by the inverse cube of its own distance."""
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    distance = np.linalg.norm(points, axis=-1)
    shell = (np.abs(distance - distance_mm) < _SPACING_MM / 2) & (np.abs(points[..., 2]) < EQUATOR_COSINE * distance)
    values = kerma(run, without_margin(grid))[0][..., 1]
    cube = (distance[shell] / distance_mm) ** 3 / over_middle(_SPACING_MM, distance[shell])
    return float((values[shell] * cube).mean())


def over_middle(spacing_mm: float, distance_mm: FloatArray) -> FloatArray:
    """Return the mean of an inverse cube over a cubic voxel, over its value in the middle: 1 + h^2 / (4 r^2)."""
    return np.asarray(1 + (spacing_mm / (2 * distance_mm)) ** 2)
