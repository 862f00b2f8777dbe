"""What cannot be true together in a case, and what is odd: contradictions are refused, oddities become notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from metaspine.errors import CaseError
from metaspine.exchange.date_checks import date_contradictions, date_oddities, with_months_from_dates
from metaspine.exchange.laboratory_checks import laboratory_oddities
from metaspine.exchange.lesion_checks import lesion_contradictions, lesion_oddities
from metaspine.exchange.neurology_checks import neurology_contradictions, neurology_oddities
from metaspine.exchange.patient_checks import patient_contradictions, patient_oddities
from metaspine.patient.case import Case, ReadingNote


def checked(case: Case, *, where: str) -> Case:
    """Return the case with the months that follow from its dates, and with notes on what is odd in it.

    Raises
    ------
    CaseError
        When two of its facts contradict each other.
    """
    complete = with_months_from_dates(case)
    for key, what, remedy in _contradictions(case, complete):
        raise CaseError(what, where=f"{where}, {key}", remedy=remedy)
    return replace(complete, notes=(*case.notes, *_oddities(case)))


def _contradictions(case: Case, complete: Case) -> Iterator[tuple[str, str, str]]:
    yield from date_contradictions(case)
    yield from patient_contradictions(complete)
    yield from lesion_contradictions(case)
    yield from neurology_contradictions(case)


def _oddities(case: Case) -> Iterator[ReadingNote]:
    yield from patient_oddities(case)
    yield from date_oddities(case)
    yield from laboratory_oddities(case)
    yield from neurology_oddities(case)
    yield from lesion_oddities(case)
