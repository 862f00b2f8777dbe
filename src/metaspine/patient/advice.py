"""The answer to a case: scores, decisions and their grounds, for each lesion and for the patient.

The fields of each part are the keys of table G3 of the clinical rules; ``basis`` says what the part rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from metaspine.patient.case import ReadingNote
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy

DISCLAIMER = "Decision support for research; multidisciplinary review required."

Eligibility = Literal["eligible", "conditional", "indeterminate", "ineligible"]


@dataclass(frozen=True)
class Basis:
    """What a part of the advice rests on."""

    evidence: tuple[str, ...] = ()
    """Ids of evidence entries."""
    missing: tuple[str, ...] = ()
    """Keys of the case file that are not known and could have changed the part."""
    notes: tuple[str, ...] = ()
    """Remarks for the reader, in plain words."""


@dataclass(frozen=True)
class Answer:
    """One code (or yes, no), or None where it cannot be decided or does not apply."""

    value: str | bool | None
    basis: Basis


@dataclass(frozen=True)
class Sins:
    """The Spinal Instability Neoplastic Score, or the range that the known facts leave."""

    components: Mapping[str, int | None] | None
    """The six items; None where only a total was reported."""
    total: int | None
    range: tuple[int, int]
    category: str
    surgeon_consult: bool | None
    source: str
    missing: tuple[str, ...]
    """The items that are not exactly known."""
    basis: Basis


@dataclass(frozen=True)
class Escc:
    """The grade of epidural compression and its class."""

    grade: str | None
    compression: str | None
    """low (0-1c) or high (2-3)."""
    region: str | None
    """cord, conus or cauda: what the canal holds at the level."""
    basis: Basis


@dataclass(frozen=True)
class Radiosensitivity:
    """How the tumour answers to conventional radiotherapy, list by list, and the class that is followed."""

    noms_s1: str
    gerszten_s2: str
    conflict: bool
    effective: str
    effective_reason: str
    basis: Basis


@dataclass(frozen=True)
class Noms:
    """The NOMS decision: one recommendation, or the alternatives."""

    recommendation: str | None
    acceptable: tuple[str, ...]
    """Preferred first."""
    table_2013: str | None
    hard_stops: tuple[str, ...]
    flags: tuple[str, ...]
    surgical_capacity: str
    basis: Basis
    flag_evidence: Mapping[str, tuple[str, ...]]
    """What each flag and hard stop rests on."""


@dataclass(frozen=True)
class Urgency:
    """The windows for MRI, treatment and biopsy, in hours; None where no source states one."""

    mri_within_h: int | None
    treatment_within_h: int | None
    biopsy_within_h: int | None
    urgency_class: str
    basis: Basis


@dataclass(frozen=True)
class Reason:
    """Why an irradiation is not simply possible: the code, its weight and the rules behind it."""

    code: str
    weight: Literal["hard", "unknown", "conditional"]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class IortEligibility:
    """Eligibility for one kind of intraoperative radiotherapy, with every reason."""

    status: Eligibility
    reasons: tuple[Reason, ...]
    """Sorted by code."""
    role: str | None
    basis: Basis

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """The codes of the reasons, sorted."""
        return tuple(reason.code for reason in self.reasons)

    @property
    def weightiest(self) -> tuple[Reason, ...]:
        """The reasons, those of most weight first; where some exclude, those alone: nothing else could change it."""
        weights = ("hard",) if self.status == "ineligible" else ("hard", "unknown", "conditional")
        found = [reason for reason in self.reasons if reason.weight in weights]
        return tuple(sorted(found, key=lambda reason: weights.index(reason.weight)))


@dataclass(frozen=True)
class Score:
    """A prognostic score: its items, total and meaning, or why there is none."""

    items: Mapping[str, int | None] | None
    """None where the score does not apply."""
    total: int | None
    meaning: str | None
    """The band of survival (Tokuhashi, Bauer) or the strategy (Tomita)."""
    reachable: tuple[int, int] | None
    """The range that the known items leave; None where the score does not apply."""
    reason: str | None
    """Why there is no total."""
    basis: Basis


@dataclass(frozen=True)
class Reirradiation:
    """What the criteria for re-irradiation leave for the thecal sac (EQD2, alpha/beta 2 Gy)."""

    prior_thecal_sac_eqd2_2: float | None
    max_new_thecal_sac_eqd2_2: float | None
    iort_max_canal_gy_physical: float | None
    interval_ge_5_months: bool | None
    all_hytec_criteria_can_be_met: bool | None
    reason: str | None
    basis: Basis


@dataclass(frozen=True)
class PostoperativeSbrt:
    """Whether stereotactic radiotherapy may follow an operation."""

    candidate: bool
    contraindications: tuple[str, ...]
    indications: tuple[str, ...]
    basis: Basis


@dataclass(frozen=True)
class LesionAdvice:
    """The answer for one lesion."""

    level: str
    sins: Sins
    escc: Escc
    radiosensitivity: Radiosensitivity
    noms: Noms
    urgency: Urgency
    mechanical_urgency: Answer
    steroids: Answer
    iort_stabilisation: IortEligibility
    iort_kyphoplasty: IortEligibility
    ebrt_schedule: Answer
    preop_embolisation: Answer
    en_bloc_criteria_met: Answer
    reirradiation: Reirradiation | None
    postop_sbrt: PostoperativeSbrt | None


@dataclass(frozen=True)
class Advice:
    """The answer for the patient: each lesion alone, never summed, and what holds for all of them."""

    lesions: tuple[LesionAdvice, ...]
    """In the order of the case file."""
    worst: int
    """The place in ``lesions`` of the one that decides for the patient."""
    listed: bool
    tokuhashi_revised: Score
    tomita: Score
    bauer_modified: Score
    survival_surgery_rule: Answer
    goals_of_care: Answer
    prognosis_flags: tuple[str, ...]
    flags: tuple[str, ...]
    flag_evidence: Mapping[str, tuple[str, ...]]
    """What each patient-wide flag rests on."""
    notes: tuple[ReadingNote, ...]
    policy: BoardPolicy = DEFAULT_POLICY
    """What is followed where the sources conflict."""
    disclaimer: str = DISCLAIMER

    @property
    def leading(self) -> LesionAdvice:
        """The lesion that decides for the patient: worst urgency, then higher ESCC, then higher SINS."""
        return self.lesions[self.worst]

    def of_level(self, level: str) -> LesionAdvice | None:
        """Return the advice for the lesion of a level, or None where the case has none there."""
        return next((lesion for lesion in self.lesions if lesion.level == level), None)
