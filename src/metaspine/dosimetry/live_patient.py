r"""What the live engine prepares once for a patient: tissues packed for transport, a few energies, water's scatter.

Everything that does not depend on where the needle is happens here, so that a moved needle costs only its photons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.dosimetry.absolute import AbsoluteRate, absolute_rate
from metaspine.dosimetry.reference_run import further, kerma, spectrum_of, started
from metaspine.dosimetry.reference_tissues import METAL_FROM_G_CM3, Tissues, all_water
from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.photon_data import photon_tables
from metaspine.physics.spectral_nodes import Path, spectral_nodes
from metaspine.physics.spectrum import Spectrum
from metaspine.running import Progress, silent
from metaspine.transport.medium import TOTAL, TRANSFER, Medium, medium
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import Nodes
from metaspine.transport.scatter import Sampling
from metaspine.transport.source import importance

LIVE_MM = 50.0
"""The live dose reaches this far from the isocentre."""
NODES = 8
TYPICAL_KEV = 25.0
"""About the mean energy of scattered photons; it only says what is told apart when noise is smoothed."""
COMPACT_FROM_PER_MM = 0.2
"""Where tissue attenuates photons of TYPICAL_KEV more than this, noise is not smoothed across its border."""
NEAR_METAL_MM = 3.0
"""DOS-33."""
SOFT, COMPACT, STILL, INTERIOR = range(4)
"""Kinds of voxels for the smoothing: it stays within SOFT and within COMPACT, and leaves the others as they are."""
_STEP = "live dose"
_WATER_ROUNDS, _WATER_RAYS = 2, 15_000
_FIRST_SHELL_MM = 3.0
LONGEST_WATER, LONGEST_BONE, LONGEST_METAL = 60.0, 40.0, 9.0
"""In mm times g/cm3: what stands between the needle and the places whose dose is asked for."""
_MOST_METALS = 2


@dataclass(frozen=True, eq=False)
class WaterScatter:
    """Scattered over primary kerma in water by distance, for one applicator."""

    distance_mm: FloatArray
    ratio: FloatArray
    primary_gy_mm2: FloatArray
    """Primary kerma to water in water at those distances, per photon, times 4 pi r^2."""


@dataclass(frozen=True, eq=False)
class LivePatient:
    """A patient ready for the needle."""

    grid: Grid
    """The region: tissues are known in it, and the needle may move in it."""
    medium: Medium
    kinds: NDArray[np.uint8]
    """(nx, ny, nz): SOFT, COMPACT, or STILL where metal is near."""
    metal: NDArray[np.bool_]
    ratio: NDArray[np.float32]
    """(material,) energy transfer at TYPICAL_KEV over water's."""
    spectrum: Spectrum
    importance: FloatArray
    nodes: Nodes
    water: WaterScatter
    applicator: Applicator
    output: Output
    rate: AbsoluteRate
    scan_sha256: str
    notes: tuple[str, ...]


def prepared(
    tissues: Tissues | None,
    applicator: Applicator,
    output: Output,
    *,
    scan_sha256: str,
    rate: AbsoluteRate | None = None,
    water: WaterScatter | None = None,
    progress: Progress = silent,
) -> LivePatient:
    """Return a patient ready for the live engine; it takes seconds and is done once.

    Parameters
    ----------
    tissues
        On a grid that holds every position of the needle with 50 mm around it and the margin from which photons
        scatter back, in voxels of about 1 mm.
    applicator, output
        The device and the dose rate that it is timed with.
    scan_sha256
        What the tissues were read from.
    rate, water
        Where they are known already for this applicator and output; None: they are computed.
    progress
        May raise Cancelled.

    Raises
    ------
    InputError
        When there are no tissues.
    DeviceFileError
        When the applicator's file names no spectrum.
    """
    if tissues is None:
        raise InputError(
            "there are no tissues",
            where="live engine",
            remedy="Give tissues_around(scan, grid) of the region that the needle may move in",
        )
    spectrum = spectrum_of(applicator)
    progress(_STEP, 0.0)
    tables, grid = photon_tables(tissues.materials), tissues.density.grid
    voxels = medium(tissues.material.values, tissues.density.values, grid.spacing_mm, tables=tables, water=0)
    paths = _longest_paths(tissues)
    nodes = spectral_nodes(spectrum.edges_kev, spectrum.photons_per_bin, tables, longest_paths=paths, count=NODES)
    progress(_STEP, 0.2)
    in_water = water_scatter(applicator) if water is None else water
    progress(_STEP, 0.5)
    known = absolute_rate(applicator, output, progress=progress) if rate is None else rate
    at = _row(voxels, TYPICAL_KEV)
    return LivePatient(
        grid=grid,
        medium=voxels,
        kinds=_kinds(tissues, voxels, at),
        metal=tissues.metal,
        ratio=np.asarray(voxels.coefficients[:, at, TRANSFER] / voxels.coefficients[0, at, TRANSFER]),
        spectrum=spectrum,
        importance=importance(spectrum.edges_kev, voxels),
        nodes=nodes,
        water=in_water,
        applicator=applicator,
        output=output,
        rate=known,
        scan_sha256=scan_sha256,
        notes=(*tissues.notes, *_not_live(applicator)),
    )


def water_scatter(applicator: Applicator, *, reach_mm: float = LIVE_MM, spacing_mm: float = 1.0) -> WaterScatter:
    """Return water's ratio of scattered to primary kerma from 3 mm on, by a run of the engine with every voxel water.

    Kerma of all voxels of a shell goes together, so that a run of a second is exact to some tenths of a percent.

    Raises
    ------
    DeviceFileError
        When the applicator's file names no spectrum.
    """
    dwell = DwellPosition(np.zeros(3), np.array([0.0, 0.0, 1.0]), time_s=0.0)
    grid = Grid.around(np.zeros(3), half_extent_mm=reach_mm, spacing_mm=spacing_mm, frame_of_reference="water")
    tissues = all_water(grid)
    run = started(tissues, dwell, applicator, sampling=Sampling(rays_per_batch=_WATER_RAYS))
    run = further(run, _WATER_ROUNDS)
    total = kerma(run, (slice(None),) * 3)[0][..., 1]
    where = run.medium.shape
    points = tissues.density.grid.point_mm(np.moveaxis(np.indices(where), 0, -1))
    distance = np.linalg.norm(points, axis=-1)
    shell = np.rint(distance / spacing_mm).astype(int).ravel()
    sums = np.bincount(shell, total.ravel()), np.bincount(shell, run.primary[..., 1].ravel())
    use = np.arange(int(np.ceil(_FIRST_SHELL_MM / spacing_mm)), int(reach_mm / spacing_mm) + 1)
    at_mm = np.bincount(shell, distance.ravel())[use] / np.bincount(shell)[use]
    beam = _primary_in_water(run.medium, spectrum_of(applicator), at_mm)
    return WaterScatter(at_mm, np.asarray(sums[0][use] / sums[1][use] - 1), beam)


def _primary_in_water(voxels: Medium, spectrum: Spectrum, distance_mm: FloatArray) -> FloatArray:
    rows = np.rint((spectrum.energies_kev - voxels.energy_start_kev) / voxels.energy_step_kev).astype(int)
    water = voxels.coefficients[voxels.water, rows].astype(np.float64)
    photons = spectrum.photons_per_bin / spectrum.photons_per_bin.sum()
    emitted = photons * spectrum.energies_kev * water[:, TRANSFER] * GRAY_PER_KEV_PER_MM3
    return np.asarray(np.exp(-np.outer(distance_mm, water[:, TOTAL])) @ emitted)


def _row(voxels: Medium, energy_kev: float) -> int:
    return round((energy_kev - voxels.energy_start_kev) / voxels.energy_step_kev)


def _kinds(tissues: Tissues, voxels: Medium, at: int) -> NDArray[np.uint8]:
    attenuation = (voxels.coefficients[:, at, TOTAL])[tissues.material.values] * tissues.density.values
    kinds = np.where(attenuation > COMPACT_FROM_PER_MM, COMPACT, SOFT).astype(np.uint8)
    metal = tissues.metal
    if metal.any():
        away = ndimage.distance_transform_edt(~metal, sampling=tissues.density.grid.spacing_mm)
        kinds[away <= NEAR_METAL_MM] = STILL
    return kinds


def _longest_paths(tissues: Tissues) -> list[Path]:
    """Return the paths that the few energies must stand for: water, the densest bone, and the metals that are there."""
    present = np.unique(tissues.material.values)
    densities = ndimage.maximum(tissues.density.values, tissues.material.values, present)
    densest = dict(zip(present.tolist(), np.asarray(densities).tolist(), strict=True))
    metals = [number for number, density in densest.items() if density > METAL_FROM_G_CM3]
    bone = sorted((number for number in densest if number not in (0, *metals)), key=densest.__getitem__)[-1:]
    return [
        (0, LONGEST_WATER),
        *((number, LONGEST_BONE) for number in bone),
        *((number, LONGEST_METAL) for number in metals[:_MOST_METALS]),
    ]


def _not_live(applicator: Applicator) -> tuple[str, ...]:
    """Return what the reference engine computes of an applicator and the live engine does not."""
    names = " and ".join(tube.name for tube in applicator.metal)
    if not names:
        return ()
    return (f"The live dose has no shadow of the {names} (PHY-27): behind the tip the reference engine decides",)
