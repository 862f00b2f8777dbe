"""How a benchmark is measured: medians of CPU and wall time over repeats, and the ratio to a peer in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measurement:
    """What a piece of work took, and what it is compared with."""

    what: str
    cpu_ms: float
    wall_ms: float
    against: str = ""
    """The peer, with its version, or the other variant."""
    ratio: float | None = None
    """The peer's CPU time over ours, in the same run: larger is better."""
    goal_wall_ms: float | None = None
    """What the project wants of two cores that nothing else uses."""


def timed(work: Callable[[], object], *, repeats: int = 5) -> tuple[float, float]:
    """Return the medians of CPU ms and wall ms of ``work``, after one run that is not counted (compilation, caches)."""
    work()
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return 1000 * median(cpu), 1000 * median(wall)


def compared(
    what: str, ours: Callable[[], object], *, against: str, peer: Callable[[], object], repeats: int = 5
) -> Measurement:
    """Measure our work and a peer's in one run."""
    cpu_ms, wall_ms = timed(ours, repeats=repeats)
    peer_cpu_ms, _ = timed(peer, repeats=repeats)
    return Measurement(what, cpu_ms, wall_ms, against, peer_cpu_ms / cpu_ms)
