"""Which structure is the lesion to be treated, and whether it can be trusted to lie where it should."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from metaspine.anatomy.bone import mask_of
from metaspine.errors import StructureError
from metaspine.geometry import Volume
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.rasterise import fraction_outside
from metaspine.geometry.resampling import resample
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure

_SHARED = 0.10
"""A lesion that has more than this part of its contact with another vertebra lies in two (PLAN-20)."""


def lesion_of(scan: Scan, level: str, lesion: str | Structure | None) -> Structure:
    """Return the lesion to be treated at a level.

    Parameters
    ----------
    lesion
        A structure of the scan by name, a structure, or None for the one lesion of the scan at the level.

    Raises
    ------
    StructureError
        When it is empty, reaches outside the CT, touches no vertebra, lies in another one or in two, or when none or
        several could be meant.
    FrameMismatch
        When it lives in another frame of reference.
    """
    chosen = _named(scan, lesion) if lesion is not None else _the_one(scan, level)
    scan.image.grid.require_frame(chosen.frame_of_reference, where=chosen.name)
    _refuse_outside(scan, chosen)
    _refuse_elsewhere(scan, chosen, level)
    return chosen


def _named(scan: Scan, lesion: str | Structure) -> Structure:
    chosen = scan.structure(lesion) if isinstance(lesion, str) else lesion
    if chosen.role in (Role.LESION, Role.OTHER):
        return chosen
    raise StructureError(
        f"is a {chosen.role.value}, not a lesion", where=chosen.name, remedy="Name the structure of the lesion"
    )


def _the_one(scan: Scan, level: str) -> Structure:
    lesions = scan.of_role(Role.LESION)
    touching = [
        lesion for lesion in lesions if lesion.level == level or (not lesion.level and level in _contact(scan, lesion))
    ]
    if len(touching) == 1:
        return touching[0]
    found = f"there are {len(touching)} lesions at {level}" if touching else f"there is no lesion at {level}"
    known = ", ".join(lesion.name for lesion in lesions) or "none"
    raise StructureError(found, where=scan.origin.path, remedy=f"Name the lesion; structures that are lesions: {known}")


def _refuse_outside(scan: Scan, lesion: Structure) -> None:
    grid = scan.image.grid
    if isinstance(lesion.region, ContourSet):
        outside = fraction_outside(lesion.region, grid)
    else:
        mask = mask_of(lesion, grid)
        points = mask.grid.point_mm(np.argwhere(mask.values))
        outside = float(1 - grid.contains(points).mean())
    if outside > 0:
        raise StructureError(
            f"the lesion lies outside the CT ({outside:.0%} of it)"
            if outside < 1
            else "the lesion lies outside the CT",
            where=lesion.name,
            remedy="Use the CT on which the lesion was drawn, with all of it in view",
        )


def _refuse_elsewhere(scan: Scan, lesion: Structure, level: str) -> None:
    contact = _contact(scan, lesion)
    if not contact:
        raise StructureError("the lesion touches no labelled vertebra", where=lesion.name, remedy="Check its position")
    total = sum(contact.values())
    shares = {name: count / total for name, count in sorted(contact.items(), key=lambda item: -item[1])}
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    if lesion.level not in ("", level) or shares.get(level, 0.0) == 0.0:
        raise StructureError(
            f"the lesion lies in {lesion.level or next(iter(shares))}, not in {level} (contact with bone: {told})",
            where=lesion.name,
            remedy="Check the level that was stated, and the lesion",
        )
    if 1 - shares[level] > _SHARED:
        raise StructureError(
            f"the lesion lies in two vertebrae (contact with bone: {told})",
            where=lesion.name,
            remedy="Draw one lesion for each vertebra; each is planned by itself",
        )


def _contact(scan: Scan, lesion: Structure) -> dict[str, int]:
    """Return how many voxels of a lesion and its rim belong to each vertebra."""
    mask = mask_of(lesion, scan.image.grid)
    i, j, k = mask.grid.shape
    grid = mask.grid.cropped((-1, -1, -1), (i + 1, j + 1, k + 1))
    rim = ndimage.binary_dilation(np.pad(mask.values, 1))
    found = {}
    for vertebra in scan.of_role(Role.VERTEBRA):
        bone = mask_of(vertebra, scan.image.grid)
        inside = resample(Volume(bone.values.astype(np.float32), bone.grid), grid, outside=0.0).values >= 0.5
        found[vertebra.level] = int((rim & inside).sum())
    return {level: count for level, count in found.items() if level and count}
