"""What was delivered as RT brachy treatment record: whole, interrupted by a person or the machine, and continued."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest
from planned_objects import STUDY, WHEN, Condition, broken_rules, dciodvfy, small_plan, structure_set
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage

from metaspine.errors import InputError
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.record import record, write_record
from metaspine.exchange.writing.rtplan import rtplan
from metaspine.patient.delivery import Delivery

SETUP = "TreatmentSessionApplicationSetupSequence"
CHANNEL = f"{SETUP}/RecordedChannelSequence"
FIRST_LINE = "RTBrachyTreatmentRecord"

CONDITIONS: dict[str, Condition] = {
    "RecordedSourceSequence/SourceStrengthUnits": lambda *_: True,
    "RecordedSourceSequence/SourceStrength": lambda *_: True,
    f"{CHANNEL}/SpecifiedNumberOfPulses": lambda dataset, _: dataset.get("BrachyTreatmentType") == "PDR",
    f"{CHANNEL}/DeliveredNumberOfPulses": lambda dataset, _: dataset.get("BrachyTreatmentType") == "PDR",
    f"{CHANNEL}/SpecifiedPulseRepetitionInterval": lambda dataset, _: dataset.get("BrachyTreatmentType") == "PDR",
    f"{CHANNEL}/DeliveredPulseRepetitionInterval": lambda dataset, _: dataset.get("BrachyTreatmentType") == "PDR",
    f"{CHANNEL}/TransferTubeLength": lambda _, item: item.get("TransferTubeNumber") is not None,
    f"{CHANNEL}/ChannelInnerLength": lambda _, item: "ChannelEffectiveLength" in item,
    f"{CHANNEL}/RecordedSourceApplicatorSequence/SourceApplicatorStepSize": lambda dataset, _: (
        dataset[SETUP][0].RecordedChannelSequence[0].get("SourceMovementType") == "STEPWISE"
    ),
}


def plan_object() -> Dataset:
    return rtplan(small_plan(), study=STUDY, structure_set=structure_set(), when=WHEN)


def delivery(**changes: object) -> Delivery:
    whole = Delivery(
        plan=small_plan(),
        started=WHEN + timedelta(hours=1),
        ended=WHEN + timedelta(hours=1, seconds=301),
        planned_s=300.4,
        delivered_s=300.4,
        termination="NORMAL",
        operator="Physicist^Mary",
        monitor_counts=123456,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def interrupted(**changes: object) -> Delivery:
    ended = WHEN + timedelta(hours=1, seconds=121)
    early = {"ended": ended, "delivered_s": 120.2, "termination": "MACHINE", "reason": "the needle bent"}
    return delivery(**(early | changes))


def rest() -> Delivery:
    return delivery(
        started=WHEN + timedelta(hours=2),
        ended=WHEN + timedelta(hours=2, seconds=181),
        planned_s=180.2,
        delivered_s=180.2,
        session=2,
    )


def made(found: Delivery, continues: Dataset | None = None) -> Dataset:
    return record(found, plan_object=plan_object(), study=STUDY, continues=continues)


def setup(dataset: Dataset) -> Dataset:
    item: Dataset = dataset[SETUP][0]
    return item


def rules_broken(dataset: Dataset) -> list[str]:
    return broken_rules(dataset, "rt-brachy-treatment-record", set(), CONDITIONS)


@pytest.mark.parametrize(
    "found",
    [delivery(), interrupted(), interrupted(termination="OPERATOR"), rest()],
    ids=["whole", "by the machine", "by a person", "continued"],
)
def test_dciodvfy_and_the_tables_find_no_error(tmp_path: Path, found: Delivery) -> None:
    earlier = made(interrupted()) if found.session > 1 else None
    path = write_record(found, tmp_path / "r.dcm", plan_object=plan_object(), study=STUDY, continues=earlier)
    assert dciodvfy(path, first_line=FIRST_LINE) == []
    assert rules_broken(pydicom.dcmread(path)) == []


@pytest.mark.parametrize("keyword", ["TreatmentDate", "RecordedSourceSequence", SETUP, "TreatmentMachineSequence"])
def test_a_record_that_lacks_what_it_must_have_is_seen_by_both(tmp_path: Path, keyword: str) -> None:
    lame = copy.deepcopy(made(delivery()))
    delattr(lame, keyword)
    assert f"{keyword} is missing" in rules_broken(lame)
    assert dciodvfy(write_object(lame, tmp_path / "lame.dcm"), first_line=FIRST_LINE) != []


def test_a_whole_delivery_is_normal_and_complete() -> None:
    found = made(delivery())
    session, channel = setup(found), setup(found).RecordedChannelSequence[0]
    assert (session.TreatmentTerminationStatus, session.TreatmentDeliveryType) == ("NORMAL", "TREATMENT")
    assert (channel.SpecifiedChannelTotalTime, channel.DeliveredChannelTotalTime) == (300.4, 300.4)
    assert (found.TreatmentDate, found.TreatmentTime, found.OperatorsName) == ("20260102", "103015", "Physicist^Mary")
    times = [point.TreatmentControlPointTime for point in channel.BrachyControlPointDeliveredSequence]
    assert times == ["103015", "103516"]
    assert found.CommentsOnThePerformedProcedureStep == "radiation monitor: 123456 counts"
    assert (found.PatientID, found.StudyInstanceUID) == ("17", "1.2.3")


def test_it_refers_to_the_plan_that_was_delivered() -> None:
    item = made(delivery()).ReferencedRTPlanSequence[0]
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (RTPlanStorage, plan_object().SOPInstanceUID)


def test_what_was_done_is_coded_as_electronic_brachytherapy() -> None:
    item = made(delivery()).PerformedProtocolCodeSequence[0]
    assert (item.CodeValue, item.CodingSchemeDesignator) == ("438629002", "SCT")
    assert item.CodeMeaning == "High dose rate electronic brachytherapy"


@pytest.mark.parametrize("who", ["MACHINE", "OPERATOR"])
def test_an_interrupted_delivery_says_who_ended_it_why_and_how_much_was_given(who: str) -> None:
    found = made(interrupted(termination=who))
    channel = setup(found).RecordedChannelSequence[0]
    assert setup(found).TreatmentTerminationStatus == who
    assert found.CommentsOnThePerformedProcedureStep.startswith("ended early: the needle bent; radiation monitor: 123")
    assert (channel.SpecifiedChannelTotalTime, channel.DeliveredChannelTotalTime) == (300.4, 120.2)


def test_what_is_not_recorded_is_said_and_not_invented() -> None:
    found = made(interrupted(reason="", monitor_counts=None, operator=""))
    said = "ended early: reason not recorded; radiation monitor: counts not recorded"
    assert found.CommentsOnThePerformedProcedureStep == said
    assert (found.OperatorsName, setup(found).TreatmentVerificationStatus) == ("", "")


def test_no_dose_is_credited() -> None:
    assert "CalculatedDoseReference" not in made(interrupted()).to_json()
    assert "Dose" not in " ".join(element.keyword for element in made(interrupted()).iterall())


def test_a_continuation_is_a_second_record_that_names_the_first() -> None:
    first = made(interrupted())
    second = made(rest(), continues=first)
    assert setup(second).TreatmentDeliveryType == "CONTINUATION"
    assert second.ReferencedTreatmentRecordSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert second.SOPInstanceUID != first.SOPInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    given = [setup(found).RecordedChannelSequence[0].DeliveredChannelTotalTime for found in (first, second)]
    assert sum(given) == pytest.approx(300.4)


def test_a_continuation_without_its_first_record_is_refused() -> None:
    with pytest.raises(InputError, match="delivery 2 of a plan, with no record that it continues"):
        made(rest())
    with pytest.raises(InputError, match="delivery 1 of a plan, with a record that it continues"):
        made(delivery(), continues=made(interrupted()))


def test_a_continuation_of_another_plan_is_refused() -> None:
    first = copy.deepcopy(made(interrupted()))
    first.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = "1.2.99"
    with pytest.raises(InputError, match="the record that is continued is of another plan"):
        made(rest(), continues=first)


def test_the_plan_object_must_be_the_delivered_plans() -> None:
    with pytest.raises(InputError, match="no brachytherapy plan"):
        record(delivery(), plan_object=structure_set(), study=STUDY)
    plan = small_plan()
    other = replace(plan, dwell=replace(plan.dwell, time_s=200.0))
    with pytest.raises(InputError, match=r"the RTPLAN's time is 300\.4 s, the delivered plan's 200 s"):
        made(delivery(plan=other))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ended": WHEN}, "ended before it started"),
        ({"delivered_s": -1.0}, "planned 300.4 s and delivered -1 s"),
        ({"planned_s": 0.0}, "planned 0 s"),
        ({"ended": WHEN + timedelta(hours=1, seconds=100)}, "delivered 300.4 s in a shorter time"),
    ],
    ids=["backwards", "negative", "nothing planned", "too short"],
)
def test_times_that_contradict_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(delivery(**changes))
