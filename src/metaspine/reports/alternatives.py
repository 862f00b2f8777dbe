"""What else was considered: the other needle paths with margins, the blocked ones, the policy behind it."""

from __future__ import annotations

from metaspine.patient.plan import Plan, Trajectory
from metaspine.reports.blocks import Page, Table
from metaspine.reports.plan_page import angle_words
from metaspine.reports.wording import millimetres, spoken

_CAPTION = (
    "Margin: from the working channel's wall to the pedicle's outer cortex, negative lies beyond it. Clearance: from "
    "that wall to the canal. Angles in the vertebra's own axes."
)


def paths_page(plan: Plan) -> Page:
    """Return what else was considered, after the dose."""
    return Page("Paths and policy", (trajectory_table(plan), blocked_table(plan), policy_table(plan)), follows=True)


def trajectory_table(plan: Plan) -> Table:
    """Return the chosen path and the alternatives, with margins and angles; what all share is said once."""
    paths = (("chosen", plan.trajectory), *((f"{n}", path) for n, path in enumerate(plan.alternatives, start=2)))
    shared = [note for note in plan.trajectory.notes if all(note in path.notes for _, path in paths)]
    return Table(
        "Needle paths considered",
        ("", "side", "approach", "angles", "margin", "clearance", "skin to tip"),
        tuple(_path_row(name, path, shared) for name, path in paths),
        (0.6, 0.45, 3.9, 2.1, 0.8, 0.8, 1.0),
        numeric=(4, 5, 6),
        caption=" ".join((_CAPTION, *(f"All paths: {note}." for note in shared))),
        small=True,
    )


def blocked_table(plan: Plan) -> Table:
    """Return the sides and approaches that were tried and what blocks them."""
    rows = tuple((path.side.value, path.approach.value, path.reason) for path in plan.blocked)
    widths = (0.5, 3.2, 5.3)
    columns = ("side", "approach", "what blocks it")
    return Table("Blocked", columns, rows, widths, small=True, empty="No path was blocked.")


def policy_table(plan: Plan) -> Table:
    """Return the centre's values that shaped the plan, two a line."""
    values = [(spoken(name.removesuffix("_mm").removesuffix("_deg")), value) for name, value in plan.policy]
    half = -(-len(values) // 2)
    right = [*values[half:], *[("", "")] * (2 * half - len(values))]
    rows = tuple((*first, *second) for first, second in zip(values[:half], right, strict=True))
    columns = ("value", "set to (evidence, confidence)") * 2
    return Table("Policy values", columns, rows, (1.9, 2.6, 1.9, 2.6), small=True, empty="none stated")


def _path_row(name: str, path: Trajectory, shared: list[str]) -> tuple[str, ...]:
    return (
        name,
        path.side.value,
        "; ".join((path.approach.value, *(note for note in path.notes if note not in shared))),
        angle_words(path),
        millimetres(path.pedicle_margin_mm, reason="the pedicle was not found"),
        millimetres(path.canal_clearance_mm, reason="the canal was not found"),
        millimetres(path.depth_mm),
    )
