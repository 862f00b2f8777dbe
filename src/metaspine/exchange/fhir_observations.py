"""The facts of a case in FHIR observations: findings, measurements, and the items of panels."""

from __future__ import annotations

from typing import Any

from metaspine.exchange.fhir_codes import (
    FACT,
    codes_of,
    has_a_unit,
    key_of,
    levels_of,
    list_keys,
    number_of,
    tables,
    word_is_understood,
    word_of,
)
from metaspine.exchange.fhir_findings import OFF_TOPIC, Finding, NotUsed, Read, day_of, name_of
from metaspine.exchange.fhir_models import CodeableConcept, Observation, Value
from metaspine.patient.case import ReadingNote

_VALID = ("final", "amended", "corrected", "preliminary")


def facts_of_observation(observation: Observation) -> Read:
    """Yield what an observation states, or why it is not used."""
    name = name_of(observation)
    if observation.status not in _VALID:
        yield NotUsed(name, about(observation.code), f"its status is {observation.status}")
        return
    if len(levels_of(observation.body_site)) > 1:
        yield NotUsed(name, about(observation.code), "its body site names more than one level")
        return
    key = key_of(observation.code)
    if key in list_keys():
        yield from _listed(observation, key)
        return
    if key is not None:
        yield from _fact(observation, key, observation.code, observation)
    for component in observation.component or ():
        item = key_of(component.code)
        if item is None or item in list_keys():
            yield NotUsed(name, about(component.code), "not understood")
        else:
            yield from _fact(observation, item, component.code, component)
    if key is None and not observation.component:
        yield NotUsed(name, about(observation.code), reason_not_read(observation.code))


def about(concept: CodeableConcept | None) -> str:
    """Return what a concept is about, for a message."""
    codes = codes_of(concept)
    return codes[0] if codes else (concept.text or "" if concept is not None else "")


def reason_not_read(concept: CodeableConcept | None) -> str:
    """Return why a code gives nothing to the case."""
    known = tables()["not_read"]
    return next((known[code] for code in codes_of(concept) if code in known), OFF_TOPIC[0])


def _fact(observation: Observation, key: str, code: CodeableConcept, part: Value) -> Read:
    name = name_of(observation)
    value = _value(key, part)
    if isinstance(value, _Unreadable):
        yield NotUsed(name, about(code), value.reason)
        return
    level = next(iter(levels_of(observation.body_site)), None)
    yield Finding(key, value, name, level, observation.effective_date_time)
    yield from _lesion(key, level, code, name)
    if observation.status == "preliminary":
        yield ReadingNote(key, f"{name} is preliminary")
    if key.startswith("laboratory.") and (day := day_of(observation.effective_date_time)) is not None:
        yield Finding("laboratory.taken_on", day.isoformat(), name, derived=True)


def _lesion(key: str, level: str | None, code: CodeableConcept, name: str) -> Read:
    """Yield the lesion that a fact in our own words shows; a pain score at a level shows none."""
    if level is not None and key.startswith("lesion.") and any(one.startswith(FACT) for one in codes_of(code)):
        yield Finding("lesion.level", level, name, level)


def _listed(observation: Observation, key: str) -> Read:
    name = name_of(observation)
    level = next(iter(levels_of(observation.body_site)), None)
    empty = observation.value_codeable_concept
    items = [_value(key, component) for component in observation.component or ()]
    unreadable = next((item for item in items if isinstance(item, _Unreadable)), None)
    if unreadable is not None:
        yield NotUsed(name, about(observation.code), unreadable.reason)
    elif items or (empty is not None and word_of(key, empty) == "none"):
        yield Finding(key, items, name, level, observation.effective_date_time)
        yield from _lesion(key, level, observation.code, name)
    else:
        yield NotUsed(name, about(observation.code), "a list without items; an empty one is said by the word none")


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _value(key: str, part: Value) -> Any:
    """Return the value of a part as the case form writes it, or why there is none."""
    if part.value_quantity is not None:
        number = number_of(key, part.value_quantity)
        return _Unreadable(number) if isinstance(number, str) else number
    if part.value_codeable_concept is not None:
        concept = part.value_codeable_concept
        if word_is_understood(key, concept):
            return word_of(key, concept)
        return _Unreadable(f"the answer {about(concept) or '(without code)'} is not understood")
    if part.value_integer is not None and has_a_unit(key):
        return _Unreadable("a number without a unit")
    if part.value_string is not None and key in tables()["facts"]:
        return _Unreadable("a text, not a value")
    if part.value_date_time is not None:
        day = day_of(part.value_date_time)
        return _Unreadable("a partial date") if day is None else day.isoformat()
    for value in (part.value_boolean, part.value_integer, part.value_string):
        if value is not None:
            return value
    return _Unreadable("a range, not a value" if part.value_range is not None else "no value")
