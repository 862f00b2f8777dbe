"""The applicator's effective filtration: the one thickness that gives the engine a measured depth dose's shape.

The wall of a needle is not published, and one number stands for it: millimetres of aluminium. Where a user has measured
his depth dose in water, that number can be found from its shape. Nothing is done unless it is asked for, and nothing
is changed but this one filter; what is left between engine and table is told, and more than 3 % is refused (DOS-08).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from metaspine.dosimetry.absolute import reference_distance_mm
from metaspine.dosimetry.water_depth_dose import WaterResponse, water_response
from metaspine.errors import DeviceFileError
from metaspine.geometry.grid import FloatArray
from metaspine.physics.applicators import Applicator, Filter, Output
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.materials import material
from metaspine.physics.photon_data import coefficients
from metaspine.physics.spectrum import MM_PER_CM, filtered, read_spectrum
from metaspine.running import Progress, silent

LARGEST_DEVIATION = 0.03
"""Between engine and table, set equal at the reference distance (DOS-06, DOS-08)."""
BOUNDS_MM = (0.0, 2.0)
"""Of aluminium; DOS-08."""
STEP_MM = 0.005
FEWEST_DISTANCES = 4
FARTHEST_MM = 40.0
_WHERE = "effective filtration"
_MATERIAL = "aluminium"


@dataclass(frozen=True, eq=False)
class Filtration:
    """The thickness that fits best, and how well."""

    thickness_mm: float
    """Of aluminium, in place of the filters that stand for the applicator's wall."""
    range_mm: tuple[float, float] | None
    """The thicknesses that keep to 3 %; None where none does."""
    distance_mm: FloatArray
    """(distance,) from the isocentre: the table's own, and the reference distance."""
    deviation: FloatArray
    """(distance,) engine over table, less one; 0 at the reference distance."""
    applicator: Applicator
    """The applicator with this filtration; its filter says where it comes from."""

    @property
    def largest_deviation(self) -> float:
        """The largest absolute deviation."""
        return float(np.abs(self.deviation).max())

    @property
    def accepted(self) -> bool:
        """Whether engine and table agree within 3 % at every distance."""
        return self.largest_deviation <= LARGEST_DEVIATION

    @property
    def sentence(self) -> str:
        """The result in words."""
        within = (
            f"{self.range_mm[0]:g} to {self.range_mm[1]:g} mm keep to {LARGEST_DEVIATION:.0%}"
            if self.range_mm
            else f"no thickness keeps to {LARGEST_DEVIATION:.0%}"
        )
        worst = int(np.abs(self.deviation).argmax())
        return (
            f"effective filtration of {self.thickness_mm:.3g} mm {_MATERIAL}: engine and table differ by at most "
            f"{self.largest_deviation:.1%}, {self.distance_mm[worst]:.1f} mm from the isocentre; {within}"
        )


def effective_filtration(
    applicator: Applicator,
    output: Output,
    *,
    bounds_mm: tuple[float, float] = BOUNDS_MM,
    progress: Progress = silent,
) -> Filtration:
    """Return the filtration with which the engine has the shape of an output's depth dose in water.

    Parameters
    ----------
    applicator
        Its filters that stand for its wall are replaced; the others stay.
    output
        A user's calibration; the nominal output is a law, not a measurement, and is fitted only to see what it yields.
    bounds_mm
        Of aluminium, from where to where it is searched.
    progress
        May raise Cancelled.

    Raises
    ------
    DeviceFileError
        When no filtration in the bounds reproduces the table within 3 %, or the table has too few distances.
    """
    found = best_filtration(applicator, output, bounds_mm=bounds_mm, progress=progress)
    if not found.accepted:
        raise DeviceFileError(
            f"no filtration from {bounds_mm[0]:g} to {bounds_mm[1]:g} mm of {_MATERIAL} gives the engine this depth "
            f"dose within {LARGEST_DEVIATION:.0%} (DOS-08); nearest: {found.sentence}",
            where=output.source_path or output.description,
            remedy="Check distances, their origin and the dose definition of the table; or keep the applicator's own "
            "filters and read the independent check's deviation",
        )
    return found


def best_filtration(
    applicator: Applicator,
    output: Output,
    *,
    bounds_mm: tuple[float, float] = BOUNDS_MM,
    response: WaterResponse | None = None,
    progress: Progress = silent,
) -> Filtration:
    """Return the filtration that comes nearest, however near that is; ``response`` spares the engine's runs.

    The largest deviation over the table's distances is made as small as can be, engine and table being equal at the
    reference distance, as the absolute dose rate makes them (DOS-01).

    Raises
    ------
    DeviceFileError
        When the table has too few distances outside the applicator, or the bounds are not usable.
    """
    _refuse_bounds(bounds_mm)
    distance = _distances(applicator, output)
    known = water_response(applicator, distance, progress=progress) if response is None else response
    thickness = np.arange(bounds_mm[0], bounds_mm[1] + STEP_MM / 2, STEP_MM)
    table = dose_rate_gy_per_min(output.depth_dose, distance)
    ratio = known.gy_per_photon.T @ _behind(applicator, thickness) / table[:, None]
    reference = int(np.argmin(np.abs(distance - reference_distance_mm(output))))
    deviations = (ratio / ratio[reference] - 1).T
    largest = np.abs(deviations).max(axis=1)
    best = int(largest.argmin())
    kept = thickness[largest <= LARGEST_DEVIATION]
    found = Filtration(
        thickness_mm=round(float(thickness[best]), 4),
        range_mm=(round(float(kept[0]), 4), round(float(kept[-1]), 4)) if kept.size else None,
        distance_mm=distance,
        deviation=deviations[best],
        applicator=applicator,
    )
    return replace(found, applicator=_with_filter(applicator, found, output))


def _refuse_bounds(bounds_mm: tuple[float, float]) -> None:
    if not 0 <= bounds_mm[0] < bounds_mm[1] <= 10:
        raise DeviceFileError(
            f"bounds from {bounds_mm[0]:g} to {bounds_mm[1]:g} mm", where=_WHERE, remedy="Give 0 <= from < to <= 10 mm"
        )


def _distances(applicator: Applicator, output: Output) -> FloatArray:
    """Return the table's distances that the engine can be asked at, and the reference distance."""
    table = output.depth_dose.distance_from_isocentre_mm
    usable = table[(table >= applicator.radius_mm + 2.0) & (table <= FARTHEST_MM)]
    if usable.size < FEWEST_DISTANCES:
        raise DeviceFileError(
            f"{usable.size} distances of the table lie between {applicator.radius_mm + 2:g} and {FARTHEST_MM:g} mm "
            "from the isocentre",
            where=output.source_path or output.description,
            remedy=f"Measure the depth dose at {FEWEST_DISTANCES} distances or more there",
        )
    return np.unique(np.append(usable, reference_distance_mm(output)))


def _behind(applicator: Applicator, thickness_mm: FloatArray) -> FloatArray:
    """Return the photons (bin, thickness) behind the filters that stay and some thicknesses of aluminium."""
    kept = [each for each in applicator.filters if not each.stands_for_wall]
    spectrum, wall = filtered(read_spectrum(applicator.spectrum), kept), material(_MATERIAL)
    per_mm = coefficients(wall, spectrum.energies_kev).total * wall.density_g_cm3 / MM_PER_CM
    return np.asarray(spectrum.photons_per_bin[:, None] * np.exp(-np.outer(per_mm, thickness_mm)))


def _with_filter(applicator: Applicator, found: Filtration, output: Output) -> Applicator:
    wall = Filter(
        _MATERIAL,
        found.thickness_mm,
        "DOS-08",
        f"{found.sentence}; fitted to {output.description}",
        stands_for_wall=True,
    )
    return replace(applicator, filters=(*(each for each in applicator.filters if not each.stands_for_wall), wall))
