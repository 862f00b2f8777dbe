"""RTPLAN: what was planned before, by external beams or brachytherapy, for the history of dose.

Source: DICOM PS3.3 C.8.8.9 to C.8.8.15 and C.8.8.25. Only what the history needs is read; no beam is rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.uid import UID, RTIonPlanStorage, RTPlanStorage

from metaspine.errors import InputError
from metaspine.exchange.dicom_files import Elements, damage_reported
from metaspine.exchange.multiframe import whole_object
from metaspine.patient.prior_plan import (
    Application,
    Beam,
    DoseReference,
    FractionGroup,
    PartDose,
    PriorPlan,
)

_EXPORT_AGAIN = "Export the plan again from the planning system"


def read_plan_dicom(path: Path | str) -> PriorPlan:
    """Read an RTPLAN (or RT Ion Plan) of another system.

    Raises
    ------
    InputError
        When the file is missing or malformed, is no plan, or states numbers that cannot be (no fractions, negative
        doses).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), remedy="Give an RTPLAN file")
    with damage_reported(path, kind=InputError):
        elements = whole_object(path, kind=InputError)
        stated = elements.required_text("SOPClassUID")
        if stated not in (RTPlanStorage, RTIonPlanStorage):
            raise InputError(f"is {UID(stated).name}, not an RTPLAN", where=str(path), remedy="Give an RTPLAN file")
        return _plan(elements)


def _plan(elements: Elements) -> PriorPlan:
    references = tuple(_dose_reference(item) for item in _items(elements, "DoseReferenceSequence"))
    groups = tuple(_fraction_group(item) for item in _items(elements, "FractionGroupSequence"))
    beams = tuple(_beam(item) for name in ("BeamSequence", "IonBeamSequence") for item in _items(elements, name))
    isotopes = {
        _whole(item, "SourceNumber"): item.text("SourceIsotopeName") for item in _items(elements, "SourceSequence")
    }
    applications = tuple(_application(item, isotopes) for item in _items(elements, "ApplicationSetupSequence"))
    structure_sets = _items(elements, "ReferencedStructureSetSequence")
    return PriorPlan(
        plan_uid=elements.required_text("SOPInstanceUID"),
        label=elements.text("RTPlanLabel"),
        name=elements.text("RTPlanName"),
        date=elements.text("RTPlanDate"),
        intent=elements.text("PlanIntent"),
        approval=elements.text("ApprovalStatus"),
        dose_references=references,
        fraction_groups=groups,
        beams=beams,
        applications=applications,
        technique=_technique(elements),
        frame_of_reference=elements.text("FrameOfReferenceUID"),
        structure_set_uid=structure_sets[0].text("ReferencedSOPInstanceUID") if structure_sets else "",
        notes=(
            *_prescription_notes(references),
            *_group_notes(groups),
            *_unlisted_notes(groups, beams, applications),
            *_approval_notes(elements),
        ),
    )


def _items(elements: Elements, keyword: str) -> list[Elements]:
    return [Elements(item, elements.where, elements.kind) for item in elements.dataset.get(keyword) or ()]


def _whole(elements: Elements, keyword: str) -> int:
    value = elements.number(keyword)
    if value != int(value):
        raise InputError(f"{keyword} is {value:g}, no whole number", where=elements.where, remedy=_EXPORT_AGAIN)
    return int(value)


def _positive(elements: Elements, keyword: str) -> float | None:
    """Return a number that may be absent; a negative one is an error."""
    if not elements.text(keyword):
        return None
    value = elements.number(keyword)
    if value < 0:
        raise InputError(f"{keyword} is {value:g}", where=elements.where, remedy=_EXPORT_AGAIN)
    return value


def _dose_reference(item: Elements) -> DoseReference:
    return DoseReference(
        number=_whole(item, "DoseReferenceNumber"),
        kind=item.text("DoseReferenceType").upper(),
        place=item.text("DoseReferenceStructureType").upper(),
        description=item.text("DoseReferenceDescription"),
        prescribed_gy=_positive(item, "TargetPrescriptionDose"),
        maximum_gy=_positive(item, "OrganAtRiskMaximumDose"),
    )


def _fraction_group(item: Elements) -> FractionGroup:
    fractions = _whole(item, "NumberOfFractionsPlanned") if item.text("NumberOfFractionsPlanned") else None
    if fractions is not None and fractions < 1:
        raise InputError(f"plans {fractions} fractions", where=item.where, remedy=_EXPORT_AGAIN)
    setups = _items(item, "ReferencedBrachyApplicationSetupSequence")
    return FractionGroup(
        number=_whole(item, "FractionGroupNumber"),
        fractions=fractions,
        beams=tuple(
            PartDose(_whole(part, "ReferencedBeamNumber"), _positive(part, "BeamDose"))
            for part in _items(item, "ReferencedBeamSequence")
        ),
        applications=tuple(
            PartDose(
                _whole(part, "ReferencedBrachyApplicationSetupNumber"), _positive(part, "BrachyApplicationSetupDose")
            )
            for part in setups
        ),
    )


def _beam(item: Elements) -> Beam:
    points = [*_items(item, "ControlPointSequence"), *_items(item, "IonControlPointSequence")]
    return Beam(
        number=_whole(item, "BeamNumber"),
        name=item.text("BeamName"),
        radiation=item.text("RadiationType").upper(),
        delivery=item.text("TreatmentDeliveryType").upper(),
        energy=_positive(points[0], "NominalBeamEnergy") if points else None,
        machine=item.text("TreatmentMachineName"),
    )


def _application(item: Elements, isotopes: dict[int, str]) -> Application:
    channels = _items(item, "ChannelSequence")
    times = [_positive(channel, "ChannelTotalTime") for channel in channels]
    sources = [isotopes.get(_whole(channel, "ReferencedSourceNumber"), "") for channel in channels]
    return Application(
        number=_whole(item, "ApplicationSetupNumber"),
        kind=item.text("ApplicationSetupType").upper(),
        name=item.text("ApplicationSetupName"),
        channels=len(channels),
        time_s=sum(time for time in times if time is not None) if times and None not in times else None,
        sources=tuple(dict.fromkeys(source for source in sources if source)),
    )


def _technique(elements: Elements) -> tuple[str, ...]:
    stated = (elements.text("BrachyTreatmentTechnique").upper(), elements.text("BrachyTreatmentType").upper())
    return tuple(word for word in stated if word)


def _prescription_notes(references: Sequence[DoseReference]) -> tuple[str, ...]:
    targets = [item for item in references if item.kind == "TARGET" and item.prescribed_gy is not None]
    if not targets:
        return ("it states no prescribed dose to a target",)
    if len({item.prescribed_gy for item in targets}) > 1:
        listed = ", ".join(f"{item.prescribed_gy:g} Gy ({item.description or item.place})" for item in targets)
        return (f"it prescribes several doses: {listed}",)
    return ()


def _group_notes(groups: Sequence[FractionGroup]) -> tuple[str, ...]:
    if not groups:
        return ("it states no fractions",)
    notes = [
        f"fraction group {group.number} does not say how many fractions" for group in groups if not group.fractions
    ]
    if len(groups) > 1:
        listed = ", ".join("?" if group.fractions is None else str(group.fractions) for group in groups)
        notes.append(f"it has {len(groups)} fraction groups of {listed} fractions")
    return tuple(notes)


def _unlisted_notes(
    groups: Sequence[FractionGroup], beams: Sequence[Beam], applications: Sequence[Application]
) -> tuple[str, ...]:
    """Say which beams and setups are planned for no fraction, or are planned and not described."""
    notes = []
    for word, described, planned in (
        ("beam", {beam.number for beam in beams}, {part.number for group in groups for part in group.beams}),
        (
            "brachytherapy setup",
            {setup.number for setup in applications},
            {part.number for group in groups for part in group.applications},
        ),
    ):
        notes += [f"{word} {number} is planned and not described" for number in sorted(planned - described)]
        notes += [f"{word} {number} is described and in no fraction" for number in sorted(described - planned)]
    return tuple(notes)


def _approval_notes(elements: Elements) -> tuple[str, ...]:
    status = elements.text("ApprovalStatus").upper()
    return (f"the plan is {status}" if status else "the plan does not say whether it was approved",) * (
        status != "APPROVED"
    )
