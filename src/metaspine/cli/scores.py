"""``metaspine scores``: all scores, what one is made of, and one alone for a case or for a few facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from metaspine.assessment import in_words
from metaspine.assessment.document import plain
from metaspine.assessment.scoring import ScoreAbout, about, score, score_names
from metaspine.assessment.tables import words
from metaspine.cli.case_facts import case_of_facts
from metaspine.cli.console import DISCLAIMER, results
from metaspine.errors import InputError
from metaspine.evidence import bibliography, look_up
from metaspine.patient.case import Case
from metaspine.patient.scoring import Scored

_STATE_STYLE = {"computed": "green", "partial": "yellow", "external": "yellow"}


def scores_command(name: str | None, facts: list[str], case: Path | None, json_output: bool) -> None:
    """List the scores, explain one, or compute one alone: from a case file, or from facts written key=value.

    Raises
    ------
    InputError
        When there is no such score, when facts stand beside a case file, or when a fact cannot be used.
    """
    if name is None:
        _list(json_output)
        return
    described = about(name)
    if case is not None and facts:
        raise InputError(
            "both a case file and facts are given", where="scores", remedy="Write the facts into the case file"
        )
    if case is None and not facts:
        _print(json_output, plain(described), _explanation(described))
        return
    found = _scored(name, _read(case, facts, described), described)
    if case is None:
        found = [(None, scored) for _, scored in found]
    document = {
        "disclaimer": DISCLAIMER,
        "scores": [{"level": level, **plain(scored)} for level, scored in found],
    }
    _print(json_output, document, _computed(described, found))


def _read(case: Path | None, facts: list[str], described: ScoreAbout) -> Case:
    if case is None:
        return case_of_facts(facts, needed=described.needs)
    from metaspine.exchange.case_file import read_case

    return read_case(case)


def _scored(name: str, case: Case, described: ScoreAbout) -> list[tuple[str | None, Scored]]:
    if described.of == "patient":
        return [(None, score(name, case, case.lesions[0]))]
    return [(lesion.level, score(name, case, lesion)) for lesion in case.lesions]


def _print(json_output: bool, document: Any, blocks: Iterable[RenderableType]) -> None:
    if json_output:
        results.print_json(json.dumps(document), indent=2)
        return
    for block in blocks:
        results.print(block, highlight=False)


def _list(json_output: bool) -> None:
    described = [about(name) for name in score_names()]
    _print(json_output, [plain(each) for each in described], _overview(described))


def _overview(described: list[ScoreAbout]) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold cyan")
    for heading in ("name", "of", "range", "better is", "score"):
        table.add_column(heading, no_wrap=heading != "score")
    for each in described:
        state = "" if each.state == "computed" else f" ({in_words('score_state', each.state)})"
        table.add_row(each.name, each.of, _range(each), _direction(each), f"{each.title}{state}")
    yield table
    yield Text("`metaspine scores NAME` explains one, `metaspine scores NAME --case CASE` computes it.", style="dim")
    yield Text(DISCLAIMER, style="bold")


def _range(described: ScoreAbout) -> str:
    return "" if described.range is None else f"{described.range[0]:g} to {described.range[1]:g}"


def _direction(described: ScoreAbout) -> str:
    return {True: "higher", False: "lower", None: ""}[described.higher_is_better]


def _explanation(described: ScoreAbout) -> Iterator[RenderableType]:
    yield Panel(Text(DISCLAIMER, style="bold"), title=_title(described), title_align="left", border_style="yellow")
    facts = [f"of the {described.of}", in_words("score_state", described.state)]
    if described.range is not None:
        facts.append(f"range {_range(described)}")
    if described.higher_is_better is not None:
        facts.append(f"{_direction(described)} is better")
    yield Text(", ".join(facts))
    if described.because:
        yield Text(described.because, style="yellow")
    yield from _points_table(described)
    yield from _bands_table(described)
    yield from (Text(f"! {warning}", style="yellow") for warning in described.warnings)
    yield from _evidence(described.evidence)


def _title(described: ScoreAbout) -> str:
    return f"{described.title} ({described.name})"


def _points_table(described: ScoreAbout) -> Iterator[RenderableType]:
    if not described.items:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold cyan")
    for heading in ("item", "finding", "points" if described.state != "external" else "limits"):
        table.add_column(heading)
    for item in described.items:
        for place, (finding, points) in enumerate(item.points):
            table.add_row("" if place else in_words("score_item", item.name), finding, points)
    yield Line(style="dim")
    yield table


def _bands_table(described: ScoreAbout) -> Iterator[RenderableType]:
    if not described.bands:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold cyan")
    for heading in ("total or finding", "means", "published"):
        table.add_column(heading)
    for band in described.bands:
        table.add_row(band.totals, in_words("score_meaning", band.code), band.survival)
    yield Line(style="dim")
    yield table


def _evidence(identifiers: Iterable[str]) -> Iterator[RenderableType]:
    yield Line(Text("Rests on", style="bold"), align="left", style="cyan")
    for identifier in identifiers:
        entry = look_up(identifier)
        confidence = in_words("confidence", entry.confidence)
        yield Text.assemble(
            (identifier, "bold"), f"  {entry.statement}", (f"  [{entry.confidence}] {confidence}", "dim")
        )
        for name in entry.references:
            yield Text(f"    {bibliography()[name].citation}", style="dim")
        if entry.conflict:
            yield Text(f"    {entry.conflict}: {look_up(entry.conflict).statement}", style="yellow")


def _computed(described: ScoreAbout, found: list[tuple[str | None, Scored]]) -> Iterator[RenderableType]:
    yield Panel(Text(DISCLAIMER, style="bold"), title=_title(described), title_align="left", border_style="yellow")
    for level, scored in found:
        if level is not None:
            yield Line(Text(level, style="bold"), align="left", style="cyan")
        yield _answer(described, scored)


def _answer(described: ScoreAbout, scored: Scored) -> RenderableType:
    return Group(
        Text(_headline(described, scored), style=f"bold {_STATE_STYLE.get(scored.state, '')}"),
        *([Text(scored.because)] if scored.because else []),
        *([Text(f"published: {scored.survival}")] if scored.survival else []),
        *_items(scored),
        *_still_possible(scored),
        *_narrowing(scored),
        *(Text(f"! {warning}", style="yellow") for warning in scored.warnings),
        Text("↳ " + " · ".join(f"{name} [{look_up(name).confidence}]" for name in scored.basis.evidence), style="dim"),
    )


def _headline(described: ScoreAbout, scored: Scored) -> str:
    of = "" if described.range is None else f" (the score goes from {_range(described)})"
    meaning = "" if scored.meaning is None else in_words("score_meaning", scored.meaning)
    if scored.total is not None:
        return f"{scored.total:g}{of}{f', {meaning}' if meaning else ''}"
    if scored.reachable is not None:
        in_any_case = f", in any case: {meaning}" if meaning else ""
        return f"{scored.reachable[0]:g} to {scored.reachable[1]:g}{of}{in_any_case}"
    if meaning:
        return meaning
    return "not decided" if scored.state == "partial" else f"no result: {in_words('score_state', scored.state)}"


def _items(scored: Scored) -> list[RenderableType]:
    if not scored.items:
        return []
    table = Table.grid(padding=(0, 2))
    for name, points in scored.items.items():
        said = in_words("score_item", name) if name in words()["score_item"] else name
        table.add_row(said, "not exactly known" if points is None else f"{points:g}")
    return [table]


def _still_possible(scored: Scored) -> list[RenderableType]:
    if scored.meaning is not None or len(scored.meanings) < 2:
        return []
    said = "; ".join(in_words("score_meaning", code) for code in scored.meanings)
    return [Text(f"still possible: {said}")]


def _narrowing(scored: Scored) -> list[RenderableType]:
    return [
        Text.assemble(f"? {in_words('key', entry.key)}", (f"  {entry.key}", "dim"), f"{_tells(entry.width)}")
        for entry in scored.narrowing
    ]


def _tells(width: float) -> str:
    return f"  decides up to {width:g}" if width else ""
