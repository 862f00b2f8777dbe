"""RT brachy treatment record: what was delivered of a plan, whether it was interrupted, and what continued it.

The record keeps times. It credits no dose: that is a matter of the rules on aborted irradiations (IORT-30).

Source: DICOM PS3.3 A.31 (RT brachy treatment record), C.8.8.17 (general record), C.8.8.22 (brachy session record).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import RTBrachyTreatmentRecordStorage, RTPlanStorage

from metaspine.errors import InputError
from metaspine.exchange.writing.brachytherapy import (
    SETUP_TYPE,
    TECHNIQUE,
    TREATMENT_TYPE,
    add_applicator,
    channel,
    content_of,
    machine,
    source,
)
from metaspine.exchange.writing.objects import (
    LONG_STRING,
    Kind,
    code,
    day,
    decimal,
    new_object,
    reference_to,
    sequence,
    time_of_day,
    write_object,
)
from metaspine.exchange.writing.texts import TEXT, plain
from metaspine.patient.delivery import Delivery
from metaspine.patient.study import Study

PERFORMED = ("438629002", "SCT", "High dose rate electronic brachytherapy")
_SAME_S = 0.05
"""What rounding in a decimal string can make of a time, and more."""
_NOT_RECORDED = "reason not recorded"


def write_record(
    delivery: Delivery, path: Path | str, *, plan_object: Dataset, study: Study, continues: Dataset | None = None
) -> Path:
    """Write a delivery as RT brachy treatment record.

    Raises
    ------
    InputError
        As :func:`record` does.
    OutputError
        When the file cannot be written.
    """
    return write_object(record(delivery, plan_object=plan_object, study=study, continues=continues), path)


def record(delivery: Delivery, *, plan_object: Dataset, study: Study, continues: Dataset | None = None) -> Dataset:
    """Return a delivery as RT brachy treatment record.

    Parameters
    ----------
    plan_object
        The RTPLAN that was delivered.
    continues
        The record of the delivery that this one goes on with; only, and always, where it is not the plan's first.

    Raises
    ------
    InputError
        When the times contradict each other, the RTPLAN is another plan's, or a continuation does not say of what.
    """
    _refuse_impossible(delivery)
    _refuse_other_plan(delivery, plan_object)
    _refuse_loose_continuation(delivery, plan_object, continues)
    part = Dataset()
    part.OperatorsName = plain(delivery.operator, LONG_STRING)
    part.TreatmentDate, part.TreatmentTime = day(delivery.started), time_of_day(delivery.started)
    part.ReferencedRTPlanSequence = sequence([reference_to(plan_object)])
    part.ReferencedFractionGroupNumber = 1
    if continues is not None:
        part.ReferencedTreatmentRecordSequence = sequence([reference_to(continues)])
    part.CommentsOnThePerformedProcedureStep = plain(_comment(delivery), TEXT)
    part.PerformedProtocolCodeSequence = sequence([code(*PERFORMED)])
    part.TreatmentMachineSequence = sequence([machine(delivery.plan, recorded=True)])
    part.NumberOfFractionsPlanned = 1
    part.BrachyTreatmentTechnique, part.BrachyTreatmentType = TECHNIQUE, TREATMENT_TYPE
    part.RecordedSourceSequence = sequence([_recorded_source(delivery, plan_object)])
    part.TreatmentSessionApplicationSetupSequence = sequence([_setup(delivery)])
    words = f"Delivery {delivery.session} at {delivery.plan.level}: {delivery.termination}"
    kind = Kind(RTBrachyTreatmentRecordStorage, "RTRECORD", plain(words, LONG_STRING))
    made = new_object(kind, study=study, content=content_of(part), when=delivery.ended)
    made.update(part)
    made.InstanceNumber = delivery.session
    return made


def _comment(delivery: Delivery) -> str:
    """Return in words what no element of the session has room for (the newest edition of the standard's has some)."""
    counts = "counts not recorded" if delivery.monitor_counts is None else f"{delivery.monitor_counts} counts"
    monitor = f"radiation monitor: {counts}"
    return monitor if delivery.complete else f"ended early: {delivery.reason or _NOT_RECORDED}; {monitor}"


def _recorded_source(delivery: Delivery, plan_object: Dataset) -> Dataset:
    planned = plan_object.SourceSequence[0]
    item = source(delivery.plan, delivery.started)
    item.SourceStrengthReferenceDate = planned.SourceStrengthReferenceDate
    item.SourceStrengthReferenceTime = planned.SourceStrengthReferenceTime
    item.SourceManufacturer = item.SourceSerialNumber = ""
    return item


def _setup(delivery: Delivery) -> Dataset:
    item = Dataset()
    item.ReferencedBrachyApplicationSetupNumber = 1
    item.ApplicationSetupType = SETUP_TYPE
    item.CurrentFractionNumber = 1
    item.TotalReferenceAirKerma = decimal(0.0)
    item.TreatmentDeliveryType = "TREATMENT" if delivery.session == 1 else "CONTINUATION"
    item.TreatmentTerminationStatus = delivery.termination
    item.TreatmentVerificationStatus = ""
    item.RecordedChannelSequence = sequence([_recorded_channel(delivery)])
    return item


def _recorded_channel(delivery: Delivery) -> Dataset:
    item = channel(delivery.plan)
    item.SpecifiedChannelTotalTime = decimal(delivery.planned_s)
    item.DeliveredChannelTotalTime = decimal(delivery.delivered_s)
    applicator = Dataset()
    applicator.ReferencedSourceApplicatorNumber = 1
    add_applicator(applicator, delivery.plan)
    applicator.SourceApplicatorManufacturer = ""
    item.RecordedSourceApplicatorSequence = sequence([applicator])
    moments = (delivery.started, delivery.ended)
    item.BrachyControlPointDeliveredSequence = sequence(_moment(index, at) for index, at in enumerate(moments))
    return item


def _moment(index: int, at: datetime) -> Dataset:
    item = Dataset()
    item.ReferencedControlPointIndex = index
    item.TreatmentControlPointDate, item.TreatmentControlPointTime = day(at), time_of_day(at)
    item.ControlPointRelativePosition = decimal(0.0)
    return item


def _refuse_impossible(delivery: Delivery) -> None:
    found = ""
    if delivery.ended < delivery.started:
        found = "ended before it started"
    elif not (delivery.planned_s > 0 and delivery.delivered_s >= 0):
        found = f"planned {delivery.planned_s:g} s and delivered {delivery.delivered_s:g} s"
    elif delivery.delivered_s > (delivery.ended - delivery.started).total_seconds() + 1.0:
        found = f"delivered {delivery.delivered_s:g} s in a shorter time"
    if found:
        raise InputError(f"a delivery that {found}", where="delivery", remedy="Correct its times")


def _refuse_other_plan(delivery: Delivery, plan_object: Dataset) -> None:
    if plan_object.get("SOPClassUID") != RTPlanStorage or "ApplicationSetupSequence" not in plan_object:
        raise InputError(
            "a treatment record of an object that is no brachytherapy plan",
            where=str(plan_object.get("Modality", "")),
            remedy="Give the RTPLAN that was written for the plan",
        )
    planned = plan_object.ApplicationSetupSequence[0].ChannelSequence[0]
    if abs(float(planned.ChannelTotalTime) - delivery.plan.dwell.time_s) > _SAME_S:
        raise InputError(
            f"the RTPLAN's time is {float(planned.ChannelTotalTime):g} s, the delivered plan's "
            f"{delivery.plan.dwell.time_s:g} s",
            where="delivery",
            remedy="Give the RTPLAN that was written for the plan",
        )


def _refuse_loose_continuation(delivery: Delivery, plan_object: Dataset, continues: Dataset | None) -> None:
    if (delivery.session > 1) is not (continues is not None):
        raise InputError(
            f"delivery {delivery.session} of a plan, with {'a' if continues is not None else 'no'} record that it "
            "continues",
            where="delivery",
            remedy="Give the earlier record with every delivery but the first",
        )
    if continues is None:
        return
    plans = {item.ReferencedSOPInstanceUID for item in continues.get("ReferencedRTPlanSequence", [])}
    if plans != {plan_object.SOPInstanceUID}:
        raise InputError(
            "the record that is continued is of another plan",
            where="delivery",
            remedy="Give the record of the same plan's earlier delivery",
        )
