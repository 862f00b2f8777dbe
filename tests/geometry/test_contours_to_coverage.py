"""Contours to coverage: no bias, the even-odd rule, every orientation, and what lies off the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import (
    FRAME,
    PATIENT_POSITIONS,
    circle,
    contour_set,
    grid_along,
    grid_in_position,
    in_plane,
    polygon_area,
    rotations,
    square,
)
from skimage.draw import polygon2mask

from metaspine.errors import FrameMismatch, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.rasterise import coverage, fraction_outside
from metaspine.geometry.slabs import volume_mm3

ONE_MM = Grid.axis_aligned(origin_mm=(-29.5, -29.5, 0), spacing_mm=1, shape=(60, 60, 1), frame_of_reference=FRAME)


def covered_mm3(volume: Volume) -> float:
    return float(volume.values.sum(dtype=np.float64)) * volume.grid.voxel_volume_mm3


def centroid_mm(volume: Volume) -> np.ndarray:
    """The centroid of the coverage; partly filled voxels count at their centre, so it is good to a tenth of a mm."""
    index = np.argwhere(volume.values > 0)
    weight = volume.values[volume.values > 0].astype(np.float64)
    return volume.grid.point_mm(weight @ index / weight.sum())


def plane_coverage(*loops, grid: Grid = ONE_MM) -> np.ndarray:
    return coverage(contour_set(*loops), grid, single_plane_mm=1.0).values[:, :, 0]


def supersampled(loop: np.ndarray, *, parts: int = 20) -> np.ndarray:
    """The coverage of ONE_MM's pixels as scikit-image sees it at ``parts`` x ``parts`` points a pixel."""
    fine = polygon2mask((60 * parts, 60 * parts), (loop[:, :2] + 30) * parts - 0.5)
    return fine.reshape(60, parts, 60, parts).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [1.5, 3, 10, 20])
def test_area_has_no_bias_at_any_offset(radius: float) -> None:
    """Nor any spread: plain polygon fillers scatter by 9.8, 3.6, 0.6 and 0.2 %, 8 x 8 sub-sampling by 0.5 to 0.0 %."""
    offsets = np.random.default_rng(7).random((40, 2))
    areas = [plane_coverage(circle(radius, offset)).sum(dtype=np.float64) for offset in offsets]
    assert np.allclose(areas, polygon_area(radius), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-28, 28), st.floats(-28, 28)), min_size=3, max_size=9, unique=True))
def test_every_pixel_agrees_with_scikit_image(points: list[tuple[float, float]]) -> None:
    """For any polygon, crossing itself or not, to what 20 x 20 points a pixel can tell."""
    loop = in_plane(points)
    if np.linalg.matrix_rank(loop[1:, :2] - loop[0, :2], tol=1e-2) < 2:
        return
    difference = plane_coverage(loop) - supersampled(loop)
    assert np.abs(difference).max() < 0.16
    assert abs(difference.sum()) < 0.02 * max(10.0, 4 * len(points))


@pytest.mark.parametrize("turn", [1, -1])
def test_ring_keeps_its_hole_for_either_winding(turn: int) -> None:
    ring = plane_coverage(circle(12, (0.3, -0.2)), circle(5, (1.1, 0.4))[::turn])
    assert ring.sum() == pytest.approx(polygon_area(12) - polygon_area(5), rel=1e-5)
    assert ring[30, 30] == 0


def test_island_in_a_hole_in_an_island() -> None:
    nested = plane_coverage(circle(20), circle(14)[::-1], circle(8), circle(3))
    expected = polygon_area(20) - polygon_area(14) + polygon_area(8) - polygon_area(3)
    assert nested.sum() == pytest.approx(expected, rel=1e-5)


def test_keyhole_is_a_ring() -> None:
    """One line that runs in through a channel of no width, round the hole, and out again."""
    outer, inner = circle(12), circle(5)[::-1]
    keyhole = np.vstack([outer, outer[:1], inner[-1:], inner, outer[:1]])
    assert plane_coverage(keyhole).sum() == pytest.approx(polygon_area(12) - polygon_area(5), rel=1e-3)


def test_figure_of_eight_keeps_both_loops() -> None:
    eight = plane_coverage(in_plane([(-10, -10), (10, 10), (10, -10), (-10, 10)]))
    assert eight.sum() == pytest.approx(200, rel=1e-4)
    assert eight[22, 30] == eight[37, 30] == 1
    assert eight[30, 22] == eight[30, 37] == 0


def test_touching_islands_leave_no_seam() -> None:
    pair = plane_coverage(square(6, (-3.2, 0)), square(6, (2.8, 0)))
    assert pair.sum() == pytest.approx(72, rel=1e-6)
    assert (pair[25:35, 28:32] == 1).all()


def test_overlapping_loops_exclude_each_other() -> None:
    pair = plane_coverage(square(6, (-1.5, 0)), square(6, (1.5, 0)))
    assert pair.sum() == pytest.approx(36, rel=1e-6)


def test_contour_on_voxel_edges_fills_whole_voxels() -> None:
    whole = plane_coverage(square(8))
    assert sorted(np.unique(whole)) == [0, 1]
    assert whole.sum() == 64


def test_a_triangle_in_one_pixel_and_a_spike_of_no_width() -> None:
    tiny = in_plane([(0.1, 0.1), (0.4, 0.1), (0.1, 0.3)])
    assert plane_coverage(tiny)[30, 30] == pytest.approx(0.03, rel=1e-5)
    spiked = np.vstack([square(8), in_plane([(-4, -4), (-20, -20)])])
    assert plane_coverage(spiked).sum() == pytest.approx(64, rel=1e-6)


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
def test_a_structure_stays_where_it_is_in_every_patient_position(position: str) -> None:
    """Axial LPS contours at the left, posterior: volume and centroid whatever way the grid is stored."""
    grid = grid_in_position(position, spacing_mm=(0.9, 1.1, 1.7), shape=(44, 44, 22))
    contours = contour_set(*(circle(5, (7.3, 4.1), z=z) for z in (-4.0, -1.0, 2.0, 5.0)))
    filled = coverage(contours, grid)
    assert covered_mm3(filled) == pytest.approx(12 * polygon_area(5), rel=1e-5)
    assert np.allclose(centroid_mm(filled), (7.3, 4.1, 0.5), atol=0.1)


@settings(max_examples=25, deadline=None)
@given(rotations(), st.permutations(range(3)), st.tuples(*[st.floats(0.6, 3)] * 3))
def test_oblique_grids_and_any_slice_axis(turn, order, spacing) -> None:
    """Contours perpendicular to the third column of ``turn`` on a grid whose axes are its columns in any order."""
    contours = contour_set(*(circle(5, (1.3, 0.6), z=z, corners=50) @ turn.T for z in (-2.0, 0.0, 2.0)))
    shape = np.ceil(20 / np.array(spacing)).astype(int)
    grid = grid_along(turn[:, order], spacing_mm=spacing, shape=tuple(int(n) for n in shape))
    filled = coverage(contours, grid)
    assert covered_mm3(filled) == pytest.approx(6 * polygon_area(5, 50), rel=1e-4)
    assert np.allclose(centroid_mm(filled), turn @ (1.3, 0.6, 0.0), atol=0.1)


def test_planes_between_the_slices_share_them() -> None:
    """Planes 3 mm apart on slices 2 mm apart: each slice is filled as far as the slabs reach into it."""
    grid = Grid.axis_aligned(origin_mm=(0, 0, -5), spacing_mm=(1, 1, 2), shape=(3, 3, 6), frame_of_reference=FRAME)
    filled = coverage(contour_set(*(square(9, (1, 1), z=z) for z in (-3.0, 0.0))), grid)
    assert np.allclose(filled.values[1, 1], [0.25, 1, 1, 0.75, 0, 0])
    half_end = coverage(contour_set(*(square(9, (1, 1), z=z) for z in (-3.0, 0.0))), grid, ends="half-end")
    assert np.allclose(half_end.values[1, 1], [0, 0.5, 1, 0, 0, 0])


def test_what_lies_off_the_grid_is_told() -> None:
    contours = contour_set(*(square(10, (30, 0), z=z) for z in (-0.25, 0.25)))
    assert fraction_outside(contours, ONE_MM) == pytest.approx(0.5, abs=1e-6)
    away = contour_set(*(square(10, (300, 0), z=z) for z in (-0.25, 0.25)))
    assert fraction_outside(away, ONE_MM) == 1
    assert not coverage(away, ONE_MM).values.any()
    inside = contour_set(*(circle(10, z=z) for z in (-0.25, 0.25)))
    assert fraction_outside(inside, ONE_MM) == 0
    beyond = contour_set(*(circle(10, z=z) for z in (0.0, 1.0, 2.0, 3.0)))
    assert fraction_outside(beyond, ONE_MM) == pytest.approx(0.75, abs=1e-6)


def test_volume_on_the_grid_is_the_volume_of_the_contours() -> None:
    contours = contour_set(*(circle(3 + z, (0.2, 0.7), z=z) for z in (1.0, 2.5, 4.0, 5.5)))
    grid = Grid.axis_aligned(origin_mm=(-14, -14, -3), spacing_mm=0.9, shape=(40, 40, 14), frame_of_reference=FRAME)
    for ends in ("prism", "half-end"):
        assert covered_mm3(coverage(contours, grid, ends=ends)) == pytest.approx(
            volume_mm3(contours, ends=ends), rel=1e-5
        )


def test_another_frame_of_reference_is_refused() -> None:
    with pytest.raises(FrameMismatch, match=rf"contours: .*{FRAME} and 2\.25\.9.*Register"):
        coverage(contour_set(square(5), square(5, z=1), frame="2.25.9"), ONE_MM)


def test_planes_along_no_axis_of_the_grid_are_refused() -> None:
    tilted = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    with pytest.raises(StructureError, match=r"strays .* mm.*along one axis of the image"):
        coverage(contour_set(square(20) @ tilted.T, square(20, z=2) @ tilted.T), ONE_MM)


def test_a_structure_of_no_area_has_no_fraction_outside() -> None:
    spike = in_plane([(0, 0), (5, 5), (0, 0), (5, 0)])
    with pytest.raises(StructureError, match="enclose no area"):
        fraction_outside(contour_set(spike), ONE_MM, single_plane_mm=1.0)


def test_real_structures_keep_their_published_volumes(shared_data) -> None:
    """The volumes that the data's own notes give (areas summed: structures with holes are left out)."""
    import json

    import pydicom

    name = "dicom_rt_breast_dicompyler/rtss.dcm"
    expected = json.loads((shared_data / "rtstruct_reference.json").read_text())[name]
    dataset = pydicom.dcmread(shared_data / name)
    names = {roi.ROINumber: roi.ROIName for roi in dataset.StructureSetROISequence}
    for roi in dataset.ROIContourSequence:
        label = names[roi.ReferencedROINumber]
        if label not in {"Breast", "Heart", "Tumor Bed", "Tumor Bed Block"}:
            continue
        loops = [np.array(c.ContourData, dtype=float).reshape(-1, 3) for c in roi.ContourSequence]
        assert volume_mm3(contour_set(*loops)) / 1000 == pytest.approx(expected[label]["sum_area_x_step_cm3"], abs=0.01)
