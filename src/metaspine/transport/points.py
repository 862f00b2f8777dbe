"""The primary's collision kerma at some points, for sources that are moved many times.

The formula is that of :mod:`metaspine.transport.primary`, at the points themselves: no voxel is averaged.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from metaspine.transport.compiling import kernel
from metaspine.transport.medium import MATERIAL_BITS, OUTSIDE, TOTAL, TRANSFER, Medium
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import Nodes
from metaspine.transport.source import Source, beyond_rim, check_inside, emission
from metaspine.transport.voxel_walk import MM_PER_TICK, TICKS_PER_MM, leaves_at, next_voxel, walk_from

FloatArray = NDArray[np.float64]


def primary_at_points(source: Source, nodes: Nodes, medium: Medium, points_mm: FloatArray) -> FloatArray:
    """Return the primary's kerma (point, medium or water) in Gy per emitted photon at points (point, 3).

    Parameters
    ----------
    source, nodes, medium
        As for :func:`metaspine.transport.primary.primary_kerma`.
    points_mm
        From the corner of the grid, along its axes.

    Raises
    ------
    ValueError
        A source or a point outside the grid, an energy outside the tables.
    """
    check_inside(source.point_mm, nodes.energies_kev, medium)
    lattice = medium.lattice
    spacing = np.array([lattice.spacing_x_mm, lattice.spacing_y_mm, lattice.spacing_z_mm])
    if not ((points_mm > 0) & (points_mm < spacing * medium.shape)).all():
        raise ValueError(f"a point lies outside the grid of {spacing * medium.shape} mm")
    place = (nodes.energies_kev - medium.energy_start_kev) / medium.energy_step_kev
    row = np.floor(place).astype(int)
    table = medium.coefficients.astype(np.float64)
    at = table[:, row] + (place - row)[:, None] * (table[:, row + 1] - table[:, row])
    weights = at[..., TRANSFER] * nodes.photons * nodes.energies_kev * GRAY_PER_KEV_PER_MM3
    kerma = np.zeros((len(points_mm), 2))
    beam = (at[..., TOTAL] * MM_PER_TICK, weights, np.zeros(len(at)))
    _fill(points_mm + spacing, kerma, beam, beyond_rim(source, medium), medium)
    return kerma


@kernel
def _fill(
    points_mm: FloatArray,
    kerma: FloatArray,
    beam: tuple[FloatArray, FloatArray, FloatArray],
    source: Source,
    medium: Medium,
) -> None:
    """Fill ``kerma``; ``beam``: (material, node) attenuation per tick and g/cm3, and kerma; (material,) room."""
    attenuation, weights, areal = beam
    start, nodes = source.point_mm, attenuation.shape[1]
    for index in range(len(points_mm)):
        x, y, z = points_mm[index, 0] - start[0], points_mm[index, 1] - start[1], points_mm[index, 2] - start[2]
        distance = max(math.sqrt(x * x + y * y + z * z), 1e-6)
        direction = (x / distance, y / distance, z / distance)
        goal, at = int(distance * TICKS_PER_MM), 0
        areal[:] = 0.0
        walk = walk_from(start, direction, medium.lattice)
        while medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS != OUTSIDE:
            end = min(leaves_at(walk), goal)
            here = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
            areal[here] += medium.density[np.uint64(walk.voxel)] * (end - at)
            at = end
            if at >= goal:
                break
            walk = next_voxel(walk)
        material = medium.packed[np.uint64(walk.voxel)] & MATERIAL_BITS
        spread = emission(direction, source) / (4.0 * math.pi * distance * distance)
        for node in range(nodes):
            depth = 0.0
            for each in range(len(areal)):
                if areal[each] > 0.0:
                    depth += attenuation[each, node] * areal[each]
            left = spread * math.exp(-depth)
            kerma[index, 0] += weights[material, node] * left
            kerma[index, 1] += weights[medium.water, node] * left
