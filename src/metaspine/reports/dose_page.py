"""The dose page: histograms, the numbers read from them with their bands, and what kind of dose they are."""

from __future__ import annotations

from collections.abc import Iterator

from metaspine.evaluation.evaluate import Evaluation, StructureDose
from metaspine.evaluation.metrics import Metric
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.structure import Role
from metaspine.reports.blocks import Gallery, Notice, Page, Table
from metaspine.reports.dvh_plot import Curve, dvh_picture
from metaspine.reports.lines import LESION, LIMITING_STRUCTURE, VERTEBRA, LineStyle
from metaspine.reports.wording import because, cubic_centimetres, gray, known, percent, sentence

MOST_OTHERS = 8
"""Structures beyond the three of the plan that the page lists, those with the highest dose first; dvh.csv has all."""

UPPER = ", upper 95 %"
"""How the names of upper bounds end; a structure that holds the applicator has none that means anything."""

_OTHER_DASHES = ("dashed", "dotted", "dash-dotted")


def dose_page(plan: Plan, dose: Dose, result: Evaluation) -> Page:
    """Return what kind of dose this is, the histograms and the metrics."""
    first, others = plan_structures(plan, result), other_structures(plan, result)
    return Page(
        "Dose",
        (
            dose_notice(dose),
            Gallery("", (dvh_picture(curves(plan, result), prescribed_gy=result.dose_gy),), columns=1),
            metric_table(first, result),
            other_table(others),
            left_out_table(result),
        ),
    )


def dose_notice(dose: Dose) -> Notice:
    """Return what kind of dose this is; behind intact bone, dose in water overstates."""
    kind = f"Convention: {dose.convention.value}; engine: {dose.provenance.engine}; dose to {known(dose.medium)}."
    words = " ".join((kind, *map(sentence, dose.notes)))
    if dose.provenance.engine != "water":
        return Notice("note", "Which dose this is.", words)
    return Notice("caution", "Dose in water: behind intact bone it overstates what arrives.", words, "PHY-25")


def plan_structures(plan: Plan, result: Evaluation) -> tuple[StructureDose, ...]:
    """Return the lesion, the limiting structure and the vertebra of the level, as far as they were evaluated."""
    names = (plan.lesion.name, plan.limiting_structure.name)
    wanted = [found for name in names for found in result.structures if found.structure == name]
    vertebra = [found for found in result.structures if found.role is Role.VERTEBRA and found.level == plan.level]
    return tuple({found.structure: found for found in (*wanted, *vertebra)}.values())


def other_structures(plan: Plan, result: Evaluation) -> tuple[StructureDose, ...]:
    """Return the structures beyond those of the plan, the hottest first."""
    first = {found.structure for found in plan_structures(plan, result)}
    others = [found for found in result.structures if found.structure not in first]
    return tuple(sorted(others, key=_hottest_first))


def curves(plan: Plan, result: Evaluation) -> tuple[Curve, ...]:
    """Return the histograms to draw: those of the plan's structures."""
    first = plan_structures(plan, result)
    return tuple(
        Curve(_curve_name(found), found.curve.dose_gy, found.curve.volume_fraction, style)
        for found, style in zip(first, _styles(plan, first), strict=True)
    )


def metric_table(found: tuple[StructureDose, ...], result: Evaluation) -> Table:
    """Return every metric of the plan's structures, one a line, each with its band."""
    names = dict.fromkeys(metric.name for structure in found for metric in structure.metrics)
    rows = (
        ("volume", *(cubic_centimetres(structure.volume_cc) for structure in found)),
        ("confirmed by a person", *("yes" if structure.confirmed else "NO" for structure in found)),
        *((name, *(_cell(structure, name) for structure in found)) for name in names),
        ("read as", *(structure.convention for structure in found)),
    )
    notes = [f"{structure.structure}: {sentence(note)}" for structure in found for note in structure.notes]
    bands = "In brackets: precision of the reading (DVH-06), not of the dose."
    return Table(
        "Dose to the plan's structures",
        ("", *(structure.structure for structure in found)),
        rows if found else (),
        (1.6, *([2.4] * len(found))),
        caption=" ".join((bands, *notes, f"Conventions: {', '.join(result.evidence)}.")),
        empty="No structure of the plan could be evaluated.",
    )


def other_table(others: tuple[StructureDose, ...]) -> Table:
    """Return the highest doses to the other structures; what is not listed is counted and bounded."""
    shown, rest = others[:MOST_OTHERS], others[MOST_OTHERS:]
    more = f"{len(rest)} further structures get no more than the last of these; dvh.csv has all." if rest else ""
    return Table(
        "Other structures",
        ("structure", "volume", "D0.03cc", "point maximum", "upper 95 %"),
        tuple((o.structure, cubic_centimetres(o.volume_cc), *_highest(o)) for o in shown),
        (2.6, 1.2, 1.8, 1.8, 1.8),
        numeric=(1, 2, 3, 4),
        caption=more,
        small=True,
        empty="None lies within the dose grid.",
    )


def left_out_table(result: Evaluation) -> Table:
    """Return the structures that were not evaluated, grouped by the reason."""
    groups: dict[str, list[str]] = {}
    for name, reason in result.left_out:
        groups.setdefault(reason, []).append(name)
    rows = tuple((reason, ", ".join(names)) for reason, names in groups.items())
    return Table("Not evaluated", ("reason", "structures"), rows, (2.6, 6.4), empty="Every structure was evaluated.")


def metric_words(metric: Metric | None) -> str:
    """Return a metric with unit and band, or why it cannot be had and what bounds it."""
    if metric is None:
        return because("it was not evaluated")
    if metric.value is None and metric.low is not None and metric.high is not None:
        return f"{because()}: {_amount(metric.low, metric)} to {_amount(metric.high, metric)}"
    if metric.value is None:
        return known(metric.note, because())
    value = _amount(metric.value, metric)
    band = f"{_amount(metric.low, metric)} to {_amount(metric.high, metric)}"
    return value if metric.low is None or band == f"{value} to {value}" else f"{value} ({band})"


def _cell(found: StructureDose, name: str) -> str:
    if name.endswith(UPPER) and found.in_applicator_cc > 0:
        return "none: the applicator lies in it"
    return metric_words(_metric(found, name))


def _amount(value: float | None, metric: Metric) -> str:
    write = {"Gy": gray, "cc": cubic_centimetres, "": percent}[metric.unit]
    return write(value)


def _highest(found: StructureDose) -> Iterator[str]:
    for name in ("D0.03cc", "point maximum", f"point maximum{UPPER}"):
        metric = _metric(found, name)
        known_value = metric is not None and metric.value is not None and found.in_applicator_cc == 0
        yield _amount(metric.value, metric) if metric and known_value else _cell(found, name)


def _metric(found: StructureDose, name: str) -> Metric | None:
    return next((metric for metric in found.metrics if metric.name == name), None)


def _hottest_first(found: StructureDose) -> tuple[float, str]:
    metric = _metric(found, "point maximum")
    highest = None if metric is None else metric.value if metric.value is not None else metric.high
    return (float("-inf") if highest is None else -highest, found.structure)


def _curve_name(found: StructureDose) -> str:
    return f"{found.structure} ({cubic_centimetres(found.volume_cc)})"


def _styles(plan: Plan, found: tuple[StructureDose, ...]) -> Iterator[LineStyle]:
    own = {plan.lesion.name: LESION, plan.limiting_structure.name: LIMITING_STRUCTURE}
    for place, structure in enumerate(found):
        plain = LineStyle(VERTEBRA.colour, VERTEBRA.ink, _OTHER_DASHES[place % len(_OTHER_DASHES)], 0.8)
        yield own.get(structure.structure, plain)
