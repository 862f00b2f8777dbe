"""The report: pages for people, and the plan's files beside them."""

from metaspine.reports.board import write_board
from metaspine.reports.report import refuse_beside_earlier, write_monte_carlo, write_refusal, write_report

__all__ = ["refuse_beside_earlier", "write_board", "write_monte_carlo", "write_refusal", "write_report"]
