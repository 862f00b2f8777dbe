"""What is given at a needle position, and for how long: the smaller of the prescribed and the allowed distance wins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from metaspine.dosimetry.interior import inside_applicator
from metaspine.errors import InputError, NoTrajectory
from metaspine.evaluation.limits import check_limit, nearest_distance_mm, points_near
from metaspine.evaluation.quadrature import Quadrature, quadrature
from metaspine.geometry import Volume
from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import AppliedPrescription, Caution, DwellPosition, LimitCheck, Trajectory
from metaspine.patient.prescription import Prescription
from metaspine.patient.structure import Structure
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE, dose_rate_gy_per_min, extrapolated, treatment_time_s
from metaspine.physics.time_check import USUAL_MIN, hand_check
from metaspine.physics.uncertainty import largest_allowed_distance_mm
from metaspine.planning.isocentres import farthest_border_mm, requested_distance_mm

TOUCHING_MM = 1.0
"""PLAN-14."""
PUBLISHED_MIN = (2.0, 6.0)
"""PLAN-16."""
_TENTH_MM = 0.1
_LESION_SPACING_MM = 0.5


@dataclass(frozen=True, eq=False)
class Given:
    """What is given: the applied prescription, the limit's check, the source at rest, and what to know about it."""

    applied: AppliedPrescription
    limit: LimitCheck
    dwell: DwellPosition
    hand_check: str
    cautions: tuple[Caution, ...]


def prescribe(
    prescription: Prescription,
    trajectory: Trajectory,
    *,
    lesion: Volume,
    limiting: Structure,
    applicator: Applicator,
    output: Output,
) -> Given:
    """Return what is given from a needle position, reduced where the limit asks for it (IORT-21).

    The distance that is applied is a whole tenth of a millimetre where the program chose it: the border's rounded up,
    the limit's rounded down.

    Raises
    ------
    InputError
        When the prescribed distance does not lie outside the applicator.
    NoTrajectory
        When the limit leaves no distance outside the applicator.
    StructureError
        When the limiting structure lies farther than 40 mm away.
    """
    isocentre = trajectory.isocentre_mm
    requested = requested_distance_mm(prescription, applicator)
    if requested is None:
        requested = _tenth_up(farthest_border_mm(lesion, isocentre))
    _refuse_inside_applicator(requested, applicator)
    nearest = nearest_distance_mm(limiting.region, isocentre)
    allowed = largest_allowed_distance_mm(
        output,
        dose_gy=prescription.dose_gy,
        limit_gy=prescription.limit.maximum_gy,
        nearest_distance_mm=nearest,
        sigma_mm=applicator.tip_position_uncertainty_mm,
    )
    distance = applied_distance_mm(requested, allowed)
    _refuse_nothing_left(distance, nearest, prescription, limiting, applicator)
    time_s = treatment_time_s(output, applicator, dose_gy=prescription.dose_gy, distance_from_isocentre_mm=distance)
    dwell = DwellPosition(isocentre, trajectory.direction, time_s)
    limit = check_limit(
        limiting,
        prescription.limit,
        dwell=dwell,
        applicator=applicator,
        output=output,
        tip_position_uncertainty_mm=applicator.tip_position_uncertainty_mm,
    )
    points = quadrature(lesion, spacing_mm=_LESION_SPACING_MM)
    coverages = _coverages(points, dwell, applicator, (requested, distance))
    applied = AppliedPrescription(
        requested=prescription,
        requested_distance_mm=requested,
        allowed_distance_mm=allowed,
        applied_distance_mm=distance,
        reduced=distance < requested,
        dose_gy=prescription.dose_gy,
        dose_rate_gy_per_min=float(dose_rate_gy_per_min(output.depth_dose, distance)),
        lesion_coverage=coverages[1],
        lesion_coverage_requested=coverages[0],
        explanation=_explanation(
            prescription,
            limiting,
            distances_mm=(requested, allowed, distance),
            nearest_mm=nearest,
            coverages=coverages,
        ),
        evidence=(prescription.limit.evidence, "IORT-21", "PHY-22"),
    )
    cautions = (
        *limit_cautions(limit),
        *_reduction(applied),
        *_touching(points, limiting, isocentre),
        *_extrapolation(output, distance, nearest),
        *time_cautions(time_s),
    )
    return Given(applied, limit, dwell, hand_check(distance, applied.dose_rate_gy_per_min, applied.dose_gy), cautions)


def applied_distance_mm(requested_mm: float, allowed_mm: float) -> float:
    """Return the smaller distance; the allowed one in whole tenths of a millimetre, rounded down."""
    return min(requested_mm, round(math.floor(allowed_mm / _TENTH_MM + 1e-9) * _TENTH_MM, 1))


def _tenth_up(distance_mm: float) -> float:
    return round(math.ceil(distance_mm / _TENTH_MM - 1e-9) * _TENTH_MM, 1)


def _refuse_inside_applicator(requested_mm: float, applicator: Applicator) -> None:
    if requested_mm > applicator.radius_mm:
        return
    raise InputError(
        f"the dose is prescribed {requested_mm:g} mm from the isocentre, which is not outside the applicator",
        where="prescription",
        remedy=f"Prescribe farther than {applicator.radius_mm:g} mm from the isocentre; check the origin of the depth",
    )


def _refuse_nothing_left(
    distance_mm: float, nearest_mm: float, prescription: Prescription, limiting: Structure, applicator: Applicator
) -> None:
    if distance_mm > applicator.radius_mm:
        return
    raise NoTrajectory(
        f"the limit of {prescription.limit.maximum_gy:g} Gy leaves no room for {prescription.dose_gy:g} Gy: "
        f"{limiting.name} comes to {nearest_mm:.1f} mm of the isocentre, so the dose may lie at {distance_mm:.1f} mm "
        f"at most, and the applicator's surface is at {applicator.radius_mm:.1f} mm (IORT-21)",
        where=limiting.name,
        remedy="Prescribe less, place the needle farther from it, or choose another treatment",
    )


def _coverages(
    points: Quadrature, dwell: DwellPosition, applicator: Applicator, distances_mm: tuple[float, float]
) -> tuple[float, float]:
    """Return the fraction of the lesion, without the applicator's own volume, within each of two distances."""
    outside = ~inside_applicator(points.points_mm, dwells=(dwell,), applicator=applicator)
    away = np.linalg.norm(points.points_mm - dwell.isocentre_mm, axis=1)[outside]
    volume = points.volume_mm3[outside]
    first, second = (float(volume[away <= distance + 1e-9].sum() / volume.sum()) for distance in distances_mm)
    return first, second


def _explanation(
    prescription: Prescription,
    limiting: Structure,
    *,
    distances_mm: tuple[float, float, float],
    nearest_mm: float,
    coverages: tuple[float, float],
) -> str:
    """Return what was asked, what the limit allows and what is given; distances are requested, allowed and applied."""
    requested, allowed, applied = distances_mm
    place = (
        f"to the lesion's border, {requested:.1f} mm from the isocentre at its farthest"
        if prescription.depth_mm is None
        else f"{prescription.depth_mm:g} mm from the {prescription.origin.replace('_', ' ')}"
        + ("" if requested == prescription.depth_mm else f", {requested:.1f} mm from the isocentre")
    )
    asked = f"{prescription.dose_gy:g} Gy {place}"
    limit = (
        f"the limit of {prescription.limit.maximum_gy:g} Gy to {limiting.name}, {nearest_mm:.1f} mm from the isocentre,"
        f" allows {allowed:.1f} mm with its upper 95 % bound"
    )
    excluded = "(the applicator's own volume is left out)"
    if applied >= requested:
        return f"{asked}; {limit}: kept. {coverages[1]:.0%} of the lesion gets the dose {excluded}"
    return (
        f"{asked} was requested; {limit}: reduced to {applied:.1f} mm. {coverages[1]:.0%} of the lesion gets the dose "
        f"instead of {coverages[0]:.0%} {excluded}"
    )


def limit_cautions(limit: LimitCheck) -> tuple[Caution, ...]:
    """Return what stops a plan whose limit does not hold."""
    if limit.met:
        return ()
    message = (
        f"the upper 95 % bound of the dose to {limit.structure} is {limit.point_maximum_upper_95_gy:.1f} Gy, above the "
        f"limit of {limit.maximum_gy:g} Gy"
    )
    return (Caution("LIMIT_NOT_MET", message, "IORT-20", stops=True),)


def _reduction(applied: AppliedPrescription) -> tuple[Caution, ...]:
    if not applied.reduced:
        return ()
    return (Caution("PRESCRIPTION_REDUCED", applied.explanation, "IORT-21"),)


def _touching(points: Quadrature, limiting: Structure, isocentre_mm: FloatArray) -> tuple[Caution, ...]:
    near = points_near(limiting.region, isocentre_mm)
    spared = np.concatenate([near.points_mm, near.surface_mm])
    border = np.concatenate([points.points_mm, points.surface_mm])
    gaps, _ = cKDTree(spared).query(border, distance_upper_bound=TOUCHING_MM)
    gap = float(np.min(gaps))
    if not np.isfinite(gap):
        return ()
    message = (
        f"lesion and {limiting.name} touch ({gap:.1f} mm between them): the dose at the lesion's border and the limit "
        "cannot both hold"
    )
    return (Caution("LESION_TOUCHES_LIMIT", message, "PLAN-14"),)


def _extrapolation(output: Output, distance_mm: float, nearest_mm: float) -> tuple[Caution, ...]:
    low, high = output.depth_dose.valid_mm
    places = (("the prescription", distance_mm), ("the limiting structure", nearest_mm))
    beyond = [f"{what} at {mm:.1f} mm" for what, mm in places if bool(extrapolated(output.depth_dose, mm))]
    if not beyond:
        return ()
    message = f"the depth dose is known from {low:g} to {high:g} mm; extrapolated for {' and '.join(beyond)}"
    return (Caution("DEPTH_DOSE_EXTRAPOLATED", message, "PHY-17"),)


def time_cautions(time_s: float) -> tuple[Caution, ...]:
    """Return what a reader must know of a time that is unusual or outside the published ones."""
    minutes = time_s / SECONDS_PER_MINUTE
    cautions = []
    if not USUAL_MIN[0] <= minutes <= USUAL_MIN[1]:
        message = f"a treatment time of {minutes:.1f} min is unusual ({USUAL_MIN[0]:g} to {USUAL_MIN[1]:g} min)"
        cautions.append(Caution("TIME_UNUSUAL", message, "PLAN-15"))
    if not PUBLISHED_MIN[0] <= minutes <= PUBLISHED_MIN[1]:
        message = (
            f"the treatment time of {minutes:.1f} min lies outside the published {PUBLISHED_MIN[0]:g} to "
            f"{PUBLISHED_MIN[1]:g} min"
        )
        cautions.append(Caution("TIME_OUTSIDE_PUBLISHED", message, "PLAN-16"))
    return tuple(cautions)
