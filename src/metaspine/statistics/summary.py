"""The summary of one measured quantity over a cohort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metaspine.errors import InputError


@dataclass(frozen=True)
class Summary:
    """What a table of a cohort prints of a quantity; a spread is None where one value alone is known."""

    number: int
    """How many values are known."""
    mean: float
    standard_deviation: float | None
    """Of the sample, with n - 1."""
    median: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float


def summarised(values: Iterable[float | None]) -> Summary:
    """Return the summary of the known values; None is not known and is not counted.

    The quartiles are those of SPSS and of most clinical tables: at the places (n + 1) p of the ordered values, with
    linear interpolation (Hyndman and Fan 1996, definition 6).

    Raises
    ------
    InputError
        When no value is known, or one is not finite.
    """
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not known.size or not np.isfinite(known).all():
        found = "a value that is not finite" if known.size else "no known value"
        raise InputError(f"a summary was asked of {found}", remedy="Leave out what is not known")
    lower, median, upper = np.quantile(known, (0.25, 0.5, 0.75), method="weibull")
    return Summary(
        number=int(known.size),
        mean=float(known.mean()),
        standard_deviation=float(known.std(ddof=1)) if known.size > 1 else None,
        median=float(median),
        lower_quartile=float(lower),
        upper_quartile=float(upper),
        least=float(known.min()),
        most=float(known.max()),
    )
