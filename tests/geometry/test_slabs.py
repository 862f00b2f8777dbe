"""Contours as slabs: areas, volumes, end conventions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import FRAME, circle, contour_set, in_plane, polygon_area, rotations, square

from metaspine.errors import StructureError
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.evenodd import area
from metaspine.geometry.slabs import gaps_mm, normal_of, stack, volume_mm3

BOW_TIE = [(0, 0), (10, 10), (10, 0), (0, 10)]


def cylinder(positions, *, radius: float = 8.0):
    return contour_set(*(circle(radius, z=z) for z in positions))


def test_area_of_crossing_lines_is_counted_not_cancelled() -> None:
    """The bow tie's two triangles of 25 turn opposite ways round; a signed area would be zero."""
    assert area([np.array(BOW_TIE, dtype=float)]) == pytest.approx(50, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 40), st.floats(0.5, 50), st.floats(-100, 100), st.booleans())
def test_area_is_exact_whatever_the_winding(corners: int, radius: float, shift: float, backwards: bool) -> None:
    loop = circle(radius, (shift, -shift), corners=corners)[:, :2]
    assert area([loop[::-1] if backwards else loop]) == pytest.approx(polygon_area(radius, corners), rel=1e-9)


def test_a_hole_is_a_hole_for_either_winding() -> None:
    outer, inner = circle(10)[:, :2], circle(4)[:, :2]
    expected = polygon_area(10) - polygon_area(4)
    for hole in (inner, inner[::-1]):
        assert area([outer, hole]) == pytest.approx(expected, rel=1e-9)


def test_prism_and_half_end_differ_by_one_slice() -> None:
    positions = np.arange(5) * 3.0
    disc = polygon_area(8)
    assert volume_mm3(cylinder(positions)) == pytest.approx(5 * 3 * disc)
    assert volume_mm3(cylinder(positions), ends="half-end") == pytest.approx(4 * 3 * disc)


def test_unequal_distances_meet_half_way() -> None:
    slabs = stack(cylinder([0.0, 3.0, 5.0, 10.0])).slabs
    assert [(slab.low_mm, slab.high_mm) for slab in slabs] == [(-1.5, 1.5), (1.5, 4.0), (4.0, 7.5), (7.5, 12.5)]


def test_one_plane_left_out_is_bridged_and_told() -> None:
    contours = cylinder([0.0, 2.0, 6.0, 8.0])
    assert gaps_mm(contours) == ((2.0, 6.0),)
    assert volume_mm3(contours) == pytest.approx(10 * polygon_area(8))


def test_two_islands_along_the_spine_are_not_joined() -> None:
    contours = cylinder([0.0, 2.0, 4.0, 40.0, 42.0, 44.0])
    assert gaps_mm(contours) == ((4.0, 40.0),)
    assert volume_mm3(contours) == pytest.approx(12 * polygon_area(8))
    assert volume_mm3(contours, ends="half-end") == pytest.approx(8 * polygon_area(8))


def test_with_a_stated_slice_thickness_a_slice_left_out_stays_empty() -> None:
    contours = cylinder([0.0, 2.0, 6.0, 8.0])
    assert stack(contours, slice_thickness_mm=2.0).volume_mm3() == pytest.approx(8 * polygon_area(8))


def test_a_single_plane_needs_its_thickness() -> None:
    one = cylinder([5.0])
    with pytest.raises(StructureError, match=r"single plane.*State the thickness"):
        volume_mm3(one)
    for ends in ("prism", "half-end"):
        assert volume_mm3(one, single_plane_mm=2.5, ends=ends) == pytest.approx(2.5 * polygon_area(8))
    with pytest.raises(StructureError, match=r"thickness of -1 mm"):
        volume_mm3(one, single_plane_mm=-1)


@settings(max_examples=30, deadline=None)
@given(rotations(), st.tuples(*[st.floats(-300, 300)] * 3))
def test_the_volume_does_not_depend_on_where_the_structure_lies(turn, shift) -> None:
    loops = [np.asarray(circle(6, z=z, corners=30)) @ turn.T + shift for z in (0.0, 2.0, 4.0)]
    contours = contour_set(*loops)
    assert volume_mm3(contours) == pytest.approx(6 * polygon_area(6, 30), rel=1e-6)
    assert abs(normal_of(contours) @ turn[:, 2]) == pytest.approx(1, abs=1e-9)


def test_open_curves_and_points_are_never_filled() -> None:
    needle = Contour(np.array([(0.0, 0, 0), (5, 0, 0), (5, 9, 0)]), "open")
    mark = Contour(np.array([(0.0, 0, 0)]), "point")
    with pytest.raises(StructureError, match="bounds no volume"):
        volume_mm3(ContourSet((needle, mark), FRAME))
    with_a_body = ContourSet((needle, mark, *cylinder([0.0, 2.0]).contours), FRAME)
    assert volume_mm3(with_a_body) == pytest.approx(4 * polygon_area(8))


@pytest.mark.parametrize(
    ("loops", "message"),
    [
        ([], "no closed contour of three points"),
        ([in_plane([(0, 0), (5, 0)])], "no closed contour of three points"),
        ([in_plane([(0, 0), (5, 0), (9, 0)])], "enclose no area"),
        ([in_plane([(0, 0), (5, 0), (np.nan, 3)])], "not a number"),
        ([square(5), square(5)[::-1]], r"drawn twice.*Remove the double"),
        ([square(5, z=0), np.array([(0, 0, 5), (9, 0, 5), (9, 9, 7), (0, 9, 7.0)])], r"strays .* mm.*parallel planes"),
        ([square(5, z=0.06 * n) for n in range(4)], "closer than 0.1 mm"),
    ],
)
def test_what_bounds_no_space_is_refused(loops, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        volume_mm3(contour_set(*loops), single_plane_mm=1.0)
