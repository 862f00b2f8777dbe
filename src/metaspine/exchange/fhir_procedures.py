"""What was done before at a level: courses of radiotherapy (mCODE, doses in cGy) and operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from metaspine.exchange.fhir_codes import PRIOR, after, codes_of, levels_of, number_of, tables
from metaspine.exchange.fhir_findings import Finding, NotUsed, Read, day_of, name_of
from metaspine.exchange.fhir_models import BodyStructure, Extension, Procedure
from metaspine.exchange.fhir_observations import about, reason_not_read
from metaspine.patient.case import ReadingNote

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
DOSE, HOW = f"{MCODE}mcode-radiotherapy-dose-delivered-to-volume", f"{MCODE}mcode-radiotherapy-modality-and-technique"
MODALITY, TECHNIQUE = f"{MCODE}mcode-radiotherapy-modality", f"{MCODE}mcode-radiotherapy-technique"
COURSE, SURGERY = "mcode-radiotherapy-course-summary", "mcode-cancer-related-surgical-procedure"
OWN = "urn:metaspine:fact:"
"""Before the key of what a course has no place for: our own extensions."""


def facts_of_procedure(procedure: Procedure, volumes: Mapping[str, BodyStructure], until: date | None) -> Read:
    """Yield what a procedure says of the levels that it names, or why it is not used.

    Parameters
    ----------
    procedure
        The procedure.
    volumes
        The irradiated volumes of the bundle, by type/id and by full URL.
    until
        The day to which the interval since a course is counted; None where it is not known.
    """
    codes, name = codes_of(procedure.code), name_of(procedure)
    course = COURSE in procedure.profiles or f"snomed|{tables()['radiotherapy']['course']}" in codes
    if not course and SURGERY not in procedure.profiles:
        yield NotUsed(name, about(procedure.code), reason_not_read(procedure.code))
        return
    if procedure.status not in ("completed", "in-progress", "stopped"):
        yield NotUsed(name, about(procedure.code), f"its status is {procedure.status}")
        return
    levels = dict.fromkeys([*levels_of(*(procedure.body_site or ())), *_levels_of_volumes(procedure, volumes)])
    if not levels:
        yield NotUsed(name, about(procedure.code), "it names no vertebral level")
    for level in levels:
        if course:
            yield Finding(PRIOR, _course(procedure, until), name, level, _end(procedure))
            yield from _remarks(procedure, until, level)
        else:
            yield Finding("lesion.prior_surgery_at_level", True, name, level)


def one_course_a_level(findings: Iterable[Finding]) -> Read:
    """Yield the findings with several courses at a level as one whose doses are not known (FHIR-19)."""
    courses: dict[str | None, list[Finding]] = {}
    for finding in findings:
        if finding.key == PRIOR and isinstance(finding.value, dict):
            courses.setdefault(finding.level, []).append(finding)
        else:
            yield finding
    for level, found in courses.items():
        if len(found) == 1:
            yield found[0]
            continue
        names = ", ".join(finding.source for finding in found)
        yield Finding(PRIOR, {}, names, level)
        yield ReadingNote(PRIOR, f"{len(found)} courses at {level} ({names}): not added, doses unknown", "FHIR-19")


def _course(procedure: Procedure, until: date | None) -> dict[str, object]:
    doses = [extension for extension in procedure.extension or () if extension.url == DOSE]
    course: dict[str, object] = {}
    if procedure.status == "in-progress":
        return course
    if len(doses) == 1:
        for part in doses[0].extension or ():
            if part.url == "totalDoseDelivered" and part.value_quantity is not None:
                dose = number_of("lesion.planned_dose_per_fraction_gy", part.value_quantity)
                course |= {} if isinstance(dose, str) else {"dose_gy": dose}
            if part.url == "fractionsDelivered" and part.value_unsigned_int is not None:
                course["fractions"] = part.value_unsigned_int
    if (modality := _modality(procedure)) is not None:
        course["modality"] = modality
    ended = day_of(_end(procedure))
    if until is not None and ended is not None and ended <= until:
        course["months_ago"] = completed_months(ended, until)
    return course | _own(procedure)


def _own(procedure: Procedure) -> dict[str, object]:
    keys = ("months_ago", "thecal_sac_dmax_gy")
    return {
        key: float(extension.value_decimal)
        for key in keys
        for extension in procedure.extension or ()
        if extension.url == f"{OWN}{PRIOR}.{key}" and extension.value_decimal is not None
    }


def _modality(procedure: Procedure) -> str | None:
    """Return the modality in the words of the case; photons alone are neither cEBRT nor SBRT (FHIR-09)."""
    parts = [part for how in procedure.extension or () if how.url == HOW for part in how.extension or ()]
    codes = [code for part in parts for code in codes_of(part.value_codeable_concept)]
    own = next(after("urn:metaspine:word", codes), None)
    intraoperative = f"snomed|{tables()['radiotherapy']['intraoperative']}" in codes
    return own or ("IORT" if intraoperative else None)


def _remarks(procedure: Procedure, until: date | None, level: str) -> Read:
    name = name_of(procedure)
    if procedure.status == "in-progress":
        yield ReadingNote(PRIOR, f"{name} is still running: irradiated, doses not final", "FHIR-09")
        return
    doses = [extension for extension in procedure.extension or () if extension.url == DOSE]
    if len(doses) > 1:
        yield ReadingNote(
            PRIOR, f"{name} gives doses to {len(doses)} volumes: which is {level}'s is not read", "FHIR-09"
        )
    for part in (part for dose in doses for part in dose.extension or ()):
        if part.url == "totalDoseDelivered" and part.value_quantity is not None:
            dose = number_of("lesion.planned_dose_per_fraction_gy", part.value_quantity)
            if isinstance(dose, str):
                yield NotUsed(name, "totalDoseDelivered", dose)
    if _modality(procedure) is None and _how(procedure):
        yield ReadingNote(f"{PRIOR}.modality", f"the codes of {name} do not tell cEBRT, SBRT and IORT apart", "FHIR-09")
    ended = day_of(_end(procedure))
    if until is not None and ended is not None and "months_ago" not in _own(procedure):
        message = f"counted in completed months from {ended} ({name}) to {until}"
        later = f"{name} ends on {ended}, after {until}: the interval is not known"
        yield ReadingNote(f"{PRIOR}.months_ago", message if ended <= until else later, "FHIR-15")


def _how(procedure: Procedure) -> list[Extension]:
    return [extension for extension in procedure.extension or () if extension.url == HOW]


def _levels_of_volumes(procedure: Procedure, volumes: Mapping[str, BodyStructure]) -> Iterable[str]:
    doses = (extension for extension in procedure.extension or () if extension.url == DOSE)
    references = (part.value_reference for dose in doses for part in dose.extension or () if part.url == "volume")
    named = (volumes.get(one.reference or "") for one in references if one is not None)
    return levels_of(*(volume.location for volume in named if volume is not None))


def _end(procedure: Procedure) -> str | None:
    period = procedure.performed_period
    return procedure.performed_date_time or (period.end if period is not None else None)


def completed_months(start: date, end: date) -> int:
    """Return the completed calendar months between two days."""
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
