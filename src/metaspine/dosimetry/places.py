"""Where doses are looked at: shells, structures, their borders and their hottest parts, as voxels of a dose grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.dosimetry.water import dose_at_points
from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.imaging.regions import region_of
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure

HOTTEST_CM3 = 0.03
"""DOS-07."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Place:
    """Voxels of a dose grid, with what they are called."""

    name: str
    voxels: Mask


def centres_mm(grid: Grid) -> FloatArray:
    """Return the LPS points (nx, ny, nz, 3) of a grid's voxel centres."""
    return grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def console_gy(plan: Plan, grid: Grid) -> FloatArray:
    """Return the console's dose at a grid's voxel centres; NaN inside the applicator."""
    return dose_at_points(centres_mm(grid), dwells=(plan.dwell,), applicator=plan.applicator, output=plan.output)


def shell(grid: Grid, centre_mm: FloatArray, distance_mm: float) -> Mask:
    """Return the voxels of a shell one voxel thick around a point."""
    distance = np.linalg.norm(centres_mm(grid) - centre_mm, axis=-1)
    return np.asarray(np.abs(distance - distance_mm) < float(grid.spacing_mm.max()) / 2)


def structure_mask(structure: Structure, grid: Grid) -> Mask:
    """Return the voxels of a grid that a structure covers by half or more.

    Raises
    ------
    FrameMismatch
        When structure and grid live in different frames of reference.
    """
    grid.require_frame(structure.frame_of_reference, where=structure.name)
    mask, region = np.zeros(grid.shape, dtype=bool), region_of(structure, grid)
    if region is not None:
        mask[region.box] = region.mask
    return mask


def border(structure: Structure, grid: Grid) -> Mask:
    """Return the outermost voxels of a structure."""
    mask = structure_mask(structure, grid)
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=1))


def hottest(structure: Structure, console: FloatArray, grid: Grid) -> Mask:
    """Return the voxels of a structure that get most by the console's dose, up to 0.03 cm3 (DOS-07)."""
    inside = np.flatnonzero(structure_mask(structure, grid) & np.isfinite(console))
    count = max(1, round(HOTTEST_CM3 * 1000 / grid.voxel_volume_mm3))
    chosen = inside[np.argsort(-console.ravel()[inside], kind="stable")[:count]]
    mask = np.zeros(grid.shape, dtype=bool)
    mask.ravel()[chosen] = True
    return mask


def place_of(plan: Plan, scan: Scan, name: str, *, grid: Grid, whole: bool = False) -> Place:
    """Return the place in a named structure that a run's uncertainty can be asked for.

    Parameters
    ----------
    plan, scan
        Which know the structures: the plan's lesion and limiting structure (which may be derived), the scan's others.
    name
        Of the structure.
    grid
        The dose grid.
    whole
        All of the structure inside the grid, instead of the 0.03 cm3 that get most by the console's dose.

    Raises
    ------
    StructureError
        When there is no structure of that name.
    InputError
        When the structure has no voxel in the dose grid outside the applicator.
    FrameMismatch
        When structure and plan live in different frames of reference.
    """
    own = {structure.name: structure for structure in (plan.lesion, plan.limiting_structure)}
    structure = own[name] if name in own else scan.structure(name)
    console = console_gy(plan, grid)
    if whole:
        place = Place(f"{name}, all of it in the dose grid", structure_mask(structure, grid) & np.isfinite(console))
    else:
        place = Place(f"the hottest {HOTTEST_CM3:g} cm3 of {name}", hottest(structure, console, grid))
    if not place.voxels.any():
        raise InputError(
            f"no voxel of {name} lies in the dose grid outside the applicator",
            where=name,
            remedy="Ask for a structure near the isocentre, or compute on a larger grid",
        )
    return place
