"""Estimators and summaries of what became of patients."""

from metaspine.statistics.summary import Summary, summarised

__all__ = ["Summary", "summarised"]
