"""What a statement rests on: bibliography, provenance, confidence, conflicts between sources."""

from metaspine.evidence.conflicts import Conflict, Side, conflicts
from metaspine.evidence.entries import Entry, entries, look_up
from metaspine.evidence.references import Confidence, Reference, bibliography

__all__ = [
    "Confidence",
    "Conflict",
    "Entry",
    "Reference",
    "Side",
    "bibliography",
    "conflicts",
    "entries",
    "look_up",
]
