"""A plan read back from its plan.json, together with the scan it was made on.

What the file rounds stays rounded (0.01 mm, 0.1 s). Regions are not in the file: they come from the scan, and must be
those that the plan was made with. The output's table is not in it either: it comes from the applicator, or from the
device's calibration, and must give the plan's own dose rate.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from metaspine.errors import InputError
from metaspine.evaluation.limits import nearest_distance_mm
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import (
    AppliedPrescription,
    BlockedPath,
    Caution,
    DwellPosition,
    LimitCheck,
    MonteCarloOverride,
    Plan,
    Trajectory,
)
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LandmarkCount, LevelCheck, LocalFrame, Pedicle, Plane, Vertebra
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.calibration import read_calibration
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE, dose_rate_gy_per_min
from metaspine.planning.limiting import neural_structures
from metaspine.planning.plan_file import (
    LevelCheckPart,
    OverridePart,
    PediclePart,
    PlanePart,
    PlanFile,
    Point,
    TrajectoryPart,
    VertebraPart,
)

_SAME_RATE, _SAME_MM = 0.005, 0.05
"""The file's rounding allows for less."""
_NEVER_BY_HAND = "A plan is never changed by hand: plan anew"


@dataclass(frozen=True, eq=False)
class _Around:
    """What the file does not hold."""

    lesion: Structure
    limiting: Structure
    applicator: Applicator
    output: Output


def read_plan(
    path: Path | str, scan: Scan, *, applicator: str | None = None, calibration: Path | str | None = None
) -> Plan:
    """Return the plan of a plan.json, or of the folder it lies in.

    Parameters
    ----------
    path
        What ``metaspine plan`` wrote.
    scan
        The scan and the structures that it was made with.
    applicator
        Name or file, where it is not the shipped one of the plan's name.
    calibration
        The device's file; None is the one that the plan names.

    Raises
    ------
    InputError
        When the file cannot be read or is no plan, was made on another scan, or its numbers are not those of the
        applicator, the output or the structures at hand.
    StructureError
        When the scan lacks one of its structures.
    DeviceFileError
        When applicator or calibration cannot be used.
    """
    file = _path(Path(path))
    document = _document(file)
    _refuse_other_scan(document, scan, file)
    device = _applicator(document, applicator, file)
    output = _output(document, device, calibration)
    _refuse_other_time(document, output, file)
    vertebra, lesion = _vertebra(document), scan.structure(document.lesion.name)
    limiting = _limiting(document, scan, vertebra)
    _refuse_other_structure(document, limiting, file)
    return _plan(document, vertebra, _Around(lesion, limiting, device, output))


def _path(path: Path) -> Path:
    return path / "plan.json" if path.is_dir() else path


def _document(path: Path) -> PlanFile:
    remedy = "Give the folder, or its plan.json, that metaspine plan wrote"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path), remedy=remedy) from error
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", where=str(path), remedy=remedy) from error
    try:
        return PlanFile.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"is no plan of this version: {key}: {first['msg']}", where=str(path), remedy=remedy
        ) from error


def _refuse_other_scan(document: PlanFile, scan: Scan, path: Path) -> None:
    if document.scan_sha256 != scan.origin.sha256:
        raise InputError(
            f"the plan was made on another scan ({document.scan_sha256[:12]}) than {scan.origin.path} "
            f"({scan.origin.sha256[:12]})",
            where=str(path),
            remedy="Give the scan it was made on",
        )


def _limiting(document: PlanFile, scan: Scan, vertebra: Vertebra) -> Structure:
    name = document.limiting_structure.name
    drawn = [structure for structure in scan.structures if structure.name == name]
    return drawn[0] if drawn else neural_structures(scan, vertebra, name).limiting


def _applicator(document: PlanFile, applicator: str | None, path: Path) -> Applicator:
    wanted = document.applicator
    found = read_applicator(applicator or wanted.name)
    own = (found.radius_mm, found.tip_beyond_isocentre_mm, found.channel.needle_length_mm)
    planned = (wanted.radius_mm, wanted.tip_beyond_isocentre_mm, wanted.needle_length_mm)
    if max(abs(a - b) for a, b in zip(own, planned, strict=True)) > _SAME_MM:
        raise InputError(
            f"the plan was made with another applicator: radius, tip and length {planned} mm, {found.name} has {own}",
            where=str(path),
            remedy="Name the applicator's file",
        )
    channel = replace(found.channel, working_channel_diameter_mm=wanted.working_channel_diameter_mm)
    return replace(found, channel=channel, tip_position_uncertainty_mm=wanted.tip_position_uncertainty_mm)


def _output(document: PlanFile, applicator: Applicator, calibration: Path | str | None) -> Output:
    source = calibration or (document.output.source if document.output.calibrated else None)
    if source is None:
        return applicator.nominal
    return read_calibration(source, applicator, today=datetime.now(UTC))


def _refuse_other_time(document: PlanFile, output: Output, path: Path) -> None:
    given, override = document.prescription, document.treated_by_monte_carlo
    rate = float(dose_rate_gy_per_min(output.depth_dose, given.applied_distance_from_isocentre_mm))
    if not math.isclose(rate, given.dose_rate_gy_per_min, rel_tol=_SAME_RATE):
        raise InputError(
            f"the plan's dose rate is {given.dose_rate_gy_per_min:g} Gy/min, this output gives {rate:.4g} "
            f"({output.description})",
            where=str(path),
            remedy="Give the calibration that the plan was made with, or plan anew",
        )
    console_s = SECONDS_PER_MINUTE * given.dose_gy / rate
    if override:
        _refuse_other_override(override, given.dose_gy, console_s, path)
    time_s = override.time_s if override else console_s
    if not math.isclose(time_s, document.dwell.time_s, rel_tol=_SAME_RATE):
        raise InputError(
            f"the plan's time of {document.dwell.time_s:g} s is not that of its dose and dose rate ({time_s:.1f} s)",
            where=str(path),
            remedy=_NEVER_BY_HAND,
        )


def _refuse_other_override(override: OverridePart, dose_gy: float, console_s: float, path: Path) -> None:
    """Refuse a time by Monte Carlo that does not follow from the console's time and the Monte Carlo dose (DOS-23)."""
    if not math.isclose(override.console_time_s, console_s, rel_tol=_SAME_RATE):
        raise InputError(
            f"the console's time of {override.console_time_s:g} s under treated_by_monte_carlo is not that of dose and "
            f"dose rate ({console_s:.1f} s)",
            where=str(path),
            remedy=_NEVER_BY_HAND,
        )
    monte_carlo_gy = override.monte_carlo_gy_in_console_time
    time_s = override.console_time_s * dose_gy / monte_carlo_gy
    if not (override.console_time_s < override.time_s and math.isclose(time_s, override.time_s, rel_tol=_SAME_RATE)):
        raise InputError(
            f"the time by Monte Carlo of {override.time_s:g} s is not that of {dose_gy:g} Gy over {monte_carlo_gy:g} "
            f"Gy in {override.console_time_s:g} s",
            where=str(path),
            remedy=_NEVER_BY_HAND,
        )


def _refuse_other_structure(document: PlanFile, limiting: Structure, path: Path) -> None:
    nearest = nearest_distance_mm(limiting.region, np.array(document.dwell.isocentre_mm))
    if abs(nearest - document.limit.nearest_distance_from_isocentre_mm) > _SAME_MM:
        raise InputError(
            f"{limiting.name} lies {nearest:.2f} mm from the isocentre, in the plan "
            f"{document.limit.nearest_distance_from_isocentre_mm:g} mm: these are not the structures it was made with",
            where=str(path),
            remedy="Give the structures that the plan was made with, or plan anew",
        )


def _plan(document: PlanFile, vertebra: Vertebra, around: _Around) -> Plan:
    dwell = document.dwell
    return Plan(
        level=document.level,
        vertebra=vertebra,
        level_check=_level_check(document.level_check),
        lesion=around.lesion,
        limiting_structure=around.limiting,
        applicator=around.applicator,
        output=around.output,
        convention=document.dose_convention,
        trajectory=_trajectory(document.trajectory),
        alternatives=tuple(_trajectory(path) for path in document.alternatives),
        blocked=tuple(BlockedPath(path.side, path.approach, path.reason) for path in document.blocked),
        prescription=_prescription(document),
        limit=_limit(document),
        dwell=DwellPosition(_array(dwell.isocentre_mm), _unit(dwell.direction), dwell.time_s),
        hand_check=document.hand_check,
        warnings=tuple(Caution(one.code, one.message, one.evidence or "", one.stops) for one in document.warnings),
        policy=tuple(document.policy.items()),
        scan_sha256=document.scan_sha256,
        metaspine_version=document.metaspine_version,
        override=_override(document.treated_by_monte_carlo),
    )


def _vertebra(document: PlanFile) -> Vertebra:
    part: VertebraPart = document.vertebra
    axes = part.axes
    return Vertebra(
        level=document.level,
        frame_of_reference=document.frame_of_reference,
        axes=LocalFrame(_unit(axes.left), _unit(axes.anterior), _unit(axes.cranial)),
        body_centre_mm=_array(part.body_centre_mm),
        canal_centre_mm=None if part.canal_centre_mm is None else _array(part.canal_centre_mm),
        canal_width_mm=part.canal_width_mm,
        canal_depth_mm=part.canal_depth_mm,
        right_pedicle=_pedicle(Side.RIGHT, part.right_pedicle),
        left_pedicle=_pedicle(Side.LEFT, part.left_pedicle),
        superior_endplate=_plane(part.superior_endplate),
        inferior_endplate=_plane(part.inferior_endplate),
        complete=part.complete,
        uncertainty_mm=part.uncertainty_mm,
        notes=part.notes,
    )


def _pedicle(side: Side, part: PediclePart | None) -> Pedicle | None:
    if part is None:
        return None
    return Pedicle(side, _array(part.isthmus_mm), _unit(part.axis), part.width_mm, part.height_mm, part.area_mm2)


def _plane(part: PlanePart | None) -> Plane | None:
    return None if part is None else Plane(_array(part.point_mm), _unit(part.normal))


def _level_check(part: LevelCheckPart) -> LevelCheck:
    counts = tuple(LandmarkCount(one.landmark, one.level or "", one.reason or "") for one in part.counts)
    return LevelCheck(part.stated, part.labelled, counts, part.agrees, part.notes, part.confirmed_by or "")


def _trajectory(part: TrajectoryPart) -> Trajectory:
    return Trajectory(
        side=part.side,
        approach=part.approach,
        entry_mm=None if part.entry_mm is None else _array(part.entry_mm),
        isocentre_mm=_array(part.isocentre_mm),
        direction=_unit(part.direction),
        tip_mm=_array(part.tip_mm),
        depth_mm=part.skin_to_tip_mm,
        bone_entry_mm=_array(part.bone_entry_mm),
        pedicle_margin_mm=_known(part.pedicle_margin_mm),
        canal_clearance_mm=_known(part.canal_clearance_mm),
        medial_angle_deg=_known(part.medial_angle_deg),
        cranial_angle_deg=_known(part.cranial_angle_deg),
        score=_known(part.score),
        notes=part.notes,
    )


def _prescription(document: PlanFile) -> AppliedPrescription:
    part = document.prescription
    asked = part.requested
    return AppliedPrescription(
        requested=Prescription(
            dose_gy=asked.dose_gy,
            depth_mm=asked.depth_mm,
            origin=asked.origin,
            to_lesion_border=asked.to_lesion_border,
            limit=DoseLimit(asked.limit_structure, asked.limit_gy),
            convention=document.dose_convention,
        ),
        requested_distance_mm=part.requested_distance_from_isocentre_mm,
        allowed_distance_mm=part.allowed_distance_from_isocentre_mm,
        applied_distance_mm=part.applied_distance_from_isocentre_mm,
        reduced=part.reduced,
        dose_gy=part.dose_gy,
        dose_rate_gy_per_min=part.dose_rate_gy_per_min,
        lesion_coverage=_known(part.lesion_coverage),
        lesion_coverage_requested=_known(part.lesion_coverage_as_requested),
        explanation=part.explanation,
        evidence=part.evidence,
    )


def _limit(document: PlanFile) -> LimitCheck:
    part = document.limit
    return LimitCheck(
        structure=part.structure,
        structure_confirmed=part.structure_confirmed,
        maximum_gy=part.maximum_gy,
        point_maximum_gy=_bound(part.point_maximum_gy),
        point_maximum_upper_95_gy=_bound(part.point_maximum_upper_95_gy),
        d003cc_gy=part.d003cc_gy,
        d003cc_upper_95_gy=part.d003cc_upper_95_gy,
        nearest_distance_mm=part.nearest_distance_from_isocentre_mm,
        met=part.met,
        decides=part.decides,
        evidence=part.evidence,
    )


def _override(part: OverridePart | None) -> MonteCarloOverride | None:
    if part is None:
        return None
    return MonteCarloOverride(
        reason=part.reason,
        responsible=part.responsible,
        console_time_s=part.console_time_s,
        time_s=part.time_s,
        place=part.place,
        monte_carlo_gy=part.monte_carlo_gy_in_console_time,
        limit_gy=_bound(part.limit_point_maximum_monte_carlo_gy),
        limit_upper_95_gy=_bound(part.limit_point_maximum_monte_carlo_upper_95_gy),
        limit_met=part.limit_met_by_monte_carlo,
        check_passed=part.independent_check_passed,
        evidence=part.evidence,
    )


def _array(point: Point) -> FloatArray:
    return np.array(point, dtype=np.float64)


def _unit(vector: Point) -> FloatArray:
    return _array(vector) / np.linalg.norm(vector)


def _known(value: float | None) -> float:
    """Return a value that null stands for where it is not determinable."""
    return math.nan if value is None else value


def _bound(value: float | None) -> float:
    """Return a bound that null stands for where there is none."""
    return math.inf if value is None else value
