"""May this patient be treated at all: the rules' answer, turned into a refusal or into cautions."""

from __future__ import annotations

from metaspine.errors import CaseError, InputError, NotEligible
from metaspine.evidence import entries
from metaspine.patient.advice import IortEligibility, LesionAdvice, Reason
from metaspine.patient.case import Case
from metaspine.patient.plan import Caution

STABILISATION, KYPHOPLASTY = "stabilisation", "kyphoplasty"
_SUBORDINATE = "SUBORDINATE_TO_SURGERY"
_NAMES = {STABILISATION: "stabilisation with intraoperative radiotherapy", KYPHOPLASTY: "Kypho-IORT"}


def require_lesion(case: Case, level: str) -> None:
    """Raise unless the case states a lesion at the level.

    Raises
    ------
    CaseError
        When it does not; the message lists the levels that it has.
    """
    levels = [lesion.level for lesion in case.lesions]
    if level not in levels:
        raise CaseError(
            f"the case has no lesion at {level}",
            where="case file, lesion.level",
            remedy=f"Its lesions are at {', '.join(levels)}: check the level that was stated",
        )


def eligibility_of(advice: LesionAdvice, procedure: str) -> IortEligibility:
    """Return the eligibility for a procedure, "stabilisation" or "kyphoplasty".

    Raises
    ------
    InputError
        When there is no such procedure.
    """
    if procedure == STABILISATION:
        return advice.iort_stabilisation
    if procedure == KYPHOPLASTY:
        return advice.iort_kyphoplasty
    raise InputError(
        f"there is no procedure {procedure!r}", where="plan", remedy=f"There are: {', '.join(sorted(_NAMES))}"
    )


def cautions_or_refusal(advice: LesionAdvice, procedure: str) -> tuple[Caution, ...]:
    """Return what stands against a procedure short of excluding it.

    What is unknown stops a treatment until it is known; what is conditional does not.

    Raises
    ------
    NotEligible
        When a rule excludes it; the message names every reason with its rule.
    """
    found = eligibility_of(advice, procedure)
    if found.status == "ineligible":
        hard = [reason for reason in found.reasons if reason.weight == "hard"]
        raise NotEligible(
            f"not eligible for {_NAMES[procedure]}: {'; '.join(in_words(reason) for reason in hard)}",
            where=advice.level,
            remedy="Discuss the alternatives of the assessment in the tumour board",
        )
    cautions = [
        Caution(
            f"ELIGIBILITY_{found.status.upper()}",
            f"{_NAMES[procedure]} is {found.status}: {in_words(reason)}",
            ", ".join(reason.evidence),
            stops=reason.weight == "unknown",
        )
        for reason in found.reasons
    ]
    return (*cautions, *_subordinate(found, procedure))


def in_words(reason: Reason) -> str:
    """Return a reason with its rules and what they say."""
    words = reason.code.replace("_", " ").lower()
    rules = "; ".join(f"{name}: {entries()[name].statement}" if name in entries() else name for name in reason.evidence)
    return f"{words} ({rules})" if rules else words


def _subordinate(found: IortEligibility, procedure: str) -> tuple[Caution, ...]:
    if found.role != _SUBORDINATE:
        return ()
    message = f"{_NAMES[procedure]} does not take the place of separation or decompression surgery at this level"
    return (Caution(_SUBORDINATE, message, "REC-01"),)
