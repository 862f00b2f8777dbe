"""What expected survival, age and the tumour's alterations say: bands, goals of care, warnings."""

from __future__ import annotations

import re

from metaspine.assessment.rules import Facts, every_that_applies
from metaspine.assessment.tables import rules, table


def targetable_alteration(subtype: str | None) -> bool | None:
    """Return whether the subtype names an alteration that can be targeted (MUT-01); None where it is not known.

    "EGFR wt", "ALK-negative" or "HER2-" do not name one.
    """
    if subtype is None:
        return None
    entry = table("treatment")["targetable"]
    names = "|".join(entry["names"])
    return re.search(f"(?<![A-Z0-9])(?:{names})(?!{entry['negation']})", subtype, re.IGNORECASE) is not None


def flags(part: str, facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return the patient-wide flags of one part of the table, each with its evidence."""
    return {rule.then: rule.evidence for rule in every_that_applies(rules("treatment", part), facts)}
