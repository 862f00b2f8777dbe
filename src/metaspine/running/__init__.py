"""How work runs: whole-file writes, reproducible dates, progress, work in turn, work whose question changes."""

from metaspine.running.dates import local_now_or_source_date, now_or_source_date
from metaspine.running.in_turn import InTurn
from metaspine.running.latest import LatestRequest
from metaspine.running.progress import Progress, silent
from metaspine.running.writing import require_writable, whole_file, whole_folder

__all__ = [
    "InTurn",
    "LatestRequest",
    "Progress",
    "local_now_or_source_date",
    "now_or_source_date",
    "require_writable",
    "silent",
    "whole_file",
    "whole_folder",
]
