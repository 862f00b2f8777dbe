"""Which structure limits the dose, and what must be kept clear of the channel.

The limit of a prescription names a structure of the scan, or a role. Resolved in this order: the structure of exactly
that name; the structure of that role at the level, a confirmed one before an unconfirmed one; where the role is not in
the scan at the level, the next wider structure (PLAN-18): cord, thecal sac, cauda equina, bony canal. The bony canal is
derived from the bone where nobody drew one. A structure that nobody confirmed limits the dose all the same, but a plan
with it carries a stop (PLAN-17).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.anatomy.bone import mask_of
from metaspine.anatomy.canal import bony_canal, neural_content
from metaspine.errors import StructureError
from metaspine.patient.plan import Caution
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.patient.vertebra import Vertebra

WIDER = (Role.SPINAL_CORD, Role.THECAL_SAC, Role.CAUDA_EQUINA, Role.BONY_CANAL)
"""From the narrowest to the widest."""
_AT_LEVEL_MM = 25.0
"""A structure is at a level when some of it lies within this distance of the body's centre along the cranial axis."""


@dataclass(frozen=True, eq=False)
class Neural:
    """The neural structures at a level."""

    limiting: Structure
    kept_clear: tuple[Structure, ...]
    """All that no channel may enter."""
    cautions: tuple[Caution, ...]


def neural_structures(scan: Scan, vertebra: Vertebra, named: str) -> Neural:
    """Return the limiting structure and all that must be kept clear.

    Raises
    ------
    StructureError
        When nothing of that name or role is at the level, several could be meant, or no canal is known at all.
    """
    drawn = [
        structure for structure in scan.structures if structure.role in WIDER and _at_level(scan, structure, vertebra)
    ]
    canals = [structure for structure in drawn if structure.role is Role.BONY_CANAL]
    if not canals:
        canals = [bony_canal(scan, vertebra.level)]
    known = [*(structure for structure in drawn if structure.role is not Role.BONY_CANAL), *canals]
    limiting, cautions = _limiting(scan, vertebra, named, known)
    kept_clear = known if any(structure is limiting for structure in known) else [*known, limiting]
    return Neural(limiting, tuple(kept_clear), (*cautions, *_not_neural(limiting, vertebra), *_unconfirmed(limiting)))


def _limiting(
    scan: Scan, vertebra: Vertebra, named: str, known: list[Structure]
) -> tuple[Structure, tuple[Caution, ...]]:
    by_name = [structure for structure in (*scan.structures, *known) if structure.name == named]
    if by_name:
        return _present(scan, by_name[0], vertebra), ()
    role = next((role for role in WIDER if role.value == named), None)
    if role is None:
        names = ", ".join(structure.name for structure in scan.structures) or "none"
        raise StructureError(
            f"the dose limit names {named!r}, which is neither a structure of the scan nor a role",
            where=scan.origin.path,
            remedy=f"Roles: {', '.join(role.value for role in WIDER)}. Structures: {names}",
        )
    for candidate in WIDER[WIDER.index(role) :]:
        found = [structure for structure in known if structure.role is candidate]
        if found:
            return _one(found, candidate, vertebra), () if candidate is role else (_wider(role, candidate, vertebra),)
    raise StructureError(f"no {named} is known at {vertebra.level}", where=scan.origin.path, remedy="Draw it")


def _one(found: list[Structure], role: Role, vertebra: Vertebra) -> Structure:
    """Return the one structure of a role, a confirmed one first."""
    confirmed = [structure for structure in found if structure.confirmed]
    chosen = confirmed or found
    if len(chosen) == 1:
        return chosen[0]
    raise StructureError(
        f"{len(chosen)} structures are a {role.value} at {vertebra.level}",
        where=", ".join(structure.name for structure in chosen),
        remedy="Name the one that limits the dose",
    )


def _wider(asked: Role, used: Role, vertebra: Vertebra) -> Caution:
    content = neural_content(vertebra.level)
    return Caution(
        "LIMIT_BY_WIDER_STRUCTURE",
        f"no {asked.value} is in the scan at {vertebra.level} ({content.note}): the {used.value} limits the "
        "dose in its place",
        "PLAN-18",
    )


def _not_neural(limiting: Structure, vertebra: Vertebra) -> tuple[Caution, ...]:
    if limiting.role in WIDER:
        return ()
    message = (
        f"{limiting.name} limits the dose and is not known as cord, thecal sac, cauda equina or canal "
        f"(role: {limiting.role.value}): no limit is checked for what the canal of {vertebra.level} holds"
    )
    return (Caution("LIMIT_NOT_NEURAL", message, "IORT-20", stops=limiting.role is not Role.OTHER),)


def _unconfirmed(limiting: Structure) -> tuple[Caution, ...]:
    if limiting.confirmed:
        return ()
    return (
        Caution(
            "LIMIT_UNCONFIRMED",
            f"{limiting.name} limits the dose but is {limiting.origin.value} and confirmed by nobody: a person must "
            "confirm it",
            "PLAN-17",
            stops=True,
        ),
    )


def _present(scan: Scan, structure: Structure, vertebra: Vertebra) -> Structure:
    if _at_level(scan, structure, vertebra):
        return structure
    raise StructureError(
        f"the structure that limits the dose is not at {vertebra.level}",
        where=structure.name,
        remedy="Name one that is, or check the level",
    )


def _at_level(scan: Scan, structure: Structure, vertebra: Vertebra) -> bool:
    mask = mask_of(structure, scan.image.grid)
    points = mask.grid.point_mm(np.argwhere(mask.values))
    heights = (points - vertebra.body_centre_mm) @ vertebra.axes.cranial
    return bool((np.abs(heights) <= _AT_LEVEL_MM).any())
