"""One position of the needle: its window, its primary, and its scatter under way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_assembly import Scale
from metaspine.dosimetry.live_dose import Scattered
from metaspine.dosimetry.live_patient import LIVE_MM, LivePatient
from metaspine.dosimetry.live_smoothing import Expected, Field, Halves, Place, expected, in_water
from metaspine.dosimetry.live_trust import Doubt, doubts
from metaspine.dosimetry.live_window import Box, Window, inner, window
from metaspine.geometry.grid import Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.transport.gathering import cleared, gather
from metaspine.transport.parallel import side_by_side
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import primary_kerma
from metaspine.transport.scatter import Sampling

MARGIN_MM = 10.0
"""Photons scatter back from this far beyond the live dose (DOS-31)."""
HALVES = 2


def live_sampling(seed: int = 1) -> Sampling:
    """Return how rays are drawn: in steps of ten to twenty milliseconds, so that old work ends soon."""
    return Sampling(seed=seed, rays_per_batch=2000, sites_per_ray=8, region_mm=LIVE_MM)


@dataclass(frozen=True, eq=False)
class Scene:
    """A window and the dose box in it."""

    window: Window
    box: Box
    place: Place

    @property
    def grid(self) -> Grid:
        """Of the dose box."""
        i, j, k = self.box
        return self.window.grid.cropped((i.start, j.start, k.start), (i.stop, j.stop, k.stop))


@dataclass(frozen=True, eq=False)
class Resting:
    """What does not change while the needle rests."""

    scene: Scene
    primary: Field
    doubts: NDArray[np.uint8]


class Scatter:
    """The scatter of two halves of the rays under way; the arrays are written to, step by step."""

    def __init__(self, around: Window, sampling: Sampling) -> None:
        self._window = around
        self._sampling = sampling
        self._scores = [cleared(around.medium) for _ in range(HALVES)]
        self.steps = 0
        self.photons = 0

    def step(self) -> None:
        """Follow the next rays of both halves, side by side."""
        rays = self._sampling.rays_per_batch
        first = self.steps * rays

        def half(number: int) -> int:
            own = self._sampling._replace(seed=HALVES * self._sampling.seed + number)
            where = self._window
            return gather(first, rays, self._scores[number], sampling=own, source=where.source, medium=where.medium)

        self.photons += sum(side_by_side(half, HALVES))
        self.steps += 1

    @property
    def scattered(self) -> Scattered:
        """What was followed so far."""
        return Scattered(self.photons, HALVES * self.steps * self._sampling.rays_per_batch, self._sampling.seed)

    def halves(self, ratio: Field) -> Halves:
        """Return what was scored so far, with the window's rim."""
        medium = self._window.medium
        lattice = medium.lattice
        i, j, k = (count + 2 for count in medium.shape)
        volume_mm3 = lattice.spacing_x_mm * lattice.spacing_y_mm * lattice.spacing_z_mm
        rays = self.steps * self._sampling.rays_per_batch
        first, second = (scores.reshape(i, j, k, 2) for scores in self._scores)
        packed = medium.packed.reshape(i, j, k)
        return Halves(first, second, packed, ratio, GRAY_PER_KEV_PER_MM3 / (volume_mm3 * rays))


def scene_of(patient: LivePatient, dwell: DwellPosition, reach_mm: float, margin_mm: float) -> Scene:
    """Return the scene of a position: voxels to ``reach_mm`` get a dose, those of the margin scatter back.

    Raises
    ------
    InputError
        When the source lies outside the region or in metal.
    """
    around = window(patient, dwell, reach_mm + margin_mm)
    box = inner(around, patient, dwell, reach_mm)
    i, j, k = (part.start for part in box)
    spacing = around.grid.spacing_mm
    x, y, z = np.asarray(around.source.point_mm) - spacing * (i, j, k)
    place = Place(
        shape=_shape(box),
        offset=(i, j, k),
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        source_mm=(float(x), float(y), float(z)),
        reach_mm=reach_mm,
    )
    return Scene(around, box, place)


def _shape(box: Box) -> tuple[int, int, int]:
    i, j, k = (part.stop - part.start for part in box)
    return i, j, k


def resting(patient: LivePatient, scene: Scene) -> Resting:
    """Return what is computed once for a position: its primary, its doubts."""
    around, box, place = scene.window, scene.box, scene.place
    primary = primary_kerma(around.source, patient.nodes, around.medium, radius_mm=place.reach_mm)[box]
    metal = patient.metal[around.box][box]
    found = doubts(around.kinds[box], metal, place, valid_mm=patient.output.depth_dose.valid_mm)
    _flag_border(found, patient, scene)
    return Resting(scene, primary, found)


def _flag_border(found: NDArray[np.uint8], patient: LivePatient, scene: Scene) -> None:
    """Flag the planes that lie nearer than the margin to the end of the patient's region."""
    margin = np.ceil(MARGIN_MM / patient.grid.spacing_mm).astype(int)
    for axis, (part, outer) in enumerate(zip(scene.box, scene.window.box, strict=True)):
        planes = np.moveaxis(found, axis, 0)
        first = outer.start + part.start
        before = max(int(margin[axis]) - first, 0)
        behind = max(first + len(planes) + int(margin[axis]) - patient.grid.shape[axis], 0)
        planes[:before] |= np.uint8(Doubt.NEAR_BORDER)
        planes[len(planes) - behind :] |= np.uint8(Doubt.NEAR_BORDER)


def scale_of(patient: LivePatient, dwell: DwellPosition) -> Scale:
    """Return what makes kerma per photon a dose."""
    table, rate = patient.output.depth_dose, patient.rate
    common2 = table.relative_uncertainty**2 + table.direction_relative_uncertainty**2 + rate.relative_uncertainty**2
    return Scale(rate.photons_per_min * dwell.time_s / SECONDS_PER_MINUTE, common2)


def expected_of(patient: LivePatient, rest: Resting) -> Expected:
    """Return what smoothing needs to know of a position."""
    scene = rest.scene
    return expected(rest.primary, scene.window.kinds[scene.box], scene.place, in_water(patient.water))
