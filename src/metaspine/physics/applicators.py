"""Applicators as data: geometry, nominal output and depth dose, each with its source.

Distances along the beam are kept with the origin they are measured from; the isocentre is the centre of the
hemispherical tip (physics of the 50 kV source), and the surface lies one radius from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from metaspine.errors import DeviceFileError
from metaspine.physics.emission import POINT, Emission

if TYPE_CHECKING:
    from metaspine.geometry.grid import FloatArray


class DistanceOrigin(StrEnum):
    """The point that a prescription or a depth-dose table measures its distances from."""

    ISOCENTRE = "isocentre"
    APPLICATOR_SURFACE = "applicator_surface"
    APPLICATOR_TIP = "applicator_tip"


class DoseConvention(StrEnum):
    """Which dose a number is. Console dose and Monte Carlo dose are never mixed."""

    CONSOLE = "console dose (water, depth-dose table)"
    MONTE_CARLO_MEDIUM = "Monte Carlo dose to medium"
    MONTE_CARLO_WATER = "Monte Carlo dose to water in medium"


@dataclass(frozen=True)
class Channel:
    """What must fit through bone: needle, guiding cannula, and the track the thread cutter opens for it."""

    needle_diameter_mm: float
    needle_length_mm: float
    cannula_inner_diameter_mm: float
    cannula_length_mm: float
    working_channel_diameter_mm: float
    evidence: tuple[str, ...] = ()
    plastic_tip_length_mm: float | None = None
    """From the physical tip; None where it is not published."""
    hub_length_mm: float = 0.0
    """Of the needle's length, what cannot enter the cannula when it is pushed home."""

    @property
    def protrusion_mm(self) -> float:
        """How far the needle stands out of the cannula when it is pushed home."""
        return self.needle_length_mm - self.hub_length_mm - self.cannula_length_mm


@dataclass(frozen=True)
class Filter:
    """A layer of the applicator that every photon crosses."""

    material: str
    """A name of :func:`metaspine.physics.materials.material`."""
    thickness_mm: float
    evidence: str
    note: str = ""
    stands_for_wall: bool = False
    """Whether it is a stand-in for a wall that is not published."""


@dataclass(frozen=True)
class MetalTube:
    """A tube of metal around the axis behind the tip, which throws a shadow: the shaft's wall, the cannula."""

    name: str
    material: str
    """A name of :func:`metaspine.physics.materials.material`."""
    inner_radius_mm: float
    outer_radius_mm: float
    behind_isocentre_mm: tuple[float, float]
    """From where to where along the axis, towards the shaft."""
    evidence: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class DepthDose:
    """Dose rate to water on the needle's equator, as a table that is interpolated in log-log.

    ``relative_uncertainty`` is one standard deviation; ``direction_relative_uncertainty`` comes on top of it because
    the needle's polar anisotropy is not published. Outside ``valid_mm`` a dose is extrapolated by the end slope and
    must be shown as such.
    """

    distance_from_isocentre_mm: FloatArray
    dose_rate_gy_per_min: FloatArray
    relative_uncertainty: float
    valid_mm: tuple[float, float]
    evidence: tuple[str, ...]
    direction_relative_uncertainty: float = 0.0


@dataclass(frozen=True, eq=False)
class Output:
    """The dose rate a plan is timed with: a device's own calibration, or the applicator's nominal output."""

    depth_dose: DepthDose
    calibrated: bool
    """False: nominal output, not for treatment."""
    description: str
    """One line: serial number and date, or "nominal output, not for treatment"."""
    dose_definition: str
    source_path: str = ""
    cautions: tuple[str, ...] = ()
    """What the reader of a plan must know of this output, as sentences."""


@dataclass(frozen=True, eq=False)
class Applicator:
    """An applicator of a 50 kV source."""

    name: str
    """Its file's name, e.g. "intrabeam-needle"."""
    title: str
    tube_voltage_kv: float
    radius_mm: float
    """From the isocentre to the applicator's surface."""
    tip_beyond_isocentre_mm: float
    """From the isocentre along the axis to the physical tip."""
    channel: Channel
    nominal: Output
    tip_position_uncertainty_mm: float
    """One standard deviation along a line, after verification by CT."""
    evidence: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    through_bone: bool = True
    """Whether it is made to pass through bone; a bare probe and a sphere are not, and have no cannula."""
    spectrum: str = ""
    """The name of the source's spectrum before the applicator; empty where the file names none."""
    filters: tuple[Filter, ...] = ()
    """What the applicator puts into the beam; empty where its wall is not published."""
    emission: Emission = POINT
    """Where Monte Carlo starts its photons, and into which directions."""
    tube_current_ua: float | None = None
    """Nominal; a calibration measured at another one carries a caution."""
    metal: tuple[MetalTube, ...] = ()
    """What throws a shadow in Monte Carlo; empty where its walls are not published: then nothing does."""

    def from_isocentre_mm(self, distance_mm: float, origin: DistanceOrigin) -> float:
        """Return the distance from the isocentre of a point ``distance_mm`` from the named origin.

        Raises
        ------
        DeviceFileError
            When the distance is not positive.
        """
        if not distance_mm > 0:
            raise DeviceFileError(f"a distance of {distance_mm} mm", remedy="Give a distance larger than 0 mm")
        offset = {
            DistanceOrigin.ISOCENTRE: 0.0,
            DistanceOrigin.APPLICATOR_SURFACE: self.radius_mm,
            DistanceOrigin.APPLICATOR_TIP: self.tip_beyond_isocentre_mm,
        }
        return distance_mm + offset[origin]
