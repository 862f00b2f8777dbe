"""The clinical target volume for stereotactic radiotherapy of an intact vertebra: the consortium's table (Cox 2012).

The table goes by the sectors that are involved; whether a lesion of the body alone lies to one side or is diffuse is no
sector, so those rows stand beside each other. Sides are the patient's own: sector 2 is the left pedicle.
"""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.assessment.tables import table
from metaspine.patient.case import LesionFacts


@dataclass(frozen=True)
class TargetRow:
    """One row of the table: the parts of the vertebra that the volume holds, and those it may hold."""

    name: str
    parts: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True)
class ClinicalTarget:
    """What the table says for a lesion."""

    rows: tuple[TargetRow, ...]
    """The rows that the sectors lie in; several where the sectors do not tell them apart."""
    involved: tuple[str, ...]
    """The parts of the vertebra that the involved sectors are."""
    epidural: bool | None
    """Whether an epidural volume is allowed; never without epidural disease."""
    circumferential: bool | None
    """Whether a circumferential volume is allowed."""
    because: str
    """Why there is not one row; empty where there is."""
    notes: tuple[str, ...]
    evidence: tuple[str, ...]


def clinical_target(lesion: LesionFacts) -> ClinicalTarget:
    """Return the clinical target volumes that the table gives for a lesion's sectors and epidural extent."""
    content = table("isrc_sectors")
    sectors = None if lesion.sectors is None else set(lesion.sectors)
    rows = () if sectors is None else _rows(sectors)
    epidural, circumferential = _epidural(lesion), _circumferential(lesion)
    return ClinicalTarget(
        rows=rows,
        involved=tuple(part for sector in sorted(sectors or ()) for part in content["sectors"][sector]),
        epidural=epidural,
        circumferential=circumferential,
        because=_because(sectors, rows),
        notes=(*_volumes(rows), _EPIDURAL[epidural], _CIRCUMFERENTIAL[circumferential]),
        evidence=tuple(content["evidence"]),
    )


_EPIDURAL = {
    True: "There is epidural disease: it belongs to the clinical target volume.",
    False: "No epidural disease: no epidural clinical target volume.",
    None: "Whether there is epidural disease is not known: no epidural volume without it.",
}
_CIRCUMFERENTIAL = {
    True: "A circumferential volume is allowed.",
    False: "No circumferential volume: neither the bone nor epidural disease goes all around.",
    None: "Whether a circumferential volume is allowed depends on the epidural extent, which is not known.",
}


def _rows(sectors: set[int]) -> tuple[TargetRow, ...]:
    return tuple(
        TargetRow(row["name"], tuple(row["volume"]), tuple(row.get("optional", ())))
        for row in table("isrc_sectors")["rows"]
        if set(row["sectors"]) == sectors
    )


def _epidural(lesion: LesionFacts) -> bool | None:
    if lesion.epidural_extent is not None:
        return lesion.epidural_extent != "none"
    return None if lesion.escc is None else lesion.escc != "0"


def _circumferential(lesion: LesionFacts) -> bool | None:
    sectors = set(lesion.sectors or ())
    if any(set(ring) <= sectors for ring in table("isrc_sectors")["circumferential_when"]):
        return True
    if lesion.epidural_extent == "circumferential":
        return True
    if _epidural(lesion) is None or lesion.sectors is None:
        return None
    return None if lesion.epidural_extent is None and _epidural(lesion) else False


def _because(sectors: set[int] | None, rows: tuple[TargetRow, ...]) -> str:
    if sectors is None:
        return "the sectors are not known"
    if not sectors:
        return "no sector is involved"
    if not rows:
        return "the table has no row for these sectors together"
    if len(rows) > 1:
        return "the sectors do not tell whether the lesion lies to one side of the body or is diffuse"
    return ""


def _volumes(rows: tuple[TargetRow, ...]) -> tuple[str, ...]:
    return tuple(
        f"{'or ' if place else ''}clinical target volume: {_listed(row.parts)}"
        + (f", with or without {_listed(row.optional)}." if row.optional else ".")
        for place, row in enumerate(rows)
    )


def _listed(parts: tuple[str, ...]) -> str:
    return ", ".join(part.replace("_", " ") for part in parts)
