"""Read a patient's case from YAML or JSON: strict about keys, words, units and contradictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from metaspine.errors import CaseError
from metaspine.exchange.case_checks import checked
from metaspine.exchange.case_faults import explained, shown
from metaspine.exchange.case_schema import (
    READABLE,
    VERSION,
    CaseDocument,
    LesionSection,
    PriorRadiotherapySection,
    case_schema,
)
from metaspine.exchange.case_text import case_text, parse_case_text
from metaspine.patient.case import (
    AdverseEvent,
    Case,
    Collapse,
    LaboratoryFacts,
    LesionFacts,
    NeurologyFacts,
    OncologyFacts,
    PatientFacts,
    PostoperativeFacts,
    PriorRadiotherapy,
    ReadingNote,
    ResponseFacts,
    ScoreFromOutside,
)

__all__ = ["case_from_document", "case_schema", "read_case"]

_NO_SUCH_GRADES = ("2a", "2b", "2c")


def read_case(path: Path | str) -> Case:
    """Read a case file, or a FHIR R4 bundle as one.

    Parameters
    ----------
    path
        A YAML or JSON file; where its name does not end in .json, .yaml or .yml the content decides. A JSON with a
        ``resourceType`` is read as FHIR.

    Raises
    ------
    CaseError
        When the file cannot be read, is malformed, uses unknown keys, words, units or a later version, or
        contradicts itself. The message names the key, the value and what is allowed.
    """
    file = Path(path)
    text = case_text(file)
    as_json = file.suffix.lower() == ".json" or (
        file.suffix.lower() not in (".yaml", ".yml") and text.lstrip().startswith("{")
    )
    document = parse_case_text(text, where=str(file), as_json=as_json)
    if isinstance(document, dict) and "resourceType" in document:
        from metaspine.exchange.fhir_reading import case_from_bundle

        return case_from_bundle(document, where=str(file))
    return case_from_document(document, where=str(file))


def case_from_document(document: Any, *, where: str = "case") -> Case:
    """Return the case that plain values (as read from YAML or JSON) describe.

    Raises
    ------
    CaseError
        As ``read_case``.
    """
    if not isinstance(document, dict):
        raise CaseError(
            f"a case is a mapping of sections, not {shown(document)}",
            where=where,
            remedy="Write the sections patient, oncology, lesion (or lesions), neuro and, after an operation, postop",
        )
    _check_version(document.get("version"), where)
    try:
        form = CaseDocument.model_validate(document)
    except ValidationError as error:
        raise explained(error, where) from error
    if (form.lesion is None) is (form.lesions is None):
        found = "neither lesion nor lesions" if form.lesion is None else "both lesion and lesions"
        raise CaseError(
            f"the case has {found}", where=where, remedy="Write one section: lesion (one), or lesions (a list)"
        )
    return checked(_case(form), where=where)


def _check_version(version: Any, where: str) -> None:
    known = (
        version is None or version in READABLE or (type(version) in (int, float) and str(float(version)) in READABLE)
    )
    if not known:
        raise CaseError(
            f"the case file is of version {shown(version)}; this program reads {VERSION}",
            where=f"{where}, version",
            remedy=f'Write version: "{VERSION}" and the keys of `metaspine schema`, or use a later metaspine',
        )


def _case(form: CaseDocument) -> Case:
    listed = form.lesions is not None
    sections = form.lesions if form.lesions is not None else [form.lesion] if form.lesion is not None else []
    lesions: list[LesionFacts] = []
    notes: list[ReadingNote] = []
    for place, section in enumerate(sections):
        facts, found = _lesion(section, f"lesions[{place}]" if listed else "lesion")
        lesions.append(facts)
        notes.extend(found)
    postop = _postoperative(form)
    if postop is not None and postop.residual_escc in _NO_SUCH_GRADES:
        notes.append(_normalised("postop.residual_escc", str(postop.residual_escc)))
        postop = replace(postop, residual_escc="2")
    return Case(
        oncology=OncologyFacts(**form.oncology.model_dump()),
        lesions=tuple(lesions),
        patient=PatientFacts(**_values(form.patient)),
        neuro=NeurologyFacts(**_values(form.neuro)),
        postop=postop,
        laboratory=LaboratoryFacts(**_values(form.laboratory)),
        response=None if form.response is None else ResponseFacts(**form.response.model_dump()),
        scores_from_outside=tuple(ScoreFromOutside(**score.model_dump()) for score in form.scores_from_outside or ()),
        assessed_on=form.assessed_on,
        version=VERSION,
        listed=listed,
        notes=tuple(notes),
    )


def _postoperative(form: CaseDocument) -> PostoperativeFacts | None:
    if form.postop is None:
        return None
    events = form.postop.adverse_events
    values = form.postop.model_dump(exclude={"adverse_events"})
    found = None if events is None else tuple(AdverseEvent(**event.model_dump()) for event in events)
    return PostoperativeFacts(**values, adverse_events=found)


def _values(section: BaseModel | None) -> dict[str, Any]:
    return {} if section is None else {key: _frozen(value) for key, value in section.model_dump().items()}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _lesion(section: LesionSection, key: str) -> tuple[LesionFacts, list[ReadingNote]]:
    notes: list[ReadingNote] = []
    written_only = {"prior_rt_at_level", "collapse_percent"}
    values = {key: _frozen(value) for key, value in section.model_dump(exclude=written_only).items()}
    if section.escc in _NO_SUCH_GRADES:
        notes.append(_normalised(f"{key}.escc", str(section.escc)))
        values["escc"] = "2"
    values["collapse"], collapse_notes = _collapse(section, key)
    prior, prior_notes = _prior_radiotherapy(section.prior_rt_at_level, f"{key}.prior_rt_at_level")
    return LesionFacts(**values, prior_rt_at_level=prior), notes + collapse_notes + prior_notes


def _collapse(section: LesionSection, key: str) -> tuple[Collapse | None, list[ReadingNote]]:
    """Return the word for the collapse; a percentage is read as its word, exactly 50 as the worse one (SINS-02)."""
    percent, stated = section.collapse_percent, section.collapse
    if percent is None:
        return stated, []
    fitting: tuple[Collapse, ...] = (
        ("none", "none_gt50_body") if percent == 0 else ("gt50",) if percent >= 50 else ("lt50",)
    )
    if stated is not None and stated not in fitting:
        what = f"{percent:g} % beside collapse {stated}"
        raise CaseError(what, where=f"{key}.collapse_percent", remedy="Correct one of the two, or leave one out")
    if stated is None and percent == 0:
        remedy = "Write collapse: none, or collapse: none_gt50_body where more than half of the body is involved"
        raise CaseError(
            "0 % does not say how much of the body is involved", where=f"{key}.collapse_percent", remedy=remedy
        )
    message = "a collapse of exactly 50 % is not defined in the table of SINS; scored as more than 50 %, the safer side"
    notes = [ReadingNote(f"{key}.collapse_percent", message, "SINS-02")] if percent == 50 else []
    return stated or fitting[0], notes


def _normalised(key: str, grade: str) -> ReadingNote:
    return ReadingNote(
        key, f"the ESCC grade {grade} does not exist (the grades are 0, 1a, 1b, 1c, 2, 3); read as 2", "ESCC-02"
    )


def _prior_radiotherapy(
    section: Literal[False] | PriorRadiotherapySection | None, key: str
) -> tuple[PriorRadiotherapy | Literal[False] | None, list[ReadingNote]]:
    if not isinstance(section, PriorRadiotherapySection):
        return section, []
    values = section.model_dump(exclude={"cord_dmax_gy"})
    if section.cord_dmax_gy is None:
        return PriorRadiotherapy(**values), []
    if section.thecal_sac_dmax_gy is not None:
        raise CaseError(
            "both thecal_sac_dmax_gy and cord_dmax_gy are given",
            where=key,
            remedy="Give the thecal sac's maximum alone",
        )
    values["thecal_sac_dmax_gy"] = section.cord_dmax_gy
    message = "the cord's maximum stands in for the thecal sac's, which is the limited structure and can be higher"
    return PriorRadiotherapy(**values), [ReadingNote(f"{key}.cord_dmax_gy", message, "RERT-02")]
