"""The advice in plain sentences, for someone who has not learnt the codes."""

from __future__ import annotations

from metaspine.assessment.options import possible
from metaspine.assessment.wording import hours_in_words, in_words
from metaspine.patient.advice import Advice, Basis, IortEligibility, LesionAdvice, Urgency
from metaspine.patient.case import Case

_MOST_UNKNOWN = 4
_ADULT_FROM_YEARS = 18
_CORD_SIGNS = ("neuro.presentation", "neuro.myelopathy", "neuro.cauda_equina")
_NO_TREATMENT = ("INSUFFICIENT_DATA", "MANUAL_REVIEW", "NOT_APPLICABLE_BENIGN")
"""Answers of NOMS that advise no treatment."""


def patient_summary(case: Case, advice: Advice, missing: tuple[str, ...]) -> str:
    """Return who the patient is, what comes first and what is still open, in three sentences or so."""
    levels = [lesion.level for lesion in advice.lesions]
    lesions = f"a lesion at {levels[0]}" if len(levels) == 1 else f"{len(levels)} lesions ({', '.join(levels)})"
    sentences = [f"{_who(case)} with {in_words('primary', case.oncology.primary)} and {lesions} of the spine."]
    if _is_child(case):
        sentences.append("Under 18 years: nothing that is said here is validated.")
    if len(levels) > 1:
        sentences.append(f"{advice.leading.level} comes first.")
    sentences.append(how_fast(advice.leading))
    if missing:
        named = ", ".join(in_words("key", key) for key in missing[:_MOST_UNKNOWN])
        more = f" and {len(missing) - _MOST_UNKNOWN} more" if len(missing) > _MOST_UNKNOWN else ""
        sentences.append(f"Not known, and could change the advice: {named}{more}.")
    return " ".join(sentences)


def lesion_summary(lesion: LesionAdvice) -> str:
    """Return what the lesion is like and what is advised for it, in plain sentences."""
    return " ".join((_finding(lesion), _advice(lesion), _irradiation(lesion)))


def how_fast(lesion: LesionAdvice) -> str:
    """Return the urgency of a lesion as a sentence, and beside it what not known could make it an emergency."""
    urgency = lesion.urgency
    said = windows_in_words(urgency)
    if urgency.urgency_class == "not_specified":
        start = "How fast cannot be judged yet" if not_judged(urgency) else "How fast is not stated by the sources"
    else:
        start = f"This is {'an emergency' if urgency.urgency_class == 'emergency' else urgency.urgency_class}"
    unstable = lesion.mechanical_urgency.value == "URGENT_SURGICAL_REVIEW"
    first = "The spine is unstable: precautions and review by a spine surgeon now. " if unstable else ""
    sentence = f"{first}{start}{': ' + said if said else ''}."
    unknown = unknown_cord_signs(urgency.basis)
    if urgency.urgency_class == "emergency" or not unknown:
        return sentence
    return f"{sentence} With cord signs it is an emergency; not known: {unknown}."


def windows_in_words(urgency: Urgency) -> str:
    """Return within which time MRI, tissue and treatment are due, as far as sources state one (BOARD-07)."""
    late = mri_after_treatment(urgency)
    windows = (
        ("MRI", None if late else urgency.mri_within_h),
        ("tissue", urgency.biopsy_within_h),
        ("treatment", urgency.treatment_within_h),
    )
    said = [f"{what} {hours_in_words(hours)}" for what, hours in windows if hours is not None]
    return ", ".join([*said, "MRI before it"] if late else said)


def mri_after_treatment(urgency: Urgency) -> bool:
    """Return whether the window for the MRI is longer than that for the treatment, which it must come before."""
    mri, treatment = urgency.mri_within_h, urgency.treatment_within_h
    return mri is not None and treatment is not None and mri > treatment


def not_judged(urgency: Urgency) -> bool:
    """Return whether no class of urgency is given because the presentation is not known."""
    return urgency.urgency_class == "not_specified" and "neuro.presentation" in urgency.basis.missing


def unknown_cord_signs(basis: Basis) -> str:
    """Return in words which findings of the cord or the cauda are not known; empty where all are."""
    return ", ".join(in_words("key", key) for key in _CORD_SIGNS if key in basis.missing)


def _is_child(case: Case) -> bool:
    return case.patient.age_years is not None and case.patient.age_years < _ADULT_FROM_YEARS


def _who(case: Case) -> str:
    patient = case.patient
    words = {"F": "girl", "M": "boy"} if _is_child(case) else {"F": "woman", "M": "man"}
    person = words.get(patient.sex or "", "patient")
    age = "of unknown age" if patient.age_years is None else f"of {patient.age_years:g} years"
    return f"A {person} {age}"


def _finding(lesion: LesionAdvice) -> str:
    category = in_words("sins_category", lesion.sins.category)
    stability = "the stability cannot be judged yet" if lesion.sins.total is None else f"the spine is {category}"
    if lesion.escc.grade is None:
        compression = "how far the tumour reaches into the canal is not known"
    else:
        compression = in_words("escc", lesion.escc.grade)
    return f"At {lesion.level} {stability}; {compression}."


def _advice(lesion: LesionAdvice) -> str:
    noms = lesion.noms
    others = [in_words("noms", row) for row in noms.acceptable if row != noms.recommendation]
    beside = f"; also acceptable: {', or '.join(others)}" if others else ""
    if noms.recommendation is None:
        return f"No single treatment is preferred, because something decisive is open: {', or '.join(others)}."
    advised = in_words("noms", noms.recommendation)
    return f"{_sentence(advised) if noms.recommendation in _NO_TREATMENT else f'Advised: {advised}'}{beside}."


def _irradiation(lesion: LesionAdvice) -> str:
    kinds = (("with stabilisation", lesion.iort_stabilisation), ("with kyphoplasty", lesion.iort_kyphoplasty))
    return f"Irradiation from inside: {'; '.join(f'{name} {_possible(kind, lesion)}' for name, kind in kinds)}."


def _possible(kind: IortEligibility, lesion: LesionAdvice) -> str:
    if not possible(kind, lesion):
        return "not possible"
    if kind.role is None:
        return "not decided yet"
    return {"eligible": "possible", "conditional": "possible under conditions", "indeterminate": "not decided yet"}[
        kind.status
    ]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
