"""Draw geometry.png: coverage under the even-odd rule, and the slabs of the prism convention.

Run with ``python docs/images/geometry.py``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from metaspine.geometry import Grid
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.slabs import EndConvention, stack
from metaspine.geometry.tracing import half_level, voxel_edges

FRAME = "2.25.1"


def circle(radius_mm: float, *, height_mm: float) -> Contour:
    """Return a circle on an axial plane."""
    angle = 2 * np.pi * np.arange(200) / 200
    return Contour(np.column_stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle), np.full(200, height_mm)]))


def draw_coverage(axes: Axes) -> None:
    """Draw a ring with an island: what was drawn, how much of each voxel it fills, and the two ways to trace that."""
    drawn = ContourSet(tuple(circle(radius, height_mm=0) for radius in (7.3, 4.6, 1.7)), FRAME)
    grid = Grid.axis_aligned(origin_mm=(-9, -9, 0), spacing_mm=1, shape=(19, 19, 1), frame_of_reference=FRAME)
    filled = coverage(drawn, grid, single_plane_mm=1.0)
    axes.imshow(filled.values[:, :, 0].T, cmap="Greys", extent=(-9.5, 9.5, 9.5, -9.5), vmin=0, vmax=1.4)
    styles = ((drawn, "#d62728", "drawn"), (voxel_edges(filled), "#1f77b4", "voxel edges"))
    for contours, colour, label in (*styles, (half_level(filled), "#2ca02c", "half level")):
        for number, contour in enumerate(contours.closed):
            loop = np.vstack([contour.points_mm, contour.points_mm[:1]])
            axes.plot(loop[:, 0], loop[:, 1], color=colour, linewidth=1, label="" if number else label)
    axes.legend(loc="lower right", fontsize=7)
    axes.set(title="coverage, even-odd", xlabel="to the patient's left, mm", ylabel="to posterior, mm")


def draw_slabs(axes: Axes, ends: EndConvention) -> None:
    """Draw a sphere's slabs from the side."""
    heights = np.arange(-6.0, 7.0, 3.0)
    radii = np.sqrt(8**2 - heights**2)
    drawn = ContourSet(tuple(circle(r, height_mm=h) for r, h in zip(radii, heights, strict=True)), FRAME)
    slabs = stack(drawn, ends=ends)
    for slab, radius in zip(slabs.slabs, radii, strict=True):
        corner = (-radius, slab.low_mm)
        axes.add_patch(Rectangle(corner, 2 * radius, slab.thickness_mm, facecolor="#bbbbbb", edgecolor="#666666"))
        axes.plot([-radius, radius], [slab.position_mm] * 2, color="#d62728", linewidth=1.5)
    axes.set(title=f"{ends}: {slabs.volume_mm3() / 1000:.2f} cc", xlabel="mm", xlim=(-10, 10), ylim=(-9.5, 9.5))
    axes.set_aspect("equal")


def main() -> None:
    """Write the picture beside this file."""
    mpl.rcParams["font.size"] = 8
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    draw_coverage(first)
    draw_slabs(second, "prism")
    draw_slabs(third, "half-end")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
