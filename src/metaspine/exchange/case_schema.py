"""The form of a case file: which keys there are, of which type, unit and words (table G2 of the clinical rules).

Null or absent is "not known". What only shows between keys (a sum, a contradiction) is in ``case_checks``.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from metaspine.patient.case import (
    Alignment,
    BoneLesion,
    ClavienDindo,
    Collapse,
    Comorbidity,
    EpiduralExtent,
    FrailtyFinding,
    Modality,
    NeurologicalGrade,
    OutsideScore,
    Pain,
    Posterolateral,
    Presentation,
    Primary,
    Sex,
    VisceralMetastases,
    VisceralPattern,
    WeinsteinBorianiBiaginiLayer,
)

VERSION = "1.1"
READABLE = ("1.0", VERSION)
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Level = Literal[
    "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7",
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13",
    "L1", "L2", "L3", "L4", "L5", "L6",
    "S1", "S2", "S3", "S4", "S5",
]  # fmt: skip
WrittenEscc = Literal["0", "1a", "1b", "1c", "2", "3", "2a", "2b", "2c"]
"""ESCC-02: 2a, 2b and 2c do not exist; they are read as 2 with a note."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)


def _day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != len("2026-01-31"):
        raise ValueError("not a date")
    return date.fromisoformat(value)


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "year-month-day"}),
]
Months = Annotated[float, Field(ge=0, le=1200, description="months")]
NonEmpty = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0), _WHOLE]
LARGEST_DOSE_GY = 200.0


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PatientSection(_Section):
    """The patient: age, fitness, expected survival, consent."""

    age_years: Annotated[float, Field(ge=0, le=120, description="years")] | None = None
    sex: Sex | None = None
    pregnant: bool | None = None
    kps: Annotated[int, Field(ge=0, le=100, multiple_of=10, description="Karnofsky, in tens"), _WHOLE] | None = None
    ecog: Annotated[int, Field(ge=0, le=5), _WHOLE] | None = None
    expected_survival_months: Annotated[float, Field(ge=0, description="months")] | None = None
    cci_excluding_metastasis: Count | None = None
    tolerates_open_surgery: bool | None = None
    tolerates_any_procedure: bool | None = None
    anaesthesia_fit: bool | None = None
    iort_consent: bool | None = None
    iort_board_indication: bool | None = None
    cardiopulmonary_reserve_adequate: bool | None = None
    high_volume_centre: bool | None = None
    comorbidities: list[Comorbidity] | None = None
    hypertension_on_medication: bool | None = None
    independent_in_daily_life: bool | None = None
    frailty_findings: list[FrailtyFinding] | None = None
    body_mass_index_kg_m2: Annotated[float, Field(ge=8, le=100, description="kg/m2")] | None = None
    creatinine_clearance_ml_min: Annotated[float, Field(ge=0, le=300, description="mL/min")] | None = None
    dental_check_done: bool | None = None
    mri_contraindicated: bool | None = None


class OncologySection(_Section):
    """The cancer: primary, histology, extent."""

    primary: Primary
    subtype: str | None = None
    histology_confirmed: bool | None = None
    visceral_mets: VisceralMetastases | None = None
    brain_mets: bool | None = None
    extraspinal_bone_mets: Count | None = None
    vertebral_mets: Count | None = None
    total_metastases_count: Count | None = None
    treatable_painful_vertebrae: Count | None = None
    primary_controlled: bool | None = None
    systemic_options_remaining: bool | None = None
    diagnosed_on: Day | None = None
    metastasis_found_on: Day | None = None
    months_since_primary_diagnosis: Months | None = None
    months_from_diagnosis_to_metastasis: Months | None = None
    visceral_pattern: VisceralPattern | None = None
    organ_systems_with_metastases: Count | None = None
    systemic_disease_controlled: bool | None = None
    previous_systemic_therapy: bool | None = None
    previous_chemotherapy: bool | None = None
    targeted_drug: bool | None = None
    previous_targeted_drug: bool | None = None
    previous_immunotherapy: bool | None = None
    hormone_dependent: bool | None = None


class PriorRadiotherapySection(_Section):
    """A previous course of radiotherapy at the level."""

    dose_gy: Annotated[float, Field(gt=0, le=LARGEST_DOSE_GY, description="Gy")] | None = None
    fractions: Annotated[int, Field(ge=1, le=100), _WHOLE] | None = None
    months_ago: Annotated[float, Field(ge=0, le=1200, description="months")] | None = None
    modality: Modality | None = None
    thecal_sac_dmax_gy: Annotated[float, Field(ge=0, le=LARGEST_DOSE_GY, description="Gy")] | None = None
    cord_dmax_gy: (
        Annotated[
            float,
            Field(ge=0, le=LARGEST_DOSE_GY, description="Gy; read as thecal_sac_dmax_gy with a note (RERT-02)"),
        ]
        | None
    ) = None


def _course_or_none(value: Any) -> str:
    return "none" if value is False else "course"


PriorRadiotherapyWritten = Annotated[
    Annotated[Literal[False], Tag("none")] | Annotated[PriorRadiotherapySection, Tag("course")],
    Discriminator(_course_or_none),
]


class LesionSection(_Section):
    """One lesion of the spine."""

    level: Level
    levels_involved: list[Level] | None = None
    contiguous_levels: Annotated[int, Field(ge=1, le=33), _WHOLE] | None = None
    sins_reported_total: Annotated[int, Field(ge=0, le=18), _WHOLE] | None = None
    pain: Pain | None = None
    nrs: Annotated[int, Field(ge=0, le=10), _WHOLE] | None = None
    bone_lesion: BoneLesion | None = None
    alignment: Alignment | None = None
    collapse: Collapse | None = None
    collapse_percent: (
        Annotated[float, Field(ge=0, le=100, description="% of height lost; read as collapse (SINS-02)")] | None
    ) = None
    posterolateral: Posterolateral | None = None
    escc: Annotated[WrittenEscc, Field(description="2a, 2b, 2c are read as 2 with a note (ESCC-02)")] | None = None
    tomita_type: Annotated[int, Field(ge=1, le=7), _WHOLE] | None = None
    pedicle_infiltration: bool | None = None
    dorsal_elements_involved: bool | None = None
    paraspinal_extension: bool | None = None
    stabilised_already: bool | None = None
    cement_in_place: bool | None = None
    pathological_fracture: bool | None = None
    prior_surgery_at_level: bool | None = None
    sectors: list[Annotated[int, Field(ge=1, le=6), _WHOLE]] | None = None
    epidural_extent: EpiduralExtent | None = None
    wbb_zones: list[Annotated[int, Field(ge=1, le=12), _WHOLE]] | None = None
    wbb_layers: list[WeinsteinBorianiBiaginiLayer] | None = None
    planned_dose_per_fraction_gy: Annotated[float, Field(gt=0, le=LARGEST_DOSE_GY, description="Gy")] | None = None
    prior_rt_at_level: PriorRadiotherapyWritten | None = None


class NeurologySection(_Section):
    """The neurological findings."""

    presentation: Presentation | None = None
    myelopathy: bool | None = None
    cauda_equina: bool | None = None
    acute_cord_compression: bool | None = None
    functional_radiculopathy: bool | None = None
    ambulatory: bool | None = None
    asia: NeurologicalGrade | None = None
    frankel: NeurologicalGrade | None = None
    symptom_duration_days: Annotated[float, Field(ge=0, description="days")] | None = None
    walks_without_help: bool | None = None
    days_to_motor_deficit: Annotated[float, Field(ge=0, description="days")] | None = None


class LaboratorySection(_Section):
    """Blood values; each key names its unit."""

    taken_on: Day | None = None
    albumin_g_dl: Annotated[float, Field(ge=0.5, le=7, description="g/dL")] | None = None
    haemoglobin_g_dl: Annotated[float, Field(ge=2, le=25, description="g/dL")] | None = None
    corrected_calcium_mg_dl: Annotated[float, Field(ge=4, le=25, description="mg/dL")] | None = None
    bilirubin_mg_dl: Annotated[float, Field(ge=0, le=60, description="mg/dL")] | None = None
    creatinine_mg_dl: Annotated[float, Field(ge=0.1, le=25, description="mg/dL")] | None = None
    c_reactive_protein_mg_dl: Annotated[float, Field(ge=0, le=70, description="mg/dL")] | None = None
    lactate_dehydrogenase_iu_l: Annotated[float, Field(ge=20, le=30000, description="IU/L")] | None = None
    alkaline_phosphatase_iu_l: Annotated[float, Field(ge=5, le=10000, description="IU/L")] | None = None
    platelets_1000_per_ul: Annotated[float, Field(ge=0, le=3000, description="1000/uL")] | None = None
    leukocytes_1000_per_ul: Annotated[float, Field(ge=0, le=500, description="1000/uL")] | None = None
    lymphocytes_1000_per_ul: Annotated[float, Field(ge=0, le=500, description="1000/uL")] | None = None
    neutrophils_1000_per_ul: Annotated[float, Field(ge=0, le=500, description="1000/uL")] | None = None
    inr: Annotated[float, Field(ge=0.5, le=20)] | None = None
    vitamin_d_ng_ml: Annotated[float, Field(ge=0, le=300, description="ng/mL")] | None = None


class ResponseSection(_Section):
    """Pain and opioids before and after a treatment."""

    months_after: Months | None = None
    pain_before_nrs: Annotated[int, Field(ge=0, le=10), _WHOLE] | None = None
    pain_after_nrs: Annotated[int, Field(ge=0, le=10), _WHOLE] | None = None
    opioids_before_mg_day: Annotated[float, Field(ge=0, le=10000, description="mg/day")] | None = None
    opioids_after_mg_day: Annotated[float, Field(ge=0, le=10000, description="mg/day")] | None = None


class ScoreFromOutsideSection(_Section):
    """A score that was obtained elsewhere."""

    name: OutsideScore
    value: Annotated[float, Field(ge=0, le=100)]
    obtained_on: Day
    source: NonEmpty


class AdverseEventSection(_Section):
    """What went wrong after an operation."""

    event: NonEmpty
    clavien_dindo: ClavienDindo | None = None
    day: Annotated[int, Field(ge=0, le=36500), _WHOLE] | None = None


class PostoperativeSection(_Section):
    """What was found after an operation."""

    contiguous_levels: Annotated[int, Field(ge=1, le=33), _WHOLE] | None = None
    asia: NeurologicalGrade | None = None
    residual_escc: WrittenEscc | None = None
    adverse_events: list[AdverseEventSection] | None = None


class CaseDocument(_Section):
    """A patient's case for metaspine. Decision support for research; multidisciplinary review required."""

    version: str | float | None = None
    patient: PatientSection | None = None
    oncology: OncologySection
    lesion: LesionSection | None = None
    lesions: Annotated[list[LesionSection], Field(min_length=1)] | None = None
    neuro: NeurologySection | None = None
    postop: PostoperativeSection | None = None
    laboratory: LaboratorySection | None = None
    response: ResponseSection | None = None
    scores_from_outside: list[ScoreFromOutsideSection] | None = None
    assessed_on: Day | None = None


SECTIONS: dict[str, type[BaseModel]] = {
    "patient": PatientSection,
    "oncology": OncologySection,
    "lesion": LesionSection,
    "lesions": LesionSection,
    "prior_rt_at_level": PriorRadiotherapySection,
    "neuro": NeurologySection,
    "postop": PostoperativeSection,
    "laboratory": LaboratorySection,
    "response": ResponseSection,
    "scores_from_outside": ScoreFromOutsideSection,
    "adverse_events": AdverseEventSection,
}
"""The form of each named section."""


def case_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a case file."""
    schema = CaseDocument.model_json_schema()
    schema["properties"]["version"] = {
        "enum": [*READABLE, *(float(version) for version in READABLE), None],
        "default": VERSION,
        "description": f"Version of this form; absent means {VERSION}",
    }
    given = {"lesion": {"type": "object"}}, {"lesions": {"type": "array"}}
    return {
        "$schema": SCHEMA_DIALECT,
        "$id": f"urn:metaspine:case:{VERSION}",
        **schema,
        "title": "metaspine case",
        "oneOf": [{"required": list(one), "properties": one} for one in given],
    }
