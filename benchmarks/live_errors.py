"""How far live doses are from long reference runs, how their noise moves with the needle, and displaced needles.

The reference is two runs of different seeds. The mean of (live - first)(live - second) over voxels holds the live
dose's own squared error alone: the reference's noise drops out, as it differs between the two. ``python -m
benchmarks.bench_live`` prints it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import metaspine as ms
from benchmarks.bench_live import DWELL, NEEDLE, RATE, canal, displaced, patient, phantom
from benchmarks.bench_transport import MATERIALS
from metaspine.dosimetry import prepared, tissues_around
from metaspine.dosimetry.live import asked, live_updates
from metaspine.dosimetry.live_dose import LiveDose
from metaspine.dosimetry.live_patient import LivePatient
from metaspine.dosimetry.live_scenarios import scenario_doses
from metaspine.dosimetry.live_scene import live_sampling
from metaspine.dosimetry.live_trust import Doubt
from metaspine.dosimetry.reference_run import further, kerma, started
from metaspine.geometry import Grid
from metaspine.physics.applicators import DoseConvention
from metaspine.transport.scatter import Sampling

SHELLS_MM = ((5, 15), (15, 25), (25, 40))
REFERENCE_SEEDS = (101, 102)
REFERENCE_BATCHES, REFERENCE_RAYS = 100, 20_000
MOVES_MM = (0.1, 0.5, 1.0, 2.0)
EXAMPLE, EXAMPLE_BATCHES = Path(__file__).parent.parent / "examples" / "t12", 40
SEEDS = (1, 2, 3, 4, 5, 6)
BRUTE_FORCED = 4
SPOILED = Doubt.NEAR_METAL | Doubt.BEHIND_METAL | Doubt.OUT_OF_REACH | Doubt.INSIDE_APPLICATOR
Mask = NDArray[np.bool_]


class Compared(NamedTuple):
    """A live dose and two reference doses on its grid, to one of the media."""

    live: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def rms(self, where: Mask) -> float:
        """Return the relative error of the live dose alone, root mean square, in percent."""
        live, first, second = self.live[where], self.first[where], self.second[where]
        square = np.mean((live - first) * (live - second) / ((first + second) / 2) ** 2)
        return float(100 * np.sqrt(max(square, 0.0)))

    def mean(self, where: Mask) -> float:
        """Return the mean relative difference in percent."""
        return float(100 * (2 * self.live[where] / (self.first[where] + self.second[where]) - 1).mean())


def reference(*, rod: bool, seed: int, batches: int = REFERENCE_BATCHES) -> NDArray[np.float64]:
    """Return the reference engine's dose in Gy on the whole phantom, (x, y, z, medium or water)."""
    sampling = Sampling(seed=seed, rays_per_batch=REFERENCE_RAYS)
    run = further(started(phantom(rod=rod), DWELL, NEEDLE, sampling=sampling), batches)
    return kerma(run, (slice(None),) * 3)[0] * RATE.photons_per_min * DWELL.time_s / 60


def compared(update: LiveDose, references: list[NDArray[np.float64]], channel: int) -> Compared:
    """Return a live dose beside the references on its own grid."""
    box = _box(update, phantom().density.grid)
    dose = (update.to_medium, update.to_water)[channel].volume.values.astype(np.float64)
    return Compared(dose, *(one[box][..., channel] for one in references))


def regions(update: LiveDose, *, rod: bool) -> list[tuple[str, Mask]]:
    """Return the places whose error is printed: shells by tissue, and what metal spoils."""
    grid = update.noise.grid
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    distance = np.linalg.norm(points - DWELL.isocentre_mm, axis=-1)
    kinds = phantom(rod=rod).material.values[_box(update, phantom().density.grid)]
    doubts, known = update.doubts.values.astype(int), np.isfinite(update.noise.values)
    clear = ((doubts & SPOILED) == 0) & known
    found = [("5 to 25 mm, all", clear & (distance >= 5) & (distance < 25))]
    for low, high in SHELLS_MM:
        shell = (distance >= low) & (distance < high)
        found += [(f"{low} to {high} mm, {name}", clear & shell & (kinds == n)) for n, name in enumerate(MATERIALS)]
        tissue = shell & known & (kinds != MATERIALS.index("titanium"))
        near = (doubts & Doubt.NEAR_METAL) != 0
        found.append((f"{low} to {high} mm, within 3 mm of metal", tissue & near))
        found.append((f"{low} to {high} mm, behind metal", tissue & ~near & ((doubts & Doubt.BEHIND_METAL) != 0)))
    return [(name, mask) for name, mask in found if mask.sum() >= 100]


def print_tiers(*, rod: bool) -> None:
    """Print the errors of every tier."""
    references = [reference(rod=rod, seed=seed) for seed in REFERENCE_SEEDS]
    updates = live_updates(patient(rod=rod), asked(DWELL), enough_photons=5_000_000)
    print(f"\nerrors in the spine phantom{' with a titanium rod' if rod else ''}, percent of the local dose")
    print("tier, photons | where | voxels | to medium: mean, rms | to water: mean, rms | stated (median)")
    for update in (one for one in updates if one is not None):
        both = [compared(update, references, channel) for channel in (0, 1)]
        for name, mask in regions(update, rod=rod):
            numbers = " | ".join(f"{one.mean(mask):+.1f}, {one.rms(mask):.1f}" for one in both)
            stated = 100 * np.median(update.noise.values[mask])
            print(f"{update.tier}, {update.photons} | {name} | {mask.sum()} | {numbers} | {stated:.1f}")


def print_patient() -> None:
    """Print the errors in the scan of an example, over its own tissues."""
    case = ms.read_case(EXAMPLE / "case.yaml")
    scan = ms.read_scan(EXAMPLE / "ct.nii.gz", structures=EXAMPLE / "labels.nii.gz")
    prescription = ms.Prescription(dose_gy=8, depth_mm=13, origin="isocentre")
    plan = ms.make_plan(scan, case, level="T12", applicator="intrabeam-needle", prescription=prescription)
    region = Grid.around(
        plan.dwell.isocentre_mm, half_extent_mm=60, spacing_mm=1, frame_of_reference=scan.frame_of_reference
    )
    tissues = tissues_around(scan, region)
    of = prepared(tissues, NEEDLE, NEEDLE.nominal, scan_sha256=scan.origin.sha256, rate=RATE)
    grid, references = of.grid, []
    for seed in REFERENCE_SEEDS:
        run = started(tissues, plan.dwell, NEEDLE, sampling=Sampling(seed=seed, rays_per_batch=REFERENCE_RAYS))
        dose = kerma(further(run, EXAMPLE_BATCHES), (slice(None),) * 3)[0]
        references.append(dose * RATE.photons_per_min * plan.dwell.time_s / 60)
    print("\nerrors in the CT of examples/t12, percent: tier, photons | where | to medium: mean, rms | stated (median)")
    for update in (one for one in live_updates(of, asked(plan.dwell), enough_photons=1) if one is not None):
        box = _box(update, grid)
        pair = [one[box][..., 0] for one in references]
        beside = Compared(update.to_medium.volume.values.astype(np.float64), pair[0], pair[1])
        points = update.noise.grid.point_mm(np.moveaxis(np.indices(update.noise.grid.shape), 0, -1))
        distance = np.linalg.norm(points - plan.dwell.isocentre_mm, axis=-1)
        clear = (update.doubts.values.astype(int) & SPOILED) == 0
        for low, high in ((5, 25), *SHELLS_MM):
            here = clear & (distance >= low) & (distance < high)
            stated = 100 * np.median(update.noise.values[here])
            numbers = f"{beside.mean(here):+.1f}, {beside.rms(here):.1f} | {stated:.1f}"
            print(f"{update.tier}, {update.photons} | {low} to {high} mm | {numbers}")


def _box(update: LiveDose, grid: Grid) -> tuple[slice, ...]:
    """Return where an update's voxels lie in a larger grid."""
    start = np.rint(grid.index(update.noise.grid.origin_mm)).astype(int)
    return tuple(slice(low, low + count) for low, count in zip(start, update.noise.values.shape, strict=True))


def print_movement() -> None:
    """Print how much of the noise a moved needle keeps, and what changes beyond the true change."""
    of = patient()
    rested = _doses(of, 0.0)
    shell = np.isfinite(rested).all(axis=0) & _shell(15, 25)
    print("\nnoise of a moved needle, live tier, 15 to 25 mm: move | correlation | change beyond the true one, percent")
    for move in MOVES_MM:
        moved = _doses(of, move)
        first, second = (one - one.mean(axis=0) for one in (rested, moved))
        use = shell & np.isfinite(moved).all(axis=0)
        a, b = (
            one[:, use] / rested.mean(axis=0)[use] * np.sqrt(len(SEEDS) / (len(SEEDS) - 1)) for one in (first, second)
        )
        correlation = float((a * b).mean() / np.sqrt((a**2).mean() * (b**2).mean()))
        change, unrelated = (100 * np.sqrt(np.mean(x)) for x in ((a - b) ** 2, a**2 + b**2))
        print(f"{move} mm | {correlation:.2f} | {change:.2f} (another seed: {unrelated:.2f})")


def _doses(of: LivePatient, move_mm: float) -> NDArray[np.float64]:
    """Return the live dose to water of every seed at a place along x, on the whole phantom, (seed, x, y, z)."""
    shift = np.array([move_mm, 0.0, 0.0])
    dwell = replace(DWELL, isocentre_mm=DWELL.isocentre_mm + shift)
    found = np.full((len(SEEDS), *of.grid.shape), np.nan)
    for number, seed in enumerate(SEEDS):
        request = asked(dwell, resting=True)
        update = [u for u in live_updates(of, request, sampling=live_sampling(seed), enough_photons=1) if u][-1]
        box = _box(update, of.grid)
        found[(number, *box)] = update.to_water.volume.values
    return found


def _shell(low_mm: float, high_mm: float) -> Mask:
    grid = phantom().density.grid
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    distance = np.linalg.norm(points - DWELL.isocentre_mm, axis=-1)
    return np.asarray((distance >= low_mm) & (distance < high_mm))


def print_scenarios() -> None:
    """Print displaced needles beside long runs at their own places, and the percentiles with their errors."""
    of, points, needles = patient(), canal(), displaced()
    found = scenario_doses(of, DWELL, needles, points)
    print("\ndisplaced needles beside a run at their own place, dose to water, percent: move | mean, rms | highest")
    for number in range(BRUTE_FORCED):
        own = scenario_doses(
            of, needles[number], [needles[number]], points, steps_per_group=40, sampling=live_sampling(9)
        )
        ratio = found.to_water[number] / own.to_water[0] - 1
        noise = np.hypot(
            *(np.std(g, axis=0, ddof=1) / 8**0.5 for g in (found.groups_to_water[:, number], own.groups_to_water[:, 0]))
        )
        moved = np.round(needles[number].isocentre_mm - DWELL.isocentre_mm, 1).tolist()
        highest = np.nanmax(found.to_water[number]) / np.nanmax(own.to_water[0]) - 1
        print(
            f"{moved} | {100 * ratio.mean():+.1f}, {100 * np.sqrt((ratio**2).mean()):.1f} (by chance "
            f"{100 * np.sqrt(np.mean((noise / own.to_water[0]) ** 2)):.1f}) | {100 * highest:+.1f}"
        )
    for one in found.percentiles_of_maximum(convention=DoseConvention.MONTE_CARLO_WATER):
        print(
            f"highest dose of the structure, {one.percent:g}th percentile: {one.value_gy:.3f} Gy, standard error "
            f"{one.by_photons_gy:.3f} Gy by photons, {one.by_scenarios_gy:.3f} Gy by scenarios"
        )


def print_errors() -> None:
    """Print everything."""
    print_tiers(rod=False)
    print_tiers(rod=True)
    print_patient()
    print_movement()
    print_scenarios()
