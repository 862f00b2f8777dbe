"""``metaspine evidence``: what a statement rests on, and where the sources disagree, side by side."""

from __future__ import annotations

from difflib import get_close_matches

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from metaspine.assessment import in_words
from metaspine.cli.console import DISCLAIMER, results
from metaspine.errors import InputError
from metaspine.evidence import Conflict, Entry, bibliography, conflicts, entries, look_up
from metaspine.evidence.markdown import evidence_markdown


def evidence_command(identifier: str | None, *, markdown: bool = False) -> None:
    """Print an evidence entry: what it says, how far it can be trusted, its references; of a conflict every side.

    Raises
    ------
    InputError
        When there is no entry and no publication of that id; the message names the nearest ones.
    """
    if markdown:
        results.print(evidence_markdown(), soft_wrap=True, markup=False, highlight=False, end="")
        return
    if identifier is None:
        remedy = "Take an id from the output of `metaspine assess`, or ask for all by --markdown"
        raise InputError("no evidence entry is named", where="evidence", remedy=remedy)
    wanted = identifier.strip()
    if wanted in bibliography():
        reference = bibliography()[wanted]
        results.print(
            Panel(Text(f"{reference.citation}\n{reference.identifier}".strip()), title=wanted, title_align="left")
        )
        return
    if wanted in conflicts():
        results.print(_conflict_panel(conflicts()[wanted]))
        return
    if wanted not in entries():
        near = get_close_matches(wanted.upper(), [*entries(), *bibliography()], n=3, cutoff=0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else "Take an id from the output of `metaspine assess`"
        raise InputError(f"there is no evidence entry {wanted!r}", where="evidence", remedy=hint)
    results.print(_entry_panel(look_up(wanted)))


def _entry_panel(entry: Entry) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", width=12)
    table.add_column()
    table.add_row("says", Text(entry.statement))
    table.add_row("confidence", f"{entry.confidence} - {in_words('confidence', entry.confidence)}")
    _add_references(table, entry.references)
    if entry.note:
        table.add_row("note", Text(entry.note))
    if entry.conflict:
        table.add_row("conflict", Text(f"{entry.conflict}: {look_up(entry.conflict).statement}"))
    return Panel(table, title=entry.id, title_align="left", subtitle=DISCLAIMER, subtitle_align="left")


def _conflict_panel(conflict: Conflict) -> Panel:
    sides = Table(box=box.SIMPLE, padding=(0, 1), expand=True)
    for name in ("side", "says", "rests on"):
        sides.add_column(name, ratio=None if name == "side" else 3 if name == "says" else 1)
    for side in conflict.sides.values():
        mark = "\n(default)" if side.key == conflict.default else ""
        grounds = f"{', '.join(side.references)} [{side.confidence}]"
        sides.add_row(Text(f"{side.key}{mark}"), Text(side.statement), Text(grounds))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", width=12)
    table.add_column()
    table.add_row("why", Text(conflict.why))
    choice = "a centre may choose another side: `metaspine policy`" if conflict.selectable else "shown only"
    table.add_row("choice", Text(choice))
    _add_references(table, look_up(conflict.id).references)
    parts = Group(Text(conflict.question, style="bold"), sides, table)
    return Panel(parts, title=conflict.id, title_align="left", subtitle=DISCLAIMER, subtitle_align="left")


def _add_references(table: Table, names: tuple[str, ...]) -> None:
    for name in names:
        reference = bibliography()[name]
        table.add_row(name, Text(f"{reference.citation} {reference.identifier}".strip()))
