"""Everything the program writes, each object as small as it can be, for the validators to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conditions import CT, DOSE, MAP, SEGMENTS, STRUCTURES
from made_up_dose import LIES, STUDY, WHEN, grid_of, make_dose, make_rtplan
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

    def write(self, folder: Path) -> Path:
        """Write the object and return where."""
        return write_object(self.make(), folder / f"{self.iod}.dcm")


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


def _uncertainty() -> Dataset:
    pytest.importorskip("highdicom")
    dose = make_dose()
    written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
    return uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN)


WRITTEN: tuple[Written, ...] = (
    *(_written_dose(f"dose, {lie}, 16 bit", lie, 16) for lie in ("HFS", "FFP", "left-handed (NIfTI)", "oblique")),
    _written_dose("dose, HFS, 32 bit", "HFS", 32),
    _written_dose("dose to medium", "HFS", 32, DoseConvention.MONTE_CARLO_MEDIUM),
    _structures("structures on slices", slices=True),
    _structures("structures without slices", slices=False),
    _structures("structures and undefined dose", slices=True, with_dose=True),
    _ct("CT of tilted slices", "HFP", slices=True),
    _ct("CT of a NIfTI scan", "left-handed (NIfTI)", slices=False),
    _segments("segments", "HFS", fractional=False),
    _segments("fractional segments", "HFP", fractional=True),
    Written(
        "uncertainty",
        _uncertainty,
        "ParametricMap",
        "parametric-map",
        MAP,
        frozenset({"floating-point-image-pixel", "common-instance-reference"}),
    ),
)
