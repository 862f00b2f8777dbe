"""Contours as a stack of slabs: which part of space planar contours bound.

The prism convention: the area drawn on a plane fills the slab half-way to the neighbouring planes; the first and the
last slab are as thick outwards as inwards. ``half-end`` lets the structure end on its first and last plane instead
(both are in use; for a structure of three planes they differ by a third). Inside a plane the even-odd rule holds: a
point belongs to the structure when a ray from it crosses the drawn lines an odd number of times. Holes, islands in
holes, keyholes and figures of eight thus come out right whatever way round they were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from metaspine.errors import StructureError
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.evenodd import area
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.keyholes import lost_to_crossing

EndConvention = Literal["prism", "half-end"]

SAME_PLANE_MM = 0.1
"""Points nearer than this along the normal lie on one plane: planning systems write 0.01 to 0.1 mm."""

_BRIDGED = 2.5
"""Neighbouring planes farther apart than this many usual distances (more than one plane was left out) bound a gap."""
_NOTABLE_LOSS = 0.01
"""Part of a plane's area."""


@dataclass(frozen=True, eq=False)
class Slab:
    """What is drawn on one plane, and the slab of space it fills.

    Parameters
    ----------
    position_mm
        Of the plane, along the stack's normal from the origin of LPS.
    low_mm, high_mm
        Where the slab begins and ends along the normal.
    loops_mm
        Closed lines in LPS, (n, 3) each, n at least 3.
    """

    position_mm: float
    low_mm: float
    high_mm: float
    loops_mm: tuple[FloatArray, ...]

    @property
    def thickness_mm(self) -> float:
        """Along the normal."""
        return self.high_mm - self.low_mm


@dataclass(frozen=True, eq=False)
class Stack:
    """A structure as slabs, ordered along the unit vector ``normal``."""

    normal: FloatArray
    slabs: tuple[Slab, ...]

    def volume_mm3(self) -> float:
        """Return the sum of area times thickness."""
        return sum(area_mm2(slab, self.normal) * slab.thickness_mm for slab in self.slabs)


def stack(
    contours: ContourSet,
    *,
    normal: ArrayLike | None = None,
    single_plane_mm: float | None = None,
    slice_thickness_mm: float | None = None,
    ends: EndConvention = "prism",
) -> Stack:
    """Return the slabs that the closed contours bound.

    Parameters
    ----------
    contours
        Open curves and points bound nothing and are left out, as are closed contours of fewer than three points.
    normal
        The direction to stack along; by default the normal of the contours' own planes.
    single_plane_mm
        The thickness of a structure that is drawn on one plane only; in others the planes' distance says it, and one
        plane left out is bridged (:func:`gaps_mm` tells).
    slice_thickness_mm
        Where every slice was drawn on, as in a traced mask: no slab reaches farther than half of it from its plane, so
        that a slice left out stays empty.
    ends
        Where the structure ends. A part that is drawn on one plane only keeps its whole slab either way.

    Raises
    ------
    StructureError
        When nothing is enclosed, the contours are not planar or not parallel, a contour is drawn twice (the even-odd
        rule would erase it), or a single plane has no stated thickness.
    """
    loops = _loops(contours)
    axis = normal_of(contours) if normal is None else np.asarray(normal, dtype=np.float64)
    _refuse_tilted(loops, axis)
    planes = _planes(loops, axis)
    for position, drawn in planes:
        _refuse_doubles(drawn, position)
    positions = [position for position, _ in planes]
    if slice_thickness_mm is None:
        usual = _usual_distance(positions, single_plane_mm)
        bounds = _bounds(positions, usual_mm=usual, joined_mm=_BRIDGED * usual, ends=ends)
    else:
        usual = _positive(slice_thickness_mm)
        bounds = _bounds(positions, usual_mm=usual, joined_mm=usual + SAME_PLANE_MM, ends=ends)
    return Stack(axis, tuple(Slab(p, low, high, d) for (p, d), (low, high) in zip(planes, bounds, strict=True)))


def volume_mm3(contours: ContourSet, *, single_plane_mm: float | None = None, ends: EndConvention = "prism") -> float:
    """Return the volume that the contours bound, without any grid: the sum of even-odd area times slab thickness.

    Raises
    ------
    StructureError
        As :func:`stack`.
    """
    return stack(contours, single_plane_mm=single_plane_mm, ends=ends).volume_mm3()


def area_mm2(slab: Slab, normal: ArrayLike) -> float:
    """Return the even-odd area of what is drawn on one plane."""
    axes = perpendicular_axes(np.asarray(normal, dtype=np.float64))
    return area([loop @ axes.T for loop in slab.loops_mm])


def gaps_mm(contours: ContourSet) -> tuple[tuple[float, float], ...]:
    """Return the neighbouring planes, by position along the normal, that lie over one and a half usual distances apart.

    A gap of one missing plane is bridged by the prism convention; a wider one is left empty. Both are worth a note.
    """
    return _gaps_mm(stack(contours, single_plane_mm=1.0).slabs)


def _gaps_mm(slabs: Sequence[Slab]) -> tuple[tuple[float, float], ...]:
    positions = [slab.position_mm for slab in slabs]
    wide = 1.5 * _usual_distance(positions, 1.0)
    return tuple((low, high) for low, high in pairwise(positions) if high - low > wide)


def doubtful_planes(contours: ContourSet) -> tuple[int, int]:
    """Return how many gaps between planes are bridged, and on how many planes lines cross so that areas are lost.

    Where two areas of one plane overlap, the even-odd rule makes a hole of what lies in both; planes are counted on
    which that takes more than a hundredth of the area.

    Raises
    ------
    StructureError
        As :func:`stack`.
    """
    found = stack(contours, single_plane_mm=1.0)
    meeting = {low.position_mm for low, high in pairwise(found.slabs) if high.low_mm - low.high_mm < SAME_PLANE_MM}
    bridged = sum(low in meeting for low, _ in _gaps_mm(found.slabs))
    axes = perpendicular_axes(found.normal)
    several = [[loop @ axes.T for loop in slab.loops_mm] for slab in found.slabs if len(slab.loops_mm) > 1]
    return bridged, sum(lost_to_crossing(loops) > _NOTABLE_LOSS * area(loops) for loops in several)


def normal_of(contours: ContourSet) -> FloatArray:
    """Return the unit vector perpendicular to the closed contours' planes, found from all of them together.

    Raises
    ------
    StructureError
        When no contour encloses an area.
    """
    centred = np.concatenate([loop - loop.mean(axis=0) for loop in _loops(contours)])
    spread, axes = np.linalg.eigh(centred.T @ centred)
    if spread[1] <= 1e-9 * max(float(spread[2]), 1e-12):
        raise StructureError("the contours enclose no area", remedy="Draw the structure again, or leave it out")
    normal = np.asarray(axes[:, 0], dtype=np.float64)
    return normal if normal[np.argmax(np.abs(normal))] > 0 else -normal


def perpendicular_axes(normal: FloatArray) -> FloatArray:
    """Return two unit vectors (2, 3) perpendicular to ``normal`` and to each other."""
    first = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])


def _loops(contours: ContourSet) -> list[FloatArray]:
    loops = [contour.points_mm for contour in contours.closed if len(contour.points_mm) >= 3]
    if not loops:
        raise StructureError(
            "the structure has no closed contour of three points or more, so it bounds no volume",
            remedy="Draw it as closed contours, or leave it out",
        )
    if not all(np.isfinite(loop).all() for loop in loops):
        raise StructureError("a contour point is not a number", remedy="Export the structure again")
    return loops


def _refuse_tilted(loops: list[FloatArray], normal: FloatArray) -> None:
    off = max(float(np.ptp(loop @ normal)) for loop in loops)
    if off > SAME_PLANE_MM:
        raise StructureError(
            f"a contour strays {off:.2f} mm from the plane perpendicular to {np.round(normal, 3).tolist()}",
            remedy="Draw all contours of the structure on parallel planes along one axis of the image",
        )


def _planes(loops: list[FloatArray], normal: FloatArray) -> list[tuple[float, tuple[FloatArray, ...]]]:
    """Return (position, loops) in rising order; contours within SAME_PLANE_MM share a plane."""
    placed = sorted(((float((loop @ normal).mean()), loop) for loop in loops), key=lambda pair: pair[0])
    starts = [0] + [n for n in range(1, len(placed)) if placed[n][0] - placed[n - 1][0] > SAME_PLANE_MM]
    groups = [placed[low:high] for low, high in pairwise([*starts, len(placed)])]
    if any(group[-1][0] - group[0][0] > SAME_PLANE_MM for group in groups):
        raise StructureError(
            f"the contours' planes lie closer than {SAME_PLANE_MM} mm and cannot be told apart",
            remedy="Draw the structure on the slices of an image",
        )
    return [(sum(p for p, _ in group) / len(group), tuple(loop for _, loop in group)) for group in groups]


def _refuse_doubles(loops: tuple[FloatArray, ...], position_mm: float) -> None:
    if len(loops) == 1:
        return
    seen = {tuple(sorted(map(tuple, np.round(loop, 3)))) for loop in loops}
    if len(seen) < len(loops):
        raise StructureError(
            f"the same contour is drawn twice on the plane at {position_mm:.2f} mm, which would erase it",
            remedy="Remove the double in the system that drew it",
        )


def _usual_distance(positions: list[float], single_plane_mm: float | None) -> float:
    if len(positions) > 1:
        return float(np.median(np.diff(positions)))
    if single_plane_mm is None:
        raise StructureError(
            "the structure is drawn on a single plane, so its thickness is unknown",
            remedy="State the thickness of the slice it was drawn on",
        )
    return _positive(single_plane_mm)


def _positive(thickness_mm: float) -> float:
    if not thickness_mm > 0:
        raise StructureError(f"a slice thickness of {thickness_mm} mm", remedy="State the thickness of the slices")
    return float(thickness_mm)


def _bounds(
    positions: list[float], *, usual_mm: float, joined_mm: float, ends: EndConvention
) -> list[tuple[float, float]]:
    """Return where each plane's slab begins and ends; planes up to ``joined_mm`` apart meet half-way."""
    gaps = [high - low if high - low <= joined_mm else None for low, high in pairwise(positions)]
    bounds = []
    for position, below, above in zip(positions, [None, *gaps], [*gaps, None], strict=True):
        alone = below is None and above is None
        outer = 0.0 if ends == "half-end" and not alone else None
        low, high = _first(below, outer, above, usual_mm), _first(above, outer, below, usual_mm)
        bounds.append((position - low / 2, position + high / 2))
    return bounds


def _first(*candidates: float | None) -> float:
    return next(candidate for candidate in candidates if candidate is not None)
