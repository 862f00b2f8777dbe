"""The GPU's kernels: in CUDA's simulator against the CPU, compiled without a GPU, and on a GPU where there is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda

from metaspine.transport.medium import Medium
from metaspine.transport.primary import beam_of, primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source

SIMULATED = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message=".*overflow encountered")  # the generator's words wrap in plain Python
import numpy as np
import pytest
from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.gpu import continued_on_gpu, primary_kerma_on_gpu
from metaspine.transport.medium import medium
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally
from metaspine.transport.source import point_source

materials = np.zeros((7, 7, 7), np.uint8)
materials[5:] = 1
tables = photon_tables([material("water"), material("cortical")])
block = medium(materials, np.where(materials == 1, 1.92, 1.0), (1, 1, 1), tables=tables, water=0)
source = point_source((3.4, 3.3, 3.6), [15, 30, 48], [2, 1])
sampling = Sampling(seed=3, rays_per_batch=20, sites_per_ray=4)
run = {"sampling": sampling, "source": source, "medium": block}
cpu = continued(empty_tally(block), 3, **run)
gpu = continued_on_gpu(continued_on_gpu(empty_tally(block), 1, **run), 2, **run)
assert (gpu.batches, gpu.photons) == (cpu.batches, cpu.photons)
assert cpu.sums.max() > 0
np.testing.assert_allclose(gpu.sums, cpu.sums, rtol=1e-4, atol=1e-6 * cpu.sums.max())
np.testing.assert_allclose(gpu.squares, cpu.squares, rtol=2e-4, atol=1e-6 * cpu.squares.max())
nodes = spectrum_nodes(source)
kerma = primary_kerma(source, nodes, block, radius_mm=5)
np.testing.assert_allclose(primary_kerma_on_gpu(source, nodes, block, radius_mm=5), kerma, rtol=1e-5)
assert (kerma > 0).any()
with pytest.raises(ValueError, match="0 batches"):
    continued_on_gpu(empty_tally(block), 0, **run)
with pytest.raises(ValueError, match="room for 64"):
    primary_kerma_on_gpu(source, spectrum_nodes(source, parts=40), block, radius_mm=5)
print("agree")
"""


def test_the_simulator_follows_the_same_photons_as_the_cpu() -> None:
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run([sys.executable, "-c", SIMULATED], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "agree", done.stderr[-3000:]


def test_kernels_compile_for_a_gpu_with_sums_of_whole_numbers(
    layered: Medium, broad: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVIDIA's compiler works without a GPU: the steps must have a form that it takes."""
    pytest.importorskip("numba_cuda", reason="the gpu extra is not installed")
    from numba import typeof
    from numba.cuda import dispatcher

    from metaspine.transport import gpu

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=(9, 0)))
    source = broad((12.4, 12.3, 12.6))
    beam = beam_of(spectrum_nodes(source), layered, 5.0, 5.0)
    kerma, count = np.zeros((layered.packed.size, 2), np.int64), np.zeros(1, np.int64)
    filled = np.zeros((*layered.shape, 2), np.float32)

    def assembly(kernel: Callable[..., None], *values: object) -> str:
        text, _ = cuda.compile_ptx(kernel, tuple(typeof(value) for value in values), cc=(9, 0), fastmath=True)
        return str(text)

    assert re.search(r"atom\S*\.add\.u64", assembly(gpu._score, 0, kerma, count, Sampling(), source, layered))
    assert ".entry" in assembly(gpu._fill, filled, 9, beam, source, layered)
    assert ".entry" in assembly(gpu._add, kerma, np.zeros((9, 2)), np.zeros((9, 2)), 1.0)


@pytest.mark.skipif(not cuda.is_available(), reason="no NVIDIA GPU is at hand")
def test_a_gpu_agrees_with_the_cpu_and_with_itself(layered: Medium, broad: Callable[..., Source]) -> None:
    from metaspine.transport.gpu import continued_on_gpu, primary_kerma_on_gpu

    source = broad((12.4, 12.3, 12.6))
    sampling = Sampling(seed=4, rays_per_batch=20_000)
    run = {"sampling": sampling, "source": source, "medium": layered}
    cpu = estimate(continued(empty_tally(layered), 10, **run), sampling, layered)
    other = {**run, "sampling": sampling._replace(seed=5)}
    tally = continued_on_gpu(empty_tally(layered), 10, **other)
    gpu = estimate(tally, sampling, layered)
    spread = np.hypot(cpu.standard_error_gy, gpu.standard_error_gy)
    score = (gpu.kerma_gy - cpu.kerma_gy)[spread > 0] / spread[spread > 0]
    assert abs(score.mean()) < 0.1
    assert np.mean(score**2) == pytest.approx(9 / 7, rel=0.25)
    again = continued_on_gpu(continued_on_gpu(empty_tally(layered), 4, **other), 6, **other)
    np.testing.assert_array_equal(again.sums, tally.sums)
    nodes = spectrum_nodes(source)
    primary = primary_kerma(source, nodes, layered, radius_mm=15)
    np.testing.assert_allclose(primary_kerma_on_gpu(source, nodes, layered, radius_mm=15), primary, rtol=1e-4)
