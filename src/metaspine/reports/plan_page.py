"""The first page: warnings, then the numbers that the plan stands on, then where the needle goes."""

from __future__ import annotations

import math

from metaspine.geometry.grid import FloatArray
from metaspine.patient.plan import AppliedPrescription, Caution, LimitCheck, Plan, Trajectory
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LevelCheck
from metaspine.reports.blocks import Fact, Facts, KeyNumber, KeyNumbers, Notice, Page, Remark, Remarks
from metaspine.reports.citations import cited_in
from metaspine.reports.wording import (
    UNKNOWN,
    because,
    degrees,
    gray,
    known,
    listed,
    millimetres,
    minutes_and_seconds,
    percent,
    quantity,
    sentence,
)


def plan_page(plan: Plan) -> Page:
    """Return the page that says what is given where, warnings first."""
    return Page(
        "",
        (
            *warnings(plan.warnings),
            key_numbers(plan),
            patient_and_lesion(plan),
            prescription_and_limit(plan),
            needle(plan),
        ),
    )


def warnings(cautions: tuple[Caution, ...]) -> tuple[Notice | Remarks, ...]:
    """Return the plan's warnings: what stops it, each in its own frame, then the other cautions in one."""
    stops = tuple(
        Notice("stop", "STOP", sentence(caution.message), _rests_on(caution)) for caution in cautions if caution.stops
    )
    others = tuple(Remark(sentence(caution.message), _rests_on(caution)) for caution in cautions if not caution.stops)
    return (*stops, Remarks("Cautions", others)) if others else stops


def _rests_on(caution: Caution) -> str:
    """Return what a caution rests on; its own words may name it."""
    named = cited_in(caution.message)
    return caution.evidence or ("" if named else f"source {UNKNOWN}")


def key_numbers(plan: Plan) -> KeyNumbers:
    """Return the four numbers that are read first: dose and distance, time, limit, coverage."""
    applied, limit = plan.prescription, plan.limit
    return KeyNumbers(
        (
            KeyNumber(
                "Dose at distance from isocentre",
                f"{gray(applied.dose_gy)} at {millimetres(applied.applied_distance_mm)}",
                _dose_note(plan),
                alarm=applied.reduced or plan.override is not None,
            ),
            KeyNumber(
                "Treatment time",
                minutes_and_seconds(plan.dwell.time_s),
                _time_note(plan),
                alarm=not plan.output.calibrated or plan.override is not None,
            ),
            KeyNumber(
                f"Maximum to {limit.structure}",
                gray(limit.point_maximum_upper_95_gy),
                f"upper 95 %; {'within' if limit.met else 'ABOVE'} the limit of {gray(limit.maximum_gy)}"
                + ("" if limit.decides else "; structure unconfirmed"),
                alarm=not (limit.met and limit.decides),
            ),
            KeyNumber(
                f"Lesion covered by {gray(applied.dose_gy)}",
                percent(applied.lesion_coverage, reason="the lesion holds no voxel"),
                f"{percent(applied.lesion_coverage_requested)} had the request been kept" if applied.reduced else "",
            ),
        )
    )


def _dose_note(plan: Plan) -> str:
    if plan.override:
        console = gray(plan.prescription.dose_gy * plan.override.time_s / plan.override.console_time_s)
        return f"BY MONTE CARLO, to water in medium; {console} console dose there"
    return "reduced: the limit allows no more" if plan.prescription.reduced else "as requested"


def _time_note(plan: Plan) -> str:
    if plan.override:
        return f"BY MONTE CARLO: +{minutes_and_seconds(plan.override.extra_s)} (+{percent(plan.override.extra_share)})"
    return "from the device's calibration" if plan.output.calibrated else "nominal output, not for treatment"


def patient_and_lesion(plan: Plan) -> Facts:
    """Return level, side and lesion, and what the level was checked against."""
    return Facts(
        "Level, side and lesion",
        (
            Fact("Level", f"{plan.level}, as stated by the user", level_check_words(plan.level_check)),
            Fact(
                "Side of the needle",
                f"{plan.trajectory.side.value.upper()} side of the patient",
                "right and left are the patient's own everywhere in this report",
            ),
            Fact("Lesion", structure_words(plan.lesion)),
            Fact("Vertebra", vertebra_words(plan)),
        ),
    )


def level_check_words(check: LevelCheck) -> str:
    """Return what the level labels and the independent counts say."""
    counts = [
        f"{count.level} counted from the {count.landmark}" + (f" ({count.reason})" if count.reason else "")
        if count.level
        else f"no count from the {count.landmark}, because {known(count.reason, 'the reason is unknown')}"
        for count in check.counts
    ]
    verdict = {
        True: "independent count agrees",
        False: "INDEPENDENT COUNT DISAGREES",
        None: "no independent count was possible: confirm the level in theatre",
    }[check.agrees]
    labelled = f"labels say {check.labelled}" if check.labelled else "no level label in the image"
    confirmed = f"confirmed by {check.confirmed_by or 'nobody'}"
    return "; ".join([labelled, verdict, confirmed, *counts, *check.notes])


def structure_words(structure: Structure) -> str:
    """Return a structure's name, who made it and whether a person confirmed it."""
    confirmed = (
        f"confirmed by {structure.confirmed_by}"
        if structure.confirmed_by
        else ("drawn by a person" if structure.confirmed else "NOT confirmed by a person")
    )
    return f"“{structure.name}” ({structure.role.value}; origin {structure.origin.value}; {confirmed})"


def vertebra_words(plan: Plan) -> str:
    """Return whether the vertebra is whole, how well its points are known, and what was noticed."""
    vertebra = plan.vertebra
    whole = "complete in the image" if vertebra.complete else "CUT by the field of view"
    points = f"landmarks ± {millimetres(vertebra.uncertainty_mm)} (1 standard deviation)"
    return "; ".join((whole, points, *vertebra.notes))


def prescription_and_limit(plan: Plan) -> Facts:
    """Return the prescription as asked for and as applied, the time, and the limit it keeps."""
    applied, time_s = plan.prescription, plan.dwell.time_s
    return Facts(
        "Prescription, time and limit",
        (
            requested_fact(applied),
            applied_fact(applied, told=tuple(caution.message for caution in plan.warnings)),
            dose_rate_fact(plan),
            Fact("Treatment time", f"{minutes_and_seconds(time_s)} ({quantity(time_s, 's', 0)}), one dwell position"),
            *override_fact(plan),
            Fact("Hand check", known(plan.hand_check)),
            limit_fact(plan.limit),
            limit_dose_fact(plan.limit),
            Fact(
                "Lesion coverage",
                coverage_words(applied),
                "in the console's plan, before it was lengthened" if plan.override else "",
            ),
            Fact("Dose convention", plan.convention.value, "the limit's doses too" if plan.override else ""),
        ),
    )


def override_fact(plan: Plan) -> tuple[Fact, ...]:
    """Return who had the treatment lengthened by Monte Carlo, by how much and why; nothing where nobody did."""
    override = plan.override
    if override is None:
        return ()
    longer = f"{minutes_and_seconds(override.console_time_s)} by the console; {_time_note(plan)}"
    return (Fact("Longer by Monte Carlo", longer, f"{override.responsible}: {override.reason} [DOS-23]", alarm=True),)


def dose_rate_fact(plan: Plan) -> Fact:
    """Return the dose rate at the applied distance, how well it is known and where it comes from."""
    output = plan.output
    sigma = f"± {percent(output.depth_dose.relative_uncertainty)} (1 standard deviation)"
    definition = known(output.dose_definition, "dose definition unknown")
    return Fact(
        "Dose rate there",
        f"{quantity(plan.prescription.dose_rate_gy_per_min, 'Gy/min', 2)} {sigma}",
        "; ".join((known(output.description), definition, *output.cautions)),
    )


def requested_fact(applied: AppliedPrescription) -> Fact:
    """Return the prescription as the user gave it, its distance also from the isocentre."""
    requested, limit = applied.requested, applied.requested.limit
    distance = f"{millimetres(applied.requested_distance_mm)} from the isocentre"
    place = (
        "to the lesion's border"
        if requested.to_lesion_border
        else f"at {millimetres(requested.depth_mm)} from the {str(requested.origin).replace('_', ' ')}"
    )
    ceiling = f"limit {gray(limit.maximum_gy)} to the {limit.structure} [{limit.evidence}]"
    note = "" if place == f"at {distance}" else distance
    return Fact("Prescription requested", f"{gray(requested.dose_gy)} {place}; {ceiling}", note)


def applied_fact(applied: AppliedPrescription, *, told: tuple[str, ...] = ()) -> Fact:
    """Return the prescription as applied, and why it differs from the request unless a warning has ``told`` it."""
    value = f"{gray(applied.dose_gy)} at {millimetres(applied.applied_distance_mm)} from the isocentre"
    allowed = f"the limit allows up to {millimetres(applied.allowed_distance_mm)}"
    why = "" if applied.explanation in told else sentence(applied.explanation)
    note = " ".join(filter(None, (f"{allowed}.", why, _evidence(applied.evidence))))
    return Fact("Prescription applied", f"{value} — REDUCED" if applied.reduced else value, note, alarm=applied.reduced)


def limit_fact(limit: LimitCheck) -> Fact:
    """Return whether the limit is kept, by which structure, and whether that structure may decide."""
    verdict = "met" if limit.met else "NOT MET"
    standing = "confirmed" if limit.structure_confirmed else "UNCONFIRMED"
    decides = "" if limit.decides else "; cannot decide alone: a person must confirm the structure first"
    return Fact(
        "Limit",
        f"{gray(limit.maximum_gy)} to {limit.structure} ({standing}): {verdict}{decides}",
        f"the upper 95 % bound decides {_evidence(limit.evidence)}".strip(),
        alarm=not (limit.met and limit.decides),
    )


def limit_dose_fact(limit: LimitCheck) -> Fact:
    """Return the dose to the limiting structure: point maximum and D0.03cc, each with its upper bound."""
    small = "the structure is smaller than 0.03 cc"
    return Fact(
        f"Dose to {limit.structure}",
        f"maximum {gray(limit.point_maximum_gy)}, upper 95 % {gray(limit.point_maximum_upper_95_gy)}",
        f"D0.03cc {gray(limit.d003cc_gy, reason=small)}, upper 95 % {gray(limit.d003cc_upper_95_gy, reason=small)}; "
        f"nearest point {millimetres(limit.nearest_distance_mm)} from the isocentre",
    )


def coverage_words(applied: AppliedPrescription) -> str:
    """Return the share of the lesion that gets the prescribed dose, and what the reduction cost."""
    kept = percent(applied.lesion_coverage, reason="the lesion holds no voxel")
    words = f"{kept} of the lesion gets {gray(applied.dose_gy)} or more"
    if not applied.reduced:
        return words
    lost = applied.lesion_coverage_requested - applied.lesion_coverage
    wished = percent(applied.lesion_coverage_requested)
    return f"{words}; {wished} at the requested distance: {percent(lost)} lost to the limit"


def needle(plan: Plan) -> Facts:
    """Return where the needle goes: side, way through bone, angles, margins, depth."""
    trajectory = plan.trajectory
    tip_uncertainty = millimetres(plan.applicator.tip_position_uncertainty_mm)
    return Facts(
        "Needle",
        (
            Fact("Approach", f"{trajectory.side.value}, {trajectory.approach.value}", "; ".join(trajectory.notes)),
            Fact("Angles", angle_words(trajectory), "in the vertebra's own axes"),
            channel_fact(plan),
            Fact("Depth, skin to tip", depth_words(trajectory)),
            Fact(
                "Isocentre and tip (LPS)",
                f"{point_words(trajectory.isocentre_mm)}; tip {point_words(trajectory.tip_mm)}",
                f"tip position ± {tip_uncertainty} (1 standard deviation along a line)",
            ),
        ),
    )


def channel_fact(plan: Plan) -> Fact:
    """Return what must fit through the bone and how much room it has."""
    channel = plan.applicator.channel
    needle_size = f"needle {millimetres(channel.needle_diameter_mm)} × {millimetres(channel.needle_length_mm)}"
    cannula = f"{millimetres(channel.cannula_inner_diameter_mm)} × {millimetres(channel.cannula_length_mm)}"
    return Fact(
        "Working channel",
        f"{millimetres(channel.working_channel_diameter_mm)} wide; {margin_words(plan.trajectory)}",
        f"{needle_size}, cannula (inner) {cannula} [{listed(channel.evidence)}]",
        alarm=plan.trajectory.pedicle_margin_mm < 0,
    )


def angle_words(trajectory: Trajectory) -> str:
    """Return both angles with the way they point, so that no sign has to be remembered."""
    medial, cranial = trajectory.medial_angle_deg, trajectory.cranial_angle_deg
    return (
        f"{degrees(abs(medial))} {'towards' if medial >= 0 else 'away from'} the midline, "
        f"{degrees(abs(cranial))} {'cranially' if cranial >= 0 else 'caudally'}"
        if math.isfinite(medial) and math.isfinite(cranial)
        else because()
    )


def margin_words(trajectory: Trajectory) -> str:
    """Return the distances to the pedicle's cortex and to the canal; a breach is named."""
    pedicle, canal = trajectory.pedicle_margin_mm, trajectory.canal_clearance_mm
    cortex = (
        f"its wall passes {millimetres(-pedicle)} beyond the pedicle's cortex"
        if pedicle < 0
        else f"{millimetres(pedicle, reason='the pedicle was not found')} to the pedicle's outer cortex"
    )
    return f"{cortex}, {millimetres(canal, reason='the canal was not found')} to the canal"


def depth_words(trajectory: Trajectory) -> str:
    """Return the depth, or why it cannot be known."""
    return millimetres(trajectory.depth_mm, reason="the image holds no skin on the needle's axis")


def point_words(point_mm: FloatArray) -> str:
    """Return a point in words that say which way each coordinate goes."""
    x, y, z = (float(value) for value in point_mm)
    pairs = ((x, "L", "R"), (y, "P", "A"), (z, "S", "I"))
    return (
        " ".join(f"{positive if value >= 0 else negative}{abs(value):.1f}" for value, positive, negative in pairs)
        + "\u00a0mm"
    )


def _evidence(identifiers: tuple[str, ...]) -> str:
    return f"[{', '.join(identifiers)}]" if identifiers else f"[source {UNKNOWN}]"
