"""``metaspine assess``, ``schema`` and ``evidence``: a case to its advice, on a page that needs no code book."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from metaspine.assessment import advice_document, assess, in_words
from metaspine.cli.advice_page import advice_page
from metaspine.cli.console import DISCLAIMER, results
from metaspine.errors import InputError
from metaspine.evidence import Entry, bibliography, entries, look_up


def assess_command(case: Path, json_output: bool) -> None:
    """Read a case, assess it and print the advice, as a page or as JSON (table G3)."""
    from metaspine.exchange.case_file import read_case

    facts = read_case(case)
    advice = assess(facts)
    if json_output:
        print_json(json.dumps(advice_document(advice)))
        return
    for block in advice_page(facts, advice):
        results.print(block, highlight=False)


def schema_command() -> None:
    """Print the JSON Schema of a case file."""
    from metaspine.exchange.case_schema import case_schema

    print_json(json.dumps(case_schema()))


def print_json(text: str) -> None:
    """Print JSON so that a pipe gets plain JSON, whatever the width of the terminal."""
    results.print_json(text, indent=2)


def evidence_command(identifier: str) -> None:
    """Print an evidence entry: what it says, how far it can be trusted, and its references.

    Raises
    ------
    InputError
        When there is no entry and no publication of that id; the message names the nearest ones.
    """
    wanted = identifier.strip()
    if wanted in bibliography():
        reference = bibliography()[wanted]
        results.print(
            Panel(Text(f"{reference.citation}\n{reference.identifier}".strip()), title=wanted, title_align="left")
        )
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
    for name in entry.references:
        reference = bibliography()[name]
        table.add_row(name, Text(f"{reference.citation} {reference.identifier}".strip()))
    if entry.note:
        table.add_row("note", Text(entry.note))
    if entry.conflict:
        table.add_row("conflict", Text(f"{entry.conflict}: {look_up(entry.conflict).statement}"))
    return Panel(table, title=entry.id, title_align="left", subtitle=DISCLAIMER, subtitle_align="left")
