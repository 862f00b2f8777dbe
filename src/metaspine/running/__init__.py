"""How work runs: whole-file writes, reproducible dates, progress, work whose question keeps changing."""

from metaspine.running.dates import local_now_or_source_date, now_or_source_date
from metaspine.running.latest import LatestRequest
from metaspine.running.progress import Progress, silent
from metaspine.running.writing import require_writable, whole_file, whole_folder

__all__ = [
    "LatestRequest",
    "Progress",
    "local_now_or_source_date",
    "now_or_source_date",
    "require_writable",
    "silent",
    "whole_file",
    "whole_folder",
]
