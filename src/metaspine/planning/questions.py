"""What Hounsfield units would misread near the needle, asked about in the plan: metal, cement, contrast (PLAN-21)."""

from __future__ import annotations

import numpy as np

from metaspine.geometry.grid import FloatArray, Grid
from metaspine.imaging.findings import Finding, find_foreign
from metaspine.imaging.regions import region_of
from metaspine.patient.plan import Caution
from metaspine.patient.scan import Scan

NEAR_MM = 40.0
"""As far as a dose is computed; PLAN-21."""


def foreign_cautions(scan: Scan, isocentre_mm: FloatArray) -> tuple[Caution, ...]:
    """Return a question for each metal, cement or contrast seen within 40 mm of the isocentre.

    Dose in water knows nothing of them; a Monte Carlo dose assumes what the question says until it is answered.
    """
    seen = [
        finding for finding in find_foreign(scan) if _distance_mm(finding, isocentre_mm, scan.image.grid) <= NEAR_MM
    ]
    return tuple(Caution(f"ASK_{finding.kind.name}", finding.sentence, finding.evidence) for finding in seen)


def _distance_mm(finding: Finding, point_mm: FloatArray, grid: Grid) -> float:
    region = region_of(finding.structure, grid)
    if region is None:
        return float("inf")
    index = np.argwhere(region.mask) + [part.start for part in region.box]
    return float(np.linalg.norm(grid.point_mm(index) - point_mm, axis=1).min())
