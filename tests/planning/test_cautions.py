"""What stands beside a plan: output, level, path and image, the gravest first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phantom_vertebra import Phantom, make_scan, make_vertebra

from metaspine.patient.plan import Approach, Caution, Trajectory
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role
from metaspine.patient.vertebra import LandmarkCount, LevelCheck
from metaspine.physics.applicator_files import read_applicator
from metaspine.planning.cautions import gravest_first, lesion_cautions, plan_cautions

NEEDLE = read_applicator("intrabeam-needle")
COUNTED = LevelCheck("T12", "T12", (LandmarkCount("last rib", "T12"),), True, confirmed_by="A. Surgeon")
ZERO = np.zeros(3)
PATH = Trajectory(
    Side.LEFT, Approach.TRANSPEDICULAR, ZERO, ZERO, np.array([0.0, -1.0, 0.0]), ZERO, 70.0, ZERO, 1.5, 4.0, 10, 0, 1
)


@pytest.fixture(scope="module")
def scan():
    return make_scan(Phantom(spacing_mm=1.5))


def found(scan, *, path=PATH, check=COUNTED, vertebra=None, output=NEEDLE.nominal) -> dict[str, Caution]:
    cautions = plan_cautions(scan, path, check, vertebra or make_vertebra(Phantom()), NEEDLE, output)
    return {caution.code: caution for caution in cautions}


def test_only_nominal_output_stops_a_plain_plan(scan):
    assert [code for code, caution in found(scan).items() if caution.stops] == ["NOMINAL_OUTPUT"]
    calibrated = replace(NEEDLE.nominal, calibrated=True, description="serial number 507")
    assert "NOMINAL_OUTPUT" not in found(scan, output=calibrated)


def test_what_the_calibration_says_is_passed_on(scan):
    odd = replace(NEEDLE.nominal, calibrated=True, cautions=("40 % below nominal",))
    cautions = plan_cautions(scan, PATH, COUNTED, make_vertebra(Phantom()), NEEDLE, odd)
    assert "40 % below nominal" in [caution.message for caution in cautions]


def test_dose_in_water_is_always_said(scan):
    assert "behind an intact bony wall" in found(scan)["DOSE_IN_WATER"].message


def test_a_level_that_nothing_counts_stops(scan):
    caution = found(scan, check=LevelCheck("T12", "T12", (), None))["LEVEL_NOT_COUNTED"]
    assert caution.stops
    assert caution.evidence == "LEVEL-01"


def test_a_level_that_nobody_confirmed_stops_however_well_it_was_counted(scan):
    counts = (LandmarkCount("last rib", "T12"), LandmarkCount("sacrum", "T12"))
    caution = found(scan, check=LevelCheck("T12", "T12", counts, True))["LEVEL_UNCONFIRMED"]
    assert caution.stops
    assert "the last rib and sacrum" in caution.message
    assert "confirmed by A. Surgeon" in found(scan)["LEVEL_CONFIRMED"].message
    assert not found(scan, check=LevelCheck("T12", "T12", (), None, confirmed_by="A. Surgeon"))[
        "LEVEL_NOT_COUNTED"
    ].stops


def test_a_lesion_that_nobody_confirmed_stops(scan):
    (lesion,) = scan.of_role(Role.LESION)
    assert [caution.stops for caution in lesion_cautions(replace(lesion, origin=Origin.AUTOMATIC))] == [True]
    assert lesion_cautions(replace(lesion, origin=Origin.AUTOMATIC, confirmed_by="A. Radiologist")) == ()
    assert lesion_cautions(replace(lesion, origin=Origin.DRAWN)) == ()


def test_a_path_outside_the_pedicle_is_said(scan):
    tight = replace(PATH, approach=Approach.TRANSPEDICULAR_TIGHT, notes=("breaches the lateral cortex by 1.2 mm",))
    assert "1.2 mm" in found(scan, path=tight)["CHANNEL_NOT_INSIDE_PEDICLE"].message


def test_a_clearance_within_its_own_uncertainty_is_said(scan):
    assert "CANAL_CLEARANCE_UNCERTAIN" not in found(scan)
    close = found(scan, path=replace(PATH, canal_clearance_mm=1.1))["CANAL_CLEARANCE_UNCERTAIN"]
    assert "1.1 mm" in close.message


def test_a_depth_that_is_not_determinable_is_said(scan):
    assert found(scan, path=replace(PATH, entry_mm=None, depth_mm=None))["DEPTH_NOT_DETERMINABLE"].stops


def test_a_cut_vertebra_stops(scan):
    cut = replace(make_vertebra(Phantom()), complete=False)
    assert found(scan, vertebra=cut)["VERTEBRA_INCOMPLETE"].stops


def test_structures_that_could_not_be_read_are_named(scan):
    unread = replace(scan, unreadable=(("GTV2", "open contours only"),))
    assert "GTV2" in found(unread)["STRUCTURES_UNREADABLE"].message


def test_the_gravest_come_first():
    cautions = (Caution("a", "a"), Caution("b", "b", stops=True), Caution("c", "c"), Caution("d", "d", stops=True))
    assert [caution.code for caution in gravest_first(cautions)] == ["b", "d", "a", "c"]
