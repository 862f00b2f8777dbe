"""Draw docs/images/anatomy.png: what is found in the T12 of the example. Run: python docs/images/anatomy.py."""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from metaspine.anatomy.bone import vertebra_mask
from metaspine.anatomy.canal import bony_canal
from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.exchange.scans import read_scan
from metaspine.geometry.reslicing import PlanarView, axial, coronal, reslice, sagittal, section

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "t12"
LEVEL = "T12"


def main() -> None:
    """Write the picture beside this file."""
    scan = read_scan(EXAMPLE / "ct.nii.gz", structures=EXAMPLE / "labels.nii.gz")
    found = describe_vertebra(scan, LEVEL)
    regions = (
        (vertebra_mask(scan, LEVEL), "tab:orange", "vertebra with lesion"),
        (bony_canal(scan, LEVEL).region, "tab:cyan", "bony canal"),
    )
    points = {
        "body": found.body_centre_mm,
        "canal": found.canal_centre_mm,
        "right isthmus": found.right_pedicle.isthmus_mm,
        "left isthmus": found.left_pedicle.isthmus_mm,
    }
    frame = found.axes
    ways = {
        "axial, height of the canal point": (axial(left=frame.left, anterior=frame.anterior), points["canal"]),
        "coronal, right isthmus": (coronal(left=frame.left, cranial=frame.cranial), points["right isthmus"]),
        "sagittal, canal": (sagittal(anterior=frame.anterior, cranial=frame.cranial), points["canal"]),
    }
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.8), constrained_layout=True)
    for panel, (name, (orientation, centre)) in zip(panels, ways.items(), strict=True):
        view = PlanarView(centre, orientation, 90.0, 80.0, 0.4, scan.frame_of_reference)
        _draw(panel, view, reslice(scan.image, view), regions, points)
        panel.set_title(f"{LEVEL} {name}", fontsize=9)
    panels[0].legend(loc="lower right", fontsize=7)
    figure.savefig(HERE / "anatomy.png", dpi=100, metadata={"Software": None})


def _draw(panel: Axes, view: PlanarView, values: np.ndarray, regions: tuple, points: dict) -> None:
    left, right, top, bottom = view.orientation.edge_letters
    panel.imshow(values, extent=view.extent_mm, cmap="gray", vmin=-200, vmax=600)
    for region, colour, label in regions:
        for n, line in enumerate(section(region, view)):
            panel.plot(*line.T, color=colour, linewidth=1.2, label=label if n == 0 else None)
    for label, point in points.items():
        if abs(view.height_above_mm(point)) < 4:
            x, y = view.project(point)
            panel.plot(x, y, "+", color="yellow", markersize=11, markeredgewidth=2)
            panel.annotate(label, (x, y), xytext=(3, 5), textcoords="offset points", color="yellow", fontsize=8)
    edges = {left: (0.02, 0.5), right: (0.95, 0.5), top: (0.49, 0.94), bottom: (0.49, 0.02)}
    for letter, (across, up) in edges.items():
        panel.text(across, up, letter, transform=panel.transAxes, color="white", fontsize=12, weight="bold")
    panel.set_axis_off()


if __name__ == "__main__":
    main()
