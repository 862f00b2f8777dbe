"""Monte Carlo dose beside console dose, place by place: two conventions, shown together and never mixed.

Prescription and limits stay in console dose. Nothing here lengthens a treatment: a ratio below one says that bone
takes what water would not, not that more should be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.places import HOTTEST_CM3, Mask, border, centres_mm, console_gy, hottest, shell
from metaspine.dosimetry.reference import ReferenceDoses
from metaspine.dosimetry.walls import Wall, bone_before_mm, wall_of
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure

TWO_SIDED_95 = 1.96
_NEURAL = (Role.SPINAL_CORD, Role.THECAL_SAC, Role.CAUDA_EQUINA, Role.BONY_CANAL)


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
    structure: str = ""
    """The structure whose hottest part this is; empty at the prescribed distance and at the lesion's border."""
    wall: Wall | None = None
    """What stands between the source and that part."""
    bone_mm: float = float("nan")
    """How much bone stands there, in mm of cortex: median over the straight ways (DOS-21)."""

    @property
    def ratio(self) -> float:
        """Monte Carlo dose to water over console dose: heterogeneity and the table's shape, not a check."""
        return self.to_water_gy / self.console_gy

    @property
    def differs(self) -> bool:
        """Whether the Monte Carlo dose to water differs from the console's by more than its 95 % band (DOS-22)."""
        return abs(self.to_water_gy - self.console_gy) > TWO_SIDED_95 * self.relative_uncertainty * self.to_water_gy

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

    @property
    def for_the_surgeon(self) -> str:
        """What it means for the structure, with the bone in the way; empty where no structure is named."""
        if not self.structure or self.voxels == 0 or self.wall is None:
            return ""
        true, console = f"{self.to_water_gy:.1f} Gy", f"{self.console_gy:.1f} Gy"
        worth = f"(bone worth {self.bone_mm:.1f} mm of cortex)"
        where = {
            Wall.INTACT: f"Behind the intact wall {worth}",
            Wall.THIN: f"Behind some bone {worth}",
            Wall.LITTLE: f"Little bone stands in the way {worth}:",
        }[self.wall]
        if not self.differs:
            return (
                f"{where} the console's dose holds for {self.structure}: {true} by Monte Carlo, {console} by the "
                "console, the same within the uncertainty."
            )
        if self.to_water_gy > self.console_gy:
            return f"{where} {self.structure} gets MORE than the console says: {true}, not {console}."
        return f"{where} {self.structure} gets {true}, not {console}."


def beside_console(
    plan: Plan, scan: Scan, reference: ReferenceDoses, *, further: Sequence[Structure] = ()
) -> tuple[BesideConsole, ...]:
    """Return both doses at the prescribed distance, the lesion's border, canal, sac and cord.

    In canal, sac, cord and the limiting structure the voxels are the 0.03 cm3 that get most by the console's dose, the
    same for both (DOS-07).

    Parameters
    ----------
    plan, scan
        What the reference dose was computed for.
    reference
        Its doses.
    further
        Structures that are neither the plan's nor the scan's, such as a derived canal.

    Raises
    ------
    FrameMismatch
        When the dose and a structure live in different frames of reference.
    """
    grid = reference.to_medium.volume.grid
    grid.require_frame(scan.frame_of_reference, where="Monte Carlo beside console dose")
    console = console_gy(plan, grid)
    prescribed = plan.prescription.applied_distance_mm
    return (
        _beside(
            f"Prescribed distance, {prescribed:g} mm from the isocentre",
            shell(grid, plan.dwell.isocentre_mm, prescribed),
            console,
            reference,
        ),
        _beside(f"Border of {plan.lesion.name}", border(plan.lesion, grid), console, reference),
        *(_beside_hottest(structure, console, reference) for structure in _limiting(plan, scan, further)),
    )


def _limiting(plan: Plan, scan: Scan, further: Sequence[Structure]) -> list[Structure]:
    """Return the plan's limiting structure, then the other neural ones, each name once."""
    found = {plan.limiting_structure.name: plan.limiting_structure}
    for structure in (*(one for role in _NEURAL for one in scan.of_role(role)), *further):
        found.setdefault(structure.name, structure)
    return list(found.values())


def _beside_hottest(structure: Structure, console: FloatArray, reference: ReferenceDoses) -> BesideConsole:
    grid, irradiation = reference.to_medium.volume.grid, reference.irradiation
    mask = hottest(structure, console, grid)
    found = _beside(f"Hottest {HOTTEST_CM3:g} cm3 of {structure.name}", mask, console, reference)
    if not mask.any() or irradiation.tissues is None:
        return replace(found, structure=structure.name)
    bone = bone_before_mm(centres_mm(grid)[mask], irradiation.tissues, irradiation.dwells[0].isocentre_mm)
    return replace(found, structure=structure.name, wall=wall_of(bone), bone_mm=float(np.median(bone)))


def _beside(place: str, voxels: Mask, console: FloatArray, reference: ReferenceDoses) -> BesideConsole:
    mask = voxels & np.isfinite(console) & np.isfinite(reference.to_medium.volume.values)

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
