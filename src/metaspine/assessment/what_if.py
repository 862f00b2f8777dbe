"""What would change the answer: every fact of a case once replaced by every other value, alone, and assessed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from metaspine.assessment.engine import assess
from metaspine.assessment.possible_values import possible_values
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import Case, LesionFacts, PriorRadiotherapy
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.patient.what_if import Altered, Alternative, Change

PARTS: Mapping[str, Callable[[LesionAdvice], Any]] = {
    "recommendation": lambda advice: advice.noms.recommendation,
    "acceptable": lambda advice: advice.noms.acceptable,
    "urgency_class": lambda advice: advice.urgency.urgency_class,
    "mri_within_h": lambda advice: advice.urgency.mri_within_h,
    "treatment_within_h": lambda advice: advice.urgency.treatment_within_h,
    "biopsy_within_h": lambda advice: advice.urgency.biopsy_within_h,
    "steroids": lambda advice: advice.steroids.value,
    "iort_stabilisation": lambda advice: advice.iort_stabilisation.status,
    "iort_kyphoplasty": lambda advice: advice.iort_kyphoplasty.status,
}
"""The parts of the advice that are compared, the weightiest first."""


def what_if(
    case: Case, policy: BoardPolicy = DEFAULT_POLICY, *, possible: Callable[[Case], bool] | None = None
) -> tuple[Change, ...]:
    """Return every fact that alone would change the advice if it were another one, and how.

    Facts that are not known come first: they are what is still missing to decide. Then those that alter more parts
    of the advice, the recommendation before all others. Facts that only together would change it are not found.

    Parameters
    ----------
    possible
        Whether a changed case can be, that is, its facts do not contradict each other; where it is not given, all are
        assessed.
    """
    before = assess(case, policy)
    found = []
    for key, now, replaced in _changeable(case):
        values = [value for value in possible_values()[_form_key(key)] if value != now or type(value) is not type(now)]
        cases = [(value, replaced(value)) for value in values]
        alternatives = [
            Alternative(value, _differences(before, assess(changed, policy)))
            for value, changed in cases
            if possible is None or possible(changed)
        ]
        found.append(Change(key, now, tuple(each for each in alternatives if each.alters)))
    return tuple(sorted((change for change in found if change.alternatives), key=_weight))


def deciding(case: Case, policy: BoardPolicy = DEFAULT_POLICY) -> tuple[str, ...]:
    """Return the keys of the unknown facts that alone could change the recommendation, the weightiest first."""
    return tuple(change.key for change in what_if(case, policy) if change.now is None and change.alters(_FIRST))


_FIRST = next(iter(PARTS))
_STATED_INSTEAD = ("sins_reported_total",)
"""What stands for other facts where it is stated; unstated it is nothing that is missing."""


def _weight(change: Change) -> tuple[bool, bool, int]:
    return change.now is not None, not change.alters(_FIRST), -len(change.parts)


def _differences(before: Advice, after: Advice) -> tuple[Altered, ...]:
    return tuple(
        Altered(old.level, part, look(old), look(new))
        for old, new in zip(before.lesions, after.lesions, strict=True)
        for part, look in PARTS.items()
        if look(old) != look(new)
    )


def _changeable(case: Case) -> Iterator[tuple[str, Any, Callable[[Any], Case]]]:
    """Yield each key of the case with its value, and what makes the case with another value."""
    for name in ("patient", "oncology", "neuro", "laboratory"):
        for key, now in _facts(name, getattr(case, name)):
            yield f"{name}.{key}", now, partial(_with, case, name, key)
    for place, lesion in enumerate(case.lesions):
        name = f"lesions[{place}]" if case.listed else "lesion"
        for key, now in _facts("lesion", lesion):
            yield f"{name}.{key}", now, partial(_with_lesion, case, place, key)


def _facts(section: str, facts: Any) -> Iterator[tuple[str, Any]]:
    for key, now in vars(facts).items():
        if f"{section}.{key}" in possible_values() and (now is not None or key not in _STATED_INSTEAD):
            yield key, now
        if isinstance(now, PriorRadiotherapy):
            yield from ((f"{key}.{name}", value) for name, value in _facts(f"{section}.{key}", now))


def _with(case: Case, section: str, key: str, value: Any) -> Case:
    return replace(case, **{section: replace(getattr(case, section), **{key: value})})


def _with_lesion(case: Case, place: int, key: str, value: Any) -> Case:
    lesions = list(case.lesions)
    lesions[place] = _lesion_with(lesions[place], key, value)
    return replace(case, lesions=tuple(lesions))


def _lesion_with(lesion: LesionFacts, key: str, value: Any) -> LesionFacts:
    name, _, of_course = key.partition(".")
    if of_course:
        value = replace(getattr(lesion, name), **{of_course: value})
    return replace(lesion, **{name: value})


def _form_key(key: str) -> str:
    """Return a key without the number of its lesion."""
    section, _, rest = key.partition(".")
    return f"{'lesion' if section.startswith('lesions[') else section}.{rest}"
