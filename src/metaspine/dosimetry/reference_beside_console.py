"""Monte Carlo dose beside console dose, place by place: two conventions, shown together and never mixed.

Prescription and limits stay in console dose. Nothing here lengthens a treatment: a ratio below one says that bone
takes what water would not, not that more should be given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.dosimetry.reference import ReferenceDoses
from metaspine.dosimetry.water import dose_at_points
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.imaging.regions import region_of
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure

HOTTEST_CM3 = 0.03
"""DOS-07."""
_NEURAL = (Role.SPINAL_CORD, Role.THECAL_SAC, Role.CAUDA_EQUINA, Role.BONY_CANAL)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class BesideConsole:
    """Both doses at one place, medians over the same voxels; NaN where the place has no voxel in the dose grid."""

    place: str
    voxels: int
    console_gy: float
    to_medium_gy: float
    to_water_gy: float
    relative_uncertainty: float
    """One standard deviation of the Monte Carlo dose to medium, as in one of the voxels."""

    @property
    def ratio(self) -> float:
        """Monte Carlo dose to water over console dose: heterogeneity and the table's shape, not a check."""
        return self.to_water_gy / self.console_gy

    @property
    def sentence(self) -> str:
        """Both doses in words."""
        if self.voxels == 0:
            return f"{self.place}: no voxel of the dose grid lies there; nothing is said of it."
        return (
            f"{self.place}: {self.console_gy:.2f} Gy console dose; by Monte Carlo {self.to_medium_gy:.2f} Gy to medium "
            f"(1 SD {self.relative_uncertainty:.0%}), {self.to_water_gy:.2f} Gy to water in medium, "
            f"{self.ratio:.2f} of the console dose."
        )


def beside_console(plan: Plan, scan: Scan, reference: ReferenceDoses) -> tuple[BesideConsole, ...]:
    """Return both doses at the prescribed distance, the lesion's border, canal, sac and cord.

    In canal, sac, cord and the limiting structure the voxels are the 0.03 cm3 that get most by the console's dose, the
    same for both (DOS-07).

    Parameters
    ----------
    plan, scan
        What the reference dose was computed for.
    reference
        Its doses.

    Raises
    ------
    FrameMismatch
        When the dose and a structure live in different frames of reference.
    """
    grid = reference.to_medium.volume.grid
    grid.require_frame(scan.frame_of_reference, where="Monte Carlo beside console dose")
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    console = dose_at_points(points, dwells=(plan.dwell,), applicator=plan.applicator, output=plan.output)
    prescribed = plan.prescription.applied_distance_mm
    distance = np.linalg.norm(points - plan.dwell.isocentre_mm, axis=-1)
    places: list[tuple[str, Mask]] = [
        (
            f"Prescribed distance, {prescribed:g} mm from the isocentre",
            np.abs(distance - prescribed) < float(grid.spacing_mm.max()) / 2,
        ),
        (f"Border of {plan.lesion.name}", _border(plan.lesion, grid)),
    ]
    places += [
        (f"Hottest {HOTTEST_CM3:g} cm3 of {structure.name}", _hottest(structure, console, grid))
        for structure in _limiting(plan, scan)
    ]
    return tuple(_beside(place, mask & np.isfinite(console), console, reference) for place, mask in places)


def _limiting(plan: Plan, scan: Scan) -> list[Structure]:
    """Return the plan's limiting structure, then the scan's other neural ones, each name once."""
    found = {plan.limiting_structure.name: plan.limiting_structure}
    for structure in (one for role in _NEURAL for one in scan.of_role(role)):
        found.setdefault(structure.name, structure)
    return list(found.values())


def _mask(structure: Structure, grid: Grid) -> Mask:
    grid.require_frame(structure.frame_of_reference, where=structure.name)
    mask, region = np.zeros(grid.shape, dtype=bool), region_of(structure, grid)
    if region is not None:
        mask[region.box] = region.mask
    return mask


def _border(structure: Structure, grid: Grid) -> Mask:
    mask = _mask(structure, grid)
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=1))


def _hottest(structure: Structure, console: FloatArray, grid: Grid) -> Mask:
    """Return the voxels of a structure that get most by the console's dose, up to 0.03 cm3 and at least one."""
    inside = np.flatnonzero(_mask(structure, grid) & np.isfinite(console))
    count = max(1, round(HOTTEST_CM3 * 1000 / grid.voxel_volume_mm3))
    chosen = inside[np.argsort(-console.ravel()[inside], kind="stable")[:count]]
    hottest = np.zeros(grid.shape, dtype=bool)
    hottest.ravel()[chosen] = True
    return hottest


def _beside(place: str, mask: Mask, console: FloatArray, reference: ReferenceDoses) -> BesideConsole:
    def median(values: NDArray[np.floating]) -> float:
        return float(np.median(values[mask])) if mask.any() else float("nan")

    return BesideConsole(
        place=place,
        voxels=int(mask.sum()),
        console_gy=median(console),
        to_medium_gy=median(reference.to_medium.volume.values),
        to_water_gy=median(reference.to_water.volume.values),
        relative_uncertainty=median(reference.to_medium.relative_uncertainty.values),
    )
