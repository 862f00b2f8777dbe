"""The colours and dashes of lines: told apart by the colour-blind, and in grey by their dashes and their labels.

Colours are of Okabe and Ito's set; isodose lines grow lighter or darker with their dash, never by hue alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LineStyle:
    """How a line looks on CT and on paper."""

    colour: str
    """On the dark ground of a CT, #rrggbb."""
    ink: str
    """On white paper."""
    dash: str
    """solid, dashed, dotted or dash-dotted."""
    width_pt: float


LESION = LineStyle("#ff7f50", "#c0392b", "solid", 1.4)
LIMITING_STRUCTURE = LineStyle("#56b4e9", "#0072b2", "solid", 1.4)
VERTEBRA = LineStyle("#f2f2f2", "#6b6b6b", "solid", 0.7)
NEEDLE = LineStyle("#ffffff", "#000000", "solid", 1.0)
CHANNEL = LineStyle("#ffffff", "#000000", "dashed", 0.8)

_ISODOSES = (
    LineStyle("#2fd6a5", "#009e73", "dotted", 1.1),
    LineStyle("#f0e442", "#8a7d00", "solid", 1.6),
    LineStyle("#e69f00", "#b87f00", "dashed", 1.1),
    LineStyle("#e58cc4", "#b05590", "dash-dotted", 1.1),
)


def isodose_levels_gy(prescribed_gy: float) -> tuple[float, ...]:
    """Return the isodoses that are drawn: half, once, twice and four times the prescribed dose."""
    return tuple(prescribed_gy * factor for factor in (0.5, 1.0, 2.0, 4.0))


def isodose_styles(prescribed_gy: float) -> dict[float, LineStyle]:
    """Return the look of each isodose; the prescribed one is the bold solid line."""
    return dict(zip(isodose_levels_gy(prescribed_gy), _ISODOSES, strict=True))


def mpl_dash(dash: str) -> str:
    """Return matplotlib's name of a dash."""
    return {"solid": "-", "dashed": "--", "dotted": ":", "dash-dotted": "-."}[dash]
