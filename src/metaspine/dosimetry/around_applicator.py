"""The applicator in the tissues: its volume emptied, and the metal behind its tip put where its file says it is.

What the applicator displaces does not attenuate, and its wall stands in the spectrum already. Shaft and cannula throw a
shadow where the device file names their walls (PHY-27); where it does not, nothing does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.reference_tissues import Tissues
from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator
from metaspine.physics.materials import Material, material
from metaspine.physics.photon_data import coefficients

_PARTS, _METAL_PARTS = 4, 8
"""A voxel that the applicator, or a thin wall of metal, cuts is judged at this many points a side."""
MIXED_KEV = 30.0
"""A voxel that metal and tissue share is metal, of the density that attenuates as both do at this energy (DOS-10)."""

Indices = NDArray[np.int64]


def around_applicator(tissues: Tissues, dwell: DwellPosition, applicator: Applicator) -> Tissues:
    """Return the tissues with the applicator in them; a voxel that it cuts keeps the density of the part outside.

    Raises
    ------
    InputError
        When the isocentre lies in metal or outside the grid, or a wall's material is unknown.
    """
    _refuse_metal(tissues, dwell)
    grid, density = tissues.density.grid, np.array(tissues.density.values, dtype=np.float32)
    near = _near_axis(grid, dwell, applicator)
    share = inside_applicator(_points(grid, near, _PARTS), dwells=(dwell,), applicator=applicator).mean(axis=1)
    density[tuple(near.T)] *= 1 - share
    emptied = replace(tissues, density=Volume(density, grid))
    return _with_metal(emptied, dwell, applicator) if applicator.metal else emptied


def metal_of_applicator(grid: Grid, dwell: DwellPosition, applicator: Applicator) -> NDArray[np.bool_]:
    """Return the voxels that hold some of the applicator's own metal: no dose is defined there."""
    found = np.zeros(grid.shape, dtype=bool)
    if applicator.metal:
        near = _near_axis(grid, dwell, applicator)
        found[tuple(near.T)] = _shares(grid, near, dwell, applicator).sum(axis=0) > 0
    return found


def _with_metal(tissues: Tissues, dwell: DwellPosition, applicator: Applicator) -> Tissues:
    grid, near = tissues.density.grid, _near_axis(tissues.density.grid, dwell, applicator)
    shares = _shares(grid, near, dwell, applicator)
    metals = tuple(material(tube.material) for tube in applicator.metal)
    held = shares.sum(axis=0) > 0
    place = tuple(near[held].T)
    materials = (*tissues.materials, *(metal for metal in dict.fromkeys(metals) if metal not in tissues.materials))
    kinds = np.array(tissues.material.values, dtype=np.uint8)
    density = np.array(tissues.density.values, dtype=np.float32)
    attenuation = _attenuation(materials)
    number = np.array([materials.index(metal) for metal in metals])[shares[:, held].argmax(axis=0)]
    grams = sum(share * metal.density_g_cm3 for share, metal in zip(shares[:, held], metals, strict=True))
    tissue = density[place] * (1 - shares[:, held].sum(axis=0)) * attenuation[kinds[place]] / attenuation[number]
    density[place], kinds[place] = grams + tissue, number
    return replace(tissues, material=Volume(kinds, grid), density=Volume(density, grid), materials=materials)


def _attenuation(materials: tuple[Material, ...]) -> FloatArray:
    return np.array([coefficients(each, [MIXED_KEV]).total[0] for each in materials])


def _shares(grid: Grid, near: Indices, dwell: DwellPosition, applicator: Applicator) -> FloatArray:
    """Return the fraction of each voxel's volume that each tube of metal fills, (tube, voxel)."""
    offsets = _points(grid, near, _METAL_PARTS) - dwell.isocentre_mm
    along = offsets @ (np.asarray(dwell.direction) / np.linalg.norm(dwell.direction))
    across = np.sqrt(np.maximum((offsets**2).sum(axis=-1) - along**2, 0.0))
    found = []
    for tube in applicator.metal:
        start, end = tube.behind_isocentre_mm
        inside = (across >= tube.inner_radius_mm) & (across < tube.outer_radius_mm) & (-along >= start)
        found.append((inside & (-along < end)).mean(axis=1))
    return np.array(found)


def _points(grid: Grid, voxels: Indices, parts: int) -> FloatArray:
    """Return points (voxel, part, 3) in LPS mm that fill each voxel evenly."""
    steps = (np.arange(parts) + 0.5) / parts - 0.5
    inside = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid.point_mm(voxels[:, None, :] + inside)


def _near_axis(grid: Grid, dwell: DwellPosition, applicator: Applicator) -> Indices:
    """Return the indices (n, 3) of the voxels that may hold a part of the applicator."""
    centres = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3) - dwell.isocentre_mm
    direction = np.asarray(dwell.direction) / np.linalg.norm(dwell.direction)
    along = centres @ direction
    across = np.linalg.norm(centres - along[:, None] * direction, axis=1)
    reach = float(np.linalg.norm(grid.spacing_mm)) / 2
    widest = max((applicator.radius_mm, *(tube.outer_radius_mm for tube in applicator.metal)))
    near = (across < widest + reach) & (along < applicator.tip_beyond_isocentre_mm + reach)
    return np.argwhere(near.reshape(grid.shape))


def _refuse_metal(tissues: Tissues, dwell: DwellPosition) -> None:
    grid = tissues.density.grid
    index = np.rint(grid.index(dwell.isocentre_mm)).astype(int)
    if not bool(grid.contains(dwell.isocentre_mm)):
        raise InputError(
            f"the source at LPS {np.round(dwell.isocentre_mm, 1).tolist()} mm lies outside the dose grid",
            where="reference engine",
            remedy="Ask for the dose on a grid around the isocentre",
        )
    i, j, k = (int(value) for value in index)
    if tissues.metal[i, j, k]:
        raise InputError(
            f"the source at LPS {np.round(dwell.isocentre_mm, 1).tolist()} mm lies inside metal "
            f"({tissues.density.values[i, j, k]:.3g} g/cm3)",
            where="reference engine",
            remedy="Move the isocentre out of the metal; if the metal is the needle itself, state by an override what "
            "it displaces: the engine puts the applicator there itself",
        )
