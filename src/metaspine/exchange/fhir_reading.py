"""Read a patient's case from a FHIR R4 bundle (mCODE where it has a profile): what is coded, and nothing else.

An absent resource is "not known", never "no". What was interpreted is noted; what was not used is listed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from metaspine.errors import CaseError
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_text import case_text, parse_case_text
from metaspine.exchange.fhir_codes import codes_of, tables
from metaspine.exchange.fhir_conditions import CODED_COMPRESSION, facts_of_conditions
from metaspine.exchange.fhir_findings import (
    OFF_TOPIC,
    Finding,
    NotUsed,
    Read,
    day_of,
    name_of,
    placed,
    refers_to,
    settled,
    told,
)
from metaspine.exchange.fhir_models import (
    BodyStructure,
    Bundle,
    Condition,
    Observation,
    Patient,
    Procedure,
    Reference,
    Resource,
)
from metaspine.exchange.fhir_observations import facts_of_observation
from metaspine.exchange.fhir_procedures import facts_of_procedure, one_course_a_level
from metaspine.patient.case import Case, ReadingNote

_READ: dict[str, type[Resource]] = {
    one.__name__: one for one in (Patient, Condition, Observation, Procedure, BodyStructure)
}
_BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_SEX = {"male": "M", "female": "F", "M": "M", "F": "F"}


@dataclass(frozen=True)
class FhirCase:
    """A case read from a bundle, and what of the bundle gave nothing to it."""

    case: Case
    not_used: tuple[NotUsed, ...]


class NoLesion(CaseError):
    """A bundle names no lesion of a vertebral level; what else it says is kept."""

    def __init__(self, where: str, notes: tuple[ReadingNote, ...], not_used: tuple[NotUsed, ...]) -> None:
        self.notes = notes
        self.not_used = not_used
        remedy = "Give the metastasis (ICD-10-CM C79.51) the vertebra as its body site (SNOMED CT by TG-263)"
        super().__init__("no lesion with a vertebral level", where=where, remedy=remedy)


@dataclass(frozen=True)
class _Resources:
    known: tuple[tuple[Resource, str | None], ...]
    """Each with the full URL of its entry."""
    pathology: frozenset[str]
    not_used: tuple[NotUsed, ...]

    def of(self, kind: type[Any]) -> list[tuple[Any, str | None]]:
        return [(resource, url) for resource, url in self.known if isinstance(resource, kind)]


def read_fhir(path: Path | str, *, assessed_on: date | None = None) -> FhirCase:
    """Read a FHIR bundle (JSON) as a case.

    Raises
    ------
    CaseError
        As ``bundle_as_case``, and when the file cannot be read.
    """
    file = Path(path)
    document = parse_case_text(case_text(file), where=str(file), as_json=True)
    return bundle_as_case(document, where=str(file), assessed_on=assessed_on)


def case_from_bundle(document: Any, *, where: str = "bundle", assessed_on: date | None = None) -> Case:
    """Return the case that a bundle holds; what was not used stands among its notes.

    Raises
    ------
    CaseError
        As ``bundle_as_case``.
    """
    found = bundle_as_case(document, where=where, assessed_on=assessed_on)
    notes = [ReadingNote(resource, message) for resource, message in told(found.not_used)]
    return replace(found.case, notes=(*found.case.notes, *notes))


def bundle_as_case(document: Any, *, where: str = "bundle", assessed_on: date | None = None) -> FhirCase:
    """Return the case that a bundle holds, and what was not used.

    Parameters
    ----------
    document
        The bundle, as read from JSON.
    where
        Its name, for messages.
    assessed_on
        The day to which age and intervals are counted, unless the bundle states one; else the day of the bundle.

    Raises
    ------
    CaseError
        When it is no bundle, holds several patients or no vertebral level of a lesion, or states facts that a case
        may not hold or that contradict each other.
    """
    bundle = _bundle(document, where)
    resources = _resources(bundle)
    patient = _patient(resources, where)
    read = list(_facts(bundle, resources, patient, assessed_on))
    coded = [one for one in read if isinstance(one, Finding) and one.key == CODED_COMPRESSION]
    facts, passed = settled(one for one in read if isinstance(one, Finding) and one not in coded)
    read += _asked(coded, facts)
    facts, lost, remarks, levels = placed(_in_order(facts, read))
    notes = (*(note for note in read if isinstance(note, ReadingNote)), *remarks)
    not_used = (*resources.not_used, *(one for one in read if isinstance(one, NotUsed)), *passed, *lost)
    if not levels:
        raise NoLesion(where, notes, not_used)
    case = case_from_document(_document(facts, levels, assessed_on), where=where)
    return FhirCase(replace(case, notes=(*notes, *case.notes)), not_used)


def _asked(coded: list[Finding], facts: list[Finding]) -> Read:
    """Yield a note that asks for the findings of a coded compression, unless they are stated (FHIR-12)."""
    known = {fact.key for fact in facts}
    stated = "neuro.presentation" in known or {"neuro.myelopathy", "neuro.cauda_equina"} <= known
    for one in coded:
        if stated:
            yield NotUsed(one.source, str(one.value), "a coded compression; the findings are stated and followed")
            continue
        message = (
            f"{one.source} codes a compression of the cord or cauda equina ({one.value}), which tells nothing of the "
            "findings: state presentation, myelopathy and cauda_equina at once; with either it is an emergency"
        )
        yield ReadingNote("neuro.myelopathy", message, "FHIR-12")


def _bundle(document: Any, where: str) -> Bundle:
    if not isinstance(document, dict) or document.get("resourceType") != "Bundle":
        kind = document.get("resourceType") if isinstance(document, dict) else type(document).__name__
        raise CaseError(
            f"a FHIR bundle is expected, not {str(kind)[:40]}",
            where=where,
            remedy='Put the resources into one Bundle ("resourceType": "Bundle")',
        )
    try:
        return Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CaseError(
            f"the bundle is malformed: {first['msg']}",
            where=f"{where}, {place}",
            remedy="Write it as HL7 FHIR R4 says",
        ) from error


def _as_text(values: dict[str, Any]) -> str:
    """Return a resource as JSON, the same for two that differ in the order of their elements only.

    Raises
    ------
    CaseError
        When it was not read from JSON and could not be: an element whose name is no text.
    """
    try:
        return json.dumps(values, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise CaseError(
            f"a resource holds what JSON has no form for ({error})",
            where=f"{values.get('resourceType', 'an entry')}/{values.get('id', '(without id)')}",
            remedy="Write it as HL7 FHIR R4 says",
        ) from error


def _resources(bundle: Bundle) -> _Resources:
    known: list[tuple[Resource, str | None]] = []
    not_used: list[NotUsed] = []
    pathology: set[str] = set()
    seen: set[str] = set()
    for entry in bundle.entry:
        values = entry.resource or {}
        text = _as_text(values)
        if text in seen:
            continue
        seen.add(text)
        name = f"{values.get('resourceType', 'an entry')}/{values.get('id', '(without id)')}"
        model = _READ.get(str(values.get("resourceType")))
        if _is_pathology(values):
            pathology |= {name} | ({entry.full_url} if entry.full_url else set())
        elif model is None:
            not_used.append(NotUsed(name, "", OFF_TOPIC[1]))
            continue
        try:
            known += [] if model is None else [(model.model_validate(values), entry.full_url)]
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            not_used.append(NotUsed(name, "", f"malformed at {place}: {first['msg']}"))
    return _Resources(tuple(known), frozenset(pathology), tuple(not_used))


def _is_pathology(values: Mapping[str, Any]) -> bool:
    """Say whether it is a biopsy or a pathologist's report, by its code (FHIR-06)."""
    if values.get("resourceType") not in ("Procedure", "DiagnosticReport"):
        return False
    try:
        report = Procedure.model_validate({**values, "resourceType": "Procedure"})
    except ValidationError:
        return False
    done = report.status in ("completed", "final", "amended", "corrected")
    return done and any(code in tables()["histology"] for code in codes_of(report.code))


def _patient(resources: _Resources, where: str) -> Patient | None:
    """Return the one patient; a resource of another is refused."""
    remedy = "Give one patient's resources"
    patients = resources.of(Patient)
    if len(patients) > 1:
        raise CaseError(f"{len(patients)} patients in one bundle", where=where, remedy=remedy)
    subjects = [(name_of(one), _subject(one)) for one, _ in resources.known]
    stated = [(name, subject) for name, subject in subjects if subject]
    if not patients:
        several = sorted({subject for _, subject in stated})
        if len(several) > 1:
            raise CaseError(f"resources of several patients ({', '.join(several)})", where=where, remedy=remedy)
        return None
    patient, url = patients[0]
    names = [name for name in (name_of(patient), url) if name]
    for name, subject in stated:
        if not refers_to(Reference(reference=subject), names):
            raise CaseError(f"{name} is of another patient ({subject}) than {names[0]}", where=where, remedy=remedy)
    return patient if isinstance(patient, Patient) else None


def _subject(resource: Resource) -> str | None:
    subject = getattr(resource, "subject", None) or getattr(resource, "patient", None)
    return subject.reference if isinstance(subject, Reference) else None


def _facts(bundle: Bundle, resources: _Resources, patient: Patient | None, assessed_on: date | None) -> Read:
    observed = [one for found, _ in resources.of(Observation) for one in facts_of_observation(found)]
    stated = next((one.value for one in observed if isinstance(one, Finding) and one.key == "assessed_on"), None)
    until = assessed_on or day_of(str(stated)) or day_of(bundle.timestamp)
    yield from facts_of_conditions(resources.of(Condition), resources.pathology)
    yield from observed
    volumes = {name: one for one, url in resources.of(BodyStructure) for name in (name_of(one), url) if name}
    done = [one for found, _ in resources.of(Procedure) for one in facts_of_procedure(found, volumes, until)]
    yield from (one for one in done if not isinstance(one, Finding) and not _biopsy(one, resources))
    yield from one_course_a_level(one for one in done if isinstance(one, Finding))
    if patient is not None:
        yield from _facts_of_patient(patient, until)


def _biopsy(one: NotUsed | ReadingNote, resources: _Resources) -> bool:
    return isinstance(one, NotUsed) and one.resource in resources.pathology


def _facts_of_patient(patient: Patient, until: date | None) -> Read:
    name = name_of(patient)
    at_birth = next((one.value_code for one in patient.extension or () if one.url == _BIRTH_SEX), None)
    sex = _SEX.get(at_birth or "") or (_SEX.get(patient.gender or "") if at_birth is None else None)
    if sex is not None:
        yield Finding("patient.sex", sex, name, derived=True)
    elif patient.gender or at_birth:
        yield NotUsed(name, "", f"the sex {at_birth or patient.gender!r} is not among F and M")
    born = day_of(patient.birth_date)
    if born is not None and until is not None and born <= until:
        years = until.year - born.year - ((until.month, until.day) < (born.month, born.day))
        yield Finding("patient.age_years", float(years), name, derived=True)
        yield ReadingNote("patient.age_years", f"completed years at {until}, from the date of birth", "FHIR-15")
    elif patient.birth_date:
        why = "a partial date" if born is None else "no day of assessment is known" if until is None else "a later day"
        yield NotUsed(name, "birthDate", f"{why}: no age")


def _in_order(facts: list[Finding], read: Iterable[object]) -> list[Finding]:
    """Return the facts with the lesions in the order in which the bundle names them."""
    levels = [one.level for one in read if isinstance(one, Finding) and one.key == "lesion.level"]
    return sorted(facts, key=lambda one: levels.index(one.level) if one.level in levels else -1)


def _document(facts: list[Finding], levels: tuple[str, ...], assessed_on: date | None) -> dict[str, Any]:
    """Return the facts as a case file writes them."""
    lesions: dict[str | None, dict[str, Any]] = {level: {"level": level} for level in levels}
    document: dict[str, Any] = {} if assessed_on is None else {"assessed_on": assessed_on.isoformat()}
    for fact in facts:
        section, _, key = fact.key.partition(".")
        if section == "lesion":
            lesions[fact.level][key] = fact.value
        elif key:
            document.setdefault(section, {})[key] = fact.value
        elif section == "assessed_on":
            document[section] = fact.value
        elif fact.value is True:
            document.setdefault(section, {})
    several = list(lesions.values())
    return document | ({"lesion": several[0]} if len(several) == 1 else {"lesions": several})
