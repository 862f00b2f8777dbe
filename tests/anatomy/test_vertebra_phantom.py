"""A vertebra is found where it was put, whatever way it lies, is stored or is mirrored."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from vertebra_phantom import (
    CANAL,
    FRAME,
    HALF_HEIGHT,
    HALF_TALL,
    HALF_WIDTH,
    PEDICLE_OUT,
    PEDICLE_UP,
    Truth,
    body_centre,
    cropped,
    grid_around,
    in_bone,
    mirrored,
    points_of,
    scan_of,
    stored_otherwise,
    upright,
    vertebra,
)

from metaspine.anatomy.bone import signed_distance, vertebra_mask
from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.errors import LevelError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.patient.vertebra import Vertebra


def tilted(*angles_deg: float) -> Truth:
    start = upright()
    return Truth(start.axes @ Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix().T, start.origin_mm)


def errors_mm(found: Vertebra, truth: Truth) -> dict[str, float]:
    up = truth.axes[2]
    wanted = {
        "body": (found.body_centre_mm, truth.point(body_centre())),
        "canal": (found.canal_centre_mm, truth.point([0, 0, PEDICLE_UP])),
        "left": (found.left_pedicle.isthmus_mm, truth.isthmus(Side.LEFT)),
        "right": (found.right_pedicle.isthmus_mm, truth.isthmus(Side.RIGHT)),
        "superior": (found.superior_endplate.point_mm @ up, truth.point([0, 0, HALF_HEIGHT]) @ up),
        "inferior": (found.inferior_endplate.point_mm @ up, truth.point([0, 0, -HALF_HEIGHT]) @ up),
    }
    return {name: float(np.linalg.norm(np.subtract(a, b))) for name, (a, b) in wanted.items()}


def widths_between_pedicles_mm() -> np.ndarray:
    """The canal's width over the heights at which lamina and pedicles close the ring, from the pedicles' ellipses."""
    height = np.linspace(PEDICLE_UP - HALF_TALL, 7.0, 201)
    bulge = sum(HALF_WIDTH.values()) * np.sqrt(1 - ((height - PEDICLE_UP) / HALF_TALL) ** 2)
    return 2 * PEDICLE_OUT - bulge


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def test_points_axes_and_sizes_of_a_straight_vertebra() -> None:
    truth = upright()
    found = describe_vertebra(scan_of(grid := grid_around(truth), vertebra(truth, grid)), "L1")
    assert max(errors_mm(found, truth).values()) < 0.75, errors_mm(found, truth)
    for axis, true in zip((found.axes.left, found.axes.anterior, found.axes.cranial), truth.axes, strict=True):
        assert angle_deg(axis, true) < 2
    assert found.complete
    assert found.notes == ()
    assert found.canal_width_mm == pytest.approx(np.median(widths_between_pedicles_mm()), abs=1)
    assert found.canal_depth_mm == pytest.approx(2 * CANAL[1], abs=1)
    for side in Side:
        pedicle = found.pedicle(side)
        assert pedicle is not None
        assert pedicle.side is side
        assert pedicle.area_mm2 == pytest.approx(np.pi * HALF_WIDTH[side] * HALF_TALL, rel=0.08)
        assert pedicle.height_mm == pytest.approx(2 * HALF_TALL, abs=1)
        # the mean chord of the ellipse's middle half of the height
        t = np.linspace(-0.5, 0.5, 1001)
        assert pedicle.width_mm == pytest.approx(2 * HALF_WIDTH[side] * np.sqrt(1 - t**2).mean(), abs=0.6)
        assert angle_deg(pedicle.axis, truth.axes[1]) < 10


@pytest.mark.parametrize("angles", [(25, 0, 0), (-35, 8, 12), (10, -15, -20), (55, 0, 10)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)])
def test_a_tilted_vertebra_on_coarse_slices(angles: tuple[float, float, float], spacing: tuple[float, ...]) -> None:
    truth = tilted(*angles)
    found = describe_vertebra(scan_of(grid := grid_around(truth, spacing=spacing), vertebra(truth, grid)), "L1")
    errors = errors_mm(found, truth)
    assert max(errors.values()) < max(1.0, max(spacing) / 2), errors
    assert angle_deg(found.axes.cranial, truth.axes[2]) < 4
    assert angle_deg(found.axes.left, truth.axes[0]) < 4


@settings(max_examples=5, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-25, 25)] * 3),
    shift=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_the_answers_move_with_the_patient(
    angles: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    start = tilted(*angles)
    truth = Truth(start.axes, start.origin_mm + shift)
    found = describe_vertebra(scan_of(grid := grid_around(truth), vertebra(truth, grid)), "L1")
    errors = errors_mm(found, truth)
    assert max(errors.values()) < 1.0, errors


def test_storage_order_and_sense_of_the_axes_change_nothing() -> None:
    truth = tilted(12, 5, -8)
    scan = scan_of(grid := grid_around(truth, spacing=(1.0, 1.2, 2.0)), vertebra(truth, grid))
    wanted = _numbers(describe_vertebra(scan, "L1"))
    for order, flips in zip(permutations((0, 1, 2)), [(), (0,), (1, 2), (2,), (0, 1, 2), (0, 1)], strict=True):
        found = _numbers(describe_vertebra(stored_otherwise(scan, order, flips), "L1"))
        np.testing.assert_allclose(found, wanted, atol=0.3)


def _numbers(found: Vertebra) -> np.ndarray:
    points = [found.body_centre_mm, found.canal_centre_mm]
    points += [found.pedicle(side).isthmus_mm for side in Side]
    return np.concatenate([*points, found.axes.left, found.axes.cranial, [found.left_pedicle.width_mm]])


def test_mirroring_the_patient_swaps_left_and_right() -> None:
    truth = tilted(10, 0, 15)
    scan = scan_of(grid := grid_around(truth), vertebra(truth, grid))
    found, other = describe_vertebra(scan, "L1"), describe_vertebra(mirrored(scan), "L1")
    flip = np.array([-1, 1, 1])
    assert found.left_pedicle.width_mm > found.right_pedicle.width_mm + 1  # the phantom's left pedicle is the wider one
    assert other.right_pedicle.width_mm > other.left_pedicle.width_mm + 1
    for side in Side:
        swapped = found.pedicle(side.other).isthmus_mm * flip
        np.testing.assert_allclose(other.pedicle(side).isthmus_mm, swapped, atol=0.3)
        sideways = (other.pedicle(side).isthmus_mm - other.canal_centre_mm) @ other.axes.left
        assert sideways * side.lps_sign > 10
    np.testing.assert_allclose(other.axes.left, -found.axes.left * flip, atol=0.02)
    assert other.axes.left[0] > 0


def test_a_lesion_that_punches_a_hole_belongs_to_its_vertebra() -> None:
    truth = upright()
    grid = grid_around(truth)
    local = truth.local(points_of(grid))
    whole = in_bone(local)
    # through the anterior wall: no cavity that bone would enclose anyway
    lesion = whole & (np.linalg.norm(local - body_centre() - [0, 8, 0], axis=-1) < 9)
    holed = Structure(
        "vertebrae_L1", Role.VERTEBRA, cropped(Volume(whole & ~lesion, grid)), Origin.AUTOMATIC, level="L1"
    )
    for level in ("L1", ""):
        tumour = Structure("lesion", Role.LESION, cropped(Volume(lesion, grid)), Origin.SYNTHETIC, level=level)
        scan = scan_of(grid, holed, tumour)
        found = describe_vertebra(scan, "L1")
        assert max(errors_mm(found, truth).values()) < 0.75
        assert vertebra_mask(scan, "L1").values.sum() == whole.sum()
        assert any("lesion" in note for note in found.notes)


def test_a_vertebra_cut_by_the_image_says_which_parts_are_missing() -> None:
    truth = upright()
    grid = grid_around(truth)
    low = grid.cropped((0, 0, 45), grid.shape)  # the image begins 5 mm below the middle of the body
    found = describe_vertebra(scan_of(low, vertebra(truth, low)), "L1")
    assert not found.complete
    assert found.inferior_endplate is None
    assert any("inferior endplate: cut by the field of view" in note for note in found.notes)
    assert found.superior_endplate is not None
    side = grid.cropped((36, 0, 0), grid.shape)  # the image begins 14 mm right of the canal, inside the pedicle
    found = describe_vertebra(scan_of(side, vertebra(truth, side)), "L1")
    assert found.right_pedicle is None
    assert found.left_pedicle is not None
    assert any(note.startswith("right pedicle: ") for note in found.notes)


def test_an_opened_arch_leaves_canal_and_pedicles_unknown() -> None:
    truth = upright()
    grid = grid_around(truth)
    local = truth.local(points_of(grid))
    opened = in_bone(local) & ~((np.abs(local[..., 0]) < 8) & (local[..., 1] < 0))
    label = Structure("vertebrae_L1", Role.VERTEBRA, cropped(Volume(opened, grid)), Origin.AUTOMATIC, level="L1")
    found = describe_vertebra(scan_of(grid, label), "L1")
    assert found.canal_centre_mm is None
    assert found.left_pedicle is None
    assert any("no canal" in note for note in found.notes)
    assert np.linalg.norm(found.body_centre_mm - truth.point(body_centre())) < 4


def test_what_is_not_labelled_is_refused_by_name() -> None:
    truth = upright()
    grid = grid_around(truth, spacing=2.0)
    scan = scan_of(grid, vertebra(truth, grid, "L1"))
    with pytest.raises(LevelError, match=r"phantom: T12 is not labelled\. Labelled are: L1"):
        describe_vertebra(scan, "T12")
    with pytest.raises(LevelError, match="L1 is labelled 2 times"):
        describe_vertebra(scan_of(grid, *scan.structures, vertebra(truth, grid, "L1")), "L1")
    empty = Structure(
        "vertebrae_L1", Role.VERTEBRA, Volume(np.zeros(grid.shape, dtype=bool), grid), Origin.AUTOMATIC, level="L1"
    )
    with pytest.raises(StructureError, match=r"vertebrae_L1: the structure holds no voxel\. Check the label map"):
        describe_vertebra(scan_of(grid, empty), "L1")


def test_uncertainty_follows_the_largest_voxel_edge() -> None:
    truth = upright()
    for spacing, wanted in (((1.0, 1.0, 1.0), 0.75), ((1.0, 1.0, 3.0), 1.5)):
        scan = scan_of(grid := grid_around(truth, spacing=spacing), vertebra(truth, grid))
        assert describe_vertebra(scan, "L1").uncertainty_mm == pytest.approx(wanted)


def test_the_smooth_surface_of_a_slab_lies_on_its_faces() -> None:
    grid = Grid.axis_aligned(
        origin_mm=(0, 0, -20), spacing_mm=(2.0, 1.0, 4.0), shape=(9, 9, 12), frame_of_reference=FRAME
    )
    slab = Volume(
        (points_of(grid)[..., 2] > -6) & (points_of(grid)[..., 2] < 10), grid
    )  # centres -4 to 8: faces -6, 10
    field = signed_distance(slab)
    np.testing.assert_allclose(field.sample([[8, 4, -6.0], [8, 4, 10.0]]), 0, atol=1e-5)
    assert (field.sample([[8, 4, -5.0], [8, 4, 9.0]]) > 0).all()
    assert (field.sample([[8, 4, -7.0], [8, 4, 11.0]]) < 0).all()
