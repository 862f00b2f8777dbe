"""Two conventions of dose: Monte Carlo beside console dose in words, numbers and pictures, and its check."""

from __future__ import annotations

import math
from dataclasses import replace

from metaspine.dosimetry.independent import AGREEING_SHARE, TISSUE_TOLERANCE, WATER_TOLERANCE, IndependentCheck
from metaspine.dosimetry.reference_beside_console import BesideConsole
from metaspine.evaluation.monte_carlo import MonteCarlo
from metaspine.patient.dose import Dose
from metaspine.patient.plan import MonteCarloOverride, Plan
from metaspine.patient.scan import Scan
from metaspine.reports.blocks import Fact, Facts, Gallery, Notice, Page, Picture, Remark, Remarks, Table
from metaspine.reports.pictures import PlannedView, legend, plan_picture, planned_views
from metaspine.reports.provenance_page import engine_fact
from metaspine.reports.wording import because, gray, minutes_and_seconds, percent, quantity, sentence

HEADING = "Two conventions of dose"
_SHOWN = ("axial", "sagittal")
_CAPTION = (
    "The same slices through the isocentre, left in console dose, right in Monte Carlo dose to water in medium; the "
    "same isodoses in both, each in the convention named on its picture (REPORT-02)."
)


def monte_carlo_pages(plan: Plan, scan: Scan, dose: Dose, monte_carlo: MonteCarlo) -> tuple[Page, ...]:
    """Return the pages that set both conventions side by side: words and numbers, pictures, the check and the notes."""
    return (
        Page(
            HEADING,
            (
                *override_blocks(plan),
                standing(plan),
                *words(monte_carlo.places),
                place_table(monte_carlo),
                check_table(monte_carlo.check),
            ),
        ),
        Page(
            "Isodoses in both conventions",
            (pictures(plan, scan, dose, monte_carlo), notes(monte_carlo.notes)),
            follows=True,
        ),
    )


def standing(plan: Plan) -> Notice:
    """Return what each convention is, and which one the plan stands on."""
    time = (
        "The time of this plan is by Monte Carlo, by a person's override."
        if plan.override
        else "Nothing on this page changes the treatment time."
    )
    return Notice(
        "note",
        "Prescription and limit are in console dose.",
        "Console dose is that in water, from the depth-dose table: the device computes with it, and the published "
        "experience (8 Gy; cord no more than 8 Gy) is in it. Monte Carlo dose follows the photons through this "
        f"patient's own tissues. They must not be compared with each other's limits. {time}",
        "DOS-23",
    )


def words(places: tuple[BesideConsole, ...]) -> tuple[Remarks, ...]:
    """Return what both doses mean for the cord and the canal, in a surgeon's words; nothing where nothing is known."""
    told = tuple(Remark(place.for_the_surgeon, "DOS-21, DOS-22") for place in places if place.for_the_surgeon)
    return (Remarks("What arrives at cord and canal", told),) if told else ()


def place_table(monte_carlo: MonteCarlo) -> Table:
    """Return both doses at each place."""
    rows = tuple(_place_row(place) for place in monte_carlo.places)
    return Table(
        "Both doses, place by place",
        ("place", "console", "Monte Carlo, to medium", "Monte Carlo, to water in medium", "1 SD", "water / console"),
        rows,
        (3.3, 1.1, 1.4, 1.5, 0.8, 1.1),
        numeric=(1, 2, 3, 4, 5),
        caption=(
            "Medians over the same voxels; in structures the 0.03 cc that get most by the console's dose (DOS-07). "
            "1 SD: of the Monte Carlo dose, with output and direction. Bone itself absorbs several times what a little "
            "water in it would: dose to medium there is not comparable with any dose in water. The last column is the "
            "patient's heterogeneity and the shape of the depth-dose table together; it is no check."
        ),
    )


def check_table(check: IndependentCheck) -> Table:
    """Return both parts of the independent calculation with tolerance and verdict."""
    worst = check.largest_in_water
    in_tissue = (
        f"{percent(check.agreeing_share)} of {check.voxels} voxels within {100 * TISSUE_TOLERANCE:.0f} %; median "
        f"{100 * check.median_difference:+.1f} %"
        if check.voxels
        else because("there was no voxel outside metal's shadow")
    )
    return Table(
        "Independent calculation",
        ("", "compared", "found", "tolerance", "verdict"),
        (
            (
                "(a)",
                "the same engine with every voxel water, against the depth-dose table",
                f"largest difference {100 * worst.deviation:+.1f} %, at {worst.distance_mm:.1f} mm from the isocentre",
                f"{100 * WATER_TOLERANCE:.0f} %",
                _verdict(check.water_agrees),
            ),
            (
                "(b)",
                "computed primary times water's ratio of total to primary, against the Monte Carlo dose in the patient",
                in_tissue,
                f"{100 * AGREEING_SHARE:.0f} % of voxels within {100 * TISSUE_TOLERANCE:.0f} %",
                _verdict(check.tissues_agree),
            ),
        ),
        (0.35, 3.2, 2.9, 1.5, 1.2),
        caption=" ".join((*_why(check), "Tolerances: DOS-06.")),
    )


def pictures(plan: Plan, scan: Scan, dose: Dose, monte_carlo: MonteCarlo) -> Gallery:
    """Return the same slices with the isodoses of each convention."""
    views = [view for view in planned_views(plan) if view.name in _SHOWN]
    doses = (("console dose", dose), ("Monte Carlo, to water in medium", monte_carlo.doses.to_water))
    drawn = tuple(_picture(view, plan, scan, short, shown) for view in views for short, shown in doses)
    return Gallery("", drawn, columns=len(doses), legend=legend(plan), caption=_CAPTION)


def notes(texts: tuple[str, ...]) -> Remarks:
    """Return what must be known of the Monte Carlo dose."""
    return Remarks("What must be known of the Monte Carlo dose", tuple(Remark(sentence(text), "") for text in texts))


def override_blocks(plan: Plan) -> tuple[Notice | Facts, ...]:
    """Return the labelled act by which a person had the treatment lengthened; nothing where nobody did."""
    if plan.override is None:
        return ()
    return (
        Notice("caution", "TREATED BY MONTE CARLO", override_words(plan.override), "DOS-23"),
        override_facts(plan, plan.override),
    )


def override_words(override: MonteCarloOverride) -> str:
    """Return the override in one sentence: extra time, who, why."""
    return (
        f"The time is {minutes_and_seconds(override.time_s)} instead of the console's "
        f"{minutes_and_seconds(override.console_time_s)}: {extra_words(override)}. Responsible: "
        f"{override.responsible}. Reason: {sentence(override.reason)}"
    )


def extra_words(override: MonteCarloOverride) -> str:
    """Return the extra time in minutes and per cent."""
    return f"{minutes_and_seconds(override.extra_s)} longer (+{percent(override.extra_share)})"


def override_facts(plan: Plan, override: MonteCarloOverride) -> Facts:
    """Return times and limits of both conventions under the longer time."""
    limit = plan.limit
    return Facts(
        "Longer by Monte Carlo",
        (
            Fact("Responsible", override.responsible, f"reason: {override.reason}"),
            Fact("Console's time", minutes_and_seconds(override.console_time_s)),
            Fact("Time of this plan", minutes_and_seconds(override.time_s), extra_words(override), alarm=True),
            Fact(
                "Why by this much",
                f"{gray(plan.prescription.dose_gy)} by Monte Carlo to water in medium",
                f"{override.place}: the console's time gives {gray(override.monte_carlo_gy)} there",
            ),
            Fact(
                f"{limit.structure}, console dose",
                f"maximum {gray(limit.point_maximum_gy)}, upper 95 % {gray(limit.point_maximum_upper_95_gy)}",
                _limit_words(limit.met, limit.maximum_gy),
                alarm=not limit.met,
            ),
            Fact(
                f"{limit.structure}, Monte Carlo to water in medium",
                f"maximum {gray(override.limit_gy)}, upper 95 % {gray(override.limit_upper_95_gy)}",
                f"{_limit_words(override.limit_met, limit.maximum_gy)} (DOS-24)",
                alarm=not override.limit_met,
            ),
            Fact("Independent calculation", _verdict(override.check_passed), "DOS-06", alarm=not override.check_passed),
        ),
    )


def monte_carlo_origins(monte_carlo: MonteCarlo) -> tuple[Fact, ...]:
    """Return what made the Monte Carlo dose, for the page of origins."""
    doses = monte_carlo.doses
    made = engine_fact(doses.to_medium)
    return (replace(made, label="Monte Carlo", note=f"{made.note}; and {doses.to_water.convention.value}"),)


def _limit_words(met: bool, maximum_gy: float) -> str:
    return f"limit {gray(maximum_gy)}: {'met' if met else 'NOT MET'}"


def _place_row(place: BesideConsole) -> tuple[str, ...]:
    if place.voxels == 0:
        return (place.place, *[because("no voxel of the dose grid lies there")] + [""] * 4)
    return (
        place.place,
        gray(place.console_gy),
        gray(place.to_medium_gy),
        gray(place.to_water_gy),
        percent(place.relative_uncertainty),
        quantity(place.ratio, "", 2).strip() if math.isfinite(place.ratio) else because(),
    )


def _verdict(passed: bool) -> str:
    return "passed" if passed else "NOT PASSED"


def _why(check: IndependentCheck) -> list[str]:
    """Return what is behind a verdict: the engine's own sentences beyond the two that the table holds already."""
    return [text for text in check.sentences if not text.startswith(("In water,", "In the patient's tissues"))]


def _picture(view: PlannedView, plan: Plan, scan: Scan, short: str, dose: Dose) -> Picture:
    title = f"{view.title}: {dose.convention.value}"
    named = replace(view, name=f"{view.name}-{dose.convention.name.lower()}", title=title, plane=view.name, dose=short)
    return plan_picture(named, plan, scan, dose)
