"""A score as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from metaspine.assessment.score_about import ScoreAbout
from metaspine.patient.scoring import Scored


def score_document(scored: Scored) -> dict[str, Any]:
    """Return a score as plain values; ``basis`` says what it rests on and what is missing."""
    return {
        **asdict(scored),
        "items": dict(scored.items),
        "reachable": None if scored.reachable is None else list(scored.reachable),
        "meanings": list(scored.meanings),
        "narrowing": [asdict(entry) for entry in scored.narrowing],
        "warnings": list(scored.warnings),
        "basis": {name: list(value) for name, value in vars(scored.basis).items()},
    }


def about_document(about: ScoreAbout) -> dict[str, Any]:
    """Return what a score is made of as plain values."""
    return asdict(about)
