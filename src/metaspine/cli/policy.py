"""``metaspine policy``: a template of a centre's choices between conflicting sources, and a check of one."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from metaspine.cli.console import DISCLAIMER, results
from metaspine.evidence import Conflict, Side
from metaspine.patient.policy import BoardPolicy, Ground, selectable_conflicts


def policy_command(file: Path | None) -> None:
    """Print a template with every conflict that a centre may choose in, or check a centre's file and say what it does.

    Raises
    ------
    PolicyError
        When the file cannot be used.
    """
    if file is None:
        results.print(policy_template(), soft_wrap=True, markup=False, highlight=False, end="")
        return
    from metaspine.exchange.policy_file import read_board_policy

    policy = read_board_policy(file)
    results.print(f"{policy.in_words}\n", markup=False, highlight=False)
    results.print(_table(policy))
    results.print(DISCLAIMER, style="dim")


def policy_template() -> str:
    """Return a policy file in which every choice stands as a comment, so that it changes nothing until one is made."""
    head = (
        "# What a centre follows where the sources conflict. To choose, take away the # before a line beginning with\n"
        "# CONFLICT and name the side; what is left out keeps the default. No choice loosens a hard stop.\n"
        "centre: Name of the centre and its board\n"
        'version: "1"\n'
        "choices:\n"
    )
    return head + "".join(_of_template(conflict) for conflict in selectable_conflicts())


def _of_template(conflict: Conflict) -> str:
    sides = "".join(_comment(_said(side, conflict)) for side in conflict.sides.values())
    choice = f"  # {conflict.id}: {{side: {conflict.default}, reason: , date: , approved_by: }}\n"
    return f"\n{_comment(conflict.question)}{sides}{choice}"


def _said(side: Side, conflict: Conflict) -> str:
    default = ", the default" if side.key == conflict.default else ""
    return f"{side.key}{default}: {side.statement} [{', '.join(side.references)}; {side.confidence}]"


def _comment(text: str) -> str:
    return "".join(f"  # {line}\n" for line in wrap(text, 112, subsequent_indent="    ", break_on_hyphens=False))


def _table(policy: BoardPolicy) -> Table:
    table = Table()
    for name in ("conflict", "followed", "because"):
        table.add_column(name)
    for conflict in selectable_conflicts():
        chosen = conflict.id in policy.choices
        side = policy.side(conflict.id)
        text = side if side == conflict.default else f"{side}\ninstead of {conflict.default}"
        because = _because(policy.grounds.get(conflict.id, Ground())) if chosen else "default"
        table.add_row(conflict.id, Text(text, style="bold" if side != conflict.default else ""), Text(because))
    return table


def _because(ground: Ground) -> str:
    date = ground.decided_on.isoformat() if ground.decided_on else ""
    return ", ".join(part for part in (ground.reason, date, ground.approved_by) if part) or "chosen, no reason written"
