"""What an RTSTRUCT says of a region beside its contours: what it is, who drew it, who confirmed it (EXCHANGE-52).

A region of which the file does not say how it was made is of unknown origin: nobody has confirmed it. A set that was
approved in its planning system is confirmed by its reviewer. Our own files say all of it in words (ROIDescription).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from metaspine.errors import StructureError
from metaspine.exchange.dicom_files import Elements
from metaspine.exchange.numbering import entry_of_name
from metaspine.patient.levels import LEVELS
from metaspine.patient.structure import Origin, Role, Structure

OWN_MANUFACTURER = "metaspine"
_ORIGINS: Mapping[str, Origin] = {"AUTOMATIC": Origin.AUTOMATIC, "MANUAL": Origin.DRAWN}
_OWN_WORDS = re.compile(
    rf"(?:^|; )role (?P<role>{'|'.join(Role)})(?:; level (?P<level>{'|'.join(LEVELS)}))?"
    rf"; origin (?P<origin>{'|'.join(Origin)})(?=;|$)"
)
_NAMED = 5
"""How many regions a note names."""


@dataclass(frozen=True)
class Words:
    """What is said of one region."""

    role: Role
    level: str
    origin: Origin
    confirmed_by: str


@dataclass(frozen=True)
class SetWords:
    """What is said of the whole set: who made the file, who approved it, who interpreted which region."""

    ours: bool
    reviewer: str
    interpreters: Mapping[str, str]

    def of(self, region: Elements, name: str) -> Words:
        """Return what is said of one region; its name decides where the file is not ours."""
        entry = entry_of_name(name)
        said = _OWN_WORDS.search(region.text("ROIDescription")) if self.ours else None
        if said is not None:
            confirmed_by = self.reviewer or self.interpreters.get(region.text("ROINumber"), "")
            return Words(Role(said["role"]), said["level"] or "", Origin(said["origin"]), confirmed_by)
        origin = _ORIGINS.get(region.text("ROIGenerationAlgorithm").upper(), Origin.UNKNOWN)
        return Words(entry.role, entry.level, origin, self.reviewer)


def set_words(dataset: Dataset, where: str) -> SetWords:
    """Return what is said of the whole set."""
    whole = Elements(dataset, where, StructureError)
    observed = [Elements(item, where, StructureError) for item in dataset.get("RTROIObservationsSequence") or ()]
    return SetWords(
        ours=whole.text("Manufacturer") == OWN_MANUFACTURER,
        reviewer=whole.text("ReviewerName") if _status(whole) == "APPROVED" else "",
        interpreters={item.text("ReferencedROINumber"): item.text("ROIInterpreter") for item in observed},
    )


def state_notes(dataset: Dataset, structures: Sequence[Structure], where: str) -> tuple[str, ...]:
    """Return what the user should know of the set's approval, and of regions that nobody says to have drawn."""
    whole = Elements(dataset, where, StructureError)
    notes = []
    if _status(whole) == "REJECTED":
        notes.append(f"{where}: the structure set was rejected in its planning system")
    if _status(whole) == "APPROVED":
        said = (
            f"by {whole.text('ReviewerName')}" if whole.text("ReviewerName") else "nobody is named: it confirms nothing"
        )
        notes.append(f"{where}: the structure set was approved in its planning system, {said}")
    unknown = [item.name for item in structures if item.origin is Origin.UNKNOWN and not item.confirmed]
    if unknown:
        names = ", ".join(unknown[:_NAMED]) + (f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else "")
        notes.append(
            f"{where}: it is not said who or what drew {names}: unconfirmed until a person approves the structure set "
            "in its planning system and it is exported again"
        )
    return tuple(notes)


def _status(whole: Elements) -> str:
    return whole.text("ApprovalStatus").upper()
