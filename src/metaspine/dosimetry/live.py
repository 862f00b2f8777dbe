r"""The live engine: a dose that follows the needle, at once, then right, then fine.

.. math:: D(p) = t \, \dot N \, (K_{primary}(p) + K_{scatter}(p))

- **drag**: the exact primary to 40 mm, times one plus water's ratio of scattered to primary kerma at that distance. No
  photon is followed. Its error is that of the ratio (DOS-32); behind metal it is wrong altogether and is not given.
- **live**: the exact primary to 50 mm and the scatter of some 150 000 photons, smoothed
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

from metaspine.dosimetry.live_assembly import assembled, dragged
from metaspine.dosimetry.live_dose import LiveDose, Scattered, Tier, live_dose
from metaspine.dosimetry.live_patient import LIVE_MM, LivePatient
from metaspine.dosimetry.live_scene import (
    MARGIN_MM,
    Resting,
    Scatter,
    expected_of,
    live_sampling,
    resting,
    scale_of,
    scene_of,
)
from metaspine.dosimetry.live_smoothing import Expected, in_water, narrowed, smoothed
from metaspine.errors import InputError
from metaspine.patient.plan import DwellPosition
from metaspine.transport.scatter import Sampling

DRAG_MM = 40.0
STEPS_TO_LIVE = 5
"""DOS-31."""
ENOUGH_PHOTONS = 40_000_000
_WHERE = "live engine"


@dataclass(frozen=True, eq=False)
class LiveRequest:
    """A position of the needle, and when it was asked for (``time.monotonic``)."""

    dwell: DwellPosition
    asked_s: float
    resting: bool = False
    """True: the needle has come to rest and its dragged dose is seen already; the live tier comes first."""


def asked(dwell: DwellPosition, *, resting: bool = False) -> LiveRequest:
    """Return a request for a position of the needle, asked now."""
    return LiveRequest(dwell, time.monotonic(), resting)


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
    if not request.resting:
        yield drag_dose(patient, request)
    scene = scene_of(patient, request.dwell, LIVE_MM, MARGIN_MM)
    scatter = Scatter(scene.window, drawn)
    for _ in range(steps_to_live):
        scatter.step()
        yield None
    rest = resting(patient, scene)
    known = expected_of(patient, rest)
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
    scene = scene_of(patient, request.dwell, DRAG_MM, 0.0)
    rest = resting(patient, scene)
    made = dragged(rest.primary, rest.doubts, in_water(patient.water), scene.place, scale_of(patient, request.dwell))
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


def _check(dwell: DwellPosition, steps: int) -> None:
    if not dwell.time_s >= 0 or steps < 1:
        raise InputError(
            f"a dwell time of {dwell.time_s} s and {steps} steps of rays",
            where=_WHERE,
            remedy="Give a time of 0 s or more and at least one step",
        )


def _shown(
    patient: LivePatient, request: LiveRequest, rest: Resting, known: Expected, scatter: Scatter, tier: Tier
) -> LiveDose:
    halves, place = scatter.halves(patient.ratio), rest.scene.place
    smooth = smoothed(halves, known, place, scatter.photons)
    quieter = narrowed(scatter.photons) ** 2
    made = assembled(
        rest.primary, rest.doubts, halves, (smooth, known, quieter), place, scale_of(patient, request.dwell)
    )
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
