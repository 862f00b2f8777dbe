"""Whether a series is complete. DICOM has no word for it: what can be seen is told, the rest is in docs/network.md.

A series is handed on when nothing of it came for a while (EXCHANGE-50), every connection that brought some of it ended
properly, and no CT slice is missing between its first and its last (EXCHANGE-51). Of a series that was fetched the
archive may say how many objects it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metaspine.exchange.network.dealings import Match
from metaspine.exchange.network.received import SlicePlace

IDLE_S = 5.0
"""EXCHANGE-50."""
_GAP_RATIO = 1.5
"""EXCHANGE-51."""
_SAME_NORMAL = 1e-3
_SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class Visit:
    """One connection's part in a series.

    Parameters
    ----------
    first_s, last_s
        When its first and its latest object of the series came, by one clock.
    whole
        It was released by the sender, and nothing that it brought was refused.
    """

    first_s: float
    last_s: float
    whole: bool


def settled(visits: Iterable[Visit]) -> bool:
    """Say whether nothing of a series can be missing because a connection is open, was cut, or was refused something.

    A connection that did not end properly is made good by one that did and that began after the other's last object:
    the sender sent again.
    """
    seen = tuple(visits)
    latest_good_start = max((visit.first_s for visit in seen if visit.whole), default=-np.inf)
    return all(visit.whole or visit.last_s < latest_good_start for visit in seen)


def missing_slices(places: Sequence[SlicePlace]) -> int:
    """Return how many slices are missing between the first and the last, by their distances (EXCHANGE-51).

    Slices of another orientation (a localiser among them) are judged among themselves. What is missing before the first
    or after the last cannot be seen.
    """
    left = list(places)
    missing = 0
    while left:
        normal = left[0].normal
        parallel = [bool(np.abs(item.normal - normal).max() < _SAME_NORMAL) for item in left]
        missing += _missing_among([item.along_mm for item, same in zip(left, parallel, strict=True) if same])
        left = [item for item, same in zip(left, parallel, strict=True) if not same]
    return missing


def _missing_among(along_mm: list[float]) -> int:
    distances = np.diff(np.sort(along_mm))
    distances = distances[distances > _SAME_PLACE_MM]
    if distances.size < 2:
        return 0
    usual = float(np.median(distances))
    return sum(round(float(gap) / usual) - 1 for gap in distances if gap > _GAP_RATIO * usual)


@dataclass(frozen=True)
class Counted:
    """What an archive has of what was fetched, beside what came.

    Parameters
    ----------
    lacking
        Series of which fewer objects came than the archive says it has: how many came, and of how many.
    unknown
        Series that came, and of which the archive does not say how many objects it has.
    """

    lacking: Mapping[str, tuple[int, int]]
    unknown: tuple[str, ...]


def counted(came: Mapping[str, int], matches: Iterable[Match]) -> Counted:
    """Return what is missing of what was fetched, by the number that the archive states of each series.

    Parameters
    ----------
    came
        How many objects came, by series.
    matches
        The archive's answers to a search for those series (NumberOfSeriesRelatedInstances, PS3.4 C.6.2.1.3: optional).
    """
    texts = {match["SeriesInstanceUID"]: match.get("NumberOfSeriesRelatedInstances", "") for match in matches}
    stated = {series: int(text) for series, text in texts.items() if text.isdecimal()}
    lacking = {series: (came.get(series, 0), has) for series, has in stated.items() if came.get(series, 0) < has}
    return Counted(lacking, tuple(series for series in came if series not in stated))
