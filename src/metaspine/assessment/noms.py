"""NOMS: neurologic, oncologic, mechanical and systemic facts to one recommendation, or to the alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from metaspine.assessment.facts import unknown_keys
from metaspine.assessment.rules import (
    Decision,
    Facts,
    decided,
    every_that_applies,
    evidence_of,
    first_that_applies,
    unknown_facts,
)
from metaspine.assessment.tables import rules, table
from metaspine.patient.advice import Basis, Noms

_BOTH_CLASSES = ("radiosensitive", "radioresistant")


@dataclass(frozen=True)
class _Rows:
    """The rows of the table that are open, the preferred one first, and whether one is preferred at all."""

    rows: tuple[str, ...]
    agreed: bool
    asia_a_replaced: bool
    table_2013: str
    decisions: tuple[Decision, ...]


def noms(facts: Facts) -> Noms:
    """Return the decision for one lesion (G1.3 to G1.8); always one code, alternatives, or a stop.

    Parameters
    ----------
    facts
        Those of the lesion together with ``sins_category``, ``sins_source`` and ``effective`` (radiosensitivity).
    """
    capacity = decided(rules("noms", "capacity"), facts)
    facts = {**facts, "surgical_capacity": capacity.outcome}
    stop = first_that_applies(rules("noms", "stops"), facts)
    if stop is not None:
        return _advice(facts | {"stop": stop.outcome}, (stop, capacity), (stop.outcome,), (stop.outcome, None))
    rows = _table_rows(facts)
    first, table_row = (rows.rows[0], rows.table_2013) if rows.agreed else (None, None)
    recommendation, acceptable, more, upfront = _refined(facts, rows, first)
    facts |= {"stop": "none", "upfront_surgery": upfront, "asia_a_replaced": rows.asia_a_replaced}
    return _advice(facts, (*rows.decisions, *more, capacity), acceptable, (recommendation, table_row))


def _table_rows(facts: Facts) -> _Rows:
    """Read the table of 2013 for every class of radiosensitivity and every choice of stabilising that is open."""
    choice = decided(rules("noms", "stabilisation"), facts)
    possible = facts["surgical_capacity"] != "none"
    stabilise = tuple(dict.fromkeys(wanted and possible for wanted in choice.outcome))
    classes = _BOTH_CLASSES if facts["effective"] == "conflict" else (facts["effective"],)
    read = [
        decided(rules("noms", "rows"), {**facts, "radiation": radiation, "stabilise": wanted})
        for radiation, wanted in product(classes, stabilise)
    ]
    first = tuple(dict.fromkeys(decision.outcome for decision in read))
    also = (row for decision in read for row in decision.rule.extra.get("also", ()))
    open_choice = len(classes) > 1 or choice.rule.extra.get("undecided", False)
    return _Rows(
        tuple(dict.fromkeys((*first, *also))),
        agreed=len(first) == 1 or not open_choice,
        asia_a_replaced=any(decision.rule.id.endswith("-ASIA-A") for decision in read),
        table_2013=read[0].rule.extra.get("table_2013", first[0]),
        decisions=(choice, *read),
    )


def _refined(
    facts: Facts, rows: _Rows, recommendation: str | None
) -> tuple[str | None, tuple[str, ...], tuple[Decision, ...], bool]:
    """Apply what the later sources put before or beside the table's rows (NOMS-11, NOMS-12, NEURO-01, NEURO-48H)."""
    acceptable = rows.rows
    used: list[Decision] = []
    upfront = first_that_applies(rules("noms", "preferred"), facts)
    if upfront is not None:
        used.append(upfront)
        recommendation, acceptable = upfront.outcome, (upfront.outcome, *acceptable)
    for rule in every_that_applies(rules("noms", "beside"), facts):
        used.append(Decision(rule, ()))
        acceptable = (*acceptable, rule.then)
    complete = first_that_applies(rules("noms", "complete_deficit"), {**facts, "row": recommendation})
    if complete is not None:
        used.append(complete)
        stabilise = any(rows.decisions[0].outcome)
        before = [row for row in complete.outcome if stabilise or row not in table("noms")["stabilising"]]
        recommendation, acceptable = before[0], (*before, *acceptable)
    return recommendation, tuple(dict.fromkeys(acceptable)), tuple(used), upfront is not None


def _advice(
    facts: Facts, decisions: tuple[Decision, ...], acceptable: tuple[str, ...], answers: tuple[str | None, str | None]
) -> Noms:
    facts = {"upfront_surgery": False, "asia_a_replaced": False, **facts}
    flags = every_that_applies(rules("noms", "flags"), facts)
    hard_stops = every_that_applies(rules("noms", "hard_stops"), facts)
    missing = [name for decision in decisions for name in decision.missing]
    missing += unknown_facts(rules("noms", "stops"), facts)
    recommendation, table_row = answers
    return Noms(
        recommendation=recommendation,
        acceptable=acceptable,
        table_2013=table_row,
        hard_stops=tuple(sorted(rule.then for rule in hard_stops)),
        flags=tuple(sorted(rule.then for rule in flags)),
        surgical_capacity=facts["surgical_capacity"],
        basis=Basis(evidence_of([decision.rule for decision in decisions]), unknown_keys(missing, facts)),
        flag_evidence={rule.then: rule.evidence for rule in (*hard_stops, *flags)},
    )


def row_facts(advice: Noms) -> Mapping[str, Any]:
    """Return what later rules ask of the decision."""
    stopped = {rule.then for rule in rules("noms", "stops")}
    rows = table("noms")
    return {
        "row": advice.recommendation,
        "stop": advice.recommendation if advice.recommendation in stopped else "none",
        "a_row_decompresses": any(row in rows["decompressing"] for row in advice.acceptable),
        "a_row_stabilises": any(row in rows["stabilising"] for row in advice.acceptable),
    }
