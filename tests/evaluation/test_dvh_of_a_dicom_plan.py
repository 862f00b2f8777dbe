"""RTSTRUCT and RTDOSE of a breast plan against the histograms that the planning system wrote into that RTDOSE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from metaspine.evaluation.dvh import DoseVolume, dose_volume
from metaspine.evaluation.fields import GridField
from metaspine.evaluation.quadrature import quadrature, suitable_spacing_mm
from metaspine.exchange.rtdose import read_dose
from metaspine.exchange.rtstruct import read_rtstruct
from metaspine.geometry import Volume

PRESCRIBED_GY = 14.0
"""The plan's; the file gives minimum, maximum and mean in percent of it, its histograms in steps of 0.01 Gy."""
STRUCTURES = ("Breast", "Heart", "Tumor Bed", "Tumor Bed Block")

Theirs = dict[str, tuple[np.ndarray, np.ndarray, float]]
"""Name to dose levels (Gy), volume (cc) and mean dose (Gy)."""


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "dicom_rt_breast_dicompyler"


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Theirs:
    regions = pydicom.dcmread(folder / "rtss.dcm").StructureSetROISequence
    names = {int(item.ROINumber): str(item.ROIName) for item in regions}
    found = {}
    for item in pydicom.dcmread(folder / "rtdose.dcm").DVHSequence:
        name = names[int(item.DVHReferencedROISequence[0].ReferencedROINumber)]
        width, volume = np.array(item.DVHData, dtype=float).reshape(-1, 2).T
        found[name] = (np.cumsum(width) - width, volume, float(item.DVHMeanDose) / 100 * PRESCRIBED_GY)
    return found


@pytest.fixture(scope="module")
def ours(folder: Path) -> Callable[[str, float], DoseVolume]:
    dose = read_dose(folder / "rtdose.dcm")
    regions = {item.name: item.region for item in read_rtstruct(folder / "rtss.dcm", grid=dose.volume.grid).structures}

    def found(name: str, factor: float) -> DoseVolume:
        points = quadrature(regions[name], spacing_mm=2 * suitable_spacing_mm(regions[name]), ends="half-end")
        return dose_volume(points, GridField(Volume(dose.volume.values * np.float32(factor), dose.volume.grid)))

    return found


def mean_difference(doses: DoseVolume, levels: np.ndarray, volume: np.ndarray) -> float:
    """Mean over the planning system's levels of |volume above them|, in percent of the structure."""
    share = 100 * doses.volume_above_mm3(levels) / doses.dosed_mm3
    return float(np.abs(share - 100 * volume / volume[0]).mean())


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_planning_systems_own_histogram(name: str, ours, theirs: Theirs) -> None:
    """Mean difference of the volume within 0.4 %, as for vendors' tables; mean dose within 0.2 %, volume within 1 %."""
    levels, volume, mean_gy = theirs[name]
    doses = ours(name, 1.0)
    assert mean_difference(doses, levels, volume) <= 0.4
    assert doses.mean_gy() == pytest.approx(mean_gy, rel=2e-3)
    assert doses.dosed_mm3 / 1000 == pytest.approx(volume[0], rel=0.01)


def test_another_scaling_would_be_noticed(ours, theirs: Theirs) -> None:
    """The canary: a dose 1 % too high."""
    *_, mean_gy = theirs["Breast"]
    doses = ours("Breast", 1.01)
    assert doses.mean_gy() != pytest.approx(mean_gy, rel=2e-3)
    levels, volume, _ = theirs["Tumor Bed"]
    assert mean_difference(ours("Tumor Bed", 1.01), levels, volume) > 0.4
