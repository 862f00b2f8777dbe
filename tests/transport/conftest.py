"""Photon tables, media and sources that the transport tests share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.medium import Medium, medium
from metaspine.transport.source import Source, point_source
from metaspine.transport.tables import PhotonTables

MATERIALS = ("water", "cortical", "titanium", "air", "soft", "spongiosa")


@pytest.fixture(scope="session")
def tables() -> PhotonTables:
    return photon_tables([material(name) for name in MATERIALS])


@pytest.fixture(scope="session")
def layered(tables: PhotonTables) -> Medium:
    """24 mm a side at 1 mm: water, a wall of bone 4 mm from the source, a metal rod, air in a corner."""
    materials, density = np.zeros((24, 24, 24), dtype=np.uint8), np.ones((24, 24, 24))
    materials[16:19], density[16:19] = 1, 1.92
    materials[4:6, 12:15, :], density[4:6, 12:15, :] = 2, 4.54
    materials[:5, :5, :5], density[:5, :5, :5] = 3, 0.0012
    return medium(materials, density, (1, 1, 1), tables=tables, water=0)


@pytest.fixture(scope="session")
def water(tables: PhotonTables) -> Callable[..., Medium]:
    def make(count: int, spacing_mm: tuple[float, float, float] = (1, 1, 1)) -> Medium:
        shape = (count, count, count)
        return medium(np.zeros(shape, np.uint8), np.ones(shape), spacing_mm, tables=tables, water=0)

    return make


@pytest.fixture(scope="session")
def broad() -> Callable[[tuple[float, float, float]], Source]:
    """A source of 12 to 48 keV, soft photons more than hard ones."""

    def make(point_mm: tuple[float, float, float]) -> Source:
        return point_source(point_mm, np.arange(12.0, 49.0, 4.0), np.arange(9, 0, -1))

    return make
