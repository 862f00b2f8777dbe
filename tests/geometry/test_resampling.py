"""Resampling keeps the physical extent, averages when it coarsens, and straightens tilted stacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oriented_grids import FRAME, circle, contour_set, grids

from metaspine.errors import FrameMismatch, GeometryError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.resampling import resample, resample_labels, upright, with_spacing

SLOPE = np.array([1.0, -2.0, 0.5])


def centres_mm(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def line_of_ten() -> Grid:
    return Grid.axis_aligned(origin_mm=(0, 0, 0), spacing_mm=1, shape=(10, 10, 10), frame_of_reference=FRAME)


def test_ten_voxels_of_one_millimetre_become_two_of_five_over_the_same_ten() -> None:
    coarse = with_spacing(line_of_ten(), (5, 1, 1))
    assert coarse.shape == (2, 10, 10)
    assert coarse.point_mm([(0, 0, 0), (1, 0, 0)])[:, 0].tolist() == [2, 7]
    assert coarse.point_mm([(-0.5, 0, 0), (1.5, 0, 0)])[:, 0].tolist() == [-0.5, 9.5]


@settings(max_examples=60, deadline=None)
@given(grids(), st.tuples(*[st.floats(0.2, 12)] * 3))
def test_the_extent_is_kept_for_every_grid_and_spacing(grid: Grid, spacing) -> None:
    other = with_spacing(grid, spacing)
    assert np.allclose(other.corners_mm(), grid.corners_mm(), atol=1e-9)
    assert (other.spacing_mm <= np.array(spacing) * (1 + 1e-5)).all() or min(other.shape) == 1
    assert other.right_handed == grid.right_handed
    assert other.frame_of_reference == grid.frame_of_reference


def test_a_spacing_that_is_the_grids_own_changes_nothing() -> None:
    assert with_spacing(line_of_ten(), 1.0).aligned_with(line_of_ten())


@pytest.mark.parametrize("spacing", [0, -1, np.nan])
def test_an_impossible_spacing_is_refused(spacing: float) -> None:
    with pytest.raises(GeometryError, match="positive millimetres"):
        with_spacing(line_of_ten(), spacing)


@settings(max_examples=40, deadline=None)
@given(grids(most_voxels=6), st.tuples(*[st.floats(0.3, 6)] * 3))
def test_a_linear_field_stays_linear_away_from_the_border(grid: Grid, spacing) -> None:
    target = with_spacing(grid, spacing)
    result = resample(Volume(centres_mm(grid) @ SLOPE, grid), target, outside=np.nan)
    assert np.isfinite(result.values).all()
    where = grid.index(centres_mm(target))
    half = target.spacing_mm / grid.spacing_mm / 2
    inner = ((where - half >= 0) & (where + half <= np.array(grid.shape) - 1)).all(axis=-1)
    assert np.allclose(result.values[inner], (centres_mm(target) @ SLOPE)[inner], atol=1e-8)


def test_coarsening_averages_what_the_voxel_holds() -> None:
    """The finest pattern, voxels of 0 and 1 in turn, becomes one half and does not flicker between 0 and 1."""
    grid = line_of_ten()
    pattern = np.indices(grid.shape).sum(axis=0) % 2
    coarse = resample(Volume(pattern.astype(float), grid), with_spacing(grid, 2.0), outside=0)
    assert np.array_equal(coarse.values, np.full((5, 5, 5), 0.5))
    noise = np.random.default_rng(2).normal(size=grid.shape)
    for wide in (2, 5):
        blocks = noise.reshape(10 // wide, wide, 10 // wide, wide, 10 // wide, wide).mean(axis=(1, 3, 5))
        assert np.allclose(resample(Volume(noise, grid), with_spacing(grid, wide), outside=0).values, blocks)


def test_a_mask_becomes_coverage_of_the_same_volume() -> None:
    grid = line_of_ten()
    mask = np.zeros(grid.shape, dtype=bool)
    mask[3:8, 2:5, 4:9] = True
    coarse = resample(Volume(mask, grid), with_spacing(grid, 2.0), outside=0)
    assert coarse.values.dtype == np.float32
    assert coarse.values.sum() * 8 == pytest.approx(mask.sum())


def test_outside_is_what_the_caller_says_and_begins_at_the_outer_faces() -> None:
    grid = line_of_ten()
    wide = Grid.axis_aligned(origin_mm=(-2, 0, 0), spacing_mm=(0.4, 1, 1), shape=(35, 1, 1), frame_of_reference=FRAME)
    values = resample(Volume(np.ones(grid.shape), grid), wide, outside=-1000).values[:, 0, 0]
    x = centres_mm(wide)[:, 0, 0, 0]
    assert np.array_equal(values == 1, (x > -0.5) & (x < 9.5))
    assert set(values) == {1, -1000}


def test_nan_stays_where_it_was() -> None:
    """A dose is NaN inside the applicator; its neighbours keep their values on the same grid."""
    grid = line_of_ten()
    values = np.ones(grid.shape)
    values[5, 5, 5] = np.nan
    same = resample(Volume(values, grid), grid, outside=0).values
    assert np.isnan(same).sum() == 1
    assert np.isnan(same[5, 5, 5])


def test_labels_keep_their_numbers_and_their_type() -> None:
    grid = line_of_ten()
    labels = np.zeros(grid.shape, dtype=np.int16)
    labels[:5], labels[5:] = 31, 32
    fine = resample_labels(Volume(labels, grid), with_spacing(grid, 0.4))
    assert fine.values.dtype == np.int16
    assert set(np.unique(fine.values)) == {31, 32}
    x = centres_mm(fine.grid)[..., 0]
    assert np.array_equal(fine.values == 31, x < 4.5)


@settings(max_examples=30, deadline=None)
@given(grids(), grids())
def test_labels_are_those_of_the_voxel_each_centre_lies_in(grid: Grid, target: Grid) -> None:
    labels = np.arange(1, np.prod(grid.shape) + 1).reshape(grid.shape)
    shifted = np.array(target.affine)
    shifted[:3, 3] = grid.point_mm((np.array(grid.shape) - 1) / 2)
    target = Grid(shifted, target.shape, FRAME)
    found = resample_labels(Volume(labels, grid), target).values
    index = grid.index(centres_mm(target))
    voxel = np.floor(index + 0.5).astype(int)
    inside = ((voxel >= 0) & (voxel < grid.shape)).all(axis=-1)
    clear = (np.abs(index + 0.5 - np.rint(index + 0.5)) > 1e-6).all(axis=-1)
    expected = np.where(inside, labels[tuple(np.moveaxis(np.clip(voxel, 0, np.array(grid.shape) - 1), -1, 0))], 0)
    assert np.array_equal(found[clear], expected[clear])


def test_frames_never_mix() -> None:
    other = Grid.axis_aligned(origin_mm=0, spacing_mm=1, shape=(2, 2, 2), frame_of_reference="2.25.3")
    volume = Volume(np.zeros((10, 10, 10)), line_of_ten())
    for attempt in (lambda: resample(volume, other, outside=0), lambda: resample_labels(volume, other)):
        with pytest.raises(FrameMismatch, match=rf"2\.25\.3|{FRAME}"):
            attempt()


def tilted_affine(tilt_deg: float, *, spacing_mm=(0.6, 0.5, 2.0)) -> np.ndarray:
    """Slices tilted about the left-right axis while the table still travels along z: what a tilted gantry makes."""
    tilt = np.deg2rad(tilt_deg)
    affine = np.eye(4)
    affine[:3, 0] = (spacing_mm[0], 0, 0)
    affine[:3, 1] = np.array([0, np.cos(tilt), np.sin(tilt)]) * spacing_mm[1]
    affine[:3, 2] = (0, 0, spacing_mm[2])
    affine[:3, 3] = (-20, -15, 100)
    return affine


def sheared_points(affine: np.ndarray, shape) -> np.ndarray:
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


@pytest.mark.parametrize("tilt", [-18.5, -5.0, 0.0, 12.0, 30.0])
def test_a_tilted_stack_is_straightened_where_its_points_lie(tilt: float) -> None:
    """A linear field in the patient, exactly; the upright grid holds all of the stack and says where it is empty."""
    shape, affine = (16, 40, 20), tilted_affine(tilt)
    volume = upright(sheared_points(affine, shape) @ SLOPE, affine, FRAME, outside=np.nan)
    assert np.allclose(volume.grid.directions, np.eye(3), atol=1e-12)
    assert np.allclose(volume.grid.spacing_mm, (0.6, 0.5, 2.0))
    outer = np.array([[i, j, k] for i in (-0.5, 15.5) for j in (-0.5, 39.5) for k in (-0.5, 19.5)])
    assert volume.grid.contains(outer @ affine[:3, :3].T + affine[:3, 3]).all()
    source = (centres_mm(volume.grid) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    inner = ((source >= 0) & (source <= np.array(shape) - 1)).all(axis=-1)
    assert inner.sum() > 0.5 * np.prod(shape)
    assert np.allclose(volume.values[inner], (centres_mm(volume.grid) @ SLOPE)[inner], atol=1e-7)
    off = ((source < -0.5 - 1e-6) | (source > np.array(shape) - 0.5 + 1e-6)).any(axis=-1)
    assert np.array_equal(np.isnan(volume.values), off)


def test_a_ball_in_a_tilted_stack_is_round_and_in_its_place_again() -> None:
    affine, shape, centre = tilted_affine(-18.5), (60, 70, 24), np.array([-3.0, 3.5, 118.0])
    distance = np.linalg.norm(sheared_points(affine, shape) - centre, axis=-1)
    volume = upright(np.clip(10.5 - distance, 0, 1), affine, FRAME, outside=0)
    points, weight = centres_mm(volume.grid), volume.values
    found = (points * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()
    assert np.allclose(found, centre, atol=0.05)
    spread = np.sqrt(((points - found) ** 2 * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum())
    assert np.allclose(spread / spread[0], 1, atol=0.02)
    assert weight.sum() * volume.grid.voxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.01)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, 1, -1), (-1, -1, -1)])
def test_a_mirrored_stack_keeps_left_left_and_its_own_way_of_counting(flips) -> None:
    affine = tilted_affine(10)
    affine[:3, :3] *= flips
    shape = (6, 20, 8)
    volume = upright(sheared_points(affine, shape) @ (1, 0, 0), affine, FRAME, outside=np.nan)
    assert np.allclose(volume.grid.directions, np.diag(flips), atol=1e-12)
    assert volume.grid.right_handed == (np.prod(flips) > 0)
    x = centres_mm(volume.grid)[..., 0]
    known = np.isfinite(volume.values)
    assert np.allclose(volume.values[known], x[known], atol=0.6 / 2 + 1e-9)
    assert np.corrcoef(volume.values[known], x[known])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.zeros((4, 4)), "invertible"),
        (np.full((4, 4), np.nan), "finite"),
        (np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "not perpendicular"),
    ],
)
def test_what_is_no_stack_of_slices_is_refused(affine, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        upright(np.zeros((4, 4, 4)), affine, FRAME, outside=0)


def test_the_real_tilted_head_phantom_keeps_its_values_where_they_were_measured(shared_data) -> None:
    """The straightened image, sampled at the places of the tilted pixels, shows what those pixels show."""
    import pydicom

    files = [pydicom.dcmread(path) for path in (shared_data / "dicom_ct_gantry_tilt_phantom").glob("*.dcm")]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    first, last = (np.array(file.ImagePositionPatient, dtype=float) for file in (files[0], files[-1]))
    ways = np.array(files[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    affine = np.eye(4)
    affine[:3, 0] = ways[0] * float(files[0].PixelSpacing[1])
    affine[:3, 1] = ways[1] * float(files[0].PixelSpacing[0])
    affine[:3, 2] = (last - first) / (len(files) - 1)
    affine[:3, 3] = first
    with pytest.raises(GeometryError, match=r"not perpendicular \(a tilted gantry\?\)"):
        Grid(affine, (2, 2, 2), FRAME)
    values = np.stack([file.pixel_array.T for file in files], axis=2)[100:400, 100:400].astype(np.float32)
    affine[:3, 3] = affine[:3, :3] @ (100, 100, 0) + first
    straight = upright(values, affine, FRAME, outside=np.nan)
    assert np.abs(straight.grid.directions - np.eye(3)).max() < 1e-3
    shown = straight.sample(sheared_points(affine, values.shape)[::5, ::5, 2:-2])
    measured = values[::5, ::5, 2:-2]
    assert np.corrcoef(shown.ravel(), measured.ravel())[0, 1] > 0.992, "half a millimetre off gives 0.989"


def test_a_round_structure_resampled_through_a_coarse_grid_keeps_its_volume() -> None:
    grid = Grid.axis_aligned(origin_mm=(-12, -12, 0), spacing_mm=(1, 1, 2), shape=(25, 25, 5), frame_of_reference=FRAME)
    disc = coverage(contour_set(*(circle(9, z=z) for z in (2.0, 4.0, 6.0))), grid)
    for spacing in (0.7, 1.3, 2.5):
        other = resample(disc, with_spacing(grid, spacing), outside=0)
        volume = other.values.sum(dtype=np.float64) * other.grid.voxel_volume_mm3
        assert volume == pytest.approx(disc.values.sum(dtype=np.float64) * 2, rel=0.02)
