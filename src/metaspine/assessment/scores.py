"""The prognostic scores that every assessment holds: items with points, a total, and bands of it.

All other scores, and these three among them, are computed on request by ``scoring``.
"""

from __future__ import annotations

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import Facts
from metaspine.assessment.score_tables import Item, score_table
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
    unknown = score_table("bauer_modified").content["unknown_primary"]
    if score.items is None or facts["primary_as_proven"] != "unknown":
        return score
    basis = Basis((*score.basis.evidence, *unknown["evidence"]), score.basis.missing)
    return Score(score.items, None, None, score.reachable, unknown["reason"], basis)


def _score(name: str, facts: Facts) -> Score:
    table = score_table(name)
    evidence = tuple(table.content["evidence"][:1])
    if facts["primary_as_proven"] in table.excluded:
        excluded = table.content["not_in_table"]
        return Score(None, None, None, None, excluded["reason"], Basis((*evidence, *excluded["evidence"])))
    possible = {item.name: item.possible(facts) or item.unknown for item in table.items}
    low, high = (int(sum(end(points) for points in possible.values())) for end in (min, max))
    open_ = [item for item in table.items if len(possible[item.name]) > 1]
    return Score(
        items={name: int(points[0]) if len(points) == 1 else None for name, points in possible.items()},
        total=low if not open_ else None,
        meaning=None if open_ else table.band(low),
        reachable=(low, high),
        reason="missing_data" if open_ else None,
        basis=Basis(evidence, _missing(open_, facts)),
    )


def _missing(open_items: list[Item], facts: Facts) -> tuple[str, ...]:
    missing = unknown_keys([item.fact for item in open_items], facts)
    in_part = any(item.fact == "primary_as_proven" and item.possible(facts) for item in open_items)
    return (*missing, "oncology.primary") if in_part else missing
