"""What a statement rests on: bibliography, provenance, confidence, conflicts between sources."""

from metaspine.evidence.entries import Confidence, Entry, Reference, bibliography, entries, look_up

__all__ = ["Confidence", "Entry", "Reference", "bibliography", "entries", "look_up"]
