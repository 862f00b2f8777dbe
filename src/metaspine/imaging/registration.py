"""Rigid registration of one vertebra between two images.

A vertebra is rigid, the spine is not: only the vertebra and its edge are compared. Images with and without Hounsfield
units are compared alike, by mutual information. The level that was found is checked against the neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from metaspine.errors import LevelError, RegistrationError, StructureError
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.transforms import RigidTransform
from metaspine.imaging.regions import region_of
from metaspine.imaging.registration_fit import COARSE_MM, simple_itk
from metaspine.imaging.registration_level import checked_level, refuse_odd_label
from metaspine.imaging.registration_place import NEAR, WIDE, likeliest, recognised, refuse_turned
from metaspine.imaging.registration_samples import Picture, Samples, coarser, picture, samples_of, volume_of
from metaspine.imaging.registration_search import Fit, judged, moved, refined
from metaspine.patient.image import Image
from metaspine.patient.registration import Registration
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure

ERROR_FLOOR_MM, ERROR_FACTOR, MOST_ERROR_MM = 0.3, 3.0, 3.0
"""REG-04."""
_BEYOND_MM = 86.0
_FINE_SAMPLES = 5_000


def register_vertebra(
    fixed: Scan | Image,
    moving: Scan | Image,
    *,
    vertebra: Structure,
    neighbours: Sequence[Structure],
    start: RigidTransform | None = None,
    seed: int = 0,
) -> Registration:
    """Return how one vertebra moved from a first image to a second, with its error and the check of its level.

    Parameters
    ----------
    fixed
        The image that the structures belong to: the planning CT, or an MR.
    moving
        The second image, in LPS mm of its own frame of reference: intraoperative CT, cone-beam CT, MR.
    vertebra
        The vertebra's label in the first image, with its level.
    neighbours
        The labels of the vertebrae above and below, better two on each side; they move on their own, and they are what
        the level is checked against.
    start
        About where the vertebra lies, within 20 mm and 10 degrees. None: where it lies in the first image, or, where
        the second does not reach there, the second image's middle.
    seed
        Of the samples. The same seed gives the same bits.

    Raises
    ------
    RegistrationError
        When SimpleITK is missing, the vertebra is not found or too little of it seen, or the error is too large.
    LevelError
        When a neighbour fits as well or better at the place found, the level cannot be checked, or the label is no
        vertebra's.
    StructureError
        When the first image shows nothing of the vertebra.
    FrameMismatch
        When the structures or the start belong to other frames of reference.
    """
    simple_itk()
    first = _first_picture(fixed, (vertebra, *neighbours))
    samples = samples_of(first, vertebra, neighbours)
    if samples is None:
        raise StructureError("the first image shows nothing of the vertebra", where=vertebra.name, remedy=_OUTLINE)
    refuse_odd_label(first, vertebra, neighbours)
    begin = _start(first, moving, samples, start)
    reaches = (NEAR,) if start is not None else (NEAR, WIDE)
    reach = reaches[-1]
    second = picture(moving, around_mm=moved(begin, samples.centre_mm), reach_mm=reach.within_mm + _BEYOND_MM)
    where = vertebra.level or vertebra.name
    coarse = coarser(second, COARSE_MM)
    tried = [likeliest(first, coarse, samples, begin, reach=one, seed=seed) for one in reaches]
    likely = max((one for one in tried if one is not None), key=lambda one: one.likeness, default=None)
    try:
        rough = recognised(likely, moved(begin, samples.centre_mm), reach=reach, where=where)
        level = checked_level(first, coarse, vertebra, neighbours, rough, seed=seed)
    except (RegistrationError, LevelError):
        refuse_turned(first, coarse, samples, begin, likely, reach=reach, seed=seed)
        raise
    fine = samples.some(_FINE_SAMPLES)
    best = judged(second, samples, refined(second, fine, rough.matrix, step_mm=0.5, most=500))
    error_mm = _error_mm(second, fine, best)
    _refuse_doubtful(error_mm, where)
    return Registration(
        vertebra=where,
        transform=RigidTransform(best.matrix, first.grid.frame_of_reference, second.grid.frame_of_reference),
        error_mm=error_mm,
        likeness=best.likeness,
        level_margin=level.margin,
        neighbours=level.fits,
        seen_share=best.seen_share,
        middle_mm=(float(best.middle_mm[0]), float(best.middle_mm[1]), float(best.middle_mm[2])),
        notes=(*level.notes, *_notes(fixed, moving, best)),
    )


def start_at(fixed: Scan | Image, moving: Scan | Image, vertebra: Structure, middle_mm: ArrayLike) -> RigidTransform:
    """Return the start of a registration by where the vertebra's middle lies in the second image (LPS mm, pointed at).

    Raises
    ------
    StructureError
        When the first image shows nothing of the vertebra.
    """
    first = _first_picture(fixed, (vertebra,))
    samples = samples_of(first, vertebra, ())
    if samples is None:
        raise StructureError("the first image shows nothing of the vertebra", where=vertebra.name, remedy=_OUTLINE)
    matrix = np.eye(4)
    matrix[:3, 3] = np.asarray(middle_mm, dtype=np.float64) - samples.centre_mm
    return RigidTransform(matrix, fixed.frame_of_reference, moving.frame_of_reference)


_OUTLINE = "Outline the vertebra in the first image, or check that the two belong together"


def _first_picture(fixed: Scan | Image, structures: Sequence[Structure]) -> Picture:
    grid = volume_of(fixed).grid
    corners = []
    for structure in structures:
        grid.require_frame(structure.frame_of_reference, where=structure.name)
        region = region_of(structure, grid)
        if region is not None:
            corners += [[part.start for part in region.box], [part.stop for part in region.box]]
    if not corners:
        raise StructureError("the first image shows nothing of it", where=structures[0].name, remedy=_OUTLINE)
    return picture(fixed, around_mm=grid.point_mm(corners), reach_mm=15.0)


def _start(first: Picture, moving: Scan | Image, samples: Samples, start: RigidTransform | None) -> FloatArray:
    grid = volume_of(moving).grid
    if start is not None:
        first.grid.require_frame(start.from_frame, where="the start of the registration")
        grid.require_frame(start.to_frame, where="the start of the registration")
        return np.array(start.matrix)
    begin = np.eye(4)
    if not grid.contains(samples.centre_mm):
        begin[:3, 3] = grid.point_mm((np.asarray(grid.shape) - 1) / 2) - samples.centre_mm
    return begin


def _error_mm(second: Picture, samples: Samples, found: Fit) -> float:
    """Return the error that fits without one quarter of the vertebra each show (the jackknife), with a floor.

    sqrt(floor^2 + (factor s)^2), s^2 = (n - 1)/n sum |p_i - mean p|^2, averaged over the vertebra's points p.
    """
    points = samples.points_mm[samples.inside]
    places = np.array(
        [
            moved(refined(second, part, found.matrix, step_mm=0.2, most=150), points)
            for part in _without_a_quarter(samples)
        ]
    )
    squares = np.square(places - places.mean(axis=0)).sum(axis=2)
    spread = float((squares.sum(axis=0) * (len(places) - 1) / len(places)).mean())
    return float(np.sqrt(ERROR_FLOOR_MM**2 + ERROR_FACTOR**2 * spread))


def _without_a_quarter(samples: Samples) -> Iterator[Samples]:
    """Yield the samples without those left or right, above or below, of the vertebra's middle."""
    off = samples.points_mm - samples.centre_mm
    for left in (True, False):
        for above in (True, False):
            yield samples.where(((off[:, 0] >= 0) != left) | ((off[:, 2] >= 0) != above))


def _refuse_doubtful(error_mm: float, where: str) -> None:
    if error_mm > MOST_ERROR_MM:
        raise RegistrationError(
            f"the registration may be {error_mm:.1f} mm off, more than {MOST_ERROR_MM:g} mm",
            where=where,
            remedy="Use an image with less noise and metal, or one that shows more of the vertebra",
        )


def _notes(fixed: Scan | Image, moving: Scan | Image, found: Fit) -> Iterator[str]:
    if isinstance(moving, Image):
        yield "The second image has no Hounsfield units: densities come from the planning CT, where it is known"
    if found.seen_share < 0.9:
        yield f"Only {100 * found.seen_share:.0f} % of the vertebra is seen in the second image without metal"
    frames = [(one.frame_of_reference) for one in (fixed, moving)]
    if frames[0] == frames[1]:
        yield "Both images state the same frame of reference; the vertebra was registered all the same"
