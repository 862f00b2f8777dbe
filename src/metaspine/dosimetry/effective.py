"""Console dose weighted for its biological effect: a dose of its own, beside the physical one."""

from __future__ import annotations

import numpy as np

from metaspine.errors import InputError
from metaspine.geometry import Volume
from metaspine.patient.dose import Dose, EffectiveDose
from metaspine.patient.plan import Plan
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import LINEAR_QUADRATIC_GY, BiologicalModel

_TUBE_VOLTAGE_KV = 50.0
_CONSTANT = (
    "The effectiveness is one constant (RBE-01); the real one changes with dose and distance, by how much is not known "
    "for this needle (EXCHANGE-37)."
)


def effective_dose(plan: Plan, dose: Dose, model: BiologicalModel) -> EffectiveDose:
    """Return a plan's console dose weighted for its biological effect, voxel by voxel, as one fraction.

    Raises
    ------
    InputError
        When the dose is not console dose, which the effectiveness was published with, or the tube voltage is not 50 kV.
    """
    if dose.convention is not DoseConvention.CONSOLE:
        raise InputError(
            f"{dose.convention.value} cannot be weighted: the effectiveness belongs to console dose (RBE-01)",
            where="effective dose",
            remedy="Give the plan's console dose",
        )
    if plan.applicator.tube_voltage_kv != _TUBE_VOLTAGE_KV:
        raise InputError(
            f"the effectiveness is known for {_TUBE_VOLTAGE_KV:g} kV, the source runs at "
            f"{plan.applicator.tube_voltage_kv:g} kV (RBE-01)",
            where="effective dose",
            remedy="Take the physical dose",
        )
    weighted = model.of(dose.volume.values.astype(np.float64)).astype(np.float32)
    return EffectiveDose(Volume(weighted, dose.volume.grid), model, dose, (_CONSTANT, *_of_tissue(dose, model)))


def _of_tissue(dose: Dose, model: BiologicalModel) -> tuple[str, ...]:
    """Return what an equivalent dose is valid for, and where the model overestimates."""
    if model.alpha_beta_gy is None:
        return ()
    known = dose.volume.values[~np.isnan(dose.volume.values)]
    beyond = float(np.mean(known * model.rbe > LINEAR_QUADRATIC_GY)) if known.size else 0.0
    return (
        f"It holds for tissue of an alpha/beta of {model.alpha_beta_gy:g} Gy alone (2 Gy: spinal cord and thecal sac, "
        "BED-01), whatever a voxel holds.",
        f"The linear-quadratic model overestimates above 10 to {LINEAR_QUADRATIC_GY:g} Gy(RBE) a fraction (BED-02): "
        f"{beyond:.1%} of the voxels lie above {LINEAR_QUADRATIC_GY:g} Gy(RBE).",
    )
