"""Where no dose is defined, said in a comment: RTDOSE has no word for it, so 0 Gy stands there (EXCHANGE-31)."""

from __future__ import annotations

import re

_SAID = re.compile(r"\b0 GY=UNDEFINED IN (\d{1,9}) VOXELS\b")


def undefined_said(voxels: int) -> str:
    """Return the words that say in how many voxels 0 Gy stands for "not defined"."""
    return f"0 GY=UNDEFINED IN {voxels} VOXELS"


def undefined_voxels(comment: str) -> int:
    """Return in how many voxels a dose's comment says that 0 Gy stands for "not defined"; 0 where it does not."""
    found = _SAID.search(comment)
    return int(found[1]) if found else 0
