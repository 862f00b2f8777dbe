"""The working channel through bone, measured: a kernel that walks many candidate axes through the distance fields.

Of each axis the kernel returns the smallest distances along the channel, sampled every half millimetre. Distances from
canal, ribs, lung and vessels are those of the axis less the channel's radius, which is the distance of a round-ended
channel. In the pedicle the channel's wall itself is sampled all around; a breach is named by the cortex that is passed
there: lateral, medial, cranial or caudal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from metaspine.geometry.grid import FloatArray
from metaspine.patient.side import Side
from metaspine.patient.vertebra import Vertebra
from metaspine.planning.needle import Needle
from metaspine.planning.surroundings import FARTHEST_MM, Surroundings

STEP_MM = 0.5
"""Between two samples along an axis."""
AROUND = 16
"""Samples around the channel's wall."""
BEHIND_ISTHMUS_MM = 3.0
"""How far behind its isthmus the pedicle is taken (PLAN-13)."""

_COSINES, _SINES = (turn(2 * np.pi * np.arange(AROUND) / AROUND) for turn in (np.cos, np.sin))

_COLUMNS = 10
_CANAL, _LATERAL, _MEDIAL, _CRANIAL, _CAUDAL, _AXIS, _BONES, _SOFT, _BONE_ENTRY, _ISOCENTRE = range(_COLUMNS)


@dataclass(frozen=True, eq=False)
class PedicleZone:
    """Where the pedicle of one side is, for the kernel: a slab along the anterior axis, with the sense of lateral."""

    isthmus_mm: FloatArray
    lateral: FloatArray
    anterior: FloatArray
    cranial: FloatArray
    posterior_wall_mm: float
    """From the isthmus forwards to the posterior wall of the body."""


@dataclass(frozen=True, eq=False)
class Channels:
    """What the kernel measured for n axes, in mm; walls against what they must stay in or keep away from."""

    canal_clearance: FloatArray
    lateral_margin: FloatArray
    medial_margin: FloatArray
    cranial_margin: FloatArray
    caudal_margin: FloatArray
    axis_depth: FloatArray
    """Smallest depth of the axis itself in the pedicle's bone."""
    bones_clearance: FloatArray
    soft_clearance: FloatArray
    bone_entry_mm: FloatArray
    """From the tip backwards to where the axis last leaves the vertebra."""
    isocentre_depth: FloatArray

    @property
    def pedicle_margin(self) -> FloatArray:
        """The smallest of the four margins."""
        margins = (self.lateral_margin, self.medial_margin, self.cranial_margin, self.caudal_margin)
        return np.asarray(np.min(margins, axis=0))


def pedicle_zone(vertebra: Vertebra, side: Side) -> PedicleZone | None:
    """Return the pedicle's zone (PLAN-13); None where the pedicle or the canal was not found."""
    pedicle = vertebra.pedicle(side)
    if pedicle is None or vertebra.canal_centre_mm is None or vertebra.canal_depth_mm is None:
        return None
    forwards = (vertebra.canal_centre_mm - pedicle.isthmus_mm) @ vertebra.axes.anterior + vertebra.canal_depth_mm / 2
    return PedicleZone(
        isthmus_mm=pedicle.isthmus_mm,
        lateral=side.lps_sign * vertebra.axes.left,
        anterior=vertebra.axes.anterior,
        cranial=vertebra.axes.cranial,
        posterior_wall_mm=max(float(forwards), 0.0),
    )


def measure(
    isocentres_mm: FloatArray,
    directions: FloatArray,
    *,
    zone: PedicleZone,
    around: Surroundings,
    needle: Needle,
    tip_beyond_isocentre_mm: float,
    canal_clearance_mm: float,
) -> Channels:
    """Measure the channels of n axes.

    Parameters
    ----------
    isocentres_mm, directions
        (n, 3) LPS; directions are unit vectors from the skin towards the tip.
    canal_clearance_mm
        Of channels that come nearer to the canal nothing else is measured: the other columns stay at 1000 mm.
    """
    fields = (around.depth_in_bone, around.from_canal, around.from_bones, around.from_soft)
    axes = np.array([zone.isthmus_mm, zone.lateral, zone.anterior, zone.cranial])
    found = _walk(
        np.ascontiguousarray(isocentres_mm, dtype=np.float64),
        np.ascontiguousarray(directions, dtype=np.float64),
        axes,
        np.array(
            [
                needle.channel_radius_mm,
                tip_beyond_isocentre_mm,
                needle.length_mm,
                zone.posterior_wall_mm,
                BEHIND_ISTHMUS_MM,
                canal_clearance_mm,
            ]
        ),
        tuple(np.ascontiguousarray(field.values, dtype=np.float32) for field in fields),
        np.array([[*field.grid.origin_mm, field.grid.spacing_mm[0]] for field in fields]),
    )
    return Channels(*(found[:, column].copy() for column in range(_COLUMNS)))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _at(field: NDArray[np.float32], place: FloatArray, x: float, y: float, z: float, outside: float) -> float:
    """Return the trilinear value of a cubic LPS field at x, y, z in mm; ``outside`` off its voxel centres.

    ``place`` holds the first voxel's centre and the spacing.
    """
    u, v, w = (x - place[0]) / place[3], (y - place[1]) / place[3], (z - place[2]) / place[3]
    if u < 0 or v < 0 or w < 0:
        return outside
    i, j, k = int(u), int(v), int(w)
    if i + 1 >= field.shape[0] or j + 1 >= field.shape[1] or k + 1 >= field.shape[2]:
        return outside
    u, v, w = u - i, v - j, w - k
    low = (field[i, j, k] * (1 - u) + field[i + 1, j, k] * u) * (1 - v)
    low += (field[i, j + 1, k] * (1 - u) + field[i + 1, j + 1, k] * u) * v
    high = (field[i, j, k + 1] * (1 - u) + field[i + 1, j, k + 1] * u) * (1 - v)
    high += (field[i, j + 1, k + 1] * (1 - u) + field[i + 1, j + 1, k + 1] * u) * v
    return float(low * (1 - w) + high * w)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _facing(out: float, rise: float) -> int:
    """Return the column of the cortex that lies this way, as seen along the axis."""
    if abs(out) >= abs(rise):
        return _LATERAL if out > 0 else _MEDIAL
    return _CRANIAL if rise > 0 else _CAUDAL


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _passed(bone: NDArray[np.float32], place: FloatArray, point: FloatArray, across: FloatArray, facing: int) -> int:
    """Return the column of the cortex that a point outside has passed: the way along which the depth in bone falls.

    Asked of the wall's lateral half only. Where the depth falls along the axis as well (at the body's posterior wall),
    the way the wall faces there decides: a caudal breach into a foramen must not pass for a lateral one.
    """
    step, out, rise = place[3], 0.0, 0.0
    for axis in range(3):
        x, y, z = step * (axis == 0), step * (axis == 1), step * (axis == 2)
        falls = _at(bone, place, point[0] - x, point[1] - y, point[2] - z, -FARTHEST_MM)
        falls -= _at(bone, place, point[0] + x, point[1] + y, point[2] + z, -FARTHEST_MM)
        out += falls * across[0, axis]
        rise += falls * across[1, axis]
    return int(_facing(out, rise)) if np.hypot(out, rise) > 1.5 * step else facing


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _wall(
    bone: NDArray[np.float32], place: FloatArray, point: FloatArray, across: FloatArray, radius: float, row: FloatArray
) -> None:
    """Lower the four margins in ``row`` by what the wall shows all around one point of the axis.

    ``across`` (2, 3) are the unit vectors across the axis, to lateral and to cranial.
    """
    wall = np.empty(3)
    for step in range(AROUND):
        out, rise = radius * _COSINES[step], radius * _SINES[step]
        for axis in range(3):
            wall[axis] = point[axis] + out * across[0, axis] + rise * across[1, axis]
        depth = _at(bone, place, wall[0], wall[1], wall[2], -FARTHEST_MM)
        column = _facing(out, rise)
        if depth < 0 and out > 0:
            column = _passed(bone, place, wall, across, column)
        row[column] = min(row[column], depth)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _walls(
    bone: NDArray[np.float32],
    place: FloatArray,
    needle: FloatArray,
    axes: FloatArray,
    sizes: FloatArray,
    row: FloatArray,
) -> None:
    """Measure the channel's wall and axis along the pedicle of one candidate; ``needle``: tip, direction."""
    tip, direction = needle[0], needle[1]
    across = np.empty((2, 3))
    across[0] = axes[1] - np.dot(axes[1], direction) * direction
    across[0] /= np.sqrt(np.dot(across[0], across[0]))
    across[1] = np.cross(direction, across[0])
    if np.dot(across[1], axes[3]) < 0:
        across[1] *= -1
    point = np.empty(3)
    for step in range(int(sizes[2] / STEP_MM) + 1):
        forwards = 0.0
        for axis in range(3):
            point[axis] = tip[axis] - step * STEP_MM * direction[axis]
            forwards += (point[axis] - axes[0, axis]) * axes[2, axis]
        if -sizes[4] <= forwards <= sizes[3]:
            row[_AXIS] = min(row[_AXIS], _at(bone, place, point[0], point[1], point[2], -FARTHEST_MM))
            _wall(bone, place, point, across, sizes[0], row)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _walk(
    isocentres: FloatArray,
    directions: FloatArray,
    axes: FloatArray,
    sizes: FloatArray,
    fields: tuple[NDArray[np.float32], ...],
    places: FloatArray,
) -> FloatArray:
    """Return the columns of every candidate; all but canal and isocentre only where the canal keeps its clearance.

    ``axes``: isthmus, lateral, anterior, cranial. ``sizes``: radius, tip beyond isocentre, reach, posterior wall,
    behind the isthmus, canal clearance.
    """
    radius, bone, canal, bones, soft = sizes[0], fields[0], fields[1], fields[2], fields[3]
    found, needle = np.full((isocentres.shape[0], _COLUMNS), FARTHEST_MM), np.empty((2, 3))
    for n in range(isocentres.shape[0]):
        row, direction, isocentre = found[n], directions[n], isocentres[n]
        tip = isocentre + sizes[1] * direction
        row[_BONE_ENTRY] = 0.0
        row[_ISOCENTRE] = _at(bone, places[0], isocentre[0], isocentre[1], isocentre[2], -FARTHEST_MM)
        steps = int(sizes[2] / STEP_MM) + 1
        for step in range(steps):
            back = step * STEP_MM
            x, y, z = tip[0] - back * direction[0], tip[1] - back * direction[1], tip[2] - back * direction[2]
            row[_CANAL] = min(row[_CANAL], _at(canal, places[1], x, y, z, FARTHEST_MM) - radius)
        if row[_CANAL] < sizes[5]:
            continue
        for step in range(steps):
            back = step * STEP_MM
            x, y, z = tip[0] - back * direction[0], tip[1] - back * direction[1], tip[2] - back * direction[2]
            row[_BONES] = min(row[_BONES], _at(bones, places[2], x, y, z, FARTHEST_MM) - radius)
            row[_SOFT] = min(row[_SOFT], _at(soft, places[3], x, y, z, FARTHEST_MM) - radius)
            if _at(bone, places[0], x, y, z, -FARTHEST_MM) > 0:
                row[_BONE_ENTRY] = back
        needle[0], needle[1] = tip, direction
        _walls(bone, places[0], needle, axes, sizes, row)
    return found
