"""What was delivered in the theatre, kept beside what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from metaspine.patient.plan import Plan

Termination = Literal["NORMAL", "OPERATOR", "MACHINE", "UNKNOWN"]


@dataclass(frozen=True)
class Delivery:
    """One time the beam was on for a plan.

    Parameters
    ----------
    started, ended
        With their time zone.
    planned_s, delivered_s
        Beam time that was planned for this delivery and that was delivered.
    termination
        As DICOM names it: NORMAL, or who ended it early.
    reason
        Why it ended early; empty where it did not.
    operator
        Who delivered; empty where it is not recorded.
    monitor_counts
        Of the radiation monitor; None where they are not recorded (then nothing is credited to the tumour, IORT-30).
    session
        1 for the first delivery of a plan, 2 for what continues it.
    """

    plan: Plan
    started: datetime
    ended: datetime
    planned_s: float
    delivered_s: float
    termination: Termination
    reason: str = ""
    operator: str = ""
    monitor_counts: int | None = None
    session: int = 1

    @property
    def complete(self) -> bool:
        """Whether all of the planned time was delivered."""
        return self.termination == "NORMAL"
