"""The DICOM objects of a plan, by the names of their files, each naming the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from pydicom.dataset import Dataset

from metaspine.exchange.writing.ct import as_series, ct_slices
from metaspine.exchange.writing.references import has_slices
from metaspine.exchange.writing.report import report_object
from metaspine.exchange.writing.rtdose import Bits, rtdose
from metaspine.exchange.writing.rtplan import rtplan
from metaspine.exchange.writing.rtstruct import rtstruct
from metaspine.exchange.writing.seg import seg
from metaspine.exchange.writing.studies import study_of
from metaspine.exchange.writing.uncertainty import uncertainty_map
from metaspine.patient.dose import Dose, EffectiveDose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.study import Study
from metaspine.physics.applicators import DoseConvention
from metaspine.reports.monte_carlo_reading import MonteCarloDose
from metaspine.running import Progress

CONSOLE_DOSE = "rtdose-console.dcm"
_OF_CONVENTION: Mapping[DoseConvention, str] = MappingProxyType(
    {
        DoseConvention.MONTE_CARLO_MEDIUM: "monte-carlo-to-medium",
        DoseConvention.MONTE_CARLO_WATER: "monte-carlo-to-water-in-medium",
    }
)


@dataclass(frozen=True, eq=False)
class Beside:
    """What is written beside structures, plan and console dose."""

    monte_carlo: tuple[MonteCarloDose, ...] = ()
    """Of one run; each becomes an object of its own, with its noise in another."""
    effective: EffectiveDose | None = None
    console_uncertainty: bool = False
    segments: bool = False
    report: bytes | None = None
    """The plan's report as PDF."""
    monte_carlo_pages: bytes | None = None
    """The pages of the Monte Carlo run as PDF, where they are not in the report."""


@dataclass(frozen=True, eq=False)
class _Making:
    """What every dose object is made with."""

    plan: Dataset
    study: Study
    bits: Bits
    when: datetime

    def dose(self, dose: Dose | EffectiveDose) -> Dataset:
        return rtdose(dose, plan=self.plan, study=self.study, bits=self.bits, when=self.when)


def exported(
    plan: Plan, scan: Scan, dose: Dose, *, beside: Beside, bits: Bits, progress: Progress, when: datetime
) -> dict[str, Dataset]:
    """Return the plan's objects by the names of their files: one study, one frame of reference, each naming the others.

    Where no DICOM slices lie on the scan's grid, the CT as it was used comes with them, as a derived series.

    Parameters
    ----------
    scan
        The scan that the plan was made on; the limiting structure is written with its structures, where it was derived.
    dose
        The plan's console dose.
    """
    study = study_of(scan)
    progress("writing DICOM", 0.0)
    slices = list(ct_slices(scan, study=study, when=when)) if not has_slices(scan) else []
    shown = _with_limit(as_series(scan, slices) if slices else scan, plan)
    further = beside.monte_carlo[0].dose if beside.monte_carlo else None
    regions = rtstruct(shown, needle=plan.trajectory, dose=dose, monte_carlo=further, study=study, when=when)
    planned = rtplan(plan, study=study, structure_set=regions, when=when)
    doses = _doses(dose, beside, _Making(planned, study, bits, when))
    made = {"rtstruct.dcm": regions, "rtplan.dcm": planned, **doses}
    if beside.segments:
        made["seg.dcm"] = seg(shown, when=when)
    made |= _pages(plan, made, beside, study=study, when=when)
    made |= {f"ct{k:04d}.dcm": dataset for k, dataset in enumerate(slices)}
    progress("writing DICOM", 1.0)
    return made


def _doses(dose: Dose, beside: Beside, making: _Making) -> dict[str, Dataset]:
    """Return every dose as an object of its own: one convention each, and its uncertainty apart."""
    made = {CONSOLE_DOSE: making.dose(dose)}
    if beside.console_uncertainty:
        made["uncertainty-console.dcm"] = uncertainty_map(
            dose, rtdose=made[CONSOLE_DOSE], study=making.study, when=making.when
        )
    if beside.effective is not None:
        model = "rbe" if beside.effective.model.alpha_beta_gy is None else "eqd2-cord"
        made[f"rtdose-effective-{model}.dcm"] = making.dose(beside.effective)
    for found in beside.monte_carlo:
        name = _OF_CONVENTION[found.dose.convention]
        made[f"rtdose-{name}.dcm"] = making.dose(found.dose)
        made[f"uncertainty-{name}.dcm"] = uncertainty_map(
            found.dose,
            rtdose=made[f"rtdose-{name}.dcm"],
            statistical=found.statistical_uncertainty,
            study=making.study,
            when=making.when,
        )
    return made


def _pages(
    plan: Plan, made: Mapping[str, Dataset], beside: Beside, *, study: Study, when: datetime
) -> dict[str, Dataset]:
    """Return the report, which names plan, structures and console dose, and the pages of the Monte Carlo run."""
    about = [made[name] for name in ("rtplan.dcm", "rtstruct.dcm", CONSOLE_DOSE)]
    pages = {}
    if beside.report is not None:
        title = f"Plan for intraoperative radiotherapy · {plan.level}"
        pages["report.dcm"] = report_object(beside.report, study=study, title=title, references=about, when=when)
    if beside.monte_carlo_pages is not None:
        doses = [made[f"rtdose-{_OF_CONVENTION[found.dose.convention]}.dcm"] for found in beside.monte_carlo]
        title = f"Two conventions of dose · {plan.level}"
        pages["report-monte-carlo.dcm"] = report_object(
            beside.monte_carlo_pages, study=study, title=title, references=[*about, *doses], when=when
        )
    return pages


def _with_limit(scan: Scan, plan: Plan) -> Scan:
    limiting = plan.limiting_structure
    if limiting.name in {structure.name for structure in scan.structures}:
        return scan
    return replace(scan, structures=(*scan.structures, limiting))
