"""A point source in water: the engine's kerma in shells against two other Monte Carlo codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, point_source
from validation.chapter import Chapter, Table, verdict

FloatArray = NDArray[np.float64]

SIDE = 200
FINE_TO_MM, FINE_MM = 10, 0.25
"""Voxels of the primary near the source, where the soft photons of a spectrum fall off within a millimetre."""
BEFORE = 4
"""The primary is the same on all sides: it is computed in a bar about the x axis, so many voxels to each side of it."""
SHELLS_MM = (2, 3, 5, 8, 10, 15, 20, 25, 30, 40)
SAMPLING = Sampling(seed=1, rays_per_batch=30000, sites_per_ray=16)
BATCHES = 10
ENERGIES_KEV = (20, 30, 50)
TOLERANCE = 0.005
SPECTRUM = "spectrum_50kV_W_0.5mmBe_1mmWater.csv"

_TEXT = """
Collision kerma per emitted photon around an isotropic point source in water, computed primary plus Monte Carlo scatter
on voxels of 1 mm, averaged over shells of 1 mm, against EGSnrc with XCOM photon data (egs_brachy): 0.5 % and two
standard errors are allowed. PENELOPE uses other photoelectric data, so that ours over PENELOPE is compared with what
the libraries make of it, XCOM over PENELOPE, both by the other codes: 1 % and two standard errors.
"""


class Profile(NamedTuple):
    """The mean kerma of shells with its standard error, in Gy per emitted photon."""

    kerma_gy: FloatArray
    error_gy: FloatArray


def chapter(data: Path | None) -> Chapter:
    """Return the comparison; it needs the reference doses among the shared data."""
    title = "Point source in water against EGSnrc and PENELOPE"
    if data is None:
        return Chapter(title, "The reference doses are not at hand (METASPINE_TEST_DATA is not set).")
    folder = data / "reference-dose"
    water = _water((SIDE,) * 3, 1.0)
    tables = [
        _compared(f"{energy} keV", folder / f"P1_{energy}keV", _shells([energy, energy + 1e-4], [1], water))
        for energy in ENERGIES_KEV
    ]
    bins = np.loadtxt(folder / SPECTRUM, delimiter=",")
    ours = _shells([*bins[:, 0], bins[-1, 1]], list(bins[:, 3]), water)
    tables.append(_compared("50 kV spectrum", folder / "P2_shells", ours))
    return Chapter(title, _TEXT, tuple(tables))


def _water(shape: tuple[int, int, int], spacing_mm: float) -> Medium:
    tables = photon_tables([material("water")])
    return medium(np.zeros(shape, dtype=np.uint8), np.ones(shape), (spacing_mm,) * 3, tables=tables, water=0)


def _shells(edges_kev: list[float], photons: list[float], water: Medium) -> Profile:
    source = point_source((SIDE / 2,) * 3, edges_kev, photons)
    tally = continued(empty_tally(water), BATCHES, sampling=SAMPLING, source=source, medium=water)
    scatter = estimate(tally, SAMPLING, water)
    error, offset = scatter.standard_error_gy[..., 0], _offsets(water, source)
    distance = np.linalg.norm(offset, axis=-1)
    scattered = [_shell_mean(scatter.kerma_gy[..., 0], offset, low) for low in SHELLS_MM]
    primary = [_primary_shell(source, low) for low in SHELLS_MM]
    spread = [_shell_error(error, distance, low) for low in SHELLS_MM]
    return Profile(np.add(scattered, primary), np.array(spread))


def _primary_shell(source: Source, low: float) -> float:
    spacing = FINE_MM if low < FINE_TO_MM else 1.0
    bar = _water((BEFORE + round((low + 4) / spacing), 2 * BEFORE, 2 * BEFORE), spacing)
    moved = source._replace(point_mm=(BEFORE * spacing,) * 3)
    kerma = primary_kerma(moved, spectrum_nodes(source, parts=2), bar, radius_mm=low + 4, averaging_radius_mm=low)
    return _shell_mean(kerma[..., 0], _offsets(bar, moved), low)


def _offsets(water: Medium, source: Source) -> FloatArray:
    centres = np.moveaxis(np.indices(water.shape), 0, -1) + 0.5
    return np.asarray(centres * water.lattice.spacing_x_mm - source.point_mm)


def _shell_mean(kerma: NDArray[Any], offset: FloatArray, low: float) -> float:
    """Return a shell's mean: kerma over its voxel's mean of 1/r^2 is smooth, its logarithm fitted by a cubic."""
    distance = np.linalg.norm(offset, axis=-1)
    near = (distance > low - 1) & (distance < low + 2)
    width = float(offset[1, 0, 0, 0] - offset[0, 0, 0, 0])
    inside = ((np.arange(6) + 0.5) / 6 - 0.5) * width
    parts = np.stack(np.meshgrid(inside, inside, inside), axis=-1).reshape(-1, 3)
    inverse = np.mean([1 / ((offset[near] + part) ** 2).sum(axis=-1) for part in parts], axis=0)
    curve = np.polynomial.Polynomial.fit(distance[near], np.log(kerma[near] / inverse), 3)
    radii = low + (np.arange(200) + 0.5) / 200
    return float(3 * np.exp(curve(radii)).mean() / ((low + 1) ** 3 - low**3))


def _shell_error(error: FloatArray, distance: FloatArray, low: float) -> float:
    shell = (distance > low) & (distance < low + 1)
    return float(np.sqrt((error[shell] ** 2).sum()) / shell.sum())


def _peer(path: Path) -> Profile:
    peer: dict[str, Any] = dict(np.load(path))
    places = list(SHELLS_MM)
    return Profile(peer["dose_Gy"][places], peer["sigma_Gy"][places])


def _compared(what: str, stem: Path, ours: Profile) -> Table:
    egs = _peer(stem.with_name(f"{stem.name}_egs_xcom.npz"))
    penelope = _peer(stem.with_name(f"{stem.name}_penred.npz"))
    rows = []
    for place, low in enumerate(SHELLS_MM):
        ratio = ours.kerma_gy[place] / egs.kerma_gy[place] - 1
        sigma = float(np.hypot(ours.error_gy[place], egs.error_gy[place]) / egs.kerma_gy[place])
        libraries = egs.kerma_gy[place] / penelope.kerma_gy[place]
        other = ours.kerma_gy[place] / penelope.kerma_gy[place] - libraries
        rows.append(
            (
                f"{low} to {low + 1}",
                f"{ours.kerma_gy[place]:.4e}",
                f"{100 * ratio:+.2f} %",
                f"{100 * sigma:.2f} %",
                f"{100 * (libraries - 1):+.2f} %",
                f"{100 * other:+.2f} %",
                verdict(abs(ratio) <= TOLERANCE + 2 * sigma and abs(other) <= 0.01 + 2 * sigma),
            )
        )
    header = (
        "shell, mm",
        "ours, Gy",
        "ours / EGSnrc - 1",
        "1 sigma",
        "EGSnrc / PENELOPE - 1",
        "ours less libraries",
        "",
    )
    return Table(what, header, tuple(rows))
