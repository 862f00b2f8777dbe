r"""The water engine: the applicator's depth dose around each dwell position, as if all were water.

This is what the device's console knows and what all published experience was prescribed in.

.. math:: D(p) = \sum_k t_k \, \dot D(|p - c_k|)

with the isocentres c_k, the dwell times t_k and the table's dose rate, the same in all directions (PHY-14). The dose is
that at a voxel's centre, not its average over the voxel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import ArrayLike

from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.interior import inside, positions, shape_mm
from metaspine.errors import DeviceFileError
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, DoseConvention, Output
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE, log_table
from metaspine.physics.interpolation import interpolate
from metaspine.physics.uncertainty import EXPONENT_UNCERTAINTY
from metaspine.running import Progress
from metaspine.version import __version__


def dose_at_points(
    points_mm: ArrayLike, *, dwells: Sequence[DwellPosition], applicator: Applicator, output: Output
) -> FloatArray:
    """Return the water dose in Gy at LPS points (..., 3); NaN inside the applicator.

    Raises
    ------
    DeviceFileError
        When there is no dwell position, a time is negative or a direction has no length.
    """
    points = np.asarray(points_mm, dtype=np.float64)
    dose, _ = _dose_and_uncertainty(points.reshape(-1, 3), dwells, applicator, output)
    return dose.reshape(points.shape[:-1])


def water_dose(irradiation: Irradiation, *, progress: Progress) -> Dose:
    """Return the dose in water of an irradiation (a :class:`metaspine.dosimetry.engine.DoseEngine`)."""
    grid, output = irradiation.grid, irradiation.output
    dose = np.empty(grid.shape, dtype=np.float32)
    uncertainty = np.empty(grid.shape, dtype=np.float32)
    columns, rows, slices = grid.shape
    plane = np.moveaxis(np.indices((columns, rows, 1)), 0, -1).reshape(-1, 3).astype(np.float64)
    for k in range(slices):
        progress("dose in water", k / slices)
        plane[:, 2] = k
        values = _dose_and_uncertainty(grid.point_mm(plane), irradiation.dwells, irradiation.applicator, output)
        dose[:, :, k], uncertainty[:, :, k] = (value.reshape(columns, rows) for value in values)
    progress("dose in water", 1.0)
    return Dose(
        volume=Volume(dose, grid),
        relative_uncertainty=Volume(uncertainty, grid),
        medium="water",
        convention=DoseConvention.CONSOLE,
        provenance=DoseProvenance(
            engine="water",
            engine_version=__version__,
            applicator=irradiation.applicator.name,
            output=output.description,
            calibrated=output.calibrated,
            scan_sha256=irradiation.scan_sha256,
        ),
        notes=_notes(irradiation),
    )


def _notes(irradiation: Irradiation) -> tuple[str, ...]:
    nearest, farthest = irradiation.output.depth_dose.valid_mm
    half_width = irradiation.output.depth_dose.direction_relative_uncertainty * np.sqrt(3)
    return (
        "Computed as if all were water: behind intact bone the dose is overstated, two- to threefold behind 2 mm of "
        "compact bone (PHY-25); through a lytic lesion and a breached wall it is near.",
        "The same dose rate is taken in all directions; the needle's polar anisotropy is not published and stands in "
        f"the uncertainty as {half_width:.0%} either side (PHY-14).",
        f"The depth dose is valid from {nearest:g} to {farthest:g} mm from the isocentre; nearer and farther the dose "
        "is extrapolated (PHY-17).",
        "The uncertainty is that of a source in place; the position of the tip is added where limits are checked "
        "(PHY-22).",
    )


def _dose_and_uncertainty(
    points_mm: FloatArray, dwells: Sequence[DwellPosition], applicator: Applicator, output: Output
) -> tuple[FloatArray, FloatArray]:
    """Return dose (Gy) and its relative standard deviation at points (n, 3); both NaN inside the applicator."""
    table = output.depth_dose
    log_distance, log_rate = log_table(table)
    isocentres, directions = positions(dwells)
    minutes = np.array([_time_s(dwell) / SECONDS_PER_MINUTE for dwell in dwells])
    if not dwells:
        raise DeviceFileError("there is no dwell position", where="water engine", remedy="Give at least one")
    dose, excess = _kernel(
        np.ascontiguousarray(points_mm),
        (isocentres, directions, minutes),
        shape_mm(applicator),
        (log_distance, log_rate, np.log(np.array(table.valid_mm))),
    )
    common = table.relative_uncertainty**2 + table.direction_relative_uncertainty**2
    return dose, np.sqrt(common + (EXPONENT_UNCERTAINTY * excess) ** 2)


def _time_s(dwell: DwellPosition) -> float:
    if not dwell.time_s >= 0:
        raise DeviceFileError(f"a dwell time of {dwell.time_s} s", where="water engine", remedy="Give 0 s or more")
    return dwell.time_s


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _kernel(
    points_mm: FloatArray,
    source: tuple[FloatArray, FloatArray, FloatArray],
    shape_mm: FloatArray,
    table: tuple[FloatArray, FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Return dose (Gy) and the dose-weighted logarithm of the distance beyond the table's valid range."""
    isocentres, directions, minutes = source
    log_distance, log_rate, log_valid = table
    dose = np.zeros(points_mm.shape[0])
    excess = np.zeros(points_mm.shape[0])
    for index in range(points_mm.shape[0]):
        for dwell in range(isocentres.shape[0]):
            offset = points_mm[index] - isocentres[dwell]
            if inside(offset, directions[dwell], shape_mm):
                dose[index] = np.nan
                break
            x = 0.5 * np.log(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
            part = minutes[dwell] * np.exp(interpolate(x, log_distance, log_rate))
            beyond = max(log_valid[0] - x, x - log_valid[1], 0.0)
            dose[index] += part
            excess[index] += part * beyond
        if dose[index] != 0.0:
            excess[index] /= dose[index]
    return dose, excess
