"""The same steps on an NVIDIA GPU: a thread follows a ray with all that comes of it, or fills a voxel of the primary.

Photons of many threads meet in one array. Their scores are added as whole numbers, so that the order in which they come
does not change the sum: a GPU gives the same bits again. Between CPU and GPU results agree within statistics.

Importing this module needs numba's CUDA target (the ``gpu`` extra) or its simulator (NUMBA_ENABLE_CUDASIM=1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import config, cuda
from numba.extending import overload
from numpy.typing import NDArray

from metaspine.transport.medium import Medium
from metaspine.transport.photons import score
from metaspine.transport.primary import Beam, Nodes, beam_of, kerma_of_voxel
from metaspine.transport.scatter import Sampling, Tally, check_run, scored_ray
from metaspine.transport.source import Source, beyond_rim, check_inside

SIMULATED = bool(config.ENABLE_CUDASIM)
UNITS_PER_SCORE = 1.0 if SIMULATED else 2.0**32
"""A score of 1 keV/(mm2 g/cm3) as a whole number; the simulator runs plain Python, which adds numbers as they come."""
SCORES = np.float64 if SIMULATED else np.int64
THREADS = 1 if SIMULATED else 128
"""Threads of a block; the simulator's threads would disturb each other's sums."""
MOST_NODES = 64

Packed = TypeVar("Packed", bound=NamedTuple)


def _score_whole(kerma: Any, voxel: Any, to_medium: Any, to_water: Any) -> None:
    """Add whole numbers, one photon after the other."""
    cuda.atomic.add(kerma, (voxel, 0), np.int64(to_medium * UNITS_PER_SCORE + 0.5))
    cuda.atomic.add(kerma, (voxel, 1), np.int64(to_water * UNITS_PER_SCORE + 0.5))


@overload(score, target="cuda", strict=False)  # type: ignore[untyped-decorator]
def _score_on_gpu(*_: Any) -> Callable[..., None]:
    return _score_whole


def _score(batch: int, kerma: Any, photons: Any, sampling: Sampling, source: Source, medium: Medium) -> None:
    """Score a batch into ``kerma`` (voxel with rim, channel), and count the photons followed."""
    first = batch * sampling.rays_per_batch
    for ray in range(cuda.grid(1), sampling.rays_per_batch, cuda.gridsize(1)):
        followed = scored_ray(first + ray, sampling, source, medium, kerma)
        cuda.atomic.add(photons, 0, followed)


def _add(kerma: Any, sums: Any, squares: Any, units_per_score: float) -> None:
    """Add a batch to sums and squares, and empty it for the next."""
    for place in range(cuda.grid(1), kerma.shape[0], cuda.gridsize(1)):
        for channel in range(2):
            value = kerma[place, channel] / units_per_score
            sums[place, channel] += value
            squares[place, channel] += value * value
            kerma[place, channel] = 0


def _fill(kerma: Any, nodes: int, beam: Beam, source: Source, medium: Medium) -> None:
    """Fill the primary's ``kerma`` (i, j, k, channel)."""
    depths = cuda.local.array(MOST_NODES, np.float64)[:nodes]
    rows, columns = kerma.shape[1], kerma.shape[2]
    for place in range(cuda.grid(1), kerma.shape[0] * rows * columns, cuda.gridsize(1)):
        i, j, k = place // (rows * columns), place // columns % rows, place % columns
        to_medium, to_water = kerma_of_voxel((i, j, k), depths, beam, source, medium)
        kerma[i, j, k, 0] = to_medium
        kerma[i, j, k, 1] = to_water


score_kernel = cuda.jit(fastmath=True)(_score)
add_kernel = cuda.jit(_add)
fill_kernel = cuda.jit(fastmath=True)(_fill)


def continued_on_gpu(tally: Tally, batches: int, *, sampling: Sampling, source: Source, medium: Medium) -> Tally:
    """Return the tally after some more batches (as :func:`metaspine.transport.scatter.continued`).

    Batches of some 100 000 rays fill a GPU.

    Raises
    ------
    ValueError
        No batches or rays asked for, a source outside the grid, a spectrum outside the tables.
    """
    check_run(batches, sampling, medium)
    check_inside(source.point_mm, source.edges_kev, medium)
    there, from_rim = _on_device(medium), _on_device(beyond_rim(source, medium))
    kerma = cuda.to_device(np.zeros((medium.packed.size, 2), dtype=SCORES))
    sums, squares = cuda.to_device(tally.sums), cuda.to_device(tally.squares)
    photons = cuda.to_device(np.zeros(1, dtype=np.int64))
    for batch in range(tally.batches, tally.batches + batches):
        score_kernel[_blocks(sampling.rays_per_batch), THREADS](batch, kerma, photons, sampling, from_rim, there)
        add_kernel[_blocks(medium.packed.size), THREADS](kerma, sums, squares, UNITS_PER_SCORE)
    followed = int(photons.copy_to_host()[0])
    return Tally(tally.batches + batches, tally.photons + followed, sums.copy_to_host(), squares.copy_to_host())


def primary_kerma_on_gpu(
    source: Source, nodes: Nodes, medium: Medium, *, radius_mm: float, averaging_radius_mm: float = 5.0
) -> NDArray[np.float32]:
    """Return the primary's collision kerma (as :func:`metaspine.transport.primary.primary_kerma`).

    Raises
    ------
    ValueError
        A source outside the grid, an energy outside the tables, or more nodes than a thread has room for.
    """
    check_inside(source.point_mm, nodes.energies_kev, medium)
    if len(nodes.photons) > MOST_NODES:
        raise ValueError(f"{len(nodes.photons)} spectral nodes: a GPU thread has room for {MOST_NODES}")
    beam = _on_device(beam_of(nodes, medium, radius_mm, averaging_radius_mm))
    kerma = cuda.to_device(np.zeros((*medium.shape, 2), dtype=np.float32))
    there, from_rim = _on_device(medium), _on_device(beyond_rim(source, medium))
    fill_kernel[_blocks(kerma.size // 2), THREADS](kerma, len(nodes.photons), beam, from_rim, there)
    filled: NDArray[np.float32] = kerma.copy_to_host()
    return filled


def _blocks(pieces: int) -> int:
    return min(-(-pieces // THREADS), 1 if SIMULATED else 65535)


def _on_device(values: Packed) -> Packed:
    """Return a tuple with its arrays on the device, so that they are sent once."""
    moved = {
        name: cuda.to_device(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        for name, value in values._asdict().items()
    }
    return values._replace(**moved)
