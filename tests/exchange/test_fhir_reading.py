"""A case from a FHIR bundle: what is coded and nothing else; what was not used is listed; bad input has its message."""

from __future__ import annotations

import copy
import csv
import json
import os
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir_resources import (
    FACT,
    ICD,
    ICD_O,
    LEVEL,
    LOINC,
    MCODE,
    SNOMED,
    T8,
    T10,
    WORD,
    bundle,
    concept,
    condition,
    course,
    metastasis,
    morphology,
    observation,
    quantity,
    status,
)
from fhir_schema import faults
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import CaseError
from metaspine.exchange.case_file import read_case
from metaspine.exchange.fhir_codes import fact_keys, tables
from metaspine.exchange.fhir_reading import FhirCase, bundle_as_case, case_from_bundle, read_fhir
from metaspine.patient.case import Case, PriorRadiotherapy

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "fhir" / "bundle.json"
DAY = date(2026, 3, 2)


def read(*resources: dict[str, Any], **fields: Any) -> FhirCase:
    return bundle_as_case(bundle(metastasis(), *resources, **fields))


def case(*resources: dict[str, Any]) -> Case:
    return read(*resources).case


def reasons(found: FhirCase) -> list[str]:
    return [f"{one.resource}: {one.reason}" for one in found.not_used]


def test_the_example_is_fhir_and_reads_as_it_says() -> None:
    assert faults(json.loads(EXAMPLE.read_text(encoding="utf-8"))) == []
    found = read_fhir(EXAMPLE)
    patient, lesion = found.case.patient, found.case.lesions[0]
    assert (patient.age_years, patient.sex, patient.kps, patient.ecog) == (64, "F", 70, None)
    assert (found.case.oncology.primary, found.case.oncology.histology_confirmed) == ("nsclc", True)
    assert (lesion.level, lesion.escc, lesion.pain, lesion.nrs) == ("T10", "2", "mechanical", 7)
    assert lesion.prior_rt_at_level == PriorRadiotherapy(dose_gy=30, fractions=10, months_ago=8)
    assert found.case.laboratory.albumin_g_dl == 3.8
    assert found.case.laboratory.taken_on == date(2026, 2, 26)
    assert found.case.neuro.myelopathy is None
    assert [one.resource for one in found.not_used] == ["Observation/calcium"]


def test_a_case_file_may_be_a_bundle_and_nothing_is_lost_silently() -> None:
    messages = [note.message for note in read_case(EXAMPLE).notes]
    assert any("total calcium" in message and message.startswith("not used") for message in messages)
    assert any("tells nothing of the findings" in message for message in messages)


@pytest.mark.parametrize(
    ("code", "extension", "primary"),
    [
        ("C34.90", None, "lung"),
        ("C34.90", "8041/3", "sclc"),
        ("C34.90", "8140/3", "nsclc"),
        ("C34.11", "8070/3", "nsclc"),
        ("C18.7", None, "colon"),
        ("C19", None, "colorectal"),
        ("C20", None, "rectum"),
        ("C26.0", None, "colorectal"),
        ("C25.4", None, "neuroendocrine"),
        ("C25.1", None, "pancreas"),
        ("C50.911", None, "breast"),
        ("C50.911", "8140/3", "breast"),
        ("C61", None, "prostate"),
        ("C22.0", None, "hcc"),
        ("C22.1", None, "other"),
        ("C41.2", None, "other"),
        ("C41.2", "9370/3", "chordoma"),
        ("D18.09", "9120/0", "hemangioma"),
        ("C62.90", None, "other"),
        ("C62.90", "9061/3", "seminoma"),
        ("C90.00", None, "multiple_myeloma"),
        ("C80.1", None, "unknown"),
    ],
)
def test_a_primary_is_never_guessed(code: str, extension: str | None, primary: str) -> None:
    found = read(condition(code, **(morphology(extension) if extension else {})))
    assert found.case.oncology.primary == primary
    assert found.case.oncology.histology_confirmed is None
    assert any(note.key == "oncology.primary" and note.evidence in ("FHIR-03", "FHIR-04") for note in found.case.notes)


def test_without_a_primary_it_is_unknown_and_said_so() -> None:
    found = case()
    assert found.oncology.primary == "unknown"
    assert any("no primary is coded" in note.message for note in found.notes)


def test_two_primaries_are_not_chosen_between() -> None:
    two = (condition("C50.919", name="a"), condition("C61", name="b"))
    found = case(*two)
    assert found.oncology.primary == "unknown"
    assert any("breast, prostate are coded" in note.message for note in found.notes)
    related = {"url": f"{MCODE}mcode-related-primary-cancer-condition", "valueReference": {"reference": "Condition/b"}}
    chosen = bundle_as_case(bundle({**metastasis(), "extension": [related]}, *two))
    assert chosen.case.oncology.primary == "prostate"


def test_the_more_exact_of_two_records_of_one_cancer_counts() -> None:
    assert case(
        condition("C34.90", name="a"), condition("C34.90", name="b", **morphology("8041/3"))
    ).oncology.primary == ("sclc")


@pytest.mark.parametrize(
    ("fields", "confirmed"),
    [
        (status("confirmed"), None),
        ({**status("confirmed"), "evidence": [{"code": [concept(SNOMED, "86273004")]}]}, True),
        ({**status("provisional"), "evidence": [{"code": [concept(SNOMED, "86273004")]}]}, None),
        ({**status("confirmed"), "evidence": [{"code": [concept(SNOMED, "1")]}]}, None),
        ({**status("confirmed"), "evidence": [{"detail": [{"reference": "Procedure/biopsy"}]}]}, True),
        ({**status("confirmed"), "evidence": [{"detail": [{"reference": "Procedure/other"}]}]}, None),
    ],
)
def test_a_histology_is_confirmed_only_by_tissue(fields: dict[str, Any], confirmed: bool | None) -> None:
    biopsy = {"resourceType": "Procedure", "id": "biopsy", "status": "completed", "code": concept(SNOMED, "86273004")}
    assert case(condition("C61", **fields), biopsy).oncology.histology_confirmed is confirmed


def test_refuted_and_mistaken_records_are_not_used() -> None:
    found = read(condition("C61", name="a", **status("refuted")), condition("G83.4", **status("entered-in-error")))
    assert found.case.oncology.primary == "unknown"
    assert found.case.neuro.cauda_equina is None
    assert len([one for one in found.not_used if "refuted" in one.reason]) == 2


def test_a_coded_compression_sets_no_fact_and_asks_for_the_findings() -> None:
    found = case(condition("G95.20"))
    assert (found.neuro.myelopathy, found.neuro.presentation, found.neuro.acute_cord_compression) == (None, None, None)
    assert any(note.evidence == "FHIR-12" for note in found.notes)
    over = {"clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved")}
    assert not any(note.evidence == "FHIR-12" for note in case(condition("G95.20", **over)).notes)


def test_stated_findings_are_followed_and_the_code_is_listed() -> None:
    found = read(
        condition("G95.20"), observation(FACT, "neuro.presentation", valueCodeableConcept=concept(WORD, "local_pain"))
    )
    assert not any(note.evidence == "FHIR-12" for note in found.case.notes)
    assert reasons(found) == ["Condition/c: a coded compression; the findings are stated and followed"]
    one = observation(FACT, "neuro.myelopathy", valueBoolean=False)
    assert any(note.evidence == "FHIR-12" for note in case(condition("G95.20"), one).notes)


def test_a_certain_cauda_equina_syndrome_is_one_and_a_suspected_one_asks() -> None:
    assert case(condition("G83.4")).neuro.cauda_equina is True
    suspected = case(condition("G83.4", **status("differential")))
    assert suspected.neuro.cauda_equina is None
    assert any(note.evidence == "FHIR-12" for note in suspected.notes)


def test_a_fracture_and_a_brain_metastasis() -> None:
    found = case(condition("M84.58XA", site=T8, name="f"), condition("C79.31", name="b"))
    assert found.lesions[0].pathological_fracture is True
    assert found.oncology.brain_mets is True
    assert case().oncology.brain_mets is None


def test_levels_are_those_of_the_map_and_of_nothing_else(clinical_folder: Path) -> None:
    with (clinical_folder / "snomed_tg263_spine_oar_mcode_stu4.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["tg263"].startswith("VB_") and row["tg263"][-1].isdigit()]
    expected = {}
    for row in rows:
        name = "T13" if row["tg263_description"].endswith("T13") else f"{row['tg263'][3]}{int(row['tg263'][4:])}"
        expected[name] = row["snomed"]
    assert tables()["levels"] == expected
    assert len(expected) == len(rows) == len(set(expected.values())) == 30


@pytest.fixture
def clinical_folder(request: pytest.FixtureRequest) -> Path:
    folder = Path(os.environ.get("METASPINE_TEST_DATA", "")).parent / "clinical"
    if not folder.is_dir():
        pytest.skip("the clinical rules are not beside METASPINE_TEST_DATA")
    return folder


@pytest.mark.parametrize(("site", "level"), [("280849005", "T12"), ("1186895000", "T13"), ("14806007", "C1")])
def test_a_body_site_is_a_level(site: str, level: str) -> None:
    assert bundle_as_case(bundle(metastasis(site))).case.lesions[0].level == level


def test_the_generic_vertebra_is_no_level() -> None:
    with pytest.raises(CaseError, match=r"no lesion with a vertebral level.*C79\.51"):
        bundle_as_case(bundle(metastasis("3572006")))


def test_levels_without_a_standard_code_travel_by_our_own() -> None:
    lesion = {**condition("C79.51"), "bodySite": [concept(LEVEL, "L6")]}
    assert bundle_as_case(bundle(lesion)).case.lesions[0].level == "L6"


def test_several_levels_are_several_lesions_and_facts_go_to_their_own() -> None:
    at = {"bodySite": concept(SNOMED, T10), "valueCodeableConcept": concept(WORD, "1c")}
    found = bundle_as_case(bundle(metastasis(), metastasis(T10, "n"), observation(FACT, "lesion.escc", **at)))
    assert [(one.level, one.escc) for one in found.case.lesions] == [("T8", None), ("T10", "1c")]
    lost = bundle_as_case(
        bundle(metastasis(), metastasis(T10, "n"), observation(LOINC, "72514-3", valueInteger=7))
    ).not_used
    assert [one.reason for one in lost] == ["of no level, beside several lesions"]


def test_pain_elsewhere_makes_no_lesion() -> None:
    found = read(observation(LOINC, "72514-3", valueInteger=7, bodySite=concept(SNOMED, T10)))
    assert len(found.case.lesions) == 1
    assert reasons(found) == ["Observation/o: at T10, where no lesion is"]


@pytest.mark.parametrize(
    ("code", "value", "key", "expected"),
    [
        ("89243-0", {"valueInteger": 70}, "kps", 70),
        ("89243-0", quantity(70, "{score}"), "kps", 70),
        ("89247-1", {"valueInteger": 2}, "ecog", 2),
        ("89247-1", {"valueCodeableConcept": concept(LOINC, "LA9624-3")}, "ecog", 2),
        ("82810-3", {"valueCodeableConcept": concept(SNOMED, "77386006")}, "pregnant", True),
        ("82810-3", {"valueCodeableConcept": concept(SNOMED, "60001007")}, "pregnant", False),
        ("82810-3", {"valueCodeableConcept": concept(SNOMED, "146799005")}, "pregnant", None),
    ],
)
def test_facts_of_the_patient(code: str, value: dict[str, Any], key: str, expected: Any) -> None:
    found = read(observation(LOINC, code, **value))
    assert getattr(found.case.patient, key) == expected
    assert (found.not_used == ()) is (expected is not None)


@pytest.mark.parametrize(
    ("code", "value", "unit", "key", "expected"),
    [
        ("1751-7", 38, "g/L", "albumin_g_dl", 3.8),
        ("1751-7", 3.8, "g/dL", "albumin_g_dl", 3.8),
        ("718-7", 112, "g/L", "haemoglobin_g_dl", 11.2),
        ("2160-0", 88.4, "umol/L", "creatinine_mg_dl", 1.0),
        ("14631-6", 17.1, "umol/L", "bilirubin_mg_dl", 1.0),
        ("1988-5", 12, "mg/L", "c_reactive_protein_mg_dl", 1.2),
        ("2532-0", 240, "U/L", "lactate_dehydrogenase_iu_l", 240),
        ("777-3", 90000, "/uL", "platelets_1000_per_ul", 90),
        ("6690-2", 7.5, "10*9/L", "leukocytes_1000_per_ul", 7.5),
        ("6301-6", 1.1, "{INR}", "inr", 1.1),
    ],
)
def test_blood_values_are_converted_by_their_unit(
    code: str, value: float, unit: str, key: str, expected: float
) -> None:
    assert getattr(case(observation(LOINC, code, **quantity(value, unit))).laboratory, key) == expected


def test_corrected_calcium_comes_by_its_own_key_alone() -> None:
    own = observation(FACT, "laboratory.corrected_calcium_mg_dl", **quantity(2.5, "mmol/L"))
    assert case(own).laboratory.corrected_calcium_mg_dl == pytest.approx(10.02)
    found = read(observation(LOINC, "17861-6", **quantity(10, "mg/dL")))
    assert found.case.laboratory.corrected_calcium_mg_dl is None
    assert "total calcium" in reasons(found)[0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (quantity(38, None), "a number without a unit; state g/dL or g/L"),
        ({"valueInteger": 38}, "a number without a unit"),
        (quantity(38, "mg/mL"), "the unit 'mg/mL'; known are g/dL, g/L"),
        ({"valueQuantity": {"value": 3, "comparator": "<", "code": "g/dL"}}, "a bound (<), not a value"),
        ({"valueString": "38 g/L"}, "a text, not a value"),
        ({"valueRange": {"low": {"value": 1}}}, "a range, not a value"),
        ({}, "no value"),
        ({"valueQuantity": {"code": "g/dL"}}, "a quantity without a number"),
        ({"valueCodeableConcept": concept(SNOMED, "1")}, "the answer snomed|1 is not understood"),
        ({"valueQuantity": {"value": "38", "code": "g/L"}}, "malformed at valueQuantity.value"),
    ],
)
def test_a_value_that_is_not_sure_is_listed_with_the_reason(value: dict[str, Any], reason: str) -> None:
    found = read(observation(LOINC, "1751-7", **value))
    assert found.case.laboratory.albumin_g_dl is None
    assert reason in reasons(found)[0]


def test_a_unit_that_does_not_fit_its_number_is_refused_by_the_case() -> None:
    with pytest.raises(CaseError, match=r"laboratory\.albumin_g_dl.*38"):
        read(observation(LOINC, "1751-7", **quantity(38, "g/dL")))


def test_the_latest_value_counts_and_the_older_is_listed() -> None:
    old = observation(LOINC, "89243-0", "old", valueInteger=90, effectiveDateTime="2026-01-05")
    new = observation(LOINC, "89243-0", "new", valueInteger=50, effectiveDateTime="2026-02-05T10:00:00+01:00")
    for order in ((old, new), (new, old)):
        found = read(*order)
        assert found.case.patient.kps == 50
        assert [one.resource for one in found.not_used] == ["Observation/old"]


@pytest.mark.parametrize("dates", [(None, None), ("2026-01-05", None), ("2026", "2026-01-05"), ("2026-01-05",) * 2])
def test_values_that_no_date_orders_leave_the_fact_unknown(dates: tuple[str | None, str | None]) -> None:
    pair = [
        observation(LOINC, "89243-0", str(kps), valueInteger=kps, **({"effectiveDateTime": day} if day else {}))
        for kps, day in zip((90, 50), dates, strict=True)
    ]
    found = read(*pair)
    assert found.case.patient.kps is None
    assert len(found.not_used) == 2
    assert "no date orders them" in found.not_used[0].reason


def test_observations_without_effect_are_listed() -> None:
    found = read(
        {**observation(LOINC, "89243-0", valueInteger=90), "status": "entered-in-error"}, observation(LOINC, "1-1")
    )
    assert found.case.patient.kps is None
    assert reasons(found) == [
        "Observation/o: its status is entered-in-error",
        "Observation/o: nothing that a case asks for",
    ]


def test_an_escc_grade_is_a_word_and_never_a_number() -> None:
    at = {"bodySite": concept(SNOMED, T8)}
    with pytest.raises(CaseError, match="escc"):
        read(observation(FACT, "lesion.escc", valueInteger=2, **at))
    grade = observation(FACT, "lesion.escc", valueCodeableConcept=concept(WORD, "2"), **at)
    assert case(grade).lesions[0].escc == "2"


def test_items_of_sins_come_as_components_and_unknown_ones_are_listed() -> None:
    items = [
        {"code": concept(FACT, "lesion.pain"), "valueCodeableConcept": concept(WORD, "mechanical")},
        {"code": concept("http://radelement.org", "RDE99"), "valueCodeableConcept": concept("x", "y")},
    ]
    panel = observation("http://radelement.org", "RDES21", component=items, bodySite=concept(SNOMED, T8))
    found = read(panel)
    assert found.case.lesions[0].pain == "mechanical"
    assert reasons(found) == ["Observation/o: not understood"]


def test_a_dose_in_centigray_becomes_gray() -> None:
    found = bundle_as_case(
        bundle(metastasis(), course(quantity(3000, "cGy"), performedPeriod={"end": "2025-10-03"})), assessed_on=DAY
    )
    assert found.case.lesions[0].prior_rt_at_level == PriorRadiotherapy(dose_gy=30, fractions=10, months_ago=4)


def test_the_interval_counts_completed_months() -> None:
    for end, months in (("2025-10-02", 5), ("2025-10-03", 4), ("2026-03-02", 0)):
        found = bundle_as_case(
            bundle(metastasis(), course(quantity(800, "cGy"), performedPeriod={"end": end})), assessed_on=DAY
        )
        prior = found.case.lesions[0].prior_rt_at_level
        assert isinstance(prior, PriorRadiotherapy)
        assert prior.months_ago == months


def test_a_course_without_a_unit_is_a_course_of_unknown_dose() -> None:
    found = read(course(quantity(30, None)))
    assert found.case.lesions[0].prior_rt_at_level == PriorRadiotherapy(fractions=10)
    assert "without a unit" in reasons(found)[0]


def test_two_courses_at_a_level_are_not_added() -> None:
    found = case(course(quantity(3000, "cGy"), name="a"), course(quantity(800, "cGy"), name="b"))
    assert found.lesions[0].prior_rt_at_level == PriorRadiotherapy()
    assert any(note.evidence == "FHIR-19" for note in found.notes)


def test_a_running_course_is_a_course_of_unknown_dose() -> None:
    found = case(course(quantity(3000, "cGy"), status="in-progress"))
    assert found.lesions[0].prior_rt_at_level == PriorRadiotherapy()
    assert any("still running" in note.message for note in found.notes)


def test_an_operation_at_the_level() -> None:
    profile = {"profile": [f"{MCODE}mcode-cancer-related-surgical-procedure"]}
    done = {
        "resourceType": "Procedure",
        "id": "s",
        "status": "completed",
        "meta": profile,
        "bodySite": [concept(SNOMED, T8)],
    }
    assert case(done).lesions[0].prior_surgery_at_level is True
    assert case({**done, "status": "not-done"}).lesions[0].prior_surgery_at_level is None


def test_no_course_is_not_known_and_a_course_elsewhere_is_listed() -> None:
    assert case().lesions[0].prior_rt_at_level is None
    found = read(course(quantity(3000, "cGy"), site=T10))
    assert found.case.lesions[0].prior_rt_at_level is None
    assert reasons(found) == ["Procedure/r: at T10, where no lesion is"]


def how(*codes: str) -> dict[str, Any]:
    parts = [
        {"url": f"{MCODE}mcode-radiotherapy-{name}", "valueCodeableConcept": concept(SNOMED, code)}
        for name, code in zip(("modality", "technique"), codes, strict=False)
    ]
    return {"url": f"{MCODE}mcode-radiotherapy-modality-and-technique", "extension": parts}


@pytest.mark.parametrize(
    ("codes", "modality"),
    [(("1156506007",), None), (("438629002", "168524008"), "IORT"), (("438629002", "113120007"), None)],
)
def test_photons_are_not_told_apart_and_intraoperative_is_iort(codes: tuple[str, ...], modality: str | None) -> None:
    found = case({**course(quantity(800, "cGy")), "extension": [how(*codes)]})
    prior = found.lesions[0].prior_rt_at_level
    assert isinstance(prior, PriorRadiotherapy)
    assert prior.modality == modality
    assert any("tell cEBRT, SBRT and IORT apart" in note.message for note in found.notes) is (modality is None)


def test_age_from_the_date_of_birth_and_the_day_of_assessment() -> None:
    for born, age in (("1961-03-02", 65), ("1961-03-03", 64)):
        patient = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": born}
        assert bundle_as_case(bundle(patient, metastasis()), assessed_on=DAY).case.patient.age_years == age


@pytest.mark.parametrize(
    ("patient", "reason"),
    [
        ({"birthDate": "1961"}, "a partial date"),
        ({"birthDate": "1961-03-02"}, "no day of assessment"),
        ({"gender": "other"}, "F and M"),
    ],
)
def test_what_a_patient_does_not_tell(patient: dict[str, Any], reason: str) -> None:
    found = read({"resourceType": "Patient", "id": "p", **patient})
    assert (found.case.patient.age_years, found.case.patient.sex) == (None, None)
    assert reason in reasons(found)[0]


def test_the_sex_at_birth_goes_before_the_administrative_gender() -> None:
    at_birth = {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}
    assert case({"resourceType": "Patient", "gender": "male", "extension": [at_birth]}).patient.sex == "F"


def test_a_sex_at_birth_that_is_not_known_is_not_replaced() -> None:
    at_birth = {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "UNK"}
    assert case({"resourceType": "Patient", "gender": "male", "extension": [at_birth]}).patient.sex is None


def test_a_stated_age_goes_before_the_one_from_the_date_of_birth() -> None:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1961-03-02"}
    stated = observation(FACT, "patient.age_years", **quantity(70, "a"))
    assert bundle_as_case(bundle(patient, metastasis(), stated), assessed_on=DAY).case.patient.age_years == 70


def test_on_one_day_the_minute_decides() -> None:
    pair = [
        observation(LOINC, "89243-0", str(kps), valueInteger=kps, effectiveDateTime=f"2026-01-05T{at}")
        for kps, at in ((90, "12:00:00+02:00"), (50, "11:00:00+00:00"))
    ]
    assert case(*pair).patient.kps == 50
    assert case(*reversed(pair)).patient.kps == 50


def test_a_unit_of_another_system_is_not_read() -> None:
    value = {"valueQuantity": {"value": 38, "code": "g/L", "system": "http://hospital.example/units"}}
    found = read(observation(LOINC, "1751-7", **value))
    assert found.case.laboratory.albumin_g_dl is None
    assert "the unit 'g/L'" in reasons(found)[0]


def test_a_body_site_of_two_levels_is_no_place() -> None:
    two = {"coding": [{"system": SNOMED, "code": T8}, {"system": SNOMED, "code": T10}]}
    found = read(observation(FACT, "lesion.escc", valueCodeableConcept=concept(WORD, "2"), bodySite=two))
    assert found.case.lesions[0].escc is None
    assert reasons(found) == ["Observation/o: its body site names more than one level"]


def test_doses_to_several_volumes_are_not_chosen_between() -> None:
    one = course(quantity(3000, "cGy"))
    found = case({**one, "extension": one["extension"] * 2})
    assert found.lesions[0].prior_rt_at_level == PriorRadiotherapy()
    assert any("gives doses to 2 volumes" in note.message for note in found.notes)


def test_the_same_resource_twice_is_one() -> None:
    one = course(quantity(3000, "cGy"))
    assert case(one, copy.deepcopy(one)).lesions[0].prior_rt_at_level == PriorRadiotherapy(dose_gy=30, fractions=10)


def test_resources_of_no_use_and_malformed_ones_are_listed() -> None:
    found = read({"resourceType": "Encounter", "id": "e"}, {"resourceType": "Observation", "id": "x"})
    assert reasons(found)[0] == "Encounter/e: a kind of resource that a case is not read from"
    assert reasons(found)[1].startswith("Observation/x: malformed at ")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a FHIR bundle is expected, not list"),
        ({"resourceType": "Patient"}, "a FHIR bundle is expected, not Patient"),
        ({"resourceType": "Bundle", "entry": 3}, "the bundle is malformed"),
        (bundle(), "no lesion with a vertebral level"),
        (
            bundle({"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b"}),
            "2 patients in one bundle",
        ),
        (
            bundle({"resourceType": "Patient", "id": "a"}, {**metastasis(), "subject": {"reference": "Patient/b"}}),
            r"Condition/m is of another patient \(Patient/b\) than Patient/a",
        ),
        (
            bundle(
                {**metastasis(), "subject": {"reference": "Patient/a"}},
                condition("C61", subject={"reference": "Patient/b"}),
            ),
            r"resources of several patients \(Patient/a, Patient/b\)",
        ),
    ],
)
def test_a_bundle_that_cannot_be_used(document: Any, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        case_from_bundle(document)


def test_contradictions_are_refused_as_in_a_case_file() -> None:
    man = {"resourceType": "Patient", "id": "p", "gender": "male"}
    pregnant = observation(LOINC, "82810-3", valueCodeableConcept=concept(SNOMED, "77386006"))
    with pytest.raises(CaseError, match="pregnant"):
        read(man, pregnant)


def test_every_code_names_a_fact_that_exists() -> None:
    assert set(tables()["facts"]) <= fact_keys()
    codes = [code for fact in tables()["facts"].values() for code in fact.get("codes", ())]
    assert len(codes) == len(set(codes))
    assert ICD in tables()["systems"].values()
    assert ICD_O in tables()["systems"].values()


def test_names_of_elements_that_are_no_text_are_refused() -> None:
    document = copy.deepcopy(WHOLE)
    document["entry"][0]["resource"]["code"] = {0: None, "coding": []}
    with pytest.raises(CaseError, match="JSON has no form for"):
        case_from_bundle(document)


JUNK = st.sampled_from(
    [None, True, -1, 0.5, "", "x", "2026-13-45", [], [None], {}, {"coding": [{}]}, {"value": 1}, 10**400]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, part in pairs for place in places(part, (*path, key))]


WHOLE = json.loads(EXAMPLE.read_text(encoding="utf-8"))
PLACES = places(WHOLE)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=4))
def test_a_mangled_bundle_ends_in_a_case_or_in_a_message(wounds: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = copy.deepcopy(WHOLE)
    for path, junk in wounds:
        part = document
        for step in path[:-1]:
            if not isinstance(part, dict | list) or (isinstance(part, dict) and step not in part):
                break
            if isinstance(part, list) and (not isinstance(step, int) or step >= len(part)):
                break
            part = part[step]
        else:
            if isinstance(part, dict) or (
                isinstance(part, list) and part and isinstance(path[-1], int) and path[-1] < len(part)
            ):
                part[path[-1]] = copy.deepcopy(junk)
    with suppress(CaseError):
        assert isinstance(case_from_bundle(document), Case)
