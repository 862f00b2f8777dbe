"""The pathway around a decision: what else the sources say for this patient, each with its weight and ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from metaspine.patient.advice import Basis

Strength = Literal["stop", "prefer", "avoid", "warn", "accept", "inform"]
WEIGHT: tuple[Strength, ...] = get_args(Strength)
"""The strengths of statements in the order in which a board reads them, on every page and in every document."""


@dataclass(frozen=True)
class Advisory:
    """One thing that the sources say of a lesion or of the patient."""

    rule: str
    """The id of the rule that says it."""
    topic: str
    """What it is about, e.g. ``bone_agents``; its words are in the section ``topic``."""
    code: str
    strength: Strength
    statement: str
    """The advice as a sentence for the board."""
    conflict: str
    """The id of the conflict between sources that it belongs to; empty where there is none."""
    basis: Basis


@dataclass(frozen=True)
class Pathway:
    """All advice around the decision, for the patient and for each lesion in the order of the case."""

    of_patient: tuple[Advisory, ...]
    of_lesions: tuple[tuple[Advisory, ...], ...]
