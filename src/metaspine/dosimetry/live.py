r"""The live engine: a dose that follows the needle, at once, then right, then fine.

.. math:: D(p) = t \, \dot N \, (K_{primary}(p) + K_{scatter}(p))

- **drag**: the exact primary to 40 mm, times one plus water's ratio of scattered to primary kerma at that distance. No
  photon is followed. Its error is that of the ratio (DOS-09); behind metal it is wrong altogether and is not given.
- **live**: the exact primary to 50 mm and the scatter of some 200 000 photons, smoothed
  (:mod:`metaspine.dosimetry.live_smoothing`).
- **refined**: the same photons and more, smoothed ever less, while the needle rests.

The photons of a ray depend on the seed and the ray's number alone, so that the noise moves with the needle and nothing
flickers. Two halves of the rays, of a seed each, run side by side; their difference is what is known of the noise. The
same seed and number of rays give the same bits on any number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_assembly import Scale, assembled, dragged
from metaspine.dosimetry.live_dose import LiveDose, Scattered, Tier, live_dose
from metaspine.dosimetry.live_patient import LIVE_MM, LivePatient
from metaspine.dosimetry.live_smoothing import Expected, Field, Halves, Place, expected, in_water, narrowed, smoothed
from metaspine.dosimetry.live_trust import Doubt, doubts
from metaspine.dosimetry.live_window import Box, Window, inner, window
from metaspine.errors import InputError
from metaspine.geometry.grid import Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.transport.gathering import cleared, gather
from metaspine.transport.parallel import side_by_side
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import primary_kerma
from metaspine.transport.scatter import Sampling

DRAG_MM = 40.0
MARGIN_MM = 10.0
"""Photons scatter back from this far beyond the live dose (DOS-08)."""
STEPS_TO_LIVE = 7
ENOUGH_PHOTONS = 40_000_000
HALVES = 2
_WHERE = "live engine"


@dataclass(frozen=True, eq=False)
class LiveRequest:
    """A position of the needle, and when it was asked for (``time.monotonic``)."""

    dwell: DwellPosition
    asked_s: float


def asked(dwell: DwellPosition) -> LiveRequest:
    """Return a request for a position of the needle, asked now."""
    return LiveRequest(dwell, time.monotonic())


def live_sampling(seed: int = 1) -> Sampling:
    """Return how rays are drawn: in steps of about ten milliseconds, so that old work ends soon."""
    return Sampling(seed=seed, rays_per_batch=1000)


def live_updates(
    patient: LivePatient,
    request: LiveRequest,
    *,
    sampling: Sampling | None = None,
    steps_to_live: int = STEPS_TO_LIVE,
    enough_photons: int = ENOUGH_PHOTONS,
) -> Generator[LiveDose | None, None, None]:
    """Yield the doses of a position, coarse to fine; None where nothing is new and work may be dropped.

    Parameters
    ----------
    patient
        Ready for the needle.
    request
        The position, for how long, and when it was asked for.
    sampling
        Seed, rays a step and sites a ray; None: the live engine's own.
    steps_to_live
        Steps of rays in each half until the live tier; refined doses follow after twice as many, four times ...
    enough_photons
        After that many no finer dose follows.

    Raises
    ------
    InputError
        When the source lies outside the region or in metal, a time is negative, or no step is asked for.
    DeviceFileError
        When the needle's direction has no length.
    """
    drawn = live_sampling() if sampling is None else sampling
    _check(request.dwell, steps_to_live)
    yield drag_dose(patient, request)
    scene = _scene(patient, request.dwell, LIVE_MM, MARGIN_MM)
    scatter = _Scatter(scene.window, drawn)
    for _ in range(steps_to_live):
        scatter.step()
        yield None
    rest = _resting(patient, scene)
    known = expected(rest.primary, scene.window.kinds[scene.box], scene.place, in_water(patient.water))
    yield None
    target = steps_to_live
    while True:
        tier = Tier.LIVE if target == steps_to_live else Tier.REFINED
        yield _shown(patient, request, rest, known, scatter, tier)
        if scatter.photons >= enough_photons:
            return
        target *= 2
        while scatter.steps < target:
            scatter.step()
            yield None


def drag_dose(patient: LivePatient, request: LiveRequest) -> LiveDose:
    """Return the drag tier's dose of a position.

    Raises
    ------
    InputError
        When the source lies outside the region or in metal, or the time is negative.
    DeviceFileError
        When the needle's direction has no length.
    """
    _check(request.dwell, 1)
    scene = _scene(patient, request.dwell, DRAG_MM, 0.0)
    rest = _resting(patient, scene)
    made = dragged(rest.primary, rest.doubts, in_water(patient.water), scene.place, _scale(patient, request.dwell))
    return live_dose(
        made,
        rest.doubts,
        patient,
        scene.grid,
        tier=Tier.DRAG,
        dwell=request.dwell,
        scattered=Scattered(0, 0, None),
        asked_s=request.asked_s,
    )


@dataclass(frozen=True, eq=False)
class _Scene:
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
class _Resting:
    """What does not change while the needle rests."""

    scene: _Scene
    primary: Field
    doubts: NDArray[np.uint8]


class _Scatter:
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


def _check(dwell: DwellPosition, steps: int) -> None:
    if not dwell.time_s >= 0 or steps < 1:
        raise InputError(
            f"a dwell time of {dwell.time_s} s and {steps} steps of rays",
            where=_WHERE,
            remedy="Give a time of 0 s or more and at least one step",
        )


def _scene(patient: LivePatient, dwell: DwellPosition, reach_mm: float, margin_mm: float) -> _Scene:
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
    return _Scene(around, box, place)


def _shape(box: Box) -> tuple[int, int, int]:
    i, j, k = (part.stop - part.start for part in box)
    return i, j, k


def _resting(patient: LivePatient, scene: _Scene) -> _Resting:
    around, box, place = scene.window, scene.box, scene.place
    primary = primary_kerma(around.source, patient.nodes, around.medium, radius_mm=place.reach_mm)[box]
    metal = patient.metal[around.box][box]
    found = doubts(around.kinds[box], metal, place, valid_mm=patient.output.depth_dose.valid_mm)
    _flag_border(found, patient, scene)
    return _Resting(scene, primary, found)


def _flag_border(found: NDArray[np.uint8], patient: LivePatient, scene: _Scene) -> None:
    """Flag the planes that lie nearer than the margin to the end of the patient's region."""
    margin = np.ceil(MARGIN_MM / patient.grid.spacing_mm).astype(int)
    for axis, (part, outer) in enumerate(zip(scene.box, scene.window.box, strict=True)):
        planes = np.moveaxis(found, axis, 0)
        first = outer.start + part.start
        before = max(int(margin[axis]) - first, 0)
        behind = max(first + len(planes) + int(margin[axis]) - patient.grid.shape[axis], 0)
        planes[:before] |= np.uint8(Doubt.NEAR_BORDER)
        planes[len(planes) - behind :] |= np.uint8(Doubt.NEAR_BORDER)


def _shown(
    patient: LivePatient, request: LiveRequest, rest: _Resting, known: Expected, scatter: _Scatter, tier: Tier
) -> LiveDose:
    halves, place = scatter.halves(patient.ratio), rest.scene.place
    smooth = smoothed(halves, known, place, scatter.photons)
    quieter = narrowed(scatter.photons) ** 2
    made = assembled(rest.primary, rest.doubts, halves, (smooth, known, quieter), place, _scale(patient, request.dwell))
    return live_dose(
        made,
        rest.doubts,
        patient,
        rest.scene.grid,
        tier=tier,
        dwell=request.dwell,
        scattered=scatter.scattered,
        asked_s=request.asked_s,
    )


def _scale(patient: LivePatient, dwell: DwellPosition) -> Scale:
    table, rate = patient.output.depth_dose, patient.rate
    common2 = table.relative_uncertainty**2 + table.direction_relative_uncertainty**2 + rate.relative_uncertainty**2
    return Scale(rate.photons_per_min * dwell.time_s / SECONDS_PER_MINUTE, common2)
