"""Pictures of the plan on the patient's CT: contours, isodoses, the needle to scale, the letters that orient them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.reslicing import (
    PlanarView,
    ViewOrientation,
    axial,
    coronal,
    isolines,
    needle_axial,
    reslice,
    sagittal,
    section,
)
from metaspine.geometry.volume import Volume
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.reports.blocks import Gallery, Label, LegendEntry, Picture
from metaspine.reports.drawing import blank, svg
from metaspine.reports.lines import (
    CHANNEL,
    LESION,
    LIMITING_STRUCTURE,
    NEEDLE,
    VERTEBRA,
    LineStyle,
    isodose_styles,
    mpl_dash,
)
from metaspine.reports.rods import needle_rod, working_channel
from metaspine.reports.wording import millimetres

WINDOW_WIDTH_HU, WINDOW_CENTRE_HU = 1500.0, 350.0
"""A bone window that still shows the canal's soft tissue (REPORT-01)."""

_FIELD_MM = 80.0
_PIXEL_MM = 0.25
_PAPER_MM = 84.0
_SCALE_BAR_MM = 20.0
_TOWARDS_ENTRY_MM = 16.0
_OUTSIDE_GREY = 0.22
_CAPTION = (
    "All pictures pass through the isocentre (cross) and have one scale. R, L, A, P, H, F: towards the patient's "
    "right, left, front, back, head, feet; several letters where the edge lies between. Needle and working channel are "
    "to scale, cut by the plane of each picture; the thin dash-dotted line is the needle's axis, projected. Window "
    f"{WINDOW_WIDTH_HU:.0f} HU wide about {WINDOW_CENTRE_HU:.0f} HU (REPORT-01), isodoses (REPORT-02) in the dose's "
    "convention: {convention}. Plain dark grey: outside the image."
)
_LABELS_FROM, _LABEL_STEP, _LABEL_WIDTH = 0.66, 0.062, 0.17


@dataclass(frozen=True, eq=False)
class PlannedView:
    """One picture's plane, with what it is called and what is said below it."""

    name: str
    title: str
    caption: str
    view: PlanarView
    plane: str = ""
    """What the corner of the picture says behind the level; the name where it is empty."""
    dose: str = ""
    """The convention of the isodoses, below it, where pictures of two stand side by side."""


def gallery(plan: Plan, scan: Scan, dose: Dose) -> Gallery:
    """Return the axial, coronal, sagittal and needle-aligned pictures through the isocentre, with their legend."""
    views = planned_views(plan)
    return Gallery(
        "",
        tuple(plan_picture(view, plan, scan, dose) for view in views),
        columns=2,
        legend=legend(plan),
        caption=_CAPTION.format(convention=dose.convention.value),
    )


def planned_views(plan: Plan) -> tuple[PlannedView, ...]:
    """Return the four planes through the isocentre."""
    trajectory, axes = plan.trajectory, plan.vertebra.axes
    aligned = needle_axial(trajectory.direction, anterior=axes.anterior, cranial=axes.cranial)
    towards_entry = trajectory.isocentre_mm - _TOWARDS_ENTRY_MM * trajectory.direction
    centre = trajectory.isocentre_mm
    across = _across_words(float((centre - plan.vertebra.body_centre_mm) @ axes.left))
    return (
        _planned("axial", "Axial", axial(), centre, plan),
        _planned("coronal", "Coronal", coronal(), centre, plan),
        _planned("sagittal", "Sagittal", sagittal(), centre, plan, where=across),
        _planned(
            "needle", "Along the needle (oblique axial)", aligned, towards_entry, plan, where="holds the whole axis"
        ),
    )


def plan_picture(planned: PlannedView, plan: Plan, scan: Scan, dose: Dose) -> Picture:
    """Return one picture: CT, contours, isodoses, needle and channel, and every letter that belongs on it."""
    view = planned.view
    figure, axes = _ct(view, scan.image)
    for structure, style in drawn_structures(plan, scan):
        _draw(axes, section(region_volume(structure, view.centre_mm, scan.image.grid), view), style)
    _draw_applicator(axes, view, plan)
    labels = [*_isodoses(axes, view, plan, dose), *_orientation_labels(planned, plan.level), *_scale_bar(axes, view)]
    height = _PAPER_MM * view.height_mm / view.width_mm
    return Picture(planned.name, svg(figure), _PAPER_MM, height, tuple(labels), planned.title, planned.caption)


def drawn_structures(plan: Plan, scan: Scan) -> list[tuple[Structure, LineStyle]]:
    """Return what is outlined: the vertebra of the level, the limiting structure, the lesion."""
    vertebrae = [s for s in scan.of_role(Role.VERTEBRA) if s.level == plan.level]
    return [
        *((structure, VERTEBRA) for structure in vertebrae),
        (plan.limiting_structure, LIMITING_STRUCTURE),
        (plan.lesion, LESION),
    ]


def region_volume(structure: Structure, near_mm: FloatArray, grid: Grid) -> Volume:
    """Return a structure's mask or coverage; drawn contours are filled on the part of the grid around a point."""
    if isinstance(structure.region, Volume):
        return structure.region
    index = grid.index(near_mm)
    reach = _FIELD_MM / grid.spacing_mm
    low = np.clip(np.floor(index - reach), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.ceil(index + reach) + 1, low + 1, grid.shape).astype(int)
    start, stop = ((int(i), int(j), int(k)) for i, j, k in (low, high))
    return coverage(structure.region, grid.cropped(start, stop))


def legend(plan: Plan) -> tuple[LegendEntry, ...]:
    """Return what each line on the pictures means."""
    channel = plan.applicator.channel
    prescribed = plan.prescription.dose_gy
    lines: list[tuple[str, LineStyle]] = [
        (f"lesion ({plan.lesion.name})", LESION),
        (f"{plan.limiting_structure.role.value} ({plan.limiting_structure.name})", LIMITING_STRUCTURE),
        (f"vertebra {plan.level}", VERTEBRA),
        (f"needle {millimetres(channel.needle_diameter_mm)}", NEEDLE),
        (f"working channel {millimetres(channel.working_channel_diameter_mm)}", CHANNEL),
        *((isodose_words(level, prescribed), style) for level, style in isodose_styles(prescribed).items()),
    ]
    return tuple(LegendEntry(text, style.colour, style.dash, style.width_pt) for text, style in lines)


def isodose_words(level_gy: float, prescribed_gy: float) -> str:
    """Return an isodose's label: Gy and per cent of the prescribed dose."""
    return f"{level_gy:g} Gy · {100 * level_gy / prescribed_gy:.0f} %"


def _planned(
    name: str, title: str, orientation: ViewOrientation, centre_mm: FloatArray, plan: Plan, *, where: str = ""
) -> PlannedView:
    view = PlanarView(centre_mm, orientation, _FIELD_MM, _FIELD_MM, _PIXEL_MM, plan.vertebra.frame_of_reference)
    caption = "; ".join(filter(None, (f"seen from the patient's {_seen_from(orientation)}", where)))
    return PlannedView(name, title, caption, view)


def _across_words(offset_mm: float) -> str:
    if abs(offset_mm) < 0.05:
        return "through the vertebral body's centre"
    return f"{millimetres(abs(offset_mm))} {'left' if offset_mm > 0 else 'right'} of the vertebral body's centre"


def _seen_from(orientation: ViewOrientation) -> str:
    names = (("right", "left"), ("front", "back"), ("feet", "head"))
    viewer = orientation.towards_viewer
    axis = int(np.argmax(np.abs(viewer)))
    return names[axis][int(viewer[axis] > 0)]


def _ct(view: PlanarView, image: Volume) -> tuple[Figure, Axes]:
    figure, axes = blank(_PAPER_MM, _PAPER_MM * view.height_mm / view.width_mm)
    low = WINDOW_CENTRE_HU - WINDOW_WIDTH_HU / 2
    shade = np.clip((reslice(image, view) - low) / WINDOW_WIDTH_HU, 0.0, 1.0)
    grey = np.where(np.isnan(shade), _OUTSIDE_GREY, shade)
    pixels = np.repeat(np.round(255 * grey).astype(np.uint8)[..., None], 3, axis=-1)
    axes.imshow(pixels, extent=view.extent_mm, interpolation="none", aspect="auto")
    left, right, bottom, top = view.extent_mm
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    return figure, axes


def _draw(axes: Axes, polylines: Iterable[FloatArray], style: LineStyle) -> None:
    casing = [withStroke(linewidth=style.width_pt + 1.2, foreground="#00000090")]
    for line in polylines:
        axes.plot(
            line[:, 0],
            line[:, 1],
            color=style.colour,
            linewidth=style.width_pt,
            linestyle=mpl_dash(style.dash),
            path_effects=casing,
            solid_joinstyle="round",
        )


def _draw_applicator(axes: Axes, view: PlanarView, plan: Plan) -> None:
    for rod, style in ((working_channel(plan), CHANNEL), (needle_rod(plan), NEEDLE)):
        _draw(axes, _outline(rod.distance_mm(view.pixels_mm()), view), style)
    trajectory = plan.trajectory
    reach = np.array([[-2.0 * _FIELD_MM], [plan.applicator.tip_beyond_isocentre_mm]])
    axis = view.project(trajectory.isocentre_mm + reach * trajectory.direction)
    axes.plot(axis[:, 0], axis[:, 1], color=NEEDLE.colour, linewidth=0.4, linestyle="-.")
    centre = view.project(trajectory.isocentre_mm)
    axes.plot(*centre, marker="+", color=NEEDLE.colour, markersize=5, markeredgewidth=0.8)


def _outline(distance_mm: FloatArray, view: PlanarView) -> list[FloatArray]:
    rows, columns = distance_mm.shape
    x = view.pixel_mm * (np.arange(columns) - (columns - 1) / 2)
    y = view.pixel_mm * (np.arange(rows) - (rows - 1) / 2)
    return [np.asarray(line) for line in contour_generator(x, y, distance_mm, line_type=LineType.Separate).lines(0.0)]


def _isodoses(axes: Axes, view: PlanarView, plan: Plan, dose: Dose) -> list[Label]:
    styles = isodose_styles(plan.prescription.dose_gy)
    found = isolines(dose.volume, view, tuple(styles), log=True)
    labels = []
    for place, (level_gy, style) in enumerate(styles.items()):
        lines = [view.project(line) for line in found[level_gy]]
        _draw(axes, lines, style)
        if lines:
            labels.append(_isodose_label(axes, view, lines, level_gy, place, plan))
    return labels


def _isodose_label(
    axes: Axes, view: PlanarView, lines: Sequence[FloatArray], level_gy: float, place: int, plan: Plan
) -> Label:
    """Return the label, in a column at the right, and draw the thin line that leads to its isodose."""
    style = isodose_styles(plan.prescription.dose_gy)[level_gy]
    right_share, down_share = 0.985, _LABELS_FROM + place * _LABEL_STEP
    left, right, bottom, top = view.extent_mm
    start = np.array([left + (right_share - _LABEL_WIDTH) * (right - left), top + down_share * (bottom - top)])
    points = np.concatenate(list(lines))
    end = points[np.argmin(np.linalg.norm(points - start, axis=1))]
    axes.plot(*np.stack([start, end]).T, color=style.colour, linewidth=0.5)
    text = isodose_words(level_gy, plan.prescription.dose_gy)
    return Label(text, right_share, down_share, "east", "tag", style.colour)


def _orientation_labels(planned: PlannedView, level: str) -> list[Label]:
    left, right, top, bottom = planned.view.orientation.edge_letters
    return [
        Label(left, 0.012, 0.5, "west", "letter"),
        Label(right, 0.988, 0.5, "east", "letter"),
        Label(top, 0.5, 0.012, "north", "letter"),
        Label(bottom, 0.5, 0.988, "south", "letter"),
        Label(f"{level} · {planned.plane or planned.name}", 0.012, 0.012, "north-west", "overlay"),
        *([Label(planned.dose, 0.012, 0.07, "north-west", "overlay")] if planned.dose else []),
        Label(f"W {WINDOW_WIDTH_HU:.0f} L {WINDOW_CENTRE_HU:.0f} HU", 0.988, 0.988, "south-east", "overlay"),
    ]


def _scale_bar(axes: Axes, view: PlanarView) -> list[Label]:
    left, right, bottom, top = view.extent_mm
    start, height = left + 0.025 * (right - left), bottom - 0.025 * (bottom - top)
    axes.plot(
        [start, start + _SCALE_BAR_MM],
        [height, height],
        color="white",
        linewidth=2.2,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=3.6, foreground="black")],
    )
    middle = (start + _SCALE_BAR_MM / 2 - left) / (right - left)
    return [Label(f"{_SCALE_BAR_MM:.0f} mm", middle, 0.965, "south", "overlay")]
