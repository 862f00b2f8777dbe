"""How work runs: whole-file writes, reproducible dates, progress."""

from metaspine.running.dates import now_or_source_date
from metaspine.running.progress import Progress, silent
from metaspine.running.writing import whole_file, whole_folder

__all__ = ["Progress", "now_or_source_date", "silent", "whole_file", "whole_folder"]
