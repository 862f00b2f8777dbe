"""The report: pages for people, and the plan's files beside them."""

from metaspine.reports.report import refuse_beside_earlier, write_monte_carlo, write_refusal, write_report

__all__ = ["refuse_beside_earlier", "write_monte_carlo", "write_refusal", "write_report"]
