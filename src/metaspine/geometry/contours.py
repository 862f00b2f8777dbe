"""Planar contours as they come from a treatment planning system: closed loops, open curves and points, in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from metaspine.geometry.grid import FloatArray

ContourKind = Literal["closed", "open", "point"]


@dataclass(frozen=True, eq=False)
class Contour:
    """One drawn curve.

    Parameters
    ----------
    points_mm
        (n, 3) LPS. A closed contour does not repeat its first point.
    kind
        ``closed`` bounds an area; ``open`` curves and ``point`` marks are kept as such and never filled.
    """

    points_mm: FloatArray
    kind: ContourKind = "closed"

    def __post_init__(self) -> None:
        points = np.array(self.points_mm, dtype=np.float64).reshape(-1, 3)
        points.setflags(write=False)
        object.__setattr__(self, "points_mm", points)


@dataclass(frozen=True, eq=False)
class ContourSet:
    """The contours of one structure in one frame of reference."""

    contours: tuple[Contour, ...]
    frame_of_reference: str

    @property
    def closed(self) -> tuple[Contour, ...]:
        """The contours that bound an area."""
        return tuple(contour for contour in self.contours if contour.kind == "closed")
