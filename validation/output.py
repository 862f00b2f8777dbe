"""The nominal output of the needle against published dose rates and treatment times that it was not made from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.depth_dose import dose_rate_gy_per_min, treatment_time_s
from metaspine.physics.uncertainty import upper_95
from validation.chapter import Chapter, Table, verdict

_TEXT = """
The nominal output is one published point (7.04 Gy/min, 5 mm from the surface) and a published law (1/r^3). The first
two rows therefore only show that the file says what was published; the times were published by others. The last rows
simulate 200 000 treatments with the stated errors (output and direction each uniform within 15 %, tip position normal
with 1.5 mm) and count how many stay below the one-sided upper 95 % bound.
"""


def chapter(data: Path | None) -> Chapter:
    """Return the comparison with published figures; it needs no data."""
    del data
    return Chapter("Dose rate and treatment time of the needle", _TEXT, (published_table(), bound_table()))


def published_table() -> Table:
    """Return what was published beside what the program says."""
    needle = read_applicator("intrabeam-needle")
    output = needle.nominal

    def minutes(distance_mm: float) -> float:
        return treatment_time_s(output, needle, dose_gy=8, distance_from_isocentre_mm=distance_mm) / 60

    rate = float(dose_rate_gy_per_min(output.depth_dose, 7.2))
    near, far = dose_rate_gy_per_min(output.depth_dose, [10.0, 20.0])
    slope = math.log(far / near) / math.log(2)
    at_surface, at_tip = minutes(7.2), minutes(12.2)
    rows = (
        (
            "dose rate 5 mm from the surface, Gy/min",
            "7.04 (PHY-10)",
            f"{rate:.2f}",
            "15 %",
            verdict(abs(rate / 7.04 - 1) <= 0.15),
        ),
        (
            "slope of log dose, 10 to 20 mm",
            "-3 (PHY-11)",
            f"{slope:.2f}",
            "-3.3 to -2.8",
            verdict(-3.3 <= slope <= -2.8),
        ),
        (
            "8 Gy at 5 mm from the surface, min",
            "within 2 (PHY-24)",
            f"{at_surface:.2f}",
            "bound",
            verdict(at_surface < 2),
        ),
        (
            "8 Gy at 10 mm from the tip, min",
            "5 (PHY-23)",
            f"{at_tip:.2f}",
            "25 %",
            verdict(abs(at_tip / 5 - 1) <= 0.25),
        ),
    )
    return Table("The needle against publications", ("quantity", "published", "metaspine", "tolerance", ""), rows)


def bound_table() -> Table:
    """Return the share of simulated treatments below the upper bound, by distance."""
    return Table(
        "Coverage of the one-sided upper 95 % bound (PHY-22)",
        ("distance from the isocentre, mm", "upper bound of 1 Gy", "treatments below it, %", ""),
        tuple(_bound_row(distance) for distance in (6.0, 8.0, 10.0, 13.0, 20.0)),
    )


def _bound_row(distance_mm: float) -> tuple[str, ...]:
    random = np.random.default_rng(20260101)
    shift = random.normal(0, 1.5, 200_000)
    output = random.uniform(-0.15, 0.15, shift.size) + random.uniform(-0.15, 0.15, shift.size)
    dose = (1 + output) * (distance_mm / np.maximum(distance_mm - shift, 0.1)) ** 3
    nominal = read_applicator("intrabeam-needle").nominal
    bound = upper_95(nominal, dose_gy=1.0, distance_mm=distance_mm, sigma_mm=1.5)
    below = 100 * float(np.mean(dose <= bound))
    return f"{distance_mm:g}", f"{bound:.2f} Gy", f"{below:.1f}", verdict(94.9 <= below <= 97.5)
