"""Bone between marrow and compact bone: a continuous mixture by density, and the few materials that stand for it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray
from metaspine.physics.materials import Material, material, mixture
from metaspine.physics.photon_data import coefficients

RED_SHARE = 0.7
"""Of vertebral marrow, by mass (MAT-05)."""
BONE_LEVELS = 32
"""Materials from marrow to compact bone; what this costs in accuracy is in docs/materials.md."""
_STEP_ENERGY_KEV = 20.0


@cache
def vertebral_marrow(red_share: float = RED_SHARE) -> Material:
    """Return the marrow of a vertebra: red and yellow marrow by mass (MAT-05)."""
    return mixture(
        "marrow",
        f"vertebral marrow, {red_share:.0%} red",
        {material("red-marrow"): red_share, material("yellow-marrow"): 1 - red_share},
        evidence=("MAT-05",),
    )


def compact_share(density_g_cm3: ArrayLike) -> FloatArray:
    """Return the fraction by mass of compact bone in bone of a density (...), 0 for marrow and 1 for compact bone.

    The volumes add up: w = v rho_c / rho with v = (rho - rho_m) / (rho_c - rho_m) (MAT-06).
    """
    density = np.asarray(density_g_cm3, dtype=np.float64)
    marrow, compact = vertebral_marrow().density_g_cm3, material("cortical").density_g_cm3
    inside = np.clip(density, marrow, compact)
    return np.asarray((inside - marrow) / (compact - marrow) * compact / inside)


def bone(share: float) -> Material:
    """Return marrow with a fraction by mass of compact bone, 0 to 1 (MAT-06).

    Raises
    ------
    InputError
        When the fraction lies outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise InputError(
            f"a share of {share} of compact bone", where="bone", remedy="Give a fraction by mass from 0 to 1"
        )
    parts = {vertebral_marrow(): 1 - share, material("cortical"): share}
    return mixture(f"bone-{100 * share:.1f}", f"bone, {share:.1%} compact by mass", parts, evidence=("MAT-06",))


@cache
def bone_levels(count: int = BONE_LEVELS) -> tuple[Material, ...]:
    """Return the materials that stand for bone, from marrow to compact bone.

    Neighbours differ by the same factor in their energy transfer at 20 keV: the relative error is even.
    """
    return tuple(bone(float(share)) for share in _shares((np.arange(count) + 0.5) / count))


def bone_level(density_g_cm3: ArrayLike, count: int = BONE_LEVELS) -> NDArray[np.int64]:
    """Return the index into :func:`bone_levels` of bone of a density (...)."""
    borders = _shares(np.arange(1, count) / count)
    return np.asarray(np.searchsorted(borders, compact_share(density_g_cm3), side="right"))


def _shares(place: FloatArray) -> FloatArray:
    """Return the compact shares at places from 0 to 1 on the logarithmic scale from marrow to compact bone."""
    marrow, compact = (
        float(coefficients(end, [_STEP_ENERGY_KEV]).transfer[0]) for end in (vertebral_marrow(), material("cortical"))
    )
    transfer = marrow * (compact / marrow) ** np.asarray(place)
    return np.asarray((transfer - marrow) / (compact - marrow))
