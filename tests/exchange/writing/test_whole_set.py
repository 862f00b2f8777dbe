"""CT, structures, plan, dose and its uncertainty of one patient refer to each other and to nothing else."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from planned_objects import STUDY, WHEN, made_up, small_plan
from pydicom.dataset import Dataset

from metaspine.exchange.writing.ct import write_ct
from metaspine.exchange.writing.rtdose import rtdose
from metaspine.exchange.writing.rtplan import rtplan
from metaspine.exchange.writing.rtstruct import rtstruct
from metaspine.exchange.writing.studies import study_of
from metaspine.exchange.writing.uncertainty import uncertainty_map


@pytest.fixture(scope="module")
def whole_set(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Dataset]]:
    folder: Path = tmp_path_factory.mktemp("set")
    found, plan = made_up(), small_plan()
    scan = found.make_scan(found.scan_grid())
    dose = found.make_dose(scan)
    used = write_ct(scan, folder / "ct", study=STUDY, when=WHEN)
    structures = rtstruct(used, needle=plan.trajectory, dose=dose, when=WHEN)
    planned = rtplan(plan, study=study_of(used), structure_set=structures, when=WHEN)
    written = rtdose(dose, plan=planned, study=study_of(used), when=WHEN)
    slices = [pydicom.dcmread(path) for path in sorted((folder / "ct").iterdir())]
    made = {"ct": slices, "structures": [structures], "plan": [planned], "dose": [written]}
    pytest.importorskip("highdicom")
    return made | {"map": [uncertainty_map(dose, rtdose=written, study=study_of(used), when=WHEN)]}


def test_all_belong_to_one_patient_study_and_frame(whole_set: dict[str, list[Dataset]]) -> None:
    objects = [item for part in whole_set.values() for item in part]
    assert {item.StudyInstanceUID for item in objects} == {STUDY.study_uid}
    assert {(item.PatientID, str(item.PatientName)) for item in objects} == {("17", "Doe^Jane")}
    assert len({item.FrameOfReferenceUID for item in objects}) == 1
    assert len({item.SOPInstanceUID for item in objects}) == len(objects)
    assert len({item.SeriesInstanceUID for item in objects}) == len(whole_set)


def test_every_reference_finds_its_object_of_the_class_it_names(whole_set: dict[str, list[Dataset]]) -> None:
    classes = {item.SOPInstanceUID: item.SOPClassUID for part in whole_set.values() for item in part}
    named = 0
    for part in whole_set.values():
        for item in part:
            for element in item.iterall():
                for inner in element.value if element.VR == "SQ" else ():
                    uid = inner.get("ReferencedSOPInstanceUID")
                    if uid is not None and uid != item.StudyInstanceUID:
                        assert classes[uid] == inner.ReferencedSOPClassUID
                        named += 1
    assert named > len(whole_set["ct"])


def test_the_plans_channel_is_the_structure_sets_needle(whole_set: dict[str, list[Dataset]]) -> None:
    (structures,), (planned,) = whole_set["structures"], whole_set["plan"]
    names = {item.ROINumber: item.ROIName for item in structures.StructureSetROISequence}
    (channel,) = planned.ApplicationSetupSequence[0].ChannelSequence
    assert names[channel.ReferencedROINumber] == "needle"
