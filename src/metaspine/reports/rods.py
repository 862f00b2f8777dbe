"""The needle and its working channel as solids, so that every picture cuts them where its plane does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import Plan


@dataclass(frozen=True, eq=False)
class Rod:
    """A round rod with hemispherical ends.

    Parameters
    ----------
    front_mm, back_mm
        LPS, the centres of its two ends' hemispheres.
    radius_mm
        Of the rod and of its ends.
    """

    front_mm: FloatArray
    back_mm: FloatArray
    radius_mm: float

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Return the signed distance of LPS points (..., 3) from the rod's surface; negative inside."""
        axis = self.front_mm - self.back_mm
        length = float(np.linalg.norm(axis))
        direction = axis / length
        along = np.clip((points_mm - self.back_mm) @ direction, 0.0, length)
        nearest = self.back_mm + along[..., None] * direction
        return np.asarray(np.linalg.norm(points_mm - nearest, axis=-1) - self.radius_mm)


def needle_rod(plan: Plan) -> Rod:
    """Return the needle: its round tip where the plan puts it, its shaft as long as the applicator's file says."""
    channel = plan.applicator.channel
    radius = channel.needle_diameter_mm / 2
    tip, direction = plan.trajectory.tip_mm, plan.trajectory.direction
    front = tip - radius * direction
    return Rod(front, tip - (channel.needle_length_mm - radius) * direction, radius)


def working_channel(plan: Plan) -> Rod:
    """Return the working channel: from outside the patient to the needle's tip, the length that was checked for it."""
    channel = plan.applicator.channel
    radius = channel.working_channel_diameter_mm / 2
    tip, direction = plan.trajectory.tip_mm, plan.trajectory.direction
    return Rod(tip - radius * direction, tip - channel.needle_length_mm * direction, radius)
