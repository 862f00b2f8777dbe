"""Whether the needle's plastic tip, from which the photons leave, stands wholly out of the cannula (PHY-29)."""

from __future__ import annotations

import numpy as np

from metaspine.errors import DeviceFileError
from metaspine.patient.plan import Caution, Trajectory
from metaspine.physics.applicators import Applicator, Channel


def refuse_covered_tip(applicator: Applicator) -> None:
    """Refuse a needle whose tip stays inside the cannula even when it is pushed home.

    Raises
    ------
    DeviceFileError
        With what stands out and how long the tip is; nothing is said where the tip's length is not known.
    """
    channel = applicator.channel
    tip = channel.plastic_tip_length_mm
    if tip is not None and channel.cannula_length_mm > 0 and channel.protrusion_mm < tip:
        raise DeviceFileError(
            f"{channel.protrusion_mm:g} mm of the needle stand out of the cannula when it is pushed home "
            f"({_sum(channel)}), but the plastic tip is {tip:g} mm long: metal around it would stop the beam (PHY-29)",
            where=applicator.name,
            remedy="Check the lengths of needle, hub, cannula and plastic tip, or take a shorter cannula",
        )


def cannula_cautions(trajectory: Trajectory, applicator: Applicator) -> tuple[Caution, ...]:
    """Return what must be seen to on a path so that the tip is free: with the cannula at the bone, how much stands out.

    A tip that is longer than what stands out there stops the treatment; a tip of unknown length is asked about.
    """
    channel, tip = applicator.channel, applicator.channel.plastic_tip_length_mm
    if channel.cannula_length_mm <= 0:
        return ()
    in_bone = float(np.linalg.norm(trajectory.tip_mm - trajectory.bone_entry_mm))
    stands_out = (
        f"with the cannula at the bone {in_bone:.1f} mm of the needle stand out of it, at most "
        f"{channel.protrusion_mm:g} mm when the needle is pushed home ({_sum(channel)})"
    )
    if tip is None:
        message = f"{stands_out}; the plastic tip's length is not published: see that all of it is out of the cannula"
        return (Caution("PLASTIC_TIP_LENGTH_UNKNOWN", message, "PHY-29"),)
    if in_bone >= tip:
        return ()
    message = (
        f"{stands_out}; the plastic tip is {tip:g} mm long: {tip - in_bone:.1f} mm of it stay inside the cannula, "
        "unless it is drawn back from the bone before the irradiation"
    )
    return (Caution("CANNULA_COVERS_TIP", message, "PHY-29", stops=True),)


def _sum(channel: Channel) -> str:
    hub = f" - hub {channel.hub_length_mm:g}" if channel.hub_length_mm else ""
    return f"needle {channel.needle_length_mm:g} - cannula {channel.cannula_length_mm:g}{hub} mm"
