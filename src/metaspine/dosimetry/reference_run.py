"""One source position under way: its computed primary, and the scatter that Monte Carlo has gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.dosimetry.around_applicator import around_applicator, metal_of_applicator
from metaspine.dosimetry.reference_tissues import Tissues
from metaspine.errors import DeviceFileError, InputError
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator
from metaspine.physics.photon_data import photon_tables
from metaspine.physics.spectrum import Spectrum, filtered, read_spectrum
from metaspine.transport.devices import Device, continued_on
from metaspine.transport.extended_source import extended_primary_kerma
from metaspine.transport.medium import WHOLE, Medium, Part, medium
from metaspine.transport.primary import Nodes, primary_kerma
from metaspine.transport.scatter import Sampling, Tally, empty_tally, estimate
from metaspine.transport.source import ISOTROPIC, Source, check_inside, point_source

NODE_KEV = 1.0
"""Bins of the spectrum are gathered to nodes this wide for the primary."""
SHADOW_LEFT = 0.98
"""Where metal alone leaves less than this of a beam of SHADOW_KEV, its shadow begins."""
SHADOW_KEV = 30.0
FEWEST_PHOTONS = 1e-9
EMISSION_MM = 10.0
"""From the isocentre, where F(r, theta) is taken as the emission (DOS-09)."""


@dataclass(frozen=True, eq=False)
class Run:
    """A source at rest in its surroundings; more batches make a new one."""

    medium: Medium
    source: Source
    sampling: Sampling
    primary: NDArray[np.float32]
    """(nx, ny, nz, 2) Gy per photon that leaves the applicator, where it was asked for: to the medium, to water."""
    tally: Tally
    device: Device = Device.CPU
    """What follows the photons; the same kind of device gives the same bits."""


def started(
    tissues: Tissues,
    dwell: DwellPosition,
    applicator: Applicator,
    *,
    sampling: Sampling,
    device: Device = Device.CPU,
    part: Part = WHOLE,
) -> Run:
    """Return a source position with its primary, in a part of the transport grid, and no scatter yet.

    Raises
    ------
    DeviceFileError
        When the applicator's file names no spectrum.
    InputError
        When the source lies outside the grid or in metal, its spectrum reaches beyond the cross sections, or a voxel
        has no material or no density.
    """
    run = run_in(tissues, dwell, applicator, spectrum_of(applicator), sampling=sampling, part=part)
    return replace(run, device=device)


def run_in(
    tissues: Tissues,
    dwell: DwellPosition,
    applicator: Applicator,
    spectrum: Spectrum,
    *,
    sampling: Sampling,
    part: Part = WHOLE,
) -> Run:
    """Return a source position, as :func:`started`, with photons of a given spectrum."""
    grid = tissues.density.grid
    there = around_applicator(tissues, dwell, applicator)
    tables = photon_tables(there.materials)
    try:
        voxels = medium(there.material.values, there.density.values, grid.spacing_mm, tables=tables, water=0)
        source = source_of(applicator, spectrum, dwell, grid)
        check_inside(source.point_mm, source.edges_kev, voxels)
    except ValueError as error:
        raise InputError(
            str(error), where="reference engine", remedy="Give tissues and a spectrum that the cross sections cover"
        ) from error
    farthest = float(np.linalg.norm(grid.spacing_mm * grid.shape))
    primary = extended_primary_kerma(source, nodes_of(spectrum), voxels, radius_mm=farthest, part=part)
    return Run(voxels, source, sampling, primary, empty_tally(voxels))


def source_of(
    applicator: Applicator,
    spectrum: Spectrum,
    dwell: DwellPosition,
    grid: Grid,
    *,
    importance: ArrayLike | None = None,
) -> Source:
    """Return the source of an applicator at rest in a transport grid: its points, its spectrum, its anisotropy."""
    offsets, shares = applicator.emission.points()
    anisotropy = applicator.emission.anisotropy
    axis = np.asarray(dwell.direction) / np.linalg.norm(dwell.direction)
    across = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    across /= np.linalg.norm(across)
    frame = np.array([across, np.cross(axis, across), axis]) @ grid.directions
    return point_source(
        (grid.index(dwell.isocentre_mm) + 0.5) * grid.spacing_mm,
        spectrum.edges_kev,
        spectrum.photons_per_bin,
        importance=importance,
        axis=frame[2],
        anisotropy=ISOTROPIC if anisotropy.isotropic else anisotropy.emission(distance_mm=EMISSION_MM),
        offsets_mm=offsets @ frame,
        shares=shares,
    )


def further(run: Run, batches: int) -> Run:
    """Return the run after some more batches."""
    more = continued_on(run.device, run.tally, batches, sampling=run.sampling, source=run.source, medium=run.medium)
    return replace(run, tally=more)


def kerma(run: Run, part: Part) -> tuple[FloatArray, FloatArray]:
    """Return kerma and its standard error (..., medium or water) in Gy per photon, in a part of the grid."""
    scatter = estimate(run.tally, run.sampling, run.medium, part)
    return scatter.kerma_gy + run.primary[part], scatter.standard_error_gy


def metal_shadow(tissues: Tissues, dwell: DwellPosition, applicator: Applicator) -> NDArray[np.bool_]:
    """Return the voxels of the transport grid that are metal, or that metal hides from a source."""
    grid = tissues.density.grid
    metal = np.asarray(tissues.metal | metal_of_applicator(grid, dwell, applicator))
    if not metal.any():
        return metal
    there = around_applicator(tissues, dwell, applicator)
    tables = photon_tables(there.materials)
    place = (grid.index(dwell.isocentre_mm) + 0.5) * grid.spacing_mm
    source = point_source(place, [SHADOW_KEV - 1, SHADOW_KEV + 1], [1.0])
    beam = Nodes(np.array([SHADOW_KEV]), np.array([1.0]))
    farthest = float(np.linalg.norm(grid.spacing_mm * grid.shape))
    behind, empty = (
        primary_kerma(
            source,
            beam,
            medium(there.material.values, density, grid.spacing_mm, tables=tables, water=0),
            radius_mm=farthest,
            averaging_radius_mm=0.0,
        )[..., 1]
        for density in (np.where(metal, there.density.values, 0.0), np.zeros(grid.shape))
    )
    return np.asarray(metal | (behind < SHADOW_LEFT * empty))


def spectrum_of(applicator: Applicator) -> Spectrum:
    """Return the spectrum of the photons that leave an applicator.

    Raises
    ------
    DeviceFileError
        When the applicator's file names no spectrum.
    """
    if not applicator.spectrum:
        raise DeviceFileError(
            "the applicator's file names no spectrum",
            where=applicator.name,
            remedy="Name the source's spectrum there; Monte Carlo cannot be run without one",
        )
    return filtered(read_spectrum(applicator.spectrum), applicator.filters)


def nodes_of(spectrum: Spectrum) -> Nodes:
    """Return the spectrum's bins gathered to nodes of 1 keV, each at its photons' mean energy, per emitted photon.

    Nodes with less than a thousand millionth of the photons are left out: the softest, which the filters have taken.
    """
    place = np.floor(spectrum.energies_kev / NODE_KEV).astype(int)
    photons = np.bincount(place, weights=spectrum.photons_per_bin)
    energy = np.bincount(place, weights=spectrum.photons_per_bin * spectrum.energies_kev)
    kept = photons > FEWEST_PHOTONS * photons.sum()
    return Nodes(energy[kept] / photons[kept], photons[kept] / photons.sum())
