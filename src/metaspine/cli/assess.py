"""``metaspine assess`` and ``schema``: a case to its advice, on a page that needs no code book."""

from __future__ import annotations

import json
from pathlib import Path

from metaspine.assessment import advice_document, assess
from metaspine.cli.advice_page import advice_page
from metaspine.cli.console import results


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
