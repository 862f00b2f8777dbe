"""The hottest part of a structure with fine quadrature: what D0.03cc and the point maximum are read from.

0.03 cc of a canal is a thousandth of it; points that are dense enough for its D50 are too few for its D0.03cc.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metaspine.evaluation.dvh import DoseVolume, dose_volume
from metaspine.evaluation.fields import DoseField
from metaspine.evaluation.nearest import nearest_points_mm
from metaspine.evaluation.quadrature import quadrature
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.grid import FloatArray, Grid
from metaspine.geometry.slabs import EndConvention
from metaspine.geometry.volume import Volume

SMALL_VOLUME_MM3 = 30.0
"""0.03 cc."""
HOT_VOLUME_MM3 = 100.0
"""The part that is looked at finely: well more than 0.03 cc."""
HOT_SPACING_MM = 0.25
_MARGIN_MM = 1.0


def hot_part(
    region: Volume | ContourSet,
    doses: DoseVolume,
    field: DoseField,
    *,
    spacing_mm: float = HOT_SPACING_MM,
    ends: EndConvention = "prism",
    single_plane_mm: float | None = None,
) -> DoseVolume:
    """Return the doses in the box around the hottest 0.1 cc of a structure, on fine quadrature.

    The volume beyond the box counts as outside, and is colder. The point nearest to each dwell position is among the
    surface points, exactly.

    Parameters
    ----------
    region, field
        The structure, and the dose.
    doses
        Of the structure on its ordinary quadrature; they say where the hottest part is.
    spacing_mm
        Largest distance of neighbouring points.
    ends, single_plane_mm
        As for :func:`metaspine.evaluation.quadrature.quadrature`.
    """
    hottest = doses.points_mm[: doses.index_at_volume(HOT_VOLUME_MM3) + 1]
    box = _box_around(np.vstack([hottest, doses.hottest_mm]), _frame_of(region))
    fine = quadrature(region, spacing_mm=spacing_mm, within=box, ends=ends, single_plane_mm=single_plane_mm)
    nearest = nearest_points_mm(region, field.sources_mm, ends=ends, single_plane_mm=single_plane_mm)
    surface = np.concatenate([fine.surface_mm, nearest])
    return dose_volume(replace(fine, surface_mm=surface), field)


def _box_around(points_mm: FloatArray, frame_of_reference: str) -> Grid:
    """Return a grid of one voxel that holds the points with a margin."""
    low, high = points_mm.min(axis=0) - _MARGIN_MM, points_mm.max(axis=0) + _MARGIN_MM
    affine = np.diag([*(high - low), 1.0])
    affine[:3, 3] = (low + high) / 2
    return Grid(affine, (1, 1, 1), frame_of_reference)


def _frame_of(region: Volume | ContourSet) -> str:
    return region.grid.frame_of_reference if isinstance(region, Volume) else region.frame_of_reference
