"""What a Monte Carlo run leaves beside plan.json: both doses and their noise as NIfTI, the numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaspine.dosimetry.independent import AGREEING_SHARE, TISSUE_TOLERANCE, WATER_TOLERANCE
from metaspine.dosimetry.reference_beside_console import BesideConsole
from metaspine.evaluation.monte_carlo import MonteCarlo
from metaspine.exchange.nifti import write_volume
from metaspine.exchange.provenance import sha256_of
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.plan import Plan

TO_MEDIUM = "monte-carlo-dose-to-medium.nii.gz"
TO_WATER = "monte-carlo-dose-to-water-in-medium.nii.gz"
UNCERTAINTY_TO_MEDIUM = "monte-carlo-statistical-uncertainty-to-medium.nii.gz"
UNCERTAINTY_TO_WATER = "monte-carlo-statistical-uncertainty-to-water-in-medium.nii.gz"
NUMBERS = "monte-carlo.json"
PAGES = "monte-carlo.pdf"
CHECKPOINT = "monte-carlo.checkpoint"
VOLUMES = (TO_MEDIUM, TO_WATER, UNCERTAINTY_TO_MEDIUM, UNCERTAINTY_TO_WATER)
FILES = (*VOLUMES, NUMBERS)
VERSION = 2


def write_monte_carlo_volumes(monte_carlo: MonteCarlo, folder: Path) -> dict[str, str]:
    """Write both doses in Gy, and one standard deviation of each by statistics as a fraction; return their SHA-256.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    doses = monte_carlo.doses
    volumes = (
        doses.to_medium.volume,
        doses.to_water.volume,
        doses.statistical_uncertainty,
        doses.statistical_uncertainty_to_water,
    )
    for name, volume in zip(VOLUMES, volumes, strict=True):
        write_volume(volume, folder / name)
    return {name: sha256_of([folder / name]) for name in VOLUMES}


def monte_carlo_document(
    plan: Plan, monte_carlo: MonteCarlo, *, files: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the numbers of a run as what JSON knows; null is "not determinable".

    Parameters
    ----------
    files
        The SHA-256 of the volumes that lie beside, by their names; None where there are none.
    """
    doses, check = monte_carlo.doses, monte_carlo.check
    made, worst = doses.to_medium.provenance, check.largest_in_water
    return {
        "metaspine_monte_carlo": VERSION,
        "metaspine_version": made.engine_version,
        "disclaimer": DISCLAIMER,
        "level": plan.level,
        "scan_sha256": made.scan_sha256,
        "isocentre_mm": [round(float(part), 2) for part in plan.dwell.isocentre_mm],
        "direction": [round(float(part), 5) for part in plan.dwell.direction],
        "time_s": _number(plan.dwell.time_s, 1),
        "applicator": made.applicator,
        "output": made.output,
        "calibrated": made.calibrated,
        "time_by_monte_carlo": plan.override is not None,
        "conventions": {
            "console": plan.convention.value,
            "to_medium": doses.to_medium.convention.value,
            "to_water": doses.to_water.convention.value,
        },
        "files_sha256": dict(files or {}),
        "relative_uncertainty_beside_statistics": _number(doses.common_uncertainty, 6),
        "statistical_uncertainty_reached": _number(doses.reached, 5),
        "statistical_uncertainty_asked_for_at": doses.stop.where,
        "histories": made.histories,
        "seed": made.seed,
        "places": [_place(place) for place in monte_carlo.places],
        "independent_calculation": {
            "in_water": {
                "largest_deviation": _number(worst.deviation, 4),
                "at_mm_from_isocentre": _number(worst.distance_mm, 1),
                "tolerance": WATER_TOLERANCE,
                "passed": check.water_agrees,
            },
            "in_tissues": {
                "voxels": check.voxels,
                "share_within_tolerance": _number(check.agreeing_share, 4),
                "median_difference": _number(check.median_difference, 4),
                "tolerance": TISSUE_TOLERANCE,
                "share_wanted": AGREEING_SHARE,
                "voxels_in_metal_shadow": check.in_metal_shadow,
                "passed": check.tissues_agree,
            },
            "passed": check.passed,
        },
        "notes": list(monte_carlo.notes),
    }


def _place(place: BesideConsole) -> dict[str, Any]:
    known = place.voxels > 0
    return {
        "place": place.place,
        "voxels": place.voxels,
        "console_gy": _number(place.console_gy, 3),
        "monte_carlo_to_medium_gy": _number(place.to_medium_gy, 3),
        "monte_carlo_to_water_in_medium_gy": _number(place.to_water_gy, 3),
        "relative_uncertainty": _number(place.relative_uncertainty, 4),
        "ratio_water_in_medium_to_console": _number(place.ratio, 4) if known else None,
        "differs": place.differs if known else None,
        "in_the_way": place.wall.value if place.wall else None,
        "bone_in_the_way_mm_of_cortex": _number(place.bone_mm, 2),
        "in_words": place.for_the_surgeon or None,
    }


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None
