"""A dose: values with their uncertainty, medium, convention and provenance."""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.geometry.volume import Volume
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel


@dataclass(frozen=True)
class DoseProvenance:
    """What made a dose, so that it can be made again."""

    engine: str
    """"water", "live" or "reference"."""
    engine_version: str
    applicator: str
    output: str
    calibrated: bool
    scan_sha256: str
    seed: int | None = None
    histories: int | None = None
    filters: tuple[str, ...] = ()
    """What stood in the beam, each with its evidence; empty where the engine needs no spectrum."""


@dataclass(frozen=True, eq=False)
class Dose:
    """Dose in Gy at voxel centres.

    Parameters
    ----------
    volume
        Gy. Inside the applicator the value is NaN: no dose is defined there.
    relative_uncertainty
        One standard deviation as a fraction of the dose, on the same grid (may be broadcast from one number).
    medium
        What the dose is to ("water").
    convention
        Console or Monte Carlo dose; they are never mixed.
    """

    volume: Volume
    relative_uncertainty: Volume
    medium: str
    convention: DoseConvention
    provenance: DoseProvenance
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EffectiveDose:
    """A dose weighted for its biological effect, named apart from the physical one and never in its place.

    Parameters
    ----------
    volume
        Gy as the model gives them; NaN where the physical dose is not defined.
    model
        What made it of the physical dose.
    physical
        The dose it was made of; it keeps convention, medium and provenance.
    notes
        What must be known of the model, as sentences.
    """

    volume: Volume
    model: BiologicalModel
    physical: Dose
    notes: tuple[str, ...] = ()
