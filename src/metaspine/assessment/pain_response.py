"""Response of pain to radiotherapy by the international consensus (Chow 2012).

Complete: no pain, opioids not increased. Partial: two points less pain with opioids not increased, or a quarter less
opioids with no more pain. Progression: two points more pain with the same opioids, or a quarter more opioids with pain
the same or one point more. All else is indeterminate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from math import inf, nextafter

from metaspine.assessment.tables import table
from metaspine.patient.case import ResponseFacts

_KEYS = ("pain_before_nrs", "pain_after_nrs", "opioids_before_mg_day", "opioids_after_mg_day")
_SOME_OPIOIDS_MG_DAY = 100.0
_Known = tuple[float | None, ...]


@dataclass(frozen=True)
class PainResponse:
    """The responses that are possible, and what would tell most."""

    codes: tuple[str, ...]
    widths: Mapping[str, float]
    """By how many responses each unknown key can narrow the answer, the widest first."""
    notes: tuple[str, ...]


def pain_response(facts: ResponseFacts | None) -> PainResponse:
    """Return the response, or every response that the unknown values leave."""
    known = (None,) * len(_KEYS) if facts is None else astuple(facts)[1:]
    codes, widths = _answer(known)
    return PainResponse(codes, widths, tuple(_notes(facts)))


@cache
def _answer(known: _Known) -> tuple[tuple[str, ...], Mapping[str, float]]:
    codes = _possible(known)
    widths: dict[str, float] = {}
    for place, name in enumerate(_KEYS):
        if known[place] is None:
            left = min(len(_possible(_with(known, place, value))) for value in _candidates(known)[place])
            widths[f"response.{name}"] = float(len(codes) - left)
    ordered = dict(sorted(widths.items(), key=lambda entry: -entry[1]))
    return codes, {} if len(codes) == 1 else ordered


def response_of(pain_before: float, pain_after: float, opioids_before: float, opioids_after: float) -> str:
    """Return the response for pain (0 to 10) and daily oral morphine equivalents (mg) before and after.

    Where no opioids were taken before, any are an increase by a quarter or more [C]; where there was no pain before,
    there is no response [C].
    """
    content = table("pain_response")
    complete, partial_, progression, indeterminate = content["codes"]
    relief, quarter = content["relief_points"], content["opioid_change"]
    change = pain_after - pain_before
    not_increased, unchanged = opioids_after <= opioids_before, opioids_after == opioids_before
    less = opioids_before > 0 and opioids_after <= (1 - quarter) * opioids_before
    more = opioids_after > opioids_before and opioids_after >= (1 + quarter) * opioids_before
    if pain_before > 0 and pain_after == 0 and not_increased:
        return str(complete)
    if pain_before > 0 and ((change <= -relief and not_increased) or (less and change <= 0)):
        return str(partial_)
    if (change >= relief and unchanged) or (more and 0 <= change <= 1):
        return str(progression)
    return str(indeterminate)


def _with(known: _Known, place: int, value: float) -> _Known:
    return (*known[:place], value, *known[place + 1 :])


def _possible(known: _Known) -> tuple[str, ...]:
    found = {response_of(*values) for values in product(*_candidates(known))}
    return tuple(code for code in table("pain_response")["codes"] if code in found)


def _candidates(known: _Known) -> list[tuple[float, ...]]:
    """Return the values to try: every pain, and opioids on both sides of every bound of the other one."""
    pains = tuple(float(number) for number in range(11))
    before, after = known[2:]
    tried_before = (before,) if before is not None else tuple(_around(after, inverse=True))
    reference = before if before is not None else _SOME_OPIOIDS_MG_DAY
    tried_after = (after,) if after is not None else tuple(_around(reference, inverse=False))
    return [*(pains if value is None else (value,) for value in known[:2]), tried_before, tried_after]


def _around(reference: float | None, *, inverse: bool) -> Iterator[float]:
    if reference is None:
        yield from (0.0, _SOME_OPIOIDS_MG_DAY)
        return
    change = table("pain_response")["opioid_change"]
    for share in (1 - change, 1.0, 1 + change):
        bound = reference / share if inverse else reference * share
        yield from (nextafter(bound, 0.0), bound, nextafter(bound, inf))
    yield 0.0


def _notes(facts: ResponseFacts | None) -> Iterator[str]:
    first, last = table("pain_response")["months"]
    months = None if facts is None else facts.months_after
    if months is None:
        yield "The consensus asks for the response at 1, 2 and 3 months: when this was is not stated."
    elif not first <= months <= last:
        yield f"The consensus asks for the response at 1, 2 and 3 months; this is at {months:g}."
    if facts is not None and facts.pain_before_nrs == 0:
        yield "There was no pain before: a response cannot be judged."
