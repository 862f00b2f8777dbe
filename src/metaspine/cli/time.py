"""``metaspine time``: the treatment time at the console's side, the answer first, without any image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import RenderableType
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from metaspine.cli.console import DISCLAIMER, results
from metaspine.cli.exit_codes import ExitCode
from metaspine.cli.time_document import time_document
from metaspine.errors import InputError
from metaspine.evidence import look_up
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator, DoseConvention, Output
from metaspine.physics.calibration import read_calibration
from metaspine.physics.depth_dose import SECONDS_PER_MINUTE
from metaspine.physics.time_check import (
    CONSOLE_TOLERANCE,
    Band,
    ConsoleComparison,
    DoseBands,
    TimeCheck,
    check_time,
    compare_with_console,
    in_words,
    minutes_and_seconds,
)

_WRITTEN = tuple(
    re.compile(form)
    for form in (
        r"(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)",
        r"(?P<minutes>\d{1,3})\s*(?:m|min)\s*(?P<seconds>[0-5]?\d)\s*(?:s|sec)",
        r"(?P<minutes>\d+(?:[.,]\d+)?)\s*(?:min|minutes)",
        r"(?P<seconds>\d+(?:[.,]\d+)?)\s*(?:s|sec|seconds)",
    )
)
_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ":": ("▄", "▄", " "),
}
_NOT_FOR_TREATMENT = "NOMINAL OUTPUT, NOT FOR TREATMENT"


@dataclass(frozen=True)
class TimeRequest:
    """What the command line asked for."""

    dose_gy: float
    depth_mm: float
    origin: str
    further_mm: tuple[float, ...]
    applicator: str
    calibration: Path | None
    serial: str | None
    console_time: str | None
    tolerance_percent: float


def time_command(request: TimeRequest, *, json_output: bool) -> None:
    """Compute the time, compare it with the console's, print it; a difference ends with its own exit code."""
    applicator = read_applicator(request.applicator)
    output = _output(request, applicator)
    check = check_time(
        output,
        applicator,
        dose_gy=request.dose_gy,
        depth_mm=request.depth_mm,
        origin=request.origin,
        further_mm=request.further_mm,
    )
    comparison = _comparison(request, check)
    notes = (*check.cautions, *_serial_note(request))
    if json_output:
        results.print_json(json.dumps(time_document(check, comparison, notes)))
    else:
        for block in _page(check, comparison, notes):
            results.print(block, highlight=False, soft_wrap=isinstance(block, Text))
    if comparison is not None and not comparison.agrees:
        raise SystemExit(ExitCode.REFUSED)


def console_time_s(text: str) -> float:
    """Return a time in s as a person copies it from the console: 6:42, "6 min 42 s", "6.7 min", "402 s".

    Raises
    ------
    InputError
        When the text is no time, or a number without its unit.
    """
    words = text.strip().lower()
    found = next((match for form in _WRITTEN if (match := form.fullmatch(words))), None)
    if found is None:
        raise InputError(
            f"{text!r} is not a time",
            where="--console-time",
            remedy="Write it as minutes:seconds (6:42) or with its units (402s, 6.7min, '6 min 42 s')",
        )
    parts = {unit: float(value.replace(",", ".")) for unit, value in found.groupdict().items()}
    return SECONDS_PER_MINUTE * parts.get("minutes", 0.0) + parts.get("seconds", 0.0)


def _output(request: TimeRequest, applicator: Applicator) -> Output:
    if request.serial is not None and not request.serial.strip():
        raise InputError("the serial number is empty", where="--serial", remedy="Give it as it stands on the source")
    if request.calibration is not None:
        return read_calibration(request.calibration, applicator, today=datetime.now(UTC), serial_number=request.serial)
    if request.serial is not None:
        raise InputError(
            f"the serial number {request.serial!r} was given without a calibration",
            where="--serial",
            remedy="Give the source's calibration file with --calibration",
        )
    return applicator.nominal


def _comparison(request: TimeRequest, check: TimeCheck) -> ConsoleComparison | None:
    if request.console_time is None:
        return None
    time_s = console_time_s(request.console_time)
    return compare_with_console(check, time_s, tolerance=request.tolerance_percent / 100)


def _serial_note(request: TimeRequest) -> tuple[str, ...]:
    if request.calibration is None or request.serial is not None:
        return ()
    return ("the serial number was not compared: give --serial as it stands on the source",)


def _page(check: TimeCheck, comparison: ConsoleComparison | None, notes: Iterable[str]) -> Iterator[RenderableType]:
    yield _answer(check)
    yield from _by_hand(check)
    yield Text("")
    yield _verdict(check, comparison)
    for hint in comparison.hints if comparison else ():
        yield Text(f"  → {hint}", style="bold")
    yield Text("")
    yield _ground(check)
    for note in notes:
        yield Text(f"! {note}", style="yellow")
    yield Line(Text("Dose in this time, by distance from", style="bold"), align="left", style="cyan")
    yield _depths(check)
    yield Line(Text(f"How well the {check.dose_gy:g} Gy are known", style="bold"), align="left", style="cyan")
    yield _bands(check)
    yield Line(style="dim")
    for warning in check.applicator.warnings:
        yield Text(f"applicator: {warning}", style="dim")
    yield Text(
        "The treatment ends on the device's monitor counts; the time is the estimate (TIME-06 [F]).", style="dim"
    )
    yield Text(DISCLAIMER, style="bold")


def _answer(check: TimeCheck) -> RenderableType:
    """Return the time in digits that are read from across the room, with what it is for beside them."""
    shown = minutes_and_seconds(check.time_s)
    digits = Text("\n".join(" ".join(_DIGITS[sign][row] for sign in shown) for row in range(3)), style="bold")
    place = f"{check.depth_mm:g} mm from the {in_words(check.origin)}"
    beside = Text.assemble(
        (f"TIME {shown} min:s = {check.time_s:.1f} s", "bold"),
        (f"\n{check.dose_gy:g} Gy at {place}, {check.applicator.name}\n", "bold"),
        (check.output.description, "bold green") if check.output.calibrated else _not_for_treatment(),
    )
    table = Table.grid(padding=(0, 3))
    table.add_row(digits, beside)
    return table


def _not_for_treatment() -> tuple[str, str]:
    return f" {_NOT_FOR_TREATMENT} ", "bold white on red"


def _by_hand(check: TimeCheck) -> Iterator[Text]:
    rate = f"{_rate(check.dose_rate_gy_per_min)} Gy/min, {check.from_isocentre_mm:g} mm from the isocentre"
    own = "the source's own calibration · " if check.output.calibrated else ""
    sources = f"  {own}{_ids(check.output.depth_dose.evidence)}"
    yield Text.assemble(("dose rate   ", "bold cyan"), (rate, "bold"), (sources, "dim"))
    yield Text.assemble(("hand check  ", "bold cyan"), (check.hand_check, "bold"))


def _verdict(check: TimeCheck, comparison: ConsoleComparison | None) -> Text:
    if comparison is None:
        return Text("CONSOLE NOT COMPARED: give what it shows with --console-time 6:42", style="bold yellow")
    shown = minutes_and_seconds(comparison.console_time_s)
    word, style = _agreement(check, comparison)
    whose = "" if comparison.tolerance == CONSOLE_TOLERANCE else ", stated by you"
    return Text(
        f" {word}: {shown} ({comparison.console_time_s:g} s) is {_longer(comparison.relative_difference)}, gives "
        f"{_gy(comparison.dose_gy)} Gy; tolerance {100 * comparison.tolerance:g} %{whose} "
        f"({_ids(['TIME-01'])}) ",
        style=style,
    )


def _agreement(check: TimeCheck, comparison: ConsoleComparison) -> tuple[str, str]:
    if not comparison.agrees:
        return "REFUSED, CONSOLE DIFFERS", "bold white on red"
    if not check.output.calibrated:
        return "CONSOLE AGREES WITH NOMINAL OUTPUT ONLY", "bold black on yellow"
    return "CONSOLE AGREES", "bold white on green"


def _ground(check: TimeCheck) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column()
    if check.output.calibrated:
        table.add_row("calibration", Text(check.output.source_path))
    table.add_row("applicator", Text(f"{check.applicator.title} ({check.applicator.name})"))
    table.add_row("convention", Text(f"{DoseConvention.CONSOLE}, {check.output.dose_definition}"))
    table.add_row("", Text(f"behind intact bone it overstates the dose  {_ids(['PHY-25'])}", style="dim"))
    return table


def _depths(check: TimeCheck) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", caption=_depth_sources(check), caption_justify="left")
    if check.depths[0].from_origin_mm != check.depths[0].from_isocentre_mm:
        table.add_column(in_words(check.origin), justify="right", no_wrap=True)
    for heading in ("isocentre", "dose", "dose rate", "1 SD"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in check.depths:
        cells = [f"{row.from_isocentre_mm:g} mm"]
        if len(table.columns) == 6:
            cells.insert(0, f"{row.from_origin_mm:g} mm")
        marks = {"◄ prescription": row.prescribed, "extrapolated": row.extrapolated}
        if row.dose_gy is None or row.dose_rate_gy_per_min is None or row.relative_uncertainty is None:
            table.add_row(*cells, "-", "-", "-", "inside the applicator")
            continue
        spread = f"{100 * row.relative_uncertainty:.0f} %"
        cells += [f"{_gy(row.dose_gy)} Gy", f"{_rate(row.dose_rate_gy_per_min)} Gy/min", spread]
        style = "bold" if row.prescribed else "yellow" if row.extrapolated else ""
        table.add_row(*cells, ", ".join(mark for mark, holds in marks.items() if holds), style=style)
    return table


def _depth_sources(check: TimeCheck) -> Text:
    ids = [*check.output.depth_dose.evidence, "PHY-14", "PHY-17", "TIME-07"]
    low, high = check.output.depth_dose.valid_mm
    return Text(
        f"Valid from {low:g} to {high:g} mm from the isocentre. 1 SD: source in place. {_ids(ids)}", style="dim"
    )


def _bands(check: TimeCheck) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    sigma = check.applicator.tip_position_uncertainty_mm
    _add_band(table, "source in place", check.in_place)
    _add_band(table, f"tip known to {sigma:g} mm (1 SD)", check.with_tip)
    for shift in check.tip_shifts:
        word = "closer" if shift.closer_mm > 0 else "farther"
        where = f"tip {abs(shift.closer_mm):g} mm {word}"
        if shift.dose_gy is None or shift.relative_change is None:
            table.add_row(where, "the point lies inside the applicator")
            continue
        mark = ", extrapolated" if shift.extrapolated else ""
        table.add_row(where, f"{_gy(shift.dose_gy)} Gy ({_percent(shift.relative_change)}){mark}")
    table.caption = Text(_ids(["TIME-02", "PHY-14", "PHY-17", "PHY-21"]), style="dim")
    table.caption_justify = "left"
    return table


def _add_band(table: Table, what: str, bands: DoseBands) -> None:
    table.add_row(what, f"1 SD {_range(bands.one_sd)}; 95 % {_range(bands.within_95)}")


def _range(band: Band) -> str:
    if band.upper_gy is None:
        return f"{_gy(band.lower_gy)} Gy and more: the applicator may reach the point"
    return f"{_gy(band.lower_gy)} to {_gy(band.upper_gy)} Gy"


def _longer(change: float) -> str:
    word = "longer" if change > 0 else "shorter"
    return f"{100 * abs(change):.{2 if abs(change) < 0.1 else 0}f} % {word}"


def _percent(change: float) -> str:
    return f"{100 * change:+.1f} %" if abs(change) < 0.1 else f"{100 * change:+.0f} %"


def _rate(rate_gy_per_min: float) -> str:
    return f"{rate_gy_per_min:#.3g}".rstrip(".")


def _gy(dose_gy: float) -> str:
    digits = 2 if dose_gy < 10 else 1 if dose_gy < 100 else 0
    return f"{dose_gy:.{digits}f}"


def _ids(evidence: Iterable[str]) -> str:
    return " · ".join(f"{name} [{look_up(name).confidence}]" for name in dict.fromkeys(evidence))
