"""A plan that another system made: what was prescribed and planned before, by beams or by brachytherapy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DoseReference:
    """A dose that a plan prescribes to a target, or allows an organ.

    Parameters
    ----------
    kind
        DICOM's: TARGET or ORGAN_AT_RISK.
    place
        DICOM's: POINT, VOLUME, COORDINATES or SITE.
    prescribed_gy
        To a target, over all fractions; None where it is not stated.
    maximum_gy
        To an organ; None where it is not stated.
    """

    number: int
    kind: str
    place: str
    description: str = ""
    prescribed_gy: float | None = None
    maximum_gy: float | None = None


@dataclass(frozen=True)
class PartDose:
    """What one beam or one brachytherapy setup gives in each fraction, at its own point; None is not stated."""

    number: int
    dose_gy: float | None


@dataclass(frozen=True)
class FractionGroup:
    """Fractions that are given alike."""

    number: int
    fractions: int | None
    beams: tuple[PartDose, ...] = ()
    applications: tuple[PartDose, ...] = ()

    @property
    def fraction_gy(self) -> float | None:
        """The sum over beams and setups in each fraction; None where one is not stated.

        Each is stated at its own point, so that the sum is the dose to the target only where those are the same.
        """
        stated = [part.dose_gy for part in (*self.beams, *self.applications)]
        if not stated or None in stated:
            return None
        return sum(dose for dose in stated if dose is not None)


@dataclass(frozen=True)
class Beam:
    """One external beam. ``energy`` is MV of photons and MeV of other particles, as the plan states it."""

    number: int
    name: str
    radiation: str
    delivery: str
    """DICOM's: TREATMENT, or a picture's (SETUP, VERIFICATION ...), which gives no dose of the plan."""
    energy: float | None = None
    machine: str = ""


@dataclass(frozen=True)
class Application:
    """One brachytherapy setup: applicators that are treated together."""

    number: int
    kind: str
    name: str
    channels: int
    time_s: float | None
    """Over all channels; None where one does not state it."""
    sources: tuple[str, ...] = ()
    """Their isotopes, or what stands for one ("XRAY-50KV")."""


@dataclass(frozen=True)
class PriorPlan:
    """A plan as another system wrote it. That it was planned does not say that it was delivered.

    Parameters
    ----------
    date
        YYYYMMDD; empty is not stated.
    intent, approval
        DICOM's PlanIntent and ApprovalStatus.
    technique
        Of brachytherapy, as DICOM names it: INTERSTITIAL, HDR.
    notes
        What the reader noticed, as sentences for the user.
    """

    plan_uid: str
    label: str
    name: str = ""
    date: str = ""
    intent: str = ""
    approval: str = ""
    dose_references: tuple[DoseReference, ...] = ()
    fraction_groups: tuple[FractionGroup, ...] = ()
    beams: tuple[Beam, ...] = ()
    applications: tuple[Application, ...] = ()
    technique: tuple[str, ...] = ()
    frame_of_reference: str = ""
    structure_set_uid: str = ""
    notes: tuple[str, ...] = ()

    @property
    def prescribed_gy(self) -> float | None:
        """The dose to the target over all fractions; None where none is stated, or several that differ."""
        stated = {item.prescribed_gy for item in self.dose_references if item.kind == "TARGET"} - {None}
        return stated.pop() if len(stated) == 1 else None

    @property
    def fractions(self) -> int | None:
        """How many fractions were planned; None where it is not stated, or where several groups follow each other."""
        return self.fraction_groups[0].fractions if len(self.fraction_groups) == 1 else None
