"""``metaspine assess`` and ``schema``: a case to its advice, on a page that needs no code book."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from metaspine.assessment import assess, prepare_board
from metaspine.assessment.document import plain
from metaspine.assessment.explanation import board_document
from metaspine.assessment.trace import trace
from metaspine.assessment.what_if import what_if
from metaspine.cli import why_page
from metaspine.cli.advice_page import advice_page
from metaspine.cli.console import messages, results
from metaspine.errors import CaseError
from metaspine.patient.board import Board
from metaspine.patient.case import Case
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.patient.trace import Trace
from metaspine.patient.what_if import Change


@dataclass(frozen=True)
class Beside:
    """What is asked for beside the advice."""

    why: bool = False
    what_if: bool = False


def assess_command(
    case: Path,
    *,
    policy: Path | None = None,
    to: Path | None = None,
    beside: Beside = Beside(),
    json_output: bool = False,
) -> None:
    """Read a case, assess it and print the board's advice, as a page or as JSON; write its pages where asked."""
    from metaspine.exchange.case_file import read_case

    facts = read_case(case)
    board = prepare_board(facts, assess(facts, DEFAULT_POLICY if policy is None else _read_policy(policy)))
    if to is not None:
        from metaspine.reports import write_board

        write_board(facts, board, to=to)
        messages.print(f"The board's pages: {to}", soft_wrap=True)
    rules = trace(facts, board.policy) if beside.why else None
    changes = what_if(facts, board.policy, possible=_possible) if beside.what_if else None
    if json_output:
        print_json(json.dumps(_document(board, rules, changes)))
        return
    for block in (*advice_page(facts, board), *_beside(rules, changes)):
        results.print(block, highlight=False)


def _document(board: Board, rules: Trace | None, changes: tuple[Change, ...] | None) -> dict[str, Any]:
    document = board_document(board)
    document["explanation"] |= {} if rules is None else {"rules": plain(rules)}
    document["explanation"] |= {} if changes is None else {"what_if": plain(changes)}
    return document


def _beside(rules: Trace | None, changes: tuple[Change, ...] | None) -> Iterator[RenderableType]:
    yield from () if rules is None else why_page.why(rules)
    yield from () if changes is None else why_page.what_if(changes)


def _possible(case: Case) -> bool:
    """Return whether a changed case could have been read: its facts do not contradict each other."""
    from metaspine.exchange.case_checks import checked

    try:
        checked(case, where="what if")
    except CaseError:
        return False
    return True


def _read_policy(path: Path) -> BoardPolicy:
    from metaspine.exchange.policy_file import read_board_policy

    return read_board_policy(path)


def schema_command() -> None:
    """Print the JSON Schema of a case file."""
    from metaspine.exchange.case_schema import case_schema

    print_json(json.dumps(case_schema()))


def print_json(text: str) -> None:
    """Print JSON so that a pipe gets plain JSON, whatever the width of the terminal."""
    results.print_json(text, indent=2)
