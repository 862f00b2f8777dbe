"""How a tumour answers to conventional radiotherapy: two published lists side by side, and the class followed."""

from __future__ import annotations

from metaspine.assessment.rules import Facts
from metaspine.assessment.tables import table
from metaspine.patient.advice import Basis, Radiosensitivity


def radiosensitivity(facts: Facts) -> Radiosensitivity:
    """Return the class of the tumour at one level.

    An unproven tumour counts as resistant until proven (NOMS-12), then the lists decide (RAD-01), then a previous
    irradiation of the level makes it resistant. Where the lists conflict and nothing else decides, both are followed.
    """
    content = table("radiosensitivity")
    unproven, primary = facts["unproven"] is True, facts["oncology.primary"]
    entry = content["unproven"] if unproven else content["primaries"][primary]
    irradiated = facts["prior_radiotherapy"] == "course" and not unproven and entry["used"] != "not_applicable"
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
        effective="radioresistant" if irradiated else entry["used"],
        effective_reason=_reason(facts, irradiated=irradiated),
        basis=Basis((*content["evidence"], *entry["evidence"], *(("RAD-06",) if irradiated else ())), missing),
    )


def resistant_primary(facts: Facts) -> bool:
    """Return whether the primary itself, not an earlier irradiation, counts as radioresistant."""
    content = table("radiosensitivity")
    entry = content["unproven"] if facts["unproven"] is True else content["primaries"][facts["oncology.primary"]]
    return bool(entry["used"] == "radioresistant")


def _reason(facts: Facts, *, irradiated: bool) -> str:
    if facts["unproven"] is True:
        return "unknown_primary" if facts["oncology.primary"] == "unknown" else "histology_unproven"
    return "previously_irradiated" if irradiated else "histology"
