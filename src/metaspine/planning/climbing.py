"""From the best axes of a raster to the best axis there is nearby: step by step, in all five directions at once.

An axis has five freedoms: where its isocentre lies, and where it crosses the isthmus. Of several starts that lie apart
each looks at the axes around it and goes to the best of them; where none is better it looks closer. An axis that the
policy forbids is worth less the more it lacks, so that a start beside a narrow way finds into it. At the edge of what
is allowed a better axis often lies in none of the fifty directions looked in: the best climb once more, and look in
others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Approach
from metaspine.planning.candidates import Candidates, Corridor, SearchTask, crossings, graded, scores
from metaspine.planning.channels import PedicleZone

APART_MM, APART_DEG = 4.0, 8.0
"""Two axes count as two ways where isocentre or direction differ by more."""

_STARTS, _TWICE = 8, 2
"""How many ways are followed; how many of them once more, looking in more directions."""
_MORE_WAYS = 150
_FIRST_STEP_MM, _LAST_STEP_MM = 1.0, 0.1
_ROUNDS = 24
_PER_MM_LACKING = 10.0
"""What a millimetre that an axis lacks costs: no coverage makes up for a tenth of it."""
_NEVER = 1e3
"""What it costs to come too near the canal: of such an axis nothing else is measured."""
_FREEDOMS = 5


def climbed(
    task: SearchTask, corridor: Corridor, approach: Approach, candidates: Candidates, *, through_skin: bool
) -> Candidates:
    """Return the axes about the best ones that can be reached from some candidates.

    The climb keeps to axes on which the image shows the skin, or to those on which it does not: none may leave what the
    lengths of needle and cannula forbid for where nobody can tell.
    """
    worth = _worth(task, approach, candidates, through_skin)
    starts = apart(candidates, worth, most=_STARTS)
    if not starts or candidates.verdicts[approach].hopeless:
        return candidates
    reached = _Reached(_places(corridor, candidates)[starts], worth[starts])
    reached = _climb(
        task, corridor, approach, reached, np.tile(_along_axes(), (_ROUNDS, 1, 1)), through_skin=through_skin
    )
    reached = _climb(task, corridor, approach, reached.best(_TWICE), _in_all_directions(), through_skin=through_skin)
    last = reached.places[:, None] + _LAST_STEP_MM * np.concatenate([np.zeros((1, _FREEDOMS)), _along_axes()])
    return graded(task, corridor, *_axes(corridor, last.reshape(-1, _FREEDOMS)))


@dataclass(frozen=True, eq=False)
class _Reached:
    """Where each start came to, and what that is worth."""

    places: FloatArray
    worth: FloatArray

    def best(self, count: int) -> _Reached:
        chosen = np.argsort(-self.worth, kind="stable")[:count]
        return _Reached(self.places[chosen], self.worth[chosen])


def _climb(
    task: SearchTask,
    corridor: Corridor,
    approach: Approach,
    reached: _Reached,
    directions: FloatArray,
    *,
    through_skin: bool,
) -> _Reached:
    """Return where the climb goes on to; ``directions`` (rounds, m, 5) are those looked in, round after round."""
    places, best = reached.places.copy(), reached.worth.copy()
    steps = np.full(len(places), _FIRST_STEP_MM)
    for around in directions:
        going = np.flatnonzero(steps >= _LAST_STEP_MM)
        if not len(going):
            break
        tried = places[going, None] + steps[going, None, None] * around
        found = _worth_at(task, corridor, approach, tried, through_skin)
        chosen, rows = found.argmax(axis=1), np.arange(len(going))
        better = found[rows, chosen] > best[going]
        places[going[better]] = tried[rows, chosen][better]
        best[going[better]] = found[rows, chosen][better]
        steps[going[~better]] /= 2
    return _Reached(places, best)


def _worth(task: SearchTask, approach: Approach, candidates: Candidates, through_skin: bool) -> FloatArray:
    """Return each axis' score, less what it lacks to be allowed; minus infinity where the climb does not go."""
    near_canal = candidates.channels.canal_clearance < task.policy.canal_clearance_mm
    cost = _PER_MM_LACKING * candidates.verdicts[approach].lacking + np.where(near_canal, _NEVER, 0.0)
    worth = scores(task, approach, candidates) - cost
    return np.where(candidates.through_skin == through_skin, worth, -np.inf)


def _worth_at(
    task: SearchTask, corridor: Corridor, approach: Approach, places: FloatArray, through_skin: bool
) -> FloatArray:
    """Return the worth (n, m) of places (n, m, 5); minus infinity also where an axis is beyond the policy's angles."""
    found = np.full(places.shape[0] * places.shape[1], -np.inf)
    candidates = graded(task, corridor, *_axes(corridor, places.reshape(-1, _FREEDOMS)))
    if candidates.asked.size:
        found[candidates.asked] = _worth(task, approach, candidates, through_skin)
    return found.reshape(places.shape[:2])


def apart(candidates: Candidates, worth: FloatArray, *, most: int) -> list[int]:
    """Return the indices of the best candidates that lie apart from each other, the best first.

    Where ``worth`` is minus infinity a candidate is left out.
    """
    left, chosen = worth.copy(), list[int]()
    while len(chosen) < most and np.isfinite(left).any():
        best = int(left.argmax())
        chosen.append(best)
        left[alike(candidates, candidates.isocentres_mm[best], candidates.directions[best])] = -np.inf
    return chosen


def alike(candidates: Candidates, isocentre_mm: FloatArray, direction: FloatArray) -> NDArray[np.bool_]:
    """Say which candidates go the same way as an axis."""
    away = np.linalg.norm(candidates.isocentres_mm - isocentre_mm, axis=1)
    return np.asarray((away <= APART_MM) & (candidates.directions @ direction >= np.cos(np.radians(APART_DEG))))


def _places(corridor: Corridor, candidates: Candidates) -> FloatArray:
    """Return the five freedoms (n, 5) in mm of axes: the isocentre from the isthmus, the crossing of its plane."""
    zone = corridor.zone
    offsets = (candidates.isocentres_mm - zone.isthmus_mm) @ _frame(zone)
    return np.hstack([offsets, crossings(zone, candidates.isocentres_mm, candidates.directions)])


def _axes(corridor: Corridor, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the isocentres (n, 3) and directions (n, 3) of places (n, 5)."""
    zone = corridor.zone
    frame = _frame(zone)
    way = (places[:, :3] - np.insert(places[:, 3:], 1, 0.0, axis=1)) @ frame.T
    return zone.isthmus_mm + places[:, :3] @ frame.T, way / np.linalg.norm(way, axis=1)[:, None]


def _frame(zone: PedicleZone) -> FloatArray:
    return np.stack([zone.lateral, zone.anterior, zone.cranial], axis=1)


@cache
def _along_axes() -> FloatArray:
    """Return the ways (50, 5) from a place along one freedom, or along two."""
    single = [sign * np.eye(_FREEDOMS)[axis] for axis in range(_FREEDOMS) for sign in (-1, 1)]
    pairs = [first + second for first, second in combinations(single, 2) if np.abs(first + second).sum() == 2]
    return np.array(single + pairs)


@cache
def _in_all_directions() -> FloatArray:
    """Return, for each round, the ways along the axes and others between them, by which a climb leaves a corner.

    The others are normally distributed and evenly spread: an additive recurrence with the powers of the root of
    x^6 = x + 1 fills five dimensions.
    """
    count = _ROUNDS * _MORE_WAYS
    even = (0.5 + np.outer(np.arange(1, count + 1), 1.1347241384015194 ** -np.arange(1.0, _FREEDOMS + 1))) % 1
    others = ndtri(even).reshape(_ROUNDS, _MORE_WAYS, _FREEDOMS)
    return np.concatenate([np.tile(_along_axes(), (_ROUNDS, 1, 1)), others], axis=1)
