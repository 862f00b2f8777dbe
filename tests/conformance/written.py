"""Everything the program writes, each object as small as it can be, for the validators to judge."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from conditions import CT, DOSE, MAP, SEGMENTS, STRUCTURES
from made_up_dose import LIES, STUDY, WHEN, grid_of, make_dose, make_effective, make_rtplan, small_noise
from made_up_scan import make_scan
from pydicom.dataset import Dataset
from validators import Conditions

from metaspine.exchange.writing.ct import ct_slices
from metaspine.exchange.writing.objects import write_object
from metaspine.exchange.writing.rtdose import rtdose
from metaspine.exchange.writing.rtstruct import rtstruct
from metaspine.exchange.writing.seg import seg
from metaspine.exchange.writing.uncertainty import uncertainty_map
from metaspine.physics.applicators import DoseConvention


@dataclass(frozen=True)
class Written:
    """One object, and what it must be to whom."""

    name: str
    make: Callable[[], Dataset]
    recognised_as: str
    """By dciodvfy."""
    iod: str
    """In the standard's tables."""
    conditions: Conditions
    modules: frozenset[str] = field(default_factory=frozenset)
    """Those that are conditional in the standard and are written."""
    twin: Callable[[], Dataset] | None = None
    """The same object as dciodvfy can read it."""

    def once(self) -> Dataset:
        """A copy, to be changed at will, of the object as it was made once for all tests."""
        return deepcopy(_made(self.name))

    def write(self, folder: Path) -> Path:
        """Make the object anew, write it and return where."""
        return write_object(self.make(), folder / f"{self.iod}.dcm")

    def write_once(self, folder: Path) -> Path:
        """Write the object as it was made once."""
        return write_object(self.once(), folder / f"{self.iod}.dcm")


@cache
def _made(name: str) -> Dataset:
    return next(item for item in WRITTEN if item.name == name).make()


_DOSE_MODULES = frozenset({"general-image", "image-plane", "image-pixel", "multi-frame"})


def _dose(lie: str, bits: int, convention: DoseConvention = DoseConvention.CONSOLE) -> Dataset:
    dose = make_dose(grid_of(LIES[lie]), convention=convention)
    return rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN, bits=32 if bits == 32 else 16)


def _written_dose(name: str, lie: str, bits: int, convention: DoseConvention = DoseConvention.CONSOLE) -> Written:
    return Written(
        name,
        lambda: _dose(lie, bits, convention),
        "RTDose",
        "rt-dose",
        DOSE,
        _DOSE_MODULES,
        twin=(lambda: _dose(lie, 16, convention)) if bits == 32 else None,
    )


def _effective(name: str, *, eqd2: bool) -> Written:
    def make(bits: int) -> Dataset:
        dose = make_effective(eqd2=eqd2)
        return rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN, bits=32 if bits == 32 else 16)

    return Written(name, lambda: make(32), "RTDose", "rt-dose", DOSE, _DOSE_MODULES, twin=lambda: make(16))


def _structures(name: str, *, slices: bool, with_dose: bool = False) -> Written:
    def make() -> Dataset:
        return rtstruct(make_scan(slices=slices), dose=make_dose() if with_dose else None, when=WHEN)

    return Written(name, make, "RTStructureSet", "rt-structure-set", STRUCTURES, frozenset({"frame-of-reference"}))


def _ct(name: str, lie: str, *, slices: bool) -> Written:
    def make() -> Dataset:
        return next(iter(ct_slices(make_scan(lie, slices=slices), when=WHEN)))

    return Written(name, make, "CTImage", "ct-image", CT)


def _segments(name: str, lie: str, *, fractional: bool) -> Written:
    def make() -> Dataset:
        pytest.importorskip("highdicom")
        return seg(make_scan(lie), fractional=fractional, when=WHEN)

    return Written(name, make, "Segmentation", "segmentation", SEGMENTS, frozenset({"frame-of-reference"}))


def _uncertainty(name: str, convention: DoseConvention, *, statistical: bool) -> Written:
    def make() -> Dataset:
        pytest.importorskip("highdicom")
        dose = make_dose(convention=convention)
        written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
        noise = small_noise(dose) if statistical else None
        return uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN, statistical=noise)

    modules = frozenset({"floating-point-image-pixel", "common-instance-reference"})
    return Written(name, make, "ParametricMap", "parametric-map", MAP, modules)


WRITTEN: tuple[Written, ...] = (
    *(_written_dose(f"dose, {lie}, 16 bit", lie, 16) for lie in ("HFS", "FFP", "left-handed (NIfTI)", "oblique")),
    _written_dose("dose, HFS, 32 bit", "HFS", 32),
    _written_dose("dose to medium", "HFS", 32, DoseConvention.MONTE_CARLO_MEDIUM),
    _effective("dose weighted by RBE", eqd2=False),
    _effective("EQD2", eqd2=True),
    _structures("structures on slices", slices=True),
    _structures("structures without slices", slices=False),
    _structures("structures and undefined dose", slices=True, with_dose=True),
    _ct("CT of tilted slices", "HFP", slices=True),
    _ct("CT of a NIfTI scan", "left-handed (NIfTI)", slices=False),
    _segments("segments", "HFS", fractional=False),
    _segments("fractional segments", "HFP", fractional=True),
    _uncertainty("uncertainty", DoseConvention.CONSOLE, statistical=False),
    _uncertainty("statistical uncertainty", DoseConvention.MONTE_CARLO_MEDIUM, statistical=True),
)
