r"""The reference engine: computed primary and Monte Carlo scatter in the patient's own tissues.

.. math:: D(p) = \sum_k t_k \, \dot N \, (K^{primary}_k(p) + K^{scatter}_k(p))

with the dwell times t_k, the photons a minute of :mod:`metaspine.dosimetry.absolute` and the collision kerma per photon
of :mod:`metaspine.transport`; electrons of these energies stop within a voxel, so that kerma is dose. A value is the
mean over its voxel near the source; inside the applicator it is NaN.

The run goes in rounds of batches and stops at the first round that fulfils what was asked for. The same seed and the
same rounds give the same bits on any number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.absolute import AbsoluteRate, absolute_rate
from metaspine.dosimetry.around_applicator import metal_of_applicator
from metaspine.dosimetry.checkpoint import CheckpointFile, keeping
from metaspine.dosimetry.devices import usable
from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.places import Place, centres_mm, shell
from metaspine.dosimetry.reference_run import Run, further, kerma, started
from metaspine.dosimetry.reference_tissues import MARGIN_MM, Tissues, without_margin
from metaspine.errors import GridMismatch, InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.physics.applicators import Applicator, DoseConvention
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.running import Progress
from metaspine.transport.devices import RAYS_PER_BATCH, Device
from metaspine.transport.medium import Part
from metaspine.transport.scatter import Sampling
from metaspine.version import __version__

_WHERE = "reference engine"
_STEP = "Monte Carlo dose"
_FEWEST_BATCHES = 10
"""Fewer say little of their own scatter."""
_ON_A_GPU = (
    "The GPU's kernels have been compared with the CPU's in a simulator alone, not on a GPU: compare with a run on the "
    "CPU (device cpu) before this dose is relied on.",
)
_REGION_BEYOND_MM, _OUTSIDE_ONE_IN = 15.0, 3.0
"""DOS-11."""


@dataclass(frozen=True, eq=False)
class Stop:
    """When a run has done enough: at whichever of these comes first, looked at after every round.

    Parameters
    ----------
    relative_uncertainty
        One standard deviation of the Monte Carlo dose to medium, root mean square over ``place``; None: not asked.
    distance_mm
        The radius of a shell, one voxel thick, around the first isocentre: the place where no other is named.
    histories
        Primary rays over all positions: the number run is the next one that fills a batch. None: not asked.
    seconds
        Wall-clock time; the only one that does not give the same bits again. None: not asked.
    """

    relative_uncertainty: float | None = 0.01
    distance_mm: float = 15.0
    histories: int | None = None
    seconds: float | None = None
    place: Place | None = None
    """Voxels of the dose grid, such as those of :func:`metaspine.dosimetry.places.place_of`; None: the shell."""

    @property
    def where(self) -> str:
        """The place in words."""
        return self.place.name if self.place else f"{self.distance_mm:g} mm from the isocentre"


@dataclass(frozen=True, eq=False)
class ReferenceDoses:
    """What one run tells; both doses are of the same photons and never to be added."""

    to_medium: Dose
    to_water: Dose
    """To a little water in each voxel's medium."""
    statistical_uncertainty: Volume
    """One standard deviation of the dose to medium by the number of histories alone, relative."""
    statistical_uncertainty_to_water: Volume
    """The same of the dose to water in medium."""
    common_uncertainty: float
    """One standard deviation of what no history lessens, relative: the output, its direction and the absolute rate."""
    primary_to_medium: Volume
    """Gy that unscattered photons give: computed, without noise."""
    rate: AbsoluteRate
    reached: float
    """The root mean square statistical uncertainty in the place that :class:`Stop` names."""
    stop: Stop
    """What was asked for."""
    irradiation: Irradiation
    runs: tuple[Run, ...]
    """Where each position's run stands, for :func:`resumed`."""


def reference_dose(irradiation: Irradiation, *, progress: Progress) -> Dose:
    """Return the Monte Carlo dose to medium (a :class:`metaspine.dosimetry.engine.DoseEngine`), to 1 % at 15 mm.

    Raises
    ------
    InputError
        When the irradiation has no tissues, no position or negative times, or a source lies in metal or off the grid.
    DeviceFileError
        When the applicator names no spectrum.
    """
    return reference_doses(irradiation, progress=progress).to_medium


def reference_doses(
    irradiation: Irradiation,
    *,
    stop: Stop | None = None,
    sampling: Sampling | None = None,
    seed: int = 1,
    device: Device | None = None,
    rate: AbsoluteRate | None = None,
    checkpoint: CheckpointFile | None = None,
    progress: Progress,
) -> ReferenceDoses:
    """Return the Monte Carlo doses to medium and to water in medium.

    Parameters
    ----------
    irradiation
        With its tissues on the transport grid.
    stop
        None: 1 % at 15 mm.
    sampling
        Seed, rays a batch, sites a ray, region; None: the engine's own for what is asked, with ``seed``.
    seed
        Another one gives an independent run.
    device
        None: the GPU where there is one, the CPU otherwise.
    rate
        The absolute rate where it is known already for this applicator and output; None: it is computed first.
    checkpoint
        Where the run is kept from time to time and when it is stopped, and whether it goes on from there.
    progress
        May raise Cancelled after each round; nothing is left behind then but the checkpoint.

    Raises
    ------
    InputError
        As :func:`reference_dose`; also when nothing says when to stop, or it says zero, the checkpoint is another run's
        or damaged, or there is no such device.
    OutputError
        When the checkpoint cannot be written.
    """
    until, on = stop or Stop(), usable(device)
    tissues = _checked(irradiation, until)
    drawn = sampling or _sampling_for(irradiation, until, seed=seed, device=on)
    known = absolute_rate(irradiation.applicator, irradiation.output, progress=progress) if rate is None else rate
    progress("primary dose", 0.0)
    runs = [started(tissues, dwell, irradiation.applicator, sampling=drawn, device=on) for dwell in irradiation.dwells]
    with keeping(checkpoint, irradiation, runs) as (resumed_runs, kept):
        gathered = _gathered(resumed_runs, irradiation, until, known, _Listeners(progress, kept))
    return _doses(gathered, irradiation, tissues, known)


def resumed(doses: ReferenceDoses, *, stop: Stop, progress: Progress) -> ReferenceDoses:
    """Return doses after as many more rounds as it takes; the same bits as one long run of as many histories.

    Raises
    ------
    InputError
        When nothing says when to stop, or it says zero.
    """
    tissues = _checked(doses.irradiation, stop)
    gathered = _gathered(doses.runs, doses.irradiation, stop, doses.rate, _Listeners(progress))
    return _doses(gathered, doses.irradiation, tissues, doses.rate)


def _sampling_for(irradiation: Irradiation, stop: Stop, *, seed: int, device: Device) -> Sampling:
    """Return how to draw: enough rays for the device, and fewer photons beyond the place asked for (DOS-11)."""
    sampling = Sampling(seed=seed, rays_per_batch=RAYS_PER_BATCH[device])
    if stop.relative_uncertainty is None:
        return sampling
    places = centres_mm(irradiation.grid)[_asked_for(irradiation, stop)]
    farthest = max(float(np.linalg.norm(places - dwell.isocentre_mm, axis=-1).max()) for dwell in irradiation.dwells)
    return sampling._replace(region_mm=farthest + _REGION_BEYOND_MM, outside_one_in=_OUTSIDE_ONE_IN)


@dataclass(frozen=True, eq=False)
class _Gathered:
    """Doses and standard errors (i, j, k, medium or water) in Gy after some rounds."""

    dose: FloatArray
    standard_error: FloatArray
    primary: NDArray[np.float64]
    runs: tuple[Run, ...]
    histories: int
    seed: int
    reached: float
    stop: Stop


class _Listeners(NamedTuple):
    """Who is told after every round: a person, and the checkpoint."""

    progress: Progress
    kept: Callable[[Sequence[Run]], None] = lambda _: None


def _checked(irradiation: Irradiation, stop: Stop) -> Tissues:
    if irradiation.tissues is None:
        raise InputError(
            "the irradiation has no tissues",
            where=_WHERE,
            remedy="Give tissues_around(scan, grid), or call compute_dose with engine='reference'",
        )
    if not irradiation.dwells or min(dwell.time_s for dwell in irradiation.dwells) < 0:
        raise InputError(
            f"dwell times of {[dwell.time_s for dwell in irradiation.dwells]} s",
            where=_WHERE,
            remedy="Give at least one position, with a time of 0 s or more",
        )
    wanted = (stop.relative_uncertainty, stop.histories, stop.seconds)
    if all(value is None for value in wanted) or any(value is not None and not value > 0 for value in wanted):
        raise InputError(
            f"a run to an uncertainty of {stop.relative_uncertainty}, {stop.histories} histories, {stop.seconds} s",
            where=_WHERE,
            remedy="Give at least one of them, above 0",
        )
    return irradiation.tissues


def _gathered(
    runs: Sequence[Run], irradiation: Irradiation, stop: Stop, rate: AbsoluteRate, listeners: _Listeners
) -> _Gathered:
    """Run rounds until enough is done; a run that has done enough already gets no more."""
    photons = [rate.photons_per_min * dwell.time_s / SECONDS_PER_MINUTE for dwell in irradiation.dwells]
    place = _asked_for(irradiation, stop)
    start = time.monotonic()
    while True:
        if runs[0].tally.batches:
            reached = _reached(runs, photons, irradiation.grid, place)
            done = _done(reached, _histories(runs), stop, time.monotonic() - start)
            listeners.progress(_STEP, min(done, 1.0))
            if done >= 1.0:
                return _summed(runs, photons, irradiation.grid, (stop, reached))
        runs = [further(run, _FEWEST_BATCHES) for run in runs]
        listeners.kept(runs)


def _done(reached: float, histories: int, stop: Stop, seconds: float) -> float:
    """Return the share of the work that is done: the largest of what was asked for; 1 and more is enough."""
    parts = [0.0]
    if stop.relative_uncertainty is not None:
        parts.append((stop.relative_uncertainty / reached) ** 2 if reached > 0 else 1.0)
    if stop.histories is not None:
        parts.append(histories / stop.histories)
    if stop.seconds is not None:
        parts.append(seconds / stop.seconds)
    return max(parts)


def _histories(runs: Sequence[Run]) -> int:
    return sum(run.tally.batches * run.sampling.rays_per_batch for run in runs)


def _reached(runs: Sequence[Run], photons: Sequence[float], grid: Grid, place: NDArray[np.bool_]) -> float:
    """Return the root mean square relative uncertainty of the dose to medium in a place of the dose grid."""
    box = _box(place)
    margin = without_margin(grid, MARGIN_MM)
    part = tuple(slice(low.start + one.start, low.start + one.stop) for low, one in zip(margin, box, strict=True))
    dose, error = _added(runs, photons, (part[0], part[1], part[2]))
    known, noise = dose[place[box]][:, 0], error[place[box]][:, 0]
    relative = np.divide(noise, known, out=np.zeros(known.shape), where=known > 0)
    return float(np.sqrt(np.mean(relative**2)))


def _box(place: NDArray[np.bool_]) -> Part:
    """Return the smallest box of voxels that holds a place."""
    low, high = np.argwhere(place).min(axis=0), np.argwhere(place).max(axis=0) + 1
    i, j, k = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return i, j, k


def _added(runs: Sequence[Run], photons: Sequence[float], part: Part) -> tuple[FloatArray, FloatArray]:
    """Return dose and standard error (..., medium or water) in Gy over all positions, in a part of the grid."""
    kermas = [kerma(run, part) for run in runs]
    dose = sum(number * mean for (mean, _), number in zip(kermas, photons, strict=True))
    variance = sum((number * error) ** 2 for (_, error), number in zip(kermas, photons, strict=True))
    return np.asarray(dose), np.sqrt(np.asarray(variance))


def _asked_for(irradiation: Irradiation, stop: Stop) -> NDArray[np.bool_]:
    """Return the voxels of the place asked for, outside the applicator."""
    grid = irradiation.grid
    named = (
        shell(grid, irradiation.dwells[0].isocentre_mm, stop.distance_mm) if stop.place is None else stop.place.voxels
    )
    if named.shape != grid.shape:
        raise GridMismatch(
            f"{stop.where}: {named.shape} voxels, where the dose grid has {grid.shape}",
            where=_WHERE,
            remedy="Name the place on the dose grid",
        )
    asked_for = named & ~_interior(irradiation)
    if not asked_for.any():
        raise InputError(
            f"no voxel of the dose grid lies outside the applicator at the place asked for ({stop.where})",
            where=_WHERE,
            remedy="Ask for the uncertainty at a place inside the dose grid",
        )
    return np.asarray(asked_for)


def _summed(runs: Sequence[Run], photons: Sequence[float], grid: Grid, ended: tuple[Stop, float]) -> _Gathered:
    part = without_margin(grid, MARGIN_MM)
    dose, error = _added(runs, photons, part)
    primary = np.asarray(sum(number * run.primary[part] for run, number in zip(runs, photons, strict=True)))
    stop, reached = ended
    return _Gathered(dose, error, primary, tuple(runs), _histories(runs), runs[0].sampling.seed, reached, stop)


def _doses(gathered: _Gathered, irradiation: Irradiation, tissues: Tissues, rate: AbsoluteRate) -> ReferenceDoses:
    interior, grid = _interior(irradiation), irradiation.grid
    provenance = _provenance(irradiation, gathered)
    notes = _notes(gathered, tissues, rate, irradiation.applicator)
    table = irradiation.output.depth_dose
    common = math.hypot(table.relative_uncertainty, table.direction_relative_uncertainty, rate.relative_uncertainty)

    def volume(values: FloatArray) -> Volume:
        return Volume(np.where(interior, np.nan, values).astype(np.float32), grid)

    def relative(channel: int) -> FloatArray:
        dose, error = gathered.dose[..., channel], gathered.standard_error[..., channel]
        return np.divide(error, dose, out=np.zeros(dose.shape), where=dose > 0)

    def dose(channel: int, medium: str, convention: DoseConvention) -> Dose:
        uncertainty = volume(np.hypot(common, relative(channel)))
        return Dose(volume(gathered.dose[..., channel]), uncertainty, medium, convention, provenance, notes)

    return ReferenceDoses(
        to_medium=dose(0, "medium", DoseConvention.MONTE_CARLO_MEDIUM),
        to_water=dose(1, "water in medium", DoseConvention.MONTE_CARLO_WATER),
        statistical_uncertainty=volume(relative(0)),
        statistical_uncertainty_to_water=volume(relative(1)),
        common_uncertainty=common,
        primary_to_medium=volume(gathered.primary[..., 0]),
        rate=rate,
        reached=gathered.reached,
        stop=gathered.stop,
        irradiation=irradiation,
        runs=gathered.runs,
    )


def _provenance(irradiation: Irradiation, gathered: _Gathered) -> DoseProvenance:
    return DoseProvenance(
        engine="reference",
        engine_version=__version__,
        applicator=irradiation.applicator.name,
        output=irradiation.output.description,
        calibrated=irradiation.output.calibrated,
        scan_sha256=irradiation.scan_sha256,
        seed=gathered.seed,
        histories=gathered.histories,
        filters=tuple(
            f"{each.thickness_mm:.4g} mm {each.material} ({each.evidence})" for each in irradiation.applicator.filters
        ),
    )


def _notes(gathered: _Gathered, tissues: Tissues, rate: AbsoluteRate, applicator: Applicator) -> tuple[str, ...]:
    return (
        f"Monte Carlo on the {gathered.runs[0].device.upper()}, {gathered.histories} histories, seed {gathered.seed}: "
        f"{gathered.reached:.2%} (1 SD; "
        f"{gathered.stop.where}) by statistics alone; the uncertainty shown holds output and direction too.",
        f"Calibrated so that water gets the output's dose rate {rate.distance_mm:g} mm from the isocentre (DOS-01); "
        "the spectrum is a generic model, and cross sections add 1 to 4 % (DOS-04).",
        *(_ON_A_GPU if gathered.runs[0].device is Device.GPU else ()),
        "Values are means over their voxels; the water engine's are those at voxel centres, which within 5 mm of the "
        "source are smaller by some percent.",
        "The needle displaces what lies there; the track around it, air and blood in it are not modelled (DOS-03).",
        *_of_applicator(applicator),
        *tissues.notes,
    )


def _of_applicator(applicator: Applicator) -> tuple[str, ...]:
    """Return what is known of source and applicator, in words."""
    emission, tubes = applicator.emission, applicator.metal
    shadow = (
        "; ".join(
            f"{tube.name} of {tube.material}, {2 * tube.inner_radius_mm:g} to {2 * tube.outer_radius_mm:g} mm, from "
            f"{tube.behind_isocentre_mm[0]:g} mm behind the isocentre"
            for tube in tubes
        )
        if tubes
        else "none: the walls of shaft and cannula are not in the applicator's file"
    )
    return (
        f"The source is {emission.description}; its photons leave {emission.anisotropy.description}.",
        f"Metal that throws a shadow backwards (PHY-27): {shadow}.",
        *(
            f"Filter: {each.thickness_mm:.3g} mm {each.material} ({each.evidence}): {each.note}."
            for each in applicator.filters
            if each.stands_for_wall
        ),
    )


def _interior(irradiation: Irradiation) -> NDArray[np.bool_]:
    grid, applicator = irradiation.grid, irradiation.applicator
    inside = inside_applicator(centres_mm(grid), dwells=irradiation.dwells, applicator=applicator)
    for dwell in irradiation.dwells:
        inside |= metal_of_applicator(grid, dwell, applicator)
    return inside
