"""The engine's own depth dose in water, applicator in place: with the whole spectrum, or energy by energy.

Energy by energy it serves any filtration at once. On the needle's equator, per photon that leaves the window, with the
applicator's radius R empty,

    D(r) = sum over the bins of N T E mu_tr exp(-mu (r - R)) / (4 pi r^2) B(E, r),

T the filters' transmission and B the ratio of total to primary dose, which the engine computes at a few energies and
which is smooth between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.dosimetry.absolute import EQUATOR_COSINE, over_middle
from metaspine.dosimetry.reference_run import Run, further, kerma, run_in, spectrum_of
from metaspine.dosimetry.reference_tissues import all_water, without_margin
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator
from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients
from metaspine.physics.spectrum import GY_PER_KEV_PER_G, MM_PER_CM, Spectrum, read_spectrum
from metaspine.running import Progress, silent
from metaspine.transport.scatter import Sampling

ENERGIES_KEV = (6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0, 27.0, 32.0, 38.0, 44.0, 50.0)
"""Where the ratio of total to primary dose is computed; below and above the ends hold."""
SEED = 30_000
_BATCHES = 4
_SPACING_MM, _SHELL_MM = 1.0, 1.0


@dataclass(frozen=True, eq=False)
class WaterResponse:
    """Dose in water per photon of each energy, before any filter."""

    energies_kev: FloatArray
    """(bin,) of the source's spectrum."""
    distance_mm: FloatArray
    """(distance,) from the isocentre."""
    gy_per_photon: FloatArray
    """(bin, distance)."""

    def dose(self, spectrum: Spectrum) -> FloatArray:
        """Return the dose (distance,) per photon that leaves the window, of the same bins behind some filters."""
        return np.asarray(spectrum.photons_per_bin @ self.gy_per_photon)


def water_depth_dose(
    applicator: Applicator, distance_mm: ArrayLike, *, sampling: Sampling | None = None, batches: int = 20
) -> FloatArray:
    """Return the engine's dose in water (distance,) on the equator, in Gy per photon that leaves the window.

    Parameters
    ----------
    applicator
        Its spectrum, filters, shape, emission and metal.
    distance_mm
        From the isocentre; a millimetre or more from the applicator's surface.
    sampling, batches
        Of the Monte Carlo run.
    """
    places = np.asarray(distance_mm, dtype=np.float64)
    spectrum = spectrum_of(applicator)
    run, grid = _in_water(applicator, spectrum, float(places.max()), sampling or Sampling(seed=SEED))
    total = kerma(further(run, batches), without_margin(grid))[0][..., 1]
    shells = _shells(grid, applicator, places)
    return np.array([_at(total, shell, grid, place) for place, shell in zip(places, shells, strict=True)]) * float(
        spectrum.photons_per_bin.sum()
    )


def water_response(
    applicator: Applicator,
    distance_mm: ArrayLike,
    *,
    sampling: Sampling | None = None,
    progress: Progress = silent,
) -> WaterResponse:
    """Return the dose in water on the equator by energy, for :func:`metaspine.dosimetry.filtration.best_filtration`.

    Parameters
    ----------
    applicator
        Its spectrum, shape, emission and metal; its filters do not matter.
    distance_mm
        From the isocentre; a millimetre or more from the applicator's surface.
    sampling
        Seed and rays; four batches are run at each energy. None: the engine's own.
    progress
        Told after each energy; may raise Cancelled.
    """
    places, spectrum = np.asarray(distance_mm, dtype=np.float64), read_spectrum(applicator.spectrum)
    drawn = Sampling(seed=SEED) if sampling is None else sampling
    ratios = []
    for number, energy in enumerate(ENERGIES_KEV):
        progress("depth dose in water, energy by energy", number / len(ENERGIES_KEV))
        ratios.append(_total_over_primary(applicator, _line(spectrum, energy), places, drawn))
    build_up = np.array([np.interp(spectrum.energies_kev, ENERGIES_KEV, row) for row in np.transpose(ratios)]).T
    primary = _primary(spectrum.energies_kev, places, applicator.radius_mm)
    return WaterResponse(spectrum.energies_kev, places, primary * build_up)


def _primary(energy_kev: FloatArray, distance_mm: FloatArray, radius_mm: float) -> FloatArray:
    """Return the unscattered dose (energy, distance) in Gy per photon, along a ray across the applicator."""
    water = material("water")
    found = coefficients(water, energy_kev)
    depth = found.total[:, None] * water.density_g_cm3 * (distance_mm - radius_mm) / MM_PER_CM
    spread = 4 * np.pi * (distance_mm / MM_PER_CM) ** 2
    return np.asarray((energy_kev * found.transfer)[:, None] * np.exp(-depth) / spread * GY_PER_KEV_PER_G)


def _line(spectrum: Spectrum, energy_kev: float) -> Spectrum:
    edges = np.array([energy_kev - 0.05, energy_kev + 0.05])
    return replace(spectrum, edges_kev=edges, photons_per_bin=np.ones(1))


def _in_water(applicator: Applicator, spectrum: Spectrum, reach_mm: float, sampling: Sampling) -> tuple[Run, Grid]:
    """Return a run with every voxel water, the isocentre at the origin, the tip along z."""
    grid = Grid.around(
        np.zeros(3), half_extent_mm=reach_mm + 2 * _SHELL_MM, spacing_mm=_SPACING_MM, frame_of_reference="water"
    )
    dwell = DwellPosition(np.zeros(3), np.array([0.0, 0.0, 1.0]), time_s=0.0)
    return run_in(all_water(grid), dwell, applicator, spectrum, sampling=sampling), grid


def _total_over_primary(
    applicator: Applicator, line: Spectrum, distance_mm: FloatArray, sampling: Sampling
) -> FloatArray:
    run, grid = _in_water(applicator, line, float(distance_mm.max()), sampling)
    part = without_margin(grid)
    total, primary = kerma(further(run, _BATCHES), part)[0][..., 1], run.primary[part][..., 1]
    shells = _shells(grid, applicator, distance_mm)
    return np.array([total[shell].sum() / max(float(primary[shell].sum()), 1e-300) for shell in shells])


def _shells(grid: Grid, applicator: Applicator, distance_mm: FloatArray) -> list[NDArray[np.bool_]]:
    """Return the voxels about each distance, within 30 degrees of the equator and off the applicator's surface."""
    distance, height = _places(grid)
    usable = (np.abs(height) < EQUATOR_COSINE * distance) & (distance > applicator.radius_mm + _SPACING_MM)
    return [usable & (np.abs(distance - place) < _SHELL_MM) for place in distance_mm]


def _at(dose: FloatArray, shell: NDArray[np.bool_], grid: Grid, distance_mm: float) -> float:
    """Return the dose at a distance: of a shell, over the voxels' means of an inverse cube, its logarithm is fitted."""
    distance = _places(grid)[0][shell]
    over_cube = dose[shell] * distance**3 / over_middle(_SPACING_MM, distance)
    curve = np.polynomial.Polynomial.fit(np.log(distance), np.log(over_cube), 1)
    return float(np.exp(curve(np.log(distance_mm))) / distance_mm**3)


def _places(grid: Grid) -> tuple[FloatArray, FloatArray]:
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return np.linalg.norm(points, axis=-1), np.asarray(points[..., 2])
