"""``metaspine fhir``: a case as a FHIR bundle, a FHIR bundle as a case, the advice as a FHIR bundle."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from rich.table import Table

from metaspine.assessment import assess, in_words
from metaspine.cli.console import DISCLAIMER, messages, results
from metaspine.errors import InputError
from metaspine.exchange.case_document import case_document
from metaspine.exchange.case_file import read_case
from metaspine.exchange.fhir_advice import advice_bundle
from metaspine.exchange.fhir_writing import case_bundle
from metaspine.exchange.policy_file import read_board_policy
from metaspine.patient.case import Case
from metaspine.patient.policy import DEFAULT_POLICY
from metaspine.running.writing import whole_file


def fhir_command(source: Path, to: Path, *, advice: bool, policy: Path | None = None) -> None:
    """Read a case or a bundle and write what the ending of ``to`` asks for: .json a bundle, .yaml a case file.

    Raises
    ------
    InputError
        When the ending is another one, or the advice is wanted as a case file.
    """
    kind = to.suffix.lower()
    if kind not in (".json", ".yaml", ".yml") or (advice and kind != ".json"):
        raise InputError(
            f"the ending {to.suffix!r} says nothing about the form",
            where=str(to),
            remedy="End it in .json for a FHIR bundle" + ("" if advice else ", in .yaml for a case file"),
        )
    case = read_case(source)
    text = json.dumps(_bundle(case, advice, policy), indent=2) + "\n" if kind == ".json" else _case_file(case)
    with whole_file(to) as path:
        path.write_text(text, encoding="utf-8")
    _show_notes(case)
    results.print(f"Written: {to}", highlight=False)
    results.print(DISCLAIMER, highlight=False)


def _bundle(case: Case, advice: bool, policy: Path | None) -> dict[str, object]:
    if not advice:
        return case_bundle(case)
    followed = DEFAULT_POLICY if policy is None else read_board_policy(policy)
    return advice_bundle(case, assess(case, followed), in_words=in_words)


def _case_file(case: Case) -> str:
    text: str = yaml.safe_dump(case_document(case), sort_keys=False, allow_unicode=True)
    return f"# {DISCLAIMER}\n{text}"


def _show_notes(case: Case) -> None:
    if not case.notes:
        return
    table = Table(title="Notes on reading", title_justify="left")
    for heading in ("Where", "What was interpreted, or not used", "Rests on"):
        table.add_column(heading, overflow="fold")
    for note in case.notes:
        table.add_row(note.key, note.message, note.evidence)
    messages.print(table, highlight=False)
