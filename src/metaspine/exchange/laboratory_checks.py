"""Blood values in another unit than the case file's, and values that are odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from metaspine.evidence.shipped import shipped_table
from metaspine.patient.case import Case, LaboratoryFacts, ReadingNote


@cache
def laboratory_values() -> Mapping[str, Mapping[str, Any]]:
    """Return for each blood value its unit, the range beyond which it is noted, and other units with their factor."""
    found: dict[str, dict[str, Any]] = shipped_table("metaspine.exchange", "laboratory.yaml")
    return found


def in_another_unit(key: str, value: Any) -> tuple[str, str] | None:
    """Return what an impossible blood value looks like and what to write, or None where no other unit explains it.

    Nothing is converted: the message names the value in the unit of the case file (LAB-02).
    """
    if key not in laboratory_values() or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for unit, converted in _readings(key, value):
        own = laboratory_values()[key]["unit"]
        what = f"{value:.10g} {own} is not possible; that looks like {unit}"
        return what, f"{value:.10g} {unit} is {converted:.3g} {own}: write {key}: {converted:.3g}"
    return None


def laboratory_oddities(case: Case) -> Iterator[ReadingNote]:
    """Yield a note for each blood value that is possible but unusual (LAB-01)."""
    laboratory = case.laboratory
    for key, known in laboratory_values().items():
        value, (low, high) = getattr(laboratory, key), known["expected"]
        if value is not None and not low <= value <= high:
            unit = f" {known['unit']}".rstrip()
            also = "".join(f"; {value:g} {other} would be {into:.3g}{unit}" for other, into in _readings(key, value))
            yield ReadingNote(f"laboratory.{key}", f"{value:g}{unit} is unusual: check value and unit{also}", "LAB-01")
    yield from _white_cells(laboratory)


def _readings(key: str, value: float) -> Iterator[tuple[str, float]]:
    """Yield the other units in which a value would be an expected one, each with the value in the case file's unit."""
    known = laboratory_values()[key]
    low, high = known["expected"]
    for unit, factor in known["other_units"].items():
        if low <= value * factor <= high:
            yield unit, value * factor


def _white_cells(laboratory: LaboratoryFacts) -> Iterator[ReadingNote]:
    parts = (laboratory.lymphocytes_1000_per_ul or 0) + (laboratory.neutrophils_1000_per_ul or 0)
    if laboratory.leukocytes_1000_per_ul is not None and parts > laboratory.leukocytes_1000_per_ul:
        message = f"fewer than lymphocytes and neutrophils together ({parts:g}): check the three"
        yield ReadingNote("laboratory.leukocytes_1000_per_ul", message)
