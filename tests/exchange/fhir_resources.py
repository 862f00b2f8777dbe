"""FHIR R4 resources written by hand, as a hospital would send them."""

from __future__ import annotations

from typing import Any

LOINC, SNOMED, ICD = "http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
FACT, WORD, LEVEL = "urn:metaspine:fact", "urn:metaspine:word", "urn:metaspine:level"
UCUM, ICD_O = "http://unitsofmeasure.org", "http://terminology.hl7.org/CodeSystem/icd-o-3"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
T8, T10 = "77435000", "48405002"


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def bundle(*resources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", **fields, "entry": entries}


def condition(code: str, *, site: str | None = None, name: str = "c", **fields: Any) -> dict[str, Any]:
    where = {"bodySite": [concept(SNOMED, site)]} if site else {}
    return {"resourceType": "Condition", "id": name, "code": concept(ICD, code), **where, **fields}


def metastasis(site: str = T8, name: str = "m") -> dict[str, Any]:
    return condition("C79.51", site=site, name=name)


def observation(system: str, code: str, name: str = "o", **fields: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", "code": concept(system, code), **fields}


def quantity(value: float, unit: str | None) -> dict[str, Any]:
    return {"valueQuantity": {"value": value} | ({"code": unit, "system": UCUM} if unit else {})}


def morphology(code: str) -> dict[str, Any]:
    url = f"{MCODE}mcode-histology-morphology-behavior"
    return {"extension": [{"url": url, "valueCodeableConcept": concept(ICD_O, code)}]}


def status(code: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {"verificationStatus": concept(system, code)}


def course(dose: dict[str, Any], *, site: str = T8, name: str = "r", **fields: Any) -> dict[str, Any]:
    parts = [{"url": "totalDoseDelivered", **dose}, {"url": "fractionsDelivered", "valueUnsignedInt": 10}]
    return {
        "resourceType": "Procedure",
        "id": name,
        "status": "completed",
        "code": concept(SNOMED, "1217123003"),
        "bodySite": [concept(SNOMED, site)],
        "extension": [{"url": f"{MCODE}mcode-radiotherapy-dose-delivered-to-volume", "extension": parts}],
        **fields,
    }
