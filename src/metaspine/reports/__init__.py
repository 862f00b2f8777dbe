"""The report: pages for people, and the plan's files beside them."""

from metaspine.reports.report import write_refusal, write_report

__all__ = ["write_refusal", "write_report"]
