"""FHIR that metaspine writes: by the R4 schema, the same facts when read again, the same bytes each time."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from fhir_schema import faults
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from metaspine.assessment import assess, in_words
from metaspine.errors import CaseError
from metaspine.exchange.case_document import case_document
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_schema import SECTIONS, Level
from metaspine.exchange.fhir_advice import EVIDENCE, advice_bundle
from metaspine.exchange.fhir_codes import codes_of, fact_keys
from metaspine.exchange.fhir_models import CodeableConcept
from metaspine.exchange.fhir_reading import bundle_as_case
from metaspine.exchange.fhir_writing import case_bundle
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.case import Case, Primary
from metaspine.patient.policy import BoardPolicy

CASES = json.loads((Path(__file__).parent.parent / "assessment" / "data" / "cases.json").read_text(encoding="utf-8"))
NAMES = ("patient", "oncology", "lesion", "lesions", "neuro", "postop")
WORKED = [{name: case[name] for name in NAMES if name in case} for case in CASES["cases"]]
DOCS = Path(__file__).parent.parent.parent / "docs" / "interchange.md"


EMERGENCY = {
    "patient": {"tolerates_open_surgery": True, "expected_survival_months": 12},
    "oncology": {"primary": "rcc", "histology_confirmed": True},
    "lesion": {
        "level": "T8",
        "escc": "3",
        "pain": "mechanical",
        "bone_lesion": "lytic",
        "alignment": "subluxation_translation",
        "collapse": "gt50",
        "posterolateral": "bilateral",
    },
    "neuro": {"presentation": "clinical_cord_compression", "myelopathy": True},
}


def facts_alone(case: Case) -> Case:
    return replace(case, notes=(), listed=False)


def written(values: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return document


def advice_of(document: dict[str, Any]) -> dict[str, Any]:
    case = case_from_document(document)
    return written(advice_bundle(case, assess(case), in_words=in_words))


@pytest.mark.parametrize("document", WORKED, ids=[case["id"] for case in CASES["cases"]])
def test_the_worked_patients(document: dict[str, Any]) -> None:
    case = case_from_document(document)
    assert facts_alone(case_from_document(case_document(case))) == facts_alone(case)
    bundle = written(case_bundle(case))
    assert faults(bundle) == []
    found = bundle_as_case(bundle)
    assert found.not_used == ()
    assert facts_alone(found.case) == facts_alone(case)
    assert assess(facts_alone(found.case)) == assess(facts_alone(case))
    assert faults(advice_of(document)) == []


def of_annotation(annotation: Any, bounds: list[Any]) -> st.SearchStrategy[Any]:
    """Draw what a field of the case form may hold."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return of_annotation(get_args(annotation)[0], [*bounds, *get_args(annotation)[1:]])
    if origin in (Union, UnionType):
        return st.one_of(*(of_annotation(one, bounds) for one in get_args(annotation) if one is not NoneType))
    if origin is Literal:
        return st.sampled_from([one for one in get_args(annotation) if one not in ("2a", "2b", "2c")])
    if origin is list:
        return st.lists(of_annotation(get_args(annotation)[0], []), max_size=3)
    if annotation is bool:
        return st.booleans()
    if annotation is date:
        return st.dates(date(1990, 1, 1), date(2026, 1, 1)).map(date.isoformat)
    if annotation is str:
        return st.from_regex(r"\A[A-Za-z0-9 +]*[A-Za-z0-9+]\Z").map(str.strip)
    return of_number(annotation, bounds)


def of_number(kind: type, bounds: list[Any]) -> st.SearchStrategy[Any]:
    found = {
        name: getattr(bound, name)
        for field in bounds
        for bound in (field.metadata if isinstance(field, FieldInfo) else [field])
        for name in ("ge", "gt", "le", "multiple_of")
        if getattr(bound, name, None) is not None
    }
    low, high = found.get("ge", found.get("gt", 0)), found.get("le", 1000)
    if kind is int:
        step = found.get("multiple_of", 1)
        return st.integers(low // step, high // step).map(lambda number: number * step)
    return st.floats(low, high, exclude_min="gt" in found, allow_subnormal=False)


def section(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a section with any of the keys that travel."""
    fields = SECTIONS[name].model_fields
    known = {key: field for key, field in fields.items() if f"{name}.{key}" in fact_keys()}
    drawn = {
        key: of_annotation(field.annotation, list(field.metadata))
        for key, field in known.items()
        if key not in ("sins_reported_total", "prior_rt_at_level")
    }
    return st.fixed_dictionaries({}, optional=drawn)


COURSES = st.fixed_dictionaries(
    {},
    optional={
        "dose_gy": st.integers(1, 100_000).map(lambda thousandths: thousandths / 1000),
        "fractions": st.integers(1, 40),
        "months_ago": st.floats(0, 100),
        "modality": st.sampled_from(["cEBRT", "SBRT", "IORT"]),
        "thecal_sac_dmax_gy": st.floats(0, 100),
    },
)
LESIONS = st.builds(
    lambda level, facts, prior: {"level": level, **facts, **prior},
    st.sampled_from(get_args(Level)),
    section("lesion"),
    st.fixed_dictionaries({}, optional={"prior_rt_at_level": st.just(False) | COURSES}),
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "oncology": st.builds(
            lambda primary, facts: {"primary": primary, **facts},
            st.sampled_from(get_args(Primary)),
            section("oncology"),
        ),
        "lesions": st.lists(LESIONS, min_size=1, max_size=3, unique_by=lambda lesion: lesion["level"]),
    },
    optional={
        "assessed_on": st.just("2026-03-02"),
        **{name: section(name) for name in ("patient", "neuro", "postop", "laboratory", "response")},
    },
)


def without_contradiction(document: dict[str, Any]) -> dict[str, Any]:
    if document.get("patient", {}).get("pregnant"):
        document["patient"].pop("sex", None)
    if document.get("neuro", {}).get("presentation") == "asymptomatic":
        document["neuro"].pop("asia", None)
        document["neuro"].pop("frankel", None)
    for lesion in document["lesions"]:
        if lesion["level"] in ("S3", "S4", "S5"):
            lesion.pop("escc", None)
    return document


@settings(max_examples=120, deadline=None)
@given(DOCUMENTS.map(without_contradiction))
def test_whatever_a_case_holds_comes_back(document: dict[str, Any]) -> None:
    try:
        case = case_from_document(document)
    except CaseError:
        assume(False)
        raise
    bundle = written(case_bundle(case))
    found = bundle_as_case(bundle)
    assert found.not_used == ()
    assert facts_alone(found.case) == facts_alone(case)
    assert facts_alone(case_from_document(case_document(case))) == facts_alone(case)


@settings(max_examples=15, deadline=None)
@given(DOCUMENTS.map(without_contradiction))
def test_whatever_is_written_is_fhir(document: dict[str, Any]) -> None:
    try:
        case = case_from_document(document)
    except CaseError:
        assume(False)
        raise
    assert faults(written(case_bundle(case))) == []
    assert faults(written(advice_bundle(case, assess(case), in_words=in_words))) == []


def test_a_reported_total_of_sins_travels() -> None:
    document = {"oncology": {"primary": "breast"}, "lesion": {"level": "L2", "sins_reported_total": 11}}
    assert bundle_as_case(case_bundle(case_from_document(document))).case.lesions[0].sins_reported_total == 11


def test_the_writer_does_not_write_what_a_lesion_is_not() -> None:
    for primary, secondary in (("breast", True), ("chordoma", False), ("multiple_myeloma", False), ("unknown", False)):
        document = {"oncology": {"primary": primary}, "lesion": {"level": "L2"}}
        text = json.dumps(case_bundle(case_from_document(document)))
        assert ("C79.51" in text) is secondary


def test_two_runs_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, second = advice_of(WORKED[0]), advice_of(WORKED[0])
    assert first == second
    assert first["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert first != advice_of(WORKED[1])
    names = [entry["fullUrl"] for entry in first["entry"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("kind", "wound"),
    [
        ("Observation", {"status": "guessed"}),
        ("Observation", {"valueInteger": "7"}),
        ("Observation", {"code": None}),
        ("CarePlan", {"subject": None}),
        ("CarePlan", {"activity": {}}),
        ("DetectedIssue", {"severity": "fatal"}),
        ("Condition", {"bodySite": {"coding": []}}),
        ("Patient", {"nickname": "x"}),
    ],
)
def test_the_schema_finds_what_is_wrong(kind: str, wound: dict[str, Any]) -> None:
    whole = [case_bundle(case_from_document(WORKED[0])), advice_of(EMERGENCY)]
    resources = [entry["resource"] for bundle in whole for entry in bundle["entry"]]
    resource = copy.deepcopy(next(one for one in resources if one["resourceType"] == kind))
    assert faults(resource) == []
    for key, value in wound.items():
        resource[key] = value
        if value is None:
            del resource[key]
    assert faults(resource) != []


def of_kind(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def by_code(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = of_kind(bundle, "Observation") + of_kind(bundle, "DetectedIssue")
    return {codes_of(CodeableConcept.model_validate(one["code"]))[0]: one for one in found}


def test_the_advice_for_an_emergency() -> None:
    """SINS by hand (RULES A1): T8 1, mechanical 3, lytic 2, translation 4, collapse over 50 % 3, bilateral 3: 16."""
    found = by_code(advice_of(EMERGENCY))
    sins = found["urn:metaspine:score|sins"]
    assert sins["valueInteger"] == 16
    assert [one["valueInteger"] for one in sins["component"]] == [1, 3, 2, 4, 3, 3]
    assert sins["bodySite"]["coding"][0]["code"] == "77435000"
    emergency = found["urn:metaspine:code|urgency_class.emergency"]
    assert emergency["severity"] == "high"
    assert [one["action"]["text"] for one in emergency["mitigation"]] == ["MRI at once", "treatment within 24 h"]
    assert found["urn:metaspine:code|mechanical_urgency.URGENT_SURGICAL_REVIEW"]["severity"] == "moderate"


def test_the_plan_is_a_draft_proposal_with_its_alternatives() -> None:
    (plan,) = of_kind(advice_of(EMERGENCY), "CarePlan")
    assert (plan["status"], plan["intent"]) == ("draft", "proposal")
    codes = [one["detail"]["code"]["coding"][0]["code"] for one in plan["activity"]]
    assert codes == list(assess(case_from_document(EMERGENCY)).leading.noms.acceptable)
    assert plan["activity"][0]["detail"]["description"].startswith("recommended: ")


def test_a_hard_stop_is_an_issue_of_high_severity() -> None:
    document = {**EMERGENCY, "patient": {"sex": "F", "pregnant": True}}
    assert by_code(advice_of(document))["urn:metaspine:code|hard_stop.PREGNANCY"]["severity"] == "high"


def test_contradictions_and_conflicts_are_issues() -> None:
    denied = {"presentation": "local_pain", "myelopathy": False, "cauda_equina": False, "asia": "C"}
    found = by_code(advice_of({**EMERGENCY, "neuro": denied}))
    assert found["urn:metaspine:code|flag.CONTRADICTION_AIS_MYELOPATHY"]["severity"] == "high"
    small_cell = {**EMERGENCY, "oncology": {"primary": "sclc", "histology_confirmed": True}}
    issue = by_code(advice_of(small_cell))["urn:metaspine:code|conflict.CONFLICT-SCLC"]
    assert issue["severity"] == "moderate"
    assert "[s1_sensitive]" in issue["detail"]
    assert "Gerszten" in issue["detail"]
    assert issue["mitigation"][0]["action"]["text"].startswith("Followed: ask, the default.")


def test_the_choice_of_a_centre_stands_on_the_output() -> None:
    case = case_from_document({**EMERGENCY, "oncology": {"primary": "sclc", "histology_confirmed": True}})
    advice = assess(case, BoardPolicy(centre="A", choices={"CONFLICT-SCLC": "s2_resistant"}))
    issue = by_code(written(advice_bundle(case, advice, in_words=in_words)))[
        "urn:metaspine:code|conflict.CONFLICT-SCLC"
    ]
    assert issue["mitigation"][0]["action"]["text"].startswith("Followed: s2_resistant, the centre's choice.")


def test_an_incomplete_score_is_a_range_and_no_number() -> None:
    document = {**EMERGENCY, "lesion": {"level": "T8", "escc": "3"}}
    sins = by_code(advice_of(document))["urn:metaspine:score|sins"]
    assert "valueInteger" not in sins
    assert (sins["valueRange"]["low"]["value"], sins["valueRange"]["high"]["value"]) == (1, 16)


def test_every_resource_says_what_it_is_and_rests_on() -> None:
    for resource in (entry["resource"] for entry in advice_of(EMERGENCY)["entry"]):
        if resource["resourceType"] == "Patient":
            continue
        text = json.dumps(resource)
        assert DISCLAIMER in text
        assert EVIDENCE in text
        assert resource["meta"]["tag"][0]["system"] == "urn:metaspine:version"


def test_the_hospitals_own_patient_is_referred_to() -> None:
    case = case_from_document(EMERGENCY)
    bundle = advice_bundle(case, assess(case), in_words=in_words, patient="Patient/123")
    assert of_kind(bundle, "Patient") == []
    assert {one["subject"]["reference"] for one in of_kind(bundle, "Observation")} == {"Patient/123"}


def test_no_display_text_of_snomed_is_written() -> None:
    for document in WORKED:
        for bundle in (case_bundle(case_from_document(document)), advice_of(document)):
            codings = re.findall(r'\{"system": "http://snomed\.info/sct"[^}]*\}', json.dumps(bundle))
            assert codings
            assert not [one for one in codings if "display" in one]


def test_the_advice_is_never_read_as_facts() -> None:
    with pytest.raises(CaseError, match="no lesion"):
        bundle_as_case(advice_of(EMERGENCY))


def test_the_docs_name_every_section_that_does_not_travel() -> None:
    text = DOCS.read_text(encoding="utf-8")
    sections = ("patient", "oncology", "lesion", "neuro", "postop", "laboratory", "response")
    keys = {f"{name}.{key}" for name in sections for key in SECTIONS[name].model_fields}
    for key in (keys - fact_keys()) | {"scores_from_outside"}:
        assert f"`{key}`" in text, key
