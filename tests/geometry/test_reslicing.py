"""Plane pictures: left is on the right, lines lie where the values are, the needle lies in its picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import FRAME, PATIENT_POSITIONS, grid_along, grid_in_position, rotations

from metaspine.errors import FrameMismatch, GeometryError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.reslicing import (
    PlanarView,
    ViewOrientation,
    axial,
    coronal,
    isolines,
    needle_axial,
    needle_eye,
    needle_sagittal,
    reslice,
    sagittal,
    section,
)

LEFT, POSTERIOR, CRANIAL = np.eye(3)
SLOPE = np.array([0.7, -0.4, 1.1])


def view(orientation: ViewOrientation, *, centre=(0, 0, 0), size: float = 30, pixel: float = 0.5) -> PlanarView:
    return PlanarView(np.array(centre), orientation, size, size, pixel, FRAME)


def centres_mm(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def ball(grid: Grid, centre, radius: float) -> Volume:
    """Coverage that falls from 1 to 0 over four mm at the surface, which voxels of 1 mm can carry."""
    distance = np.linalg.norm(centres_mm(grid) - centre, axis=-1)
    return Volume(np.clip(0.5 + (radius - distance) / 4, 0, 1), grid)


@pytest.mark.parametrize(
    ("orientation", "letters", "seen_from"),
    [
        (axial(), ("R", "L", "A", "P"), -CRANIAL),
        (coronal(), ("R", "L", "H", "F"), -POSTERIOR),
        (sagittal(), ("A", "P", "H", "F"), LEFT),
    ],
)
def test_the_radiological_convention(orientation, letters, seen_from) -> None:
    assert orientation.edge_letters == letters
    assert np.allclose(orientation.towards_viewer, seen_from)


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
@pytest.mark.parametrize(
    ("orientation", "shows"),
    [
        (axial(), ("right half", "lower half")),
        (coronal(), ("right half", "upper half")),
        (sagittal(), ("right half", "upper half")),
    ],
)
def test_a_mark_left_posterior_cranial_is_seen_where_it_belongs(position, orientation, shows) -> None:
    """Whatever the patient position; mirrored in the patient, it changes sides in the picture."""
    grid = grid_in_position(position, shape=(40, 40, 40))
    mark = np.array([6.0, 5.0, 7.0])
    for side, centre in (("as it is", mark), ("mirrored", -mark)):
        volume = ball(grid, centre, 3.0)
        offset = mark @ orientation.towards_viewer * orientation.towards_viewer
        picture = reslice(volume, view(orientation, centre=offset if side == "as it is" else -offset), outside=0)
        row, column = np.unravel_index(picture.argmax(), picture.shape)
        right, low = column >= picture.shape[1] / 2, row >= picture.shape[0] / 2
        if side == "mirrored":
            right, low = not right, not low
        assert ("right half" if right else "left half", "lower half" if low else "upper half") == shows


@settings(max_examples=40, deadline=None)
@given(rotations(), st.tuples(*[st.floats(-50, 50)] * 3), st.tuples(st.floats(-30, 30), st.floats(-30, 30)))
def test_lift_and_project_are_each_others_inverse(turn, centre, position) -> None:
    frame = view(ViewOrientation(turn[:, 0], turn[:, 1]), centre=centre)
    point = frame.lift(position)
    assert np.allclose(frame.project(point), position, atol=1e-9)
    assert frame.height_above_mm(point) == pytest.approx(0, abs=1e-9)
    lifted = point + 4 * frame.orientation.towards_viewer
    assert np.allclose(frame.project(lifted), position, atol=1e-9)
    assert frame.height_above_mm(lifted) == pytest.approx(4)


@settings(max_examples=25, deadline=None)
@given(rotations(), rotations())
def test_a_linear_field_is_shown_exactly_in_any_plane_of_any_grid(turn, axes) -> None:
    grid = grid_along(axes, spacing_mm=(1.5, 2.0, 2.5), shape=(40, 30, 24), centre_mm=(3, 2, 1))
    frame = view(ViewOrientation(turn[:, 0], turn[:, 1]), centre=(3, 2, 1), size=20, pixel=2)
    picture = reslice(Volume(centres_mm(grid) @ SLOPE, grid), frame)
    assert picture.shape == (10, 10)
    assert np.allclose(picture, frame.pixels_mm() @ SLOPE, atol=1e-6)


def test_rows_go_down_and_columns_to_the_right() -> None:
    frame = PlanarView(np.zeros(3), axial(), 30.0, 20.0, 10.0, FRAME)
    assert frame.shape == (2, 3)
    assert frame.extent_mm == (-15, 15, 10, -10)
    assert frame.pixels_mm()[0, 0].tolist() == [-10, -5, 0]
    assert frame.pixels_mm()[1, 2].tolist() == [10, 5, 0]


def test_off_the_voxels_is_unknown_unless_said_otherwise() -> None:
    grid = Grid.axis_aligned(origin_mm=(-4.5, -4.5, 0), spacing_mm=1, shape=(10, 10, 1), frame_of_reference=FRAME)
    picture = reslice(Volume(np.ones(grid.shape), grid), view(axial(), size=20, pixel=1))
    assert np.isnan(picture).sum() == 400 - 100
    assert (reslice(Volume(np.ones(grid.shape), grid), view(axial(), size=20, pixel=1), outside=-5) == -5).sum() == 300


@pytest.mark.parametrize("orientation", [axial(), coronal(), sagittal(), needle_axial((0.3, -1, 0.2))])
def test_section_of_a_ball_is_a_circle(orientation) -> None:
    volume = ball(grid_in_position("FFP", shape=(40, 40, 40)), np.array([1.0, -2.0, 0.5]), 8.0)
    frame = view(orientation, centre=(1.0, -2.0, 0.5) + 3 * orientation.towards_viewer, pixel=0.25)
    (outline,) = section(volume, frame)
    radius = np.linalg.norm(outline, axis=1)
    assert np.allclose(radius, np.sqrt(8**2 - 3**2), atol=0.05)
    assert np.array_equal(outline[0], outline[-1])


def test_section_shows_holes_and_misses_nothing_at_the_edge_of_the_grid() -> None:
    grid = Grid.axis_aligned(origin_mm=(-9.5, -9.5, -1), spacing_mm=1, shape=(20, 20, 3), frame_of_reference=FRAME)
    mask = np.ones(grid.shape, dtype=bool)
    mask[8:12, 8:12] = False
    lines = sorted(section(Volume(mask, grid), view(axial(), pixel=0.2)), key=len)
    assert len(lines) == 2
    assert np.allclose(np.abs(lines[1]).max(axis=0), 10, atol=0.2)
    assert np.allclose(np.abs(lines[0]).max(axis=0), 2, atol=0.2)


def inverse_square(grid: Grid) -> Volume:
    return Volume(800 / np.maximum(np.square(centres_mm(grid)).sum(axis=-1), 1), grid)


def test_isodose_lines_lie_at_their_radius_in_patient_coordinates() -> None:
    """800 / r^2: 8 Gy at 10 mm, 32 Gy at 5 mm; the logarithm halves the error of linear interpolation or better."""
    grid = grid_along(np.eye(3), spacing_mm=(1, 1, 1), shape=(41, 41, 41))
    frame = view(needle_sagittal((0.4, -1, 0.1)), pixel=0.5)
    worst = {}
    for log in (False, True):
        lines = isolines(inverse_square(grid), frame, [8.0, 32.0], log=log)
        assert set(lines) == {8.0, 32.0}
        for level, radius in ((8.0, 10), (32.0, 5)):
            (line,) = lines[level]
            assert np.allclose(frame.height_above_mm(line), 0, atol=1e-9)
            worst[log, level] = np.abs(np.linalg.norm(line, axis=1) - radius).max()
    assert worst[False, 32.0] < 0.12
    assert worst[True, 32.0] < worst[False, 32.0]
    assert worst[True, 8.0] < worst[False, 8.0]


def test_isodose_lines_stop_where_no_dose_is_defined() -> None:
    grid = grid_along(np.eye(3), spacing_mm=(1, 1, 1), shape=(41, 41, 3))
    values = np.array(inverse_square(grid).values)
    values[20:] = np.nan
    lines = isolines(Volume(values, grid), view(axial()), 8.0, log=True)[8.0]
    assert lines
    assert np.concatenate(lines)[:, 0].max() < 0
    zeros = Volume(np.zeros(grid.shape), grid)
    assert isolines(zeros, view(axial()), 8.0, log=True) == {8.0: ()}
    with pytest.raises(GeometryError, match=r"logarithm of the levels \[0.0\]"):
        isolines(zeros, view(axial()), 0.0, log=True)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1, 1), st.floats(0.1, 1), st.floats(-1, 1), st.sampled_from([-1, 1]))
def test_the_needle_lies_in_its_pictures_and_across_its_eye(x: float, y: float, z: float, sign: int) -> None:
    needle = np.array([x, sign * y, z]) / np.linalg.norm([x, y, z])
    for orientation in (needle_axial(needle), needle_sagittal(needle)):
        assert orientation.towards_viewer @ needle == pytest.approx(0, abs=1e-9)
    eye = needle_eye(needle)
    assert np.allclose(eye.towards_viewer, needle)
    assert needle_axial(needle).rightwards @ LEFT >= 0
    assert needle_axial(needle).towards_viewer @ CRANIAL <= 0
    assert needle_sagittal(needle).downwards @ CRANIAL == pytest.approx(-1)
    assert needle_sagittal(needle).rightwards @ POSTERIOR >= 0
    assert eye.downwards @ CRANIAL <= 0


def test_a_needle_from_behind_shows_the_patients_right_on_the_left() -> None:
    needle = np.array([0.3, -0.9, 0.2])
    assert needle_axial(needle).edge_letters == ("R", "L", "A", "P")
    assert needle_eye(needle).edge_letters == ("R", "L", "H", "F")
    assert needle_sagittal(needle).edge_letters == ("A", "P", "H", "F")
    assert np.allclose(needle_axial((0, -1, 0)).rightwards, axial().rightwards)


def test_a_vertebras_own_axes_make_its_own_pictures() -> None:
    tilt = np.deg2rad(30)
    cranial = np.array([0, np.sin(tilt), np.cos(tilt)])
    anterior = np.array([0, -np.cos(tilt), np.sin(tilt)])
    assert np.allclose(axial(anterior=anterior).towards_viewer, -cranial)
    assert np.allclose(sagittal(anterior=anterior, cranial=cranial).towards_viewer, LEFT)
    assert axial(anterior=(0, -np.sqrt(0.5), np.sqrt(0.5))).edge_letters == ("R", "L", "AH", "PF")


@pytest.mark.parametrize("make", [needle_axial, needle_sagittal, needle_eye])
def test_a_needle_along_the_spine_has_no_such_picture(make) -> None:
    with pytest.raises(GeometryError, match=r"undetermined.*Choose another picture"):
        make((0, 0, 1))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(GeometryError, match="not perpendicular unit vectors"):
        ViewOrientation(LEFT, LEFT)
    with pytest.raises(GeometryError, match=r"0 mm at .*positive pixel"):
        view(axial(), pixel=0)
    with pytest.raises(GeometryError, match="finite centre"):
        view(axial(), centre=(np.nan, 0, 0))


def test_frames_never_mix() -> None:
    volume = Volume(np.zeros((40, 40, 20)), grid_in_position("HFS"))
    frame = PlanarView(np.zeros(3), axial(), 10, 10, 1, "2.25.5")
    for attempt in (
        lambda: reslice(volume, frame),
        lambda: section(volume, frame),
        lambda: isolines(volume, frame, 1.0),
    ):
        with pytest.raises(FrameMismatch, match=rf"picture: .*{FRAME} and 2\.25\.5"):
            attempt()
