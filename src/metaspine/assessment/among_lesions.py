"""What several lesions of one patient mean for each other: which first, which together, which explains the signs."""

from __future__ import annotations

from typing import Any

from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import Case, LesionFacts, longest_run
from metaspine.patient.levels import LEVELS, TRANSITIONAL

OVERLAPPING_CONSTRUCTS = 4
"""Levels between two lesions at which constructs of two above and two below still share a vertebra (BOARD-04)."""


def facts_among(case: Case, advice: Advice) -> dict[str, dict[str, Any]]:
    """Return, by level, the facts of a lesion that follow from the other lesions, and the levels they name."""
    constructs = groups(advice)
    compressing = [lesion.level for lesion in advice.lesions if lesion.escc.compression == "high"]
    unexplained = [one.level for one in advice.lesions if "NEURO_IMAGING_DISCORDANCE" in one.noms.hard_stops]
    injectable = [lesion.level for lesion in advice.lesions if lesion.iort_kyphoplasty.role is not None]
    found = {}
    for lesion in case.lesions:
        others = [level for level in compressing if level != lesion.level]
        group = next((levels for levels in constructs if lesion.level in levels), ())
        construct = [level for level in group if level != lesion.level]
        found[lesion.level] = {
            "another_lesion_compresses": bool(others),
            "others": ", ".join(others),
            "signs_explained_elsewhere": bool(others) and lesion.level in unexplained,
            "levels_in_one_run": _run(lesion, case),
            "constructs_overlap": bool(construct),
            "construct": ", ".join(construct),
            "kyphoplasty_in_one_session": 1 < len(injectable) <= 3 and lesion.level in injectable,
            "session": ", ".join(injectable),
        }
    return found


def groups(advice: Advice) -> tuple[tuple[str, ...], ...]:
    """Return the groups of levels that one construct can hold, each from cranial to caudal."""
    operable = [lesion.level for lesion in advice.lesions if _operates(lesion)]
    ordered = sorted(operable, key=LEVELS.index)
    found: list[list[str]] = []
    for level in ordered:
        if found and _distance(found[-1][-1], level) <= OVERLAPPING_CONSTRUCTS:
            found[-1].append(level)
        else:
            found.append([level])
    return tuple(tuple(group) for group in found if len(group) > 1)


def _run(lesion: LesionFacts, case: Case) -> int:
    """Return how many contiguous levels the case's lesions make together with this one."""
    involved = [{other.level, *(other.levels_involved or ())} for other in case.lesions]
    joined = {lesion.level, *(lesion.levels_involved or ())}
    grown = True
    while grown:
        touching = [levels for levels in involved if not levels <= joined and _touches(levels, joined)]
        grown = bool(touching)
        joined = joined.union(*touching)
    return longest_run(joined) if len(case.lesions) > 1 else 0


def _touches(levels: set[str], others: set[str]) -> bool:
    return any(_distance(one, other) <= 1 for one in levels for other in others)


def _distance(one: str, other: str) -> int:
    """Return how many levels lie from one to the other; T13 and L6 count only where they are one of the two."""
    order = [level for level in LEVELS if level not in TRANSITIONAL or level in (one, other)]
    return abs(order.index(one) - order.index(other))


def _operates(lesion: LesionAdvice) -> bool:
    return any(row.startswith(("STAB_", "SEP_", "DECOMP_")) for row in lesion.noms.acceptable)
