"""metaspine: assess, plan, irradiate and follow spinal metastases. Decision support for research.

The way of a patient through the program::

    case = read_case(...); advice = assess(case)
    scan = read_scan(...); plan = make_plan(scan, case, ...)
    dose = compute_dose(plan, scan); result = evaluate(plan, dose, scan)
    write_report(case, advice, scan, plan, dose, result, to=...)

Each verb is imported when it is first used, so that ``metaspine assess`` starts without the dose engines.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from metaspine.version import __version__

if TYPE_CHECKING:
    from metaspine.assessment import assess, prepare_board
    from metaspine.dosimetry import compute_dose
    from metaspine.evaluation import Wanted, evaluate, run_monte_carlo
    from metaspine.exchange.case_file import read_case
    from metaspine.exchange.images import read_image
    from metaspine.exchange.policy_file import read_board_policy
    from metaspine.exchange.rtdose import read_dose
    from metaspine.exchange.scans import read_scan
    from metaspine.patient.prescription import DoseLimit, Prescription
    from metaspine.planning import make_plan, read_plan, treat_by_monte_carlo
    from metaspine.reports import write_board, write_monte_carlo, write_refusal, write_report

_HOME = {
    "DoseLimit": "metaspine.patient.prescription",
    "Prescription": "metaspine.patient.prescription",
    "Wanted": "metaspine.evaluation",
    "assess": "metaspine.assessment",
    "compute_dose": "metaspine.dosimetry",
    "evaluate": "metaspine.evaluation",
    "make_plan": "metaspine.planning",
    "prepare_board": "metaspine.assessment",
    "read_board_policy": "metaspine.exchange.policy_file",
    "read_case": "metaspine.exchange.case_file",
    "read_image": "metaspine.exchange.images",
    "read_dose": "metaspine.exchange.rtdose",
    "read_plan": "metaspine.planning",
    "read_scan": "metaspine.exchange.scans",
    "run_monte_carlo": "metaspine.evaluation",
    "treat_by_monte_carlo": "metaspine.planning",
    "write_board": "metaspine.reports",
    "write_monte_carlo": "metaspine.reports",
    "write_refusal": "metaspine.reports",
    "write_report": "metaspine.reports",
}

__all__ = [
    "DoseLimit",
    "Prescription",
    "Wanted",
    "__version__",
    "assess",
    "compute_dose",
    "evaluate",
    "make_plan",
    "prepare_board",
    "read_board_policy",
    "read_case",
    "read_dose",
    "read_image",
    "read_plan",
    "read_scan",
    "run_monte_carlo",
    "treat_by_monte_carlo",
    "write_board",
    "write_monte_carlo",
    "write_refusal",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the room it lives in."""
    if name not in _HOME:
        raise AttributeError(f"module 'metaspine' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
