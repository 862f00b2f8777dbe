"""Which device is chosen, and that a run on it is the device's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numba import cuda

from metaspine.transport import devices
from metaspine.transport.devices import Device, continued_on, device_at_hand, why_no_gpu
from metaspine.transport.medium import Medium
from metaspine.transport.scatter import Sampling, continued, empty_tally
from metaspine.transport.source import Source


@pytest.mark.skipif(cuda.is_available(), reason="there is an NVIDIA GPU")
def test_without_a_gpu_the_cpu_is_taken_and_the_reason_is_said() -> None:
    assert device_at_hand() is Device.CPU
    assert "no NVIDIA GPU" in why_no_gpu()


def test_with_a_gpu_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    assert why_no_gpu() == ""
    assert device_at_hand() is Device.GPU


def test_without_the_cuda_target_the_reason_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    assert why_no_gpu() == "numba comes without its CUDA target"


def test_a_run_on_the_cpu_is_the_cpus(layered: Medium, broad: Callable[..., Source]) -> None:
    run = {"sampling": Sampling(rays_per_batch=20), "source": broad((12.4, 12.3, 12.6)), "medium": layered}
    found = continued_on(Device.CPU, empty_tally(layered), 2, **run)
    np.testing.assert_array_equal(found.sums, continued(empty_tally(layered), 2, **run).sums)
