"""Treating longer because Monte Carlo asks for it: a person's own act, labelled, never what a plan does by itself.

The new time is the console's times prescribed dose over Monte Carlo dose to water in medium at the prescribed distance.
The limit is checked in both conventions; a plan whose limit does not hold in one of them, whose Monte Carlo dose failed
its independent check, or was computed while nobody had said what metal, cement or contrast are, carries a stop (DOS-23,
DOS-24).
"""

from __future__ import annotations

import math
from dataclasses import replace

from metaspine.errors import InputError
from metaspine.evaluation.limits import check_limit
from metaspine.evaluation.monte_carlo import MonteCarlo
from metaspine.patient.plan import Caution, MonteCarloOverride, Plan
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.physics.uncertainty import ONE_SIDED_95, rise_when_closer
from metaspine.planning.cautions import gravest_first
from metaspine.planning.prescribing import limit_cautions, time_cautions

_WHERE = "treating by Monte Carlo"
_BY_TIME = ("LIMIT_NOT_MET", "TIME_UNUSUAL", "TIME_OUTSIDE_PUBLISHED")


def treat_by_monte_carlo(plan: Plan, monte_carlo: MonteCarlo, *, reason: str, responsible: str) -> Plan:
    """Return a new plan whose time gives the prescribed dose by Monte Carlo; the plan handed in stays as it is.

    Parameters
    ----------
    plan
        The console's plan.
    monte_carlo
        Its own Monte Carlo run.
    reason, responsible
        Why, and who answers for it; they stand on every page and in plan.json.

    Raises
    ------
    InputError
        When reason or name are missing, the plan is one already, the run is another plan's, or Monte Carlo asks for no
        longer time, or for one within its uncertainty.
    """
    _refuse(plan, monte_carlo, reason, responsible)
    there = monte_carlo.prescribed
    factor = plan.prescription.dose_gy / there.to_water_gy
    if not (math.isfinite(factor) and factor > 1):
        raise InputError(
            f"Monte Carlo gives {there.to_water_gy:.2f} Gy to water in medium at the prescribed distance, not less "
            f"than the {plan.prescription.dose_gy:g} Gy prescribed: it asks for no longer time",
            where=_WHERE,
            remedy="Treat by the console's plan",
        )
    if not there.differs:
        raise InputError(
            f"at the prescribed distance Monte Carlo gives {there.to_water_gy:.2f} Gy to water in medium and the "
            f"console {there.console_gy:.2f} Gy, the same within the uncertainty (DOS-22): there is no ground for a "
            "longer time",
            where=_WHERE,
            remedy="Treat by the console's plan, or reduce the uncertainty with the device's own calibration",
        )
    dwell = replace(plan.dwell, time_s=factor * plan.dwell.time_s)
    limit = check_limit(
        plan.limiting_structure,
        plan.prescription.requested.limit,
        dwell=dwell,
        applicator=plan.applicator,
        output=plan.output,
        tip_position_uncertainty_mm=plan.applicator.tip_position_uncertainty_mm,
    )
    longer = replace(plan, dwell=dwell, limit=limit)
    override = _override(plan, longer, monte_carlo, reason=reason.strip(), responsible=responsible.strip())
    return replace(
        longer,
        override=override,
        hand_check=_hand_check(plan, override),
        warnings=gravest_first((*_own(override, longer), *_unanswered(monte_carlo), *_kept(plan), *_by_time(longer))),
    )


def _refuse(plan: Plan, monte_carlo: MonteCarlo, reason: str, responsible: str) -> None:
    if not reason.strip() or not responsible.strip():
        raise InputError(
            "a treatment is lengthened by Monte Carlo only with a reason and the name of who answers for it (DOS-23)",
            where=_WHERE,
            remedy="Give both",
        )
    if plan.override is not None:
        raise InputError(
            f"this plan's time is by Monte Carlo already ({plan.override.responsible})",
            where=_WHERE,
            remedy="Start from the console's plan",
        )
    if not _of_this_plan(monte_carlo, plan):
        raise InputError(
            "the Monte Carlo dose was computed for another plan", where=_WHERE, remedy="Compute it for this plan"
        )


def _of_this_plan(monte_carlo: MonteCarlo, plan: Plan) -> bool:
    """Whether a run has the plan's position, direction, time, scan, applicator and output."""
    run = monte_carlo.doses.irradiation
    if len(run.dwells) != 1:
        return False
    own, dwell = run.dwells[0], plan.dwell
    return bool(
        own.time_s == dwell.time_s
        and (own.isocentre_mm == dwell.isocentre_mm).all()
        and (own.direction == dwell.direction).all()
        and run.scan_sha256 == plan.scan_sha256
        and run.applicator.name == plan.applicator.name
        and run.output.description == plan.output.description
    )


def _override(
    plan: Plan, longer: Plan, monte_carlo: MonteCarlo, *, reason: str, responsible: str
) -> MonteCarloOverride:
    limit_gy = longer.limit.point_maximum_gy * monte_carlo.limiting.ratio
    upper_gy = limit_gy * _upper_95_factor(longer, monte_carlo)
    return MonteCarloOverride(
        reason=reason,
        responsible=responsible,
        console_time_s=plan.dwell.time_s,
        time_s=longer.dwell.time_s,
        place=monte_carlo.prescribed.place,
        monte_carlo_gy=monte_carlo.prescribed.to_water_gy,
        limit_gy=limit_gy,
        limit_upper_95_gy=upper_gy,
        limit_met=bool(upper_gy <= longer.limit.maximum_gy),
        check_passed=monte_carlo.check.passed,
    )


def _upper_95_factor(plan: Plan, monte_carlo: MonteCarlo) -> float:
    """Return the factor to the upper 95 % bound of the Monte Carlo dose to the limiting structure (DOS-24)."""
    own = ONE_SIDED_95 * monte_carlo.limiting.relative_uncertainty
    shift = ONE_SIDED_95 * plan.applicator.tip_position_uncertainty_mm
    return math.exp(math.hypot(own, rise_when_closer(plan.output.depth_dose, plan.limit.nearest_distance_mm, shift)))


def _hand_check(plan: Plan, override: MonteCarloOverride) -> str:
    dose = plan.prescription.dose_gy
    minutes = override.console_time_s / SECONDS_PER_MINUTE
    return (
        f"by the console {plan.hand_check}; by Monte Carlo {minutes:.2f} min x {dose:g} Gy / "
        f"{override.monte_carlo_gy:.2f} Gy = {minutes * dose / round(override.monte_carlo_gy, 2):.1f} min"
    )


def _own(override: MonteCarloOverride, plan: Plan) -> list[Caution]:
    words = (
        f"the time is by Monte Carlo, not by the console: {override.time_s / SECONDS_PER_MINUTE:.1f} instead of "
        f"{override.console_time_s / SECONDS_PER_MINUTE:.1f} min ({override.extra_share:+.0%}); responsible: "
        f"{override.responsible}; reason: {override.reason}"
    )
    found = [Caution("TIME_BY_MONTE_CARLO", words, "DOS-23")]
    if not override.limit_met:
        words = (
            f"by Monte Carlo too the upper 95 % bound of the dose to {plan.limit.structure} is "
            f"{override.limit_upper_95_gy:.1f} Gy, above the limit of {plan.limit.maximum_gy:g} Gy"
        )
        found.append(Caution("LIMIT_NOT_MET_BY_MONTE_CARLO", words, "DOS-24", stops=True))
    if not override.check_passed:
        words = "the independent calculation did not pass: no time may rest on this Monte Carlo dose"
        found.append(Caution("MONTE_CARLO_CHECK_FAILED", words, "DOS-06", stops=True))
    return found


def _unanswered(monte_carlo: MonteCarlo) -> list[Caution]:
    """Return a stop where the dose rests on a guess: contrast read as bone alone asks for a longer time."""
    tissues = monte_carlo.doses.irradiation.tissues
    if tissues is None or not tissues.unanswered:
        return []
    words = (
        f"nobody has said what {', '.join(tissues.unanswered)} are made of: no time may rest on this Monte Carlo dose; "
        "state it with --material, or as an override from Python"
    )
    return [Caution("MONTE_CARLO_TISSUES_UNANSWERED", words, "DOS-23", stops=True)]


def _kept(plan: Plan) -> list[Caution]:
    return [caution for caution in plan.warnings if caution.code not in _BY_TIME]


def _by_time(plan: Plan) -> tuple[Caution, ...]:
    return (*limit_cautions(plan.limit), *time_cautions(plan.dwell.time_s))
