"""Axes that a needle could take through a pedicle to an isocentre in the lesion: measured and graded, many at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Approach
from metaspine.patient.side import Side
from metaspine.patient.vertebra import Pedicle, Vertebra
from metaspine.physics.applicators import Applicator
from metaspine.planning.channels import Channels, PedicleZone, measure
from metaspine.planning.grading import NamesNear, Verdict, grade
from metaspine.planning.needle import Needle
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import Surroundings

SkinPoints = Callable[[FloatArray, FloatArray], FloatArray]
"""From points and ways outwards (n, 3) to where those lines leave the patient; NaN is not determinable."""

Coverage = Callable[[FloatArray, FloatArray], FloatArray]
"""From isocentres and directions (n, 3) to the fraction of the lesion in reach; -1 where the tip lies outside it."""

_PENALTY = {Approach.TRANSPEDICULAR: 0.0, Approach.TRANSPEDICULAR_TIGHT: 0.15, Approach.EXTRAPEDICULAR: 0.30}
_PER_MM, _MOST_MM = 0.02, 3.0
"""PLAN-12."""

_RASTER_MM, _RASTER_ALONG_MM = 1.0, 1.5
_BESIDE_MM = 10.0
"""How far lateral of the pedicle's edge the raster goes, for extrapedicular axes."""


@dataclass(frozen=True, eq=False)
class SearchTask:
    """All that a search needs to know."""

    vertebra: Vertebra
    around: Surroundings
    isocentres_mm: FloatArray
    """(n, 3) inside the lesion."""
    coverage: Coverage
    skin_points: SkinPoints
    applicator: Applicator
    policy: PlanningPolicy
    near: NamesNear
    """Names the obstacles near an axis."""

    @property
    def needle(self) -> Needle:
        """The lengths and the channel that hold for this search."""
        return Needle.of(self.applicator, self.policy)


@dataclass(frozen=True, eq=False)
class Corridor:
    """The way through bone on one side."""

    side: Side
    zone: PedicleZone
    pedicle: Pedicle


@dataclass(frozen=True, eq=False)
class Candidates:
    """Axes of one side, measured and graded.

    ``asked`` says which of the axes that were asked about each is.
    """

    asked: NDArray[np.intp]
    isocentres_mm: FloatArray
    directions: FloatArray
    tips_mm: FloatArray
    entries_mm: FloatArray
    """Through the skin; NaN where that is not determinable."""
    medial_deg: FloatArray
    cranial_deg: FloatArray
    coverage: FloatArray
    channels: Channels
    verdicts: dict[Approach, Verdict]

    @property
    def through_skin(self) -> NDArray[np.bool_]:
        """Of which axes the image shows where they pass the skin."""
        return np.asarray(~np.isnan(self.entries_mm).any(axis=1))


def raster(task: SearchTask, corridor: Corridor) -> tuple[FloatArray, FloatArray]:
    """Return isocentres and directions through every point of the raster about the isthmus."""
    half_width, half_height = corridor.pedicle.width_mm / 2, corridor.pedicle.height_mm / 2
    across = np.arange(-half_width, half_width + _BESIDE_MM, _RASTER_MM)
    along = np.arange(-half_height, half_height + 1e-9, _RASTER_ALONG_MM)
    offsets = across[:, None, None] * corridor.zone.lateral + along[:, None] * corridor.zone.cranial
    return axes(corridor.zone.isthmus_mm + offsets.reshape(-1, 3), task.isocentres_mm)


def axes(through_mm: FloatArray, isocentres_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return every pair of a point and an isocentre as isocentres (n, 3) and unit directions (n, 3)."""
    isocentres = np.tile(isocentres_mm, (len(through_mm), 1))
    way = isocentres - np.repeat(through_mm, len(isocentres_mm), axis=0)
    length = np.linalg.norm(way, axis=1)
    ahead = length > 1.0
    return isocentres[ahead], way[ahead] / length[ahead, None]


def graded(task: SearchTask, corridor: Corridor, isocentres: FloatArray, directions: FloatArray) -> Candidates:
    """Return the axes that lie within the policy's angles and end in the lesion, measured and graded.

    Where none ends in the lesion, all are kept, to tell what else blocks them.
    """
    side, zone, pedicle = corridor.side, corridor.zone, corridor.pedicle
    medial, cranial = angles_deg(task.vertebra, side, directions)
    kept = _within(medial, task.policy.medial_angle_deg) & _within(cranial, task.policy.cranial_angle_deg)
    asked = np.flatnonzero(kept)
    isocentres, directions, medial, cranial = (part[kept] for part in (isocentres, directions, medial, cranial))
    coverage = task.coverage(isocentres, directions)
    kept = coverage >= 0 if (coverage >= 0).any() else np.ones(coverage.shape, dtype=bool)
    isocentres, directions, coverage = isocentres[kept], directions[kept], coverage[kept]
    needle = task.needle
    channels = measure(
        isocentres,
        directions,
        zone=zone,
        around=task.around,
        needle=needle,
        tip_beyond_isocentre_mm=task.applicator.tip_beyond_isocentre_mm,
        canal_clearance_mm=task.policy.canal_clearance_mm,
    )
    tips = isocentres + task.applicator.tip_beyond_isocentre_mm * directions
    entries = task.skin_points(tips, -directions)
    beside = crossings(zone, isocentres, directions)
    verdicts = grade(
        channels,
        needle,
        task.policy,
        around=task.around,
        level=task.vertebra.level,
        pedicle=pedicle,
        lateral_mm=beside[:, 0],
        height_mm=beside[:, 1],
        coverage=coverage,
        depth_mm=np.linalg.norm(tips - entries, axis=1),
    )
    return Candidates(
        asked[kept],
        isocentres,
        directions,
        tips,
        entries,
        medial[kept],
        cranial[kept],
        coverage,
        channels,
        verdicts,
    )


def crossings(zone: PedicleZone, isocentres: FloatArray, directions: FloatArray) -> FloatArray:
    """Return where axes cross the coronal plane of the isthmus (n, 2): towards lateral and towards cranial of it."""
    offsets = isocentres - zone.isthmus_mm
    ahead = (offsets @ zone.anterior) / (directions @ zone.anterior)
    return np.asarray((offsets - ahead[:, None] * directions) @ np.stack([zone.lateral, zone.cranial], axis=1))


def angles_deg(vertebra: Vertebra, side: Side, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the medial and the cranial angle of directions (n, 3) in the vertebra's frame.

    Medial is in its axial plane from its sagittal plane, positive towards the midline; cranial is in its sagittal
    plane from its axial plane.
    """
    forwards = directions @ vertebra.axes.anterior
    inwards = -side.lps_sign * (directions @ vertebra.axes.left)
    upwards = directions @ vertebra.axes.cranial
    return np.degrees(np.arctan2(inwards, forwards)), np.degrees(np.arctan2(upwards, forwards))


def _within(angle: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((angle >= limits[0]) & (angle <= limits[1]))


def scores(task: SearchTask, approach: Approach, candidates: Candidates) -> FloatArray:
    """Return what each axis is worth once it is allowed (PLAN-12)."""
    policy, channels = task.policy, candidates.channels
    spare = np.clip(channels.canal_clearance - policy.canal_clearance_mm, 0, _MOST_MM)
    margin = np.clip(channels.pedicle_margin, 0, _MOST_MM)
    return np.asarray(candidates.coverage - _PENALTY[approach] + _PER_MM * (spare + margin))
