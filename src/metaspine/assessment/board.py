"""Everything that was decided for a patient, put together for the tumour board (RULES B16, G1.17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from metaspine.assessment.among_lesions import facts_among, groups
from metaspine.assessment.answers import answered_facts
from metaspine.assessment.conflicts import conflicts_of
from metaspine.assessment.document import parts
from metaspine.assessment.engine import severity
from metaspine.assessment.options import options
from metaspine.assessment.pathway import pathway
from metaspine.assessment.rules import Facts, Rule, every_that_applies
from metaspine.assessment.scoring import scores_of_lesion, scores_of_patient
from metaspine.assessment.summary import lesion_summary, mri_after_treatment, patient_summary
from metaspine.assessment.tables import rules
from metaspine.assessment.wording import in_words
from metaspine.patient.advice import Advice, Basis, LesionAdvice
from metaspine.patient.board import Board, BoardLesion, Step, said_once
from metaspine.patient.case import Case, LesionFacts
from metaspine.patient.pathway import Advisory, Strength
from metaspine.patient.scoring import Scored

UNTREATED = "untreated"
FIRST_OF_ALL = "emergency"
"""The topic of what comes before everything else: to be done, never among what is not to do."""
_AVOIDED = ("avoid", "stop")
_PLACES = ("timed", "before_treatment", "treatment", "after_treatment")


def prepare_board(case: Case, advice: Advice) -> Board:
    """Return the board's page for a case and its advice, under the policy of the advice; pure, as ``assess`` is.

    The lesion to treat first stands first (BOARD-06).
    """
    of_patient = scores_of_patient(case)
    around = pathway(case, advice)
    facts = _facts_by_level(case, advice, of_patient)
    said = dict(zip((lesion.level for lesion in advice.lesions), around.of_lesions, strict=True))
    ordered = sorted(advice.lesions, key=severity, reverse=True)
    lesions = tuple(
        _lesion(case, lesion, facts[lesion.level], tuple(a for a in said[lesion.level] if a.topic != UNTREATED))
        for lesion in ordered
    )
    everything = said_once(around.of_patient, said)
    missing = _missing(advice)
    return Board(
        advice=advice,
        summary=patient_summary(case, advice, tuple(missing)),
        steps=tuple(_steps(advice, facts)),
        avoid=tuple(
            one for one in everything if one.strength in _AVOIDED and one.topic not in (UNTREATED, FIRST_OF_ALL)
        ),
        lesions=lesions,
        together=groups(advice),
        pathway=around,
        scores=of_patient,
        untreated=tuple(one for one in everything if one.topic == UNTREATED),
        missing=missing,
        disagreements=conflicts_of(case, advice, everything),
    )


def _facts_by_level(case: Case, advice: Advice, scores: Mapping[str, Scored]) -> dict[str, dict[str, Any]]:
    among = facts_among(case, advice)
    supportive = scores["rades_bsc_2013"].total
    return {
        of_lesion.level: {
            **answered_facts(case, lesion, advice, of_lesion),
            **among[of_lesion.level],
            "mri_within_h": of_lesion.urgency.mri_within_h,
            "mri_after_treatment": mri_after_treatment(of_lesion.urgency),
            "biopsy_within_h": of_lesion.urgency.biopsy_within_h,
            "rades_bsc_2013": supportive,
        }
        for lesion, of_lesion in zip(case.lesions, advice.lesions, strict=True)
    }


def _lesion(case: Case, lesion: LesionAdvice, facts: Facts, around: tuple[Advisory, ...]) -> BoardLesion:
    return BoardLesion(
        advice=lesion,
        summary=lesion_summary(lesion),
        options=options(lesion, facts),
        pathway=around,
        scores=scores_of_lesion(case, _facts_of(case, lesion.level)),
        remarks=tuple(_remark(rule, facts) for rule in every_that_applies(rules("board", "among_lesions"), facts)),
    )


def _facts_of(case: Case, level: str) -> LesionFacts:
    return next(lesion for lesion in case.lesions if lesion.level == level)


def _remark(rule: Rule, facts: Facts) -> Advisory:
    says = rule.extra["says"].format(others=facts["others"], construct=facts["construct"], session=facts["session"])
    strength: Strength = rule.strength  # type: ignore[assignment]
    return Advisory(rule.id, "among_lesions", rule.then, strength, says, rule.conflict, Basis(rule.evidence))


def _steps(advice: Advice, facts: Mapping[str, Facts]) -> Iterator[Step]:
    """Yield what to do, soonest first; a step that several lesions ask for stands once, with their levels.

    What has no time of its own stands where it belongs: before the treatment of its lesion, or after it.
    """
    found: dict[tuple[str, str, int | None], tuple[list[str], Rule, tuple[str, ...]]] = {}
    places: dict[tuple[str, str, int | None], tuple[float, int, int]] = {}
    listed = {rule.id: number for number, rule in enumerate(rules("board", "steps"))}
    for lesion in advice.lesions:
        for rule in every_that_applies(rules("board", "steps"), facts[lesion.level]):
            leads = lesion is advice.leading
            if rule.extra.get("scope") == "patient" and not leads:
                continue
            hours = _hours(rule, facts[lesion.level])
            key = (rule.then, _said(rule, lesion, facts[lesion.level]), hours)
            place = (*_place(rule, hours, lesion.urgency.treatment_within_h), listed[rule.id])
            places[key] = min(place, places.get(key, place))
            levels, _, _ = found.setdefault(key, ([], rule, _step_evidence(rule, lesion)))
            if rule.extra.get("scope") != "patient":
                levels.append(lesion.level)
    ordered = sorted(found.items(), key=lambda item: places[item[0]])
    for (code, says, hours), (levels, _, evidence) in ordered:
        yield Step(code, says, hours, ", ".join(levels), evidence)


def _place(rule: Rule, within_h: int | None, treatment_within_h: int | None) -> tuple[float, int]:
    """Return the hours and the place at them by which a step is put in order."""
    place = rule.extra.get("place", "timed")
    hours = treatment_within_h if within_h is None and place == "before_treatment" else within_h
    return float("inf") if hours is None else hours, _PLACES.index(place)


def _said(rule: Rule, lesion: LesionAdvice, facts: Facts) -> str:
    row = lesion.noms.recommendation
    return str(rule.extra["says"]).format(row="" if row is None else in_words("noms", row), others=facts["others"])


def _hours(rule: Rule, facts: Facts) -> int | None:
    within = rule.extra["within"]
    hours: int | None = facts[within] if isinstance(within, str) else within
    return hours


def _step_evidence(rule: Rule, lesion: LesionAdvice) -> tuple[str, ...]:
    part = rule.extra.get("evidence_of")
    beside = () if part is None else getattr(lesion, part).basis.evidence
    return tuple(dict.fromkeys((*rule.evidence, *beside)))


def _missing(advice: Advice) -> dict[str, tuple[str, ...]]:
    """Return every unknown key that could change an answer, with the levels that ask for it, the most asked first."""
    wanted: dict[str, dict[str, int]] = {}
    for lesion in advice.lesions:
        for basis in parts(advice, lesion).values():
            for key in basis.missing:
                levels = wanted.setdefault(key, {})
                levels[lesion.level] = levels.get(lesion.level, 0) + 1
    ordered = sorted(wanted.items(), key=lambda item: (-max(item[1].values()), item[0]))
    return {key: tuple(levels) for key, levels in ordered}
