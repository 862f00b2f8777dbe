r"""Doses at points for hundreds of displaced needles: what a structure gets when the tip is not where it was planned.

The primary is computed exactly for every displacement. The scatter over what the smoothing expects of it, u = S / f
(:mod:`metaspine.dosimetry.live_smoothing`), changes slowly and smoothly with the needle's place: it is computed at
seven places, the planned one and one step to either side along each axis, and taken as a parabola along each axis in
between, with t = displacement / step,

.. math:: u(d) = u_0 + \sum_a \frac{u_a^+ - u_a^-}{2} t_a + \frac{u_a^+ + u_a^- - 2 u_0}{2} t_a^2.

All places see the same random numbers, so that what a displacement changes is not noise. Groups of rays, each of them a
whole answer, tell how far chance reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.live_patient import LIVE_MM, LivePatient
from metaspine.dosimetry.live_scene import MARGIN_MM, Scatter, expected_of, live_sampling, resting, scale_of, scene_of
from metaspine.dosimetry.live_smoothing import RIM, TO_MEDIUM, TO_WATER, expected_scatter, in_water, smoothed
from metaspine.dosimetry.live_trust import behind_metal
from metaspine.dosimetry.live_window import window
from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import DoseConvention
from metaspine.running import Progress, silent
from metaspine.transport.medium import MATERIAL_BITS, Medium
from metaspine.transport.points import primary_at_points
from metaspine.transport.scatter import Sampling

STEP_MM = 2.0
"""Between the places at which scatter is computed (DOS-34)."""
GROUPS = 8
STEPS_PER_GROUP = 6
_WHERE = "live scenarios"
_RESAMPLES = 200
_BEYOND_MM = 2.0


@dataclass(frozen=True)
class Percentile:
    """A percentile over the scenarios, and how far chance reaches."""

    percent: float
    value_gy: float
    by_photons_gy: float
    """One standard error by the number of photons."""
    by_scenarios_gy: float
    """One standard error by the number of scenarios: how much another draw of as many would differ."""

    @property
    def standard_error_gy(self) -> float:
        """Both together."""
        return float(np.hypot(self.by_photons_gy, self.by_scenarios_gy))


@dataclass(frozen=True, eq=False)
class ScenarioDoses:
    """Doses at points for every scenario. Monte Carlo dose; never console dose."""

    dwells: tuple[DwellPosition, ...]
    to_medium: FloatArray
    """(scenario, point) Gy; NaN inside the applicator."""
    to_water: FloatArray
    groups_to_medium: FloatArray
    """(group, scenario, point): each group's own answer."""
    groups_to_water: FloatArray
    doubtful: NDArray[np.bool_]
    """(scenario, point): near or behind metal, or farther than the live dose reaches."""
    photons: int

    def doses(self, convention: DoseConvention) -> tuple[FloatArray, FloatArray]:
        """Return (scenario, point) and (group, scenario, point) in a convention.

        Raises
        ------
        InputError
            When the convention is the console's, which is not computed here.
        """
        if convention is DoseConvention.MONTE_CARLO_MEDIUM:
            return self.to_medium, self.groups_to_medium
        if convention is DoseConvention.MONTE_CARLO_WATER:
            return self.to_water, self.groups_to_water
        raise InputError(
            f"{convention} of displaced needles",
            where=_WHERE,
            remedy="Ask for one of the Monte Carlo conventions; the water engine computes console dose",
        )

    def percentiles_of_maximum(
        self, percents: Sequence[float] = (5, 50, 95), *, convention: DoseConvention = DoseConvention.MONTE_CARLO_WATER
    ) -> tuple[Percentile, ...]:
        """Return percentiles over the scenarios of the highest dose of all points."""
        dose, groups = self.doses(convention)
        return _percentiles(np.nanmax(dose, axis=1), np.nanmax(groups, axis=2), percents)

    def percentiles_of_mean(
        self, percents: Sequence[float] = (5, 50, 95), *, convention: DoseConvention = DoseConvention.MONTE_CARLO_WATER
    ) -> tuple[Percentile, ...]:
        """Return percentiles over the scenarios of the mean dose of all points."""
        dose, groups = self.doses(convention)
        return _percentiles(np.nanmean(dose, axis=1), np.nanmean(groups, axis=2), percents)


def scenario_doses(
    patient: LivePatient,
    planned: DwellPosition,
    scenarios: Sequence[DwellPosition],
    points_mm: ArrayLike,
    *,
    step_mm: float = STEP_MM,
    steps_per_group: int = STEPS_PER_GROUP,
    sampling: Sampling | None = None,
    progress: Progress = silent,
) -> ScenarioDoses:
    """Return the doses at points of some displaced and tilted needles.

    Parameters
    ----------
    patient
        Ready for the needle.
    planned
        The place around which scatter is computed.
    scenarios
        Where the needle may be instead: place, direction, time of each.
    points_mm
        (point, 3) LPS.
    step_mm
        Between the places at which scatter is computed: about as far as most scenarios lie from the planned place.
    steps_per_group
        Of rays, in each of eight groups at each of seven places.
    sampling
        Seed, rays a step, sites a ray; None: the live engine's own.
    progress
        May raise Cancelled.

    Raises
    ------
    InputError
        When there is no scenario or no point, a point lies outside the region, or a source outside it or in metal.
    """
    points = _checked(patient, scenarios, points_mm, step_mm)
    drawn = live_sampling() if sampling is None else sampling
    moved = np.array([patient.grid.directions.T @ (one.isocentre_mm - planned.isocentre_mm) for one in scenarios])
    along = np.abs(moved).max(axis=0) > 0
    quotients, photons = _anchored(patient, planned, points, (step_mm, steps_per_group, drawn, along), progress)
    given = [_one(patient, dwell, planned, points, quotients, step_mm) for dwell in scenarios]
    groups = np.stack([dose for dose, _ in given], axis=1)
    progress("displaced needles", 1.0)
    return ScenarioDoses(
        dwells=tuple(scenarios),
        to_medium=groups[..., 0].mean(axis=0),
        to_water=groups[..., 1].mean(axis=0),
        groups_to_medium=groups[..., 0],
        groups_to_water=groups[..., 1],
        doubtful=np.array([doubtful for _, doubtful in given]),
        photons=photons,
    )


def _checked(
    patient: LivePatient, scenarios: Sequence[DwellPosition], points_mm: ArrayLike, step_mm: float
) -> FloatArray:
    points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
    if len(points) == 0 or len(scenarios) == 0 or not step_mm > 0:
        raise InputError(
            f"{len(scenarios)} scenarios, {len(points)} points and a step of {step_mm} mm",
            where=_WHERE,
            remedy="Give at least one of each, and a step above 0",
        )
    outside = ~patient.grid.contains(points)
    if outside.any():
        raise InputError(
            f"{int(outside.sum())} points lie outside the region that was prepared, the first at LPS "
            f"{np.round(points[outside][0], 1).tolist()} mm",
            where=_WHERE,
            remedy="Prepare a larger region, or leave the points out",
        )
    return points


def _anchored(
    patient: LivePatient,
    planned: DwellPosition,
    points: FloatArray,
    how: tuple[float, int, Sampling, NDArray[np.bool_]],
    progress: Progress,
) -> tuple[FloatArray, int]:
    """Return the quotients (place, group, medium or water, point), and the photons followed.

    Along an axis on which no scenario moves, the planned place stands for its neighbours.
    """
    step_mm, steps, sampling, along = how
    found, photons = _quotients(patient, planned, points, steps, sampling)
    places = [found]
    for axis in range(3):
        for sign in (-1.0, 1.0):
            progress("displaced needles", len(places) / 8)
            if not along[axis]:
                places.append(found)
                continue
            shift = sign * step_mm * patient.grid.directions[:, axis]
            dwell = replace(planned, isocentre_mm=planned.isocentre_mm + shift)
            neighbour, followed = _quotients(patient, dwell, points, steps, sampling)
            places.append(neighbour)
            photons += followed
    return np.array(places), photons


def _quotients(
    patient: LivePatient, dwell: DwellPosition, points: FloatArray, steps: int, sampling: Sampling
) -> tuple[FloatArray, int]:
    """Return the quotients (group, medium or water, point) at one place of the needle."""
    scene = scene_of(patient, dwell, LIVE_MM, MARGIN_MM)
    known = expected_of(patient, resting(patient, scene))
    index = scene.grid.index(points).T + RIM
    found, photons = np.empty((GROUPS, 2, len(points))), 0
    for group in range(GROUPS):
        scatter = Scatter(scene.window, sampling._replace(seed=GROUPS * sampling.seed + group))
        for _ in range(steps):
            scatter.step()
        photons += scatter.photons
        fields = smoothed(scatter.halves(patient.ratio), known, scene.place, GROUPS * scatter.photons).fields
        for place, channel in enumerate((TO_MEDIUM, TO_WATER)):
            found[group, place] = ndimage.map_coordinates(fields[channel], index, order=1, output=np.float64)
    return found, photons


def _one(
    patient: LivePatient,
    dwell: DwellPosition,
    planned: DwellPosition,
    points: FloatArray,
    quotients: FloatArray,
    step_mm: float,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the doses (group, point, medium or water) of one scenario, and its doubtful points."""
    distance = np.linalg.norm(points - dwell.isocentre_mm, axis=1)
    around = window(patient, dwell, float(distance.max()) + _BEYOND_MM)
    place = np.clip(around.grid.index(points) + 0.5, 1e-6, np.array(around.grid.shape) - 1e-6) * around.grid.spacing_mm
    primary = primary_at_points(around.source, patient.nodes, around.medium, place)
    f = expected_scatter(primary[:, 1], distance, in_water(patient.water))
    t = patient.grid.directions.T @ (dwell.isocentre_mm - planned.isocentre_mm) / step_mm
    scatter = _parabola(quotients, t) * f
    ratio = patient.ratio[_materials(around.medium, place)]
    kerma = np.stack([primary[:, 0] + ratio * scatter[:, 0], primary[:, 1] + scatter[:, 1]], axis=-1)
    dose = scale_of(patient, dwell).photons * kerma
    dose[:, inside_applicator(points, dwells=(dwell,), applicator=patient.applicator)] = np.nan
    doubtful = (distance > LIVE_MM) | behind_metal(place, patient.metal[around.box], around)
    return dose, doubtful


def _parabola(quotients: FloatArray, t: FloatArray) -> FloatArray:
    """Return quotients (group, medium or water, point) at a displacement in steps along the grid's axes."""
    middle = quotients[0]
    value: FloatArray = middle.copy()
    for axis in range(3):
        before, behind = quotients[1 + 2 * axis], quotients[2 + 2 * axis]
        value += (behind - before) / 2 * t[axis] + (behind + before - 2 * middle) / 2 * t[axis] ** 2
    return value


def _materials(voxels: Medium, place_mm: FloatArray) -> NDArray[np.uint32]:
    lattice = voxels.lattice
    spacing = np.array([lattice.spacing_x_mm, lattice.spacing_y_mm, lattice.spacing_z_mm])
    i, j, k = np.floor(place_mm / spacing).astype(int).T + 1
    return np.asarray(voxels.packed[i * lattice.stride_x + j * lattice.stride_y + k] & MATERIAL_BITS)


def _percentiles(values: FloatArray, groups: FloatArray, percents: Sequence[float]) -> tuple[Percentile, ...]:
    """Return percentiles of (scenario,) with the errors that (group, scenario) and resampled scenarios show."""
    resampled = np.random.default_rng(1).integers(len(values), size=(_RESAMPLES, len(values)))
    by_group = np.percentile(groups, percents, axis=1)
    by_sample = np.percentile(values[resampled], percents, axis=1)
    return tuple(
        Percentile(
            float(percent),
            float(np.percentile(values, percent)),
            float(by_group[row].std(ddof=1) / np.sqrt(len(groups))),
            float(by_sample[row].std(ddof=1)),
        )
        for row, percent in enumerate(percents)
    )
