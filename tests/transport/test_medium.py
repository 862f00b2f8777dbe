"""Packing of voxels, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metaspine.transport.medium import COHERENT, MATERIAL_BITS, OUTSIDE, TOTAL, coefficient, level, medium
from metaspine.transport.tables import PhotonTables


def test_a_voxel_holds_its_material_and_its_density(tables: PhotonTables) -> None:
    rng = np.random.default_rng(1)
    materials, density = rng.integers(0, 6, (5, 4, 3)), rng.uniform(0, 8, (5, 4, 3))
    packed = medium(materials, density, (1, 2, 3), tables=tables, water=0)
    inner = (slice(1, -1),) * 3
    held = (packed.packed & MATERIAL_BITS).reshape(7, 6, 5)
    np.testing.assert_array_equal(held[inner], materials)
    np.testing.assert_allclose(packed.density.reshape(7, 6, 5)[inner], density, rtol=4e-5)
    held[inner] = OUTSIDE
    assert (held == OUTSIDE).all()


def test_coefficients_are_linear_between_the_tables_rows(tables: PhotonTables) -> None:
    packed = medium(np.zeros((1, 1, 1), int), np.ones((1, 1, 1)), (1, 1, 1), tables=tables, water=0)
    grid = 1.0 + 0.1 * np.arange(tables.total.shape[1])
    for energy in (1.0, 4.04, 20.0, 33.33, 60.0):
        row, fraction = level(energy, packed)
        for table, kind in ((tables.total, TOTAL), (tables.coherent, COHERENT)):
            wanted = np.interp(energy, grid, table[1])
            assert coefficient(1, row, fraction, kind, packed) == pytest.approx(wanted, rel=1e-5)
    assert packed.energy_end_kev == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"material": np.full((2, 2, 2), 9)}, "8 voxels hold a material that the tables don't have, the first at"),
        ({"density": np.full((2, 2, 2), -1.0)}, "density is negative"),
        ({"density": np.full((2, 2, 2), np.nan)}, "not a number"),
        ({"density": np.ones((2, 2, 3))}, "one grid is wanted"),
        ({"spacing_mm": (1, 0, 1)}, "three positive numbers"),
        ({"water": 17}, "water"),
    ],
)
def test_bad_voxels_are_refused_in_words(tables: PhotonTables, change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "material": np.zeros((2, 2, 2), int),
        "density": np.ones((2, 2, 2)),
        "spacing_mm": (1, 1, 1),
        "water": 0,
    }
    given |= change
    with pytest.raises(ValueError, match=message):
        medium(given["material"], given["density"], given["spacing_mm"], tables=tables, water=given["water"])
