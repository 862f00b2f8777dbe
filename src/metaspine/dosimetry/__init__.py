"""The dose engines: water and reference behind one protocol, and the live one that follows the needle."""

from metaspine.dosimetry.absolute import AbsoluteRate, absolute_rate
from metaspine.dosimetry.compute import ENGINES, compute_dose, irradiation_of
from metaspine.dosimetry.engine import DoseEngine, Irradiation
from metaspine.dosimetry.independent import IndependentCheck, independent_check
from metaspine.dosimetry.interior import inside_applicator
from metaspine.dosimetry.live import LiveRequest, asked, drag_dose, live_updates
from metaspine.dosimetry.live_dose import LiveDose, Tier
from metaspine.dosimetry.live_patient import LivePatient, prepared
from metaspine.dosimetry.live_scenarios import ScenarioDoses, scenario_doses
from metaspine.dosimetry.live_trust import Doubt
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses, resumed
from metaspine.dosimetry.reference_beside_console import BesideConsole, beside_console
from metaspine.dosimetry.reference_tissues import Tissues, all_water, tissues_around
from metaspine.dosimetry.water import dose_at_points

__all__ = [
    "ENGINES",
    "AbsoluteRate",
    "BesideConsole",
    "DoseEngine",
    "Doubt",
    "IndependentCheck",
    "Irradiation",
    "LiveDose",
    "LivePatient",
    "LiveRequest",
    "ReferenceDoses",
    "ScenarioDoses",
    "Stop",
    "Tier",
    "Tissues",
    "absolute_rate",
    "all_water",
    "asked",
    "beside_console",
    "compute_dose",
    "dose_at_points",
    "drag_dose",
    "independent_check",
    "inside_applicator",
    "irradiation_of",
    "live_updates",
    "prepared",
    "reference_doses",
    "resumed",
    "scenario_doses",
    "tissues_around",
]
