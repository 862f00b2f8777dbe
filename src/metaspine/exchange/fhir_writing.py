"""Write the facts of a case as a FHIR R4 bundle, and put resources into a bundle with ids from their content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from metaspine.exchange.case_document import case_document
from metaspine.exchange.fhir_codes import (
    FACT,
    PRIOR,
    WORD,
    codes_of_key,
    concept,
    fact_keys,
    list_keys,
    quantity_of,
    site_of,
    tables,
)
from metaspine.exchange.fhir_conditions import MORPHOLOGY, PRIMARY, SECONDARY
from metaspine.exchange.fhir_models import (
    Component,
    Condition,
    Extension,
    Meta,
    Observation,
    Patient,
    Procedure,
    Quantity,
    Reference,
    Resource,
    plain,
)
from metaspine.exchange.fhir_procedures import COURSE, DOSE, HOW, MCODE, MODALITY, OWN, TECHNIQUE
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.case import Case, PriorRadiotherapy
from metaspine.running.dates import now_or_source_date
from metaspine.version import __version__

VERSION = "urn:metaspine:version"
_GENDER = {"F": "female", "M": "male"}
_PROFILES = {
    "patient.kps": "mcode-karnofsky-performance-status",
    "patient.ecog": "mcode-ecog-performance-status",
}


def case_bundle(case: Case) -> dict[str, Any]:
    """Return the facts of a case as a FHIR R4 bundle; ``bundle_as_case`` reads the same facts from it.

    Adverse events and scores from outside do not travel: the first are a surgeon's own words, the second somebody
    else's result.

    Raises
    ------
    InputError
        When SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    patient = patient_of(case)
    subject = Reference(reference=f"urn:uuid:{patient.id}")
    return bundle([patient, *_resources(case, subject)])


def patient_of(case: Case) -> Patient:
    """Return the patient as far as a case knows one: the sex, no name, no date of birth."""
    facts = json.dumps(case_document(case), sort_keys=True)
    return Patient(
        id=str(uuid5(NAMESPACE_URL, f"urn:metaspine:patient:{facts}")), gender=_GENDER.get(case.patient.sex or "")
    )


def bundle(resources: Iterable[Resource]) -> dict[str, Any]:
    """Return the resources as a collection; a resource without an id gets one from its content.

    Raises
    ------
    InputError
        When SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    entries = [{"fullUrl": f"urn:uuid:{values['id']}", "resource": values} for values in map(_identified, resources)]
    return {
        "resourceType": "Bundle",
        "id": str(uuid5(NAMESPACE_URL, json.dumps(entries, sort_keys=True))),
        "meta": {"tag": [{"system": VERSION, "code": __version__, "display": DISCLAIMER}]},
        "type": "collection",
        "timestamp": now_or_source_date().isoformat(),
        "entry": entries,
    }


def _identified(resource: Resource) -> dict[str, Any]:
    values = plain(resource)
    return values if "id" in values else {**values, "id": str(uuid5(NAMESPACE_URL, json.dumps(values, sort_keys=True)))}


def _resources(case: Case, subject: Reference) -> Iterator[Resource]:
    document = case_document(case)
    yield _primary(case, subject)
    for lesion in case.lesions:
        yield _lesion(case, lesion.level, subject)
    for section in ("postop", "response"):
        if section in document:
            yield _observation(section, True, subject)
    if case.assessed_on is not None:
        yield _observation("assessed_on", case.assessed_on.isoformat(), subject, date=True)
    for section in ("patient", "oncology", "neuro", "postop", "laboratory", "response"):
        yield from _facts(section, document.get(section, {}), subject, None, case)
    lesions = document["lesions"] if case.listed else [document["lesion"]]
    for lesion, facts in zip(case.lesions, lesions, strict=True):
        yield from _facts("lesion", facts, subject, lesion.level, case)
        if isinstance(lesion.prior_rt_at_level, PriorRadiotherapy):
            yield _course(lesion.prior_rt_at_level, lesion.level, subject)


def _primary(case: Case, subject: Reference) -> Condition:
    word = case.oncology.primary
    code, morphology = tables()["written"].get(word), tables()["written_morphology"].get(word)
    codes = [f"icd10|{code}"] if code else []
    histology = concept(f"morphology|{morphology}") if morphology else None
    return Condition(
        meta=Meta(profile=[f"{MCODE}{PRIMARY}"]),
        extension=[Extension(url=MORPHOLOGY, value_codeable_concept=histology)] if histology else None,
        code=concept(*codes, f"{WORD}|{word}"),
        subject=subject,
    )


def _lesion(case: Case, level: str, subject: Reference) -> Condition:
    secondary = case.oncology.primary not in tables()["not_secondary"]
    codes = [f"icd10|{tables()['secondary_written']}"] if secondary else []
    return Condition(
        meta=Meta(profile=[f"{MCODE}{SECONDARY}"]) if secondary else None,
        code=concept(*codes, f"{FACT}|lesion"),
        body_site=[site_of(level)],
        subject=subject,
    )


def _facts(
    section: str, facts: dict[str, Any], subject: Reference, level: str | None, case: Case
) -> Iterator[Observation]:
    on = case.laboratory.taken_on if section == "laboratory" else None
    for name, value in facts.items():
        key = f"{section}.{name}"
        if key not in fact_keys() or key == "patient.sex" or isinstance(value, dict):
            continue
        date = name.endswith("_on")
        yield _observation(key, value, subject, level=level, on=on.isoformat() if on else None, date=date)


def _observation(
    key: str,
    value: Any,
    subject: Reference,
    *,
    level: str | None = None,
    on: str | None = None,
    date: bool = False,
) -> Observation:
    profile = _PROFILES.get(key)
    listed = key in list_keys()
    values: dict[str, Any] = {} if listed else {"value_date_time": value} if date else _value(key, value)
    if listed and not value:
        values = {"value_codeable_concept": concept(f"{WORD}|none")}
    items = [Component(code=concept(f"{FACT}|{key}"), **_value(key, item)) for item in value] if listed else []
    return Observation(
        meta=Meta(profile=[f"{MCODE}{profile}"]) if profile else None,
        status="final",
        code=concept(*codes_of_key(key)),
        subject=subject,
        effective_date_time=on,
        body_site=site_of(level) if level is not None else None,
        component=items or None,
        **values,
    )


def _value(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        standard = [code for code, known in _words(key).items() if known is value]
        coded = {"value_codeable_concept": concept(standard[0])} if standard else {}
        return coded or {"value_boolean": value}
    if isinstance(value, int):
        return {"value_integer": value}
    if isinstance(value, float):
        return {"value_quantity": quantity_of(key, value)}
    return (
        {"value_string": value} if key == "oncology.subtype" else {"value_codeable_concept": concept(f"{WORD}|{value}")}
    )


def _words(key: str) -> dict[str, Any]:
    words: dict[str, Any] = tables()["facts"].get(key, {}).get("words", {})
    return words


def _course(prior: PriorRadiotherapy, level: str, subject: Reference) -> Procedure:
    own = {"months_ago": prior.months_ago, "thecal_sac_dmax_gy": prior.thecal_sac_dmax_gy}
    extensions = [
        Extension(url=f"{OWN}{PRIOR}.{key}", value_decimal=value) for key, value in own.items() if value is not None
    ]
    return Procedure(
        meta=Meta(profile=[f"{MCODE}{COURSE}"]),
        extension=[*_dose(prior), *_how(prior), *extensions] or None,
        status="completed",
        code=concept(f"snomed|{tables()['radiotherapy']['course']}"),
        subject=subject,
        body_site=[site_of(level)],
    )


def _dose(prior: PriorRadiotherapy) -> list[Extension]:
    """Return the dose in cGy, as mCODE asks."""
    parts = []
    if prior.dose_gy is not None:
        ucum = tables()["systems"]["ucum"]
        dose = Quantity(value=float(Fraction(str(prior.dose_gy)) * 100), unit="cGy", system=ucum, code="cGy")
        parts.append(Extension(url="totalDoseDelivered", value_quantity=dose))
    if prior.fractions is not None:
        parts.append(Extension(url="fractionsDelivered", value_unsigned_int=prior.fractions))
    return [Extension(url=DOSE, extension=parts)] if parts else []


def _how(prior: PriorRadiotherapy) -> list[Extension]:
    if prior.modality is None:
        return []
    codes = tables()["radiotherapy"]
    within = prior.modality == "IORT"
    modality = codes["electronic_brachytherapy"] if within else codes["photons"]
    parts = [Extension(url=MODALITY, value_codeable_concept=concept(f"snomed|{modality}", f"{WORD}|{prior.modality}"))]
    if within:
        parts.append(Extension(url=TECHNIQUE, value_codeable_concept=concept(f"snomed|{codes['intraoperative']}")))
    return [Extension(url=HOW, extension=parts)]
