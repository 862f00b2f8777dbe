"""What was found in a FHIR bundle for a case: facts, remarks, and what was not used and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from metaspine.exchange.fhir_models import Reference, Resource
from metaspine.patient.case import ReadingNote


@dataclass(frozen=True)
class NotUsed:
    """A resource, or a part of one, that gave nothing to the case."""

    resource: str
    """Its type and id."""
    code: str
    """What it is about: ``system|code``; empty where it has no code."""
    reason: str


@dataclass(frozen=True)
class Finding:
    """A fact that a resource states."""

    key: str
    """The key of the case form, with ``lesion.`` for what belongs to a lesion."""
    value: Any
    source: str
    """The resource's type and id."""
    level: str | None = None
    on: str | None = None
    """When it was found, as FHIR writes dates."""
    derived: bool = False
    """It was worked out and gives way to a stated one."""


OFF_TOPIC = ("nothing that a case asks for", "a kind of resource that a case is not read from")
"""The reasons of what has nothing to do with a spinal lesion; a record is full of it."""

Read = Iterator[Finding | NotUsed | ReadingNote]
"""What the readers of single resources yield."""


def told(not_used: Iterable[NotUsed]) -> Iterator[tuple[str, str]]:
    """Yield where and why something was not used; what is off the topic as one number."""
    listed = list(not_used)
    for one in listed:
        if one.reason not in OFF_TOPIC:
            yield one.resource, f"not used{f' ({one.code})' if one.code else ''}: {one.reason}"
    if number := sum(one.reason in OFF_TOPIC for one in listed):
        yield "bundle", f"{number} resource{'s' if number > 1 else ''} without anything that a case asks for"


def name_of(resource: Resource) -> str:
    """Return a resource's type and id, for a message."""
    return f"{resource.resource_type}/{resource.id or '(without id)'}"


def refers_to(reference: Reference | None, names: Iterable[str]) -> bool:
    """Say whether a reference names one of these (type/id, or a full URL), relative or absolute."""
    text = reference.reference if reference is not None else None
    return text is not None and any(text == name or text.endswith(f"/{name}") for name in names)


def settled(findings: Iterable[Finding]) -> tuple[list[Finding], list[NotUsed]]:
    """Return one finding for each fact, and those that were passed over (FHIR-14)."""
    kept: list[Finding] = []
    passed: list[NotUsed] = []
    ordered = sorted(findings, key=_place)
    for _, group in groupby(ordered, key=_place):
        stated = list(group)
        stated = [finding for finding in stated if not finding.derived] or stated
        chosen = _latest(stated)
        if chosen is not None:
            kept.append(chosen)
        reason = "the values differ and no date orders them; unknown" if chosen is None else "an older value"
        values = [repr(finding.value) for finding in stated]
        passed += [
            NotUsed(finding.source, finding.key, f"{reason} ({', '.join(sorted(set(values)))})")
            for finding in stated
            if chosen is None or finding.value != chosen.value
        ]
    return kept, passed


def _place(finding: Finding) -> tuple[str, str]:
    return finding.key, finding.level or ""


def _latest(findings: list[Finding]) -> Finding | None:
    if all(finding.value == findings[0].value for finding in findings):
        return findings[0]
    moments = [moment(finding.on) for finding in findings]
    for place in (1, 0):  # by the minute where all have one, else by the day
        known = [at for found in moments if found is not None and (at := found[place]) is not None]
        if len(known) < len(findings):
            continue
        best = [finding for finding, at in zip(findings, known, strict=True) if at == max(known)]
        return best[0] if all(finding.value == best[0].value for finding in best) else None
    return None


def moment(text: str | None) -> tuple[float, float | None] | None:
    """Return the day and, where it has a time zone, the second of a FHIR date; None for a partial date."""
    try:
        day = date.fromisoformat((text or "")[:10])
        at = datetime.fromisoformat(text or "") if len(text or "") > len("2026-01-31") else None
    except ValueError:
        return None
    return float(day.toordinal()), None if at is None or at.tzinfo is None else at.timestamp()


def day_of(text: str | None) -> date | None:
    """Return the day that a FHIR date names; None for a partial date."""
    found = moment(text)
    return None if found is None else date.fromordinal(int(found[0]))


def placed(findings: Iterable[Finding]) -> tuple[list[Finding], list[NotUsed], list[ReadingNote], tuple[str, ...]]:
    """Give each fact of a lesion to its lesion; return the facts, those without a lesion, remarks and the levels."""
    found = list(findings)
    levels = tuple(dict.fromkeys(str(finding.value) for finding in found if finding.key == "lesion.level"))
    kept: list[Finding] = []
    lost: list[NotUsed] = []
    notes: list[ReadingNote] = []
    for finding in found:
        if not finding.key.startswith("lesion.") or finding.level in levels:
            kept.append(finding)
        elif finding.level is None and len(levels) == 1:
            kept.append(replace(finding, level=levels[0]))
            notes.append(ReadingNote(finding.key, f"{finding.source} names no level: read for {levels[0]}", "FHIR-02"))
        else:
            where = (
                f"at {finding.level}, where no lesion is" if finding.level else "of no level, beside several lesions"
            )
            lost.append(NotUsed(finding.source, finding.key, where))
    return kept, lost, notes, levels
