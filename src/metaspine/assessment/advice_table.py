"""The advice as rows of a table, one a lesion: codes as in table G3, an unknown as an empty cell, lists with ;.

``COLUMNS`` come from the advice that every assessment holds; ``score_columns`` are computed where they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from metaspine.assessment.document import parts
from metaspine.assessment.scoring import score, score_names
from metaspine.patient.advice import Advice, LesionAdvice, Score
from metaspine.patient.case import Case
from metaspine.patient.scoring import Scored

COLUMNS: Mapping[str, Callable[[Advice, LesionAdvice], Any]] = {
    "level": lambda _, lesion: lesion.level,
    "decides": lambda advice, lesion: lesion is advice.leading,
    "recommendation": lambda _, lesion: lesion.noms.recommendation,
    "acceptable": lambda _, lesion: lesion.noms.acceptable,
    "hard_stops": lambda _, lesion: lesion.noms.hard_stops,
    "surgical_capacity": lambda _, lesion: lesion.noms.surgical_capacity,
    "flags": lambda advice, lesion: (*lesion.noms.flags, *advice.flags, *advice.prognosis_flags),
    "urgency": lambda _, lesion: lesion.urgency.urgency_class,
    "mri_within_h": lambda _, lesion: lesion.urgency.mri_within_h,
    "treatment_within_h": lambda _, lesion: lesion.urgency.treatment_within_h,
    "biopsy_within_h": lambda _, lesion: lesion.urgency.biopsy_within_h,
    "mechanical_urgency": lambda _, lesion: lesion.mechanical_urgency.value,
    "steroids": lambda _, lesion: lesion.steroids.value,
    "sins": lambda _, lesion: lesion.sins.total,
    "sins_reachable": lambda _, lesion: _span(lesion.sins.range),
    "sins_category": lambda _, lesion: lesion.sins.category,
    "escc": lambda _, lesion: lesion.escc.grade,
    "radiosensitivity": lambda _, lesion: lesion.radiosensitivity.effective,
    "tokuhashi_revised": lambda advice, _: advice.tokuhashi_revised.total,
    "tokuhashi_revised_reachable": lambda advice, _: _reachable(advice.tokuhashi_revised),
    "tomita": lambda advice, _: advice.tomita.total,
    "tomita_reachable": lambda advice, _: _reachable(advice.tomita),
    "bauer_modified": lambda advice, _: advice.bauer_modified.total,
    "bauer_modified_reachable": lambda advice, _: _reachable(advice.bauer_modified),
    "survival_surgery_rule": lambda advice, _: advice.survival_surgery_rule.value,
    "goals_of_care": lambda advice, _: advice.goals_of_care.value,
    "ebrt_schedule": lambda _, lesion: lesion.ebrt_schedule.value,
    "preop_embolisation": lambda _, lesion: lesion.preop_embolisation.value,
    "en_bloc_criteria_met": lambda _, lesion: lesion.en_bloc_criteria_met.value,
    "iort_stabilisation": lambda _, lesion: lesion.iort_stabilisation.status,
    "iort_stabilisation_reasons": lambda _, lesion: lesion.iort_stabilisation.reason_codes,
    "iort_stabilisation_role": lambda _, lesion: lesion.iort_stabilisation.role,
    "iort_kyphoplasty": lambda _, lesion: lesion.iort_kyphoplasty.status,
    "iort_kyphoplasty_reasons": lambda _, lesion: lesion.iort_kyphoplasty.reason_codes,
    "iort_kyphoplasty_role": lambda _, lesion: lesion.iort_kyphoplasty.role,
    "missing": lambda advice, lesion: _missing(advice, lesion),
    "notes": lambda advice, _: tuple(f"{note.key}: {note.message}" for note in advice.notes),
    "policy": lambda advice, _: tuple(f"{name}={advice.policy.side(name)}" for name in advice.policy.departures),
}
"""Every column, with what stands in it for one lesion of an advice; those of the patient repeat in each row."""


def advice_rows(case: Case, advice: Advice, columns: tuple[str, ...] = tuple(COLUMNS)) -> Iterator[list[str]]:
    """Yield one row of cells for each lesion, in the order of the case."""
    of_scores = score_columns()
    for facts, lesion in zip(case.lesions, advice.lesions, strict=True):
        scored = cache(partial(score, case=case, lesion=facts))
        yield [_text(COLUMNS[name](advice, lesion) if name in COLUMNS else of_scores[name](scored)) for name in columns]


@cache
def score_columns() -> Mapping[str, Callable[[Callable[[str], Scored]], Any]]:
    """Return the columns of every score that ``COLUMNS`` lack: its total, what it can reach, and its class or band.

    Each is computed from a function that gives a score by its name.
    """
    columns: dict[str, Callable[[Callable[[str], Scored]], Any]] = {}
    for name in score_names():
        columns[name] = partial(_total, name)
        columns[f"{name}_reachable"] = partial(_scored_reachable, name)
        columns[f"{name}_meaning"] = partial(_meaning, name)
    return {name: column for name, column in columns.items() if name not in COLUMNS}


def _total(name: str, scored: Callable[[str], Scored]) -> float | None:
    return scored(name).total


def _scored_reachable(name: str, scored: Callable[[str], Scored]) -> str | None:
    bounds = scored(name).reachable
    return None if bounds is None else _span(bounds)


def _meaning(name: str, scored: Callable[[str], Scored]) -> tuple[str, ...]:
    """Return the class or band, or all those that the known items leave."""
    found = scored(name)
    return found.meanings if found.meaning is None else (found.meaning,)


def _missing(advice: Advice, lesion: LesionAdvice) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for basis in parts(advice, lesion).values() for key in basis.missing))


def _reachable(score: Score) -> str | None:
    return None if score.reachable is None else _span(score.reachable)


def _span(bounds: tuple[float, float]) -> str:
    return f"{_text(bounds[0])} to {_text(bounds[1])}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return ";".join(value) if isinstance(value, tuple) else str(value)
