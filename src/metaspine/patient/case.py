"""What is known of a patient with a spinal metastasis: the facts of a case file, in the clinic's own words.

None is "not known" and never "no" or zero. The fields, units and words are table G2 of the clinical rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from metaspine.patient.levels import LEVELS, TRANSITIONAL

Sex = Literal["F", "M"]
Primary = Literal[
    "breast",
    "prostate",
    "lymphoma",
    "multiple_myeloma",
    "plasmacytoma",
    "leukemia",
    "seminoma",
    "ovarian",
    "neuroendocrine",
    "carcinoid",
    "rcc",
    "colon",
    "rectum",
    "nsclc",
    "sclc",
    "thyroid",
    "hcc",
    "melanoma",
    "sarcoma",
    "osteosarcoma",
    "gastric",
    "esophagus",
    "pancreas",
    "gallbladder",
    "head_neck",
    "bladder",
    "uterus",
    "cervix",
    "chordoma",
    "neuroblastoma",
    "hemangioma",
    "lung",
    "colorectal",
    "other",
    "unknown",
]
Comorbidity = Literal[
    "myocardial_infarction",
    "heart_failure",
    "peripheral_vascular_disease",
    "cerebrovascular_disease",
    "dementia",
    "chronic_lung_disease",
    "connective_tissue_disease",
    "peptic_ulcer",
    "mild_liver_disease",
    "severe_liver_disease",
    "diabetes",
    "diabetes_with_organ_damage",
    "hemiplegia",
    "renal_disease",
    "other_cancer",
    "other_metastatic_cancer",
    "leukaemia",
    "lymphoma",
    "aids",
]
"""What the Charlson index counts; the cancer that the case is about is never among them."""
FrailtyFinding = Literal[
    "anaemia",
    "chronic_lung_disease",
    "coagulopathy",
    "electrolyte_disorder",
    "pulmonary_circulation_disorder",
    "renal_failure",
    "malnutrition",
    "emergency_admission",
    "anterior_or_combined_approach",
]
"""What the frailty index for metastatic spinal tumours (MSTFI) counts."""
VisceralPattern = Literal["none", "nodular", "disseminated"]
EpiduralExtent = Literal["none", "partial", "circumferential"]
WeinsteinBorianiBiaginiLayer = Literal["A", "B", "C", "D", "E", "F"]
ClavienDindo = Literal["I", "II", "IIIa", "IIIb", "IVa", "IVb", "V"]
OutsideScore = Literal[
    "sorg_ml_90_day",
    "sorg_ml_1_year",
    "metsss",
    "rades_2008_survival",
    "rades_2008_ambulation",
    "rades_elderly",
]
"""Scores that metaspine does not compute and takes from outside, with date and origin."""
VisceralMetastases = Literal["none", "removable", "unremovable"]
Pain = Literal["mechanical", "occasional_non_mechanical", "none", "present_unspecified"]
BoneLesion = Literal["lytic", "mixed", "blastic"]
Alignment = Literal["subluxation_translation", "de_novo_deformity", "normal"]
Collapse = Literal["gt50", "lt50", "none_gt50_body", "none"]
Posterolateral = Literal["bilateral", "unilateral", "none", "at_least_unilateral"]
EsccGrade = Literal["0", "1a", "1b", "1c", "2", "3"]
Modality = Literal["cEBRT", "SBRT", "IORT"]
Presentation = Literal[
    "clinical_cord_compression",
    "bilateral_radicular",
    "unilateral_radicular_deficit",
    "unilateral_radicular_pain",
    "local_pain",
    "asymptomatic",
]
NeurologicalGrade = Literal["A", "B", "C", "D", "E"]


def longest_run(levels: Iterable[str]) -> int:
    """Return how many of the levels follow each other without a gap, at most; T13 and L6 count where they exist."""
    involved = set(levels)
    order = [level for level in LEVELS if level not in TRANSITIONAL or level in involved]
    run = best = 0
    for level in order:
        run = run + 1 if level in involved else 0
        best = max(best, run)
    return best


@dataclass(frozen=True)
class PatientFacts:
    """The patient: age, fitness, expected survival, consent."""

    age_years: float | None = None
    sex: Sex | None = None
    pregnant: bool | None = None
    kps: int | None = None
    ecog: int | None = None
    expected_survival_months: float | None = None
    cci_excluding_metastasis: int | None = None
    tolerates_open_surgery: bool | None = None
    tolerates_any_procedure: bool | None = None
    anaesthesia_fit: bool | None = None
    iort_consent: bool | None = None
    iort_board_indication: bool | None = None
    cardiopulmonary_reserve_adequate: bool | None = None
    high_volume_centre: bool | None = None
    comorbidities: tuple[Comorbidity, ...] | None = None
    """All that there are; empty is none, None is not known."""
    hypertension_on_medication: bool | None = None
    independent_in_daily_life: bool | None = None
    frailty_findings: tuple[FrailtyFinding, ...] | None = None
    """All that there are; empty is none, None is not known."""
    body_mass_index_kg_m2: float | None = None
    creatinine_clearance_ml_min: float | None = None
    dental_check_done: bool | None = None
    mri_contraindicated: bool | None = None


@dataclass(frozen=True)
class OncologyFacts:
    """The cancer: primary, histology, extent."""

    primary: Primary
    subtype: str | None = None
    histology_confirmed: bool | None = None
    visceral_mets: VisceralMetastases | None = None
    brain_mets: bool | None = None
    extraspinal_bone_mets: int | None = None
    vertebral_mets: int | None = None
    total_metastases_count: int | None = None
    treatable_painful_vertebrae: int | None = None
    primary_controlled: bool | None = None
    systemic_options_remaining: bool | None = None
    diagnosed_on: date | None = None
    metastasis_found_on: date | None = None
    months_since_primary_diagnosis: float | None = None
    months_from_diagnosis_to_metastasis: float | None = None
    visceral_pattern: VisceralPattern | None = None
    """Nodular (visceral or cerebral), or disseminated (pleural, peritoneal, leptomeningeal)."""
    organ_systems_with_metastases: int | None = None
    """Bone is not counted."""
    systemic_disease_controlled: bool | None = None
    previous_systemic_therapy: bool | None = None
    previous_chemotherapy: bool | None = None
    targeted_drug: bool | None = None
    previous_targeted_drug: bool | None = None
    previous_immunotherapy: bool | None = None
    hormone_dependent: bool | None = None


@dataclass(frozen=True)
class PriorRadiotherapy:
    """A previous course of radiotherapy at the level of a lesion."""

    dose_gy: float | None = None
    fractions: int | None = None
    months_ago: float | None = None
    modality: Modality | None = None
    thecal_sac_dmax_gy: float | None = None
    """Physical maximum dose to the thecal sac over the whole course."""


@dataclass(frozen=True)
class LesionFacts:
    """One lesion of the spine."""

    level: str
    levels_involved: tuple[str, ...] | None = None
    contiguous_levels: int | None = None
    sins_reported_total: int | None = None
    pain: Pain | None = None
    nrs: int | None = None
    bone_lesion: BoneLesion | None = None
    alignment: Alignment | None = None
    collapse: Collapse | None = None
    posterolateral: Posterolateral | None = None
    escc: EsccGrade | None = None
    tomita_type: int | None = None
    pedicle_infiltration: bool | None = None
    dorsal_elements_involved: bool | None = None
    paraspinal_extension: bool | None = None
    stabilised_already: bool | None = None
    cement_in_place: bool | None = None
    pathological_fracture: bool | None = None
    prior_surgery_at_level: bool | None = None
    sectors: tuple[int, ...] | None = None
    """The sectors of the International Spine Radiosurgery Consortium, 1 to 6; 2 is the left pedicle."""
    epidural_extent: EpiduralExtent | None = None
    wbb_zones: tuple[int, ...] | None = None
    """The radial zones of Weinstein, Boriani and Biagini, 1 to 12."""
    wbb_layers: tuple[WeinsteinBorianiBiaginiLayer, ...] | None = None
    planned_dose_per_fraction_gy: float | None = None
    prior_rt_at_level: PriorRadiotherapy | Literal[False] | None = None
    """A course, False where there was none, None where it is not known."""

    @property
    def levels_in_a_row(self) -> int | None:
        """How many contiguous levels are involved: the larger of what is stated and what the levels show."""
        counted = None if self.levels_involved is None else longest_run((self.level, *self.levels_involved))
        known = [number for number in (self.contiguous_levels, counted) if number is not None]
        return max(known, default=None)


@dataclass(frozen=True)
class NeurologyFacts:
    """The neurological findings."""

    presentation: Presentation | None = None
    myelopathy: bool | None = None
    cauda_equina: bool | None = None
    acute_cord_compression: bool | None = None
    functional_radiculopathy: bool | None = None
    ambulatory: bool | None = None
    asia: NeurologicalGrade | None = None
    frankel: NeurologicalGrade | None = None
    symptom_duration_days: float | None = None
    walks_without_help: bool | None = None
    days_to_motor_deficit: float | None = None
    """How long the motor deficit took to develop before radiotherapy."""


@dataclass(frozen=True)
class LaboratoryFacts:
    """Blood values, in the units of their names."""

    taken_on: date | None = None
    albumin_g_dl: float | None = None
    haemoglobin_g_dl: float | None = None
    corrected_calcium_mg_dl: float | None = None
    bilirubin_mg_dl: float | None = None
    creatinine_mg_dl: float | None = None
    c_reactive_protein_mg_dl: float | None = None
    lactate_dehydrogenase_iu_l: float | None = None
    alkaline_phosphatase_iu_l: float | None = None
    platelets_1000_per_ul: float | None = None
    leukocytes_1000_per_ul: float | None = None
    lymphocytes_1000_per_ul: float | None = None
    neutrophils_1000_per_ul: float | None = None
    inr: float | None = None
    vitamin_d_ng_ml: float | None = None


@dataclass(frozen=True)
class ResponseFacts:
    """Pain and opioids before and after a treatment, for the international consensus on response."""

    months_after: float | None = None
    pain_before_nrs: int | None = None
    pain_after_nrs: int | None = None
    opioids_before_mg_day: float | None = None
    """Daily oral morphine equivalent."""
    opioids_after_mg_day: float | None = None


@dataclass(frozen=True)
class ScoreFromOutside:
    """A score that was obtained elsewhere: what it said, when and where."""

    name: OutsideScore
    value: float
    """A probability from 0 to 1 (SORG, METSSS), or the total of the points (Rades)."""
    obtained_on: date
    source: str


@dataclass(frozen=True)
class AdverseEvent:
    """What went wrong after an operation, and when."""

    event: str
    clavien_dindo: ClavienDindo | None = None
    day: int | None = None
    """Days after the operation."""


@dataclass(frozen=True)
class PostoperativeFacts:
    """What was found after an operation."""

    contiguous_levels: int | None = None
    asia: NeurologicalGrade | None = None
    residual_escc: EsccGrade | None = None
    adverse_events: tuple[AdverseEvent, ...] | None = None


@dataclass(frozen=True)
class ReadingNote:
    """What was changed or found odd while a case file was read."""

    key: str
    """The path of the key, e.g. ``lesion.escc``."""
    message: str
    evidence: str = ""
    """The id of the rule behind it; empty for plain plausibility."""


@dataclass(frozen=True)
class Case:
    """A patient's case: everything an assessment may use."""

    oncology: OncologyFacts
    lesions: tuple[LesionFacts, ...]
    patient: PatientFacts = field(default_factory=PatientFacts)
    neuro: NeurologyFacts = field(default_factory=NeurologyFacts)
    postop: PostoperativeFacts | None = None
    laboratory: LaboratoryFacts = field(default_factory=LaboratoryFacts)
    response: ResponseFacts | None = None
    scores_from_outside: tuple[ScoreFromOutside, ...] = ()
    assessed_on: date | None = None
    version: str = "1.1"
    listed: bool = False
    """The lesions were given as a list, so the advice lists them too."""
    notes: tuple[ReadingNote, ...] = ()
