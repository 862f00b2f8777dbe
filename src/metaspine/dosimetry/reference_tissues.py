"""What the photons of the reference engine fly through: the patient's tissues around the dose grid, and the needle.

The transport grid is the dose grid with a margin on all sides, from which photons scatter back; its voxels are the dose
grid's own, so that no dose is ever interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.geometry.grid import Grid
from metaspine.geometry.resampling import resample
from metaspine.geometry.volume import Volume
from metaspine.imaging.calibration import CtCurve
from metaspine.imaging.densities import Override, tissue_map
from metaspine.imaging.findings import find_foreign
from metaspine.imaging.regions import region_of
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure
from metaspine.physics.materials import Material, material

MARGIN_MM = 15.0
"""DOS-02."""
AIR_HU = -1000.0
METAL_FROM_G_CM3 = 2.5
"""No tissue is denser; DOS-05."""


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
    unanswered
        Metal, cement and contrast seen in this grid, of which nobody has said what they are made of.
    """

    material: Volume
    density: Volume
    materials: tuple[Material, ...]
    notes: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

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
    looked for in the scan itself; what lies beyond the transport grid, where no photon flies, is neither read nor
    asked about.

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
    seen = [finding for finding in find_foreign(scan) if _reaches(finding.structure, wanted, scan)]
    stated = [override for override in overrides if _reaches(override.structure, wanted, scan)]
    found = tissue_map(there, curve, overrides=stated, findings=seen)
    return Tissues(
        material=found.material,
        density=found.density,
        materials=found.materials,
        notes=(*found.cautions, *_beyond_scan(scan, wanted), *found.notes),
        unanswered=tuple(finding.structure.name for finding in found.findings),
    )


def all_water(grid: Grid, *, margin_mm: float = MARGIN_MM) -> Tissues:
    """Return water on the transport grid around a dose grid, for calibration and the independent check."""
    wanted, water = with_margin(grid, margin_mm), material("water")
    return Tissues(
        material=Volume(np.zeros(wanted.shape, np.uint8), wanted),
        density=Volume(np.full(wanted.shape, water.density_g_cm3, np.float32), wanted),
        materials=(water,),
    )


def _reaches(structure: Structure, grid: Grid, scan: Scan) -> bool:
    """Say whether a structure has voxels of a grid; one outside the scan counts too, so that it is refused."""
    scan.image.grid.require_frame(structure.frame_of_reference, where=structure.name)
    return region_of(structure, grid) is not None or region_of(structure, scan.image.grid) is None


def _margin_voxels(grid: Grid, margin_mm: float) -> tuple[int, int, int]:
    i, j, k = (int(np.ceil(margin_mm / spacing)) for spacing in grid.spacing_mm)
    return i, j, k


def _beyond_scan(scan: Scan, grid: Grid) -> list[str]:
    corners = scan.image.grid.contains(grid.corners_mm())
    if corners.all():
        return []
    return ["The scan ends inside the region that photons scatter back from; beyond it air is assumed (DOS-02)"]
