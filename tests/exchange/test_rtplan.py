"""RTPLAN of other systems: prescription and fractions as stated, nothing added up that is not one dose."""

from __future__ import annotations

from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset

from metaspine.errors import InputError
from metaspine.exchange.rtplan import read_plan_dicom
from metaspine.patient.prior_plan import Application, Beam, DoseReference, FractionGroup, PartDose

UID_OF_PLAN = "1.2.826.0.1.3680043.10.99.7"


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(
            dataset,
            keyword,
            pydicom.Sequence(value) if isinstance(value, list) and value and isinstance(value[0], Dataset) else value,
        )
    return dataset


def plan(**elements: Any) -> Dataset:
    """A plan of two beams, one of them for a picture; ``elements`` replace what it has, None takes away."""
    stated = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.5",
        "SOPInstanceUID": UID_OF_PLAN,
        "RTPlanLabel": "T12",
        "ApprovalStatus": "APPROVED",
        "DoseReferenceSequence": [
            item(
                DoseReferenceNumber=1,
                DoseReferenceStructureType="SITE",
                DoseReferenceType="TARGET",
                TargetPrescriptionDose="30",
            )
        ],
        "FractionGroupSequence": [
            item(
                FractionGroupNumber=1,
                NumberOfFractionsPlanned=10,
                ReferencedBeamSequence=[
                    item(ReferencedBeamNumber=1, BeamDose="3"),
                    item(ReferencedBeamNumber=2, BeamDose="0"),
                ],
            )
        ],
        "BeamSequence": [
            item(BeamNumber=1, BeamName="PA", RadiationType="PHOTON", TreatmentDeliveryType="TREATMENT"),
            item(BeamNumber=2, BeamName="kV", RadiationType="PHOTON", TreatmentDeliveryType="SETUP"),
        ],
    } | elements
    return item(**{keyword: value for keyword, value in stated.items() if value is not None})


def brachytherapy() -> dict[str, Any]:
    """Two channels of an iridium afterloader, as PS3.3 C.8.8.15 has them."""
    return {
        "BeamSequence": None,
        "BrachyTreatmentTechnique": "INTERSTITIAL",
        "BrachyTreatmentType": "HDR",
        "SourceSequence": [item(SourceNumber=4, SourceIsotopeName="Ir-192")],
        "ApplicationSetupSequence": [
            item(
                ApplicationSetupNumber=1,
                ApplicationSetupType="INTERSTITIAL",
                ApplicationSetupName="needles",
                ChannelSequence=[
                    item(ChannelNumber=1, ChannelTotalTime="120.5", ReferencedSourceNumber=4),
                    item(ChannelNumber=2, ChannelTotalTime="60", ReferencedSourceNumber=4),
                ],
            )
        ],
        "FractionGroupSequence": [
            item(
                FractionGroupNumber=1,
                NumberOfFractionsPlanned=2,
                ReferencedBrachyApplicationSetupSequence=[
                    item(ReferencedBrachyApplicationSetupNumber=1, BrachyApplicationSetupDose="8")
                ],
            )
        ],
    }


def written(dataset: Dataset, path):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPInstanceUID = UID_OF_PLAN
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_plan_of_beams_that_another_system_wrote():
    """pydicom's sample; its dump (rtplan.dump) states 30 fractions of 1.0275401 Gy and 30.826203 Gy to the PTV."""
    found = read_plan_dicom(get_testdata_file("rtplan.dcm"))
    assert (found.label, found.date, found.approval) == ("Plan1", "20030903", "UNAPPROVED")
    assert (found.fractions, found.prescribed_gy) == (30, 30.826203)
    assert found.fraction_groups == (FractionGroup(1, 30, (PartDose(1, 1.0275401),)),)
    assert found.fraction_groups[0].fraction_gy == pytest.approx(30.826203 / 30)
    assert found.beams == (Beam(1, "Field 1", "PHOTON", "TREATMENT", 6.0, "unit001"),)
    assert found.dose_references[0] == DoseReference(1, "ORGAN_AT_RISK", "COORDINATES", "iso", None, 75.0)
    assert found.structure_set_uid == "1.2.333.444.55.6.7777.88888"
    assert found.notes == ("the plan is UNAPPROVED",)


def test_a_plan_that_prescribes_two_doses(shared_data):
    """A breast plan: 14 Gy in 7 fractions of 4 beams of 0.5 Gy, and a calculation point of its own."""
    found = read_plan_dicom(shared_data / "dicom_rt_breast_dicompyler" / "rtplan.dcm")
    assert (found.fractions, found.prescribed_gy) == (7, None)
    assert found.fraction_groups[0].fraction_gy == pytest.approx(2.0)
    assert [beam.radiation for beam in found.beams] == ["PHOTON"] * 4
    assert "it prescribes several doses: 14 Gy (Breast), 11.3114 Gy (CALC POINT)" in found.notes


def test_brachytherapy(tmp_path):
    found = read_plan_dicom(written(plan(**brachytherapy()), tmp_path / "plan.dcm"))
    assert found.technique == ("INTERSTITIAL", "HDR")
    assert found.applications == (Application(1, "INTERSTITIAL", "needles", 2, 180.5, ("Ir-192",)),)
    assert found.fraction_groups == (FractionGroup(1, 2, (), (PartDose(1, 8.0),)),)
    assert (found.fraction_groups[0].fraction_gy, found.prescribed_gy, found.beams) == (8.0, 30.0, ())
    assert found.notes == ()


def test_what_is_not_stated_stays_unknown(tmp_path):
    bare = plan(
        ApprovalStatus=None,
        DoseReferenceSequence=None,
        FractionGroupSequence=[
            item(FractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=1)]),
            item(
                FractionGroupNumber=2,
                NumberOfFractionsPlanned=5,
                ReferencedBeamSequence=[item(ReferencedBeamNumber=7, BeamDose="2")],
            ),
        ],
    )
    found = read_plan_dicom(written(bare, tmp_path / "plan.dcm"))
    assert (found.fractions, found.prescribed_gy, found.fraction_groups[0].fraction_gy) == (None, None, None)
    assert set(found.notes) == {
        "it states no prescribed dose to a target",
        "fraction group 1 does not say how many fractions",
        "it has 2 fraction groups of ?, 5 fractions",
        "beam 7 is planned and not described",
        "beam 2 is described and in no fraction",
        "the plan does not say whether it was approved",
    }


def test_no_fractions_at_all(tmp_path):
    found = read_plan_dicom(written(plan(FractionGroupSequence=None, BeamSequence=None), tmp_path / "plan.dcm"))
    assert found.fractions is None
    assert "it states no fractions" in found.notes


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (plan(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2"), "is RT Dose Storage, not an RTPLAN"),
        (plan(SOPInstanceUID=""), "SOPInstanceUID is empty"),
        (plan(FractionGroupSequence=[item(FractionGroupNumber=1, NumberOfFractionsPlanned=0)]), "plans 0 fractions"),
        (plan(FractionGroupSequence=[item(NumberOfFractionsPlanned=3)]), "FractionGroupNumber is missing"),
        (
            plan(DoseReferenceSequence=[item(DoseReferenceNumber=1, TargetPrescriptionDose="-8")]),
            "TargetPrescriptionDose is -8",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, dataset, message):
    path = written(dataset, tmp_path / "plan.dcm")
    with pytest.raises(InputError) as caught:
        read_plan_dicom(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_truncated_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_plan_dicom(tmp_path / "none.dcm")
    whole = written(plan(), tmp_path / "plan.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.dcm"):
        read_plan_dicom(tmp_path / "cut.dcm")
