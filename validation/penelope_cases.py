"""The geometries that are computed with PENELOPE too: voxels that both codes represent exactly.

``python -m validation.penelope_cases FOLDER`` writes them for validation/penelope_peer.py, which runs in an environment
of its own.
"""

from __future__ import annotations

import hashlib
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.dosimetry.reference_run import spectrum_of
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import Material, carbon_peek, material
from metaspine.physics.spectrum import Spectrum

Mask = NDArray[np.bool_]

SIDE = 80
"""Voxels of 1 mm; the source is at the middle, a corner of eight voxels."""
COARSE_MM = 2
"""The vertebra is drawn on blocks of so many millimetres."""


class Case(NamedTuple):
    """Voxels of some materials, and the regions whose mean kerma is compared."""

    name: str
    materials: tuple[Material, ...]
    voxels: NDArray[np.uint8]
    """(SIDE, SIDE, SIDE) of the materials' index."""
    regions: dict[str, Mask]

    def mark(self) -> str:
        """Return a short hash of the voxels, the regions and the materials: a peer's result belongs to it."""
        text = repr([(entry.name, entry.density_g_cm3, entry.mass_fractions) for entry in self.materials])
        digest = hashlib.sha256(text.encode() + self.voxels.tobytes())
        for name, region in self.regions.items():
            digest.update(name.encode() + np.packbits(region).tobytes())
        return digest.hexdigest()[:12]


def cases() -> tuple[Case, ...]:
    """Return all cases."""
    return (
        _shell("water", material("water"), 10, 12),
        _shell("cortical wall 10-12 mm", material("cortical"), 10, 12),
        _shell("spongiosa 2-15 mm", material("spongiosa"), 2, 15),
        _shell("PMMA 2-10 mm", material("pmma"), 2, 10),
        _shell("carbon-fibre PEEK 10-14 mm", carbon_peek(), 10, 14),
        _titanium_slab(),
        _vertebra(),
    )


def spongiosa_shell(distance_mm: float) -> Case:
    """Return a cube of spongiosa, and its voxels at a distance from the source."""
    distance = np.linalg.norm(_axes(), axis=0)
    regions = {f"{distance_mm:g} mm": np.abs(distance - distance_mm) < 0.5}
    materials = (material("water"), material("spongiosa"))
    return Case("spongiosa", materials, np.ones((SIDE,) * 3, dtype=np.uint8), regions)


def needle_spectrum() -> Spectrum:
    """Return the generic gold spectrum at 50 kV behind the needle's filters."""
    return spectrum_of(read_applicator("intrabeam-needle"))


def _axes() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the voxel centres' coordinates from the source in mm, each (SIDE, SIDE, SIDE)."""
    axis = np.arange(SIDE) + 0.5 - SIDE / 2
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    return x, y, z


def _shell(name: str, wall: Material, low: int, high: int) -> Case:
    """Return a box shell about the source, its distances counted along the axes, in water."""
    reach = np.max(np.abs(_axes()), axis=0)
    edges = sorted({4, 6, 10, low + 1, low, (low + high) // 2, high, high + 3, 20, 30} - {2, 3})
    edges = [edge for edge in edges if edge >= 4]
    regions = {f"{first}-{last} mm": (reach > first) & (reach < last) for first, last in pairwise(edges)}
    voxels = ((reach > low) & (reach < high)).astype(np.uint8)
    return Case(name, (material("water"), wall), voxels, regions)


def _titanium_slab() -> Case:
    x, y, z = _axes()
    near = np.maximum(np.abs(y), np.abs(z)) < 10
    spans = {
        "30 to 20 mm on the other side": (-30, -20),
        "10 to 5 mm on the other side": (-10, -5),
        "5-9 mm": (5, 9),
        "9-10 mm, before the slab": (9, 10),
        "10-11 mm, its first millimetre": (10, 11),
        "11-14 mm, the rest of it": (11, 14),
        "14-20 mm, behind it": (14, 20),
        "20-30 mm, behind it": (20, 30),
    }
    regions = {name: near & (x > low) & (x < high) for name, (low, high) in spans.items()}
    voxels = ((x > 10) & (x < 14)).astype(np.uint8)
    return Case("titanium slab 10-14 mm", (material("water"), material("titanium")), voxels, regions)


def _vertebra() -> Case:
    """Return a body of spongiosa in a cortical shell, a canal in a ring of bone, a rod, and lung at a side."""
    x, y, z = (COARSE_MM * np.floor(axis / COARSE_MM) + COARSE_MM / 2 for axis in _axes())
    within = np.abs(z) < 12
    body = (x / 20) ** 2 + (y / 15) ** 2 < 1
    marrow = (x / 18) ** 2 + (y / 13) ** 2 < 1
    canal_distance = np.hypot(x, y + 23)
    voxels = np.zeros((SIDE,) * 3, dtype=np.uint8)
    voxels[(canal_distance < 11) & within] = 2
    voxels[body & within] = 2
    voxels[marrow & (np.abs(z) < 10)] = 1
    voxels[canal_distance < 8] = 0
    voxels[x < -26] = 3
    rod = (np.abs(x - 17) < 3) & (np.abs(y + 21) < 3)
    voxels[rod] = 4
    distance = np.sqrt(x**2 + y**2 + z**2)
    level = np.abs(z) < 10
    regions = {
        "marrow 4-8 mm": (voxels == 1) & (distance > 4) & (distance < 8),
        "marrow beyond 8 mm": (voxels == 1) & (distance > 8) & level,
        "cortical shell of the body": (voxels == 2) & body & level,
        "canal": (canal_distance < 6) & level,
        "arch behind the canal": (voxels == 2) & (y < -26) & level,
        "soft tissue in front": (y > 16) & (y < 26) & (np.abs(x) < 10) & level,
        "lung": (voxels == 3) & (x > -34) & (np.abs(y) < 10) & level,
        "rod": rod & level,
        "soft tissue behind the rod": (np.abs(x - 23) < 3) & (np.abs(y + 28) < 4) & level,
    }
    names = ("soft", "spongiosa", "cortical", "lung", "titanium")
    return Case("vertebra, canal, lung and rod", tuple(material(name) for name in names), voxels, regions)


def write(folder: Path) -> None:
    """Write every case and the spectrum as files that need numpy alone to be read."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases()):
        write_case(case, folder / f"{number}.npz")


def write_case(case: Case, path: Path) -> None:
    """Write one case and the spectrum."""
    spectrum = needle_spectrum()
    np.savez_compressed(
        path,
        name=case.name,
        mark=case.mark(),
        voxels=case.voxels,
        regions=np.array([np.packbits(region) for region in case.regions.values()]),
        region_names=np.array(list(case.regions)),
        material_names=np.array([entry.name for entry in case.materials]),
        densities=np.array([entry.density_g_cm3 for entry in case.materials]),
        fractions=np.array([_by_number(entry) for entry in case.materials]),
        edges_kev=spectrum.edges_kev,
        photons=spectrum.photons_per_bin,
    )


def _by_number(entry: Material) -> NDArray[np.float64]:
    """Return the mass fractions by atomic number, 0 to 99."""
    fractions = np.zeros(100)
    for number, fraction in entry.mass_fractions:
        fractions[number] = fraction
    return fractions


if __name__ == "__main__":
    write(Path(sys.argv[1]))
