"""What expected survival, age and the tumour's alterations say: bands, goals of care, warnings."""

from __future__ import annotations

import re

from metaspine.assessment.rules import Facts, every_that_applies
from metaspine.assessment.tables import rules, table


def targetable_alteration(subtype: str | None) -> bool | None:
    """Return whether the subtype names an alteration that can be targeted (MUT-01); None where it is not known.

    "EGFR wt", "ALK-negative" or "HER2-" do not name one.
    """
    named = named_alterations(subtype)
    return None if named is None else bool(named)


def named_alterations(subtype: str | None, patterns: tuple[str, ...] | None = None) -> tuple[str, ...] | None:
    """Return the alterations that the subtype names and does not deny, each as the letters its pattern begins with.

    Parameters
    ----------
    subtype
        As in the case file; None is not known.
    patterns
        The names to look for; without them those of the alterations that can be targeted.
    """
    if subtype is None:
        return None
    entry = table("treatment")["targetable"]
    return tuple(
        re.split("[^A-Z0-9]", pattern)[0]
        for pattern in (entry["names"] if patterns is None else patterns)
        if re.search(f"(?<![A-Z0-9])(?:{pattern})(?!{entry['negation']})", subtype, re.IGNORECASE)
    )


def flags(part: str, facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return the patient-wide flags of one part of the table, each with its evidence."""
    return {rule.then: rule.evidence for rule in every_that_applies(rules("treatment", part), facts)}
