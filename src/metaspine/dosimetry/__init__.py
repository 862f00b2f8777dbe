"""The dose engines behind one protocol: water; live and reference follow."""

from metaspine.dosimetry.compute import ENGINES, compute_dose
from metaspine.dosimetry.engine import DoseEngine, Irradiation
from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.water import dose_at_points

__all__ = ["ENGINES", "DoseEngine", "Irradiation", "compute_dose", "dose_at_points", "inside_applicator"]
