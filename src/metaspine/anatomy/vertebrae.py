"""A vertebra described from its label: frame, body, canal, pedicles, endplates.

Pure geometry on the mask of one vertebra. The frame is found in turns: the neighbours' labels say roughly how the
spine runs; the thickest bone is the body; bone closes around the canal behind it; the endplates give the cranial axis;
the mirror plane of the bone around the canal gives left; then all is measured once more in that frame. Nothing depends
on the order or the sense of the label's axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.anatomy.body import Body, Endplate, cranial_axis, find_body
from metaspine.anatomy.bone import (
    VertebraLabel,
    labelled_levels,
    mask_of,
    occupied_mm,
    signed_distance,
    vertebra_label,
    vertebra_structure,
)
from metaspine.anatomy.local import ANTERIOR, CRANIAL, LocalBone, local_bone, local_frame
from metaspine.anatomy.pedicles import find_pedicle
from metaspine.anatomy.ring import Ring, find_ring, frame_with_ring, mirror_frame
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.levels import level as canonical_level
from metaspine.patient.levels import position
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.vertebra import LocalFrame, Pedicle, Plane, Vertebra

_FINE_MM = 0.75
_COARSE_MM = 1.0
_TURNS = 4


@dataclass(frozen=True, eq=False)
class VertebraGeometry:
    """A vertebra's bone on its own local grid with the parts found in it; what planning and the canal work on."""

    label: VertebraLabel
    bone: LocalBone
    ring: Ring | None
    body: Body


def describe_vertebra(scan: Scan, level: str) -> Vertebra:
    """Return the geometry of one vertebra from its label, in LPS mm.

    Parts that the field of view cuts, or that could not be found, are None, and the notes say why. The uncertainty is
    half the largest voxel edge of the label, at least 0.75 mm (ANAT-05).

    Raises
    ------
    LevelError
        When the level is not labelled exactly once; the message lists what is.
    StructureError
        When its label is empty.
    """
    found = vertebra_geometry(scan, level)
    image = scan.image.grid
    bone, ring, body = found.bone, found.ring, found.body
    pedicles, notes = _pedicles(bone, ring, image)
    canal = _canal(bone, ring, pedicles)
    superior, inferior = (_plane(plate, body, bone) for plate in (body.superior, body.inferior))
    complete = not _on_border(found.label.mask, image)
    return Vertebra(
        level=found.label.level,
        frame_of_reference=scan.frame_of_reference,
        axes=bone.frame,
        body_centre_mm=bone.grid.point_mm(body.centre),
        canal_centre_mm=canal[0],
        canal_width_mm=canal[1],
        canal_depth_mm=canal[2],
        right_pedicle=pedicles[Side.RIGHT],
        left_pedicle=pedicles[Side.LEFT],
        superior_endplate=superior,
        inferior_endplate=inferior,
        complete=complete,
        uncertainty_mm=_uncertainty_mm(found.label.mask.grid),
        notes=(*found.label.notes, *notes, *_notes(found, complete=complete)),
    )


def vertebra_geometry(scan: Scan, level: str) -> VertebraGeometry:
    """Return a vertebra's bone on its own local grid, its canal ring and its body.

    Raises
    ------
    LevelError
        When the level is not labelled exactly once.
    StructureError
        When its label is empty.
    """
    label = vertebra_label(scan, canonical_level(level))
    depth = signed_distance(label.mask)
    points = occupied_mm(label.mask)
    core = _core_mm(depth)
    first = local_frame(cranial=_along_spine(scan, label.level), anterior=_forwards(points, core))
    frame = frame_with_ring(depth, first, points_mm=points)
    for _ in range(_TURNS):
        bone, ring, body = _parts(depth, frame, points, core, scan.image.grid)
        frame = _improved(depth, points, bone, ring, body)
    return VertebraGeometry(label, *_parts(depth, frame, points, core, scan.image.grid, step_mm=_FINE_MM))


def _core_mm(depth: Volume) -> FloatArray:
    """Return the middle of the thickest bone, which lies in the body."""
    deep = np.argwhere(depth.values >= 0.9 * depth.values.max())
    return np.asarray(depth.grid.point_mm(deep).mean(axis=0))


def _along_spine(scan: Scan, level: str) -> FloatArray:
    """Return the way from the labelled neighbour below to the one above, as a first guess; without them the scanner's.

    Its sense is the scanner's cranial, not the labels' order.
    """
    order = sorted(set(labelled_levels(scan)), key=position)
    here = order.index(level)
    nearby = order[max(here - 1, 0) : here + 2]
    middles = [occupied_mm(mask_of(vertebra_structure(scan, name), scan.image.grid)).mean(axis=0) for name in nearby]
    way = middles[0] - middles[-1]
    if np.linalg.norm(way) < 1.0:
        return np.array([0.0, 0.0, 1.0])
    return np.asarray(way if way[2] >= 0 else -way)


def _forwards(points: FloatArray, core: FloatArray) -> FloatArray:
    """Return the way from the middle of all bone to the body; without one, the scanner's anterior."""
    way = core - points.mean(axis=0)
    return np.asarray(way) if np.hypot(way[0], way[1]) >= 1.0 else np.array([0.0, -1.0, 0.0])


def _parts(
    depth: Volume, frame: LocalFrame, points: FloatArray, core: FloatArray, image: Grid, *, step_mm: float = _COARSE_MM
) -> tuple[LocalBone, Ring | None, Body]:
    bone = local_bone(depth, frame, points_mm=points, step_mm=step_mm)
    ring = find_ring(bone)
    index = bone.grid.index(core)
    wall = ring.front if ring else index[ANTERIOR] - float(depth.values.max()) / step_mm
    return bone, ring, find_body(bone, core=index, posterior_wall=wall, image=image)


def _improved(depth: Volume, points: FloatArray, bone: LocalBone, ring: Ring | None, body: Body) -> LocalFrame:
    cranial = cranial_axis(body, bone)
    if ring is None:
        return local_frame(cranial=cranial, anterior=bone.frame.anterior)
    canal = bone.grid.point_mm(ring.centre)
    frame = local_frame(cranial=cranial, anterior=bone.grid.point_mm(body.centre) - canal)
    return mirror_frame(depth, frame, points_mm=points, centre_mm=canal)


def _pedicles(bone: LocalBone, ring: Ring | None, image: Grid) -> tuple[dict[Side, Pedicle | None], list[str]]:
    if ring is None:
        return dict.fromkeys(Side), [
            "canal and pedicles: bone closes around no canal (arch cut, opened or not labelled)"
        ]
    found = {side: find_pedicle(bone, ring, side, image=image) for side in Side}
    return {side: pedicle for side, (pedicle, _) in found.items()}, [reason for _, reason in found.values() if reason]


def _canal(
    bone: LocalBone, ring: Ring | None, pedicles: dict[Side, Pedicle | None]
) -> tuple[FloatArray | None, float | None, float | None]:
    """Return the ring's centre moved along the cranial axis to the height of the pedicles, with width and depth."""
    if ring is None:
        return None, None, None
    centre = ring.centre
    heights = [bone.grid.index(p.isthmus_mm)[CRANIAL] for p in pedicles.values() if p is not None]
    if heights:
        centre[CRANIAL] = np.mean(heights)
    width, depth = ring.width_and_depth()
    return bone.grid.point_mm(centre), width * bone.step_mm, depth * bone.step_mm


def _plane(plate: Endplate | None, body: Body, bone: LocalBone) -> Plane | None:
    if plate is None or plate.cut:
        return None
    first, second = body.centre[:2]
    height = float(plate.height(first, second))
    return Plane(bone.grid.point_mm([first, second, height]), bone.grid.directions @ plate.normal)


def _on_border(mask: Volume, image: Grid) -> bool:
    index = image.index(occupied_mm(mask))
    return bool(((index < 0.5) | (index > np.asarray(image.shape) - 1.5)).any())


def _uncertainty_mm(grid: Grid) -> float:
    return max(float(grid.spacing_mm.max()) / 2, _FINE_MM)


def _notes(found: VertebraGeometry, *, complete: bool) -> list[str]:
    notes = []
    for name, plate in (("superior", found.body.superior), ("inferior", found.body.inferior)):
        if plate is None or plate.cut:
            why = "cut by the field of view" if plate else "too little of its surface was found"
            notes.append(f"{name} endplate: {why}; the body's centre is that of the part in view")
    if found.ring is None:
        notes.append("axes: no canal in view, they are a guess from the spine's run and the body")
    if not complete:
        notes.append(f"{found.label.level} reaches the border of the image: it may be incomplete")
    return notes
