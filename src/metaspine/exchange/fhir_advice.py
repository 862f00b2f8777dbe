"""Write the advice to a case as FHIR R4: scores as observations, the decision as a care plan, dangers as issues.

Codes without a standard stand in local systems (FHIR-13). Every resource carries what it rests on, the disclaimer and
the program's version; the plan is a draft and a proposal, never an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from metaspine.evidence import conflicts
from metaspine.exchange.fhir_codes import NOMS, concept, site_of
from metaspine.exchange.fhir_models import (
    Activity,
    ActivityDetail,
    Annotation,
    CarePlan,
    CodeableConcept,
    Coding,
    Component,
    DetectedIssue,
    Extension,
    Meta,
    Mitigation,
    Observation,
    Quantity,
    Range,
    Reference,
    Resource,
)
from metaspine.exchange.fhir_writing import VERSION, bundle, patient_of
from metaspine.patient.advice import Advice, Basis, IortEligibility, LesionAdvice, Score
from metaspine.patient.case import Case
from metaspine.running.dates import now_or_source_date
from metaspine.version import __version__

EVIDENCE, REMARK = "urn:metaspine:evidence", "urn:metaspine:disclaimer"
SCORE, SCORE_ITEM, CODE = "urn:metaspine:score", "urn:metaspine:score-item", "urn:metaspine:code"
_SEVERITY = {"emergency": "high", "urgent": "moderate"}
_SERIOUS = ("CONTRADICTION_AIS_MYELOPATHY", "NEURO_IMAGING_DISCORDANCE", "BILATERAL_RADICULAR_ESCALATE")

Words = Callable[[str, str], str]
"""Takes the part of the advice and a code, returns plain words: ``assessment.in_words``."""


def advice_bundle(case: Case, advice: Advice, *, in_words: Words, patient: str | None = None) -> dict[str, Any]:
    """Return the advice as a FHIR R4 bundle (collection); ids come from the content.

    Parameters
    ----------
    case
        The case that was assessed.
    advice
        Its advice.
    in_words
        Plain words for a code of the advice.
    patient
        The hospital's own reference to the patient, e.g. ``Patient/123``; without it the bundle holds a patient of
        whom it knows the sex alone.

    Raises
    ------
    InputError
        When SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    own = patient_of(case)
    write = _Writer(Reference(reference=patient or f"urn:uuid:{own.id}"), in_words, advice)
    resources = [resource for lesion in advice.lesions for resource in write.lesion(lesion)]
    return bundle([*([] if patient else [own]), *resources, *write.scores(), *write.issues_of_patient()])


class _Writer:
    """Writes the parts of one advice for one patient."""

    def __init__(self, subject: Reference, in_words: Words, advice: Advice) -> None:
        self._subject, self._words, self._advice = subject, in_words, advice
        self._now = now_or_source_date().isoformat()

    def lesion(self, lesion: LesionAdvice) -> Iterator[Resource]:
        """Yield what is advised for a lesion."""
        yield self._sins(lesion)
        grade = lesion.escc.grade
        value = (
            {"value_codeable_concept": concept(f"{SCORE}|escc-{grade}", text=self._words("escc", grade))}
            if grade
            else {}
        )
        yield self._observation("escc", value or _absent("not known"), lesion.escc.basis, level=lesion.level)
        for name in ("iort_stabilisation", "iort_kyphoplasty"):
            yield self._iort(name, getattr(lesion, name), lesion.level)
        yield self._plan(lesion)
        yield from self._issues(lesion)

    def scores(self) -> Iterator[Observation]:
        """Yield the scores of prognosis."""
        for name in ("tokuhashi_revised", "tomita", "bauer_modified"):
            score: Score = getattr(self._advice, name)
            meaning = [_plain(self._words("meaning", score.meaning), score.meaning)] if score.meaning else []
            items = [
                Component(code=concept(f"{SCORE_ITEM}|{name}.{item}"), value_integer=points)
                for item, points in (score.items or {}).items()
                if points is not None
            ]
            reason = "" if score.reason is None else self._words("score_reason", score.reason)
            value = _total(score.total, score.reachable, reason)
            yield self._observation(name, value, score.basis, items=items, meaning=meaning)

    def issues_of_patient(self) -> Iterator[DetectedIssue]:
        """Yield the flags that hold for the whole patient."""
        advice = self._advice
        for code in (*advice.flags, *advice.prognosis_flags):
            yield self._issue("flag", code, "low", advice.flag_evidence.get(code, ()), "")

    def _sins(self, lesion: LesionAdvice) -> Observation:
        sins = lesion.sins
        items = [
            Component(
                code=concept(f"{SCORE_ITEM}|sins.{item}", text=self._words("sins_item", item)), value_integer=points
            )
            for item, points in (sins.components or {}).items()
            if points is not None
        ]
        meaning = [_plain(self._words("sins_category", sins.category), sins.category)]
        value = _total(sins.total, sins.range, "items are missing")
        return self._observation("sins", value, sins.basis, level=lesion.level, items=items, meaning=meaning)

    def _iort(self, name: str, found: IortEligibility, level: str) -> Observation:
        reasons = [
            Component(
                code=concept(f"{CODE}|iort_reason", text=self._words("iort_weight", reason.weight)),
                value_codeable_concept=_plain(self._words("iort_reason", reason.code), reason.code),
            )
            for reason in found.reasons
        ]
        status = _plain(self._words("iort_status", found.status), found.status)
        value = {"value_codeable_concept": status}
        return self._observation(name, value, found.basis, level=level, items=reasons)

    def _observation(
        self,
        name: str,
        value: dict[str, Any],
        basis: Basis,
        *,
        level: str | None = None,
        items: Iterable[Component] = (),
        meaning: Iterable[CodeableConcept] = (),
    ) -> Observation:
        return Observation(
            meta=_meta(),
            extension=_ground(basis.evidence) or None,
            status="preliminary",
            code=concept(f"{SCORE}|{name}", text=name.replace("_", " ")),
            subject=self._subject,
            effective_date_time=self._now,
            interpretation=list(meaning) or None,
            note=self._notes(basis),
            body_site=site_of(level) if level is not None else None,
            component=list(items) or None,
            **value,
        )

    def _notes(self, basis: Basis) -> list[Annotation]:
        lines = [self._advice.disclaimer, *basis.notes]
        lines += [f"Rests on: {', '.join(basis.evidence)}"] if basis.evidence else []
        lines += [f"Not known: {', '.join(basis.missing)}"] if basis.missing else []
        return [Annotation(text=line) for line in lines]

    def _plan(self, lesion: LesionAdvice) -> CarePlan:
        noms = lesion.noms
        preferred = noms.recommendation
        alternatives = [code for code in noms.acceptable if code != preferred]
        activities = [self._activity("recommended", preferred)] if preferred is not None else []
        activities += [self._activity("alternative" if preferred else "one of several", code) for code in alternatives]
        return CarePlan(
            meta=_meta(),
            extension=[*_ground(noms.basis.evidence), *_site(lesion.level)],
            status="draft",
            intent="proposal",
            title=f"{lesion.level}: {self._words('noms', preferred) if preferred else 'no single recommendation'}",
            description=self._advice.disclaimer,
            subject=self._subject,
            created=self._now,
            activity=activities or None,
            note=[*self._notes(noms.basis), Annotation(text=f"Policy: {self._advice.policy.in_words}")],
        )

    def _activity(self, weight: str, code: str) -> Activity:
        words = self._words("noms", code)
        what = concept(f"{NOMS}|{code}", text=words)
        return Activity(detail=ActivityDetail(code=what, status="not-started", description=f"{weight}: {words}"))

    def _issues(self, lesion: LesionAdvice) -> Iterator[DetectedIssue]:
        noms, urgency = lesion.noms, lesion.urgency
        for code in noms.hard_stops:
            yield self._issue("hard_stop", code, "high", noms.flag_evidence.get(code, ()), lesion.level)
        if urgency.urgency_class in _SEVERITY:
            windows = (
                ("MRI", urgency.mri_within_h),
                ("treatment", urgency.treatment_within_h),
                ("biopsy", urgency.biopsy_within_h),
            )
            todo = [f"{what} {_within(hours)}" for what, hours in windows if hours is not None]
            severity = _SEVERITY[urgency.urgency_class]
            yield self._issue(
                "urgency_class", urgency.urgency_class, severity, urgency.basis.evidence, lesion.level, todo
            )
        unstable = lesion.mechanical_urgency.value
        if unstable == "URGENT_SURGICAL_REVIEW":
            evidence = lesion.mechanical_urgency.basis.evidence
            yield self._issue("mechanical_urgency", unstable, "moderate", evidence, lesion.level)
        for code in noms.flags:
            if code not in noms.hard_stops:
                severity = "high" if code in _SERIOUS else "moderate" if "CONFLICT" in code else "low"
                yield self._issue("flag", code, severity, noms.flag_evidence.get(code, ()), lesion.level)
        yield from self._conflicts(lesion)

    def _conflicts(self, lesion: LesionAdvice) -> Iterator[DetectedIssue]:
        """Yield each conflict between sources that the advice for a lesion rests on, and the side that is followed."""
        for conflict in (conflicts()[name] for name in _conflicts_of(lesion)):
            side = self._advice.policy.side(conflict.id)
            choice = "the centre's choice" if side != conflict.default else "the default"
            sides = " ".join(
                f"[{key}] {one.statement} ({', '.join(one.references)})" for key, one in conflict.sides.items()
            )
            yield DetectedIssue(
                meta=_meta(),
                extension=[*_ground([conflict.id]), *_site(lesion.level), self._remark()],
                status="preliminary",
                code=concept(f"{CODE}|conflict.{conflict.id}", text=conflict.question),
                severity="moderate",
                patient=self._subject,
                identified_date_time=self._now,
                detail=f"{lesion.level}: {conflict.question} {sides} {self._advice.disclaimer}",
                mitigation=[Mitigation(action=CodeableConcept(text=f"Followed: {side}, {choice}. {conflict.why}"))],
            )

    def _remark(self) -> Extension:
        return Extension(url=REMARK, value_string=self._advice.disclaimer)

    def _issue(
        self, part: str, code: str, severity: str, evidence: Iterable[str], level: str, todo: Iterable[str] = ()
    ) -> DetectedIssue:
        words = self._words(part, code)
        actions = list(todo) or [words]
        return DetectedIssue(
            meta=_meta(),
            extension=[
                *_ground(evidence),
                *(_site(level) if level else ()),
                self._remark(),
            ],
            status="preliminary",
            code=concept(f"{CODE}|{part}.{code}", text=words),
            severity=severity,
            patient=self._subject,
            identified_date_time=self._now,
            detail=f"{f'{level}: ' if level else ''}{words}. {self._advice.disclaimer}",
            mitigation=[Mitigation(action=CodeableConcept(text=action)) for action in actions],
        )


def _conflicts_of(lesion: LesionAdvice) -> list[str]:
    """Return the ids of the conflicts among all that the advice for a lesion rests on, each once."""
    bases = [part.basis.evidence for part in vars(lesion).values() if hasattr(part, "basis")]
    named = [*bases, *lesion.noms.flag_evidence.values()]
    return list(dict.fromkeys(name for evidence in named for name in evidence if name in conflicts()))


def _total(total: int | None, reachable: tuple[int, int] | None, reason: str) -> dict[str, Any]:
    """Return a total, else the reachable range, else why there is neither."""
    if total is not None:
        return {"value_integer": total}
    if reachable is not None:
        low, high = (Quantity(value=points) for points in reachable)
        return {"value_range": Range(low=low, high=high)}
    return _absent(reason)


def _absent(reason: str) -> dict[str, Any]:
    return {"data_absent_reason": CodeableConcept(text=reason or "not known")}


def _plain(words: str, code: str) -> CodeableConcept:
    return concept(f"{CODE}|{code}", text=words)


def _meta() -> Meta:
    return Meta(tag=[Coding(system=VERSION, code=__version__)])


def _ground(evidence: Iterable[str]) -> list[Extension]:
    return [Extension(url=EVIDENCE, value_string=identifier) for identifier in evidence]


def _site(level: str) -> list[Extension]:
    return [Extension(url="urn:metaspine:body-site", value_codeable_concept=site_of(level))]


def _within(hours: int) -> str:
    return "at once" if hours == 0 else f"within {hours} h"
