"""What every histogram keeps, whatever the structure: plateaus, monotony, volumes that add up, bounds, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import FrameMismatch, StructureError
from metaspine.evaluation.dvh import DoseVolume, curve, dose_volume
from metaspine.evaluation.evaluate import EVIDENCE
from metaspine.evaluation.fields import GridField
from metaspine.evaluation.metrics import TwoDensities, dose_metrics, find
from metaspine.evaluation.quadrature import quadrature
from metaspine.evidence import look_up
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet

FRAME = "test"


def doses(dose: list[float], volume: list[float], *, outside: float = 0.0, face: float = 0.0) -> DoseVolume:
    order = np.argsort(-np.asarray(dose), kind="stable")
    ranked, volumes = np.asarray(dose, dtype=float)[order], np.asarray(volume, dtype=float)[order]
    return DoseVolume(
        dose_gy=ranked,
        volume_mm3=volumes,
        cumulative_mm3=np.cumsum(volumes),
        points_mm=np.zeros((len(ranked), 3)),
        hottest_gy=float(ranked[0]),
        hottest_mm=np.zeros(3),
        in_applicator_mm3=0.0,
        outside_mm3=outside,
        largest_outside_gy=face,
    )


def test_a_plateau_is_not_interpolated() -> None:
    """Half at 20 Gy, half at 5 Gy: D50 is 20 Gy, a little more volume gets 5 Gy, and nothing gets 12."""
    found = doses([20, 5], [500, 500])
    assert found.dose_to_volume_gy(500) == 20
    assert found.dose_to_volume_gy(501) == 5
    np.testing.assert_array_equal(found.volume_above_mm3([0, 5, 5.001, 20, 20.001]), [1000, 1000, 500, 500, 0])
    assert found.mean_gy() == 12.5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 10)), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_dose_to_volume_and_volume_above_are_inverse(pairs: list[tuple[float, float]], part: float) -> None:
    found = doses([dose for dose, _ in pairs], [volume for _, volume in pairs])
    wanted = part * found.dosed_mm3
    dose = found.dose_to_volume_gy(wanted)
    assert found.volume_above_mm3(dose) >= wanted * (1 - 1e-6)
    assert found.volume_above_mm3(np.nextafter(dose, np.inf)) < wanted * (1 + 1e-6)


def test_the_curve_falls_from_one() -> None:
    drawn = curve(doses([30, 20, 10, 1], [1, 2, 3, 4]))
    assert drawn.volume_fraction[0] == 1
    assert drawn.volume_fraction[-1] == pytest.approx(0.1)
    assert (np.diff(drawn.volume_fraction) <= 0).all()
    assert (np.diff(drawn.dose_gy) >= 0).all()


def test_volume_outside_the_grid_leaves_cold_metrics_open_and_hot_ones_known() -> None:
    found = doses([20, 15, 10, 9], [25, 25, 25, 25], outside=100, face=0.3)
    metrics = dose_metrics(TwoDensities(found, found), TwoDensities(found, found), level_gy=8)
    cold = find(metrics, "D98")
    assert cold.value is None
    assert (cold.low, cold.high) == (0, 0.3)
    assert "50.0%" in cold.note
    assert find(metrics, "V8Gy").value == 0.5
    assert find(metrics, "D2").value == 20
    assert find(metrics, "point maximum").value == 20
    assert find(metrics, "D0.03cc").value == 15


def test_where_the_grid_cuts_the_high_dose_the_metric_is_open() -> None:
    found = doses([20, 15], [50, 50], outside=10, face=18)
    metrics = dose_metrics(TwoDensities(found, found), TwoDensities(found, found), level_gy=8)
    assert find(metrics, "V8Gy").value is None
    assert find(metrics, "V8Gy").low == pytest.approx(100 / 110)
    assert find(metrics, "V8Gy").high == 1


def test_a_structure_smaller_than_003_cc_has_no_d003cc() -> None:
    found = doses([20, 15], [10, 19])
    metric = find(dose_metrics(TwoDensities(found, found), TwoDensities(found, found), level_gy=8), "D0.03cc")
    assert metric.value is None
    assert "smaller than 0.03 cc" in metric.note


def test_v8gy_stands_beside_the_volume_at_the_prescribed_dose() -> None:
    found = TwoDensities(doses([20, 9], [50, 50]), doses([20, 9], [50, 50]))
    metrics = dose_metrics(found, found, level_gy=10)
    assert (find(metrics, "V8Gy").value, find(metrics, "V10Gy").value) == (1.0, 0.5)
    assert [metric.name for metric in dose_metrics(found, found, level_gy=8)].count("V8Gy") == 1


def test_two_densities_span_the_band() -> None:
    fine, coarse = doses([20, 10], [50, 50]), doses([19, 10.5], [50, 50])
    mean = find(dose_metrics(TwoDensities(fine, coarse), TwoDensities(fine, coarse), level_gy=8), "mean dose")
    assert (mean.value, mean.low, mean.high) == (15, 14.75, 15)


def square(z: float, side: float = 10.0) -> Contour:
    half = side / 2
    return Contour(np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]))


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 20), st.floats(0.3, 2.0))
def test_points_and_volume_beyond_the_grid_add_up(offset: float, spacing: float) -> None:
    region = ContourSet(tuple(square(z) for z in np.arange(-10, 11, 2.0)), FRAME)
    within = Grid.around((offset, 0, 3), half_extent_mm=6, spacing_mm=1, frame_of_reference=FRAME)
    points = quadrature(region, spacing_mm=spacing, within=within)
    assert points.total_mm3 == pytest.approx(100 * 22, rel=1e-6)
    inside = 10 * max(0, min(5, offset + 6.5) - max(-5, offset - 6.5)) * (9.5 + 3.5)
    assert float(points.volume_mm3.sum()) == pytest.approx(inside, rel=0.08, abs=1.0)


def test_points_lie_inside_and_the_surface_on_the_surface() -> None:
    region = ContourSet(tuple(square(z) for z in (0.0, 2.0, 4.0)), FRAME)
    points = quadrature(region, spacing_mm=0.7)
    assert np.abs(points.points_mm[:, :2]).max() < 5
    assert points.points_mm[:, 2].min() > -1
    assert points.points_mm[:, 2].max() < 5
    assert np.abs(points.surface_mm[:, :2]).max() == pytest.approx(5)
    assert points.surface_mm[:, 2].min() == pytest.approx(-1)


def test_points_and_volumes_are_the_same_without_the_surface() -> None:
    contours = ContourSet(tuple(square(z) for z in (0.0, 2.0, 4.0)), FRAME)
    labels = Volume(np.ones((4, 3, 2), dtype=bool), Grid(np.diag([1.0, 1.0, 2.0, 1.0]), (4, 3, 2), FRAME))
    for region in (contours, labels):
        whole, inner = (quadrature(region, spacing_mm=0.7, surface=surface) for surface in (True, False))
        assert len(whole.surface_mm)
        assert inner.surface_mm.shape == (0, 3)
        assert np.array_equal(whole.points_mm, inner.points_mm)
        assert np.array_equal(whole.volume_mm3, inner.volume_mm3)


def test_nothing_is_read_off_the_grid() -> None:
    grid = Grid.around((0, 0, 0), half_extent_mm=4, spacing_mm=1, frame_of_reference=FRAME)
    field = GridField(Volume(np.ones(grid.shape), grid))
    assert np.isfinite(field.dose_gy(np.array([[4.49, 0, 0], [0, -4.49, 4.49]]))).all()
    assert np.isnan(field.dose_gy(np.array([[4.51, 0, 0], [0, 0, 9]]))).all()


def test_a_linear_dose_is_reproduced_between_voxels() -> None:
    grid = Grid.axis_aligned(origin_mm=(1, 2, 3), spacing_mm=(1, 2, 3), shape=(5, 6, 7), frame_of_reference=FRAME)
    where = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    field = GridField(Volume(where @ np.array([1.0, 2.0, 3.0]), grid))
    points = np.random.default_rng(3).uniform([1, 2, 3], [5, 12, 21], (100, 3))
    np.testing.assert_allclose(field.dose_gy(points), points @ np.array([1.0, 2.0, 3.0]), rtol=1e-12)


def test_empty_structures_and_other_frames_are_refused() -> None:
    grid = Grid.around((0, 0, 0), half_extent_mm=4, spacing_mm=1, frame_of_reference=FRAME)
    with pytest.raises(StructureError, match="empty"):
        quadrature(Volume(np.zeros(grid.shape, dtype=bool), grid), spacing_mm=1)
    other = Grid.around((0, 0, 0), half_extent_mm=4, spacing_mm=1, frame_of_reference="other")
    with pytest.raises(FrameMismatch):
        quadrature(Volume(np.ones(grid.shape, dtype=bool), grid), spacing_mm=1, within=other)
    with pytest.raises(FrameMismatch):
        quadrature(ContourSet((square(0), square(2)), FRAME), spacing_mm=1, within=other)


def test_the_whole_structure_outside_has_no_dose() -> None:
    grid = Grid.around((100, 0, 0), half_extent_mm=4, spacing_mm=1, frame_of_reference=FRAME)
    points = quadrature(ContourSet((square(0), square(2)), FRAME), spacing_mm=1, within=grid)
    found = dose_volume(points, GridField(Volume(np.ones(grid.shape), grid)))
    assert found.dose_gy.size == 0
    assert found.outside_mm3 == pytest.approx(400)


def test_every_convention_is_on_record() -> None:
    assert all(look_up(identifier).statement for identifier in EVIDENCE)
