"""The advice to a patient as cards: what cannot wait first, each with its ground and the disclaimer (CDS-01)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from metaspine.assessment import hours_in_words, in_words
from metaspine.exchange.fhir_models import Coding
from metaspine.patient.advice import DISCLAIMER, Advice, Basis, LesionAdvice
from metaspine.patient.case import ReadingNote
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.server.hook_models import Card, Source

Indicator = Literal["info", "warning", "critical"]
COMPRESSION_CODED = "FHIR-12"
_LABEL = "metaspine: spinal metastases, decision support for research"
_MOST = 139
_REASONS = {
    "already-done": "Already done",
    "decided-otherwise": "The tumour board decided otherwise",
    "record-wrong": "The record is wrong or out of date",
    "not-this-lesion": "It does not concern this lesion",
}
_CONTRADICTIONS = ("CONTRADICTION_AIS_MYELOPATHY", "NEURO_IMAGING_DISCORDANCE")


@dataclass(frozen=True)
class Call:
    """One call of a service, and the policy that the service follows."""

    instance: UUID
    policy: BoardPolicy = DEFAULT_POLICY


def card(call: Call, indicator: Indicator, summary: str, lines: Iterable[str]) -> Card:
    """Return a card; its id comes from call and content, and it ends with a centre's policy and the disclaimer."""
    policy = [] if call.policy == DEFAULT_POLICY else [f"Policy: {call.policy.in_words}"]
    detail = "\n".join([*(f"- {line}" for line in (*lines, *policy)), "", f"**{DISCLAIMER}**"])
    short = summary if len(summary) <= _MOST else f"{summary[: _MOST - 1]}…"
    reasons = [Coding(system="urn:metaspine:override", code=code, display=text) for code, text in _REASONS.items()]
    return Card(
        uuid=str(uuid5(call.instance, f"{indicator}|{summary}|{detail}")),
        summary=short,
        detail=detail,
        indicator=indicator,
        source=Source(label=_LABEL),
        override_reasons=None if indicator == "info" else reasons,
    )


def cards_of_advice(call: Call, advice: Advice, remarks: Iterable[str]) -> Iterator[Card]:
    """Yield the cards for a patient, the lesion that decides first.

    Parameters
    ----------
    call
        The call.
    advice
        The advice.
    remarks
        What was interpreted while the record was read, and what was not used.
    """
    emergency = any(lesion.urgency.urgency_class == "emergency" for lesion in advice.lesions)
    if not emergency:
        yield from compression_coded(call, advice.notes)
    rest = [lesion for lesion in advice.lesions if lesion is not advice.leading]
    for lesion in (advice.leading, *rest):
        yield from _warnings(call, lesion, _steroids(advice, lesion))
    told = list(remarks)
    for lesion in (advice.leading, *rest):
        yield _recommendation(call, lesion, [*_steroids(advice, lesion), *told])


def compression_coded(call: Call, notes: Iterable[ReadingNote]) -> Iterator[Card]:
    """Yield a critical card where a compression is coded and its findings are not stated."""
    for note in notes:
        if note.evidence == COMPRESSION_CODED:
            summary = "A compression of the cord or cauda equina is coded without findings: examine at once."
            window = "With cord signs: MRI at once, treatment within 24 h (URG-10)."
            yield card(call, "critical", summary, [note.message, window, f"Rests on: {note.evidence}"])


def _warnings(call: Call, lesion: LesionAdvice, steroids: list[str]) -> Iterator[Card]:
    urgency, noms = lesion.urgency, lesion.noms
    windows = _windows(lesion)
    ground = _ground(urgency.basis)
    if urgency.urgency_class == "emergency":
        summary = f"{lesion.level}: EMERGENCY: {'; '.join(windows)}."
        yield card(call, "critical", summary, [*windows, *steroids, *ground])
    elif urgency.urgency_class == "urgent":
        summary = f"{lesion.level}: urgent: {'; '.join(windows) or 'see the details'}."
        yield card(call, "warning", summary, [*windows, *steroids, *ground])
    if lesion.mechanical_urgency.value == "URGENT_SURGICAL_REVIEW":
        words = in_words("mechanical_urgency", "URGENT_SURGICAL_REVIEW")
        basis = lesion.mechanical_urgency.basis
        yield card(call, "warning", f"{lesion.level}: {words}.", [_sins(lesion), *_ground(basis)])
    for code in noms.hard_stops:
        words = in_words("hard_stop", code)
        yield card(call, "warning", f"{lesion.level}: {words}.", _flag_ground(lesion, code))
    for code in noms.flags:
        if code in _CONTRADICTIONS and code not in noms.hard_stops:
            words = in_words("flag", code)
            yield card(call, "warning", f"{lesion.level}: {words}.", _flag_ground(lesion, code))


def _recommendation(call: Call, lesion: LesionAdvice, remarks: list[str]) -> Card:
    noms = lesion.noms
    words = [in_words("noms", code) for code in noms.acceptable]
    if noms.recommendation is not None:
        summary = f"{lesion.level}: {in_words('noms', noms.recommendation)}."
        rest = [in_words("noms", code) for code in noms.acceptable if code != noms.recommendation]
        lines = [f"Alternatives: {'; '.join(rest)}"] if rest else []
    else:
        summary = f"{lesion.level}: no single recommendation; {' or '.join(words)}."
        lines = [f"Possible: {'; '.join(words)}"]
    lines += [_sins(lesion), _escc(lesion)]
    for name, found in (("stabilisation", lesion.iort_stabilisation), ("kyphoplasty", lesion.iort_kyphoplasty)):
        reasons = "; ".join(in_words("iort_reason", reason.code) for reason in found.weightiest)
        status = in_words("iort_status", found.status)
        lines.append(f"IORT with {name}: {status}{f' ({reasons})' if reasons else ''}")
    lines += [in_words("flag", code) for code in noms.flags if code not in noms.hard_stops]
    lines += [*_ground(noms.basis), *remarks]
    return card(call, "info", summary, lines)


def _windows(lesion: LesionAdvice) -> list[str]:
    urgency = lesion.urgency
    named = (
        ("MRI", urgency.mri_within_h),
        ("treatment", urgency.treatment_within_h),
        ("biopsy", urgency.biopsy_within_h),
    )
    return [f"{what} {hours_in_words(hours)}" for what, hours in named if hours is not None]


def _steroids(advice: Advice, lesion: LesionAdvice) -> list[str]:
    """Return the line on steroids: they are the patient's, and stand with the lesion that decides."""
    if lesion is not advice.leading:
        return []
    value = lesion.steroids.value
    return [f"Steroids: {in_words('steroids', value) if isinstance(value, str) else 'cannot be decided yet'}"]


def _sins(lesion: LesionAdvice) -> str:
    sins = lesion.sins
    low, high = sins.range
    points = str(sins.total) if sins.total is not None else f"{low} to {high}"
    return f"SINS {points}: {in_words('sins_category', sins.category)}"


def _escc(lesion: LesionAdvice) -> str:
    grade = lesion.escc.grade
    return f"ESCC {grade}: {in_words('escc', grade)}" if grade is not None else "ESCC not known"


def _ground(basis: Basis) -> list[str]:
    lines = [f"Not known, and could change this: {', '.join(_key(key) for key in basis.missing)}"]
    return (lines if basis.missing else []) + [f"Rests on: {', '.join(basis.evidence)}"]


def _key(key: str) -> str:
    return in_words("key", key)


def _flag_ground(lesion: LesionAdvice, code: str) -> list[str]:
    return [f"Rests on: {', '.join(lesion.noms.flag_evidence.get(code, ()))}"]
