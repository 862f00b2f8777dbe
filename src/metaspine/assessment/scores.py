"""Prognostic scores that are a table: items with points, a total, and bands of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Facts
from metaspine.assessment.tables import table
from metaspine.patient.advice import Basis, Score


def tokuhashi_revised(facts: Facts) -> Score:
    """Return the revised Tokuhashi score (2005), 0 to 15; an unproven primary counts as unidentified (TOKU-01)."""
    return _score("tokuhashi_revised", facts)


def tomita(facts: Facts) -> Score:
    """Return the Tomita score, 2 to 10; a primary that the table does not name has none (TOMITA-03)."""
    return _score("tomita", facts)


def bauer_modified(facts: Facts) -> Score:
    """Return the modified Bauer score, 0 to 4, higher is better; an unknown primary has no total (BAUER-02)."""
    score = _score("bauer_modified", facts)
    unknown = table("bauer_modified")["unknown_primary"]
    if score.items is None or facts["primary_as_proven"] != "unknown":
        return score
    basis = Basis((*score.basis.evidence, *unknown["evidence"]), score.basis.missing)
    return Score(score.items, None, None, score.reachable, unknown["reason"], basis)


def _score(name: str, facts: Facts) -> Score:
    content = table(name)
    excluded = content["not_in_table"]
    if facts["primary_as_proven"] in excluded["primaries"]:
        basis = Basis((*content["evidence"], *excluded["evidence"]))
        return Score(None, None, None, None, excluded["reason"], basis)
    items = {item: _points(entry, facts[entry["fact"]]) for item, entry in content["items"].items()}
    known = [points for points in items.values() if points is not None]
    total = sum(known) if len(known) == len(items) else None
    unknown = [entry["fact"] for item, entry in content["items"].items() if items[item] is None]
    return Score(
        items=items,
        total=total,
        meaning=None if total is None else band(content["bands"], total),
        reachable=_reachable(content["items"], items),
        reason=None if total is not None else "missing_data",
        basis=Basis(tuple(content["evidence"]), unknown_keys(unknown, facts)),
    )


def band(bands: list[dict[str, Any]], total: int) -> str:
    """Return the name of the band that a total lies in."""
    return str(next(entry["name"] for entry in bands if entry["from"] <= total <= entry["to"]))


def _points(entry: Mapping[str, Any], value: Any) -> int | None:
    if value is None:
        return None
    if "bins" in entry:
        return int(next(step["points"] for step in entry["bins"] if value <= step.get("most", value)))
    found: int | None = entry["words"].get(value, entry.get("otherwise"))
    return found


def _reachable(entries: Mapping[str, Any], items: Mapping[str, int | None]) -> tuple[int, int]:
    bounds = [_bounds(entries[item]) if points is None else (points, points) for item, points in items.items()]
    return sum(low for low, _ in bounds), sum(high for _, high in bounds)


def _bounds(entry: Mapping[str, Any]) -> tuple[int, int]:
    if "bins" in entry:
        points = [step["points"] for step in entry["bins"]]
    else:
        points = [number for number in (*entry["words"].values(), entry.get("otherwise")) if number is not None]
    return min(points), max(points)
