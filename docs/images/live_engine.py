"""Draw live-engine.png: the drag and live tiers beside a long reference run, and how far they are from it.

Run with ``python docs/images/live_engine.py``; the reference run takes a minute.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from metaspine.dosimetry import AbsoluteRate, LiveDose, Tissues, asked, live_updates, prepared
from metaspine.dosimetry.reference_run import further, kerma, started
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.materials import material
from metaspine.transport.scatter import Sampling

NEEDLE = read_applicator("intrabeam-needle")
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)
DWELL = DwellPosition(np.array([0.2, 0.3, 0.1]), np.array([0.0, 0.0, 1.0]), 60.0)
SIDE_MM, SHOWN_MM = 62, 40
NAMES, DENSITIES = ("water", "soft", "spongiosa", "cortical", "titanium"), (1.0, 1.06, 1.18, 1.92, 4.54)
ISODOSES_GY = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
BATCHES, RAYS = 60, 20_000


def phantom() -> Tissues:
    """Return a vertebral body with a breach in its wall, and a titanium rod to its left."""
    grid = Grid.around(np.zeros(3), half_extent_mm=SIDE_MM, spacing_mm=1.0, frame_of_reference="phantom")
    x, y, z = np.moveaxis(grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    kinds = np.ones(grid.shape, np.uint8)
    kinds[((x / 21.5) ** 2 + (y / 17.5) ** 2 < 1) & (np.abs(z) < 14.5)] = 3
    kinds[((x / 20) ** 2 + (y / 16) ** 2 < 1) & (np.abs(z) < 13)] = 2
    kinds[(np.hypot(x - 4, z) < 4) & (y > 10) & (kinds == 3)] = 1
    kinds[np.hypot(x - 27, y - 6) < 2.75] = 4
    density = np.array(DENSITIES, np.float32)[kinds]
    return Tissues(Volume(kinds, grid), Volume(density, grid), tuple(material(name) for name in NAMES))


def plane(volume: Volume) -> np.ndarray:
    """Return the axial plane through the source, to 40 mm to each side; NaN where the volume ends."""
    steps = np.arange(-SHOWN_MM, SHOWN_MM + 1.0)
    points = np.stack([*np.meshgrid(steps, steps, indexing="ij"), np.zeros((len(steps),) * 2)], axis=-1)
    index = np.rint(volume.grid.index(points)).astype(int)
    inside = volume.grid.contains(points)
    found = np.full(inside.shape, np.nan)
    found[inside] = volume.values[tuple(index[inside].T)]
    return found


def doses(tissues: Tissues) -> tuple[LiveDose, LiveDose, Volume]:
    """Return the drag and live updates, and the reference dose to water."""
    patient = prepared(tissues, NEEDLE, NEEDLE.nominal, scan_sha256="0" * 64, rate=RATE)
    drag, live = (update for update in live_updates(patient, asked(DWELL), enough_photons=1) if update)
    run = further(started(tissues, DWELL, NEEDLE, sampling=Sampling(seed=5, rays_per_batch=RAYS)), BATCHES)
    values = kerma(run, (slice(None),) * 3)[0][..., 1] * RATE.photons_per_min * DWELL.time_s / 60
    return drag, live, Volume(values, tissues.density.grid)


def main() -> None:
    """Write the picture beside this file."""
    mpl.rcParams["font.size"] = 8
    tissues = phantom()
    drag, live, reference = doses(tissues)
    exact, anatomy = plane(reference), plane(tissues.density)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(2, 3)
    extent = (-SHOWN_MM - 0.5, SHOWN_MM + 0.5, SHOWN_MM + 0.5, -SHOWN_MM - 0.5)
    shown = (
        (f"drag, no photon, {DWELL.time_s:.0f} s", plane(drag.to_water.volume)),
        (f"live, {live.photons // 1000} 000 photons", plane(live.to_water.volume)),
        ("reference", exact),
    )
    for place, (title, dose) in zip(axes[0], shown, strict=True):
        place.imshow(anatomy.T, cmap="Greys", extent=extent, vmin=0.8, vmax=3)
        steps = np.arange(-SHOWN_MM, SHOWN_MM + 1.0)
        place.contour(steps, steps, dose.T, levels=ISODOSES_GY, cmap="plasma", linewidths=0.9)
        place.set(title=f"{title}: dose to water", ylabel="to posterior, mm")
    for place, (title, dose) in zip(axes[1], shown[:2], strict=False):
        image = place.imshow(100 * (dose / exact - 1).T, cmap="RdBu_r", extent=extent, vmin=-20, vmax=20)
        place.set(title=f"{title.split(',')[0]} over reference - 1, %", xlabel="to the patient's left, mm")
    figure.colorbar(image, ax=axes[1, :2], shrink=0.8)
    doubts = plane(live.doubts)
    axes[1, 2].imshow(np.where(doubts.astype(int) & 3, 1.0, 0.0).T, cmap="Reds", extent=extent, vmax=1.5)
    axes[1, 2].set(title="flagged: near or behind metal", xlabel="to the patient's left, mm")
    figure.savefig(Path(__file__).parent / "live-engine.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
