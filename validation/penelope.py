"""Bone, plastics, titanium and a voxel vertebra: the engine's kerma against PENELOPE's in the same voxels."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.reference_run import nodes_of
from metaspine.physics.materials import Material
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.medium import Medium, medium
from metaspine.transport.photons import GRAY_PER_KEV_PER_MM3
from metaspine.transport.primary import primary_kerma
from metaspine.transport.scatter import Sampling, continued, empty_tally
from metaspine.transport.source import Source, importance, point_source
from metaspine.transport.tables import PhotonTables
from validation.chapter import Chapter, Table, verdict
from validation.penelope_cases import SIDE, Case, cases, needle_spectrum

FloatArray = NDArray[np.float64]

PEER = Path(__file__).parent / "data" / "penelope"
SAMPLING = Sampling(rays_per_batch=30_000)
RUNS = 8
OWN_TOLERANCE, MATCHED_TOLERANCE = 0.05, 0.02
FINER = 2
_TEXT = """
A point that emits the generic spectrum behind the needle's filters, in the middle of a cube of 80 mm on voxels of 1 mm
(the vertebra is drawn on 2 mm). PENELOPE-2018 through pyPenred 1.15.2 flew 20 million photons in the same voxels and
scored kerma by track length (validation/penelope_peer.py; its results are in validation/data/penelope). Compared is
the mean kerma to the medium of each region, distances counted along the axes for the box shells; 5 % and two standard
errors are allowed with our own cross sections, 2 % and two standard errors with PENELOPE's coherent, incoherent and
photoelectric coefficients put in their place. What is left then is the transport, the angular distributions and the
voxels. The last column is ours with PENELOPE's coefficients and the primary in voxels of half a millimetre: where it
differs from the one before, the mean of a voxel of bone or metal is what falls short. The millimetre before titanium
lacks titanium's K lines (4.5 keV), which are not followed. The first table, all water, shows the libraries alone.
"""


class Row(NamedTuple):
    """What PENELOPE found in a region, in Gy per photon."""

    kerma_gy: float
    error_gy: float


class Means(NamedTuple):
    """Our mean kerma of the regions with its standard error, in Gy per photon."""

    kerma_gy: FloatArray
    error_gy: FloatArray
    finer_gy: FloatArray
    """The same with the primary in finer voxels."""


def chapter(data: Path | None) -> Chapter:
    """Return the comparison with the stored results of PENELOPE; it needs no data."""
    del data
    peer = _peer()
    tables = tuple(_compared(case, peer) for case in cases())
    return Chapter("Bone, plastics, metal and a vertebra against PENELOPE", _TEXT, tables)


def _peer() -> dict[tuple[str, str, str], Row]:
    """Return PENELOPE's results by case, its mark and region."""
    with (PEER / "regions.csv").open(encoding="utf-8") as file:
        return {
            (row["case"], row["mark"], row["region"]): Row(float(row["kerma_gy"]), float(row["error_gy"]))
            for row in csv.DictReader(file)
        }


def _compared(case: Case, peer: dict[tuple[str, str, str], Row]) -> Table:
    own = photon_tables(case.materials)
    ours, matched = _means(case, own, 1), _means(case, with_penelope(own, case.materials), 2)
    rows = []
    for place, region in enumerate(case.regions):
        found = peer[case.name, case.mark(), region]
        first, sigma = _ratio(ours, place, found)
        second, matched_sigma = _ratio(matched, place, found)
        holds = abs(first) <= OWN_TOLERANCE + 2 * sigma and abs(second) <= MATCHED_TOLERANCE + 2 * matched_sigma
        rows.append(
            (
                region,
                f"{found.kerma_gy:.3e}",
                f"{100 * first:+.1f} %",
                f"{100 * second:+.1f} %",
                f"{100 * matched_sigma:.2f} %",
                verdict(holds),
                f"{100 * (matched.finer_gy[place] / found.kerma_gy - 1):+.1f} %",
            )
        )
    header = (
        "region",
        "PENELOPE, Gy per photon",
        "ours / PENELOPE - 1",
        "with its coefficients",
        "1 sigma",
        "",
        "and a finer primary",
    )
    return Table(case.name[0].upper() + case.name[1:], header, tuple(rows))


def _ratio(ours: Means, place: int, found: Row) -> tuple[float, float]:
    error = np.hypot(ours.error_gy[place], found.error_gy)
    return float(ours.kerma_gy[place] / found.kerma_gy - 1), float(error / found.kerma_gy)


def _means(case: Case, tables: PhotonTables, series: int) -> Means:
    voxels = _medium(case, tables, 1)
    scattered = _scattered(case, voxels, 100 * series)
    primary, finer = _primary(case, voxels), _primary(case, _medium(case, tables, FINER))
    error = scattered.std(axis=0, ddof=1) / np.sqrt(RUNS)
    mean = scattered.mean(axis=0)
    return Means(_over_regions(case, primary) + mean, error, _over_regions(case, finer) + mean)


def _medium(case: Case, tables: PhotonTables, finer: int) -> Medium:
    materials = case.voxels
    for axis in range(3):
        materials = np.repeat(materials, finer, axis=axis)
    densities = np.array([entry.density_g_cm3 for entry in case.materials])[materials]
    return medium(materials, densities, (1 / finer,) * 3, tables=tables, water=0)


def _source(voxels: Medium) -> Source:
    spectrum = needle_spectrum()
    weights = importance(spectrum.edges_kev, voxels)
    middle = (SIDE / 2 + 1e-6,) * 3
    return point_source(middle, spectrum.edges_kev, spectrum.photons_per_bin, importance=weights)


def _primary(case: Case, voxels: Medium) -> FloatArray:
    """Return the primary in the case's voxels, averaged where the medium's are finer."""
    kerma = primary_kerma(_source(voxels), nodes_of(needle_spectrum()), voxels, radius_mm=2 * SIDE)[..., 0]
    finer = kerma.shape[0] // SIDE
    parts = kerma.astype(float).reshape(SIDE, finer, SIDE, finer, SIDE, finer)
    return np.asarray(parts.mean(axis=(1, 3, 5)).reshape(case.voxels.shape))


def _scattered(case: Case, voxels: Medium, first_seed: int) -> FloatArray:
    """Return the scatter's regional means of independent runs, (run, region)."""
    runs = []
    for run in range(RUNS):
        sampling = SAMPLING._replace(seed=first_seed + run)
        tally = continued(empty_tally(voxels), 1, sampling=sampling, source=_source(voxels), medium=voxels)
        inner = tally.sums[:, 0].reshape((SIDE + 2,) * 3)[1:-1, 1:-1, 1:-1]
        runs.append(_over_regions(case, inner * GRAY_PER_KEV_PER_MM3 / sampling.rays_per_batch))
    return np.array(runs)


def _over_regions(case: Case, kerma: FloatArray) -> FloatArray:
    return np.array([float(kerma[region].mean()) for region in case.regions.values()])


def with_penelope(own: PhotonTables, materials: tuple[Material, ...]) -> PhotonTables:
    """Return our tables with PENELOPE's three coefficients in the place of ours; angles and Compton's transfer stay.

    Between energies 0.5 keV apart they are powers, so that edges are smeared: the K edges of these materials lie below
    5 keV, where the needle's filters leave no photons.
    """
    energies = own.energy_start_kev + own.energy_step_kev * np.arange(own.total.shape[1])
    found = np.array([_coefficients(entry.name, energies) for entry in materials])
    coherent, incoherent, photoelectric = found[:, 0], found[:, 1], found[:, 2]
    transferred = (own.transfer - (own.total - own.scatter)) / (own.scatter - own.coherent)
    return own._replace(
        total=(coherent + incoherent + photoelectric).astype(np.float32),
        scatter=(coherent + incoherent).astype(np.float32),
        coherent=coherent.astype(np.float32),
        transfer=(photoelectric + incoherent * transferred).astype(np.float32),
    )


def _coefficients(name: str, energies_kev: FloatArray) -> FloatArray:
    """Return PENELOPE's coherent, incoherent and photoelectric coefficients in 1/mm per g/cm3, (3, energy)."""
    with (PEER / "coefficients.csv").open(encoding="utf-8") as file:
        rows = [list(row.values())[1:] for row in csv.DictReader(file) if row["material"] == name]
    table = np.array(rows, dtype=np.float64)
    where = np.log(energies_kev)
    columns = [np.exp(np.interp(where, np.log(table[:, 0]), np.log(column))) for column in table[:, 1:].T]
    return np.array(columns) / 10
