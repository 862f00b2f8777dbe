"""The needle and its channel as a search sees them: the device's own lengths with the policy's reserve."""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.physics.applicators import Applicator
from metaspine.planning.policy import PlanningPolicy


@dataclass(frozen=True)
class Needle:
    """The lengths that hold for a search, in mm."""

    length_mm: float
    usable_length_mm: float
    usable_cannula_mm: float
    channel_radius_mm: float
    needle_radius_mm: float

    @classmethod
    def of(cls, applicator: Applicator, policy: PlanningPolicy) -> Needle:
        """Return the device's own lengths with the policy's reserve."""
        channel = applicator.channel
        return cls(
            length_mm=channel.needle_length_mm,
            usable_length_mm=channel.needle_length_mm - policy.hub_reserve_mm,
            usable_cannula_mm=channel.cannula_length_mm - policy.hub_reserve_mm,
            channel_radius_mm=channel.working_channel_diameter_mm / 2,
            needle_radius_mm=applicator.radius_mm,
        )
