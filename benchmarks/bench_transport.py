"""How fast photons are transported: the primary, scattered photons a second, and the time to 1 % in a 1 mm voxel.

Run with ``python -m benchmarks.bench_transport``. The phantom is a vertebral body of spongiosa in a shell of cortical
bone, in soft tissue, the source in its middle. "1 %" is the rms over the voxels of a shell of 1 mm of the standard
error over the local total dose. The peer is the engine's own analog variant: nothing forced, the primary included.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import Measurement, timed
from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables
from metaspine.physics.spectral_nodes import spectral_nodes
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import Nodes, primary_kerma
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, importance, point_source
from metaspine.transport.tables import PhotonTables

SIDE = 128
SOURCE_MM = (64.3, 64.4, 64.45)
MATERIALS = ("water", "soft", "spongiosa", "cortical", "titanium")
DENSITIES = (1.0, 1.06, 1.18, 1.92, 4.54)
SHELLS_MM = (15, 25)
PATHS = ((0, 60.0), (3, 40.0), (4, 9.0))
BATCHES = 10


class Scene(NamedTuple):
    """A medium and the sources in it."""

    medium: Medium
    biased: Source
    plain: Source
    nodes: Nodes


def spine() -> NDArray[np.intp]:
    """Return the materials of a vertebral body with end plates in soft tissue."""
    i, j, k = np.indices((SIDE,) * 3) - SIDE // 2
    materials = np.full((SIDE,) * 3, 1)
    inner, outer = (i / 20) ** 2 + (j / 16) ** 2 < 1, (i / 21.5) ** 2 + (j / 17.5) ** 2 < 1
    materials[outer & (np.abs(k) < 14.5)] = 3
    materials[inner & (np.abs(k) < 13)] = 2
    return materials


def spectrum() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges and photons of a 50 kV bremsstrahlung with gold's L lines, like the tube's."""
    edges = np.arange(7.0, 50.5, 0.5)
    middle = (edges[1:] + edges[:-1]) / 2
    lines = sum(height * np.exp(-(((middle - line) / 0.3) ** 2)) for line, height in ((9.7, 12), (11.4, 10), (13.4, 3)))
    return edges, (50 / middle - 1) * np.exp(-150 / middle**2) + lines


def scene(materials: NDArray[np.intp], tables: PhotonTables) -> Scene:
    """Return the medium of some materials with the sources in its middle."""
    voxels = medium(materials, np.array(DENSITIES)[materials], (1, 1, 1), tables=tables, water=0)
    edges, photons = spectrum()
    return Scene(
        voxels,
        point_source(SOURCE_MM, edges, photons, importance=importance(edges, voxels)),
        point_source(SOURCE_MM, edges, photons),
        spectral_nodes(edges, photons, tables, longest_paths=PATHS),
    )


def shell_variance(where: Scene, sampling: Sampling) -> tuple[list[float], float, float, int]:
    """Return the shells' relative variance of the total dose, the CPU and wall seconds, and the photons followed."""
    source = where.biased if sampling.forced else where.plain
    run = {"sampling": sampling, "medium": where.medium, "source": source}
    continued(empty_tally(where.medium), 1, **run)
    cpu, wall = time.process_time(), time.perf_counter()
    tally = continued(empty_tally(where.medium), BATCHES, **run)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    found = estimate(tally, sampling, where.medium)
    total = found.kerma_gy[..., 0].copy()
    if sampling.forced:
        total += primary_kerma(source, where.nodes, where.medium, radius_mm=30)[..., 0]
    offset = np.moveaxis(np.indices(where.medium.shape), 0, -1) + 0.5 - SOURCE_MM
    distance = np.linalg.norm(offset, axis=-1)
    shells = [np.abs(distance - radius) < 0.5 for radius in SHELLS_MM]
    error = found.standard_error_gy[..., 0]
    return [float(np.mean((error[s] / total[s].mean()) ** 2)) for s in shells], cpu, wall, tally.photons


def scatter_rows(name: str, where: Scene) -> list[Measurement]:
    """Return the rate and the times to 1 % of the forced variant beside the analog one."""
    forced, cpu, wall, photons = shell_variance(where, Sampling(seed=1))
    analog, analog_cpu, _, _ = shell_variance(where, Sampling(seed=2, rays_per_batch=100_000, forced=False))
    million = 1e9 / photons
    rows = [Measurement(f"a million scattered photons, {name}", cpu * million, wall * million)]
    for radius, variance, analog_variance in zip(SHELLS_MM, forced, analog, strict=True):
        times = variance / 1e-4 * 1000
        ratio = analog_variance * analog_cpu / (variance * cpu)
        what = f"1 % in 1 mm voxels at {radius} mm, {name}"
        rows.append(Measurement(what, cpu * times, wall * times, "everything analog, track length", ratio))
    return rows


def measure() -> list[Measurement]:
    """Measure the primary to 40 and 50 mm, and the scatter in water and spine."""
    tables = photon_tables([material(name) for name in MATERIALS])
    in_spine, in_water = scene(spine(), tables), scene(np.zeros((SIDE,) * 3, dtype=np.intp), tables)
    rows = []
    for radius in (40, 50):
        cpu, wall = timed(
            lambda radius=radius: primary_kerma(  # type: ignore[misc]
                in_spine.plain, in_spine.nodes, in_spine.medium, radius_mm=radius
            )
        )
        rows.append(Measurement(f"primary to {radius} mm, {len(in_spine.nodes.photons)} nodes, spine", cpu, wall))
    return rows + scatter_rows("spine", in_spine) + scatter_rows("water", in_water)


if __name__ == "__main__":
    for row in measure():
        ratio = "" if row.ratio is None else f", {row.ratio:.1f} x {row.against}"
        print(f"{row.what}: CPU {row.cpu_ms:.0f} ms, wall {row.wall_ms:.0f} ms{ratio}")
