"""Where the vertebra lies in the second image: looked for around a start, turned a little, fitted; or not found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from metaspine.errors import RegistrationError
from metaspine.geometry.grid import FloatArray
from metaspine.imaging.registration_fit import COARSE, QUICK, fit, pair
from metaspine.imaging.registration_samples import Picture, Samples
from metaspine.imaging.registration_search import Fit, best_of, candidates, judged, moved, turned

SEEN_SHARE = 0.5
"""So much of the vertebra must be seen without metal in the second image (REG-02)."""
LEAST_LIKENESS = 0.25
"""Bits; below it nothing was recognised (REG-03)."""
_TURNED_LIKENESS, _CLEARLY = 0.4, 1.35
"""So alike must it be when turned, and so many times as alike as upright, to speak of a turned patient (REG-06)."""


@dataclass(frozen=True)
class Reach:
    """How far from where the vertebra is looked for, in what steps, and how many places are looked at closer.

    Parameters
    ----------
    name
        What messages call the middle of the search.
    likely
        So many places are tried turned.
    fitted
        So many of those are fitted.
    """

    name: str
    within_mm: float
    step_mm: float
    likely: int
    fitted: int


NEAR = Reach("the start", 24.0, 4.0, 16, 8)
"""Around a place that somebody pointed at (REG-02)."""
WIDE = Reach("the middle of the search", 80.0, 6.0, 40, 12)
"""Where nobody did (REG-02)."""

_FITTED_TURNED = 3
_HALF_TURNS: Mapping[str, tuple[int, int, int]] = {
    "about the patient's long axis (prone for supine)": (-1, -1, 1),
    "head to foot (feet first for head first)": (-1, 1, -1),
    "head to foot and front to back": (1, -1, -1),
}


def likeliest(
    first: Picture, second: Picture, samples: Samples, begin: FloatArray, *, reach: Reach, seed: int
) -> Fit | None:
    """Return the best of the fits from the likeliest places; None where too little of the vertebra would be seen."""
    likely = candidates(
        second,
        samples,
        begin,
        within_mm=reach.within_mm,
        step_mm=reach.step_mm,
        seen_share=SEEN_SHARE,
        most=reach.likely,
    )
    places = turned(second, samples, likely, most=reach.fitted)
    images = pair(first, second, samples, places[0] if places else begin)
    fitted = [fit(images, place, QUICK, seed=seed) for place in places]
    tried = [judged(second, samples, one) for one in fitted if one is not None]
    seen = [one for one in tried if one.seen_share >= SEEN_SHARE]
    if not seen:
        return None
    best = best_of(seen)
    closer = fit(images, best.matrix, COARSE, seed=seed)
    return best_of([best, *([judged(second, samples, closer)] if closer is not None else [])])


def recognised(best: Fit | None, middle_mm: FloatArray, *, reach: Reach, where: str) -> Fit:
    """Return the fit of the likeliest place where the vertebra is recognised in it.

    Raises
    ------
    RegistrationError
        When it is not.
    """
    if best is not None and best.likeness >= LEAST_LIKENESS:
        return best
    seen = f"at best {best.likeness:.2f} bits alike" if best else "too little of it in view"
    x, y, z = middle_mm
    raise RegistrationError(
        f"{where} was not found within {reach.within_mm:g} mm of {reach.name} at {x:.0f}, {y:.0f}, {z:.0f} ({seen})",
        where=where,
        remedy="Point at its middle in the second image, closer than 20 mm (--at x,y,z in LPS mm), or take an "
        "image that shows at least half of it without metal",
    )


def refuse_turned(
    first: Picture, second: Picture, samples: Samples, begin: FloatArray, best: Fit | None, *, reach: Reach, seed: int
) -> None:
    """Refuse, as such, an image in which the vertebra is recognised only when the patient is turned by half a turn.

    A prone patient whom the scanner has as supine: the image says right where the patient's left is.

    Raises
    ------
    RegistrationError
        When that is so: half a turn makes it clearly more alike than ``best``, the likeliest place upright.
    """
    fewer = replace(reach, fitted=_FITTED_TURNED)
    ways = {
        way: likeliest(first, second, samples, _half_turned(begin, samples, signs), reach=fewer, seed=seed)
        for way, signs in _HALF_TURNS.items()
    }
    likeness, way = max(((one.likeness, way) for way, one in ways.items() if one is not None), default=(0.0, ""))
    if likeness >= max(_TURNED_LIKENESS, _CLEARLY * best.likeness if best else 0.0):
        raise RegistrationError(
            f"the vertebra is recognised only when the second image is turned {way}",
            remedy="The patient's position seems to be wrong in one of the images, so that left and right cannot "
            "be trusted: correct it at the scanner and export the image again",
        )


def _half_turned(begin: FloatArray, samples: Samples, signs: tuple[int, int, int]) -> FloatArray:
    """Return a start about which the vertebra lies in the same place, turned about the second image's axes."""
    result = np.eye(4)
    result[:3, :3] = np.diag(signs) @ begin[:3, :3]
    result[:3, 3] = moved(begin, samples.centre_mm) - result[:3, :3] @ samples.centre_mm
    return result
