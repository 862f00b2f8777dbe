"""Draw physics.png: the spectrum, mu_en of water, the dose in water, and the dose behind bone.

Run with ``python docs/images/physics.py``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from metaspine.dosimetry.reference_run import nodes_of, spectrum_of
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import material
from metaspine.physics.photon_data import absorption_cm2_g, coefficients, photon_tables
from metaspine.physics.spectrum import Spectrum, read_spectrum
from metaspine.transport.medium import medium
from metaspine.transport.primary import primary_kerma
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import importance, point_source

FloatArray = NDArray[np.float64]

SIDE = 81
"""Voxels of 1 mm; the source is in the middle one."""
SAMPLING = Sampling(rays_per_batch=20_000)
BATCHES = 10
WALL_MM = (10, 12)
NIST_WATER = {10: 4.944, 15: 1.374, 20: 0.5503, 30: 0.1557, 40: 0.06947, 50: 0.04223}
"""mu_en/rho in cm2/g by keV (PHO-02)."""


def main() -> None:
    """Write the picture beside this file."""
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    axes = figure.subplots(2, 2)
    needle = spectrum_of(read_applicator("intrabeam-needle"))
    draw_spectra(axes[0, 0], read_spectrum("gold-50kv"), needle)
    draw_water(axes[0, 1])
    distance, water = profile(needle, wall=False)
    _, behind = profile(needle, wall=True)
    draw_dose(axes[1, 0], distance, water)
    draw_wall(axes[1, 1], distance, behind / water)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


def draw_spectra(axes: Axes, window: Spectrum, needle: Spectrum) -> None:
    """Draw the photons at the window, behind the needle, and behind 10 mm of water besides."""
    width = np.diff(window.edges_kev)
    water = np.exp(-coefficients(material("water"), window.energies_kev).total)
    for photons, label in (
        (window.photons_per_bin, "out of the source's window"),
        (needle.photons_per_bin, "behind the needle's filters"),
        (needle.photons_per_bin * water, "and behind 10 mm of water"),
    ):
        axes.plot(window.energies_kev, photons / width, lw=1, label=label)
    axes.set(xlabel="keV", ylabel="photons per keV and emitted photon", yscale="log", ylim=(1e-5, 1), title="Spectrum")
    axes.legend(frameon=False)


def draw_water(axes: Axes) -> None:
    """Draw mu_en/rho of water and what NIST prints."""
    energies = np.geomspace(8, 50, 100)
    axes.plot(energies, absorption_cm2_g(material("water"), energies), lw=1, label="metaspine")
    axes.plot(list(NIST_WATER), list(NIST_WATER.values()), "k+", label="NIST (PHO-02)")
    axes.set(xlabel="keV", ylabel="mu_en/rho, cm2/g", xscale="log", yscale="log", title="Water")
    axes.set_xticks([10, 20, 30, 50], ["10", "20", "30", "50"])
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    axes.legend(frameon=False)


def draw_dose(axes: Axes, distance: FloatArray, dose: FloatArray) -> None:
    """Draw the dose times r^3, relative to 10 mm: level where it falls with the inverse cube."""
    cubed = dose * distance**3
    at_ten = np.interp(10, distance, cubed)
    axes.plot(distance, cubed / at_ten, "o-", ms=2, lw=1, label="engine, needle's spectrum")
    axes.axhline(1, color="0.5", lw=1, ls="--", label="1/r^3")
    axes.set(xlabel="from the isocentre, mm", ylabel="dose r^3, 10 mm = 1", title="Dose in water", ylim=(0, 1.5))
    axes.legend(frameon=False)


def draw_wall(axes: Axes, distance: FloatArray, ratio: FloatArray) -> None:
    """Draw the dose to water with a cortical wall over that in water alone."""
    axes.axvspan(*WALL_MM, color="0.85", label="cortical bone")
    axes.plot(distance, ratio, "o-", ms=2, lw=1)
    axes.set(
        xlabel="from the isocentre, mm", ylabel="over water alone", ylim=(0, 1.1), title="Dose to water behind bone"
    )
    axes.legend(frameon=False)


def profile(spectrum: Spectrum, *, wall: bool) -> tuple[FloatArray, FloatArray]:
    """Return distances in mm and the kerma to water averaged over shells of 1 mm, in Gy per photon."""
    offset = np.moveaxis(np.indices((SIDE,) * 3), 0, -1) - SIDE // 2
    distance = np.linalg.norm(offset, axis=-1)
    bone = (distance >= WALL_MM[0]) & (distance < WALL_MM[1]) & wall
    tables = photon_tables([material("water"), material("cortical")])
    densities = np.where(bone, material("cortical").density_g_cm3, 1.0)
    voxels = medium(bone.astype(np.uint8), densities, (1, 1, 1), tables=tables, water=0)
    weights = importance(spectrum.edges_kev, voxels)
    source = point_source((SIDE / 2,) * 3, spectrum.edges_kev, spectrum.photons_per_bin, importance=weights)
    primary = primary_kerma(source, nodes_of(spectrum), voxels, radius_mm=SIDE)
    tally = continued(empty_tally(voxels), BATCHES, sampling=SAMPLING, source=source, medium=voxels)
    kerma = (primary + estimate(tally, SAMPLING, voxels).kerma_gy)[..., 1]
    places = np.arange(4, 31)
    shells = [np.abs(distance - place) < 0.5 for place in places]
    means = [
        float((kerma[shell] * (distance[shell] / place) ** 3).mean())
        for shell, place in zip(shells, places, strict=True)
    ]
    return places.astype(float), np.array(means)


if __name__ == "__main__":
    main()
