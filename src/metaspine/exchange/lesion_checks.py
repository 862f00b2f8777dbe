"""What cannot be true together of a lesion and its radiotherapy, and what is odd."""

from __future__ import annotations

from collections.abc import Iterator

from metaspine.patient.case import Case, LesionFacts, PriorRadiotherapy, ReadingNote, longest_run
from metaspine.patient.instability import SINS_ITEMS, sins_points, sins_range

_BELOW_THE_SAC = ("S3", "S4", "S5")
_HIGH = ("2", "3")
_SETS = ("sectors", "wbb_zones", "wbb_layers")


def lesions_by_key(case: Case) -> Iterator[tuple[str, LesionFacts]]:
    """Yield each lesion with the path of its section in the case file."""
    for place, lesion in enumerate(case.lesions):
        yield (f"lesions[{place}]" if case.listed else "lesion"), lesion


def lesion_contradictions(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield the contradictions that are refused: key, what, remedy."""
    seen: set[str] = set()
    for key, lesion in lesions_by_key(case):
        if lesion.level in seen:
            yield f"{key}.level", f"two lesions of {lesion.level}", "Write one lesion a level"
        seen.add(lesion.level)
        yield from _sins_contradiction(key, lesion)
        if lesion.level in _BELOW_THE_SAC and lesion.escc in _HIGH:
            what = f"ESCC {lesion.escc} at {lesion.level}: neither the cord nor the thecal sac reaches that level"
            yield f"{key}.escc", what, "Correct the level or the grade (ESCC-03)"
        for name in _SETS:
            yield from repeated(f"{key}.{name}", getattr(lesion, name))


def lesion_oddities(case: Case) -> Iterator[ReadingNote]:
    """Yield a note for what is odd."""
    for key, lesion in lesions_by_key(case):
        yield from _odd_lesion(key, lesion)
        yield from _odd_levels(key, lesion)
        if isinstance(lesion.prior_rt_at_level, PriorRadiotherapy):
            yield from _odd_radiotherapy(f"{key}.prior_rt_at_level", lesion.prior_rt_at_level)


def repeated(key: str, values: tuple[object, ...] | None) -> Iterator[tuple[str, str, str]]:
    """Yield a contradiction where a value of a list stands in it twice: a score would count it twice."""
    for place, value in enumerate(values or ()):
        if value in (values or ())[:place]:
            yield key, f"{value} stands twice", "Write each one once"


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


def _odd_lesion(key: str, lesion: LesionFacts) -> Iterator[ReadingNote]:
    if lesion.level in _BELOW_THE_SAC and lesion.escc in ("1b", "1c"):
        message = f"ESCC {lesion.escc} at {lesion.level}, below the thecal sac: check it"
        yield ReadingNote(f"{key}.escc", message, "ESCC-03")
    if lesion.pain == "none" and (lesion.nrs or 0) > 0:
        yield ReadingNote(f"{key}.nrs", f"pain of {lesion.nrs}/10 beside pain: none")
    if lesion.level in ("T13", "L6"):
        message = "a supernumerary vertebra: its place in SINS is not settled (0 to 3 points)"
        yield ReadingNote(f"{key}.level", message, "LEVEL-02")


def _odd_levels(key: str, lesion: LesionFacts) -> Iterator[ReadingNote]:
    if lesion.levels_involved is None:
        return
    if lesion.level not in lesion.levels_involved:
        message = f"{lesion.level} itself is not among the levels involved: check both"
        yield ReadingNote(f"{key}.levels_involved", message)
    stated, shown = lesion.contiguous_levels, longest_run((lesion.level, *lesion.levels_involved))
    if stated is not None and stated != shown:
        more = "more" if shown > stated else f"only {shown}"
        message = f"{stated} stated, but levels_involved holds {more} in a row: the larger is followed"
        yield ReadingNote(f"{key}.contiguous_levels", message)


def _odd_radiotherapy(key: str, prior: PriorRadiotherapy) -> Iterator[ReadingNote]:
    if prior.dose_gy and prior.thecal_sac_dmax_gy and prior.thecal_sac_dmax_gy > 1.5 * prior.dose_gy:
        yield ReadingNote(f"{key}.thecal_sac_dmax_gy", "more than one and a half times the prescribed dose: check both")
    if prior.modality == "IORT" and (prior.fractions or 1) > 1:
        yield ReadingNote(f"{key}.fractions", "an intraoperative irradiation in several fractions: check it")
