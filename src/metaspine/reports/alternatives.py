"""What else was considered: the other needle paths with margins, the blocked ones, the policy behind it."""

from __future__ import annotations

from metaspine.patient.plan import Plan, Trajectory
from metaspine.reports.blocks import Page, Table
from metaspine.reports.plan_page import angle_words
from metaspine.reports.wording import millimetres, spoken


def paths_page(plan: Plan) -> Page:
    """Return what else was considered, after the dose."""
    return Page("Paths and policy", (trajectory_table(plan), blocked_table(plan), policy_table(plan)), follows=True)


def trajectory_table(plan: Plan) -> Table:
    """Return the chosen path and the alternatives, with margins and angles."""
    paths = (("chosen", plan.trajectory), *((f"{n}", path) for n, path in enumerate(plan.alternatives, start=2)))
    return Table(
        "Needle paths considered",
        ("", "side", "approach", "angles", "pedicle margin", "canal clearance", "depth"),
        tuple(_path_row(name, path) for name, path in paths),
        (0.75, 0.6, 2.3, 2.4, 1.1, 1.1, 1.1),
        numeric=(4, 5),
        caption=(
            "Margin: from the working channel's wall to the pedicle's outer cortex, negative is a breach. Clearance: "
            "from that wall to the canal. Angles in the vertebra's own axes."
        ),
    )


def blocked_table(plan: Plan) -> Table:
    """Return the sides and approaches that were tried and what blocks them."""
    rows = tuple((path.side.value, path.approach.value, path.reason) for path in plan.blocked)
    return Table("Blocked", ("side", "approach", "what blocks it"), rows, (0.7, 2.6, 6.0), empty="No path was blocked.")


def policy_table(plan: Plan) -> Table:
    """Return the centre's values that shaped the plan."""
    rows = tuple((spoken(name), value) for name, value in plan.policy)
    return Table("Policy values", ("value", "set to (evidence, confidence)"), rows, (3.0, 6.0), empty="none stated")


def _path_row(name: str, path: Trajectory) -> tuple[str, ...]:
    return (
        name,
        path.side.value,
        "; ".join((path.approach.value, *path.notes)),
        angle_words(path),
        millimetres(path.pedicle_margin_mm, reason="the pedicle was not found"),
        millimetres(path.canal_clearance_mm, reason="the canal was not found"),
        millimetres(path.depth_mm),
    )
