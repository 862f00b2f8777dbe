"""How a tumour answers to conventional radiotherapy: two published lists side by side, and the class followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from metaspine.assessment.rules import Facts
from metaspine.assessment.tables import table
from metaspine.patient.advice import Basis, Radiosensitivity


def radiosensitivity(facts: Facts) -> Radiosensitivity:
    """Return the class of the tumour at one level.

    An unproven tumour counts as resistant until proven (NOMS-12), then the lists decide (RAD-01), then a previous
    irradiation of the level makes it resistant. Where the lists conflict and nothing else decides, both are followed,
    unless the centre has chosen a side of CONFLICT-SCLC.
    """
    content, entry = table("radiosensitivity"), _entry(facts)
    unproven, used = facts["unproven"] is True, _used(entry, facts)
    irradiated = facts["prior_radiotherapy"] == "course" and not unproven and used != "not_applicable"
    missing = tuple(
        key
        for key, open_question in (
            ("oncology.histology_confirmed", facts["oncology.histology_confirmed"] is None and not unproven),
            ("lesion.prior_rt_at_level", facts["prior_radiotherapy"] is None),
        )
        if open_question
    )
    return Radiosensitivity(
        noms_s1=entry["noms_S1"],
        gerszten_s2=entry["gerszten_S2"],
        conflict=entry["used"] == "conflict",
        effective="radioresistant" if irradiated else used,
        effective_reason=_reason(facts, irradiated=irradiated),
        basis=Basis((*content["evidence"], *entry["evidence"], *(("RAD-06",) if irradiated else ())), missing),
    )


def resistant_primary(facts: Facts) -> bool:
    """Return whether the primary itself, not an earlier irradiation, counts as radioresistant."""
    return _used(_entry(facts), facts) == "radioresistant"


def _entry(facts: Facts) -> Mapping[str, Any]:
    content = table("radiosensitivity")
    entry = content["unproven"] if facts["unproven"] is True else content["primaries"][facts["oncology.primary"]]
    return cast("Mapping[str, Any]", entry)


def _used(entry: Mapping[str, Any], facts: Facts) -> str:
    """Return the class that is followed: the list's, or what the centre chose where the lists conflict."""
    return str(entry.get("policy", {}).get(facts["policy.CONFLICT-SCLC"], entry["used"]))


def _reason(facts: Facts, *, irradiated: bool) -> str:
    if facts["unproven"] is True:
        return "unknown_primary" if facts["oncology.primary"] == "unknown" else "histology_unproven"
    return "previously_irradiated" if irradiated else "histology"
