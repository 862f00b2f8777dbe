"""Mutual information against closed forms, and what is set aside before two images are compared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from metaspine.errors import RegistrationError
from metaspine.geometry import Grid, Volume
from metaspine.imaging.registration_likeness import likeness, sampled
from metaspine.imaging.registration_samples import picture
from metaspine.patient.image import Image
from metaspine.patient.scan import Scan, ScanOrigin

GRID = Grid.axis_aligned(origin_mm=(0, 0, 0), spacing_mm=1, shape=(20, 20, 20), frame_of_reference="1.2.3")


@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_two_normal_variables(correlation: float) -> None:
    """-1/2 log2(1 - rho^2), less a little for the bins."""
    random = np.random.default_rng(0)
    first, other = random.normal(size=(2, 400_000))
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    expected = -0.5 * np.log2(1 - correlation**2)
    assert likeness(first.astype(np.float32), second) == pytest.approx(expected, rel=0.04)


def test_independent_values_share_nothing_however_few() -> None:
    random = np.random.default_rng(1)
    for count in (1000, 50_000):
        first, second = random.normal(size=(2, count))
        assert abs(likeness(first.astype(np.float32), second)) < 0.02


def test_another_contrast_is_as_alike() -> None:
    """Sixteen equally frequent values: 4 bits, in whatever order the second image has them."""
    first = np.repeat(np.arange(16), 4000).astype(np.float32)
    shuffled = np.random.default_rng(2).permutation(16)
    assert likeness(first, shuffled[first.astype(int)].astype(float)) == pytest.approx(4.0, abs=0.01)


def test_values_between_voxels_are_scipys() -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(7, 9, 5)).astype(np.float32)
    usable = random.random(values.shape) > 0.3
    index = random.uniform(-2, 10, (4000, 3))
    found, good = sampled(values, usable, index)
    assert found == pytest.approx(ndimage.map_coordinates(values, index.T, order=1, mode="nearest"), abs=1e-6)
    inside = ((index >= 0) & (index <= np.array(values.shape) - 1)).all(axis=1)
    assert inside.sum() > 100
    nearest = usable[tuple(np.rint(index[inside]).astype(int).T)]
    assert (good[inside] == nearest).all()
    assert not good[((index < -0.5) | (index > np.array(values.shape) - 0.5)).any(axis=1)].any()


def test_metal_padding_and_gaps_are_set_aside() -> None:
    values = np.random.default_rng(3).normal(40, 20, GRID.shape).astype(np.float32)
    values[:4] = -1024
    values[10, 10, 10] = 3000
    values[15, 5, 5] = np.nan
    ready = picture(Scan(Volume(values, GRID), (), ScanOrigin("ct", "0")), around_mm=np.full(3, 10.0), reach_mm=30)
    assert not ready.usable[:4].any()
    assert not ready.usable[10, 10, 10]
    assert not ready.usable[12, 10, 10]
    assert ready.usable[13, 10, 10]
    assert not ready.usable[15, 5, 5]
    assert np.isfinite(ready.values.values).all()


def test_metal_without_hounsfield_units_but_not_in_mr() -> None:
    values = np.random.default_rng(4).normal(500, 20, GRID.shape).astype(np.float32)
    values[10, 10, 10] = 4000
    for modality, usable in (("CT", False), ("MR", True)):
        image = Image(Volume(values, GRID), ScanOrigin("x", "0", modality=modality))
        assert picture(image, around_mm=np.full(3, 10.0), reach_mm=30).usable[10, 10, 10] == usable


def test_an_image_elsewhere_is_refused() -> None:
    image = Scan(Volume(np.zeros(GRID.shape, np.float32), GRID), (), ScanOrigin("ct", "0"))
    with pytest.raises(RegistrationError, match="ct: the image does not reach to where the vertebra should be"):
        picture(image, around_mm=np.full(3, 500.0), reach_mm=30)
