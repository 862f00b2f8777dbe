"""Drawings as SVG without a single letter in them: the same drawing gives the same bytes on every machine."""

from __future__ import annotations

from io import BytesIO

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_MM_PER_INCH = 25.4
_SETTINGS: dict[str, object] = {"svg.hashsalt": "metaspine", "svg.image_inline": True, "path.simplify": False}


def blank(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """Return an empty drawing and its axes, which fill it from edge to edge and show no frame."""
    with matplotlib.style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
    return figure, axes


def svg(figure: Figure) -> bytes:
    """Return the drawing as SVG, free of dates and of the reader's own matplotlib settings."""
    with matplotlib.style.context(["default", _SETTINGS]):
        sheet = BytesIO()
        figure.set_canvas(FigureCanvasSVG(figure))
        figure.savefig(sheet, format="svg", metadata={"Date": None, "Creator": None})
    return sheet.getvalue()
