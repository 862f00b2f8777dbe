"""A small patient for the live engine: soft tissue, a wall of bone, and a titanium rod where one is wanted."""

from __future__ import annotations

from functools import cache

import numpy as np

from metaspine.dosimetry.absolute import AbsoluteRate
from metaspine.dosimetry.live_patient import LivePatient, WaterScatter, prepared, water_scatter
from metaspine.dosimetry.reference_tissues import Tissues
from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import material

NEEDLE = read_applicator("intrabeam-needle")
ISOCENTRE = np.array([3.3, -4.6, 100.7])
UP = np.array([0.0, 0.0, 1.0])
DWELL = DwellPosition(ISOCENTRE, UP, 60.0)
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)
REGION = Grid.around(np.round(ISOCENTRE), half_extent_mm=28.0, spacing_mm=2.0, frame_of_reference="test")
OFFSETS = REGION.point_mm(np.moveaxis(np.indices(REGION.shape), 0, -1)) - np.round(ISOCENTRE)
_MATERIALS = ("water", "soft", "spongiosa", "cortical", "titanium")
_DENSITIES = np.array([1.0, 1.06, 1.18, 1.92, 4.54], np.float32)


@cache
def water() -> WaterScatter:
    return water_scatter(NEEDLE, spacing_mm=2.0)


def tissues(*, rod: bool = False, only_water: bool = False) -> Tissues:
    """Marrow to 12 mm, a wall of bone to 16 mm on one side, soft tissue beyond; the rod stands 10 to 14 mm away."""
    x, y, z = np.moveaxis(OFFSETS, -1, 0)
    kinds = np.full(REGION.shape, 1, np.uint8)
    kinds[x**2 + y**2 + z**2 < 144] = 2
    kinds[(x >= 12) & (x < 16)] = 3
    if rod:
        kinds[(x >= -14) & (x <= -10) & (np.abs(y) <= 2)] = 4
    if only_water:
        kinds[:] = 0
    return Tissues(
        Volume(kinds, REGION), Volume(_DENSITIES[kinds], REGION), tuple(material(name) for name in _MATERIALS)
    )


@cache
def patient(*, rod: bool = False, only_water: bool = False) -> LivePatient:
    return prepared(
        tissues(rod=rod, only_water=only_water),
        NEEDLE,
        NEEDLE.nominal,
        scan_sha256="0" * 64,
        rate=RATE,
        water=water(),
    )
