"""The diagnoses of a FHIR bundle: the primary, the metastases and their levels, compression, fracture.

A site is not a histology, a metastasis is not the primary, and a coded compression is not a finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from metaspine.exchange.fhir_codes import FACT, WORD, after, codes_of, levels_of, starts, tables
from metaspine.exchange.fhir_findings import Finding, NotUsed, Read, name_of, refers_to
from metaspine.exchange.fhir_models import CodeableConcept, Condition, Reference
from metaspine.exchange.fhir_observations import about, reason_not_read
from metaspine.patient.case import ReadingNote

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
MORPHOLOGY, RELATED = f"{MCODE}mcode-histology-morphology-behavior", f"{MCODE}mcode-related-primary-cancer-condition"
PRIMARY, SECONDARY = "mcode-primary-cancer-condition", "mcode-secondary-cancer-condition"
_UNRESOLVED = {"lung": {"nsclc", "sclc"}, "colorectal": {"colon", "rectum"}}
CODED_COMPRESSION = "neuro.coded_compression"
"""No key of a case: a compression that is coded, which is not a finding (FHIR-12)."""
_OVER = ("inactive", "resolved", "remission")


@dataclass(frozen=True)
class _Primary:
    word: str
    condition: Condition
    names: tuple[str, ...]
    how: str
    """How it was read; empty where the word itself was stated."""


def facts_of_conditions(conditions: Iterable[tuple[Condition, str | None]], pathology: frozenset[str]) -> Read:
    """Yield what the conditions of a bundle state.

    Parameters
    ----------
    conditions
        Each with the full URL of its entry.
    pathology
        The names of the bundle's biopsies and pathologist's reports.
    """
    primaries: list[_Primary] = []
    secondary: list[Condition] = []
    for condition, url in conditions:
        if _state(condition.verification_status) in ("entered-in-error", "refuted"):
            yield NotUsed(name_of(condition), about(condition.code), "refuted, or entered in error")
            continue
        primary = _primary(condition, url)
        if primary is not None:
            primaries.append(primary)
            continue
        secondary.append(condition)
        yield from _facts_of_condition(condition)
    yield from _chosen(primaries, secondary, pathology)


def _state(concept: CodeableConcept | None) -> str:
    return "" if concept is None else next((coding.code or "" for coding in concept.coding), "")


def _icd10(condition: Condition) -> list[str]:
    return list(after("icd10", codes_of(condition.code)))


def _certain(condition: Condition) -> bool:
    return _state(condition.verification_status) in ("", "confirmed")


def _facts_of_condition(condition: Condition) -> Read:
    name, codes = name_of(condition), _icd10(condition)
    levels = levels_of(*(condition.body_site or ()))
    code = next(iter(codes), "")
    if starts(code, "secondary_brain"):
        yield Finding("oncology.brain_mets", True, name)
    elif _is_metastasis(condition, code):
        yield from _lesions(condition, levels)
    elif starts(code, "cord_compression"):
        yield from _compression(condition)
    elif starts(code, "cauda_equina") and _state(condition.clinical_status) not in _OVER and _certain(condition):
        yield Finding("neuro.cauda_equina", True, name)
    elif starts(code, "cauda_equina"):
        yield from _compression(condition)
    elif starts(code, "pathological_fracture") and _certain(condition):
        for level in levels or (None,):
            yield Finding("lesion.pathological_fracture", True, name, level)
    else:
        yield NotUsed(name, about(condition.code), reason_not_read(condition.code))


def _is_metastasis(condition: Condition, code: str) -> bool:
    codes = codes_of(condition.code)
    unspecific = f"snomed|{tables()['secondary_snomed']}" in codes or SECONDARY in condition.profiles
    return starts(code, "secondary_bone") or f"{FACT}|lesion" in codes or (unspecific and not code)


def _lesions(condition: Condition, levels: tuple[str, ...]) -> Read:
    name = name_of(condition)
    if not levels:
        yield NotUsed(name, about(condition.code), "a metastasis without a vertebral level in its body site")
    for level in levels:
        yield Finding("lesion.level", level, name, level)
    if len(levels) > 1:
        yield ReadingNote("lesion.level", f"{name} names {', '.join(levels)}: each is read as a lesion", "SINS-04")


def _compression(condition: Condition) -> Read:
    name = name_of(condition)
    if _state(condition.clinical_status) in _OVER:
        yield NotUsed(name, about(condition.code), "no longer active")
        return
    yield Finding(CODED_COMPRESSION, about(condition.code), name)


def _primary(condition: Condition, url: str | None) -> _Primary | None:
    names = tuple(name for name in (name_of(condition), url) if name)
    stated = next(after(WORD, codes_of(condition.code)), None)
    if stated is not None:
        return _Primary(stated, condition, names, "")
    code = next(iter(_icd10(condition)), "")
    malignant = code.startswith("C") and not starts(code, "secondary")
    word = _by_morphology(condition, code)
    if word is not None and (malignant or not code.startswith("C")):
        return _Primary(word, condition, names, "read from its morphology")
    if not malignant:
        return _Primary("unknown", condition, names, "no code of it is known") if _claimed(condition, code) else None
    start = max((start for start in tables()["sites"] if code.startswith(start)), key=len, default="")
    if not start:
        return _Primary("other", condition, names, f"its code {code} is in no list")
    return _Primary(tables()["sites"][start], condition, names, f"read from its site ({code}), which is no histology")


def _claimed(condition: Condition, code: str) -> bool:
    return PRIMARY in condition.profiles and not code


def _by_morphology(condition: Condition, site: str) -> str | None:
    concepts = [one.value_codeable_concept for one in condition.extension or () if one.url == MORPHOLOGY]
    codes = [code for concept in (condition.code, *concepts) for code in after("morphology", codes_of(concept))]
    rows = [tables()["morphologies"][code] for code in codes if code in tables()["morphologies"]]
    return next((row["primary"] for row in rows if site.startswith(row.get("at", ""))), None)


def _chosen(primaries: list[_Primary], secondary: list[Condition], pathology: frozenset[str]) -> Read:
    words = {primary.word for primary in primaries}
    words -= {word for word, kinds in _UNRESOLVED.items() if words & kinds}
    if len(words) > 1:
        related = _related(primaries, secondary)
        words = {primary.word for primary in related} if related else words
    found = [primary for primary in primaries if primary.word in words]
    if len(words) != 1:
        message = (
            f"{', '.join(sorted(words))} are coded, and not which of them is in the spine: handled as unproven"
            if words
            else "no primary is coded: handled as unproven"
        )
        yield Finding("oncology.primary", "unknown", "Bundle")
        yield ReadingNote("oncology.primary", message, "FHIR-03")
        return
    for primary in found:
        yield Finding("oncology.primary", primary.word, primary.names[0])
    if all(primary.how for primary in found):
        first = found[0]
        evidence = "FHIR-04" if "morphology" in first.how else "FHIR-03"
        yield ReadingNote("oncology.primary", f"{first.word}: {first.how} ({first.names[0]})", evidence)
    yield from _histology(found, pathology)


def _related(primaries: list[_Primary], secondary: list[Condition]) -> list[_Primary]:
    """Return the primaries that the metastases themselves name."""
    references: list[Reference | None] = [
        extension.value_reference
        for condition in secondary
        for extension in condition.extension or ()
        if extension.url == RELATED
    ]
    return [one for one in primaries if any(refers_to(reference, one.names) for reference in references)]


def _histology(found: list[_Primary], pathology: frozenset[str]) -> Read:
    """Yield a confirmed histology where a confirmed diagnosis rests on a biopsy (FHIR-06)."""
    for primary in found:
        condition = primary.condition
        coded = {code for part in condition.evidence or () for one in part.code or () for code in codes_of(one)}
        details = [reference for part in condition.evidence or () for reference in part.detail or ()]
        proven = coded & set(tables()["histology"]) or any(refers_to(detail, pathology) for detail in details)
        if proven and _state(condition.verification_status) == "confirmed":
            yield Finding("oncology.histology_confirmed", True, primary.names[0], derived=True)
