"""The few parts of HL7 FHIR R4 that metaspine reads and writes, as small models; what else a resource holds is ignored.

Reading is strict about types (a number in quotes is no number) and keeps every value as it stands.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Element(BaseModel):
    """The base of every part: camelCase in JSON, unknown fields ignored, no infinities."""

    model_config = ConfigDict(
        extra="ignore", strict=True, frozen=True, allow_inf_nan=False, alias_generator=to_camel, populate_by_name=True
    )


class Coding(Element):
    """One code of one system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element):
    """A concept: its codes, and its text."""

    coding: list[Coding] = []
    text: str | None = None


class Quantity(Element):
    """A number with its unit; ``code`` is the unit's UCUM code."""

    value: int | float | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Element):
    """A range of values."""

    low: Quantity | None = None
    high: Quantity | None = None


class Period(Element):
    """From when to when."""

    start: str | None = None
    end: str | None = None


class Reference(Element):
    """A pointer to another resource."""

    reference: str | None = None


class Annotation(Element):
    """A remark."""

    text: str


class Extension(Element):
    """A value that the resource itself has no place for."""

    url: str
    extension: list[Extension] | None = None
    value_boolean: bool | None = None
    value_code: str | None = None
    value_decimal: int | float | None = None
    value_string: str | None = None
    value_unsigned_int: int | None = None
    value_quantity: Quantity | None = None
    value_reference: Reference | None = None
    value_codeable_concept: CodeableConcept | None = None


class Meta(Element):
    """About the resource: the profiles it claims, and tags."""

    profile: list[str] | None = None
    tag: list[Coding] | None = None


class Resource(Element):
    """What every resource has."""

    resource_type: str
    id: str | None = None
    meta: Meta | None = None
    extension: list[Extension] | None = None

    @property
    def profiles(self) -> tuple[str, ...]:
        """The last words of the profiles that the resource claims."""
        claimed = self.meta.profile if self.meta is not None else None
        return tuple(url.rpartition("/")[2].partition("|")[0] for url in claimed or ())


class Patient(Resource):
    """The patient."""

    resource_type: Literal["Patient"] = "Patient"
    gender: str | None = None
    birth_date: str | None = None


class Evidence(Element):
    """What a condition rests on."""

    code: list[CodeableConcept] | None = None
    detail: list[Reference] | None = None


class Condition(Resource):
    """A diagnosis."""

    resource_type: Literal["Condition"] = "Condition"
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    body_site: list[CodeableConcept] | None = None
    subject: Reference | None = None
    evidence: list[Evidence] | None = None


class Value(Element):
    """The value of an observation or of a component: at most one of these."""

    value_boolean: bool | None = None
    value_integer: int | None = None
    value_string: str | None = None
    value_date_time: str | None = None
    value_quantity: Quantity | None = None
    value_range: Range | None = None
    value_codeable_concept: CodeableConcept | None = None
    data_absent_reason: CodeableConcept | None = None


class Component(Value):
    """A part of an observation."""

    code: CodeableConcept


class Observation(Value, Resource):
    """A finding, a measurement or a score."""

    resource_type: Literal["Observation"] = "Observation"
    status: str
    code: CodeableConcept
    subject: Reference | None = None
    effective_date_time: str | None = None
    interpretation: list[CodeableConcept] | None = None
    note: list[Annotation] | None = None
    body_site: CodeableConcept | None = None
    component: list[Component] | None = None


class Procedure(Resource):
    """Something that was done."""

    resource_type: Literal["Procedure"] = "Procedure"
    status: str
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    body_site: list[CodeableConcept] | None = None


class BodyStructure(Resource):
    """A volume that was irradiated."""

    resource_type: Literal["BodyStructure"] = "BodyStructure"
    location: CodeableConcept | None = None
    patient: Reference | None = None


class ActivityDetail(Element):
    """What an activity of a plan is."""

    kind: str | None = None
    code: CodeableConcept | None = None
    status: str
    do_not_perform: bool | None = None
    description: str | None = None


class Activity(Element):
    """An activity of a plan."""

    detail: ActivityDetail


class CarePlan(Resource):
    """What is advised."""

    resource_type: Literal["CarePlan"] = "CarePlan"
    status: str
    intent: str
    title: str | None = None
    description: str | None = None
    subject: Reference
    created: str | None = None
    activity: list[Activity] | None = None
    note: list[Annotation] | None = None


class Mitigation(Element):
    """What is to be done about an issue."""

    action: CodeableConcept


class DetectedIssue(Resource):
    """Something that the reader must see."""

    resource_type: Literal["DetectedIssue"] = "DetectedIssue"
    status: str
    code: CodeableConcept | None = None
    severity: str | None = None
    patient: Reference | None = None
    identified_date_time: str | None = None
    detail: str | None = None
    mitigation: list[Mitigation] | None = None


class Order(Resource):
    """An order that is being written: a service or a medicine."""

    resource_type: Literal["ServiceRequest", "MedicationRequest"]
    code: CodeableConcept | None = None
    medication_codeable_concept: CodeableConcept | None = None
    body_site: list[CodeableConcept] | None = None

    @property
    def ordered(self) -> CodeableConcept:
        """What is ordered."""
        return self.code or self.medication_codeable_concept or CodeableConcept()


class Entry(Element):
    """An entry of a bundle; the resource is read by its own model later."""

    full_url: str | None = None
    resource: dict[str, Any] | None = None


class Bundle(Element):
    """A bundle of resources."""

    resource_type: Literal["Bundle"]
    id: str | None = None
    timestamp: str | None = None
    entry: list[Entry] = Field(default_factory=list)


def plain(part: Element) -> dict[str, Any]:
    """Return a part as the plain values of its JSON, without what is empty."""
    values = part.model_dump(by_alias=True, exclude_none=True)
    return {key: _without_empty(value) for key, value in values.items() if value != []}


def _without_empty(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _without_empty(value) for key, value in values.items() if value != []}
    return [_without_empty(value) for value in values] if isinstance(values, list) else values
