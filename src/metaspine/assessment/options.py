"""The ways to treat a lesion, side by side: the rows of NOMS, intraoperative radiotherapy, and leaving it alone."""

from __future__ import annotations

from metaspine.assessment.rules import Decision, Facts, Rule, every_that_applies, first_that_applies
from metaspine.assessment.tables import rules, table
from metaspine.assessment.wording import in_words
from metaspine.patient.advice import IortEligibility, LesionAdvice, Reason
from metaspine.patient.board import Option, Standing

_RANK: tuple[Standing, ...] = (
    "preferred",
    "acceptable",
    "alternative",
    "subordinate",
    "to_discuss",
    "undecided",
    "not_possible",
)
_STANDING_OF_ROLE: dict[str | None, Standing] = {
    "SUBORDINATE_TO_SURGERY": "subordinate",
    "ALTERNATIVE_TO_ADJUVANT_RT": "alternative",
    "ALTERNATIVE_TO_RT": "alternative",
    None: "undecided",
}
_STANDING_OF_NO_TREATMENT: dict[str, Standing] = {
    "INSUFFICIENT_DATA": "undecided",
    "MANUAL_REVIEW": "to_discuss",
    "NOT_APPLICABLE_BENIGN": "to_discuss",
}
"""Where an answer of NOMS stands that names no treatment: it is nothing that one could prefer."""


def options(lesion: LesionAdvice, facts: Facts) -> tuple[Option, ...]:
    """Return every option for a lesion, the preferred one first and what is not possible last.

    Parameters
    ----------
    facts
        Those of the lesion with what was answered for it, as the board's rules ask for them.
    """
    rows = [_row(code, lesion, facts) for code in lesion.noms.acceptable]
    irradiations = [
        _irradiation("IORT_STABILISATION", lesion.iort_stabilisation, lesion, facts),
        _irradiation("IORT_KYPHOPLASTY", lesion.iort_kyphoplasty, lesion, facts),
    ]
    found = [*rows, *irradiations, *_leaving_alone(facts)]
    return tuple(sorted(found, key=lambda option: _RANK.index(option.standing)))


def _row(code: str, lesion: LesionAdvice, facts: Facts) -> Option:
    preferred = code == lesion.noms.recommendation
    standing = _STANDING_OF_NO_TREATMENT.get(code, "preferred" if preferred else "acceptable")
    reasons = () if preferred else every_that_applies(rules("board", "because"), {**facts, "option": code})
    return Option(
        code=code,
        standing=standing,
        says=in_words("noms", code),
        because=grounds(lesion) if preferred else tuple(rule.extra["says"] for rule in reasons),
        replaces="",
        evidence=lesion.noms.basis.evidence if preferred else _evidence(reasons),
    )


def grounds(lesion: LesionAdvice) -> tuple[str, ...]:
    """Return the four pillars of NOMS in words: what the preferred row rests on."""
    sins, grade = lesion.sins, lesion.escc
    low, high = sins.range
    total = f"SINS {low}" if low == high else f"SINS {low} to {high}"
    compression = "ESCC not known" if grade.grade is None else f"ESCC {grade.grade}: {in_words('escc', grade.grade)}"
    return (
        compression,
        in_words("radiosensitivity", lesion.radiosensitivity.effective)
        + f" ({in_words('effective_reason', lesion.radiosensitivity.effective_reason)})",
        f"{total}: {in_words('sins_category', sins.category)}",
        in_words("capacity", lesion.noms.surgical_capacity),
    )


def _irradiation(code: str, eligibility: IortEligibility, lesion: LesionAdvice, facts: Facts) -> Option:
    operating = {*table("noms")["decompressing"], *table("noms")["stabilising"]}
    asked = {
        **facts,
        "iort_role": eligibility.role,
        "any_row_of_radiosurgery": any(row.endswith("SRS") and row in operating for row in lesion.noms.acceptable),
    }
    standing = _standing(eligibility, lesion)
    decision = None if standing == "not_possible" else first_that_applies(rules("board", "replaces"), asked)
    reasons = eligibility.weightiest
    because = tuple(in_words("iort_reason", reason.code) for reason in reasons)
    return Option(
        code=code,
        standing=standing,
        says=in_words("option", code),
        because=(*_without_a_place(eligibility, lesion), *because),
        replaces="" if decision is None else decision.rule.extra["says"],
        evidence=_of_irradiation(reasons, decision, lesion),
    )


def possible(eligibility: IortEligibility, lesion: LesionAdvice) -> bool:
    """Return whether irradiation from inside is not excluded and there is an operation in which it could be given."""
    return eligibility.status != "ineligible" and lesion.noms.surgical_capacity != "none"


def _standing(eligibility: IortEligibility, lesion: LesionAdvice) -> Standing:
    """Return where irradiation from inside stands; what is only not known is undecided, never impossible."""
    if not possible(eligibility, lesion):
        return "not_possible"
    return "undecided" if eligibility.status == "indeterminate" else _STANDING_OF_ROLE[eligibility.role]


def _of_irradiation(reasons: tuple[Reason, ...], decision: Decision | None, lesion: LesionAdvice) -> tuple[str, ...]:
    """Return what the standing rests on: the reasons and the role, not every rule that was only asked."""
    named = [name for reason in reasons for name in reason.evidence]
    no_operation = ("G1-05",) if lesion.noms.surgical_capacity == "none" else ()
    return tuple(dict.fromkeys((*named, *no_operation, *(("REC-04",) if decision is None else decision.evidence))))


def _without_a_place(eligibility: IortEligibility, lesion: LesionAdvice) -> tuple[str, ...]:
    if eligibility.status == "ineligible":
        return ()
    if lesion.noms.surgical_capacity == "none":
        return ("it needs an operation, and none is possible or advised",)
    return () if eligibility.role is not None else ("NOMS gives no row beside which it could stand",)


def _leaving_alone(facts: Facts) -> list[Option]:
    found: dict[str, list[Rule]] = {}
    for rule in every_that_applies(rules("board", "supportive"), facts):
        found.setdefault(rule.then, []).append(rule)
    return [
        Option(
            code=code,
            standing="to_discuss",
            says=in_words("option", code),
            because=tuple(rule.extra["says"] for rule in of_code),
            replaces="",
            evidence=_evidence(of_code),
        )
        for code, of_code in found.items()
    ]


def _evidence(found: tuple[Rule, ...] | list[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in found for name in rule.evidence))
