"""What the photons of the reference engine fly through: the patient's tissues around the dose grid, and the needle.

The transport grid is the dose grid with a margin on all sides, from which photons scatter back; its voxels are the dose
grid's own, so that no dose is ever interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.interior import inside_applicator
from metaspine.errors import InputError
from metaspine.geometry.grid import Grid
from metaspine.geometry.resampling import resample
from metaspine.geometry.volume import Volume
from metaspine.imaging.calibration import CtCurve
from metaspine.imaging.densities import Override, tissue_map
from metaspine.imaging.findings import find_foreign
from metaspine.patient.plan import DwellPosition
from metaspine.patient.scan import Scan
from metaspine.physics.applicators import Applicator
from metaspine.physics.materials import Material, material

MARGIN_MM = 15.0
"""DOS-02."""
AIR_HU = -1000.0
METAL_FROM_G_CM3 = 2.5
"""No tissue is denser; DOS-05."""
_PARTS = 4
"""A voxel that the applicator cuts is judged at this many points a side."""


@dataclass(frozen=True, eq=False)
class Tissues:
    """Materials and densities on the transport grid.

    Parameters
    ----------
    material
        uint8 indices into ``materials``.
    density
        g/cm3.
    materials
        Water first: it is what dose to water is scored with.
    notes
        What the reader of a dose must know of them.
    """

    material: Volume
    density: Volume
    materials: tuple[Material, ...]
    notes: tuple[str, ...] = ()

    @property
    def metal(self) -> NDArray[np.bool_]:
        """Voxels denser than any tissue."""
        return np.asarray(self.density.values > METAL_FROM_G_CM3)


def with_margin(grid: Grid, margin_mm: float = MARGIN_MM) -> Grid:
    """Return a grid with at least ``margin_mm`` more of the same voxels on every side."""
    i, j, k = _margin_voxels(grid, margin_mm)
    shape = grid.shape
    return grid.cropped((-i, -j, -k), (shape[0] + i, shape[1] + j, shape[2] + k))


def without_margin(grid: Grid, margin_mm: float = MARGIN_MM) -> tuple[slice, slice, slice]:
    """Return where the voxels of a dose grid lie in its transport grid."""
    i, j, k = _margin_voxels(grid, margin_mm)
    return slice(i, i + grid.shape[0]), slice(j, j + grid.shape[1]), slice(k, k + grid.shape[2])


def tissues_around(
    scan: Scan,
    grid: Grid,
    *,
    curve: CtCurve | None = None,
    overrides: Sequence[Override] = (),
    margin_mm: float = MARGIN_MM,
) -> Tissues:
    """Return the tissues of a scan on the transport grid around a dose grid.

    The Hounsfield units are resampled, then read; what lies outside the scan is air. Metal, cement and contrast are
    looked for in the scan itself.

    Parameters
    ----------
    scan
        Hounsfield units and structures.
    grid
        The dose grid.
    curve, overrides
        As in :func:`metaspine.imaging.densities.tissue_map`.
    margin_mm
        How far the tissues reach beyond the dose grid.
    """
    wanted = with_margin(grid, margin_mm)
    image = resample(scan.image, wanted, outside=AIR_HU)
    there = replace(scan, image=image)
    found = tissue_map(there, curve, overrides=overrides, findings=find_foreign(scan))
    return Tissues(
        material=found.material,
        density=found.density,
        materials=found.materials,
        notes=(*found.cautions, *_beyond_scan(scan, wanted), *found.notes),
    )


def all_water(grid: Grid, *, margin_mm: float = MARGIN_MM) -> Tissues:
    """Return water on the transport grid around a dose grid, for calibration and the independent check."""
    wanted, water = with_margin(grid, margin_mm), material("water")
    return Tissues(
        material=Volume(np.zeros(wanted.shape, np.uint8), wanted),
        density=Volume(np.full(wanted.shape, water.density_g_cm3, np.float32), wanted),
        materials=(water,),
    )


def density_around_applicator(tissues: Tissues, dwell: DwellPosition, applicator: Applicator) -> NDArray[np.float32]:
    """Return the densities with the applicator's own volume emptied.

    What the applicator displaces does not attenuate, and its wall stands in the spectrum already. A voxel that it cuts
    keeps the density of the part outside.

    Raises
    ------
    InputError
        When the isocentre lies in metal.
    """
    grid, density = tissues.density.grid, np.array(tissues.density.values, dtype=np.float32)
    _refuse_metal(tissues, dwell)
    near = _near_axis(grid, dwell, applicator)
    steps = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
    parts = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid.point_mm(near[:, None, :] + parts)
    share = inside_applicator(points, dwells=(dwell,), applicator=applicator).mean(axis=1)
    density[tuple(near.T)] *= 1 - share
    return density


def _margin_voxels(grid: Grid, margin_mm: float) -> tuple[int, int, int]:
    i, j, k = (int(np.ceil(margin_mm / spacing)) for spacing in grid.spacing_mm)
    return i, j, k


def _beyond_scan(scan: Scan, grid: Grid) -> list[str]:
    corners = scan.image.grid.contains(grid.corners_mm())
    if corners.all():
        return []
    return ["The scan ends inside the region that photons scatter back from; beyond it air is assumed (DOS-02)"]


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


def _near_axis(grid: Grid, dwell: DwellPosition, applicator: Applicator) -> NDArray[np.int64]:
    """Return the indices (n, 3) of the voxels that may hold a part of the applicator."""
    centres = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3) - dwell.isocentre_mm
    direction = np.asarray(dwell.direction) / np.linalg.norm(dwell.direction)
    along = centres @ direction
    across = np.linalg.norm(centres - along[:, None] * direction, axis=1)
    reach = float(np.linalg.norm(grid.spacing_mm)) / 2
    near = (across < applicator.radius_mm + reach) & (along < applicator.tip_beyond_isocentre_mm + reach)
    return np.argwhere(near.reshape(grid.shape))
