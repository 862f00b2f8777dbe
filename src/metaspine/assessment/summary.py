"""The advice in plain sentences, for someone who has not learnt the codes."""

from __future__ import annotations

from metaspine.assessment.wording import hours_in_words, in_words
from metaspine.patient.advice import Advice, IortEligibility, LesionAdvice
from metaspine.patient.case import Case

_MOST_UNKNOWN = 4


def patient_summary(case: Case, advice: Advice, missing: tuple[str, ...]) -> str:
    """Return who the patient is, what comes first and what is still open, in three sentences or so."""
    levels = [lesion.level for lesion in advice.lesions]
    lesions = f"a lesion at {levels[0]}" if len(levels) == 1 else f"{len(levels)} lesions ({', '.join(levels)})"
    sentences = [f"{_who(case)} with {in_words('primary', case.oncology.primary)} and {lesions} of the spine."]
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
    """Return the urgency of a lesion as a sentence."""
    urgency = lesion.urgency
    windows = (
        ("MRI", urgency.mri_within_h),
        ("tissue", urgency.biopsy_within_h),
        ("treatment", urgency.treatment_within_h),
    )
    said = [f"{what} {hours_in_words(hours)}" for what, hours in windows if hours is not None]
    if urgency.urgency_class == "not_specified":
        return f"How fast is not stated by the sources{': ' + ', '.join(said) if said else ''}."
    word = "This is an emergency" if urgency.urgency_class == "emergency" else f"This is {urgency.urgency_class}"
    return f"{word}{': ' + ', '.join(said) if said else ''}."


def _who(case: Case) -> str:
    patient = case.patient
    person = {"F": "woman", "M": "man"}.get(patient.sex or "", "patient")
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
    return f"Advised: {in_words('noms', noms.recommendation)}{beside}."


def _irradiation(lesion: LesionAdvice) -> str:
    kinds = (("with stabilisation", lesion.iort_stabilisation), ("with kyphoplasty", lesion.iort_kyphoplasty))
    return f"Irradiation from inside: {'; '.join(f'{name} {_possible(kind)}' for name, kind in kinds)}."


def _possible(kind: IortEligibility) -> str:
    if kind.role is None:
        return "not possible"
    return {"eligible": "possible", "conditional": "possible under conditions", "indeterminate": "not decided yet"}[
        kind.status
    ]
