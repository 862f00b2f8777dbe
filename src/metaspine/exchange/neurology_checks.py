"""What cannot be true together of the nervous system, and what is odd; an emergency is never explained away."""

from __future__ import annotations

from collections.abc import Iterator

from metaspine.patient.case import Case, NeurologyFacts, ReadingNote

_HIGH, _LOW = ("2", "3"), ("0", "1a", "1b", "1c")
_SCALES = (("asia", "ASIA"), ("frankel", "Frankel"))


def neurology_contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield the contradictions that are refused: key, what, remedy.

    AIS A-D beside "no myelopathy" with ESCC 2-3 is not refused: the assessment takes the worse fact (NEURO-02).
    """
    neuro = case.neuro
    explained = any(lesion.escc in _HIGH for lesion in case.lesions)
    for key, name in _SCALES:
        if neuro.presentation == "asymptomatic" and getattr(neuro, key) == "A" and not explained:
            what = f"a complete deficit ({name} A) and an asymptomatic presentation"
            yield f"neuro.{key}", what, "Correct one of the two"
    if neuro.ambulatory is False and neuro.walks_without_help:
        what = "walks without help, but is not ambulatory"
        yield "neuro.walks_without_help", what, "Correct one of the two; ambulatory includes walking with help"


def neurology_oddities(case: Case) -> Iterator[ReadingNote]:
    """Yield a note for what is odd."""
    neuro = case.neuro
    if neuro.asia and neuro.frankel and neuro.asia != neuro.frankel:
        message = f"Frankel {neuro.frankel} beside ASIA {neuro.asia}: each is used in its own place"
        yield ReadingNote("neuro.frankel", message)
    yield from _deficits(case)
    if neuro.presentation == "asymptomatic" and (neuro.myelopathy or neuro.cauda_equina):
        message = "asymptomatic beside signs of the cord or cauda: the worse fact is followed"
        yield ReadingNote("neuro.presentation", message)
    for key, name in _SCALES:
        if (neuro.ambulatory or neuro.walks_without_help) and getattr(neuro, key) == "A":
            message = f"a walking patient with a complete deficit ({name} A): check both"
            yield ReadingNote("neuro.ambulatory", message)
            break
    if neuro.presentation == "clinical_cord_compression" and neuro.acute_cord_compression is False:
        yield ReadingNote("neuro.acute_cord_compression", "not acute beside a clinical cord compression: check both")


def _deficits(case: Case) -> Iterator[ReadingNote]:
    """Yield a note on a deficit of the cord that nothing else speaks of: beside a compression, or without one."""
    neuro, grade = case.neuro, case.neuro.asia or case.neuro.frankel or "E"
    grades = {lesion.escc for lesion in case.lesions}
    if _speaks_of_the_cord(neuro):
        return
    if grade != "E" and grades & set(_HIGH) and None in (neuro.myelopathy, neuro.cauda_equina):
        message = (
            f"grade {grade} beside ESCC 2-3, but whether there is myelopathy or a cauda equina syndrome is not stated: "
            "state both, for with either this is an emergency"
        )
        yield ReadingNote("neuro.myelopathy", message, "NEURO-02")
    if grade in ("A", "B", "C") and grades <= set(_LOW):
        message = (
            f"grade {grade}, but no ESCC above 1c explains it: MRI of the whole spine, and think of the other causes; "
            "where the cord or cauda is affected write myelopathy or cauda_equina, for then a person reviews (NOMS-19)"
        )
        yield ReadingNote("neuro.asia" if neuro.asia else "neuro.frankel", message, "DDX-01")


def _speaks_of_the_cord(neuro: NeurologyFacts) -> bool:
    return bool(neuro.myelopathy or neuro.cauda_equina) or neuro.presentation == "clinical_cord_compression"
