"""A dose weighted for biological effect: which dose may be, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from metaspine.dosimetry.effective import effective_dose
from metaspine.errors import InputError
from metaspine.geometry import Grid, Volume
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel

PLAN = SimpleNamespace(applicator=SimpleNamespace(tube_voltage_kv=50.0))


def console() -> Dose:
    grid = Grid(np.eye(4), (2, 2, 1), "1.2.3")
    values = Volume(np.array([[[np.nan], [8.0]], [[12.0], [100.0]]]), grid)
    made = DoseProvenance("water", "1", "needle", "an output", True, "c" * 64)
    return Dose(values, Volume(np.full((2, 2, 1), 0.1), grid), "water", DoseConvention.CONSOLE, made)


def test_the_weighted_dose_stands_on_the_same_voxels_and_keeps_the_physical_one() -> None:
    dose = console()
    found = effective_dose(PLAN, dose, BiologicalModel(1.3))  # type: ignore[arg-type]
    assert found.physical is dose
    assert found.volume.grid is dose.volume.grid
    assert found.volume.values.ravel() == pytest.approx([np.nan, 10.4, 15.6, 130.0], nan_ok=True)
    assert len(found.notes) == 1
    assert "one constant (RBE-01)" in found.notes[0]


def test_an_equivalent_dose_names_its_tissue_and_where_the_model_overestimates() -> None:
    found = effective_dose(PLAN, console(), BiologicalModel(1.3, 2.0))  # type: ignore[arg-type]
    assert found.volume.values.ravel()[1] == pytest.approx(32.24)
    said = " ".join(found.notes)
    assert "alpha/beta of 2 Gy alone" in said
    assert "66.7% of the voxels lie above 15 Gy(RBE)" in said  # 15.6 and 130 of 10.4, 15.6 and 130


def test_monte_carlo_dose_and_other_voltages_are_refused() -> None:
    other = replace(console(), convention=DoseConvention.MONTE_CARLO_MEDIUM)
    with pytest.raises(InputError, match=r"Monte Carlo dose to medium cannot be weighted.*console dose \(RBE-01\)"):
        effective_dose(PLAN, other, BiologicalModel())  # type: ignore[arg-type]
    softer = SimpleNamespace(applicator=SimpleNamespace(tube_voltage_kv=40.0))
    with pytest.raises(InputError, match=r"known for 50 kV, the source runs at 40 kV"):
        effective_dose(softer, console(), BiologicalModel())  # type: ignore[arg-type]
