"""Which evidence a text names: whatever id stands on a page can be found, explained and graded."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metaspine.evidence import entries
from metaspine.reports.wording import UNKNOWN

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+")


def cited_in(text: str) -> tuple[str, ...]:
    """Return the ids of evidence entries that stand in a text, in its order."""
    known_entries = entries()
    return tuple(dict.fromkeys(name for name in _IDENTIFIER.findall(text) if name in known_entries))


def cited(identifiers: Sequence[str]) -> str:
    """Return evidence ids grouped by their confidence; "source unknown" where there is none."""
    groups: dict[str, list[str]] = {}
    known_entries = entries()
    for name in dict.fromkeys(identifiers):
        level = known_entries[name].confidence.value if name in known_entries else f"confidence {UNKNOWN}"
        groups.setdefault(level, []).append(name)
    return "; ".join(f"{level}: {', '.join(names)}" for level, names in groups.items()) or f"source {UNKNOWN}"
