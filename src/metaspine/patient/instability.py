"""What each finding of a lesion adds to the Spinal Instability Neoplastic Score.

The points are data (``data/sins.yaml``); the score's categories and what follows from them belong to the assessment.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from metaspine.evidence.shipped import shipped_table
from metaspine.patient.case import LesionFacts

SINS_ITEMS = ("location", "pain", "bone_lesion", "alignment", "collapse", "posterolateral")


@cache
def sins_table() -> Mapping[str, Any]:
    """Return the table of items, locations and evidence."""
    table: Mapping[str, Any] = shipped_table("metaspine.patient", "sins.yaml")
    return table


def sins_location(level: str) -> str:
    """Return the part of the spine, in the score's words, that a level belongs to (SINS-03, LEVEL-02)."""
    places: Mapping[str, list[str]] = sins_table()["locations"]
    return next(name for name, levels in places.items() if level in levels)


def sins_points(lesion: LesionFacts) -> dict[str, tuple[int, int]]:
    """Return the lowest and highest points of each item that the known facts leave (SINS-05, SINS-06)."""
    findings = {item: getattr(lesion, item) for item in SINS_ITEMS[1:]} | {"location": sins_location(lesion.level)}
    items = sins_table()["items"]
    return {item: _range(items[item], findings[item]) for item in SINS_ITEMS}


def sins_range(lesion: LesionFacts) -> tuple[int, int]:
    """Return the lowest and highest total that the lesion's findings leave."""
    points = sins_points(lesion).values()
    return sum(low for low, _ in points), sum(high for _, high in points)


def _range(item: Mapping[str, Any], finding: str | None) -> tuple[int, int]:
    low, high = item["unknown"] if finding is None else item["points"][finding]
    return low, high
