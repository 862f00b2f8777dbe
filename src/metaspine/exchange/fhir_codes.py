"""Which code of which system says which fact: the tables of ``data/fhir_codes.yaml``.

A code is written ``system|code`` with the short names of the table, an ICD-10 code without its dot. The local systems
carry what no standard has a code for (FHIR-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from metaspine.evidence.shipped import shipped_table
from metaspine.exchange.case_schema import SECTIONS
from metaspine.exchange.fhir_models import CodeableConcept, Coding, Quantity
from metaspine.patient.levels import LEVELS

FACT, WORD, LEVEL = "urn:metaspine:fact", "urn:metaspine:word", "urn:metaspine:level"
"""The local systems: keys of the case form, words of the case form, vertebral levels."""
NOMS = "urn:metaspine:noms"
PRIOR = "lesion.prior_rt_at_level"
_ELSEWHERE = ("oncology.primary", "lesion.level", "postop.adverse_events")


@cache
def tables() -> Mapping[str, Any]:
    """Return the tables."""
    return dict(shipped_table("metaspine.exchange", "fhir_codes.yaml"))


@cache
def fact_keys() -> frozenset[str]:
    """Return the keys of the case form that travel as an observation, e.g. ``lesion.escc``.

    The primary travels as a condition, the level as a body site; adverse events and scores from outside do not travel.
    """
    sections = ("patient", "oncology", "lesion", "neuro", "postop", "laboratory", "response")
    keys = {f"{section}.{key}" for section in sections for key in SECTIONS[section].model_fields}
    return frozenset(keys - set(_ELSEWHERE)) | {"assessed_on", "postop", "response"}


@cache
def list_keys() -> frozenset[str]:
    """Return the keys whose value is a list; its items travel as components."""
    fields = {key: SECTIONS[key.partition(".")[0]].model_fields for key in fact_keys() if "." in key}
    return frozenset(key for key in fields if "list[" in str(fields[key][key.partition(".")[2]].annotation))


def has_a_unit(key: str) -> bool:
    """Say whether a fact is a measurement, of which a bare number says nothing."""
    units = tables()["facts"].get(key, {}).get("units", {"1": "1"})
    return "1" not in units


@cache
def _key_of_code() -> Mapping[str, str]:
    return {code: key for key, fact in tables()["facts"].items() for code in fact.get("codes", ())}


@cache
def _short_names() -> Mapping[str, str]:
    others = dict.fromkeys(tables()["same_as_icd10"], "icd10")
    return {url: name for name, url in tables()["systems"].items()} | others


def short(coding: Coding) -> str:
    """Return a code as ``system|code``; a system that no table knows keeps its address."""
    system = _short_names().get(coding.system or "", coding.system or "")
    code = (coding.code or "").strip()
    return f"{system}|{code.replace('.', '').upper() if system == 'icd10' else code}"


def codes_of(concept: CodeableConcept | None) -> tuple[str, ...]:
    """Return the codes of a concept."""
    return () if concept is None else tuple(short(coding) for coding in concept.coding)


def coding(code: str) -> Coding:
    """Return the coding of ``system|code``."""
    system, _, value = code.partition("|")
    return Coding(system=tables()["systems"].get(system, system), code=value)


def concept(*codes: str, text: str | None = None) -> CodeableConcept:
    """Return a concept with these codes."""
    return CodeableConcept(coding=[coding(code) for code in codes], text=text)


def after(system: str, codes: Iterable[str]) -> Iterator[str]:
    """Yield the codes of one system, bare."""
    return (code.partition("|")[2] for code in codes if code.startswith(f"{system}|"))


def key_of(concept: CodeableConcept) -> str | None:
    """Return the key of the case form that a concept asks for, or None; the local system goes first."""
    codes = codes_of(concept)
    local = next((key for key in after(FACT, codes) if key in fact_keys()), None)
    return local or next((_key_of_code()[code] for code in codes if code in _key_of_code()), None)


def codes_of_key(key: str) -> tuple[str, ...]:
    """Return the codes that a fact is written with: the standard's first, then the local one."""
    return (*tables()["facts"].get(key, {}).get("codes", ())[:1], f"{FACT}|{key}")


def word_of(key: str, concept: CodeableConcept) -> Any:
    """Return the value that a concept gives to a fact, or None where it is not understood."""
    known = tables()["facts"].get(key, {}).get("words", {})
    codes = codes_of(concept)
    return next(after(WORD, codes), None) or next((known[code] for code in codes if code in known), None)


def word_is_understood(key: str, concept: CodeableConcept) -> bool:
    """Say whether a concept gives a value to a fact."""
    known = tables()["facts"].get(key, {}).get("words", {})
    return any(code in known or code.startswith(f"{WORD}|") for code in codes_of(concept))


def number_of(key: str, quantity: Quantity) -> float | str:
    """Return a quantity in the unit of a fact, or the reason why it cannot be (FHIR-08)."""
    units: Mapping[str, str] = tables()["facts"].get(key, {}).get("units", {"{score}": "1", "1": "1"})
    unit = quantity.code or quantity.unit
    if quantity.value is None:
        return "a quantity without a number"
    if quantity.comparator is not None:
        return f"a bound ({quantity.comparator}), not a value"
    if unit is None:
        return f"a number without a unit; state {' or '.join(units)} (UCUM)"
    if unit not in units or quantity.system not in (None, tables()["systems"]["ucum"]):
        return f"the unit {unit!r}; known are {', '.join(units)} (UCUM)"
    try:
        return float(Fraction(str(quantity.value)) * _factor(units[unit]))
    except OverflowError:
        return "a number beyond all measure"


def quantity_of(key: str, value: float) -> Quantity:
    """Return a number in the first unit of a fact."""
    unit = next(iter(tables()["facts"].get(key, {}).get("units", {"1": "1"})))
    return Quantity(value=value, unit=unit, system=tables()["systems"]["ucum"], code=unit)


def _factor(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(numerator) / Fraction(denominator or "1")


@cache
def _level_of_code() -> Mapping[str, str]:
    known = {f"snomed|{code}": level for level, code in tables()["levels"].items()}
    return known | {f"{LEVEL}|{level}": level for level in LEVELS}


def levels_of(*sites: CodeableConcept | None) -> tuple[str, ...]:
    """Return the vertebral levels that body sites name, each once."""
    codes = (code for site in sites for code in codes_of(site))
    return tuple(dict.fromkeys(_level_of_code()[code] for code in codes if code in _level_of_code()))


def site_of(level: str) -> CodeableConcept:
    """Return the body site of a level."""
    known = tables()["levels"].get(level)
    return concept(*([f"snomed|{known}"] if known else []), f"{LEVEL}|{level}")


def starts(code: str, name: str) -> bool:
    """Say whether a bare ICD-10 code belongs to one of the groups of the table ``conditions``."""
    return code.startswith(tuple(tables()["conditions"][name]))
