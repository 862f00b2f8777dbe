"""Where and into which directions an applicator sends its photons, as data: points of emission, polar anisotropy.

The angle is counted from the axis: 0 towards the tip, 90 degrees on the equator, 180 towards the shaft. F is the dose
rate in water relative to the equator's at the same distance. What is not known stays a point that is isotropic.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from metaspine.geometry.grid import FloatArray

RINGS = 4
"""Rings that stand for a disc or a hemisphere, of equal area each."""
AROUND = 6
"""Points on each ring: a needle's turn about its axis is not known, so that every source is round."""


@dataclass(frozen=True, eq=False)
class Anisotropy:
    """F(r, theta), linear between its points, held beyond its ends."""

    description: str
    distance_mm: FloatArray
    """(distance,) from the isocentre, rising."""
    angle_deg: FloatArray
    """(angle,) rising, 0 towards the tip."""
    factor: FloatArray
    """(distance, angle), 1 at 90 degrees."""
    applicator: str = ""
    serial_number: str = ""
    tube_voltage_kv: float | None = None
    date: datetime.date | None = None
    """When a user measured it; None where it is published or an assumption."""
    evidence: str = ""
    """The id of a published one."""

    @property
    def measured(self) -> bool:
        """Whether a user measured it."""
        return self.date is not None

    @property
    def isotropic(self) -> bool:
        """Whether it is the same all round."""
        return bool((self.factor == 1).all())

    def at(self, distance_mm: ArrayLike, angle_deg: ArrayLike) -> FloatArray:
        """Return F at distances (...) in mm and angles (...) in degrees."""
        distance, angle = np.broadcast_arrays(
            np.asarray(distance_mm, dtype=np.float64), np.asarray(angle_deg, dtype=np.float64)
        )
        curves = np.stack([np.interp(angle, self.angle_deg, row) for row in self.factor])
        place = np.interp(distance, self.distance_mm, np.arange(float(self.distance_mm.size)))
        below = np.minimum(place.astype(np.int64), max(self.distance_mm.size - 2, 0))
        above = np.minimum(below + 1, self.distance_mm.size - 1)
        low, high = (np.take_along_axis(curves, row[None], axis=0)[0] for row in (below, above))
        return np.asarray(low + (place - below) * (high - low))

    def emission(self, *, distance_mm: float, count: int = 181) -> FloatArray:
        """Return the emission (count,) at cosines evenly from -1 to 1, its mean over the sphere 1.

        F of one distance, taken as the emission itself: scatter smooths F, so that the emission is if anything steeper.
        """
        cosine = np.linspace(-1.0, 1.0, count)
        values = self.at(distance_mm, np.degrees(np.arccos(cosine)))
        return np.asarray(values / (np.trapezoid(values, cosine) / 2))


ISOTROPIC = Anisotropy(
    "isotropic (assumed: the needle's polar anisotropy is not published, PHY-14)",
    np.array([10.0]),
    np.array([0.0, 180.0]),
    np.ones((1, 2)),
)


@dataclass(frozen=True)
class Ring:
    """A ring of emission about the axis; a point on the axis where its radius is 0."""

    towards_tip_mm: float
    """From the isocentre along the axis."""
    from_axis_mm: float
    share: float
    """Of the photons."""


@dataclass(frozen=True, eq=False)
class Emission:
    """Where photons start and where they go."""

    description: str
    rings: tuple[Ring, ...]
    anisotropy: Anisotropy = ISOTROPIC
    evidence: str = ""
    """The id of its size; empty for a point, which is an assumption."""

    @property
    def point(self) -> bool:
        """Whether all photons start at the isocentre."""
        return self.extent_mm == 0

    @property
    def extent_mm(self) -> float:
        """The largest distance of a point of emission from the isocentre."""
        return float(max(np.hypot(ring.towards_tip_mm, ring.from_axis_mm) for ring in self.rings))

    def points(self) -> tuple[FloatArray, FloatArray]:
        """Return points (n, 3) in mm from the isocentre, the third along the axis to the tip, and shares (n,)."""
        found = [point for number, ring in enumerate(self.rings) for point in _on_ring(ring, number)]
        shares = np.array([share for _, share in found])
        return np.array([place for place, _ in found]), shares / shares.sum()


POINT = Emission("a point (assumed: the size of the focal spot is not published)", (Ring(0.0, 0.0, 1.0),))


def disc(radius_mm: float) -> tuple[Ring, ...]:
    """Return the rings of an even disc across the axis at the isocentre."""
    middles = np.sqrt((np.arange(RINGS) + 0.5) / RINGS)
    return tuple(Ring(0.0, float(radius_mm * middle), 1 / RINGS) for middle in middles)


def hemisphere(radius_mm: float) -> tuple[Ring, ...]:
    """Return the rings of an even hemisphere about the isocentre, its pole towards the tip."""
    cosines = (np.arange(RINGS) + 0.5) / RINGS
    return tuple(
        Ring(float(radius_mm * cosine), float(radius_mm * np.sqrt(1 - cosine**2)), 1 / RINGS) for cosine in cosines
    )


def _on_ring(ring: Ring, number: int) -> Sequence[tuple[tuple[float, float, float], float]]:
    """Return the points of a ring with their shares; neighbouring rings are turned against each other."""
    if ring.from_axis_mm == 0:
        return [((0.0, 0.0, ring.towards_tip_mm), ring.share)]
    turns = 2 * np.pi * (np.arange(AROUND) + number % 2 / 2) / AROUND
    across = [(float(ring.from_axis_mm * np.cos(turn)), float(ring.from_axis_mm * np.sin(turn))) for turn in turns]
    return [((x, y, ring.towards_tip_mm), ring.share / AROUND) for x, y in across]
