"""The stated level against the labels and against independent counts from landmarks in view (LEVEL-01, LEVEL-02).

A count walks along the bodies from a landmark, whatever their labels say: the sacrum (upwards, five lumbar vertebrae),
the last pair of ribs (twelve rib-bearing vertebrae), C2 (downwards). What makes a count impossible or doubtful is said;
nothing is renumbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from metaspine.anatomy.bone import largest_piece, mask_of, occupied_mm, vertebra_structure
from metaspine.errors import LevelError
from metaspine.geometry.grid import FloatArray
from metaspine.patient.levels import CERVICAL, LEVELS, LUMBAR, SACRAL, THORACIC, TRANSITIONAL, position
from metaspine.patient.levels import level as canonical_level
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.structure import Role, Structure
from metaspine.patient.vertebra import LandmarkCount, LevelCheck

USUAL = (*CERVICAL[1:], *THORACIC, *LUMBAR)
"""The presacral vertebrae as they are usually numbered (ANAT-11)."""

_BEARS_MM = 15.0
"""A rib whose label comes this near to a vertebra bears on it (ANAT-10)."""
_CLEARLY_MM = 2.0
"""A rib bears clearly on the nearest vertebra when the next one is this much farther away (ANAT-10)."""
_BESIDE_MM = 50.0
"""A rib begins within this of its vertebra's body (ANAT-10)."""
_GAP = 1.6
"""A step between bodies this much longer than its neighbours' skips a vertebra (ANAT-12)."""
_IN_ONE_PIECE = 0.95
"""A label of which less hangs together may be mixed with its neighbours' (ANAT-01)."""
_SACRUM_STEP_MM = 25.0
"""The lowest free vertebra's bone lies within this of the sacrum (ANAT-12)."""


@dataclass(frozen=True, eq=False)
class _Vertebra:
    """One labelled vertebra as the count sees it: its bone's points and the middle of its body, LPS mm."""

    level: str
    body_mm: FloatArray
    points_mm: FloatArray
    cut: bool
    in_one_piece: float


@dataclass(frozen=True)
class _Rib:
    """A rib: its side, the place of the vertebra nearest to it, whether it bears on it, and whether clearly so."""

    side: Side
    place: int
    bears: bool
    clearly: bool


def check_level(scan: Scan, stated: str) -> LevelCheck:
    """Return the stated level against its label and against every count that can be made.

    Raises
    ------
    LevelError
        When the level is no level or is not labelled exactly once, the labels do not follow each other along the
        spine, or a count contradicts the stated level. The message names the stated level, the label and the count.
    """
    name = canonical_level(stated)
    vertebra_structure(scan, name)
    spine = _spine(scan)
    _refuse_disorder(spine, scan.origin.path)
    here = next(n for n, vertebra in enumerate(spine) if vertebra.level == name)
    possible = (_sacrum(scan, spine, here), _last_rib(scan, spine, here), _c2(spine, here))
    counts = tuple(count for count in possible if count is not None)
    made = [count for count in counts if count.level]
    if any(count.level != name for count in made):
        raise LevelError(
            f"{name} was stated and is labelled so, but {_told(made)}",
            where=scan.origin.path,
            remedy="Count the level on an image that shows two landmarks; nothing is renumbered",
        )
    return LevelCheck(name, name, counts, True if made else None, tuple(_notes(spine, counts, made)))


def _spine(scan: Scan) -> list[_Vertebra]:
    """Return the labelled vertebrae from cranial to caudal by where their bodies lie, not by their labels."""
    found = [_located(scan, structure) for structure in scan.of_role(Role.VERTEBRA) if structure.level]
    bodies = np.array([vertebra.body_mm for vertebra in found])
    along = bodies - bodies.mean(axis=0)
    axis = np.linalg.svd(along, full_matrices=False)[2][0] if len(found) > 1 else np.array([0.0, 0.0, 1.0])
    order = np.argsort(-(along @ axis) * (1.0 if axis[2] >= 0 else -1.0), kind="stable")
    return [found[n] for n in order]


def _located(scan: Scan, structure: Structure) -> _Vertebra:
    mask = mask_of(structure, scan.image.grid)
    depth = ndimage.distance_transform_edt(np.pad(mask.values, 1), sampling=mask.grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    body = mask.grid.point_mm(np.argwhere(depth >= 0.8 * depth.max())).mean(axis=0)
    points = occupied_mm(mask)
    index = scan.image.grid.index(points)
    cut = bool(((index < 0.5) | (index > np.asarray(scan.image.grid.shape) - 1.5)).any())
    share = float(largest_piece(mask.values).sum() / len(points))
    return _Vertebra(structure.level, np.asarray(body), points, cut, share)


def _refuse_disorder(spine: list[_Vertebra], where: str) -> None:
    repeated = sorted({v.level for v in spine if sum(w.level == v.level for w in spine) > 1}, key=position)
    if repeated:
        raise LevelError(f"{', '.join(repeated)} labelled more than once", where=where, remedy="Correct the label map")
    for upper, lower in pairwise(spine):
        if position(upper.level) > position(lower.level):
            raise LevelError(
                f"{upper.level} lies cranial of {lower.level}: the labels do not follow each other along the spine",
                where=where,
                remedy="Correct the label map; count the level on an image that shows two landmarks",
            )


def _sacrum(scan: Scan, spine: list[_Vertebra], here: int) -> LandmarkCount | None:
    sacra = scan.of_role(Role.SACRUM)
    free = [n for n, vertebra in enumerate(spine) if vertebra.level not in SACRAL]
    if not sacra:
        return None
    if here not in free:
        return LandmarkCount("sacrum", "", f"{spine[here].level} is part of the sacrum")
    lowest = free[-1]
    bone = [occupied_mm(mask_of(sacrum, scan.image.grid)) for sacrum in sacra]
    bone += [vertebra.points_mm for vertebra in spine if vertebra.level in SACRAL]
    nearest = float(np.min(KDTree(np.concatenate(bone)).query(spine[lowest].points_mm)[0]))
    if nearest > _SACRUM_STEP_MM:
        return LandmarkCount("sacrum", "", f"{nearest:.0f} mm without a labelled vertebra above the sacrum")
    return _counted("sacrum", spine, here, lowest, usual="L5")


def _last_rib(scan: Scan, spine: list[_Vertebra], here: int) -> LandmarkCount | None:
    if not scan.of_role(Role.RIB):
        return None
    trees = [KDTree(vertebra.points_mm) for vertebra in spine]
    ribs = [_rib(occupied_mm(mask_of(rib, scan.image.grid)), spine, trees) for rib in scan.of_role(Role.RIB)]
    left, right = (_lowest_bearing([rib for rib in ribs if rib.side is side], side) for side in Side)
    doubts = [doubt for _, doubt in (left, right) if doubt]
    if doubts:
        return LandmarkCount("last rib", "", "; ".join(doubts))
    lowest = left[0]
    if lowest != right[0]:
        names = f"{spine[lowest].level} on one side and on {spine[right[0]].level} on the other (as labelled)"
        return LandmarkCount("last rib", "", f"the last rib bears on {names}: ribs cut, unlabelled or uneven")
    doubt = _rib_may_hide(scan, spine, lowest)
    return LandmarkCount("last rib", "", doubt) if doubt else _counted("last rib", spine, here, lowest, usual="T12")


def _rib(points_mm: FloatArray, spine: list[_Vertebra], trees: Sequence[KDTree]) -> _Rib:
    """Return on which vertebra a rib bears; its own number is not used."""
    gaps = [float(np.min(tree.query(points_mm, distance_upper_bound=2 * _BEARS_MM)[0])) for tree in trees]
    place = int(np.argmin(gaps))
    rival = min((gap for n, gap in enumerate(gaps) if n != place), default=np.inf)
    side = Side.LEFT if points_mm[:, 0].mean() > spine[place].body_mm[0] else Side.RIGHT
    return _Rib(side, place, gaps[place] <= _BEARS_MM, rival >= gaps[place] + _CLEARLY_MM)


def _lowest_bearing(ribs: list[_Rib], side: Side) -> tuple[int, str]:
    """Return the place of the lowest vertebra on which a rib of one side bears, or why it is not known."""
    bearing = [rib for rib in ribs if rib.bears]
    if not bearing:
        return -1, f"no {side} rib bears on a labelled vertebra"
    last = max(bearing, key=lambda rib: rib.place)
    return last.place, "" if last.clearly else f"the last {side} rib lies between two vertebrae"


def _rib_may_hide(scan: Scan, spine: list[_Vertebra], lowest: int) -> str:
    """Return why a lower rib than the last one seen cannot be excluded; empty where it can."""
    below = [vertebra for vertebra in spine[lowest + 1 :] if not vertebra.cut]
    if not below:
        return "no whole vertebra without ribs is in view below: the last rib may lie lower"
    beside = below[0].body_mm + np.outer([-_BESIDE_MM, _BESIDE_MM], [1.0, 0.0, 0.0])
    if not scan.image.grid.contains(beside).all():
        return f"the image ends less than {_BESIDE_MM:.0f} mm beside {below[0].level}: a rib there cannot be excluded"
    return ""


def _c2(spine: list[_Vertebra], here: int) -> LandmarkCount | None:
    for n, vertebra in enumerate(spine):
        if vertebra.level == "C2":
            if n > 1:
                return LandmarkCount("C2", "", f"{n} vertebrae are labelled above C2")
            return _counted("C2", spine, here, n, usual="C2")
    return None


def _counted(landmark: str, spine: list[_Vertebra], here: int, anchor: int, *, usual: str) -> LandmarkCount:
    """Return the level ``here`` by counting bodies from the anchor, which is usually called ``usual``."""
    first, last = sorted((here, anchor))
    between = spine[first : last + 1]
    odd = [vertebra.level for vertebra in spine if vertebra.level in TRANSITIONAL]
    if odd:
        return LandmarkCount(landmark, "", f"{', '.join(odd)} is labelled: transitional anatomy, a person must count")
    gap = _gap(spine, first, last)
    if gap:
        return LandmarkCount(landmark, "", gap)
    place = USUAL.index(usual) + here - anchor
    if not 0 <= place < len(USUAL):
        return LandmarkCount(landmark, "", f"{len(between)} vertebrae from the {landmark} leave the usual numbering")
    counted = "1 vertebra" if len(between) == 1 else f"{len(between)} vertebrae"
    return LandmarkCount(landmark, USUAL[place], f"{counted} counted, with the usual numbers (ANAT-11)")


def _gap(spine: list[_Vertebra], first: int, last: int) -> str:
    """Return where a vertebra seems to be missing between two places; empty where none is."""
    steps = [float(np.linalg.norm(lower.body_mm - upper.body_mm)) for upper, lower in pairwise(spine)]
    for n in range(first, last):
        around = [step for place, step in enumerate(steps) if place != n and abs(place - n) <= 3]
        if around and steps[n] > _GAP * float(np.median(around)):
            return (
                f"a vertebra seems to be missing between {spine[n].level} and {spine[n + 1].level} ({steps[n]:.0f} mm)"
            )
    return ""


def _told(made: list[LandmarkCount]) -> str:
    told = " and ".join(f"counted from the {count.landmark} it is {count.level}" for count in made)
    if len({count.level for count in made}) > 1:
        told += " (the counts contradict each other: transitional anatomy is likely, LEVEL-02)"
    return told


def _notes(spine: list[_Vertebra], counts: tuple[LandmarkCount, ...], made: list[LandmarkCount]) -> list[str]:
    notes = []
    if not counts:
        notes.append("neither sacrum, nor ribs, nor C2 are labelled in this image: the level cannot be counted")
    if len(made) == 1:
        notes.append("one landmark counted; LEVEL-01 asks for two and for a person's confirmation")
    odd = [vertebra.level for vertebra in spine if vertebra.level in TRANSITIONAL]
    if odd:
        notes.append(f"{', '.join(odd)} is labelled: transitional anatomy is named, never renumbered (LEVEL-02)")
    for vertebra in spine:
        if vertebra.in_one_piece < _IN_ONE_PIECE:
            share = f"{vertebra.in_one_piece:.0%} of it hang together"
            notes.append(f"the label of {vertebra.level} is in pieces ({share}): neighbouring labels may be mixed")
    for upper, lower in pairwise(spine):
        skipped = _skipped(upper.level, lower.level)
        if skipped:
            notes.append(f"no label for {', '.join(skipped)} between {upper.level} and {lower.level}")
    return notes


def _skipped(upper: str, lower: str) -> list[str]:
    between = LEVELS[position(upper) + 1 : position(lower)]
    return [name for name in between if name not in TRANSITIONAL]
