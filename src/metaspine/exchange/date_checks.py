"""The dates of a case: their order, and the months that follow from them (DATE-01)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from metaspine.patient.case import Case, ReadingNote

_MOST_MONTHS_APART = 1.0
_MOST_DAYS_SINCE_BLOOD = 90


def months_between(start: date, end: date) -> float:
    """Return the calendar months from one day to a later one, with the days left over as a part of a month."""
    whole = (end.year - start.year) * 12 + end.month - start.month
    if _months_later(start, whole) > end:
        whole -= 1
    reached, following = _months_later(start, whole), _months_later(start, whole + 1)
    return round(whole + (end - reached).days / (following - reached).days, 2)


def date_contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield dates after the assessment, and months that do not fit the dates: key, what, remedy."""
    if case.assessed_on is not None:
        for key, day in _dates(case):
            if day > case.assessed_on:
                yield key, f"{day} is after the assessment of {case.assessed_on}", "Correct the date, or assessed_on"
    for key, stated, counted in _months(case):
        if stated is not None and abs(stated - counted) > _MOST_MONTHS_APART:
            what = f"{stated:g} months are stated, but the dates make {counted:g}"
            yield f"oncology.{key}", what, "Correct the months or the dates, or leave the months out (DATE-01)"


def date_oddities(case: Case) -> Iterator[ReadingNote]:
    """Yield what is odd between dates, and what was worked out from them."""
    oncology, taken_on = case.oncology, case.laboratory.taken_on
    if oncology.diagnosed_on and oncology.metastasis_found_on and oncology.metastasis_found_on < oncology.diagnosed_on:
        message = f"the metastasis was found ({oncology.metastasis_found_on}) before the primary: check both dates"
        yield ReadingNote("oncology.diagnosed_on", message)
    if case.assessed_on and taken_on and (case.assessed_on - taken_on).days > _MOST_DAYS_SINCE_BLOOD:
        days = (case.assessed_on - taken_on).days
        yield ReadingNote(
            "laboratory.taken_on", f"the blood was taken {days} days before the assessment: is it current?"
        )
    for key, stated, counted in _months(case):
        if stated is None:
            yield ReadingNote(f"oncology.{key}", f"{counted:g} months, from the dates", "DATE-01")


def with_months_from_dates(case: Case) -> Case:
    """Return the case with the months that are not stated but follow from its dates."""
    found: dict[str, Any] = {key: counted for key, stated, counted in _months(case) if stated is None}
    return replace(case, oncology=replace(case.oncology, **found)) if found else case


def _dates(case: Case) -> Iterator[tuple[str, date]]:
    for key, day in (
        ("oncology.diagnosed_on", case.oncology.diagnosed_on),
        ("oncology.metastasis_found_on", case.oncology.metastasis_found_on),
        ("laboratory.taken_on", case.laboratory.taken_on),
    ):
        if day is not None:
            yield key, day
    for place, score in enumerate(case.scores_from_outside):
        yield f"scores_from_outside[{place}].obtained_on", score.obtained_on


def _months(case: Case) -> Iterator[tuple[str, float | None, float]]:
    """Yield each key in months that two dates say too: what is stated, and what the dates make."""
    oncology, diagnosed = case.oncology, case.oncology.diagnosed_on
    for key, end in (
        ("months_since_primary_diagnosis", case.assessed_on),
        ("months_from_diagnosis_to_metastasis", oncology.metastasis_found_on),
    ):
        if diagnosed is not None and end is not None and end >= diagnosed:
            yield key, getattr(oncology, key), months_between(diagnosed, end)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
