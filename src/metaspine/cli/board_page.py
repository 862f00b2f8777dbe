"""What the board reads around the lesions' own answers: in short, in which order, what is around, what is disputed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from metaspine.assessment import hours_in_words, in_words
from metaspine.evidence import look_up
from metaspine.patient.board import Board, BoardLesion
from metaspine.patient.pathway import Advisory
from metaspine.patient.policy import Followed
from metaspine.patient.scoring import Scored, says_something

ABOVE = ("tokuhashi_revised", "tomita", "bauer_modified")
"""Scores that the page shows in rows of their own."""
_STYLE = {
    "stop": "bold white on red",
    "prefer": "bold green",
    "accept": "green",
    "avoid": "bold red",
    "warn": "bold yellow",
}


def opening(board: Board) -> Iterator[RenderableType]:
    """Yield what is read first: the case in short, and what to do in which order."""
    yield Text(board.summary)
    yield heading("In this order")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold cyan", width=16)
    table.add_column(ratio=1)
    for step in board.steps:
        when = "no stated time" if step.within_h is None else hours_in_words(step.within_h)
        style = "bold red" if step.within_h == 0 else ""
        level = f"  {step.level}" if step.level and len(board.lesions) > 1 else ""
        table.add_row(
            Text(when, style=style), Text.assemble(step.says, (level, "bold"), (f"  {ids(step.evidence)}", "dim"))
        )
    yield table


def options(lesion: BoardLesion) -> Iterator[RenderableType]:
    """Yield the options of a lesion side by side, and what the other lesions mean for it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=16)
    table.add_column(ratio=1)
    for option in lesion.options:
        text = Text.assemble(
            (option.says, "bold" if option.standing == "preferred" else ""), (f"  {option.code}", "dim")
        )
        for reason in option.because:
            text.append(f"\n  · {reason}")
        if option.replaces:
            text.append(f"\n  would replace {option.replaces}", style="italic")
        table.add_row(Text(in_words("standing", option.standing), style="cyan"), text)
    yield table
    for one in lesion.remarks:
        yield said(one)


def closing(board: Board) -> Iterator[RenderableType]:
    """Yield what stands around the decision: the pathway, what not to do, what is disputed, what if nothing is done."""
    yield from _list("Not to do", board.avoid)
    yield from _list("Around the decision", board.around)
    yield from _list("If nothing is done", board.untreated)
    if board.disagreements:
        yield heading("Where the sources disagree", "yellow")
        for found in board.disagreements:
            yield _disagreement(found)


def scores(board: Board) -> Iterator[tuple[str, Text, tuple[str, ...]]]:
    """Yield every further score that says something of this patient: its title, its answer and what it rests on."""
    for name, score in board.scores.items():
        if says_something(score) and name not in ABOVE:
            yield in_words("score", name), score_text(score), score.basis.evidence


def score_text(score: Scored) -> Text:
    """Return a score: the total, or the range and what would narrow it most, and what must stand beside it."""
    text = Text()
    if score.total is not None:
        text.append(f"{score.total:g}", style="bold")
    elif score.reachable is not None:
        low, high = score.reachable
        text.append(f"{low:g} to {high:g}", style="bold")
    meanings = (score.meaning,) if score.meaning else score.meanings
    if meanings:
        said = "; ".join(in_words("score_meaning", code) for code in meanings)
        text.append(f"{', ' if len(text) else ''}{'still possible: ' if len(meanings) > 1 else ''}{said}")
    if score.survival and score.meaning:
        text.append(f" ({score.survival})")
    for warning in score.warnings:
        text.append(f"\n{warning}", style="italic")
    if score.narrowing:
        text.append(
            f"\nmost told by: {', '.join(in_words('key', item.key) for item in score.narrowing[:3])}", style="dim"
        )
    return text


def said(one: Advisory) -> Text:
    """Return one statement of the pathway as a line."""
    mark = Text(f"{in_words('strength', one.strength)}: ", style=_STYLE.get(one.strength, ""))
    text = Text.assemble("• ", mark, one.statement, (f"  {ids(one.basis.evidence)}", "dim"))
    for note in one.basis.notes:
        text.append(f"\n    {note}")
    return text


def heading(words: str, style: str = "cyan") -> RenderableType:
    """Return a line with a title on it."""
    return Line(Text(words, style="bold"), align="left", style=style)


def ids(evidence: Iterable[str]) -> str:
    """Return evidence ids, each with its confidence."""
    return " · ".join(f"{name} [{look_up(name).confidence}]" for name in dict.fromkeys(evidence))


def _list(title: str, statements: Iterable[Advisory]) -> Iterator[RenderableType]:
    found = list(statements)
    if found:
        yield heading(title)
        yield from map(said, found)


def _disagreement(found: Followed) -> Text:
    conflict = found.conflict
    text = Text.assemble("• ", (conflict.question, "bold"), (f"  {conflict.id}", "dim"))
    for key, side in conflict.sides.items():
        followed = "followed" if key == found.side else "        "
        by = ", by the policy" if key == found.side and found.chosen_by_centre else ""
        text.append(f"\n  {followed}{by} ", style="green")
        text.append(f"{', '.join(side.references)}: {side.statement} [{side.confidence}]")
    return text
