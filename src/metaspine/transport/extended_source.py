"""The primary of a source that is more than a point: the mean over its points of emission, where that matters.

Far from the source the centre of its points stands for all of them. The error is of second order in extent over
distance: for a dose that falls as the cube, at most 6 sigma^2 / r^2 with sigma the spread along the way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.medium import WHOLE, Medium, Part
from metaspine.transport.primary import Nodes, primary_kerma
from metaspine.transport.source import Source

FAR_EXTENTS = 20.0
"""Voxels farther away than this many times the source's extent take its centre for all of its points."""


def extended_primary_kerma(
    source: Source,
    nodes: Nodes,
    medium: Medium,
    *,
    radius_mm: float,
    averaging_radius_mm: float = 5.0,
    far_extents: float = FAR_EXTENTS,
    part: Part = WHOLE,
) -> NDArray[np.float32]:
    """Return the primary's collision kerma per emitted photon of a source of one point or several.

    Parameters
    ----------
    source, nodes, medium, radius_mm, averaging_radius_mm, part
        As :func:`metaspine.transport.primary.primary_kerma` takes them; a point source is handed to it as it is.
    far_extents
        Beyond this many extents from the centre, the largest distance of a point from it, the centre stands for all.

    Returns
    -------
    NDArray[np.float32]
        (nx, ny, nz, 2) in Gy: to the medium, to water in the medium.

    Raises
    ------
    ValueError
        A source outside the grid, an energy outside the tables.
    """
    kerma = primary_kerma(
        source, nodes, medium, radius_mm=radius_mm, averaging_radius_mm=averaging_radius_mm, part=part
    )
    if len(source.shares) == 1:
        return kerma
    extent_mm = float(np.linalg.norm(source.offsets_mm, axis=1).max())
    near_mm = min(far_extents * extent_mm, radius_mm)
    near = _within(near_mm, source, medium)
    sums = np.zeros((int(near.sum()), 2))
    for offset, share in zip(source.offsets_mm, np.diff(source.shares, prepend=0.0), strict=True):
        x, y, z = (float(value) for value in np.add(source.point_mm, offset))
        of_point = primary_kerma(
            source._replace(point_mm=(x, y, z), offsets_mm=np.zeros((1, 3)), shares=np.ones(1)),
            nodes,
            medium,
            radius_mm=near_mm + extent_mm,
            averaging_radius_mm=averaging_radius_mm,
            part=part,
        )
        sums += share * of_point[near]
    kerma[near] = sums
    return kerma


def _within(radius_mm: float, source: Source, medium: Medium) -> NDArray[np.bool_]:
    """Return the voxels whose centres lie within a distance of the source's centre."""
    lattice = medium.lattice
    spacing = (lattice.spacing_x_mm, lattice.spacing_y_mm, lattice.spacing_z_mm)
    squares = [
        ((np.arange(count) + 0.5) * side - place) ** 2
        for count, side, place in zip(medium.shape, spacing, source.point_mm, strict=True)
    ]
    x, y, z = np.meshgrid(*squares, indexing="ij", sparse=True)
    return np.asarray(x + y + z <= radius_mm**2)
