"""Other causes, raised when the facts do not fit each other (DDX-01)."""

from __future__ import annotations

from metaspine.assessment.rules import Facts, Rule
from metaspine.assessment.tables import rules, table
from metaspine.assessment.wording import in_words


def differential(facts: Facts) -> tuple[Rule, ...]:
    """Return the rules that say of a lesion that its facts do not fit; ``facts`` are those of ``answered_facts``."""
    return tuple(rule for rule in rules("differential", "of_lesion") if rule.holds(facts))


def other_causes(rule: Rule) -> tuple[str, ...]:
    """Return the other causes that a rule of the differential raises, in the order of the source."""
    return tuple(table("differential")["causes"][rule.extra["causes"]]) if "causes" in rule.extra else ()


def what_does_not_fit(rule: Rule, facts: Facts) -> tuple[str, ...]:
    """Return the facts that do not fit and the other causes, as two remarks; none for rules that raise no causes."""
    causes = other_causes(rule)
    if not causes:
        return ()
    found = [key for key in rule.extra["unfitting"] if facts[key] not in _NO_FINDING]
    denied = [key for key in rule.extra.get("denied", ()) if facts[key] is False]
    findings = [*(_finding(key, facts[key]) for key in found), *(f"{in_words('key', key)} no" for key in denied)]
    return ("What does not fit: " + ", ".join(findings), "Other causes: " + ", ".join(causes))


_NO_FINDING = (None, False, "E")
"""Not known, no, and the grade of a normal neurology."""


def _finding(key: str, value: object) -> str:
    return f"{in_words('key', key)} {'yes' if value is True else str(value).replace('_', ' ')}"
