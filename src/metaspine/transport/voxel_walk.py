"""The exact walk of a straight line through a grid, voxel by voxel.

After Siddon [1]_ in the incremental form of Amanatides and Woo [2]_: the line keeps the distances at which it crosses
the next plane of each axis. A step takes the nearest of the three without a branch, since which axis comes next cannot
be predicted.

References
----------
.. [1] Siddon RL. Fast calculation of the exact radiological path for a three-dimensional CT array. Med Phys
   1985;12:252-255. doi:10.1118/1.595715
.. [2] Amanatides J, Woo A. A fast voxel traversal algorithm for ray tracing. Eurographics 1987.
   doi:10.2312/egtp.19871000
"""

from __future__ import annotations

from typing import NamedTuple

from metaspine.transport.compiling import step
from metaspine.transport.medium import Lattice

TICKS_PER_MM = 4294967296.0
"""Distances are whole numbers of 2^-32 mm: integers are compared and chosen several times faster than floats."""
MM_PER_TICK = 1.0 / TICKS_PER_MM
NEVER_MM = 4e8
"""Beyond every grid, and small enough for twice of it to be a number of ticks."""
NEVER = int(NEVER_MM * TICKS_PER_MM)

PARALLEL = 1e-12
"""A line whose direction has less than this along an axis crosses none of its planes."""


class Walk(NamedTuple):
    """Where a line is: its voxel, and the ticks along it at which it leaves through a plane of each axis."""

    voxel: int
    to_x: int
    to_y: int
    to_z: int
    across_x: int
    """The ticks along the line between two planes of that axis."""
    across_y: int
    across_z: int
    stride_x: int
    """What a crossing adds to the voxel's number: negative where the line runs backwards."""
    stride_y: int
    stride_z: int


@step
def voxel_of(x_mm: float, y_mm: float, z_mm: float, lattice: Lattice) -> int:
    """Return the number of the voxel that holds a point, given in mm from the rim's corner."""
    i, j, k = int(x_mm / lattice.spacing_x_mm), int(y_mm / lattice.spacing_y_mm), int(z_mm / lattice.spacing_z_mm)
    return i * lattice.stride_x + j * lattice.stride_y + k


@step
def ticks(distance_mm: float) -> int:
    """Return a distance as a whole number of ticks."""
    return int(min(distance_mm, NEVER_MM) * TICKS_PER_MM)


@step
def _planes(place_mm: float, along: float, cell: int, spacing_mm: float) -> tuple[int, int]:
    """Return the ticks to the next plane of one axis, and from plane to plane.

    Without a branch, as signs are random.
    """
    forward = along >= 0.0
    crosses = abs(along) > PARALLEL
    pace = 1.0 / abs(along) if crosses else 0.0
    ahead_mm = (cell + 1) * spacing_mm - place_mm if forward else place_mm - cell * spacing_mm
    to_mm, across_mm = (ahead_mm * pace, spacing_mm * pace) if crosses else (NEVER_MM, NEVER_MM)
    return ticks(to_mm), ticks(across_mm)


@step
def walk_from(point_mm: tuple[float, float, float], direction: tuple[float, float, float], lattice: Lattice) -> Walk:
    """Return the walk of a line at its start.

    Parameters
    ----------
    point_mm, direction
        The start in mm from the rim's corner, and a unit vector.
    lattice
        The grid.
    """
    i = int(point_mm[0] / lattice.spacing_x_mm)
    j = int(point_mm[1] / lattice.spacing_y_mm)
    k = int(point_mm[2] / lattice.spacing_z_mm)
    to_x, across_x = _planes(point_mm[0], direction[0], i, lattice.spacing_x_mm)
    to_y, across_y = _planes(point_mm[1], direction[1], j, lattice.spacing_y_mm)
    to_z, across_z = _planes(point_mm[2], direction[2], k, lattice.spacing_z_mm)
    stride_x = lattice.stride_x if direction[0] >= 0.0 else -lattice.stride_x
    stride_y = lattice.stride_y if direction[1] >= 0.0 else -lattice.stride_y
    stride_z = 1 if direction[2] >= 0.0 else -1
    voxel = i * lattice.stride_x + j * lattice.stride_y + k
    return Walk(voxel, to_x, to_y, to_z, across_x, across_y, across_z, stride_x, stride_y, stride_z)


@step
def leaves_at(walk: Walk) -> int:
    """Return the ticks from the start at which the line leaves its present voxel."""
    nearer = walk.to_y if walk.to_y < walk.to_z else walk.to_z
    return walk.to_x if walk.to_x < nearer else nearer


@step
def next_voxel(walk: Walk) -> Walk:
    """Return the walk one voxel further; through an edge or a corner it goes in one step."""
    end = leaves_at(walk)
    through_x, through_y, through_z = walk.to_x <= end, walk.to_y <= end, walk.to_z <= end
    return Walk(
        walk.voxel
        + (walk.stride_x if through_x else 0)
        + (walk.stride_y if through_y else 0)
        + (walk.stride_z if through_z else 0),
        walk.to_x + (walk.across_x if through_x else 0),
        walk.to_y + (walk.across_y if through_y else 0),
        walk.to_z + (walk.across_z if through_z else 0),
        walk.across_x,
        walk.across_y,
        walk.across_z,
        walk.stride_x,
        walk.stride_y,
        walk.stride_z,
    )
