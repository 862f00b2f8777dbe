"""Contours and densities carried to a second image by a known transform, against the planning CT itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaspine.errors import FrameMismatch, ImageError, LevelError
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.transforms import RigidTransform
from metaspine.imaging.carrying import CARRIED_MM, carry
from metaspine.imaging.densities import tissue_map
from metaspine.patient.image import Image
from metaspine.patient.registration import Registration
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure

SECOND = "second"
NEEDLE = np.array([5.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def planning(example_folder: Path) -> Scan:
    folder = example_folder / "t12"
    return read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")


@pytest.fixture(scope="module")
def registration(planning: Scan) -> Registration:
    """T12 turned by 20 degrees about the long axis, and shifted."""
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    matrix = np.array([[cosine, -sine, 0, 12], [sine, cosine, 0, -30], [0, 0, 1, 250], [0, 0, 0, 1]])
    transform = RigidTransform(matrix, planning.frame_of_reference, SECOND)
    return Registration("T12", transform, 0.8, 1.0, 1.0, (), 1.0, (0.0, 0.0, 0.0), ("from the registration",))


def middle_mm(planning: Scan) -> np.ndarray:
    mask = planning.structure("vertebrae_T12").region
    return mask.grid.point_mm(np.argwhere(mask.values)).mean(axis=0)


@pytest.fixture(scope="module")
def cone_beam(planning: Scan, registration: Registration) -> Image:
    """A second image of noise around the place, with a bright needle 5 mm left of the vertebra's middle."""
    there = registration.transform.points(middle_mm(planning))
    grid = Grid.around(there, half_extent_mm=60, spacing_mm=1.5, frame_of_reference=SECOND)
    values = np.random.default_rng(0).normal(300, 30, grid.shape).astype(np.float32)
    i, j, k = np.rint(grid.index(there + NEEDLE)).astype(int)
    values[i, j, k - 3 : k + 4] = 5000
    return Image(Volume(values, grid), ScanOrigin("cone-beam", "1"), ("from the file",))


@pytest.fixture(scope="module")
def carried(planning: Scan, registration: Registration, cone_beam: Image) -> Scan:
    return carry(planning, registration, cone_beam)


def test_values_are_the_planning_cts(
    planning: Scan, registration: Registration, cone_beam: Image, carried: Scan
) -> None:
    known = np.argwhere(np.isfinite(carried.image.values))
    some = known[:: len(known) // 400]
    here = registration.transform.inverse.points(carried.image.grid.point_mm(some))
    expected = planning.image.sample(here)
    spacing = planning.image.grid.spacing_mm
    assert (spacing[:2] < 1.5).all()  # finer than the second image: a voxel is the mean of what lies in it
    inside = np.array([[x, y, 0.0] for x in (-0.375, 0.375) for y in (-0.375, 0.375)])
    around = registration.transform.directions(inside)
    parts = [registration.transform.inverse.points(carried.image.grid.point_mm(some) + one) for one in around]
    mean = np.mean([planning.image.sample(one) for one in parts], axis=0)
    found = carried.image.values[tuple(some.T)]
    assert np.corrcoef(found, expected)[0, 1] > 0.98
    assert np.abs(found - mean).mean() < 12


def test_what_is_far_is_not_known_and_never_air(planning: Scan, registration: Registration, carried: Scan) -> None:
    grid = carried.image.grid
    points = grid.point_mm(np.argwhere(np.isfinite(carried.image.values)))
    here = registration.transform.inverse.points(points)
    label = planning.structure("vertebrae_T12").region
    bone = label.grid.point_mm(np.argwhere(label.values))
    nearest = [np.linalg.norm(bone - one, axis=1).min() for one in here[::400]]
    assert max(nearest) <= CARRIED_MM + 2.5
    assert np.isnan(carried.image.values[0, 0, 0])
    assert np.isfinite(carried.image.values).mean() < 0.5
    other = planning.structure("vertebrae_T11").region
    assert other.sample(here, outside=0.0).max() < 0.999
    with pytest.raises(ImageError, match="voxels have no Hounsfield number"):
        tissue_map(carried)


def test_the_needles_place_is_not_known(planning: Scan, registration: Registration, carried: Scan) -> None:
    there = registration.transform.points(middle_mm(planning))
    grid = carried.image.grid
    assert np.isnan(carried.image.values[tuple(np.rint(grid.index(there + NEEDLE)).astype(int))])
    assert np.isfinite(carried.image.values[tuple(np.rint(grid.index(there - NEEDLE)).astype(int))])


def test_metal_of_the_planning_ct_is_not_carried(planning: Scan, registration: Registration, cone_beam: Image) -> None:
    values = planning.image.values.astype(np.float32).copy()
    place = middle_mm(planning) - registration.transform.inverse.directions(NEEDLE)
    values[tuple(np.rint(planning.image.grid.index(place)).astype(int))] = 3000
    carried = carry(replace(planning, image=Volume(values, planning.image.grid)), registration, cone_beam)
    at = carried.image.grid.index(registration.transform.points(place))
    assert np.isnan(carried.image.values[tuple(np.rint(at).astype(int))])


def test_structures_move_and_are_nobodys(planning: Scan, registration: Registration, carried: Scan) -> None:
    moved, was = carried.structure("vertebrae_T12").region, planning.structure("vertebrae_T12").region
    points = was.grid.point_mm(np.argwhere(was.values))
    assert moved.sample(registration.transform.points(points), outside=0.0) == pytest.approx(1.0, abs=1e-6)
    assert moved.values.sum() == was.values.sum()
    assert all(one.origin is Origin.DERIVED and not one.confirmed for one in carried.structures)
    assert "vertebrae_L2" not in {one.name for one in carried.structures}


def test_the_notes_say_what_was_done(carried: Scan) -> None:
    said = "\n".join(carried.notes)
    for words in (
        "from the file",
        "from the registration",
        "expected within 0.8 mm (REG-04)",
        "Cut to 10 mm around T12, beyond which they may have moved: ",
        "Not carried over, because they do not move with T12: ",
        "everywhere else they are not known (REG-05)",
    ):
        assert words in said


def test_contours_are_moved(planning: Scan, registration: Registration, cone_beam: Image) -> None:
    middle = middle_mm(planning)
    square = np.array([[-3, -3, 0], [3, -3, 0], [3, 3, 0], [-3, 3, 0]]) + middle
    far = square + np.array([0, 0, 200])
    drawn = ContourSet((Contour(square), Contour(far)), planning.frame_of_reference)
    target = Structure("target", Role.LESION, drawn, Origin.DRAWN, confirmed_by="Dr A", level="T12")
    result = carry(replace(planning, structures=(*planning.structures, target)), registration, cone_beam)
    region = result.structure("target").region
    assert len(region.contours) == 1
    assert region.contours[0].points_mm == pytest.approx(registration.transform.points(square), abs=1e-9)
    assert region.frame_of_reference == SECOND
    assert not result.structure("target").confirmed


def test_a_ct_keeps_its_own_hounsfield_units(planning: Scan, registration: Registration, cone_beam: Image) -> None:
    second = Scan(cone_beam.volume, (), ScanOrigin("ct", "2", tube_voltage_kv=100))
    result = carry(planning, registration, second)
    assert result.image is second.image
    assert result.origin.tube_voltage_kv == 100
    assert result.structure("vertebrae_T12").frame_of_reference == SECOND


def test_the_curve_is_chosen_by_the_planning_cts_voltage(
    planning: Scan, registration: Registration, cone_beam: Image
) -> None:
    known = replace(planning, origin=replace(planning.origin, tube_voltage_kv=140.0))
    assert carry(known, registration, cone_beam).origin.tube_voltage_kv == 140.0


def test_another_frame_or_level_is_refused(planning: Scan, registration: Registration, cone_beam: Image) -> None:
    grid = Grid(cone_beam.volume.grid.affine, cone_beam.volume.grid.shape, "third")
    with pytest.raises(FrameMismatch, match=r"second image.*third"):
        carry(planning, registration, replace(cone_beam, volume=Volume(cone_beam.volume.values, grid)))
    with pytest.raises(LevelError, match="C3 is labelled 0 times in the planning image"):
        carry(planning, replace(registration, vertebra="C3"), cone_beam)
