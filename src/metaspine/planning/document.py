"""The plan as a JSON-ready document: plan.json. Units are in the names; LPS mm; no number that JSON does not know."""

from __future__ import annotations

import math
from typing import Any

from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.plan import MonteCarloOverride, Plan, Trajectory
from metaspine.patient.prescription import Prescription
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LevelCheck, Pedicle, Plane, Vertebra
from metaspine.physics.applicators import Applicator, Output

VERSION = 1
_MM, _UNIT, _GY, _SHARE = 2, 5, 3, 4


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as what JSON knows: dictionaries, lists, text, numbers, true, false and null.

    Null is "not determinable" or "not known". Lengths are rounded to 0.01 mm, doses to 0.001 Gy, times to 0.1 s.
    """
    return {
        "metaspine_plan": VERSION,
        "metaspine_version": plan.metaspine_version,
        "disclaimer": DISCLAIMER,
        "usable_for_treatment": plan.usable_for_treatment,
        "coordinates": "DICOM patient coordinates (LPS: +x left, +y posterior, +z head), mm",
        "frame_of_reference": plan.vertebra.frame_of_reference,
        "scan_sha256": plan.scan_sha256,
        "level": plan.level,
        "level_check": _level_check(plan.level_check),
        "vertebra": _vertebra(plan.vertebra),
        "lesion": _structure(plan.lesion),
        "limiting_structure": _structure(plan.limiting_structure),
        "applicator": _applicator(plan.applicator),
        "output": _output(plan.output),
        "dose_convention": plan.convention.value,
        "trajectory": _trajectory(plan.trajectory),
        "alternatives": [_trajectory(path) for path in plan.alternatives],
        "blocked": [
            {"side": path.side.value, "approach": path.approach.value, "reason": path.reason} for path in plan.blocked
        ],
        "prescription": _prescription(plan),
        "limit": _limit(plan),
        "dwell": {
            "isocentre_mm": _point(plan.dwell.isocentre_mm),
            "direction": _vector(plan.dwell.direction),
            "time_s": _number(plan.dwell.time_s, 1),
        },
        "hand_check": plan.hand_check,
        "treated_by_monte_carlo": _override(plan.override),
        "warnings": [
            {
                "code": caution.code,
                "message": caution.message,
                "evidence": caution.evidence or None,
                "stops": caution.stops,
            }
            for caution in plan.warnings
        ],
        "policy": dict(plan.policy),
    }


def _override(override: MonteCarloOverride | None) -> dict[str, Any] | None:
    if override is None:
        return None
    return {
        "reason": override.reason,
        "responsible": override.responsible,
        "console_time_s": _number(override.console_time_s, 1),
        "time_s": _number(override.time_s, 1),
        "extra_time_s": _number(override.extra_s, 1),
        "extra_time_share": _number(override.extra_share, _SHARE),
        "place": override.place,
        "monte_carlo_gy_in_console_time": _number(override.monte_carlo_gy, _GY),
        "limit_point_maximum_monte_carlo_gy": _number(override.limit_gy, _GY),
        "limit_point_maximum_monte_carlo_upper_95_gy": _number(override.limit_upper_95_gy, _GY),
        "limit_met_by_monte_carlo": override.limit_met,
        "independent_check_passed": override.check_passed,
        "evidence": list(override.evidence),
    }


def _number(value: float | None, digits: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)


def _point(point: Any) -> list[float | None] | None:
    return None if point is None else [_number(part, _MM) for part in point]


def _vector(vector: Any) -> list[float | None]:
    return [_number(part, _UNIT) for part in vector]


def _trajectory(path: Trajectory) -> dict[str, Any]:
    return {
        "side": path.side.value,
        "approach": path.approach.value,
        "entry_mm": _point(path.entry_mm),
        "isocentre_mm": _point(path.isocentre_mm),
        "tip_mm": _point(path.tip_mm),
        "bone_entry_mm": _point(path.bone_entry_mm),
        "direction": _vector(path.direction),
        "skin_to_tip_mm": _number(path.depth_mm, 1),
        "pedicle_margin_mm": _number(path.pedicle_margin_mm, 1),
        "canal_clearance_mm": _number(path.canal_clearance_mm, 1),
        "medial_angle_deg": _number(path.medial_angle_deg, 1),
        "cranial_angle_deg": _number(path.cranial_angle_deg, 1),
        "score": _number(path.score, 3),
        "notes": list(path.notes),
    }


def _structure(structure: Structure) -> dict[str, Any]:
    return {
        "name": structure.name,
        "role": structure.role.value,
        "level": structure.level or None,
        "origin": structure.origin.value,
        "confirmed": structure.confirmed,
        "confirmed_by": structure.confirmed_by or None,
        "source": structure.source or None,
    }


def _level_check(check: LevelCheck) -> dict[str, Any]:
    return {
        "stated": check.stated,
        "labelled": check.labelled,
        "agrees": check.agrees,
        "confirmed_by": check.confirmed_by or None,
        "counts": [
            {"landmark": count.landmark, "level": count.level or None, "reason": count.reason or None}
            for count in check.counts
        ],
        "notes": list(check.notes),
    }


def _vertebra(vertebra: Vertebra) -> dict[str, Any]:
    return {
        "axes": {
            "left": _vector(vertebra.axes.left),
            "anterior": _vector(vertebra.axes.anterior),
            "cranial": _vector(vertebra.axes.cranial),
        },
        "body_centre_mm": _point(vertebra.body_centre_mm),
        "canal_centre_mm": _point(vertebra.canal_centre_mm),
        "canal_width_mm": _number(vertebra.canal_width_mm, 1),
        "canal_depth_mm": _number(vertebra.canal_depth_mm, 1),
        "right_pedicle": _pedicle(vertebra.right_pedicle),
        "left_pedicle": _pedicle(vertebra.left_pedicle),
        "superior_endplate": _plane(vertebra.superior_endplate),
        "inferior_endplate": _plane(vertebra.inferior_endplate),
        "complete": vertebra.complete,
        "uncertainty_mm": _number(vertebra.uncertainty_mm, _MM),
        "notes": list(vertebra.notes),
    }


def _pedicle(pedicle: Pedicle | None) -> dict[str, Any] | None:
    if pedicle is None:
        return None
    return {
        "isthmus_mm": _point(pedicle.isthmus_mm),
        "axis": _vector(pedicle.axis),
        "width_mm": _number(pedicle.width_mm, 1),
        "height_mm": _number(pedicle.height_mm, 1),
        "area_mm2": _number(pedicle.area_mm2, 1),
    }


def _plane(plane: Plane | None) -> dict[str, Any] | None:
    return None if plane is None else {"point_mm": _point(plane.point_mm), "normal": _vector(plane.normal)}


def _applicator(applicator: Applicator) -> dict[str, Any]:
    channel = applicator.channel
    return {
        "name": applicator.name,
        "title": applicator.title,
        "tube_voltage_kv": _number(applicator.tube_voltage_kv, 1),
        "radius_mm": _number(applicator.radius_mm, _MM),
        "tip_beyond_isocentre_mm": _number(applicator.tip_beyond_isocentre_mm, _MM),
        "needle_length_mm": _number(channel.needle_length_mm, 1),
        "cannula_length_mm": _number(channel.cannula_length_mm, 1),
        "working_channel_diameter_mm": _number(channel.working_channel_diameter_mm, 1),
        "tip_position_uncertainty_mm": _number(applicator.tip_position_uncertainty_mm, _MM),
        "evidence": list(applicator.evidence),
    }


def _output(output: Output) -> dict[str, Any]:
    low, high = output.depth_dose.valid_mm
    return {
        "calibrated": output.calibrated,
        "description": output.description,
        "dose_definition": output.dose_definition,
        "relative_uncertainty": _number(output.depth_dose.relative_uncertainty, _SHARE),
        "valid_from_isocentre_mm": [_number(low, _MM), _number(high, _MM)],
        "evidence": list(output.depth_dose.evidence),
        "source": output.source_path or None,
    }


def _prescription(plan: Plan) -> dict[str, Any]:
    applied = plan.prescription
    return {
        "requested": _requested(applied.requested),
        "dose_gy": _number(applied.dose_gy, _GY),
        "medium": "water",
        "requested_distance_from_isocentre_mm": _number(applied.requested_distance_mm, _MM),
        "allowed_distance_from_isocentre_mm": _number(applied.allowed_distance_mm, _MM),
        "applied_distance_from_isocentre_mm": _number(applied.applied_distance_mm, _MM),
        "reduced": applied.reduced,
        "dose_rate_gy_per_min": _number(applied.dose_rate_gy_per_min, 4),
        "lesion_coverage": _number(applied.lesion_coverage, _SHARE),
        "lesion_coverage_as_requested": _number(applied.lesion_coverage_requested, _SHARE),
        "explanation": applied.explanation,
        "evidence": list(applied.evidence),
    }


def _requested(prescription: Prescription) -> dict[str, Any]:
    return {
        "dose_gy": _number(prescription.dose_gy, _GY),
        "depth_mm": _number(prescription.depth_mm, _MM),
        "origin": str(prescription.origin),
        "to_lesion_border": prescription.to_lesion_border,
        "limit_structure": prescription.limit.structure,
        "limit_gy": _number(prescription.limit.maximum_gy, _GY),
    }


def _limit(plan: Plan) -> dict[str, Any]:
    limit = plan.limit
    return {
        "structure": limit.structure,
        "structure_confirmed": limit.structure_confirmed,
        "maximum_gy": _number(limit.maximum_gy, _GY),
        "point_maximum_gy": _number(limit.point_maximum_gy, _GY),
        "point_maximum_upper_95_gy": _number(limit.point_maximum_upper_95_gy, _GY),
        "d003cc_gy": _number(limit.d003cc_gy, _GY),
        "d003cc_upper_95_gy": _number(limit.d003cc_upper_95_gy, _GY),
        "nearest_distance_from_isocentre_mm": _number(limit.nearest_distance_mm, _MM),
        "met": limit.met,
        "decides": limit.decides,
        "evidence": list(limit.evidence),
    }
