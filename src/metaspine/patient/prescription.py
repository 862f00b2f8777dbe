"""What is to be given where, and what must not be exceeded."""

from __future__ import annotations

from dataclasses import dataclass, field

from metaspine.errors import InputError
from metaspine.physics.applicators import DistanceOrigin, DoseConvention


@dataclass(frozen=True)
class DoseLimit:
    """A ceiling on the dose to a named structure, as D0.03cc and point maximum; the upper 95 % bound decides.

    Source: S0 (cord no more than 8 Gy; IORT-20).
    """

    structure: str
    """A structure's name in the scan, or a role ("spinal cord", "bony canal"); which one is shown everywhere."""
    maximum_gy: float = 8.0
    evidence: str = "IORT-20"


@dataclass(frozen=True)
class Prescription:
    """A dose at a distance from a named origin, or to the lesion's border.

    Parameters
    ----------
    dose_gy
        Physical dose in the stated convention.
    depth_mm
        Distance from ``origin``; None together with ``to_lesion_border``.
    origin
        "isocentre", "applicator_surface" or "applicator_tip": they differ by a factor of 2 to 3 in dose.
    to_lesion_border
        Prescribe to the farthest point of the lesion's border instead of a distance.
    limit
        The structure to be spared; by default 8 Gy to the spinal cord.

    Raises
    ------
    InputError
        When the dose or the depth is not positive, or both or neither of depth and border are given.
    """

    dose_gy: float
    depth_mm: float | None = None
    origin: DistanceOrigin | str = DistanceOrigin.ISOCENTRE
    to_lesion_border: bool = False
    limit: DoseLimit = field(default_factory=lambda: DoseLimit("spinal cord"))
    convention: DoseConvention = DoseConvention.CONSOLE

    def __post_init__(self) -> None:
        if self.origin not in set(DistanceOrigin):
            raise InputError(
                f"a prescription measured from {self.origin!r}",
                where="prescription",
                remedy=f"Name one of {', '.join(DistanceOrigin)}",
            )
        object.__setattr__(self, "origin", DistanceOrigin(self.origin))
        if not 0 < self.dose_gy <= 100:
            raise InputError(f"a dose of {self.dose_gy} Gy", where="prescription", remedy="Give 0 to 100 Gy")
        if (self.depth_mm is None) is not self.to_lesion_border:
            raise InputError(
                "a prescription needs either a depth or the lesion's border",
                where="prescription",
                remedy="Give depth_mm=..., or to_lesion_border=True",
            )
        if self.depth_mm is not None and not 0 < self.depth_mm <= 50:
            raise InputError(f"a depth of {self.depth_mm} mm", where="prescription", remedy="Give 0 to 50 mm")
