"""A plan.json as it is written: what :func:`metaspine.planning.document.plan_document` makes, checked key by key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from metaspine.patient.plan import Approach
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role
from metaspine.physics.applicators import DistanceOrigin, DoseConvention

Point = Annotated[tuple[float, float, float], Field()]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class Part(BaseModel):
    """A part of the document: unknown keys, and numbers that are not finite, are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CountPart(Part):
    """A count of the level from a landmark."""

    landmark: str
    level: str | None
    reason: str | None


class LevelCheckPart(Part):
    """The stated level against labels and counts."""

    stated: str
    labelled: str
    agrees: bool | None
    confirmed_by: str | None
    counts: tuple[CountPart, ...]
    notes: tuple[str, ...]


class AxesPart(Part):
    """The vertebra's own axes."""

    left: Point
    anterior: Point
    cranial: Point


class PediclePart(Part):
    """One pedicle."""

    isthmus_mm: Point
    axis: Point
    width_mm: float
    height_mm: float
    area_mm2: float


class PlanePart(Part):
    """An endplate."""

    point_mm: Point
    normal: Point


class VertebraPart(Part):
    """The vertebra."""

    axes: AxesPart
    body_centre_mm: Point
    canal_centre_mm: Point | None
    canal_width_mm: float | None
    canal_depth_mm: float | None
    right_pedicle: PediclePart | None
    left_pedicle: PediclePart | None
    superior_endplate: PlanePart | None
    inferior_endplate: PlanePart | None
    complete: bool
    uncertainty_mm: float
    notes: tuple[str, ...]


class StructurePart(Part):
    """A structure by name; its region lies in the scan's files."""

    name: str
    role: Role
    level: str | None
    origin: Origin
    confirmed: bool
    confirmed_by: str | None
    source: str | None


class ApplicatorPart(Part):
    """The applicator, by its name and by what a plan rests on."""

    name: str
    title: str
    tube_voltage_kv: float
    radius_mm: float
    tip_beyond_isocentre_mm: float
    needle_length_mm: float
    cannula_length_mm: float
    working_channel_diameter_mm: float
    tip_position_uncertainty_mm: float
    evidence: tuple[str, ...]


class OutputPart(Part):
    """The output that timed the plan, without its table."""

    calibrated: bool
    description: str
    dose_definition: str
    relative_uncertainty: float
    valid_from_isocentre_mm: tuple[float, float]
    evidence: tuple[str, ...]
    source: str | None


class TrajectoryPart(Part):
    """A needle path."""

    side: Side
    approach: Approach
    entry_mm: Point | None
    isocentre_mm: Point
    tip_mm: Point
    bone_entry_mm: Point
    direction: Point
    skin_to_tip_mm: float | None
    pedicle_margin_mm: float | None
    canal_clearance_mm: float | None
    medial_angle_deg: float | None
    cranial_angle_deg: float | None
    score: float | None
    notes: tuple[str, ...]


class BlockedPart(Part):
    """A side or approach that could not be used."""

    side: Side
    approach: Approach
    reason: str


class RequestedPart(Part):
    """What was asked for."""

    dose_gy: Positive
    depth_mm: Positive | None
    origin: DistanceOrigin
    to_lesion_border: bool
    limit_structure: str
    limit_gy: Positive


class PrescriptionPart(Part):
    """What is given."""

    requested: RequestedPart
    dose_gy: Positive
    medium: Literal["water"]
    requested_distance_from_isocentre_mm: Positive
    allowed_distance_from_isocentre_mm: float
    applied_distance_from_isocentre_mm: Positive
    reduced: bool
    dose_rate_gy_per_min: Positive
    lesion_coverage: float | None
    lesion_coverage_as_requested: float | None
    explanation: str
    evidence: tuple[str, ...]


class LimitPart(Part):
    """The limit's check."""

    structure: str
    structure_confirmed: bool
    maximum_gy: Positive
    point_maximum_gy: float | None
    point_maximum_upper_95_gy: float | None
    d003cc_gy: float | None
    d003cc_upper_95_gy: float | None
    nearest_distance_from_isocentre_mm: float
    met: bool
    decides: bool
    evidence: tuple[str, ...]


class DwellPart(Part):
    """The source at rest."""

    isocentre_mm: Point
    direction: Point
    time_s: NonNegative


class OverridePart(Part):
    """A treatment lengthened by Monte Carlo."""

    reason: str
    responsible: str
    console_time_s: Positive
    time_s: Positive
    extra_time_s: float
    extra_time_share: float
    place: str
    monte_carlo_gy_in_console_time: Positive
    limit_point_maximum_monte_carlo_gy: float | None
    limit_point_maximum_monte_carlo_upper_95_gy: float | None
    limit_met_by_monte_carlo: bool
    independent_check_passed: bool
    evidence: tuple[str, ...]


class CautionPart(Part):
    """A caution."""

    code: str
    message: str
    evidence: str | None
    stops: bool


class PlanFile(Part):
    """The whole document."""

    metaspine_plan: Literal[1]
    metaspine_version: str
    disclaimer: str
    usable_for_treatment: bool
    coordinates: str
    frame_of_reference: str
    scan_sha256: str
    level: str
    level_check: LevelCheckPart
    vertebra: VertebraPart
    lesion: StructurePart
    limiting_structure: StructurePart
    applicator: ApplicatorPart
    output: OutputPart
    dose_convention: DoseConvention
    trajectory: TrajectoryPart
    alternatives: tuple[TrajectoryPart, ...]
    blocked: tuple[BlockedPart, ...]
    prescription: PrescriptionPart
    limit: LimitPart
    dwell: DwellPart
    hand_check: str
    treated_by_monte_carlo: OverridePart | None = None
    warnings: tuple[CautionPart, ...]
    policy: dict[str, str]
