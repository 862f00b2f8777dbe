"""How one vertebra moved from one image to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.geometry.transforms import RigidTransform


@dataclass(frozen=True)
class LevelFit:
    """How well one vertebra of the first image fits the place that was found in the second.

    Parameters
    ----------
    level
        The vertebra's level, or its name where it has none.
    likeness
        Mutual information of the two images over that vertebra, in bits; higher is more alike.
    """

    level: str
    likeness: float


@dataclass(frozen=True, eq=False)
class Registration:
    """A rigid registration of one vertebra; other vertebrae may have moved on their own.

    Parameters
    ----------
    vertebra
        The level that was registered.
    transform
        From the first image's frame of reference to the second's.
    error_mm
        Points of the vertebra are expected to lie within this of their true place in 95 of 100 registrations (REG-04).
    likeness
        Mutual information over the vertebra, in bits.
    level_margin
        By what fraction the vertebra is more alike than the best of its neighbours at the same place (REG-03).
    neighbours
        How well each neighbour fits there.
    seen_share
        The fraction of the vertebra that the second image shows without metal.
    middle_mm
        Where the vertebra's middle lies in the second image, LPS mm.
    notes
        What the reader of the result must know, as sentences.
    """

    vertebra: str
    transform: RigidTransform
    error_mm: float
    likeness: float
    level_margin: float
    neighbours: tuple[LevelFit, ...]
    seen_share: float
    middle_mm: tuple[float, float, float]
    notes: tuple[str, ...] = ()

    @property
    def turned_degrees(self) -> float:
        """By how much the vertebra is turned, about whatever axis."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.transform.matrix[:3, :3]) - 1) / 2, -1, 1))))
