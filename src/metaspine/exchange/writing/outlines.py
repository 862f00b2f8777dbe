"""Structures as DICOM contours: masks along their voxels' edges, drawn contours as drawn, holes joined or by XOR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from metaspine.errors import StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.keyholes import keyholed
from metaspine.geometry.slabs import SAME_PLANE_MM, normal_of, perpendicular_axes
from metaspine.geometry.tracing import voxel_edges

Holes = Literal["keyhole", "xor"]
_LEAST_POINTS = 3


@dataclass(frozen=True, eq=False)
class Outline:
    """One contour as it is to be written.

    Parameters
    ----------
    kind
        DICOM's ContourGeometricType.
    """

    kind: str
    points_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Outlines:
    """The contours of one structure, and what has to be said of them."""

    outlines: tuple[Outline, ...]
    remark: str = ""


def outlines_of(region: Volume | ContourSet, *, slices: Grid, axis: int, holes: Holes) -> Outlines:
    """Return the contours of a region.

    Parameters
    ----------
    slices, axis
        The image's grid and the index along which its slices are counted: masks are traced on planes parallel to them.
    holes
        ``keyhole`` joins a hole to the line around it by a cut of no width: readers that fill every closed line keep
        it. ``xor`` writes it as a line of its own, for readers that know CLOSEDPLANAR_XOR.
    """
    normal = slices.directions[:, axis]
    if isinstance(region, Volume):
        try:
            contours = voxel_edges(region, axis=int(np.abs(normal @ region.grid.directions).argmax()))
        except StructureError as error:
            return Outlines((), error.what)
    else:
        contours = region
    return _written(contours, normal, holes)


def _written(contours: ContourSet, normal: FloatArray, holes: Holes) -> Outlines:
    curves = tuple(_curve(contour, normal) for contour in contours.contours if contour.kind != "closed")
    closed = tuple(contour.points_mm for contour in contours.closed)
    try:
        planes = _planes(closed)
    except StructureError as error:
        return Outlines((*_lines("CLOSED_PLANAR", closed), *curves), error.what if closed else "")
    joined = [_joined(plane) for plane in planes]
    if any(lines is None for lines in joined):
        return Outlines(
            (*_lines("CLOSED_PLANAR", closed), *curves), "lines of one plane cross; they are written as drawn"
        )
    if all(lines is plane.drawn for plane, lines in zip(planes, joined, strict=True)):
        return Outlines((*_lines("CLOSED_PLANAR", closed), *curves))
    if holes == "xor":
        return Outlines((*_lines("CLOSEDPLANAR_XOR", closed), *curves), "holes are lines of their own (XOR)")
    bounding = [line for lines in joined for line in lines or ()]
    small = [points for points in closed if len(points) < _LEAST_POINTS]
    remark = "holes are joined to their outlines by cuts of no width (keyholes)"
    return Outlines((*_lines("CLOSED_PLANAR", [*bounding, *small]), *curves), remark)


def _lines(kind: str, lines: Sequence[FloatArray]) -> tuple[Outline, ...]:
    return tuple(Outline(kind, points) for points in lines)


def _curve(contour: Contour, normal: FloatArray) -> Outline:
    if contour.kind == "point":
        return Outline("POINT", contour.points_mm)
    heights = contour.points_mm @ normal
    flat = float(np.ptp(heights)) <= SAME_PLANE_MM
    return Outline("OPEN_PLANAR" if flat else "OPEN_NONPLANAR", contour.points_mm)


@dataclass(frozen=True, eq=False)
class _Plane:
    """The lines on one plane, and the plane's own two coordinates.

    Parameters
    ----------
    across
        (2, 3) unit vectors in the plane.
    foot_mm
        The plane's point nearest to the origin.
    """

    drawn: tuple[FloatArray, ...]
    across: FloatArray
    foot_mm: FloatArray


def _planes(closed: Sequence[FloatArray]) -> list[_Plane]:
    """Return the lines that bound an area, plane by plane.

    Raises
    ------
    StructureError
        When no line bounds an area, or one does not lie in a plane with its like.
    """
    lines = [points for points in closed if len(points) >= _LEAST_POINTS]
    normal = normal_of(ContourSet(tuple(Contour(line) for line in lines), ""))
    if any(float(np.ptp(line @ normal)) > SAME_PLANE_MM for line in lines):
        raise StructureError("not all of its closed lines lie in parallel planes; they are written as drawn")
    across = perpendicular_axes(normal)
    order = sorted(lines, key=lambda line: float((line @ normal).mean()))
    heights = np.array([float((line @ normal).mean()) for line in order])
    groups = np.split(np.arange(len(order)), np.flatnonzero(np.diff(heights) > SAME_PLANE_MM) + 1)
    return [_Plane(tuple(order[n] for n in group), across, float(heights[group].mean()) * normal) for group in groups]


def _joined(plane: _Plane) -> tuple[FloatArray, ...] | None:
    """Return the plane's lines with their holes joined, or its own lines where there is no hole; None: they cross."""
    if len(plane.drawn) == 1:
        return plane.drawn
    found = keyholed([line @ plane.across.T for line in plane.drawn])
    if found is None or len(found) == len(plane.drawn):
        return None if found is None else plane.drawn
    return tuple(line @ plane.across + plane.foot_mm for line in found)
