"""The dose engines behind one protocol: water and reference; live follows."""

from metaspine.dosimetry.absolute import AbsoluteRate, absolute_rate
from metaspine.dosimetry.compute import ENGINES, compute_dose, irradiation_of
from metaspine.dosimetry.engine import DoseEngine, Irradiation
from metaspine.dosimetry.independent import IndependentCheck, independent_check
from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses, resumed
from metaspine.dosimetry.reference_beside_console import BesideConsole, beside_console
from metaspine.dosimetry.reference_tissues import Tissues, all_water, tissues_around
from metaspine.dosimetry.water import dose_at_points

__all__ = [
    "ENGINES",
    "AbsoluteRate",
    "BesideConsole",
    "DoseEngine",
    "IndependentCheck",
    "Irradiation",
    "ReferenceDoses",
    "Stop",
    "Tissues",
    "absolute_rate",
    "all_water",
    "beside_console",
    "compute_dose",
    "dose_at_points",
    "independent_check",
    "inside_applicator",
    "irradiation_of",
    "reference_doses",
    "resumed",
    "tissues_around",
]
