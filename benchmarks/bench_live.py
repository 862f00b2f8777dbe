"""How fast a dose follows the needle: drag, live, refined, and displaced needles at points of a structure.

Run with ``python -m benchmarks.bench_live``; that measures errors as well (benchmarks/live_errors.py), which takes
minutes. The phantom is that of benchmarks/bench_transport.py. Times run from the question to the answer, everything
included. Goals are wall times.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.bench_transport import DENSITIES, MATERIALS, SIDE, SOURCE_MM, spine
from benchmarks.measurement import Measurement, timed
from metaspine.dosimetry.absolute import AbsoluteRate
from metaspine.dosimetry.live import asked, drag_dose, live_updates
from metaspine.dosimetry.live_dose import LiveDose
from metaspine.dosimetry.live_patient import LivePatient, WaterScatter, prepared
from metaspine.dosimetry.live_scenarios import scenario_doses
from metaspine.dosimetry.reference_tissues import Tissues
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import material

NEEDLE = read_applicator("intrabeam-needle")
DWELL = DwellPosition(np.array(SOURCE_MM), np.array([0.0, 0.0, 1.0]), 60.0)
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)
ROD_MM = (12, 2)
ROD_RADIUS_MM = 2.75
SCENARIOS, SPREAD_MM, TILT = 300, 1.5, 0.05
STRUCTURE_MM = (24.0, 7.0)
"""How far behind the source a canal's axis lies, and its radius."""
REFINED_TO = 0.01


def phantom(*, rod: bool = False) -> Tissues:
    """Return the vertebral body, with a titanium rod beside the needle where one is wanted."""
    kinds = spine().astype(np.uint8)
    if rod:
        i, j, _ = np.indices(kinds.shape) - SIDE // 2
        kinds[(i - ROD_MM[0]) ** 2 + (j - ROD_MM[1]) ** 2 < ROD_RADIUS_MM**2] = MATERIALS.index("titanium")
    grid = Grid.axis_aligned(origin_mm=(0.5,) * 3, spacing_mm=1.0, shape=kinds.shape, frame_of_reference="phantom")
    density = np.array(DENSITIES, np.float32)[kinds]
    return Tissues(Volume(kinds, grid), Volume(density, grid), tuple(material(name) for name in MATERIALS))


def patient(*, rod: bool = False, water: WaterScatter | None = None) -> LivePatient:
    """Return the phantom ready for the needle."""
    return prepared(phantom(rod=rod), NEEDLE, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE, water=water)


def canal(points: int = 400) -> np.ndarray:
    """Return points (n, 3) of a tube behind the vertebral body."""
    random = np.random.default_rng(1)
    behind, radius = STRUCTURE_MM
    angle, out = random.uniform(0, 2 * np.pi, points), radius * np.sqrt(random.uniform(size=points))
    along = random.uniform(-15, 15, points)
    offsets = np.stack([out * np.cos(angle), behind + out * np.sin(angle), along], axis=1)
    return np.asarray(np.array(SOURCE_MM) + offsets)


def displaced(count: int = SCENARIOS) -> list[DwellPosition]:
    """Return needles displaced by 1.5 mm (1 SD along each axis) and tilted by some degrees."""
    random = np.random.default_rng(2)
    shifts, tilts = random.normal(0, SPREAD_MM, (count, 3)), random.normal(0, TILT, (count, 3))
    return [
        DwellPosition(DWELL.isocentre_mm + shift, DWELL.direction + tilt, DWELL.time_s)
        for shift, tilt in zip(shifts, tilts, strict=True)
    ]


def live_dose(of: LivePatient, *, resting: bool = True) -> LiveDose:
    """Return the live tier's dose."""
    request = asked(DWELL, resting=resting)
    return [update for update in live_updates(of, request, enough_photons=1) if update is not None][-1]


def refined(of: LivePatient, shell_mm: float) -> LiveDose:
    """Return the first dose that states less than 1 % of noise in a shell."""
    for update in live_updates(of, asked(DWELL, resting=True)):
        if update is not None and noise_in_shell(update, shell_mm) < REFINED_TO:
            return update
    raise AssertionError("the refinement ended before")


def noise_in_shell(update: LiveDose, shell_mm: float) -> float:
    """Return the stated noise, root mean square over a shell of a millimetre."""
    grid = update.noise.grid
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - DWELL.isocentre_mm
    shell = (np.abs(np.linalg.norm(points, axis=-1) - shell_mm) < 0.5) & np.isfinite(update.noise.values)
    return float(np.sqrt(np.mean(update.noise.values[shell] ** 2)))


def once(what: str, work: Callable[[], object], goal_wall_ms: float | None = None) -> Measurement:
    """Measure work that is too long to repeat."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Measurement(
        what, 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall), goal_wall_ms=goal_wall_ms
    )


def measure() -> list[Measurement]:
    """Measure every tier and the displaced needles."""
    of = patient()
    patient(water=of.water)
    preparing = once("prepare a patient, water's ratio included, rate known", patient)
    drag = timed(lambda: drag_dose(of, asked(DWELL)), repeats=9)
    live = timed(lambda: live_dose(of), repeats=9)
    both = timed(lambda: live_dose(of, resting=False), repeats=9)
    return [
        preparing,
        Measurement("drag tier, 40 mm", *drag, goal_wall_ms=40.0),
        Measurement(f"live tier from rest, 50 mm, {live_dose(of).photons} photons", *live, goal_wall_ms=200.0),
        Measurement("drag tier, then live tier", *both),
        *(once(f"refined to 1 % stated at {shell} mm", lambda s=shell: refined(of, s)) for shell in (15, 25)),
        once(
            f"{SCENARIOS} displaced needles, {len(canal())} points",
            lambda: scenario_doses(of, DWELL, displaced(), canal()),
            30_000.0,
        ),
    ]


if __name__ == "__main__":
    from benchmarks.live_errors import print_errors

    for row in measure():
        goal = "" if row.goal_wall_ms is None else f", goal {row.goal_wall_ms:g} ms"
        print(f"{row.what}: CPU {row.cpu_ms:.0f} ms, wall {row.wall_ms:.0f} ms{goal}")
    print_errors()
