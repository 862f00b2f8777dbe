"""What cannot be true together in a case, and what is odd: contradictions are refused, oddities become notes.

AIS A-D beside "no myelopathy" with ESCC 2-3 is not refused: the assessment takes the worse fact (NEURO-02).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from metaspine.errors import CaseError
from metaspine.patient.case import Case, LesionFacts, PriorRadiotherapy, ReadingNote
from metaspine.patient.instability import SINS_ITEMS, sins_points, sins_range

_BELOW_THE_SAC = ("S3", "S4", "S5")
_FEMALE_ONLY, _MALE_ONLY = ("ovarian", "uterus", "cervix"), ("prostate", "seminoma")
_HIGH = ("2", "3")


def checked(case: Case, *, where: str) -> Case:
    """Return the case with notes on what is odd in it.

    Raises
    ------
    CaseError
        When two of its facts contradict each other.
    """
    for key, what, remedy in _contradictions(case):
        raise CaseError(what, where=f"{where}, {key}", remedy=remedy)
    return replace(case, notes=(*case.notes, *_oddities(case)))


def _lesions(case: Case) -> Iterator[tuple[str, LesionFacts]]:
    for place, lesion in enumerate(case.lesions):
        yield (f"lesions[{place}]" if case.listed else "lesion"), lesion


def _contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    if case.patient.sex == "M" and case.patient.pregnant:
        yield "patient.pregnant", "a man (sex M) is given as pregnant", "Correct sex or pregnant"
    yield from _repeated_levels(case)
    for key, lesion in _lesions(case):
        yield from _contradictions_of_lesion(key, lesion)
        if case.neuro.presentation == "asymptomatic" and case.neuro.asia == "A" and lesion.escc not in _HIGH:
            yield "neuro.asia", "a complete deficit (ASIA A) and an asymptomatic presentation", "Correct one of the two"


def _repeated_levels(case: Case) -> Iterator[tuple[str, str, str]]:
    seen: set[str] = set()
    for key, lesion in _lesions(case):
        if lesion.level in seen:
            yield f"{key}.level", f"two lesions of {lesion.level}", "Write one lesion a level"
        seen.add(lesion.level)


def _contradictions_of_lesion(key: str, lesion: LesionFacts) -> Iterator[tuple[str, str, str]]:
    yield from _sins_contradiction(key, lesion)
    if lesion.level in _BELOW_THE_SAC and lesion.escc in _HIGH:
        yield (
            f"{key}.escc",
            f"ESCC {lesion.escc} at {lesion.level}: neither the cord nor the thecal sac reaches that level",
            "Correct the level or the grade (ESCC-03)",
        )


def _sins_contradiction(key: str, lesion: LesionFacts) -> Iterator[tuple[str, str, str]]:
    total = lesion.sins_reported_total
    low, high = sins_range(lesion)
    if total is None or low <= total <= high:
        return
    parts = ", ".join(f"{item} {a}" if a == b else f"{item} {a} to {b}" for item, (a, b) in sins_points(lesion).items())
    sum_text = f"{low}" if low == high else f"{low} to {high}"
    yield (
        f"{key}.sins_reported_total",
        f"a total of {total} is stated, but its parts give {sum_text} ({parts})",
        f"Correct the total or the parts ({', '.join(SINS_ITEMS)}), or leave the total out",
    )


def _oddities(case: Case) -> Iterator[ReadingNote]:
    yield from _odd_patient(case)
    yield from _odd_neurology(case)
    for key, lesion in _lesions(case):
        yield from _odd_lesion(key, lesion)
        if isinstance(lesion.prior_rt_at_level, PriorRadiotherapy):
            yield from _odd_radiotherapy(f"{key}.prior_rt_at_level", lesion.prior_rt_at_level)


def _odd_patient(case: Case) -> Iterator[ReadingNote]:
    patient, oncology = case.patient, case.oncology
    if oncology.primary == "unknown" and oncology.histology_confirmed:
        message = "a confirmed histology of an unknown primary: handled as unproven; write the primary once it is known"
        yield ReadingNote("oncology.histology_confirmed", message, "NOMS-12")
    against = {"M": _FEMALE_ONLY, "F": _MALE_ONLY}.get(patient.sex or "", ())
    if oncology.primary in against:
        yield ReadingNote("oncology.primary", f"{oncology.primary} with sex {patient.sex}: check both")
    if patient.kps is not None and patient.ecog is not None and abs(patient.kps - (95 - 20 * patient.ecog)) > 25:
        yield ReadingNote("patient.ecog", f"ECOG {patient.ecog} and KPS {patient.kps} do not fit each other", "KPS-01")
    counted = (oncology.vertebral_mets or 0) + (oncology.extraspinal_bone_mets or 0)
    if oncology.vertebral_mets is not None and oncology.vertebral_mets < len(case.lesions) and not _no_metastasis(case):
        followed = "the larger number is followed" if oncology.vertebral_mets else "0 cannot be, and is not used"
        message = f"{oncology.vertebral_mets} stated beside {len(case.lesions)} in the case: {followed}"
        yield ReadingNote("oncology.vertebral_mets", message)
    if oncology.total_metastases_count is not None and oncology.total_metastases_count < counted:
        yield ReadingNote(
            "oncology.total_metastases_count", f"fewer than the {counted} bone metastases that are stated"
        )


def _no_metastasis(case: Case) -> bool:
    return case.oncology.primary in ("hemangioma", "chordoma")


def _odd_neurology(case: Case) -> Iterator[ReadingNote]:
    neuro = case.neuro
    if neuro.asia and neuro.frankel and neuro.asia != neuro.frankel:
        yield ReadingNote(
            "neuro.frankel", f"Frankel {neuro.frankel} beside ASIA {neuro.asia}: each is used in its own place"
        )
    if _unexplained_deficit(case):
        message = (
            f"grade {neuro.asia or neuro.frankel} beside ESCC 2-3, but whether there is myelopathy or a cauda equina "
            "syndrome is not stated: state both, for with either this is an emergency"
        )
        yield ReadingNote("neuro.myelopathy", message, "NEURO-02")
    if neuro.presentation == "asymptomatic" and (neuro.myelopathy or neuro.cauda_equina):
        yield ReadingNote(
            "neuro.presentation", "asymptomatic beside signs of the cord or cauda: the worse fact is followed"
        )
    if neuro.ambulatory and neuro.asia == "A":
        yield ReadingNote("neuro.ambulatory", "a walking patient with a complete deficit (ASIA A): check both")
    if neuro.presentation == "clinical_cord_compression" and neuro.acute_cord_compression is False:
        yield ReadingNote("neuro.acute_cord_compression", "not acute beside a clinical cord compression: check both")


def _unexplained_deficit(case: Case) -> bool:
    neuro = case.neuro
    signs = (neuro.myelopathy, neuro.cauda_equina)
    return (
        (neuro.asia or neuro.frankel or "E") != "E"
        and any(lesion.escc in _HIGH for lesion in case.lesions)
        and None in signs
        and not any(signs)
        and neuro.presentation != "clinical_cord_compression"
    )


def _odd_lesion(key: str, lesion: LesionFacts) -> Iterator[ReadingNote]:
    if lesion.level in _BELOW_THE_SAC and lesion.escc in ("1b", "1c"):
        yield ReadingNote(
            f"{key}.escc", f"ESCC {lesion.escc} at {lesion.level}, below the thecal sac: check it", "ESCC-03"
        )
    if lesion.pain == "none" and (lesion.nrs or 0) > 0:
        yield ReadingNote(f"{key}.nrs", f"pain of {lesion.nrs}/10 beside pain: none")
    if lesion.level in ("T13", "L6"):
        message = "a supernumerary vertebra: its place in SINS is not settled (0 to 3 points)"
        yield ReadingNote(f"{key}.level", message, "LEVEL-02")
    if lesion.levels_involved is not None and lesion.level not in lesion.levels_involved:
        yield ReadingNote(
            f"{key}.levels_involved", f"{lesion.level} itself is not among the levels involved: check both"
        )
    if lesion.contiguous_levels is not None and (lesion.levels_in_a_row or 0) > lesion.contiguous_levels:
        message = f"{lesion.contiguous_levels} stated, but levels_involved holds more in a row: the larger is followed"
        yield ReadingNote(f"{key}.contiguous_levels", message)


def _odd_radiotherapy(key: str, prior: PriorRadiotherapy) -> Iterator[ReadingNote]:
    if prior.dose_gy and prior.thecal_sac_dmax_gy and prior.thecal_sac_dmax_gy > 1.5 * prior.dose_gy:
        yield ReadingNote(f"{key}.thecal_sac_dmax_gy", "more than one and a half times the prescribed dose: check both")
    if prior.modality == "IORT" and (prior.fractions or 1) > 1:
        yield ReadingNote(f"{key}.fractions", "an intraoperative irradiation in several fractions: check it")
