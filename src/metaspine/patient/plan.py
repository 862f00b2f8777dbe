"""A plan: where the needle goes, what is given, for how long, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from metaspine.geometry.grid import FloatArray
from metaspine.patient.prescription import Prescription
from metaspine.patient.side import Side
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LevelCheck, Vertebra
from metaspine.physics.applicators import Applicator, DoseConvention, Output


class Approach(StrEnum):
    """The way through bone."""

    TRANSPEDICULAR = "transpedicular"
    """The working channel stays inside the pedicle's cortex with the policy's margin."""
    TRANSPEDICULAR_TIGHT = "transpedicular, channel wider than the pedicle allows with margin"
    """Inside the pedicle, but the channel touches or breaches the lateral cortex."""
    EXTRAPEDICULAR = "extrapedicular (between rib and pedicle)"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A straight needle path, LPS mm."""

    side: Side
    approach: Approach
    entry_mm: FloatArray | None
    """Where the axis leaves the skin; None where the image holds no skin (depth not determinable)."""
    isocentre_mm: FloatArray
    direction: FloatArray
    """Unit vector from the entry towards the tip."""
    tip_mm: FloatArray
    depth_mm: float | None
    """Skin to tip along the axis; None is not determinable."""
    bone_entry_mm: FloatArray
    """Where the axis meets the vertebra's cortex."""
    pedicle_margin_mm: float
    """Smallest distance from the working channel's wall to the pedicle's outer cortex; negative is a breach."""
    canal_clearance_mm: float
    """Smallest distance from the working channel's wall to the canal."""
    medial_angle_deg: float
    """In the axial plane of the vertebra, from the sagittal plane; positive converges to the midline."""
    cranial_angle_deg: float
    """In the sagittal plane of the vertebra, from its axial plane; positive points cranially."""
    score: float
    """Larger is better; orders the trajectories of one search only."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlockedPath:
    """One side or approach that the search could not use, and what blocks it."""

    side: Side
    approach: Approach
    reason: str


@dataclass(frozen=True, eq=False)
class DwellPosition:
    """The source at rest: where, pointing where, for how long."""

    isocentre_mm: FloatArray
    direction: FloatArray
    time_s: float


@dataclass(frozen=True)
class LimitCheck:
    """The dose to the limiting structure, in the prescription's convention."""

    structure: str
    structure_confirmed: bool
    maximum_gy: float
    point_maximum_gy: float
    point_maximum_upper_95_gy: float
    d003cc_gy: float | None
    """None: the structure is smaller than 0.03 cc."""
    d003cc_upper_95_gy: float | None
    nearest_distance_mm: float
    """From the isocentre to the nearest point of the structure."""
    met: bool
    """Whether the upper 95 % bounds keep the limit."""
    decides: bool
    """False where the structure is unconfirmed: a person must confirm it before the limit can be called met."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppliedPrescription:
    """What is really given after the limit had its say: the smaller distance wins."""

    requested: Prescription
    requested_distance_mm: float
    """From the isocentre."""
    allowed_distance_mm: float
    """The largest distance from the isocentre at which the dose may lie without breaking the limit."""
    applied_distance_mm: float
    reduced: bool
    dose_gy: float
    dose_rate_gy_per_min: float
    """At the applied distance."""
    lesion_coverage: float
    """Fraction of the lesion that gets the prescribed dose, as applied."""
    lesion_coverage_requested: float
    """The same, had the requested distance been kept."""
    explanation: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caution:
    """Something the reader must know before using a page; the gravest come first."""

    code: str
    message: str
    evidence: str = ""
    stops: bool = False
    """True: the plan must not be used for treatment while this stands."""


@dataclass(frozen=True)
class MonteCarloOverride:
    """A person's act: the treatment lasts longer than the console's plan, because Monte Carlo asks for it (DOS-23)."""

    reason: str
    responsible: str
    """The person who answers for it."""
    console_time_s: float
    """Of the console's plan, from which this one was made."""
    time_s: float
    place: str
    """Where the prescribed dose is to be reached by Monte Carlo."""
    monte_carlo_gy: float
    """What the console's time gives there, by Monte Carlo to water in medium."""
    limit_gy: float
    """Point maximum to the limiting structure in the longer time, by Monte Carlo to water in medium (DOS-24)."""
    limit_upper_95_gy: float
    limit_met: bool
    """By Monte Carlo; the plan's ``limit`` says it by the console's dose."""
    check_passed: bool
    """The independent calculation of the Monte Carlo dose (DOS-06)."""
    evidence: tuple[str, ...] = ("DOS-23", "DOS-24")

    @property
    def extra_s(self) -> float:
        """The time beyond the console's plan."""
        return self.time_s - self.console_time_s

    @property
    def extra_share(self) -> float:
        """The same over the console's time."""
        return self.extra_s / self.console_time_s


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan for one level, one applicator, one needle position. A change makes a new plan."""

    level: str
    vertebra: Vertebra
    level_check: LevelCheck
    lesion: Structure
    limiting_structure: Structure
    applicator: Applicator
    output: Output
    convention: DoseConvention
    trajectory: Trajectory
    alternatives: tuple[Trajectory, ...]
    blocked: tuple[BlockedPath, ...]
    prescription: AppliedPrescription
    limit: LimitCheck
    dwell: DwellPosition
    hand_check: str
    """One line: distance, dose rate, time."""
    warnings: tuple[Caution, ...]
    policy: tuple[tuple[str, str], ...]
    """The policy values that shaped the plan, name and value with unit, as shown."""
    scan_sha256: str
    metaspine_version: str
    override: MonteCarloOverride | None = None
    """Where a person had the treatment lengthened by Monte Carlo; the time is then not the console's."""

    @property
    def usable_for_treatment(self) -> bool:
        """False for every plan that carries a stop (no calibration, unconfirmed limit, ...)."""
        return not any(warning.stops for warning in self.warnings)
