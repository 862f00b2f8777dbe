"""Dose in water on a plan's grid, and a histogram, against SciPy's own interpolation of the same points."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmarks.measurement import Measurement, compared, timed
from metaspine.dosimetry import Irradiation
from metaspine.dosimetry.water import water_dose
from metaspine.evaluation.dvh import dose_volume
from metaspine.evaluation.fields import GridField
from metaspine.evaluation.quadrature import quadrature, suitable_spacing_mm
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.running import silent

FRAME = "benchmark"


def measure() -> list[Measurement]:
    """Measure the water engine, and the histogram of a lesion of 4 cc."""
    needle = read_applicator("intrabeam-needle")
    grid = Grid.around((0, 0, 0), half_extent_mm=40, spacing_mm=0.5, frame_of_reference=FRAME)
    dwell = DwellPosition(np.zeros(3), np.array([0.0, -1.0, 0.0]), 300.0)
    empty = Volume(np.zeros(grid.shape, dtype=np.int16), grid)
    irradiation = Irradiation((dwell,), needle, needle.nominal, grid, empty, "0" * 64)
    volume = water_dose(irradiation, progress=silent).volume
    lesion = _sphere(10.0)
    points = quadrature(lesion, spacing_mm=suitable_spacing_mm(lesion))
    field = GridField(volume)
    index = grid.index(points.points_mm).T
    values = np.nan_to_num(volume.values)
    return [
        Measurement("dose in water, 161^3 voxels", *timed(lambda: water_dose(irradiation, progress=silent), repeats=3)),
        Measurement("quadrature of 4 cc", *timed(lambda: quadrature(lesion, spacing_mm=points.spacing_mm))),
        compared(
            f"dose at {len(points.points_mm)} points",
            lambda: field.dose_gy(points.points_mm),
            against="scipy map_coordinates, order 1",
            peer=lambda: ndimage.map_coordinates(values, index, order=1),
        ),
        Measurement("histogram of 4 cc", *timed(lambda: dose_volume(points, field))),
    ]


def _sphere(radius_mm: float) -> Volume:
    grid = Grid.around((0, 0, 0), half_extent_mm=radius_mm + 1, spacing_mm=1, frame_of_reference=FRAME)
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return Volume(np.linalg.norm(points, axis=-1) <= radius_mm, grid)
