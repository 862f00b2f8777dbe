"""What a centre follows where the sources disagree: one side of each conflict, chosen by its tumour board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BoardPolicy:
    """The sides that a centre has chosen; every other conflict keeps the default of section G of the rules."""

    centre: str = ""
    """Whose policy it is; empty for the defaults."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The chosen side by the id of the conflict, e.g. ``{"CONFLICT-SCLC": "s2_resistant"}``."""


DEFAULT_POLICY = BoardPolicy()
