"""Whole plans on the examples: T12 is planned, L1 is refused by IORT-06; what the case or the scan lack stops."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import yaml

from metaspine.anatomy.bone import mask_of
from metaspine.assessment import assess
from metaspine.errors import Cancelled, CaseError, DeviceFileError, InputError, LevelError, NotEligible, PolicyError
from metaspine.evidence import entries
from metaspine.exchange.case_file import read_case
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Grid, Volume
from metaspine.patient.advice import Basis, IortEligibility, Reason
from metaspine.patient.plan import Plan
from metaspine.patient.prescription import Prescription
from metaspine.patient.side import Side
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.calibration import read_calibration
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.planning import make_plan
from metaspine.planning.document import plan_document
from metaspine.planning.eligibility import cautions_or_refusal

PRESCRIPTION = Prescription(dose_gy=8, depth_mm=13, origin="isocentre")


@pytest.fixture(scope="module")
def t12(example_folder):
    folder = example_folder / "t12"
    scan = read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    return scan, read_case(folder / "case.yaml")


@pytest.fixture(scope="module")
def plan(t12) -> Plan:
    scan, case = t12
    return make_plan(scan, case, level="T12", prescription=PRESCRIPTION)


@pytest.fixture(scope="module")
def document(plan):
    return plan_document(plan)


def test_the_tip_lies_in_the_lesion_and_the_entry_on_the_skin(t12, plan):
    scan, _ = t12
    lesion = mask_of(plan.lesion, scan.image.grid)
    assert lesion.sample(plan.trajectory.tip_mm, outside=0.0) >= 0.5
    assert lesion.sample(plan.trajectory.isocentre_mm, outside=0.0) >= 0.5
    entry, direction = plan.trajectory.entry_mm, plan.trajectory.direction
    assert entry is not None
    just_inside, just_outside = (scan.image.sample(entry + step * direction) for step in (4.0, -4.0))
    assert just_inside > -300 > just_outside


def test_the_channel_keeps_clear_of_cord_and_other_vertebrae(t12, plan):
    scan, _ = t12
    for path in (plan.trajectory, *plan.alternatives):
        line = path.tip_mm - np.arange(0.0, 94.0, 0.25)[:, None] * path.direction
        cord = scan.structure("spinal_cord").region
        points = cord.grid.point_mm(np.argwhere(cord.values))
        points = points[np.linalg.norm(points - path.tip_mm, axis=1) < 60]
        nearest = min(float(np.linalg.norm(points - at, axis=1).min()) for at in line[:160])
        assert nearest > 3.5


def test_the_side_is_that_of_the_patient(plan):
    across = (plan.trajectory.bone_entry_mm - plan.vertebra.body_centre_mm) @ plan.vertebra.axes.left
    assert plan.trajectory.side is (Side.LEFT if across > 0 else Side.RIGHT)


def test_nominal_output_and_an_automatic_cord_stop_the_plan(plan):
    stops = {caution.code for caution in plan.warnings if caution.stops}
    assert {"NOMINAL_OUTPUT", "LIMIT_UNCONFIRMED"} <= stops
    assert not plan.usable_for_treatment
    assert [c.stops for c in plan.warnings] == sorted((c.stops for c in plan.warnings), reverse=True)


def test_every_evidence_id_exists(plan):
    used = [name for c in plan.warnings for name in c.evidence.split(", ") if name]
    used += [*plan.prescription.evidence, *plan.limit.evidence]
    assert [name for name in used if name not in entries()] == []


def test_every_side_and_approach_is_a_path_or_blocked(plan):
    told = {(p.side, p.approach) for p in (plan.trajectory, *plan.alternatives, *plan.blocked)}
    assert len(told) == 6


def test_the_policy_is_shown(plan):
    names = dict(plan.policy)
    assert "pedicle_margin_mm" in names
    assert "canal_clearance_mm" in names


def test_the_document_is_strict_json(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert "LPS" in document["coordinates"]
    assert document["disclaimer"]
    assert len(document["scan_sha256"]) == 64
    assert document["usable_for_treatment"] is False


def test_the_document_holds_the_plan(plan, document):
    path = document["trajectory"]
    assert path["side"] == plan.trajectory.side.value
    np.testing.assert_allclose(path["isocentre_mm"], plan.trajectory.isocentre_mm, atol=0.006)
    assert math.isclose(np.linalg.norm(path["direction"]), 1.0, abs_tol=1e-4)
    tip = np.asarray(path["isocentre_mm"]) + 2.2 * np.asarray(path["direction"])
    np.testing.assert_allclose(tip, path["tip_mm"], atol=0.02)
    assert document["dwell"]["time_s"] == pytest.approx(plan.dwell.time_s, abs=0.05)
    applied = document["prescription"]
    minutes = applied["dose_gy"] / applied["dose_rate_gy_per_min"]
    assert 60 * minutes == pytest.approx(document["dwell"]["time_s"], rel=1e-3)
    assert document["hand_check"] == plan.hand_check


def test_what_is_not_known_is_null(plan):
    unknown = replace(plan, trajectory=replace(plan.trajectory, entry_mm=None, depth_mm=None))
    path = plan_document(unknown)["trajectory"]
    assert path["entry_mm"] is None
    assert path["skin_to_tip_mm"] is None


def test_no_number_is_left_out_of_the_document(plan, document):
    assert set(document["trajectory"]) >= {
        item.name for item in fields(plan.trajectory) if item.name not in ("depth_mm",)
    }


def test_l1_is_refused_by_its_rule(example_folder):
    folder = example_folder / "l1"
    scan = read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    with pytest.raises(NotEligible, match=r"L1: not eligible.*pedicle infiltration.*IORT-06"):
        make_plan(scan, read_case(folder / "case.yaml"), level="L1", prescription=PRESCRIPTION)


def test_a_level_the_case_does_not_have_is_refused(t12):
    scan, case = t12
    with pytest.raises(CaseError, match=r"no lesion at L1.*lesions are at T12"):
        make_plan(scan, case, level="L1", prescription=PRESCRIPTION)


def test_a_level_the_ct_does_not_have_is_refused(t12):
    scan, case = t12
    with pytest.raises(LevelError, match="T5"):
        make_plan(scan, case, level="T5", prescription=PRESCRIPTION)


def test_no_level_at_all_is_refused(t12):
    scan, case = t12
    with pytest.raises(LevelError, match="not a vertebral level"):
        make_plan(scan, case, level="thorax", prescription=PRESCRIPTION)


def test_an_unknown_procedure_is_refused(t12):
    scan, case = t12
    with pytest.raises(InputError, match=r"no procedure 'vertebroplasty'.*kyphoplasty"):
        make_plan(scan, case, level="T12", prescription=PRESCRIPTION, procedure="vertebroplasty")


def test_a_bad_policy_file_stops_before_any_work(t12, tmp_path):
    scan, case = t12
    path = tmp_path / "policy.yaml"
    path.write_text("margin: 3\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="margin"):
        make_plan(scan, case, level="T12", prescription=PRESCRIPTION, policy=path)


def test_the_work_can_be_stopped(t12):
    scan, case = t12

    def stop(step: str, fraction: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        make_plan(scan, case, level="T12", prescription=PRESCRIPTION, progress=stop)


def test_what_is_unknown_stops_and_what_is_conditional_cautions(t12):
    _, case = t12
    advice = assess(case).lesions[0]
    reasons = (
        Reason("CONSENT_UNKNOWN", "unknown", ("IORT-02",)),
        Reason("CEMENT_IN_PLACE", "conditional", ("IORT-14",)),
    )
    asked = replace(advice, iort_stabilisation=IortEligibility("indeterminate", reasons, None, Basis()))
    cautions = cautions_or_refusal(asked, "stabilisation")
    assert [(c.evidence, c.stops) for c in cautions] == [("IORT-02", True), ("IORT-14", False)]
    assert "consent unknown" in cautions[0].message


def test_a_refusal_names_every_hard_reason(t12):
    _, case = t12
    advice = assess(case).lesions[0]
    reasons = (Reason("NO_CONSENT", "hard", ("IORT-02",)), Reason("PREGNANT", "hard", ("IORT-11",)))
    asked = replace(advice, iort_kyphoplasty=IortEligibility("ineligible", reasons, None, Basis()))
    with pytest.raises(NotEligible, match=r"Kypho-IORT: no consent.*IORT-02.*pregnant.*IORT-11") as caught:
        cautions_or_refusal(asked, "kyphoplasty")
    assert "tumour board" in caught.value.remedy


def todays_calibration(folder, example_folder):
    document = yaml.safe_load((example_folder / "calibration.yaml").read_text(encoding="utf-8"))
    document["output_of_the_day"]["date_time"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    path = folder / "calibration.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def calibration(tmp_path_factory, example_folder):
    return todays_calibration(tmp_path_factory.mktemp("calibration"), example_folder)


@pytest.fixture(scope="module")
def calibrated(t12, calibration) -> Plan:
    scan, case = t12
    return make_plan(scan, case, level="T12", prescription=PRESCRIPTION, calibration=calibration)


def test_a_calibration_of_the_own_device_sets_the_time_and_lifts_the_stop(plan, calibrated, calibration):
    own = read_calibration(calibration, read_applicator("intrabeam-needle"), today=datetime.now(UTC))
    assert "NOMINAL_OUTPUT" in {caution.code for caution in plan.warnings}
    assert "NOMINAL_OUTPUT" not in {caution.code for caution in calibrated.warnings}
    given = calibrated.prescription
    rate = float(dose_rate_gy_per_min(own.depth_dose, given.applied_distance_mm))
    assert calibrated.dwell.time_s == pytest.approx(60 * given.dose_gy / rate)


def test_the_calibration_of_another_source_is_refused(t12, calibration):
    scan, case = t12
    for other in ("XRS 1", ""):
        with pytest.raises(DeviceFileError, match=f"serial number is 'EXAMPLE-0000', but '{other}' is in use"):
            make_plan(
                scan,
                case,
                level="T12",
                prescription=PRESCRIPTION,
                calibration=calibration,
                serial_number=other,
            )
    with pytest.raises(DeviceFileError, match=r"'XRS 1' was given without a calibration file.*Give the source's"):
        make_plan(scan, case, level="T12", prescription=PRESCRIPTION, serial_number="XRS 1")


def test_a_plan_says_where_no_serial_number_was_compared(calibrated):
    assert "the serial number was not compared" in " ".join(caution.message for caution in calibrated.warnings)


def test_an_applicator_that_cannot_pass_through_bone_is_refused(t12):
    scan, case = t12
    with pytest.raises(DeviceFileError, match=r"sphere-4cm: .* is not made to pass through bone"):
        make_plan(scan, case, level="T12", applicator="sphere-4cm", prescription=PRESCRIPTION)


def stored_otherwise(volume: Volume, order: tuple[int, int, int], turned: tuple[bool, bool, bool]) -> Volume:
    """The same voxels with their indices in another order, some of them counted from the other end."""
    affine, start = volume.grid.affine.copy(), np.zeros(3)
    start[list(order)] = np.where(turned, np.array(volume.values.transpose(order).shape) - 1, 0)
    affine[:3, :3] = affine[:3, list(order)] * np.where(turned, -1.0, 1.0)
    affine[:3, 3] = volume.grid.point_mm(start)
    values = np.flip(volume.values.transpose(order), np.flatnonzero(turned).tolist())
    return Volume(np.ascontiguousarray(values), Grid(affine, values.shape, volume.grid.frame_of_reference))


@pytest.mark.parametrize(
    ("order", "turned"),
    [
        ((0, 1, 2), (True, True, False)),  # as DICOM stores what NIfTI stores as it is here
        ((2, 1, 0), (True, False, True)),  # slices first
    ],
)
def test_the_plan_does_not_depend_on_the_order_in_which_voxels_are_stored(t12, plan, order, turned):
    scan, case = t12
    structures = tuple(
        replace(structure, region=stored_otherwise(structure.region, order, turned)) for structure in scan.structures
    )
    otherwise = replace(scan, image=stored_otherwise(scan.image, order, turned), structures=structures)
    again = make_plan(otherwise, case, level="T12", prescription=PRESCRIPTION)
    assert again.trajectory.side is plan.trajectory.side
    assert again.trajectory.approach is plan.trajectory.approach
    np.testing.assert_allclose(again.trajectory.tip_mm, plan.trajectory.tip_mm, atol=1e-3)
    np.testing.assert_allclose(again.trajectory.direction, plan.trajectory.direction, atol=1e-4)
    assert again.trajectory.score == pytest.approx(plan.trajectory.score, abs=1e-3)
    assert again.prescription.lesion_coverage == pytest.approx(plan.prescription.lesion_coverage, abs=1e-3)


def test_contrast_and_the_cannula_are_asked_about_in_the_plan(plan):
    found = {caution.code: caution.message for caution in plan.warnings}
    assert "Was contrast given" in found["ASK_CONTRAST"]
    assert "plastic tip's length is not published" in found["PLASTIC_TIP_LENGTH_UNKNOWN"]
