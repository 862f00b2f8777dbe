"""Scores whose shape is their own: SINS and ESCC beside the others, and the few that are neither points nor classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from metaspine.assessment.clinical_target import clinical_target
from metaspine.assessment.escc import escc
from metaspine.assessment.narrowing import narrowing_of_points, settled
from metaspine.assessment.pain_response import pain_response
from metaspine.assessment.rules import Facts
from metaspine.assessment.score_shapes import grade_score, of_codes, points_score
from metaspine.assessment.score_tables import ScoreTable
from metaspine.assessment.sins import sins
from metaspine.assessment.tables import table as table_of
from metaspine.assessment.wording import in_words
from metaspine.patient.case import AdverseEvent, Case, LesionFacts
from metaspine.patient.instability import sins_points
from metaspine.patient.scoring import Narrowing, Scored

_PERIOPERATIVE_DAYS = 30


def _sins(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return SINS as one of the scores (SINS-00 to SINS-07)."""
    found = sins(lesion)
    low, high = found.range
    categories = table_of("sins")["categories"]
    reachable = [band["name"] for band in categories if band["from"] <= high and low <= band["to"]]
    points = sins_points(lesion)
    after = {item: {key: settled(points[item])} for item, key in zip(found.missing, found.basis.missing, strict=True)}
    return Scored(
        name=table.name,
        state="computed" if found.total is not None else "partial",
        items=found.components or {},
        total=found.total,
        meaning=f"sins_{found.category}" if len(reachable) == 1 else None,
        reachable=found.range,
        meanings=tuple(f"sins_{name}" for name in reachable),
        narrowing=narrowing_of_points(points, after, sum),
        higher_is_better=table.content["higher_is_better"],
        because="" if found.total is not None else in_words("score_reason", "missing_data"),
        basis=found.basis,
    )


def _escc(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the grade of epidural compression as one of the scores, with what the canal holds there (ESCC-03)."""
    scored, found = grade_score(table, facts), escc(lesion)
    return replace(scored, warnings=found.basis.notes, basis=replace(found.basis, notes=()))


def _charlson(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the index with its points for the age; CCI-01 does not say whether its threshold counts them."""
    scored = points_score(table, facts)
    possible = {item.name: item.possible(facts) for item in table.items}
    ends = [[end(points) for name, points in possible.items() if name != "age"] for end in (min, max)]
    without_age = sum(ends[0]), sum(ends[1])
    below, reached = table.content["codes"]
    threshold = table.content["threshold"]
    meanings = tuple(
        code
        for code, is_left in ((below, without_age[0] < threshold), (reached, without_age[1] >= threshold))
        if is_left
    )
    meaning = meanings[0] if len(meanings) == 1 else None
    warnings = (_age_apart(without_age, scored), _disagreement(case, without_age, scored))
    return replace(scored, meaning=meaning, meanings=meanings, warnings=tuple(text for text in warnings if text))


def _age_apart(without_age: tuple[float, float], scored: Scored) -> str:
    if scored.total is None or scored.total == without_age[0]:
        return ""
    return (
        f"Without the points for age it is {without_age[0]:g}; S3 does not say whether its threshold of 2 counts them, "
        "so the threshold is applied without them."
    )


def _disagreement(case: Case, without_age: tuple[float, float], scored: Scored) -> str:
    stated = case.patient.cci_excluding_metastasis
    if stated is None or case.patient.comorbidities is None:
        return ""
    if stated in (without_age[0], scored.total):
        return ""
    return f"An index of {stated} is stated, but the diseases of the case give {without_age[0]:g}: check both."


def _clavien_dindo(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the worst grade of the events; an event without a grade leaves that grade and every worse one."""
    codes: Mapping[str, str] = table.content["grades"]["codes"]
    key = table.content["grades"]["fact"]
    order = list(codes)
    events = None if case.postop is None else case.postop.adverse_events
    if events is None:
        return of_codes(table, tuple(codes.values()), (Narrowing(key, len(order) - 1),))
    worst = max((order.index(event.clavien_dindo) for event in events if event.clavien_dindo), default=0)
    if all(event.clavien_dindo for event in events):
        scored = of_codes(table, (codes[order[worst]],), ())
    else:
        left = tuple(codes[grade] for grade in order[max(worst, 1) :])
        scored = of_codes(table, left, (Narrowing(key, len(left) - 1),))
    items = {f"{event.event}": float(order.index(event.clavien_dindo)) for event in events if event.clavien_dindo}
    return replace(scored, items=items, warnings=_late(events))


def _late(events: tuple[AdverseEvent, ...]) -> tuple[str, ...]:
    late = [event for event in events if event.day is not None and event.day > _PERIOPERATIVE_DAYS]
    return tuple(
        f"{event.event} on day {event.day}: beyond the {_PERIOPERATIVE_DAYS} days that S0 calls perioperative."
        for event in late
    )


def _tomita_type(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the type; epidural disease leaves types 4 to 7, and a smaller one beside it is said to be inconsistent."""
    scored = grade_score(table, facts)
    epidural = table.content["epidural"]
    if lesion.escc not in epidural["grades"]:
        return scored
    least = epidural["from_type"]
    said = f"Epidural disease (ESCC {lesion.escc}) implies type {least} or more."
    basis = replace(scored.basis, evidence=(*scored.basis.evidence, epidural["evidence"]))
    if lesion.tomita_type is None:
        left = tuple(code for number, code in table.content["grades"]["codes"].items() if number >= least)
        narrowing = (Narrowing("lesion.tomita_type", len(left) - 1),)
        return replace(scored, meanings=left, narrowing=narrowing, warnings=(said,), basis=basis)
    if lesion.tomita_type >= least:
        return scored
    return replace(scored, warnings=(f"{said} Type {lesion.tomita_type} beside it is inconsistent.",), basis=basis)


def _wbb(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return whether the involved zones are contiguous around the vertebra, with the layers."""
    zones, layers, codes = lesion.wbb_zones, lesion.wbb_layers, table.content["codes"]
    missing = tuple(key for key, known in (("lesion.wbb_zones", zones), ("lesion.wbb_layers", layers)) if known is None)
    if not zones:
        scored = of_codes(table, tuple(codes.values()), tuple(Narrowing(key, 1.0) for key in missing))
        return scored if zones is None else replace(scored, because="no zone is involved", narrowing=())
    scored = of_codes(table, (codes[contiguous_zones(zones, table.content["zones"])],), ())
    items = {f"zone {zone}": 1.0 for zone in sorted(set(zones))} | {
        f"layer {layer}": 1.0 for layer in sorted(layers or ())
    }
    return replace(scored, items=items, basis=replace(scored.basis, missing=missing))


def contiguous_zones(zones: tuple[int, ...], around: int = 12) -> bool:
    """Return whether zones follow each other without a gap around the vertebra; the last is beside the first."""
    involved = set(zones)
    gaps = sum(1 for zone in involved if zone % around + 1 not in involved)
    return gaps <= 1


def _isrc_sectors(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the rows of the consortium's table that the sectors lie in, and what holds for epidural disease."""
    target = clinical_target(lesion)
    rows = tuple(row.name for row in target.rows)
    if lesion.sectors is None:
        every = tuple(dict.fromkeys(row["name"] for row in table.content["rows"]))
        scored = of_codes(table, every, (Narrowing("lesion.sectors", len(every) - 1),))
    elif not rows:
        scored = replace(of_codes(table, (), ()), state="not_applicable", because=target.because)
    else:
        scored = replace(of_codes(table, rows, ()), because=target.because)
    items = {} if lesion.sectors is None else {f"sector {sector}": 1.0 for sector in sorted(set(lesion.sectors))}
    return replace(scored, items=items, warnings=target.notes)


def _pain_response(table: ScoreTable, facts: Facts, *, case: Case, lesion: LesionFacts) -> Scored:  # noqa: ARG001
    """Return the response of pain by the international consensus."""
    found = pain_response(case.response)
    narrowing = tuple(Narrowing(key, width) for key, width in found.widths.items())
    return replace(of_codes(table, found.codes, narrowing), warnings=found.notes)


SPECIAL: Mapping[str, Callable[..., Scored]] = {
    "sins": _sins,
    "escc": _escc,
    "charlson": _charlson,
    "clavien_dindo": _clavien_dindo,
    "tomita_type": _tomita_type,
    "wbb": _wbb,
    "isrc_sectors": _isrc_sectors,
    "pain_response": _pain_response,
}
"""How the scores of a shape of their own are computed, by the name in their file."""
