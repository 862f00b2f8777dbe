"""The closed bone ring around the canal, and the mirror plane of the bone around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from metaspine.anatomy.bone import Mask, largest_piece
from metaspine.anatomy.local import ANTERIOR, CRANIAL, LEFT, LocalBone, axes, frame_about_left, local_bone
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume
from metaspine.patient.vertebra import LocalFrame

_MIRROR_RADIUS_MM = 24.0
"""How far from the canal's axis bone takes part in finding the mirror plane (ANAT-02)."""
_MIRROR_POINTS = 3000
_SMALLEST_CANAL_MM2 = 50.0
"""A hole that is nowhere as large as a circle of 8 mm is a gap in the label, not the canal (ANAT-13)."""
_FARTHEST_MM = 4.0
"""A mirrored point farther from bone than this counts as this far: one osteophyte must not turn the frame."""


@dataclass(frozen=True, eq=False)
class Ring:
    """The hole that a vertebra's bone closes around in its axial sections; indices of the local grid."""

    hole: Mask

    @property
    def centre(self) -> FloatArray:
        """The mean index of the hole's voxels."""
        return np.asarray(np.argwhere(self.hole).mean(axis=0))

    @property
    def front(self) -> float:
        """Index 1 of the hole's front, the posterior wall of the body."""
        return float(np.percentile(np.argwhere(self.hole)[:, ANTERIOR], 98))

    @property
    def back(self) -> float:
        """Index 1 of the hole's back, the lamina."""
        return float(np.percentile(np.argwhere(self.hole)[:, ANTERIOR], 2))

    def width_and_depth(self) -> tuple[float, float]:
        """Return the hole's width and its largest depth in the middle third of it, in voxels: medians of sections."""
        sections = [self.hole[:, :, k] for k in np.flatnonzero(self.hole.any(axis=(LEFT, ANTERIOR)))]
        chords = [section.sum(axis=1)[section.any(axis=1)] for section in sections]
        depths = [chord[len(chord) // 3 : len(chord) - len(chord) // 3].max() for chord in chords]
        return float(np.median([len(chord) for chord in chords])), float(np.median(depths))


def find_ring(bone: LocalBone) -> Ring | None:
    """Return the largest hole enclosed by bone in axial sections; None where bone closes around nothing."""
    hole = np.zeros_like(bone.mask)
    solid = ndimage.binary_fill_holes(bone.mask)
    for k in range(hole.shape[CRANIAL]):
        hole[:, :, k] = ndimage.binary_fill_holes(solid[:, :, k]) & ~solid[:, :, k]
    hole = largest_piece(hole)
    widest_mm2 = hole.sum(axis=(LEFT, ANTERIOR)).max() * bone.step_mm**2
    return Ring(hole) if widest_mm2 >= _SMALLEST_CANAL_MM2 else None


def frame_with_ring(depth: Volume, start: LocalFrame, *, points_mm: FloatArray) -> LocalFrame:
    """Return the frame nearest to ``start`` in whose axial sections bone closes around the canal.

    A vertebra of a strongly kyphotic spine may show no closed ring in the scanner's axial planes: then the cranial
    axis is tilted, 20 degrees at a time, until it does. Where no tilt shows a ring, ``start`` is returned.
    """
    for tilted in _tilts(start):
        rings = [(frame, _hole_size(depth, frame, points_mm)) for frame in tilted]
        best, size = max(rings, key=lambda found: found[1])
        if size:
            return best
    return start


def mirror_frame(depth: Volume, frame: LocalFrame, *, points_mm: FloatArray, centre_mm: FloatArray) -> LocalFrame:
    """Return the frame turned so that left is perpendicular to the mirror plane of the bone around the canal (ANAT-02).

    The plane through the canal is turned and shifted until the bone's points, mirrored in it, come to lie in bone as
    well as they can. The cranial axis changes only as far as it must to stay perpendicular.
    """
    turn = axes(frame)
    local = (points_mm - centre_mm) @ turn.T
    near = points_mm[np.hypot(local[:, LEFT], local[:, ANTERIOR]) < _MIRROR_RADIUS_MM]
    points = near[:: max(1, len(near) // _MIRROR_POINTS)]

    def left(turns_deg: FloatArray) -> FloatArray:
        tilted = turn[LEFT] + np.tan(np.radians(turns_deg)) @ turn[[ANTERIOR, CRANIAL]]
        return np.asarray(tilted / np.linalg.norm(tilted))

    def asymmetry(setting: FloatArray) -> float:
        normal = left(setting[:2])
        mirrored = points - 2 * np.outer((points - centre_mm) @ normal - setting[2], normal)
        outside_mm = np.clip(-depth.sample(mirrored, outside=-_FARTHEST_MM), 0, _FARTHEST_MM)
        return float(outside_mm.mean())

    found = minimize(
        asymmetry,
        np.zeros(3),
        method="Powell",
        bounds=[(-30, 30), (-20, 20), (-6, 6)],
        options={"xtol": 0.05, "ftol": 1e-4},
    )
    return frame_about_left(left(found.x[:2]), frame.cranial)


def _tilts(start: LocalFrame) -> Iterator[list[LocalFrame]]:
    """Yield the start alone, then frames tilted by 20, 40 and 60 degrees in eight directions."""
    yield [start]
    for tilt_deg in (20, 40, 60):
        ways = np.radians(np.arange(0, 360, 45))
        pivots = np.outer(np.cos(ways), start.left) + np.outer(np.sin(ways), start.anterior)
        turns = [Rotation.from_rotvec(np.radians(tilt_deg) * pivot) for pivot in pivots]
        yield [LocalFrame(*(turn.apply(axis) for axis in axes(start))) for turn in turns]


def _hole_size(depth: Volume, frame: LocalFrame, points_mm: FloatArray) -> int:
    ring = find_ring(local_bone(depth, frame, points_mm=points_mm, step_mm=1.5))
    return int(ring.hole.sum()) if ring else 0
