"""The treatment time without any image: time, doses around it, how well they are known, and the console's time.

Dose is physical dose to water from the depth-dose table alone, which is the console's own convention. The conventions
are TIME-01 to TIME-07 of the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metaspine.errors import InputError
from metaspine.physics.applicators import Applicator, DistanceOrigin, Output
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE, dose_rate_gy_per_min, extrapolated, treatment_time_s
from metaspine.physics.uncertainty import relative_uncertainty, rise_when_closer

EVIDENCE = ("TIME-02", "TIME-06", "TIME-07", "PHY-21", "PHY-25")

CONSOLE_TOLERANCE = 0.05
"""TIME-01."""
LARGEST_TOLERANCE = 0.10
"""TIME-03."""
LARGEST_DOSE_GY = 100.0
LARGEST_DEPTH_MM = 50.0
"""TIME-04."""
TABLE_MM = (5.0, 8.0, 10.0, 11.0, 13.0, 15.0, 20.0, 25.0, 30.0)
"""TIME-07."""
TIP_CLOSER_MM = (2.0, 1.0, -1.0, -2.0)
TWO_SIDED_95 = 1.96
"""The normal distribution holds 95 % within 1.96 standard deviations to either side."""
USUAL_MIN = (1.0, 30.0)
"""PLAN-15."""
NEEDLE = "intrabeam-needle"
BARE_PROBE_RATIO = (0.53, 0.63)
"""PHY-15: the needle's dose rate over the bare probe's, and so the bare probe's time over the needle's."""
TARGIT_RATIO = (1 / (1 - 0.14), 1 / (1 - 0.80))
"""PHY-18: how much longer a console takes that gives the dose in TARGIT dose."""


@dataclass(frozen=True)
class DoseAtDepth:
    """Dose rate and dose at one distance; None where the distance lies inside the applicator."""

    from_origin_mm: float
    from_isocentre_mm: float
    dose_rate_gy_per_min: float | None
    dose_gy: float | None
    relative_uncertainty: float | None
    """One standard deviation for a source in place."""
    extrapolated: bool
    prescribed: bool


@dataclass(frozen=True)
class Band:
    """Where a dose lies; no upper end (None) where the applicator may reach the point."""

    lower_gy: float
    upper_gy: float | None


@dataclass(frozen=True)
class DoseBands:
    """One standard deviation and 95 % of a dose, two-sided (TIME-02)."""

    one_sd: Band
    within_95: Band


@dataclass(frozen=True)
class TipShift:
    """The dose at the prescribed point when the tip lies closer (negative: farther); None inside the applicator."""

    closer_mm: float
    dose_gy: float | None
    relative_change: float | None
    extrapolated: bool


@dataclass(frozen=True, eq=False)
class TimeCheck:
    """An independent treatment time with everything that surrounds it."""

    applicator: Applicator
    output: Output
    dose_gy: float
    depth_mm: float
    origin: DistanceOrigin
    from_isocentre_mm: float
    dose_rate_gy_per_min: float
    time_s: float
    in_place: DoseBands
    """Of the prescribed dose, with the source in place."""
    with_tip: DoseBands
    """Of the prescribed dose, with the uncertainty of the tip's position along the line to the point."""
    depths: tuple[DoseAtDepth, ...]
    tip_shifts: tuple[TipShift, ...]
    hand_check: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class ConsoleComparison:
    """The console's time against the calculated one."""

    console_time_s: float
    relative_difference: float
    """(console - calculated) / calculated; that of the dose is the same."""
    tolerance: float
    agrees: bool
    dose_gy: float
    """What the console's time gives at the prescribed point."""
    hints: tuple[str, ...]
    """What the console's time would fit, where it differs (TIME-05)."""


def check_time(
    output: Output,
    applicator: Applicator,
    *,
    dose_gy: float,
    depth_mm: float,
    origin: DistanceOrigin | str,
    further_mm: Sequence[float] = (),
) -> TimeCheck:
    """Return the time that gives a dose in Gy at a depth in mm from the named origin, and the doses around it.

    t = D / rate(r). ``further_mm`` are further distances from the origin for the table.

    Raises
    ------
    InputError
        When the origin is unknown, or a dose or distance is not positive, not finite or beyond TIME-04.
    DeviceFileError
        When the prescribed point lies inside the applicator.
    """
    named = _origin(origin)
    _refuse_outside(dose_gy, LARGEST_DOSE_GY, "dose", "Gy")
    for distance in (depth_mm, *further_mm):
        _refuse_outside(distance, LARGEST_DEPTH_MM, f"distance from the {in_words(named)}", "mm")
    here = applicator.from_isocentre_mm(depth_mm, named)
    time_s = treatment_time_s(output, applicator, dose_gy=dose_gy, distance_from_isocentre_mm=here)
    rate = float(dose_rate_gy_per_min(output.depth_dose, here))
    distances = sorted({*TABLE_MM, *further_mm, depth_mm})
    return TimeCheck(
        applicator=applicator,
        output=output,
        dose_gy=dose_gy,
        depth_mm=depth_mm,
        origin=named,
        from_isocentre_mm=here,
        dose_rate_gy_per_min=rate,
        time_s=time_s,
        in_place=_bands(output, applicator, dose_gy=dose_gy, distance_mm=here, sigma_mm=0.0),
        with_tip=_bands(
            output, applicator, dose_gy=dose_gy, distance_mm=here, sigma_mm=applicator.tip_position_uncertainty_mm
        ),
        depths=tuple(
            _at(output, applicator, time_s=time_s, from_origin_mm=mm, origin=named, prescribed=mm == depth_mm)
            for mm in distances
        ),
        tip_shifts=tuple(_shifted(output, applicator, dose_gy, (here, mm)) for mm in TIP_CLOSER_MM),
        hand_check=hand_check(here, rate, dose_gy),
        cautions=(*output.cautions, *_cautions(output, here, time_s)),
    )


def compare_with_console(
    check: TimeCheck, console_time_s: float, *, tolerance: float = CONSOLE_TOLERANCE
) -> ConsoleComparison:
    """Return whether the console's time in s agrees with the calculated one within a relative tolerance.

    Raises
    ------
    InputError
        When the console's time is not positive, or the tolerance not above 0 or above 10 % (TIME-03).
    """
    if not (console_time_s > 0 and math.isfinite(console_time_s)):
        raise InputError(
            f"a console time of {console_time_s:g} s", where="console time", remedy="Give what the console shows"
        )
    if not 0 < tolerance <= LARGEST_TOLERANCE:
        raise InputError(
            f"a tolerance of {100 * tolerance:g} %",
            where="tolerance",
            remedy=f"Give more than 0 and at most {LARGEST_TOLERANCE:.0%} (TIME-03); the usual is 5 % (TIME-01)",
        )
    difference = console_time_s / check.time_s - 1
    agrees = abs(difference) <= tolerance + 1e-9
    return ConsoleComparison(
        console_time_s=console_time_s,
        relative_difference=difference,
        tolerance=tolerance,
        agrees=agrees,
        dose_gy=check.dose_gy * (1 + difference),
        hints=() if agrees else _hints(check, console_time_s, tolerance),
    )


def hand_check(distance_mm: float, rate_gy_per_min: float, dose_gy: float) -> str:
    """Return distance, dose rate and time in one line whose arithmetic holds in the digits that are printed."""
    minutes = f"{dose_gy / rate_gy_per_min:.1f}"
    for digits in range(3, 12):
        rate = f"{rate_gy_per_min:.{digits}g}"
        if f"{dose_gy / float(rate):.1f}" == minutes:
            break
    return f"{distance_mm:.1f} mm from the isocentre: {rate} Gy/min; {dose_gy:g} Gy / {rate} Gy/min = {minutes} min"


def minutes_and_seconds(time_s: float) -> str:
    """Return a time in s, to the nearest second, as a console shows it: 6:42."""
    minutes, seconds = divmod(round(time_s), round(SECONDS_PER_MINUTE))
    return f"{minutes}:{seconds:02d}"


def in_words(origin: DistanceOrigin) -> str:
    """Return an origin as it is spoken: "applicator tip"."""
    return origin.replace("_", " ")


def _origin(origin: DistanceOrigin | str) -> DistanceOrigin:
    if origin not in set(DistanceOrigin):
        raise InputError(
            f"a depth measured from {str(origin)!r}",
            where="origin",
            remedy=f"Name one of {', '.join(DistanceOrigin)}; the wrong one changes the time two- to threefold",
        )
    return DistanceOrigin(origin)


def _refuse_outside(value: float, largest: float, what: str, unit: str) -> None:
    if not 0 < value <= largest:
        raise InputError(
            f"a {what} of {value:g} {unit}",
            where="treatment time",
            remedy=f"Give more than 0 and at most {largest:g} {unit} (TIME-04)",
        )


def _at(
    output: Output,
    applicator: Applicator,
    *,
    time_s: float,
    from_origin_mm: float,
    origin: DistanceOrigin,
    prescribed: bool,
) -> DoseAtDepth:
    distance = applicator.from_isocentre_mm(from_origin_mm, origin)
    beyond = bool(extrapolated(output.depth_dose, distance))
    if distance < applicator.radius_mm:
        return DoseAtDepth(from_origin_mm, distance, None, None, None, beyond, prescribed)
    rate = float(dose_rate_gy_per_min(output.depth_dose, distance))
    spread = float(relative_uncertainty(output.depth_dose, distance))
    return DoseAtDepth(from_origin_mm, distance, rate, rate * time_s / SECONDS_PER_MINUTE, spread, beyond, prescribed)


def _bands(output: Output, applicator: Applicator, *, dose_gy: float, distance_mm: float, sigma_mm: float) -> DoseBands:
    one, two = (
        _band(output, applicator, dose_gy, (distance_mm, quantile * sigma_mm), quantile)
        for quantile in (1.0, TWO_SIDED_95)
    )
    return DoseBands(one, two)


def _band(
    output: Output, applicator: Applicator, dose_gy: float, place_mm: tuple[float, float], quantile: float
) -> Band:
    """Return the band at a distance for a shift of the tip, the two numbers of ``place_mm``."""
    distance, shift = place_mm
    own = quantile * float(relative_uncertainty(output.depth_dose, distance))
    fall = rise_when_closer(output.depth_dose, distance + shift, shift)
    lower = dose_gy * math.exp(-math.hypot(own, fall))
    if distance - shift < applicator.radius_mm:
        return Band(lower, None)
    rise = rise_when_closer(output.depth_dose, distance, shift)
    return Band(lower, dose_gy * math.exp(math.hypot(own, rise)))


def _shifted(output: Output, applicator: Applicator, dose_gy: float, place_mm: tuple[float, float]) -> TipShift:
    """Return the dose at a distance when the tip lies closer, the two numbers of ``place_mm``."""
    distance, closer = place_mm
    moved = distance - closer
    if moved < applicator.radius_mm:
        return TipShift(closer, None, None, extrapolated=True)
    near, here = dose_rate_gy_per_min(output.depth_dose, [moved, distance])
    ratio = float(near / here)
    return TipShift(closer, dose_gy * ratio, ratio - 1, bool(extrapolated(output.depth_dose, moved)))


def _cautions(output: Output, distance_mm: float, time_s: float) -> tuple[str, ...]:
    minutes = time_s / SECONDS_PER_MINUTE
    low, high = output.depth_dose.valid_mm
    said = {
        "no calibration was given: nominal output, not for treatment": not output.calibrated,
        f"the depth dose is known from {low:g} to {high:g} mm from the isocentre; at {distance_mm:.1f} mm it is "
        "extrapolated (PHY-17)": bool(extrapolated(output.depth_dose, distance_mm)),
        f"a treatment time of {minutes:.1f} min is unusual ({USUAL_MIN[0]:g} to {USUAL_MIN[1]:g} min, PLAN-15): check "
        "dose, depth and origin": not USUAL_MIN[0] <= minutes <= USUAL_MIN[1],
    }
    return tuple(text for text, holds in said.items() if holds)


def _hints(check: TimeCheck, console_time_s: float, tolerance: float) -> tuple[str, ...]:
    ratio = console_time_s / check.time_s
    needle = check.applicator.name == NEEDLE
    bare = needle and BARE_PROBE_RATIO[0] * (1 - tolerance) <= ratio <= BARE_PROBE_RATIO[1] * (1 + tolerance)
    targit = TARGIT_RATIO[0] <= ratio <= TARGIT_RATIO[1]
    said = {
        "it would fit the bare probe's curve (PHY-15): is the applicator entered at the console?": bare,
        "it would fit a dose in TARGIT dose (PHY-18): which dose definition does the console use?": targit,
    }
    return (*_origins_that_fit(check, console_time_s, tolerance), *(text for text, holds in said.items() if holds))


def _origins_that_fit(check: TimeCheck, console_time_s: float, tolerance: float) -> tuple[str, ...]:
    fitting: dict[float, list[str]] = {}
    for origin in DistanceOrigin:
        distance = check.applicator.from_isocentre_mm(check.depth_mm, origin)
        if distance == check.from_isocentre_mm or distance < check.applicator.radius_mm:
            continue
        time_s = treatment_time_s(
            check.output, check.applicator, dose_gy=check.dose_gy, distance_from_isocentre_mm=distance
        )
        if abs(console_time_s / time_s - 1) <= tolerance:
            fitting.setdefault(distance, []).append(in_words(origin))
    return tuple(
        f"it would fit {check.depth_mm:g} mm from the {' or the '.join(names)}: which origin does the console use?"
        for names in fitting.values()
    )
