"""The few shapes that nearly all scores have: points in items, classes by rules, a grade that is a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from metaspine.assessment.narrowing import narrowing_of_classes, narrowing_of_points, outcomes, settled
from metaspine.assessment.rules import Facts, every_that_applies
from metaspine.assessment.score_facts import keys_behind, keys_to_settle
from metaspine.assessment.score_tables import Item, Points, ScoreTable
from metaspine.assessment.wording import in_words
from metaspine.evidence import look_up
from metaspine.patient.advice import Basis
from metaspine.patient.scoring import Narrowing, Scored


def points_score(table: ScoreTable, facts: Facts) -> Scored:
    """Return a score whose items have points: the total, or the range that the unknown items leave."""
    if facts["primary_as_proven"] in table.excluded:
        return not_in_table(table)
    possible = {item.name: item.possible(facts) for item in table.items}
    unscored = _unscored_primary(table, facts)
    if unscored:
        possible = {item.name: possible[item.name] or item.unknown for item in table.items}
    unnamed = [item for item in table.items if not possible[item.name]]
    if unnamed:
        return _unnamed(table, possible, unnamed[0], facts)
    return _points(table, possible, facts, unscored)


def class_score(table: ScoreTable, facts: Facts) -> Scored:
    """Return a score that is a class: the only one that the known facts leave, or all of them."""
    if facts["primary_as_proven"] in table.excluded:
        return not_in_table(table)
    found = outcomes(table.classes, facts)
    narrowing = narrowing_of_classes(table.classes, facts, lambda fact: keys_behind(fact, facts))
    return of_codes(table, found, () if len(found) == 1 else narrowing)


def grade_score(table: ScoreTable, facts: Facts) -> Scored:
    """Return a score that is a grade: the word that the case states."""
    grades = table.content["grades"]
    value = facts[grades["fact"]]
    if value is None:
        codes = tuple(grades["codes"].values())
        return of_codes(table, codes, (Narrowing(grades["fact"], len(codes) - 1),))
    return of_codes(table, (grades["codes"][value],), ())


def of_codes(table: ScoreTable, codes: tuple[str, ...], narrowing: tuple[Narrowing, ...]) -> Scored:
    """Return a score without points: one code is its answer, several are what is still possible."""
    known = len(codes) == 1
    meaning = codes[0] if known else None
    says, evidence = survival(table, meaning)
    return Scored(
        name=table.name,
        state="computed" if known else "partial",
        meaning=meaning,
        meanings=codes,
        narrowing=narrowing,
        survival=says,
        higher_is_better=table.content["higher_is_better"],
        because="" if known else in_words("score_reason", "missing_data"),
        basis=Basis((*table.content["evidence"], *evidence), tuple(entry.key for entry in narrowing)),
    )


def not_in_table(table: ScoreTable) -> Scored:
    """Return the answer for a primary that the score was not made for."""
    excluded = table.content["not_in_table"]
    return _without_points(table, in_words("score_reason", excluded["reason"]), excluded["evidence"])


def defined_only(table: ScoreTable, facts: Facts) -> Scored:  # noqa: ARG001 - every shape takes the facts
    """Return a score that is a definition, and why a case cannot be scored by it."""
    return _without_points(table, table.content["because"], ())


def with_warnings(scored: Scored, table: ScoreTable, facts: Facts) -> Scored:
    """Return the score with what must stand beside it: the table's warnings, and those that the facts call for."""
    called_for = every_that_applies(table.cautions, facts)
    evidence = [*scored.basis.evidence, *(name for rule in called_for for name in rule.evidence)]
    said = [*table.content.get("warnings", ()), *(rule.then for rule in called_for), *scored.warnings]
    if _unproven(table, facts):
        said.append("The histology is not confirmed: the primary counts as unknown.")
        evidence.append("SCORE-UNPROVEN-01")
    return replace(scored, warnings=tuple(said), basis=replace(scored.basis, evidence=tuple(dict.fromkeys(evidence))))


def _unproven(table: ScoreTable, facts: Facts) -> bool:
    reads = "oncology.primary" in table.content.get("needs", ())
    return reads and facts["primary_as_proven"] != facts["oncology.primary"]


def survival(table: ScoreTable, meaning: str | None) -> tuple[str, tuple[str, ...]]:
    """Return what was published for a band or class, with how far it can be trusted, and its evidence."""
    entry = table.content.get("survival", {}).get(meaning)
    if entry is None:
        return "", ()
    return f"{entry['says']} [{look_up(entry['evidence']).confidence}]", (entry["evidence"],)


def combined(table: ScoreTable) -> Callable[[Iterable[float]], float]:
    """Return how the items of a score make its total: a sum, or a product."""
    return prod if table.content.get("combine") == "product" else sum


def _points(table: ScoreTable, possible: Mapping[str, Points], facts: Facts, unscored: Mapping[str, Any]) -> Scored:
    totals = _totals(possible.values(), combined(table))
    ambiguous = [item for item in table.items if _left_open_by_the_publication(item, possible[item.name], facts)]
    after = {item.name: _after(item, possible[item.name], facts) for item in table.items if item not in ambiguous}
    known = len(totals) == 1 and not unscored
    meanings = tuple(band.name for band in table.bands if any(band.least <= total <= band.most for total in totals))
    meaning = meanings[0] if len(meanings) == 1 and not unscored else None
    says, published = survival(table, meaning)
    narrowing = () if known else narrowing_of_points(possible, after, combined(table))
    evidence = (*table.content["evidence"], *published, *(item.ambiguous for item in ambiguous))
    return Scored(
        name=table.name,
        state="computed" if known else "partial",
        items={name: points[0] if len(points) == 1 else None for name, points in possible.items()},
        total=totals[0] if known else None,
        meaning=meaning,
        reachable=(totals[0], totals[-1]),
        meanings=meanings,
        narrowing=narrowing,
        survival=says,
        higher_is_better=table.content["higher_is_better"],
        because="" if known else _because(unscored, ambiguous, narrowing),
        basis=Basis((*evidence, *unscored.get("evidence", ())), tuple(entry.key for entry in narrowing)),
    )


def _because(unscored: Mapping[str, Any], ambiguous: list[Item], narrowing: tuple[Narrowing, ...]) -> str:
    reasons = [in_words("score_reason", unscored["reason"])] if unscored else []
    reasons += [look_up(item.ambiguous).statement for item in ambiguous]
    if narrowing and not unscored:
        reasons.append(in_words("score_reason", "missing_data"))
    return "; ".join(reasons)


def _unscored_primary(table: ScoreTable, facts: Facts) -> Mapping[str, Any]:
    """Return why an unknown primary has no total, where the table says so (BAUER-02)."""
    entry: Mapping[str, Any] = table.content.get("unknown_primary", {})
    return entry if facts["primary_as_proven"] == "unknown" else {}


def _left_open_by_the_publication(item: Item, possible: Points, facts: Facts) -> bool:
    return bool(item.ambiguous) and len(possible) > 1 and not item.open_facts(facts)


def _after(item: Item, possible: Points, facts: Facts) -> dict[str, tuple[Points, ...]]:
    """Return what each unknown key may leave of an item."""
    if len(possible) == 1:
        return {}
    open_facts = item.open_facts(facts)
    if not open_facts:
        return dict.fromkeys(keys_to_settle(item.fact, facts), settled(possible))
    return {key: item.after(fact, facts) for fact in open_facts for key in keys_behind(fact, facts)}


def _totals(points: Iterable[Points], together: Callable[[Iterable[float]], float]) -> tuple[float, ...]:
    """Return every total that the items can make, in ascending order."""
    totals: set[float] | None = None
    for several in points:
        totals = set(several) if totals is None else {together((one, more)) for one in totals for more in several}
    return tuple(sorted(totals or ()))


def _unnamed(table: ScoreTable, possible: Mapping[str, Points], item: Item, facts: Facts) -> Scored:
    because = (
        f"the table has no points for {in_words('key', item.fact)} {facts[item.fact]}"
        if item.fact in facts and "." in item.fact
        else in_words("score_reason", "primary_not_in_original_table")
    )
    scored = _without_points(table, because, ())
    return replace(scored, items={name: points[0] if len(points) == 1 else None for name, points in possible.items()})


def _without_points(table: ScoreTable, because: str, evidence: Iterable[str]) -> Scored:
    return Scored(
        name=table.name,
        state="not_applicable",
        higher_is_better=table.content["higher_is_better"],
        because=because,
        basis=Basis((*table.content["evidence"], *evidence)),
    )
