"""The search for a needle's path against an evolution of many axes: how near it comes to the best there is.

Run by itself with ``python -m validation.needle_search``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from metaspine.anatomy.bone import mask_of, vertebra_mask
from metaspine.anatomy.skin import patient_surface, skin_points
from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.exchange.scans import read_scan
from metaspine.patient.plan import Approach
from metaspine.patient.prescription import Prescription
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.vertebra import LocalFrame, Vertebra
from metaspine.physics.applicator_files import read_applicator
from metaspine.planning.candidates import Candidates, Corridor, SearchTask, crossings, graded, raster, scores
from metaspine.planning.channels import pedicle_zone
from metaspine.planning.climbing import climbed
from metaspine.planning.isocentres import aim
from metaspine.planning.lesions import lesion_of
from metaspine.planning.limiting import neural_structures
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import surroundings
from validation.chapter import Chapter, Table, verdict

FloatArray = NDArray[np.float64]

EXAMPLE = Path(__file__).parent.parent / "examples" / "t12"
LEVEL, SIDE = "T12", Side.LEFT
PRESCRIPTION = Prescription(dose_gy=8, depth_mm=13, origin="isocentre")
TURN_DEG = 0.6
"""By so much the vertebra's axes are turned: its pedicle is narrower than the channel, and little room is left."""
KEPT, DRAWN, ROUNDS, SHRINKING = 300, 3000, 20, 0.86
SPREAD_MM = np.array([2.0, 2.0, 2.0, 1.0, 1.0])
LACKING_COSTS = 3.0
TOLERANCE = 0.03

_TEXT = f"""
Each row is the T12 of the examples with the vertebra's axes turned, its left pedicle, one approach: the score (PLAN-12)
of the best allowed axis of the raster, of the climb from it, and of the best of {ROUNDS * DRAWN:,} axes that evolve
over {ROUNDS} rounds from the best of both. The climb may be {TOLERANCE} worse.
"""


def chapter(data: Path | None) -> Chapter:  # noqa: ARG001 - every chapter is asked so
    """Return the comparison; it needs the examples only."""
    rows = [row for turned, vertebra, task in _tasks() for row in _rows(turned, _corridor(vertebra), task)]
    header = ("axes turned about", "approach", "raster", "climb", "evolution", "verdict")
    return Chapter("The search for the needle's path", _TEXT, (Table("Scores", header, tuple(rows)),))


def _tasks() -> Iterator[tuple[str, Vertebra, SearchTask]]:
    """Give what is searched, for every turn of the vertebra's axes."""
    scan = read_scan(EXAMPLE / "ct.nii.gz", structures=EXAMPLE / "labels.nii.gz").in_one_order()
    measured = describe_vertebra(scan, LEVEL)
    task = _task(scan, measured)
    yield "not at all", measured, task
    for name in ("left", "anterior", "cranial"):
        for sign in (1, -1):
            turned = replace(measured, axes=_turned(measured.axes, name, sign * TURN_DEG))
            yield f"{name}, {sign * TURN_DEG:+g} degrees", turned, replace(task, vertebra=turned)


def _task(scan: Scan, vertebra: Vertebra) -> SearchTask:
    applicator = read_applicator("intrabeam-needle")
    neural = neural_structures(scan, vertebra, PRESCRIPTION.limit.structure)
    mask = mask_of(lesion_of(scan, LEVEL, None), scan.image.grid)
    aimed = aim(mask, neural.limiting, PRESCRIPTION, applicator=applicator, output=applicator.nominal)
    surface = patient_surface(scan)
    return SearchTask(
        vertebra=vertebra,
        around=surroundings(scan, vertebra, bone=vertebra_mask(scan, LEVEL), canal=neural.kept_clear),
        isocentres_mm=aimed.isocentres_mm(),
        coverage=aimed.coverage,
        skin_points=lambda points, outwards: skin_points(surface, points, outwards),
        applicator=applicator,
        policy=PlanningPolicy(),
        near=lambda structures, ends: [],  # noqa: ARG005 - nothing is named here
    )


def _turned(axes: LocalFrame, about: str, angle_deg: float) -> LocalFrame:
    turn = Rotation.from_rotvec(np.radians(angle_deg) * getattr(axes, about))
    return LocalFrame(turn.apply(axes.left), turn.apply(axes.anterior), turn.apply(axes.cranial))


def _corridor(vertebra: Vertebra) -> Corridor:
    zone, pedicle = pedicle_zone(vertebra, SIDE), vertebra.pedicle(SIDE)
    if zone is None or pedicle is None:
        raise RuntimeError("the example's T12 shows no left pedicle")
    return Corridor(SIDE, zone, pedicle)


def _rows(turned: str, corridor: Corridor, task: SearchTask) -> Iterator[tuple[str, ...]]:
    candidates = graded(task, corridor, *raster(task, corridor))
    for approach in (Approach.TRANSPEDICULAR_TIGHT, Approach.EXTRAPEDICULAR):
        found = climbed(task, corridor, approach, candidates, through_skin=True)
        reached = _best(task, approach, found)
        evolved = max(reached, _evolved(task, corridor, approach, (candidates, found)))
        columns = (_best(task, approach, candidates), reached, evolved)
        name = approach.name.lower().replace("_", " ")
        yield turned, name, *(_shown(score) for score in columns), verdict(reached >= evolved - TOLERANCE)


def _shown(score: float) -> str:
    return f"{score:.3f}" if np.isfinite(score) else "none"


def _best(task: SearchTask, approach: Approach, candidates: Candidates) -> float:
    allowed = candidates.verdicts[approach].allowed & candidates.through_skin
    return float(scores(task, approach, candidates)[allowed].max(initial=-np.inf))


def _evolved(task: SearchTask, corridor: Corridor, approach: Approach, sources: tuple[Candidates, ...]) -> float:
    """Return the best score of all allowed axes that an evolution meets."""
    chance, best = np.random.default_rng(12), -np.inf
    worths = [_worth(task, approach, each) for each in sources]
    firsts = [np.argsort(-worth, kind="stable")[: KEPT // 2] for worth in worths]
    elite = np.concatenate([_places(corridor, each)[first] for each, first in zip(sources, firsts, strict=True)])
    worth = np.concatenate([each[first] for each, first in zip(worths, firsts, strict=True)])
    for number in range(ROUNDS):
        scale = SHRINKING**number * chance.choice([1.0, 0.3, 0.1], (DRAWN, 1))
        drawn = elite[chance.integers(0, len(elite), DRAWN)] + scale * SPREAD_MM * chance.normal(size=(DRAWN, 5))
        met = graded(task, corridor, *_axes(corridor, drawn))
        best = max(best, _best(task, approach, met))
        elite, worth = np.concatenate([elite, drawn[met.asked]]), np.concatenate([worth, _worth(task, approach, met)])
        kept = np.argsort(-worth, kind="stable")[:KEPT]
        elite, worth = elite[kept], worth[kept]
    return best


def _worth(task: SearchTask, approach: Approach, candidates: Candidates) -> FloatArray:
    near_canal = candidates.channels.canal_clearance < task.policy.canal_clearance_mm
    lacking = candidates.verdicts[approach].lacking + 100.0 * (near_canal | ~candidates.through_skin)
    return np.asarray(scores(task, approach, candidates) - LACKING_COSTS * lacking)


def _places(corridor: Corridor, candidates: Candidates) -> FloatArray:
    """Return five numbers in mm for each axis: its isocentre, and where it crosses the plane of the isthmus."""
    beside = crossings(corridor.zone, candidates.isocentres_mm, candidates.directions)
    return np.hstack([candidates.isocentres_mm, beside])


def _axes(corridor: Corridor, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    zone = corridor.zone
    through = zone.isthmus_mm + places[:, 3:] @ np.array([zone.lateral, zone.cranial])
    way = places[:, :3] - through
    return places[:, :3], way / np.linalg.norm(way, axis=1)[:, None]


if __name__ == "__main__":
    print(chapter(None).markdown())
