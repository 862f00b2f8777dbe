"""The dose-volume histograms as a plot: lines by matplotlib, every letter by the page's own font."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from metaspine.geometry.grid import FloatArray
from metaspine.reports.blocks import Label, Picture
from metaspine.reports.drawing import blank, svg
from metaspine.reports.lines import LineStyle, mpl_dash

_WIDTH_MM, _HEIGHT_MM = 174.0, 76.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.06, 0.985, 0.10, 0.865
_DOSES_GY = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
_FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_GRID_COLOUR = "#dfe4e8"
_NAMES_ROW = 0.035
_WHOLE = 0.9999
"""From here on a curve's first point holds the whole structure, and a level line to its left is true."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One cumulative histogram.

    Parameters
    ----------
    dose_gy
        Increasing.
    fraction
        Of the structure's volume that gets at least that dose, 0 to 1.
    """

    name: str
    dose_gy: FloatArray
    fraction: FloatArray
    style: LineStyle


def dvh_picture(curves: Sequence[Curve], *, prescribed_gy: float) -> Picture:
    """Return the plot over a logarithmic dose axis, with the prescribed dose marked and every curve named."""
    figure, axes = blank(_WIDTH_MM, _HEIGHT_MM)
    axes.set_position((_LEFT, 1.0 - _BOTTOM, _RIGHT - _LEFT, _BOTTOM - _TOP))
    axes.set_xlim(np.log2(_DOSES_GY[0]), np.log2(_DOSES_GY[-1]))
    axes.set_ylim(0.0, 1.005)
    _draw_grid(axes, prescribed_gy)
    for curve in curves:
        _draw_curve(axes, curve)
    labels = (*_axis_labels(), *_names(axes, curves), *_prescription_label(prescribed_gy))
    return Picture("dvh", svg(figure), _WIDTH_MM, _HEIGHT_MM, labels, "Cumulative dose-volume histograms")


def _draw_grid(axes: Axes, prescribed_gy: float) -> None:
    for dose in _DOSES_GY:
        axes.axvline(np.log2(dose), color=_GRID_COLOUR, linewidth=0.5)
    for fraction in _FRACTIONS:
        axes.axhline(fraction, color=_GRID_COLOUR, linewidth=0.5)
    axes.axvline(np.log2(prescribed_gy), color="#1b1f24", linewidth=0.8, linestyle=(0, (6, 2)))


def _draw_curve(axes: Axes, curve: Curve) -> None:
    positive = curve.dose_gy > 0
    if not positive.any():
        return
    dose, fraction = curve.dose_gy[positive], curve.fraction[positive]
    if fraction[0] >= _WHOLE:
        dose, fraction = np.insert(dose, 0, min(_DOSES_GY[0], float(dose[0]))), np.insert(fraction, 0, fraction[0])
    axes.plot(
        np.log2(dose),
        fraction,
        color=curve.style.ink,
        linewidth=1.0 + curve.style.width_pt / 2,
        linestyle=mpl_dash(curve.style.dash),
    )


def _axis_labels() -> list[Label]:
    ticks = [Label(f"{dose:g}", _across(dose), _BOTTOM + 0.015, "north", "axis") for dose in _DOSES_GY]
    shares = [Label(f"{100 * part:.0f}", _LEFT - 0.008, _down(part), "east", "axis") for part in _FRACTIONS]
    return [
        *ticks,
        *shares,
        Label("dose / Gy (logarithmic)", (_LEFT + _RIGHT) / 2, 0.975, "south", "axis"),
        Label("volume / %", 0.0, (_TOP + _BOTTOM) / 2, "west", "axis-vertical"),
    ]


def _names(axes: Axes, curves: Sequence[Curve]) -> list[Label]:
    """Name the curves in a row above the plot, each after a piece of its own line."""
    labels = []
    for place, curve in enumerate(curves):
        start = _LEFT + place * (_RIGHT - _LEFT) / len(curves)
        axes.plot(
            [start, start + 0.035],
            [1.0 - _NAMES_ROW, 1.0 - _NAMES_ROW],
            transform=axes.figure.transFigure,
            clip_on=False,
            color=curve.style.ink,
            linewidth=1.0 + curve.style.width_pt / 2,
            linestyle=mpl_dash(curve.style.dash),
        )
        labels.append(Label(curve.name, start + 0.042, _NAMES_ROW, "west", "axis"))
    return labels


def _prescription_label(prescribed_gy: float) -> list[Label]:
    return [Label(f"{prescribed_gy:g} Gy", _across(prescribed_gy) + 0.004, _BOTTOM - 0.012, "south-west", "axis")]


def _across(dose_gy: float) -> float:
    low, high = np.log2(_DOSES_GY[0]), np.log2(_DOSES_GY[-1])
    return float(_LEFT + (np.log2(dose_gy) - low) / (high - low) * (_RIGHT - _LEFT))


def _down(fraction: float) -> float:
    return _BOTTOM - fraction / 1.005 * (_BOTTOM - _TOP)
