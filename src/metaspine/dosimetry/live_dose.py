"""What the live engine answers with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.live_assembly import Made
from metaspine.dosimetry.live_patient import LivePatient
from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import DoseConvention
from metaspine.version import __version__


class Tier(StrEnum):
    """How a live dose was made; each is better than the one before."""

    DRAG = "drag"
    LIVE = "live"
    REFINED = "refined"


@dataclass(frozen=True, eq=False)
class LiveDose:
    """One update; both doses are of the same photons and never to be added. Never console dose."""

    tier: Tier
    dwell: DwellPosition
    to_medium: Dose
    """Gy; NaN inside the applicator and out of reach, in the drag tier in, near and behind metal as well."""
    to_water: Dose
    """To a little water in each voxel's medium."""
    noise: Volume
    """One standard deviation of the dose to medium, relative: statistics and smoothing; in the drag tier its error."""
    doubts: Volume
    """Flags of :class:`metaspine.dosimetry.live_trust.Doubt`; 0 where nothing speaks against the value."""
    photons: int
    """Scattered photons followed."""
    asked_s: float
    """When it was asked for, in seconds of ``time.monotonic``."""
    ready_s: float

    @property
    def latency_s(self) -> float:
        """From the question to the answer."""
        return self.ready_s - self.asked_s

    @property
    def age_s(self) -> float:
        """Since it was ready."""
        return time.monotonic() - self.ready_s

    @property
    def trusted(self) -> NDArray[np.bool_]:
        """Voxels whose value nothing speaks against."""
        return np.asarray(self.doubts.values == 0)


class Scattered(NamedTuple):
    """How much scatter was followed."""

    photons: int
    rays: int
    seed: int | None


def live_dose(
    made: Made,
    doubts: NDArray[np.uint8],
    patient: LivePatient,
    grid: Grid,
    *,
    tier: Tier,
    dwell: DwellPosition,
    scattered: Scattered,
    asked_s: float,
) -> LiveDose:
    """Return the update of some arrays; it is ready now."""
    provenance = DoseProvenance(
        engine="live",
        engine_version=__version__,
        applicator=patient.applicator.name,
        output=patient.output.description,
        calibrated=patient.output.calibrated,
        scan_sha256=patient.scan_sha256,
        seed=scattered.seed,
        histories=scattered.rays or None,
    )
    notes = (_SAID[tier], *patient.notes)

    def dose(values: NDArray[np.float32], error: NDArray[np.float32], medium: str, convention: DoseConvention) -> Dose:
        return Dose(Volume(values, grid), Volume(error, grid), medium, convention, provenance, notes)

    return LiveDose(
        tier=tier,
        dwell=dwell,
        to_medium=dose(made.to_medium, made.error, "medium", DoseConvention.MONTE_CARLO_MEDIUM),
        to_water=dose(made.to_water, made.error_to_water, "water in medium", DoseConvention.MONTE_CARLO_WATER),
        noise=Volume(made.noise, grid),
        doubts=Volume(doubts, grid),
        photons=scattered.photons,
        asked_s=asked_s,
        ready_s=time.monotonic(),
    )


_STATED = "Noise and smoothing stand with it (DOS-31); doubtful voxels are flagged."
_SAID = {
    Tier.DRAG: "Drag tier, for following a moving needle only: computed primary times water's scatter ratio; not given "
    "in, near and behind metal. Its error stands with it (DOS-32).",
    Tier.LIVE: f"Live tier: computed primary and smoothed Monte Carlo scatter. {_STATED}",
    Tier.REFINED: f"Refined live tier: computed primary and Monte Carlo scatter, smoothed less. {_STATED}",
}
