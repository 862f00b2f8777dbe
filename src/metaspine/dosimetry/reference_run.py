"""One source position under way: its computed primary, and the scatter that Monte Carlo has gathered so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.reference_tissues import Tissues, density_around_applicator
from metaspine.errors import DeviceFileError, InputError
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator
from metaspine.physics.photon_data import photon_tables
from metaspine.physics.spectrum import Spectrum, filtered, read_spectrum
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import Nodes, primary_kerma
from metaspine.transport.scatter import Sampling, Tally, continued, empty_tally, estimate
from metaspine.transport.source import Source, check_inside, point_source

NODE_KEV = 1.0
"""Bins of the spectrum are gathered to nodes this wide for the primary."""
SHADOW_LEFT = 0.98
"""Where metal alone leaves less than this of a beam of SHADOW_KEV, its shadow begins."""
SHADOW_KEV = 30.0
Part = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Run:
    """A source at rest in its surroundings; more batches make a new one."""

    medium: Medium
    source: Source
    sampling: Sampling
    primary: NDArray[np.float32]
    """(nx, ny, nz, 2) Gy per photon that leaves the applicator: to the medium, to water."""
    tally: Tally


def started(tissues: Tissues, dwell: DwellPosition, applicator: Applicator, *, sampling: Sampling) -> Run:
    """Return a source position with its primary and no scatter yet.

    Raises
    ------
    DeviceFileError
        When the applicator's file names no spectrum.
    InputError
        When the source lies outside the grid or in metal, its spectrum reaches beyond the cross sections, or a voxel
        has no material or no density.
    """
    spectrum = spectrum_of(applicator)
    grid = tissues.density.grid
    density = density_around_applicator(tissues, dwell, applicator)
    tables = photon_tables(tissues.materials)
    place = (grid.index(dwell.isocentre_mm) + 0.5) * grid.spacing_mm
    try:
        voxels = medium(tissues.material.values, density, grid.spacing_mm, tables=tables, water=0)
        source = point_source(place, spectrum.edges_kev, spectrum.photons_per_bin)
        check_inside(source.point_mm, source.edges_kev, voxels)
    except ValueError as error:
        raise InputError(
            str(error), where="reference engine", remedy="Give tissues and a spectrum that the cross sections cover"
        ) from error
    farthest = float(np.linalg.norm(grid.spacing_mm * grid.shape))
    primary = primary_kerma(source, nodes_of(spectrum), voxels, radius_mm=farthest)
    return Run(voxels, source, sampling, primary, empty_tally(voxels))


def further(run: Run, batches: int) -> Run:
    """Return the run after some more batches."""
    more = continued(run.tally, batches, sampling=run.sampling, source=run.source, medium=run.medium)
    return replace(run, tally=more)


def kerma(run: Run, part: Part) -> tuple[FloatArray, FloatArray]:
    """Return kerma and its standard error (..., medium or water) in Gy per photon, in a part of the grid."""
    scatter = estimate(run.tally, run.sampling, run.medium)
    return scatter.kerma_gy[part] + run.primary[part], scatter.standard_error_gy[part]


def metal_shadow(tissues: Tissues, dwell: DwellPosition) -> NDArray[np.bool_]:
    """Return the voxels of the transport grid that are metal, or that metal hides from a source."""
    metal, grid = tissues.metal, tissues.density.grid
    if not metal.any():
        return metal
    tables = photon_tables(tissues.materials)
    place = (grid.index(dwell.isocentre_mm) + 0.5) * grid.spacing_mm
    source = point_source(place, [SHADOW_KEV - 1, SHADOW_KEV + 1], [1.0])
    beam = Nodes(np.array([SHADOW_KEV]), np.array([1.0]))
    farthest = float(np.linalg.norm(grid.spacing_mm * grid.shape))
    behind, empty = (
        primary_kerma(
            source,
            beam,
            medium(tissues.material.values, density, grid.spacing_mm, tables=tables, water=0),
            radius_mm=farthest,
            averaging_radius_mm=0.0,
        )[..., 1]
        for density in (np.where(metal, tissues.density.values, 0.0), np.zeros(grid.shape))
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
    """Return the spectrum's bins gathered to nodes of 1 keV, each at its photons' mean energy, per emitted photon."""
    place = np.floor(spectrum.energies_kev / NODE_KEV).astype(int)
    photons = np.bincount(place, weights=spectrum.photons_per_bin)
    energy = np.bincount(place, weights=spectrum.photons_per_bin * spectrum.energies_kev)
    kept = photons > 0
    return Nodes(energy[kept] / photons[kept], photons[kept] / photons.sum())
