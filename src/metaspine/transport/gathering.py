"""Scatter gathered ray by ray onto one running array: for doses that must be shown before they are finished.

A :class:`metaspine.transport.scatter.Tally` keeps sums and squares in double precision and scores every batch apart,
which costs more than a small batch itself. Here the rays of one seed are scored in their order onto one array; where a
call ends and the next begins changes no bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.compiling import kernel
from metaspine.transport.medium import Medium
from metaspine.transport.scatter import Sampling, scored_ray
from metaspine.transport.source import Source, beyond_rim, check_inside

Scores = NDArray[np.float32]


def cleared(medium: Medium, old: Scores | None = None) -> Scores:
    """Return an array of zeros (voxel with rim, medium or water); the old one where it has the size."""
    if old is None or len(old) != medium.packed.size:
        return np.zeros((medium.packed.size, 2), dtype=np.float32)
    old[:] = 0.0
    return old


def gather(first_ray: int, rays: int, scores: Scores, *, sampling: Sampling, source: Source, medium: Medium) -> int:
    """Score some rays onto ``scores``, in keV/(mm^2 g/cm3), and return how many photons were followed.

    Parameters
    ----------
    first_ray, rays
        The rays' numbers. Energies fill the spectrum evenly over every ``sampling.rays_per_batch`` of them.
    scores
        As :func:`cleared` makes it; it is written to.
    sampling, source, medium
        As for :func:`metaspine.transport.scatter.continued`.

    Raises
    ------
    ValueError
        No rays asked for, a source outside the grid, a spectrum outside the tables.
    """
    if first_ray < 0 or rays < 1:
        raise ValueError(f"{rays} rays from number {first_ray}: at least one, from 0, is wanted")
    check_inside(source.point_mm, source.edges_kev, medium)
    return int(_gather(first_ray, rays, scores, sampling, beyond_rim(source, medium), medium))


@kernel
def _gather(first_ray: int, rays: int, scores: Scores, sampling: Sampling, source: Source, medium: Medium) -> int:
    photons = 0
    for ray in range(first_ray, first_ray + rays):
        photons += scored_ray(ray, sampling, source, medium, scores)
    return photons
