"""Piecewise linear interpolation as a numba kernel, for the dose engines.

It lives apart from the depth dose, so that whoever asks for single dose rates does not wait for numba.
"""

from __future__ import annotations

import numba
import numpy as np

from metaspine.geometry.grid import FloatArray


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def interpolate(x: float, nodes: FloatArray, values: FloatArray) -> float:
    """Return the piecewise linear value at ``x``; outside the nodes the end slopes continue.

    Called with logarithms it interpolates log-log, as :func:`metaspine.physics.depth_dose.interpolate_all` does for
    arrays. ``nodes`` (n,) increase, n >= 2.
    """
    last = nodes.shape[0] - 2
    segment = min(max(np.searchsorted(nodes, x) - 1, 0), last)
    slope = (values[segment + 1] - values[segment]) / (nodes[segment + 1] - nodes[segment])
    return float(values[segment] + slope * (x - nodes[segment]))
