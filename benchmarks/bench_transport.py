"""How fast photons are transported: the primary, scattered photons a second, and the time to 1 % in a 1 mm voxel.

Run with ``python -m benchmarks.bench_transport``. The phantom is a vertebral body of spongiosa in a shell of cortical
bone, in soft tissue, the needle's source in its middle. "1 %" is the rms over the voxels of a shell of 1 mm of the
standard error over the local total dose, the dose being asked for up to 15 mm beyond that shell. The peer is the engine
in its analog variant: nothing forced, the primary included. Goals are wall times.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import Measurement, timed
from metaspine.dosimetry.reference_run import spectrum_of
from metaspine.physics.applicator_files import read_applicator
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
GOAL_MS = {15: 4000.0, 25: 20000.0}
BEYOND_MM, OUTSIDE_ONE_IN = 15.0, 3.0
PRIMARY_GOAL_MS = {40: 30.0, 50: 60.0}
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


def scene(materials: NDArray[np.intp], tables: PhotonTables) -> Scene:
    """Return the medium of some materials with the sources in its middle."""
    voxels = medium(materials, np.array(DENSITIES)[materials], (1, 1, 1), tables=tables, water=0)
    spectrum = spectrum_of(read_applicator("intrabeam-needle"))
    edges, photons = spectrum.edges_kev, spectrum.photons_per_bin
    return Scene(
        voxels,
        point_source(SOURCE_MM, edges, photons, importance=importance(edges, voxels)),
        point_source(SOURCE_MM, edges, photons),
        spectral_nodes(edges, photons, tables, longest_paths=PATHS),
    )


def shell_variance(where: Scene, sampling: Sampling, shell_mm: int) -> tuple[float, float, float, int]:
    """Return a shell's relative variance of the total dose, the CPU and wall seconds, and the photons followed."""
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
    shell = np.abs(np.linalg.norm(offset, axis=-1) - shell_mm) < 0.5
    error = found.standard_error_gy[..., 0][shell]
    return float(np.mean((error / total[shell].mean()) ** 2)), cpu, wall, tally.photons


def scatter_rows(name: str, where: Scene) -> list[Measurement]:
    """Return the rate and the times to 1 % of the forced variant beside the analog one."""
    everywhere = Sampling(seed=1, rays_per_batch=20_000)
    _, cpu, wall, photons = shell_variance(where, everywhere, SHELLS_MM[0])
    million = 1e9 / photons
    rows = [Measurement(f"a million scattered photons, {name}", cpu * million, wall * million, goal_wall_ms=250.0)]
    for shell in SHELLS_MM:
        region = everywhere._replace(region_mm=shell + BEYOND_MM, outside_one_in=OUTSIDE_ONE_IN)
        variance, cpu, wall, _ = shell_variance(where, region, shell)
        analog_sampling = Sampling(seed=2, rays_per_batch=100_000, forced=False)
        analog, analog_cpu, _, _ = shell_variance(where, analog_sampling, shell)
        times = variance / 1e-4 * 1000
        rows.append(
            Measurement(
                f"1 % in 1 mm voxels at {shell} mm, {name}",
                cpu * times,
                wall * times,
                "everything analog, track length",
                analog * analog_cpu / (variance * cpu),
                GOAL_MS[shell],
            )
        )
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
        what = f"primary to {radius} mm, {len(in_spine.nodes.photons)} nodes, spine"
        rows.append(Measurement(what, cpu, wall, goal_wall_ms=PRIMARY_GOAL_MS[radius]))
    return rows + scatter_rows("spine", in_spine) + scatter_rows("water", in_water)


if __name__ == "__main__":
    for row in measure():
        ratio = "" if row.ratio is None else f", {row.ratio:.1f} x {row.against}"
        print(f"{row.what}: CPU {row.cpu_ms:.0f} ms, wall {row.wall_ms:.0f} ms{ratio}")
