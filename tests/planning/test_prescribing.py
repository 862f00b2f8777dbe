"""The prescription at a needle position: arithmetic, the smaller distance, what is said when it cannot hold."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import InputError, NoTrajectory
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import Approach, Trajectory
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.uncertainty import upper_95_factor
from metaspine.planning.prescribing import applied_distance_mm, hand_check, prescribe

NEEDLE = read_applicator("intrabeam-needle")
FRAME = "2.25.1701"
GRID = Grid.axis_aligned(origin_mm=(-30, -30, -30), spacing_mm=1.0, shape=(61, 61, 61), frame_of_reference=FRAME)
POINTS = GRID.point_mm(np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1))


def sphere(radius_mm: float, centre: tuple[float, float, float] = (0, 0, 0)) -> Volume:
    return Volume(np.linalg.norm(POINTS - np.asarray(centre), axis=-1) < radius_mm, GRID)


def cord(from_y_mm: float, origin: Origin = Origin.DRAWN) -> Structure:
    """A slab that begins at y, so that its nearest point is exactly half a voxel before the first centre."""
    inside = (POINTS[..., 1] >= from_y_mm) & (POINTS[..., 1] < from_y_mm + 8) & (np.abs(POINTS[..., 0]) < 6)
    return Structure("cord", Role.SPINAL_CORD, Volume(inside, GRID), origin)


def path() -> Trajectory:
    direction = np.array([0.0, 0.0, -1.0])  # along the cord, so that the shaft does not pass it
    zero = np.zeros(3)
    return Trajectory(
        Side.LEFT, Approach.TRANSPEDICULAR, None, zero, direction, 2.2 * direction, None, zero, 1, 2, 0, 0, 1
    )


def given_for(prescription: Prescription, *, cord_mm: float = 25.0, lesion: Volume | None = None, applicator=NEEDLE):
    return prescribe(
        prescription,
        path(),
        lesion=lesion or sphere(8.0),
        limiting=cord(cord_mm),
        applicator=applicator,
        output=applicator.nominal,
    )


def codes(given) -> set[str]:
    return {caution.code for caution in given.cautions}


def test_a_far_cord_leaves_the_prescription_as_it_was():
    given = given_for(Prescription(8, 13))
    assert given.applied.applied_distance_mm == 13.0
    assert not given.applied.reduced
    assert given.limit.met
    rate = float(dose_rate_gy_per_min(NEEDLE.nominal.depth_dose, 13.0))
    assert given.dwell.time_s == pytest.approx(60 * 8 / rate)
    assert rate == pytest.approx(7.04 * (7.2 / 13.0) ** 3, rel=1e-3), "the published 7.04 Gy/min at 7.2 mm, as 1/r^3"


def test_a_near_cord_reduces_and_says_so():
    given = given_for(Prescription(8, 13), cord_mm=15.0)
    applied = given.applied
    assert applied.reduced
    assert applied.applied_distance_mm <= applied.allowed_distance_mm < 13.0
    assert applied.lesion_coverage < applied.lesion_coverage_requested or applied.lesion_coverage == 1.0
    assert "PRESCRIPTION_REDUCED" in codes(given)
    assert "IORT-21" in applied.evidence
    assert f"reduced to {applied.applied_distance_mm:.1f} mm" in applied.explanation
    assert given.limit.met
    assert given.limit.point_maximum_upper_95_gy <= 8.0


def test_the_limit_holds_with_its_bound_computed_by_hand():
    given = given_for(Prescription(8, 13), cord_mm=15.0)
    nearest = 14.5
    assert given.limit.nearest_distance_mm == pytest.approx(nearest, abs=0.02)
    at_cord = 8 * (given.applied.applied_distance_mm / nearest) ** 3
    assert given.limit.point_maximum_gy == pytest.approx(at_cord, rel=0.01)
    factor = upper_95_factor(NEEDLE.nominal, distance_mm=nearest, sigma_mm=NEEDLE.tip_position_uncertainty_mm)
    assert at_cord * factor == pytest.approx(8.0, rel=0.03), "a tenth of a millimetre below the limit"


def test_nothing_left_is_refused():
    with pytest.raises(NoTrajectory, match=r"leaves no room.*cord.*IORT-21"):
        given_for(Prescription(8, 13), cord_mm=4.0)


@pytest.mark.parametrize("depth_mm", [1.0, 2.2])
def test_a_distance_inside_the_applicator_is_not_blamed_on_the_limit(depth_mm):
    with pytest.raises(InputError, match="not outside the applicator") as caught:
        given_for(Prescription(dose_gy=8, depth_mm=depth_mm, origin="isocentre"))
    assert "2.2 mm" in caught.value.remedy


def test_a_distance_from_the_surface_is_counted_from_there():
    given = given_for(Prescription(8, 5, origin="applicator_surface"))
    assert given.applied.requested_distance_mm == pytest.approx(7.2)
    assert given.applied.dose_rate_gy_per_min == pytest.approx(7.04, rel=1e-3)
    assert "applicator surface" in given.applied.explanation


def test_a_border_prescription_covers_the_lesion():
    given = given_for(Prescription(8, to_lesion_border=True), cord_mm=26.0, lesion=sphere(9.0))
    assert 8.5 <= given.applied.requested_distance_mm <= 10.0
    assert given.applied.lesion_coverage == 1.0
    assert "border" in given.applied.explanation


def test_coverage_is_that_of_the_sphere_without_the_applicator():
    given = given_for(Prescription(8, 8), lesion=sphere(10.0))
    shaft = np.pi * 2.2**2
    whole = 4 / 3 * np.pi * 10.0**3 - shaft * 10.0 - 2 / 3 * np.pi * 2.2**3
    inner = 4 / 3 * np.pi * 8.0**3 - shaft * 8.0 - 2 / 3 * np.pi * 2.2**3
    assert given.applied.lesion_coverage == pytest.approx(inner / whole, abs=0.02)


def test_touching_lesion_and_limit_are_told_apart():
    touching = given_for(Prescription(8, 8), cord_mm=18.0, lesion=sphere(5.0, (0, 12.4, 0)))
    assert "LESION_TOUCHES_LIMIT" in codes(touching)
    assert "LESION_TOUCHES_LIMIT" not in codes(given_for(Prescription(8, 8), cord_mm=18.0, lesion=sphere(5.0)))


def test_distances_beyond_the_table_are_shown_as_extrapolated():
    assert "DEPTH_DOSE_EXTRAPOLATED" in codes(given_for(Prescription(8, 6)))
    assert "DEPTH_DOSE_EXTRAPOLATED" not in codes(given_for(Prescription(8, 13), cord_mm=19.0))


def test_unusual_and_unpublished_times_are_shown():
    quick = codes(given_for(Prescription(1, 8)))
    assert {"TIME_UNUSUAL", "TIME_OUTSIDE_PUBLISHED"} <= quick
    assert "TIME_OUTSIDE_PUBLISHED" not in codes(given_for(Prescription(8, 12)))


def test_a_small_structure_has_no_small_volume_dose():
    tiny = Structure("cord", Role.SPINAL_CORD, sphere(1.2, (0, 20, 0)), Origin.DRAWN)
    given = prescribe(
        Prescription(8, 10), path(), lesion=sphere(8.0), limiting=tiny, applicator=NEEDLE, output=NEEDLE.nominal
    )
    assert given.limit.d003cc_gy is None
    assert given.limit.point_maximum_gy > 0


@given(rate=st.floats(0.05, 40.0), dose=st.floats(0.5, 20.0), distance=st.floats(3.0, 30.0))
def test_the_hand_check_holds_in_its_own_digits(rate, dose, distance):
    dose = round(dose, 1)
    line = hand_check(distance, rate, dose)
    found = re.fullmatch(r"([\d.]+) mm from the isocentre: (\S+) Gy/min; (\S+) Gy / (\S+) Gy/min = ([\d.]+) min", line)
    assert found, line
    _, first, gray, second, minutes = found.groups()
    assert first == second
    assert f"{float(gray) / float(second):.1f}" == minutes
    assert minutes == f"{dose / rate:.1f}"


@given(requested=st.floats(3.0, 40.0), allowed=st.floats(0.0, 40.0))
def test_the_smaller_distance_wins(requested, allowed):
    applied = applied_distance_mm(requested, allowed)
    assert applied <= requested
    assert applied <= allowed + 1e-6
    assert applied == requested or applied > allowed - 0.1001


@settings(max_examples=4, deadline=None)
@given(limits=st.tuples(st.floats(4.0, 14.0), st.floats(4.0, 14.0)))
def test_a_looser_limit_never_gives_less(limits):
    low, high = sorted(limits)
    reached = [
        given_for(Prescription(8, 18, limit=DoseLimit("cord", gray)), cord_mm=16.0, lesion=sphere(4.0)).applied
        for gray in (low, high)
    ]
    assert reached[0].applied_distance_mm <= reached[1].applied_distance_mm
    assert reached[0].lesion_coverage <= reached[1].lesion_coverage


def test_a_less_certain_tip_gives_less():
    surer, looser = (replace(NEEDLE, tip_position_uncertainty_mm=sigma) for sigma in (0.5, 2.0))
    first, second = (given_for(Prescription(8, 14), cord_mm=16.0, applicator=used) for used in (surer, looser))
    assert second.applied.applied_distance_mm < first.applied.applied_distance_mm
