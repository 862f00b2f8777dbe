"""Dose-volume histograms, dose limits."""

from metaspine.evaluation.dvh import DoseVolumeCurve
from metaspine.evaluation.evaluate import Evaluation, StructureDose, evaluate
from metaspine.evaluation.limits import check_limit, nearest_distance_mm
from metaspine.evaluation.metrics import Metric
from metaspine.evaluation.monte_carlo import MonteCarlo, Wanted, run_monte_carlo

__all__ = [
    "DoseVolumeCurve",
    "Evaluation",
    "Metric",
    "MonteCarlo",
    "StructureDose",
    "Wanted",
    "check_limit",
    "evaluate",
    "nearest_distance_mm",
    "run_monte_carlo",
]
