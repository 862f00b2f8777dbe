"""Which device transports: the CPU, or an NVIDIA GPU where there is one.

Both offer the same two steps. The GPU's module is imported only when it is used: its compiler is an extra.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from metaspine.transport.medium import Medium
from metaspine.transport.scatter import Sampling, Tally, continued
from metaspine.transport.source import Source


class Device(StrEnum):
    """What a transport run is computed on."""

    CPU = "cpu"
    GPU = "gpu"


RAYS_PER_BATCH = {Device.CPU: 10_000, Device.GPU: 200_000}
"""Enough for each device to be busy: a GPU follows as many rays at once."""


def why_no_gpu() -> str:
    """Return why there is no GPU to compute on, as a clause; nothing where there is one."""
    if find_spec("numba.cuda") is None:
        return "numba comes without its CUDA target"
    from numba import config, cuda

    if config.ENABLE_CUDASIM:
        return "CUDA is only simulated (NUMBA_ENABLE_CUDASIM)"
    if not cuda.is_available():
        missing = "" if find_spec("numba_cuda") else ', or the extra is missing: pip install "metaspine[gpu]"'
        return f"no NVIDIA GPU with its driver is found{missing}"
    return ""


def device_at_hand() -> Device:
    """Return the GPU where there is one that can be used, the CPU otherwise."""
    return Device.CPU if why_no_gpu() else Device.GPU


def continued_on(
    device: Device, tally: Tally, batches: int, *, sampling: Sampling, source: Source, medium: Medium
) -> Tally:
    """Return the tally after some more batches on a device (:func:`metaspine.transport.scatter.continued`).

    Raises
    ------
    ValueError
        As there.
    """
    if device is Device.CPU:
        return continued(tally, batches, sampling=sampling, source=source, medium=medium)
    from metaspine.transport.gpu import continued_on_gpu

    return continued_on_gpu(tally, batches, sampling=sampling, source=source, medium=medium)
