"""The vertebral levels, from the occiput to the sacrum, and how they are counted.

T13 and L6 exist (transitional anatomy) and are named, never renumbered (LEVEL-02).
"""

from __future__ import annotations

from typing import Literal

from metaspine.errors import LevelError

Region = Literal["cervical", "thoracic", "lumbar", "sacral"]

CERVICAL = tuple(f"C{n}" for n in range(8))
THORACIC = tuple(f"T{n}" for n in range(1, 13))
LUMBAR = tuple(f"L{n}" for n in range(1, 6))
SACRAL = tuple(f"S{n}" for n in range(1, 6))
TRANSITIONAL = ("T13", "L6")

LEVELS = (*CERVICAL, *THORACIC, "T13", *LUMBAR, "L6", *SACRAL)
"""All levels from cranial to caudal, the supernumerary ones at the place where they occur. C0 is the occiput."""

_REGION: dict[str, Region] = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacral"}


def level(text: str) -> str:
    """Return the level's canonical name.

    Raises
    ------
    LevelError
        When it is none of LEVELS.
    """
    name = text.strip().upper().replace("TH", "T")
    if name not in LEVELS:
        raise LevelError(f"{text!r} is not a vertebral level", remedy="Write C0-C7, T1-T12, T13, L1-L5, L6 or S1-S5")
    return name


def region(name: str) -> Region:
    """Return the part of the spine that a level belongs to."""
    return _REGION[level(name)[0]]


def position(name: str) -> int:
    """Return the place of a level in LEVELS; a larger number is more caudal."""
    return LEVELS.index(level(name))
