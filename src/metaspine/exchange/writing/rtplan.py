"""RTPLAN: the needle's plan with a brachy application setup, never approved, its calibration state in plain sight.

Source: DICOM PS3.3 A.20 (RT plan), C.8.8.9 (general plan), C.8.8.10 (prescription), C.8.8.13 (fraction scheme),
C.8.8.15 (brachy application setups).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage, RTStructureSetStorage
from pydicom.valuerep import DSfloat

from metaspine.errors import FrameMismatch, InputError
from metaspine.exchange.writing.brachytherapy import (
    SETUP_TYPE,
    STRENGTH_AT_MM,
    TECHNIQUE,
    TREATMENT_TYPE,
    add_applicator,
    calibration_state,
    channel,
    content_of,
    machine,
    source,
)
from metaspine.exchange.writing.objects import (
    LONG_STRING,
    SHORT_STRING,
    Kind,
    day,
    decimal,
    new_object,
    reference_to,
    sequence,
    time_of_day,
    write_object,
)
from metaspine.exchange.writing.texts import TEXT, plain
from metaspine.exchange.writing.uids import frame_uid
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Plan
from metaspine.patient.study import Study

_NEEDLE = "BRACHY_CHANNEL"
_TARGET, _AT_RISK = 1, 2
"""Numbers of the dose references."""


@dataclass(frozen=True)
class _Geometry:
    """What the plan lies in: a structure set's frame of reference, and its regions' numbers by name."""

    structure_set: Dataset
    frame_of_reference: str
    numbers: dict[str, int]
    needle: int | None


def write_rtplan(
    plan: Plan, path: Path | str, *, study: Study, structure_set: Dataset | None = None, when: datetime
) -> Path:
    """Write a plan as RTPLAN.

    Raises
    ------
    InputError, FrameMismatch
        As :func:`rtplan` does.
    OutputError
        When the file cannot be written.
    """
    return write_object(rtplan(plan, study=study, structure_set=structure_set, when=when), path)


def rtplan(plan: Plan, *, study: Study, structure_set: Dataset | None = None, when: datetime) -> Dataset:
    """Return a plan as RTPLAN: one fraction, one application setup, one channel, one dwell position.

    Parameters
    ----------
    study
        The study of the images that it was planned on.
    structure_set
        The RTSTRUCT of the same images. Without one the plan has no patient geometry to lie in: it then states time
        and dose, and no position (DICOM-05).
    when
        The plan's date.

    Raises
    ------
    InputError
        When the structure set is none.
    FrameMismatch
        When it lives in another frame of reference than the plan.
    """
    geometry = None if structure_set is None else _geometry(plan, structure_set)
    part = Dataset()
    _add_general(part, plan, geometry, when)
    _add_prescription(part, plan, geometry)
    _add_fractions(part, plan, geometry)
    _add_setups(part, plan, geometry, when)
    part.ApprovalStatus = "UNAPPROVED"
    description = f"Needle plan {plan.level}; {calibration_state(plan)}"
    kind = Kind(RTPlanStorage, "RTPLAN", plain(description, LONG_STRING))
    made = new_object(kind, study=study, content=content_of(part), when=when)
    made.update(part)
    return made


def plan_label(plan: Plan) -> str:
    """Return the plan's label, 16 characters: whether it may be used stands first, then the level."""
    if not plan.output.calibrated:
        return f"NOMINAL {plan.level}"[:SHORT_STRING]
    return f"{'needle' if plan.usable_for_treatment else 'STOPPED'} {plan.level}"[:SHORT_STRING]


def _geometry(plan: Plan, structure_set: Dataset) -> _Geometry:
    if structure_set.get("SOPClassUID") != RTStructureSetStorage:
        raise InputError(
            "the plan is to lie in an object that is no RTSTRUCT",
            where=str(structure_set.get("Modality", "")),
            remedy="Give the structure set of the plan's images",
        )
    frames = {str(item.FrameOfReferenceUID) for item in structure_set.get("ReferencedFrameOfReferenceSequence", [])}
    frames |= {str(item.ReferencedFrameOfReferenceUID) for item in structure_set.StructureSetROISequence}
    frame = frame_uid(plan.vertebra.frame_of_reference)
    if frames != {frame}:
        raise FrameMismatch(frame, ", ".join(sorted(frames)) or "none", where="structure set")
    numbers = {str(item.ROIName): int(item.ROINumber) for item in structure_set.StructureSetROISequence}
    needles = [
        int(item.ReferencedROINumber)
        for item in structure_set.RTROIObservationsSequence
        if item.RTROIInterpretedType == _NEEDLE
    ]
    return _Geometry(structure_set, frame, numbers, needles[0] if len(needles) == 1 else None)


def _add_general(part: Dataset, plan: Plan, geometry: _Geometry | None, when: datetime) -> None:
    part.RTPlanLabel = plan_label(plan)
    part.RTPlanName = plain(
        f"{plan.level}, {plan.trajectory.side.value}, needle; {calibration_state(plan)}", LONG_STRING
    )
    part.RTPlanDescription = plain(_description(plan, positions=geometry is not None), TEXT)
    part.RTPlanDate, part.RTPlanTime = day(when), time_of_day(when)
    part.PlanIntent = "RESEARCH"
    part.RTPlanGeometry = "TREATMENT_DEVICE" if geometry is None else "PATIENT"
    if geometry is not None:
        part.FrameOfReferenceUID, part.PositionReferenceIndicator = geometry.frame_of_reference, ""
        part.ReferencedStructureSetSequence = sequence([reference_to(geometry.structure_set)])


def _description(plan: Plan, *, positions: bool) -> str:
    stops = [caution.code.replace("_", " ").lower() for caution in plan.warnings if caution.stops]
    longer = plan.override
    parts = (
        calibration_state(plan),
        f"must not be used while these stand: {', '.join(stops)}" if stops else "",
        f"time by Monte Carlo, not by the console; responsible: {longer.responsible}" if longer else "",
        str(plan.convention),
        plan.hand_check,
        f"output: {plan.output.description}",
        "" if positions else "no structure set: the needle's position is not in this object",
        f"scan {plan.scan_sha256[:12]}; metaspine {plan.metaspine_version}",
    )
    return "; ".join(filter(None, parts))


def _add_prescription(part: Dataset, plan: Plan, geometry: _Geometry | None) -> None:
    given, limit = plan.prescription, plan.limit
    part.PrescriptionDescription = plain(given.explanation, TEXT)
    target = Dataset()
    target.DoseReferenceNumber = _TARGET
    target.DoseReferenceStructureType = "SITE" if geometry is None else "COORDINATES"
    where = f"{given.dose_gy:g} Gy at {given.applied_distance_mm:.1f} mm from the isocentre, across the needle"
    target.DoseReferenceDescription = plain(where, LONG_STRING)
    if geometry is not None:
        target.DoseReferencePointCoordinates = _decimals(prescription_point_mm(plan))
    target.DoseReferenceType = "TARGET"
    target.TargetPrescriptionDose = decimal(given.dose_gy)
    spared = Dataset()
    number = geometry.numbers.get(limit.structure) if geometry else None
    spared.DoseReferenceNumber = _AT_RISK
    spared.DoseReferenceStructureType = "SITE" if number is None else "VOLUME"
    if number is not None:
        spared.ReferencedROINumber = number
    spared.DoseReferenceDescription = plain(f"limit to {limit.structure}", LONG_STRING)
    spared.DoseReferenceType = "ORGAN_AT_RISK"
    spared.OrganAtRiskMaximumDose = decimal(limit.maximum_gy)
    part.DoseReferenceSequence = sequence([target, spared])


def prescription_point_mm(plan: Plan) -> FloatArray:
    """Return one point at which the prescribed dose lies, LPS mm: across the needle, as cranial as that allows.

    The dose is the same all around the needle's equator, where its depth dose was measured (DICOM-03).
    """
    axis, isocentre = plan.dwell.direction, plan.dwell.isocentre_mm
    candidates = (plan.vertebra.axes.cranial, plan.vertebra.axes.left)
    across = max((vector - (vector @ axis) * axis for vector in candidates), key=lambda found: float(found @ found))
    point: FloatArray = isocentre + plan.prescription.applied_distance_mm * across / np.linalg.norm(across)
    return point


def _add_fractions(part: Dataset, plan: Plan, geometry: _Geometry | None) -> None:
    setup = Dataset()
    setup.ReferencedBrachyApplicationSetupNumber = 1
    setup.BrachyApplicationSetupDose = decimal(plan.prescription.dose_gy)
    if geometry is not None:
        setup.BrachyApplicationSetupDoseSpecificationPoint = _decimals(prescription_point_mm(plan))
    group = Dataset()
    group.FractionGroupNumber = group.NumberOfFractionsPlanned = group.NumberOfBrachyApplicationSetups = 1
    group.NumberOfBeams = 0
    group.ReferencedBrachyApplicationSetupSequence = sequence([setup])
    part.FractionGroupSequence = sequence([group])


def _add_setups(part: Dataset, plan: Plan, geometry: _Geometry | None, when: datetime) -> None:
    part.BrachyTreatmentTechnique, part.BrachyTreatmentType = TECHNIQUE, TREATMENT_TYPE
    part.TreatmentMachineSequence = sequence([machine(plan, recorded=False)])
    tube = source(plan, when)
    tube.SourceDescription = (
        f"X-ray {plan.applicator.tube_voltage_kv:g} kV; strength: Gy/min to water at {STRENGTH_AT_MM:g} mm"
    )
    part.SourceSequence = sequence([tube])
    setup = Dataset()
    setup.ApplicationSetupType, setup.ApplicationSetupNumber = SETUP_TYPE, 1
    setup.ApplicationSetupName = "needle"
    setup.TotalReferenceAirKerma = decimal(0.0)
    setup.ChannelSequence = sequence([_planned_channel(plan, geometry)])
    part.ApplicationSetupSequence = sequence([setup])


def _planned_channel(plan: Plan, geometry: _Geometry | None) -> Dataset:
    item = channel(plan)
    item.ChannelTotalTime = decimal(plan.dwell.time_s)
    item.SourceApplicatorNumber = 1
    add_applicator(item, plan)
    item.ReferencedROINumber = geometry.needle if geometry else None
    item.FinalCumulativeTimeWeight = decimal(1.0)
    item.BrachyControlPointSequence = sequence(_control_point(plan, geometry, index) for index in (0, 1))
    return item


def _control_point(plan: Plan, geometry: _Geometry | None, index: int) -> Dataset:
    """Return the start (0) or the end (1) of the one dwell position; the weight is the share of its time."""
    item = Dataset()
    item.ControlPointIndex = index
    item.CumulativeTimeWeight = decimal(index)
    item.ControlPointRelativePosition = decimal(0.0)
    if geometry is not None:
        item.ControlPoint3DPosition = _decimals(plan.dwell.isocentre_mm)
        item.ControlPointOrientation = [float(part) for part in plan.dwell.direction]
    return item


def _decimals(values: FloatArray) -> list[DSfloat]:
    return [decimal(value) for value in values]
