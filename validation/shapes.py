"""Bodies of revolution as planar contours, and their exact histograms in the prism convention.

The truth is a stack of discs and rings, each half a slice up and down from its plane: its volume is a closed form, and
its histogram is that of points spread evenly in each ring by their own formula: no contour, no scan line, no dose grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metaspine.evaluation.dvh import DoseVolume
from metaspine.evaluation.fields import GridField, Interpolation, WaterField
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from validation.analytic import CORNERS, FRAME

POINTS_A_SLAB = 10_000
_PLASTIC = 1.2207440846057596
"""The generalised golden ratio of three dimensions."""
SOURCE_APART_MM = 4.0
PERCENTS = (98, 95, 50, 2)


@dataclass(frozen=True)
class Body:
    """A body of revolution about its own z axis, as the radii of its section at a height."""

    name: str
    reach_mm: float
    """Of the body from its centre, along its axis."""
    widest_mm: float
    radii_mm: Callable[[float], tuple[float, float]]
    """Outer and inner radius at a height above the centre; the inner one is 0 where there is no hole."""
    volume_mm3: float


def sphere(radius: float) -> Body:
    """Return a sphere."""
    return Body(
        "sphere", radius, radius, lambda z: (math.sqrt(max(radius**2 - z**2, 0)), 0.0), 4 / 3 * math.pi * radius**3
    )


def cylinder(radius: float, half_mm: float) -> Body:
    """Return an upright cylinder."""
    return Body("cylinder", half_mm, radius, lambda _: (radius, 0.0), 2 * math.pi * radius**2 * half_mm)


def cone(radius: float, half_mm: float) -> Body:
    """Return an upright cone, its tip up."""
    volume = math.pi * radius**2 * 2 * half_mm / 3
    return Body("cone", half_mm, radius, lambda z: (radius * (half_mm - z) / (2 * half_mm), 0.0), volume)


def torus(ring: float, radius: float) -> Body:
    """Return a torus that lies in the slices' plane."""

    def radii(z: float) -> tuple[float, float]:
        half = math.sqrt(max(radius**2 - z**2, 0))
        return ring + half, ring - half

    return Body("torus", radius, ring + radius, radii, 2 * math.pi**2 * ring * radius**2)


def shell(outer: float, inner: float) -> Body:
    """Return what lies between two spheres."""

    def radii(z: float) -> tuple[float, float]:
        return math.sqrt(max(outer**2 - z**2, 0)), math.sqrt(max(inner**2 - z**2, 0))

    return Body("shell", outer, outer, radii, 4 / 3 * math.pi * (outer**3 - inner**3))


BODIES = (sphere(7.0), cylinder(6.0, 8.0), cone(8.0, 9.0), torus(6.0, 3.0), shell(8.0, 5.0))


@dataclass(frozen=True, eq=False)
class Slices:
    """A body cut into slices, somewhere in space.

    Parameters
    ----------
    offset_mm
        Of one of the planes from the body's centre.
    axes
        3 x 3, columns: the body's x, y and z in LPS.
    """

    body: Body
    slice_mm: float
    offset_mm: float
    centre_mm: FloatArray
    axes: FloatArray

    def rings(self) -> list[tuple[float, float, float]]:
        """Return height above the centre, outer and inner radius of each drawn section."""
        count = math.ceil(self.body.reach_mm / self.slice_mm) + 1
        heights = [self.offset_mm + n * self.slice_mm for n in range(-count, count + 1)]
        drawn = [(z, *self.body.radii_mm(z)) for z in heights if abs(z) < self.body.reach_mm]
        return [ring for ring in drawn if ring[1] > 1e-3]

    def contours(self) -> ContourSet:
        """Return the sections as polygons of the circles' own area; a hole is a second loop."""
        loops = [self._circle(z, radius) for z, *radii in self.rings() for radius in radii if radius > 1e-3]
        return ContourSet(tuple(Contour(loop) for loop in loops), FRAME)

    def volume_mm3(self) -> float:
        """Return the volume of the stack of prisms."""
        return sum(math.pi * (outer**2 - inner**2) * self.slice_mm for _, outer, inner in self.rings())

    def truth(self, dose: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Return doses, highest first, and the volume that gets at least each of them."""
        parts = [self._spread(*ring) for ring in self.rings()]
        found = dose(np.concatenate([points for points, _ in parts]))
        volume = np.concatenate([np.full(len(points), total / len(points)) for points, total in parts])
        order = np.argsort(-found)
        return found[order], np.cumsum(volume[order])

    def _spread(self, z: float, outer: float, inner: float) -> tuple[FloatArray, float]:
        steps = np.arange(1, POINTS_A_SLAB + 1)[:, None] / _PLASTIC ** np.arange(1, 4)
        u, v, w = ((0.5 + steps) % 1.0).T
        radius, angle = np.sqrt(inner**2 + u * (outer**2 - inner**2)), 2 * math.pi * v
        local = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z + (w - 0.5) * self.slice_mm])
        return local @ self.axes.T + self.centre_mm, math.pi * (outer**2 - inner**2) * self.slice_mm

    def _circle(self, z: float, radius: float) -> FloatArray:
        angle = 2 * math.pi / CORNERS * np.arange(CORNERS)
        same_area = radius * math.sqrt(2 * math.pi / CORNERS / math.sin(2 * math.pi / CORNERS))
        local = np.column_stack([same_area * np.cos(angle), same_area * np.sin(angle), np.full(CORNERS, z)])
        return np.asarray(local @ self.axes.T + self.centre_mm)


@dataclass(frozen=True, eq=False)
class Falloff:
    """A dose, and how steep it is where it has a value."""

    name: str
    dose: Callable[[FloatArray], FloatArray]
    """Of LPS points (n, 3)."""
    gradient_gy_per_mm: Callable[[float], float]
    """At a dose."""
    source_mm: FloatArray | None = None
    """Of a needle: the dose is read as its ratio to the dose in water (DVH-02)."""
    between: Interpolation = "linear"

    def on(self, grid: Grid) -> GridField:
        """Return the dose on a grid, read as the program reads such a dose."""
        points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3)
        volume = Volume(self.dose(points).reshape(grid.shape), grid)
        if self.source_mm is None:
            return GridField(volume, between=self.between)
        needle = read_applicator("intrabeam-needle")
        dwell = DwellPosition(self.source_mm, np.array([0.0, 0.0, 1.0]), 60.0)
        return GridField(volume, WaterField((dwell,), needle, needle.nominal))


def falloffs(slices: Slices) -> tuple[Falloff, ...]:
    """Return a constant dose, linear ones across and along the slices, and two around a source beside the body.

    The exponential one is a dose from elsewhere and read in its logarithm (DVH-07); 1/r^2 is that of a needle.
    """
    across, along = slices.axes[:, 0], slices.axes[:, 2]
    source = slices.centre_mm + (slices.body.widest_mm + SOURCE_APART_MM) * across

    def distance(points: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(points - source, axis=1))

    return (
        Falloff("constant", lambda points: np.full(len(points), 8.0), lambda _: 0.0),
        Falloff("linear across", lambda points: 30 - (points - slices.centre_mm) @ across, lambda _: 1.0),
        Falloff("linear along", lambda points: 30 - (points - slices.centre_mm) @ along, lambda _: 1.0),
        Falloff("1/r^2", lambda p: 8 * (10 / distance(p)) ** 2, lambda dose: 2 * dose / math.sqrt(800 / dose), source),
        Falloff(
            "exp(-0.2 r)",
            lambda p: 8 * np.exp(-0.2 * (distance(p) - 10)),
            lambda dose: 0.2 * dose,
            between="logarithmic",
        ),
    )


def grid_around(slices: Slices, spacing_mm: float, *, shift: FloatArray, axes: FloatArray) -> Grid:
    """Return a cubic dose grid that holds a body's stack, along any axes (columns), shifted by parts of a voxel."""
    half = max(slices.body.reach_mm, slices.body.widest_mm) * math.sqrt(3) + slices.slice_mm + 2 * spacing_mm
    reach = math.ceil(half / spacing_mm)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing_mm
    affine[:3, 3] = slices.centre_mm + axes @ (shift * spacing_mm - reach * spacing_mm)
    side = 2 * reach + 1
    return Grid(affine, (side, side, side), FRAME)


def deviation(slices: Slices, falloff: Falloff, found: DoseVolume) -> float:
    """Return the worst of D98, D95, D50 and D2 in units of 0.5 % or 0.1 mm along the gradient."""
    dose, volume = slices.truth(falloff.dose)
    worst = 0.0
    for percent in PERCENTS:
        truth = float(dose[np.searchsorted(volume, percent / 100 * slices.volume_mm3())])
        tolerance = max(0.005 * truth, 0.1 * falloff.gradient_gy_per_mm(truth))
        apart = abs(found.dose_to_volume_gy(percent / 100 * found.dosed_mm3) - truth)
        worst = max(worst, apart / tolerance)
    return worst
