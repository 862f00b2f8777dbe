"""The plastic tip must stand out of the cannula; what Hounsfield units misread near the needle is asked about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phantom_vertebra import Phantom, make_scan

from metaspine.errors import DeviceFileError
from metaspine.geometry import Volume
from metaspine.patient.plan import Approach, Trajectory
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator
from metaspine.planning.cannula import cannula_cautions, refuse_covered_tip
from metaspine.planning.questions import foreign_cautions

NEEDLE = read_applicator("intrabeam-needle")
BACKWARDS = np.array([0.0, -1.0, 0.0])


def path(in_bone_mm: float) -> Trajectory:
    tip = np.zeros(3)
    entry = in_bone_mm * -BACKWARDS
    return Trajectory(
        Side.LEFT, Approach.TRANSPEDICULAR, 70 * -BACKWARDS, tip, BACKWARDS, tip, 70.0, entry, 1.5, 4.0, 10, 0, 1
    )


def needle(**channel: float) -> Applicator:
    return replace(NEEDLE, channel=replace(NEEDLE.channel, **channel))


def test_a_tip_of_unknown_length_is_asked_about() -> None:
    (caution,) = cannula_cautions(path(31.5), NEEDLE)
    assert caution.code == "PLASTIC_TIP_LENGTH_UNKNOWN"
    assert "31.5 mm of the needle stand out" in caution.message
    assert "at most 39 mm when the needle is pushed home (needle 94 - cannula 55 mm)" in caution.message
    assert not caution.stops
    refuse_covered_tip(NEEDLE)


def test_a_free_tip_says_nothing() -> None:
    assert cannula_cautions(path(31.5), needle(plastic_tip_length_mm=20.0)) == ()


def test_a_tip_that_the_cannula_covers_stops() -> None:
    (caution,) = cannula_cautions(path(15.0), needle(plastic_tip_length_mm=20.0))
    assert (caution.code, caution.stops, caution.evidence) == ("CANNULA_COVERS_TIP", True, "PHY-29")
    assert "5.0 mm of it stay inside the cannula" in caution.message


def test_a_needle_that_can_never_be_free_is_refused() -> None:
    refuse_covered_tip(needle(plastic_tip_length_mm=39.0))
    with pytest.raises(DeviceFileError, match=r"30 mm of the needle stand out.*hub 9 mm.*tip is 35 mm.*Check the len"):
        refuse_covered_tip(needle(plastic_tip_length_mm=35.0, hub_length_mm=9.0))


def test_metal_near_the_needle_is_asked_about_and_far_metal_is_not() -> None:
    scan = make_scan(Phantom(spacing_mm=1.5))
    image = np.array(scan.image.values)
    image[4:8, 4:8, 4:8] = 3000
    with_metal = Scan(Volume(image, scan.image.grid), scan.structures, scan.origin)
    place = scan.image.grid.point_mm([6, 6, 6])
    (caution,) = [each for each in foreign_cautions(with_metal, place + 30.0 * BACKWARDS) if each.code == "ASK_METAL"]
    assert "Which metal is it" in caution.message
    assert caution.evidence == "CT-03"
    assert not caution.stops
    assert not [each for each in foreign_cautions(with_metal, place + 60.0 * BACKWARDS) if each.code == "ASK_METAL"]
