"""The needle's plan as RTPLAN: judged by dciodvfy and the standard's tables, read back, and never approved."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned_objects import (
    STUDY,
    WHEN,
    Condition,
    broken_rules,
    dciodvfy,
    made_up,
    program,
    small_plan,
    structure_set,
)
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from metaspine.errors import FrameMismatch, InputError, OutputError
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.rtplan import plan_label, prescription_point_mm, rtplan, write_rtplan
from metaspine.patient.plan import MonteCarloOverride
from metaspine.physics.depth_dose import dose_rate_gy_per_min

CHANNEL = "ApplicationSetupSequence/ChannelSequence"
USED = {"frame-of-reference", "rt-prescription", "rt-fraction-scheme", "rt-brachy-application-setups", "approval"}


def _has(keyword: str) -> Condition:
    return lambda _, item: item.get(keyword) not in (None, "")


def _moves(movement: str) -> Condition:
    return lambda _, item: item.get("SourceMovementType") == movement


def _pulsed(dataset: Dataset, item: Dataset) -> bool:
    return dataset.get("BrachyTreatmentType") == "PDR"


def _in_patient(dataset: Dataset, item: Dataset) -> bool:
    return dataset.get("RTPlanGeometry") == "PATIENT"


def _weighted(dataset: Dataset, item: Dataset) -> bool:
    return any(point.get("CumulativeTimeWeight") is not None for point in item.BrachyControlPointSequence)


CONDITIONS: dict[str, Condition] = {
    "ReferencedStructureSetSequence": _in_patient,
    "DoseReferenceSequence/ReferencedROINumber": lambda _, item: item.DoseReferenceStructureType in ("POINT", "VOLUME"),
    "DoseReferenceSequence/DoseReferencePointCoordinates": lambda _, item: (
        item.DoseReferenceStructureType == "COORDINATES"
    ),
    "FractionGroupSequence/ReferencedBeamSequence": lambda _, item: item.NumberOfBeams > 0,
    "FractionGroupSequence/ReferencedBrachyApplicationSetupSequence": lambda _, item: (
        item.NumberOfBrachyApplicationSetups > 0
    ),
    "SourceSequence/SourceStrengthUnits": lambda *_: True,
    "SourceSequence/SourceStrength": lambda *_: True,
    f"{CHANNEL}/ReferencedROINumber": _in_patient,
    f"{CHANNEL}/ChannelInnerLength": _has("ChannelEffectiveLength"),
    f"{CHANNEL}/SourceApplicatorTipLength": _has("ChannelInnerLength"),
    f"{CHANNEL}/NumberOfPulses": _pulsed,
    f"{CHANNEL}/PulseRepetitionInterval": _pulsed,
    f"{CHANNEL}/SourceApplicatorID": _has("SourceApplicatorNumber"),
    f"{CHANNEL}/SourceApplicatorType": _has("SourceApplicatorNumber"),
    f"{CHANNEL}/SourceApplicatorLength": _has("SourceApplicatorNumber"),
    f"{CHANNEL}/SourceApplicatorStepSize": _moves("STEPWISE"),
    f"{CHANNEL}/TransferTubeLength": _has("TransferTubeNumber"),
    f"{CHANNEL}/FinalCumulativeTimeWeight": _weighted,
}


@pytest.fixture(params=["in the patient", "without a structure set"])
def regions(request: pytest.FixtureRequest) -> Dataset | None:
    return structure_set() if request.param == "in the patient" else None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("plan") / "plan.dcm"
    write_rtplan(small_plan(), path, study=STUDY, structure_set=structure_set(), when=WHEN)
    return pydicom.dcmread(path)


def only_channel(plan_object: Dataset) -> Dataset:
    channel: Dataset = plan_object.ApplicationSetupSequence[0].ChannelSequence[0]
    return channel


def rules_broken(plan_object: Dataset) -> list[str]:
    return broken_rules(plan_object, "rt-plan", USED - _left_out(plan_object), CONDITIONS)


def _left_out(plan_object: Dataset) -> set[str]:
    return {"frame-of-reference"} if plan_object.get("RTPlanGeometry") == "TREATMENT_DEVICE" else set()


def test_dciodvfy_finds_no_error(tmp_path: Path, regions: Dataset | None) -> None:
    path = write_rtplan(small_plan(), tmp_path / "p.dcm", study=STUDY, structure_set=regions, when=WHEN)
    assert dciodvfy(path, first_line="RTPlan") == []


def test_the_standards_tables_are_kept(regions: Dataset | None) -> None:
    assert rules_broken(rtplan(small_plan(), study=STUDY, structure_set=regions, when=WHEN)) == []


@pytest.mark.parametrize(
    "keyword", ["RTPlanLabel", "RTPlanGeometry", "ApplicationSetupSequence", "BrachyTreatmentType", "SourceSequence"]
)
def test_a_plan_that_lacks_what_it_must_have_is_seen_by_both(tmp_path: Path, written: Dataset, keyword: str) -> None:
    lame = copy.deepcopy(written)
    delattr(lame, keyword)
    assert rules_broken(lame) != []
    assert dciodvfy(write_object(lame, tmp_path / "lame.dcm"), first_line="RTPlan") != []


@pytest.mark.parametrize(
    ("keyword", "by_dciodvfy"),
    [
        ("ChannelTotalTime", True),
        ("SourceApplicatorType", True),
        ("ReferencedROINumber", True),
        ("FinalCumulativeTimeWeight", False),
    ],
)
def test_a_channel_that_lacks_what_it_must_have_is_seen(
    tmp_path: Path, written: Dataset, keyword: str, by_dciodvfy: bool
) -> None:
    lame = copy.deepcopy(written)
    delattr(only_channel(lame), keyword)
    assert rules_broken(lame) == [f"{CHANNEL}/{keyword} is missing"]
    assert (dciodvfy(write_object(lame, tmp_path / "lame.dcm"), first_line="RTPlan") != []) is by_dciodvfy


def test_dcmdump_and_dcm2json_read_what_pydicom_reads(tmp_path: Path, written: Dataset) -> None:
    path, environment = write_object(written, tmp_path / "p.dcm"), {**os.environ, "LC_ALL": "C.UTF-8"}
    dump = subprocess.run([program("dcmdump"), str(path)], capture_output=True, text=True, check=True, env=environment)
    assert "NOMINAL T12" in dump.stdout
    assert not [line for line in dump.stderr.splitlines() if line.startswith(("E:", "W:"))]
    run = subprocess.run([program("dcm2json"), str(path)], capture_output=True, check=True, env=environment)
    theirs, ours = json.loads(run.stdout), json.loads(written.to_json())
    assert theirs.keys() - {"00020010"} >= ours.keys()
    for tag in ("300A0002", "300A0004", "300A000C", "300E0002"):
        assert theirs[tag]["Value"] == ours[tag]["Value"]


def test_the_needle_lies_and_points_where_the_plan_has_it(written: Dataset) -> None:
    plan = small_plan()
    start, end = only_channel(written).BrachyControlPointSequence
    for point in (start, end):
        assert np.allclose(point.ControlPoint3DPosition, [2.0, -4.0, 0.0], rtol=0, atol=1e-9)
        assert np.allclose(point.ControlPointOrientation, plan.dwell.direction, rtol=0, atol=1e-6)
        towards_tip = plan.trajectory.tip_mm - plan.trajectory.isocentre_mm
        assert np.dot(point.ControlPointOrientation, towards_tip) > 0
    assert (start.CumulativeTimeWeight, end.CumulativeTimeWeight) == (0, 1)
    channel = only_channel(written)
    assert (channel.ChannelTotalTime, channel.ChannelLength, channel.ReferencedROINumber) == (300.4, 94, 6)
    assert written.FrameOfReferenceUID == made_up().FRAME


def test_mirrored_the_needle_is_mirrored() -> None:
    plan, scan = small_plan(), made_up().make_scan(made_up().scan_grid())
    mirrored = made_up().make_plan(scan, plan.trajectory.side.other)
    one, other = (
        only_channel(rtplan(found, study=STUDY, structure_set=structure_set(), when=WHEN)).BrachyControlPointSequence[0]
        for found in (plan, mirrored)
    )
    assert one.ControlPointOrientation[0] == -other.ControlPointOrientation[0] != 0


def test_the_prescribed_dose_lies_at_its_distance_across_the_needle(written: Dataset) -> None:
    plan, target = small_plan(), written.DoseReferenceSequence[0]
    arm = np.array(target.DoseReferencePointCoordinates, dtype=float) - [2.0, -4.0, 0.0]
    assert np.linalg.norm(arm) == pytest.approx(11.6, abs=1e-9)
    assert float(arm @ plan.dwell.direction) == pytest.approx(0.0, abs=1e-9)
    assert arm[2] > 11
    assert (target.TargetPrescriptionDose, target.DoseReferenceType) == (8, "TARGET")
    spared = written.DoseReferenceSequence[1]
    assert (spared.ReferencedROINumber, spared.OrganAtRiskMaximumDose) == (5, 8)
    group = written.FractionGroupSequence[0]
    setup = group.ReferencedBrachyApplicationSetupSequence[0]
    assert (group.NumberOfFractionsPlanned, group.NumberOfBeams, setup.BrachyApplicationSetupDose) == (1, 0, 8)


@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda parts: float(np.linalg.norm(parts)) > 0.1),
    st.floats(5, 25),
)
def test_wherever_the_needle_points_the_dose_lies_across_it(parts: tuple[float, ...], distance_mm: float) -> None:
    plan, direction = small_plan(), np.array(parts) / np.linalg.norm(parts)
    turned = replace(
        plan,
        dwell=replace(plan.dwell, direction=direction),
        prescription=replace(plan.prescription, applied_distance_mm=distance_mm),
    )
    arm = prescription_point_mm(turned) - plan.dwell.isocentre_mm
    assert float(np.linalg.norm(arm)) == pytest.approx(distance_mm)
    assert float(arm @ direction) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("along", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)])
def test_also_where_it_points_along_an_axis_of_the_vertebra(along: tuple[float, float, float]) -> None:
    plan = small_plan()
    turned = replace(plan, dwell=replace(plan.dwell, direction=np.array(along)))
    arm = prescription_point_mm(turned) - plan.dwell.isocentre_mm
    assert (float(np.linalg.norm(arm)), float(arm @ np.array(along))) == (pytest.approx(11.6), 0.0)


def test_the_source_is_the_tube_and_its_strength_the_dose_rate_at_10_mm(written: Dataset) -> None:
    source = written.SourceSequence[0]
    assert (source.SourceIsotopeName, source.SourceType) == ("XRAY-50KV", "POINT")
    assert (source.SourceStrength, source.SourceStrengthUnits) == (2.5, "DOSE_RATE_WATER")
    assert "Gy/min to water at 10 mm" in source.SourceDescription
    assert float(dose_rate_gy_per_min(small_plan().output.depth_dose, 10.0)) == pytest.approx(2.5)
    assert (written.BrachyTreatmentTechnique, written.BrachyTreatmentType) == ("INTERSTITIAL", "HDR")


def test_nobody_can_take_a_nominal_plan_for_a_calibrated_or_approved_one(written: Dataset) -> None:
    assert written.ApprovalStatus == "UNAPPROVED"
    assert written.RTPlanLabel == "NOMINAL T12"
    assert written.RTPlanName.endswith("nominal output, not for treatment")
    assert written.RTPlanDescription.startswith("nominal output, not for treatment; must not be used while these stand")
    assert "limit unconfirmed" in written.RTPlanDescription
    assert "not for treatment" in written.SeriesDescription


def test_the_label_of_a_calibrated_plan_says_whether_it_may_be_used() -> None:
    plan = small_plan()
    calibrated = replace(plan, output=replace(plan.output, calibrated=True, description="serial number 1"))
    assert plan_label(calibrated) == "STOPPED T12"
    assert plan_label(replace(calibrated, warnings=())) == "needle T12"
    free = rtplan(replace(calibrated, warnings=()), study=STUDY, when=WHEN)
    assert (free.ApprovalStatus, free.RTPlanDescription[:17]) == ("UNAPPROVED", "calibrated output")
    assert "not for treatment" in rtplan(calibrated, study=STUDY, when=WHEN).RTPlanName


def test_a_time_by_monte_carlo_is_named_with_who_answers_for_it() -> None:
    plan = small_plan()
    longer = MonteCarloOverride("rods", "Dr. A", 300.4, 330.0, "border", 7.2, 5.0, 7.0, True, True)
    made = rtplan(replace(plan, override=longer), study=STUDY, when=WHEN)
    assert "time by Monte Carlo, not by the console; responsible: Dr. A" in made.RTPlanDescription


def test_without_a_structure_set_the_plan_holds_no_position() -> None:
    made = rtplan(small_plan(), study=STUDY, when=WHEN)
    assert made.RTPlanGeometry == "TREATMENT_DEVICE"
    text = str(made)
    for word in ("3D Position", "Orientation", "Coordinates", "Specification Point", "Frame of Reference"):
        assert word not in text
    assert "the needle's position is not in this object" in made.RTPlanDescription
    assert only_channel(made).ChannelTotalTime == 300.4


def test_it_refers_to_its_structure_set_and_belongs_to_the_study(written: Dataset) -> None:
    assert written.RTPlanGeometry == "PATIENT"
    item = written.ReferencedStructureSetSequence[0]
    assert item.ReferencedSOPClassUID == RTStructureSetStorage
    assert item.ReferencedSOPInstanceUID == structure_set().SOPInstanceUID
    assert (written.PatientName, written.PatientID, written.StudyInstanceUID) == ("Doe^Jane", "17", "1.2.3")


def test_the_same_plan_is_the_same_object_and_another_is_another() -> None:
    plan = small_plan()
    one, same, later, longer = (
        rtplan(found, study=STUDY, structure_set=structure_set(), when=when)
        for found, when in (
            (plan, WHEN),
            (plan, WHEN),
            (plan, WHEN + timedelta(days=1)),
            (replace(plan, dwell=replace(plan.dwell, time_s=301.0)), WHEN),
        )
    )
    assert one == same
    assert len({one.SOPInstanceUID, later.SOPInstanceUID, longer.SOPInstanceUID}) == 3


def test_another_frame_of_reference_is_refused() -> None:
    with pytest.raises(FrameMismatch, match=r"2\.25\.4711 and 1\.2\.99"):
        rtplan(small_plan(), study=STUDY, structure_set=structure_set("1.2.99"), when=WHEN)


def test_what_is_no_structure_set_is_refused(written: Dataset) -> None:
    with pytest.raises(InputError, match="an object that is no RTSTRUCT"):
        rtplan(small_plan(), study=STUDY, structure_set=written, when=WHEN)


def test_a_time_that_is_no_number_is_refused() -> None:
    plan = small_plan()
    with pytest.raises(OutputError, match="has no place in DICOM"):
        rtplan(replace(plan, dwell=replace(plan.dwell, time_s=float("nan"))), study=STUDY, when=WHEN)


def test_a_backslash_splits_no_name() -> None:
    plan = small_plan()
    odd = replace(plan, applicator=replace(plan.applicator, title="needle\\of our own\n"))
    assert only_channel(rtplan(odd, study=STUDY, when=WHEN)).SourceApplicatorName == "needle of our own"


def test_a_long_explanation_is_cut_and_says_so() -> None:
    plan = small_plan()
    words = replace(plan.prescription, explanation="x" * 2000)
    made = rtplan(replace(plan, prescription=words), study=STUDY, when=WHEN)
    assert len(made.PrescriptionDescription) == 1024
    assert made.PrescriptionDescription.endswith("x...")
