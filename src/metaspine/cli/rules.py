"""``metaspine rules``: every rule in words, with its weight and ground, and the check that none hangs in the air."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from metaspine.assessment.rules import Rule
from metaspine.assessment.tables import rule_parts, rules
from metaspine.cli.assess import print_json
from metaspine.cli.console import results
from metaspine.cli.exit_codes import ExitCode
from metaspine.errors import InputError
from metaspine.evidence import conflicts, entries
from metaspine.evidence.citations import uncited


def rules_command(table: str | None = None, *, json_output: bool = False, markdown: bool = False) -> None:
    """Print all rules, or those of one table, as a page, as JSON or as Markdown.

    Raises
    ------
    InputError
        When there is no table of that name.
    """
    asked = listed_rules(table)
    if json_output:
        print_json(json.dumps([rule_document(rule) for rule in asked]))
    elif markdown:
        results.print(rules_markdown(asked), soft_wrap=True, markup=False, highlight=False)
    else:
        results.print(_page(asked), highlight=False)


def check_command() -> ExitCode:
    """Print what is wrong with the rules and their ground; return 1 where something is."""
    faults = faults_of_rules()
    for fault in faults:
        results.print(fault, soft_wrap=True, markup=False, highlight=False)
    if faults:
        return ExitCode.DEFECT
    number = len(listed_rules())
    results.print(
        f"{number} rules, {len(entries())} entries of evidence, {len(conflicts())} conflicts: nothing is wrong."
    )
    return ExitCode.DONE


def listed_rules(table: str | None = None) -> tuple[Rule, ...]:
    """Return all rules, or those of one table, in their order.

    Raises
    ------
    InputError
        When there is no table of that name.
    """
    names = list(dict.fromkeys(name for name, _ in rule_parts()))
    if table is not None and table not in names:
        raise InputError(f"there is no table {table!r}", where="rules", remedy=f"The tables are {', '.join(names)}")
    return tuple(rule for name, part in rule_parts() if table in (None, name) for rule in rules(name, part))


def faults_of_rules() -> tuple[str, ...]:
    """Return what is wrong: rules without ground, ids that lead nowhere, entries that nothing rests on."""
    faults = []
    for rule in listed_rules():
        if not rule.evidence:
            faults.append(f"{rule.name} rests on no evidence")
        faults += [
            f"{rule.name} rests on {name}, which does not exist" for name in rule.evidence if name not in entries()
        ]
        if rule.conflict and rule.conflict not in conflicts():
            faults.append(f"{rule.name} names the conflict {rule.conflict}, which does not exist")
    return (*faults, *(f"nothing rests on {name}" for name in uncited()))


def condition_in_words(rule: Rule) -> str:
    """Return when a rule fires, e.g. "cord_signs is yes, and lesion.escc is 2 or 3"."""
    every = ", and ".join(f"{condition.fact} is {condition.wanted}" for condition in rule.when)
    one_of = "; or ".join(
        " and ".join(f"{condition.fact} is {condition.wanted}" for condition in group) for group in rule.any_of
    )
    if not one_of:
        return every or "always"
    return f"{every}, and one of: {one_of}" if every else f"one of: {one_of}"


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain values."""
    table, part = rule.part.split(".")
    return {
        "name": rule.name,
        "table": table,
        "part": part,
        "id": rule.id,
        "condition": condition_in_words(rule),
        "outcome": rule.then,
        "strength": rule.strength,
        "evidence": list(rule.evidence),
        "conflict": rule.conflict or None,
    }


def rules_markdown(asked: Sequence[Rule]) -> str:
    """Return rules as Markdown, a table for each list."""
    lines: list[str] = []
    for place, rule in enumerate(asked):
        if place == 0 or asked[place - 1].part != rule.part:
            lines += ["", f"## {rule.part}", "", "| rule | when | says | weight | rests on |", "|---|---|---|---|---|"]
        cells = (rule.id, condition_in_words(rule), outcome_in_words(rule), rule.strength, ", ".join(rule.evidence))
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines).strip()


def outcome_in_words(rule: Rule) -> str:
    """Return what a rule says: its code, yes or no, or "nothing is stated"."""
    words = {True: "yes", False: "no", None: "nothing is stated"}
    said = rule.then if isinstance(rule.then, list) else [rule.then]
    return ", then ".join(words[one] if one is None or isinstance(one, bool) else str(one) for one in said)


def _page(asked: Sequence[Rule]) -> Group:
    return Group(*(block for rule in asked for block in _block(rule)))


def _block(rule: Rule) -> tuple[RenderableType, ...]:
    """Return a rule as lines that a narrow terminal holds too, each with its whole name."""
    condition = condition_in_words(rule)
    rests_on = f"{rule.strength}; {', '.join((*rule.evidence, *([rule.conflict] if rule.conflict else [])))}"
    return (
        Text.assemble((rule.name, "bold cyan"), f" says {outcome_in_words(rule)}", (f"  [{rests_on}]", "dim")),
        Padding(Text(condition if condition == "always" else f"when {condition}"), (0, 0, 0, 4)),
    )
