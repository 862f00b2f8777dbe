r"""How much bone stands between the source and a place: what decides if console dose and true dose agree there.

Along the straight ways from the isocentre, bone is counted as the thickness of cortex that holds as much of it:

.. math:: t = \int \frac{\rho - \rho_{soft}}{\rho_{cortex} - \rho_{soft}} ds

over voxels that are bone and no metal (DOS-21). A CT smears a wall thinner than a voxel; the integral keeps it. Whether
so thin a wall is whole, a CT does not show, and nothing is said of that.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from metaspine.dosimetry.reference_tissues import METAL_FROM_G_CM3, Tissues
from metaspine.geometry.grid import FloatArray

BONE_FROM_G_CM3, SOFT_G_CM3, CORTEX_G_CM3 = 1.0762, 1.05, 1.92
"""CT-02: bone begins at 100 HU; soft tissue; cortical bone."""
INTACT_FROM_MM, LITTLE_TO_MM, SHARE = 1.0, 0.3, 0.95
"""DOS-21."""
_STEP_MM = 0.25


class Wall(StrEnum):
    """What the straight ways from the isocentre to a place meet (DOS-21)."""

    INTACT = "intact wall"
    """Nearly all ways cross bone worth 1 mm of cortex or more."""
    THIN = "some bone"
    LITTLE = "little bone"
    """Nearly all ways cross bone worth 0.3 mm or less: the wall is thin, soft, destroyed, or there is none."""


def wall_of(thickness_mm: FloatArray) -> Wall:
    """Return what stands in the way, by the bone on each of the ways, (n,), one or more."""
    if (thickness_mm >= INTACT_FROM_MM).mean() >= SHARE:
        return Wall.INTACT
    return Wall.LITTLE if (thickness_mm <= LITTLE_TO_MM).mean() >= SHARE else Wall.THIN


def bone_before_mm(points_mm: FloatArray, tissues: Tissues, isocentre_mm: FloatArray) -> FloatArray:
    """Return for each LPS point (n, 3) the bone on the straight way to it from the isocentre, in mm of cortex."""
    grid, density = tissues.density.grid, tissues.density.values
    ways = np.asarray(points_mm, dtype=np.float64) - isocentre_mm
    lengths = np.linalg.norm(ways, axis=-1)
    steps = int(np.ceil(float(lengths.max()) / _STEP_MM)) + 1
    shares = (np.arange(steps)[:, None] + 0.5) / steps
    found = np.zeros(len(ways))
    for number, way in enumerate(ways):
        index = np.rint(grid.index(isocentre_mm + shares * way)).astype(int)
        here = density[tuple(index[grid.holds(index)].T)]
        bone = here[(here >= BONE_FROM_G_CM3) & (here <= METAL_FROM_G_CM3)]
        found[number] = float(((bone - SOFT_G_CM3) / (CORTEX_G_CM3 - SOFT_G_CM3)).sum()) * lengths[number] / steps
    return found
