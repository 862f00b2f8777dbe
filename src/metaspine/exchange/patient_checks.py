"""What cannot be true together of the patient, the cancer and its course, and what is odd."""

from __future__ import annotations

from collections.abc import Iterator

from metaspine.exchange.lesion_checks import lesions_by_key, repeated
from metaspine.patient.case import Case, OutsideScore, PriorRadiotherapy, ReadingNote

_FEMALE_ONLY, _MALE_ONLY = ("ovarian", "uterus", "cervix"), ("prostate", "seminoma")
_OLDEST_YEARS = 120
"""The oldest age that a case file may state (table G2)."""
_FERTILE_YEARS = (12, 55)
_CHARLSON_OF_AGE = 4
"""What age adds to a Charlson index at most."""
_CHARLSON_HEAVIEST = 6
_WORSE_OF_TWO = (
    ("diabetes", "diabetes_with_organ_damage"),
    ("mild_liver_disease", "severe_liver_disease"),
    ("other_cancer", "other_metastatic_cancer"),
)
_TOTALS: dict[OutsideScore, tuple[float, float]] = {
    "rades_2008_survival": (20, 45),
    "rades_2008_ambulation": (21, 44),
    "rades_elderly": (25, 57),
}
"""The totals that a score of Rades can reach (RULES A12); all other scores from outside are probabilities."""


def patient_contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield the contradictions that are refused: key, what, remedy."""
    patient = case.patient
    if patient.sex == "M" and patient.pregnant:
        yield "patient.pregnant", "a man (sex M) is given as pregnant", "Correct sex or pregnant"
    yield from repeated("patient.comorbidities", patient.comorbidities)
    yield from repeated("patient.frailty_findings", patient.frailty_findings)
    yield from _lifetimes(case)
    yield from _visceral_contradictions(case)
    yield from _scores_from_outside(case)
    yield from _events_after_death(case)


def patient_oddities(case: Case) -> Iterator[ReadingNote]:
    """Yield a note for what is odd."""
    yield from _odd_patient(case)
    yield from _odd_comorbidities(case)
    yield from _odd_oncology(case)
    yield from _odd_counts(case)


def _lifetimes(case: Case) -> Iterator[tuple[str, str, str]]:
    """Durations longer than the patient has lived, and a survival beyond any age."""
    age = case.patient.age_years
    lived = _OLDEST_YEARS if age is None else min(age + 1, _OLDEST_YEARS)
    years_old = "" if age is None else f" of a patient of {age:g} years"
    for key, value, unit, in_a_year in _durations(case):
        if value is not None and value > lived * in_a_year:
            yield key, f"{value:g} {unit} are longer than a lifetime{years_old}", f"Correct it, in {unit}"
    survival = case.patient.expected_survival_months
    if survival is not None and (age or 0) + survival / 12 > _OLDEST_YEARS:
        what = f"{survival:g} months more are longer than a lifetime{years_old}"
        yield "patient.expected_survival_months", what, "Write the expected survival in months, or leave it out"


def _durations(case: Case) -> Iterator[tuple[str, float | None, str, float]]:
    yield "neuro.symptom_duration_days", case.neuro.symptom_duration_days, "days", 366
    yield "neuro.days_to_motor_deficit", case.neuro.days_to_motor_deficit, "days", 366
    for name in ("months_since_primary_diagnosis", "months_from_diagnosis_to_metastasis"):
        yield f"oncology.{name}", getattr(case.oncology, name), "months", 12
    for key, lesion in lesions_by_key(case):
        if isinstance(lesion.prior_rt_at_level, PriorRadiotherapy):
            yield f"{key}.prior_rt_at_level.months_ago", lesion.prior_rt_at_level.months_ago, "months", 12


def _visceral_contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    oncology = case.oncology
    remedy = "Correct one of the two"
    if oncology.visceral_pattern == "nodular" and oncology.visceral_mets == "none" and oncology.brain_mets is False:
        what = "nodular visceral or cerebral metastases beside visceral_mets none and no brain metastasis"
        yield "oncology.visceral_pattern", what, remedy
    if oncology.visceral_pattern == "none" and oncology.visceral_mets in ("removable", "unremovable"):
        yield "oncology.visceral_pattern", f"none beside visceral_mets {oncology.visceral_mets}", remedy


def _scores_from_outside(case: Case) -> Iterator[tuple[str, str, str]]:
    for place, score in enumerate(case.scores_from_outside):
        key = f"scores_from_outside[{place}]"
        low, high = _TOTALS.get(score.name, (0, 1))
        if not low <= score.value <= high:
            kind = "a total" if score.name in _TOTALS else "a probability"
            percent = score.name not in _TOTALS
            remedy = f"Write {kind} from {low:g} to {high:g}"
            meant = f"; {score.value:g} % is {score.value / 100:g}" if percent else ""
            yield f"{key}.value", f"{score.value:g} is not possible for {score.name}", f"{remedy}{meant}"
        if score.name in [earlier.name for earlier in case.scores_from_outside[:place]]:
            yield f"{key}.name", f"{score.name} stands twice", "Keep the one that counts"


def _events_after_death(case: Case) -> Iterator[tuple[str, str, str]]:
    events = (case.postop and case.postop.adverse_events) or ()
    deaths = [event.day for event in events if event.clavien_dindo == "V" and event.day is not None]
    for place, event in enumerate(events):
        if deaths and event.day is not None and event.day > min(deaths):
            what = f"{event.event} on day {event.day}, after the death (grade V) of day {min(deaths)}"
            yield f"postop.adverse_events[{place}].day", what, "Correct the day or the grade"


def _odd_patient(case: Case) -> Iterator[ReadingNote]:
    patient, (youngest, oldest) = case.patient, _FERTILE_YEARS
    if patient.kps is not None and patient.ecog is not None and abs(patient.kps - (95 - 20 * patient.ecog)) > 25:
        yield ReadingNote("patient.ecog", f"ECOG {patient.ecog} and KPS {patient.kps} do not fit each other", "KPS-01")
    if patient.kps == 0:
        yield ReadingNote("patient.kps", "Karnofsky 0 means that the patient has died: check it", "KPS-01")
    if patient.ecog == 5:
        yield ReadingNote("patient.ecog", "ECOG 5 means that the patient has died: check it", "KPS-01")
    if patient.pregnant and patient.age_years is not None and not youngest <= patient.age_years <= oldest:
        yield ReadingNote("patient.pregnant", f"pregnant at {patient.age_years:g} years: check both")


def _odd_comorbidities(case: Case) -> Iterator[ReadingNote]:
    listed, stated = case.patient.comorbidities, case.patient.cci_excluding_metastasis
    for milder, worse in _WORSE_OF_TWO:
        if listed and milder in listed and worse in listed:
            message = f"{milder} beside {worse}: only the worse of the two counts"
            yield ReadingNote("patient.comorbidities", message)
    if listed is None or stated is None:
        return
    least = len(listed) - sum(milder in listed and worse in listed for milder, worse in _WORSE_OF_TWO)
    if not least <= stated <= _CHARLSON_HEAVIEST * len(listed) + _CHARLSON_OF_AGE:
        message = f"a Charlson index of {stated} is stated, but {len(listed)} comorbidities are listed: check both"
        yield ReadingNote("patient.cci_excluding_metastasis", message)


def _odd_oncology(case: Case) -> Iterator[ReadingNote]:
    oncology = case.oncology
    if oncology.primary == "unknown" and oncology.histology_confirmed:
        message = (
            "the histology is confirmed, but not where it comes from: a cancer of unknown primary is handled as "
            "unproven (radioresistant until known); write the primary once the pathologist names it"
        )
        yield ReadingNote("oncology.histology_confirmed", message, "NOMS-12")
    against = {"M": _FEMALE_ONLY, "F": _MALE_ONLY}.get(case.patient.sex or "", ())
    if oncology.primary in against:
        yield ReadingNote("oncology.primary", f"{oncology.primary} with sex {case.patient.sex}: check both")
    if oncology.visceral_pattern == "disseminated" and oncology.visceral_mets == "none":
        message = "disseminated beside visceral_mets none: right only if pleura, peritoneum or meninges alone are meant"
        yield ReadingNote("oncology.visceral_pattern", message)
    if oncology.visceral_pattern == "none" and oncology.brain_mets:
        yield ReadingNote(
            "oncology.visceral_pattern", "none beside brain metastases, which belong to nodular: check both"
        )


def _odd_counts(case: Case) -> Iterator[ReadingNote]:
    oncology = case.oncology
    counted = (oncology.vertebral_mets or 0) + (oncology.extraspinal_bone_mets or 0)
    if oncology.vertebral_mets is not None and oncology.vertebral_mets < len(case.lesions) and not _no_metastasis(case):
        followed = "the larger number is followed" if oncology.vertebral_mets else "0 cannot be, and is not used"
        message = f"{oncology.vertebral_mets} stated beside {len(case.lesions)} in the case: {followed}"
        yield ReadingNote("oncology.vertebral_mets", message)
    if oncology.total_metastases_count is not None and oncology.total_metastases_count < counted:
        message = f"fewer than the {counted} bone metastases that are stated"
        yield ReadingNote("oncology.total_metastases_count", message)
    if oncology.organ_systems_with_metastases == 0 and oncology.visceral_mets in ("removable", "unremovable"):
        message = f"0 beside visceral_mets {oncology.visceral_mets}: check both"
        yield ReadingNote("oncology.organ_systems_with_metastases", message)


def _no_metastasis(case: Case) -> bool:
    return case.oncology.primary in ("hemangioma", "chordoma")
