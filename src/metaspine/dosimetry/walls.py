"""Whether bone stands between the source and a place: what decides if console dose and true dose are the same there."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.reference_tissues import METAL_FROM_G_CM3, Tissues
from metaspine.geometry.grid import FloatArray

WALL_FROM_G_CM3 = 1.3
"""DOS-21."""
INTACT_SHARE = 0.95
"""DOS-21."""
_STEP_MM = 0.25


class Wall(StrEnum):
    """What the straight ways from the isocentre to a place meet (DOS-21)."""

    INTACT = "intact"
    """Nearly all ways cross bone as dense as a cortex."""
    PARTLY = "open in parts"
    OPEN = "open"
    """Nearly none do: the wall was destroyed, or there is none."""


def wall_before(points_mm: FloatArray, tissues: Tissues, isocentre_mm: FloatArray) -> Wall:
    """Return what stands between the isocentre and LPS points (n, 3), one or more."""
    share = float(crosses_wall(points_mm, tissues, isocentre_mm).mean())
    if share >= INTACT_SHARE:
        return Wall.INTACT
    return Wall.OPEN if share <= 1 - INTACT_SHARE else Wall.PARTLY


def crosses_wall(points_mm: FloatArray, tissues: Tissues, isocentre_mm: FloatArray) -> NDArray[np.bool_]:
    """Say for each LPS point (n, 3) whether the way to it from the isocentre crosses bone as dense as a cortex."""
    grid, density = tissues.density.grid, tissues.density.values
    ways = np.asarray(points_mm, dtype=np.float64) - isocentre_mm
    steps = int(np.ceil(float(np.linalg.norm(ways, axis=-1).max()) / _STEP_MM)) + 1
    shares = np.linspace(0.0, 1.0, steps)[:, None]
    found = np.zeros(len(ways), dtype=np.bool_)
    for number, way in enumerate(ways):
        index = np.rint(grid.index(isocentre_mm + shares * way)).astype(int)
        here = density[tuple(index[grid.holds(index)].T)]
        found[number] = bool(((here >= WALL_FROM_G_CM3) & (here <= METAL_FROM_G_CM3)).any())
    return found
