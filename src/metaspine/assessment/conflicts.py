"""The conflicts between sources that a patient's advice depends on, side by side, and the side that is followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from metaspine.assessment.engine import assess
from metaspine.evidence import Conflict, conflicts, look_up
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.case import Case
from metaspine.patient.pathway import Advisory
from metaspine.patient.policy import BoardPolicy, Followed, Ground


def conflicts_of(case: Case, advice: Advice, advisories: Iterable[Advisory] = ()) -> tuple[Followed, ...]:
    """Return the conflicts that the advice for a case depends on, in the order of their file.

    A choice can take a conflict's words out of the answer (a reason that is no longer one), so the advice under
    section G is looked at too.

    Parameters
    ----------
    advisories
        Those of the pathway around the decision, where they are wanted too.
    """
    named = set(_named(advice)) | {advisory.conflict for advisory in advisories}
    if advice.policy.departures:
        named |= set(_named(assess(case)))
    return tuple(_followed(conflict, advice.policy) for name, conflict in conflicts().items() if name in named)


def policy_document(policy: BoardPolicy) -> dict[str, Any]:
    """Return a centre's policy as plain values: whose it is, and where it departs from section G."""
    return {
        "centre": policy.centre or None,
        "version": policy.version or None,
        "departures": {name: policy.side(name) for name in policy.departures},
    }


def conflict_documents(followed: Iterable[Followed]) -> list[dict[str, Any]]:
    """Return conflicts as plain values: the question, every side with its sources, what is followed and why."""
    return [_document(one) for one in followed]


def _named(advice: Advice) -> Iterator[str]:
    yield from (name for name in advice.leading.steroids.basis.evidence if name in conflicts())
    for lesion in advice.lesions:
        yield from (name for name in _evidence(lesion) if name in conflicts())


def _evidence(lesion: LesionAdvice) -> Iterator[str]:
    """Yield what the decisions rest on but for steroids, on which the leading lesion answers for all (BOARD-01).

    Of IORT it is the reasons alone, for its basis names every rule that was asked.
    """
    for part in (lesion.radiosensitivity, lesion.noms, lesion.reirradiation):
        if part is not None:
            yield from part.basis.evidence
    for evidence in lesion.noms.flag_evidence.values():
        yield from evidence
    for reason in (*lesion.iort_stabilisation.reasons, *lesion.iort_kyphoplasty.reasons):
        yield from reason.evidence
    for reason in lesion.iort_stabilisation.reasons:
        yield from (look_up(name).conflict for name in reason.evidence)


def _followed(conflict: Conflict, policy: BoardPolicy) -> Followed:
    ground = policy.grounds.get(conflict.id, Ground())
    return Followed(conflict, policy.side(conflict.id), conflict.id in policy.choices, ground)


def _document(followed: Followed) -> dict[str, Any]:
    conflict, ground = followed.conflict, followed.ground
    return {
        "id": conflict.id,
        "question": conflict.question,
        "sides": [
            {
                "key": side.key,
                "statement": side.statement,
                "references": list(side.references),
                "confidence": side.confidence.value,
            }
            for side in conflict.sides.values()
        ],
        "followed": followed.side,
        "default": conflict.default,
        "why_default": conflict.why,
        "chosen_by_centre": followed.chosen_by_centre,
        "reason": ground.reason or None,
        "decided_on": None if ground.decided_on is None else ground.decided_on.isoformat(),
        "approved_by": ground.approved_by or None,
    }
