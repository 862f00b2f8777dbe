"""Spheres in dose fields whose histograms have closed forms (after Nelms 2015, Walker 2021; nothing digitised)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from metaspine.evaluation.fields import GridField, WaterField
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator

FRAME = "analytic"
CORNERS = 360


@dataclass(frozen=True)
class Sphere:
    """A sphere with its centre in LPS mm."""

    radius_mm: float
    centre_mm: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        """4/3 pi R^3."""
        return 4 / 3 * math.pi * self.radius_mm**3


@dataclass(frozen=True, eq=False)
class Analytic:
    """A dose that grows along one coordinate, with the fraction of a sphere that lies below a coordinate's value."""

    name: str
    dose: Callable[[FloatArray], FloatArray]
    """Of LPS points (n, 3)."""
    dose_of_coordinate: Callable[[float], float]
    """Falls with the coordinate."""
    volume_within_mm3: Callable[[Sphere, float], float]
    coordinate_range: Callable[[Sphere], tuple[float, float]]
    source_mm: tuple[float, float, float] | None = None

    def dose_to_volume_gy(self, sphere: Sphere, volume_mm3: float) -> float:
        """Return the exact dose to a volume."""
        low, high = self.coordinate_range(sphere)
        coordinate = brentq(lambda c: self.volume_within_mm3(sphere, c) - volume_mm3, low, high, xtol=1e-12)
        return self.dose_of_coordinate(float(coordinate))

    def gradient_gy_per_mm(self, sphere: Sphere, volume_mm3: float) -> float:
        """Return the size of the dose gradient where the dose to that volume lies."""
        low, high = self.coordinate_range(sphere)
        at = float(brentq(lambda c: self.volume_within_mm3(sphere, c) - volume_mm3, low, high))
        return abs(self.dose_of_coordinate(at + 1e-4) - self.dose_of_coordinate(at - 1e-4)) / 2e-4

    def field(self, sphere: Sphere, spacing_mm: float) -> GridField:
        """Return the dose on a grid around the sphere, its voxels off the sphere's centre."""
        grid = Grid.around(
            np.asarray(sphere.centre_mm) + 0.37 * spacing_mm,
            half_extent_mm=sphere.radius_mm + 3 * spacing_mm + 1,
            spacing_mm=spacing_mm,
            frame_of_reference=FRAME,
        )
        points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
        volume = Volume(self.dose(points.reshape(-1, 3)).reshape(grid.shape), grid)
        if self.source_mm is None:
            return GridField(volume)
        needle = read_applicator("intrabeam-needle")
        dwell = DwellPosition(np.asarray(self.source_mm), np.array([0.0, 0.0, 1.0]), 60.0)
        return GridField(volume, WaterField((dwell,), needle, needle.nominal))


def linear(axis: int, gy_per_mm: float = 1.0) -> Analytic:
    """Return 30 Gy falling linearly along one axis of LPS."""

    def below(sphere: Sphere, coordinate: float) -> float:
        return _cap_mm3(sphere.radius_mm, sphere.radius_mm + coordinate - sphere.centre_mm[axis])

    def reach(sphere: Sphere) -> tuple[float, float]:
        return sphere.centre_mm[axis] - sphere.radius_mm, sphere.centre_mm[axis] + sphere.radius_mm

    return Analytic(
        f"linear along {'xyz'[axis]}, {gy_per_mm:g} Gy/mm",
        lambda points: 30 - gy_per_mm * points[:, axis],
        lambda coordinate: 30 - gy_per_mm * coordinate,
        below,
        reach,
    )


def radial(
    name: str, dose_of_distance: Callable[[FloatArray], FloatArray], source_mm: tuple[float, float, float]
) -> Analytic:
    """Return a dose that falls with the distance from a source outside the sphere."""
    source = np.asarray(source_mm)

    def within(sphere: Sphere, distance: float) -> float:
        apart = float(np.linalg.norm(np.asarray(sphere.centre_mm) - source))
        return _lens_mm3(sphere.radius_mm, distance, apart)

    def reach(sphere: Sphere) -> tuple[float, float]:
        apart = float(np.linalg.norm(np.asarray(sphere.centre_mm) - source))
        return apart - sphere.radius_mm, apart + sphere.radius_mm

    return Analytic(
        name,
        lambda points: dose_of_distance(np.linalg.norm(points - source, axis=1)),
        lambda distance: float(dose_of_distance(np.array([distance]))[0]),
        within,
        reach,
        source_mm,
    )


def inverse_square(source_mm: tuple[float, float, float]) -> Analytic:
    """Return 8 Gy at 10 mm falling with the square of the distance."""
    return radial("1/r^2", lambda r: 8 * (10 / r) ** 2, source_mm)


def attenuated(source_mm: tuple[float, float, float]) -> Analytic:
    """Return a 50 kV-like fall-off, 8 (10/r)^2 exp(-0.12 (r - 10)) Gy."""
    return radial("(1/r^2) exp(-0.12 r)", lambda r: 8 * (10 / r) ** 2 * np.exp(-0.12 * (r - 10)), source_mm)


def exponential(source_mm: tuple[float, float, float]) -> Analytic:
    """Return 8 exp(-0.2 (r - 10)) Gy."""
    return radial("exp(-0.2 r)", lambda r: 8 * np.exp(-0.2 * (r - 10)), source_mm)


def contours(sphere: Sphere, slice_mm: float, offset_mm: float = 0.0) -> ContourSet:
    """Return the sphere's circles on axial planes ``slice_mm`` apart, ``offset_mm`` off its centre.

    The polygons have the circles' own area.
    """
    reach = math.ceil(sphere.radius_mm / slice_mm) + 1
    loops = []
    for height in offset_mm + slice_mm * np.arange(-reach, reach + 1):
        square = sphere.radius_mm**2 - height**2
        if square > 1e-6:
            loops.append(Contour(_circle(sphere, math.sqrt(square), float(height))))
    return ContourSet(tuple(loops), FRAME)


def _circle(sphere: Sphere, radius_mm: float, height_mm: float) -> FloatArray:
    angle = 2 * math.pi / CORNERS * np.arange(CORNERS)
    same_area = radius_mm * math.sqrt(2 * math.pi / CORNERS / math.sin(2 * math.pi / CORNERS))
    x, y, z = sphere.centre_mm
    return np.column_stack(
        [x + same_area * np.cos(angle), y + same_area * np.sin(angle), np.full(CORNERS, z + height_mm)]
    )


def _cap_mm3(radius_mm: float, height_mm: float) -> float:
    height = min(max(height_mm, 0.0), 2 * radius_mm)
    return math.pi * height**2 * (3 * radius_mm - height) / 3


def _lens_mm3(radius_mm: float, distance_mm: float, apart_mm: float) -> float:
    """Return the volume of a sphere within ``distance_mm`` of a point ``apart_mm`` from its centre."""
    if distance_mm <= apart_mm - radius_mm:
        return 0.0
    if distance_mm >= apart_mm + radius_mm:
        return 4 / 3 * math.pi * radius_mm**3
    rim = (distance_mm**2 - radius_mm**2 + apart_mm**2) / (2 * apart_mm)
    return _cap_mm3(distance_mm, distance_mm - rim) + _cap_mm3(radius_mm, radius_mm - (apart_mm - rim))
