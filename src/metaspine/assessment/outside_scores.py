"""Scores that metaspine does not compute: taken from outside with date and origin, or switched off with the reason.

Their inputs are shown as the outside program wants them, so that nothing has to be looked up twice; nothing is emulated
(SORG-01).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from metaspine.assessment.rules import Facts
from metaspine.assessment.score_facts import keys_behind
from metaspine.assessment.score_shapes import survival
from metaspine.assessment.score_tables import ScoreTable
from metaspine.assessment.wording import in_words
from metaspine.patient.advice import Basis
from metaspine.patient.case import ScoreFromOutside
from metaspine.patient.scoring import Narrowing, Scored


def from_outside(table: ScoreTable, facts: Facts, *, given: Iterable[ScoreFromOutside]) -> Scored:
    """Return what was obtained elsewhere for a score, the latest where there are several, or why there is none."""
    inputs = table.content.get("inputs", {})
    missing = _missing(inputs, facts)
    waiting = Scored(
        name=table.name,
        state="external",
        items={name: _number(facts[entry["fact"]]) for name, entry in inputs.items()},
        narrowing=tuple(Narrowing(key, 0.0) for key in missing),
        higher_is_better=table.content["higher_is_better"],
        because=table.content["because"],
        warnings=tuple(_out_of_limits(inputs, facts)),
        basis=Basis(tuple(table.content["evidence"]), missing),
    )
    found = sorted((each for each in given if each.name == table.name), key=lambda each: each.obtained_on)
    return _taken(waiting, table, found[-1]) if found else waiting


def switched_off(table: ScoreTable, facts: Facts, *, given: Iterable[ScoreFromOutside]) -> Scored:  # noqa: ARG001
    """Return a score that is not computed, and why; a total from outside is quoted and not interpreted."""
    said = tuple(f"{_quoted(each)}: not interpreted." for each in given if each.name == table.name)
    return Scored(
        name=table.name,
        state="switched_off",
        higher_is_better=table.content["higher_is_better"],
        because=table.content["because"],
        warnings=said,
        basis=Basis(tuple(table.content["evidence"])),
    )


def _taken(waiting: Scored, table: ScoreTable, given: ScoreFromOutside) -> Scored:
    least, most = table.content["range"]
    whole = table.content.get("probability") or float(given.value).is_integer()
    if not (least <= given.value <= most and whole):
        kind = "a probability from" if table.content.get("probability") else "a whole total from"
        return replace(waiting, because=f"{_quoted(given)}: it is not {kind} {least} to {most}.")
    meaning = table.band(given.value)
    says, evidence = survival(table, meaning)
    return replace(
        waiting,
        total=given.value,
        meaning=meaning,
        meanings=() if meaning is None else (meaning,),
        reachable=(given.value, given.value),
        survival=says,
        because="",
        narrowing=(),
        warnings=(f"{_quoted(given)}; not computed by metaspine.", *waiting.warnings),
        basis=Basis((*waiting.basis.evidence, *evidence), waiting.basis.missing),
    )


def _quoted(given: ScoreFromOutside) -> str:
    return f"{given.value:g} was obtained on {given.obtained_on.isoformat()} from {given.source}"


def _missing(inputs: Mapping[str, Any], facts: Facts) -> tuple[str, ...]:
    unknown = (entry["fact"] for entry in inputs.values() if facts[entry["fact"]] is None)
    return tuple(dict.fromkeys(key for fact in unknown for key in keys_behind(fact, facts)))


def _out_of_limits(inputs: Mapping[str, Any], facts: Facts) -> Iterable[str]:
    for entry in inputs.values():
        value = facts[entry["fact"]]
        if value is None or "limits" not in entry:
            continue
        least, most = entry["limits"]
        if not least <= value <= most:
            unit = f" {entry['unit']}" if "unit" in entry else ""
            what = in_words("key", entry["fact"])
            yield f"{what} {value:g}{unit} is beyond what the application takes, {least:g} to {most:g}{unit}."


def _number(value: Any) -> float | None:
    """Return an input as a number: yes is 1, no is 0."""
    return None if value is None else float(value)
