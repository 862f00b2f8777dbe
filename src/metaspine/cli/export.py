"""``metaspine export``: a plan as DICOM objects that refer to each other: regions, plan, dose, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info

from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.dosimetry import compute_dose
from metaspine.errors import InputError, OutputError
from metaspine.exchange.dicom_files import MALFORMED
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.ct import as_series, ct_slices
from metaspine.exchange.writing.objects import IMPLEMENTATION_CLASS_UID, write_object
from metaspine.exchange.writing.references import has_slices
from metaspine.exchange.writing.report import report_object
from metaspine.exchange.writing.rtdose import Bits, rtdose
from metaspine.exchange.writing.rtplan import plan_label, rtplan
from metaspine.exchange.writing.rtstruct import rtstruct
from metaspine.exchange.writing.studies import study_of
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.planning import read_plan
from metaspine.running import Progress, local_now_or_source_date, require_writable, whole_folder

REPORT = "report.pdf"


@dataclass(frozen=True)
class ExportRequest:
    """What the command line asked for."""

    plan: Path
    scan: Path
    structures: tuple[Path, ...]
    labels: Path | None
    series: str | None
    applicator: str | None
    calibration: Path | None
    bits: int
    to: Path


def export_command(request: ExportRequest) -> None:
    """Read the plan on its scan, compute its dose anew, and write all objects or none."""
    if request.bits not in (16, 32):
        raise InputError(f"{request.bits} bits a value", where="--bits", remedy="Give 16 or 32")
    require_writable(request.to)
    with progress_bar() as progress:
        scan, plan = _read(request, progress)
        made = exported(plan, scan, report=_report(request), bits=16 if request.bits == 16 else 32, progress=progress)
        refuse_strangers(request.to, made)
        with whole_folder(request.to) as folder:
            for name, dataset in made.items():
                write_object(dataset, folder / name)
    _show(plan, made, request.to)


def exported(
    plan: Plan, scan: Scan, *, report: bytes | None, bits: Bits, progress: Progress, when: datetime | None = None
) -> dict[str, Dataset]:
    """Return the plan's objects by the names of their files: one study, one frame of reference, each naming the others.

    Where no DICOM slices lie on the scan's grid, the CT as it was used comes with them, as a derived series.

    Parameters
    ----------
    scan
        The scan that the plan was made on; the limiting structure is written with its structures, where it was derived.
    report
        The plan's report as PDF; None where there is none.
    """
    when, study = when or local_now_or_source_date(), study_of(scan)
    dose = compute_dose(plan, scan, progress=progress)
    progress("writing DICOM", 0.0)
    slices = list(ct_slices(scan, study=study, when=when)) if not has_slices(scan) else []
    shown = _with_limit(as_series(scan, slices) if slices else scan, plan)
    regions = rtstruct(shown, needle=plan.trajectory, dose=dose, study=study, when=when)
    planned = rtplan(plan, study=study, structure_set=regions, when=when)
    given = rtdose(dose, plan=planned, study=study, bits=bits, when=when)
    made = {"rtstruct.dcm": regions, "rtplan.dcm": planned, "rtdose.dcm": given}
    if report is not None:
        title = f"Plan for intraoperative radiotherapy · {plan.level}"
        about = (planned, regions, given)
        made["report.dcm"] = report_object(report, study=study, title=title, references=about, when=when)
    made |= {f"ct{k:04d}.dcm": dataset for k, dataset in enumerate(slices)}
    progress("writing DICOM", 1.0)
    return made


def _read(request: ExportRequest, progress: Progress) -> tuple[Scan, Plan]:
    scan = read_scan(
        request.scan,
        structures=list(request.structures) or None,
        labels=request.labels,
        series=request.series,
        progress=progress,
    )
    return scan, read_plan(request.plan, scan, applicator=request.applicator, calibration=request.calibration)


def refuse_strangers(to: Path, made: Mapping[str, Dataset]) -> None:
    """Refuse a folder where an export would replace a file that is not ours, or mix with objects of an earlier one.

    Raises
    ------
    OutputError
        When there is such a file.
    """
    for path in sorted(to.glob("*.dcm")):
        replaced, ours = path.name in made, _made_by_us(path)
        if replaced is not ours:
            what = (
                "is not of this program and would be replaced" if replaced else "is of an earlier export and would stay"
            )
            raise OutputError(what, where=str(path), remedy="Export into a folder of its own")


def _made_by_us(path: Path) -> bool:
    try:
        return bool(read_file_meta_info(path).get("ImplementationClassUID") == IMPLEMENTATION_CLASS_UID)
    except MALFORMED:
        return False


def _report(request: ExportRequest) -> bytes | None:
    path = (request.plan if request.plan.is_dir() else request.plan.parent) / REPORT
    try:
        return path.read_bytes() if path.exists() else None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="Check that you may read it"
        ) from error


def _with_limit(scan: Scan, plan: Plan) -> Scan:
    limiting = plan.limiting_structure
    if limiting.name in {structure.name for structure in scan.structures}:
        return scan
    return replace(scan, structures=(*scan.structures, limiting))


def _show(plan: Plan, made: dict[str, Dataset], to: Path) -> None:
    slices = sum(name.startswith("ct") for name in made)
    series = [f"the CT as used ({slices} slices)"] if slices else []
    objects = [name for name in made if not name.startswith("ct")]
    results.print(f"{', '.join(objects + series)} in {to}", highlight=False, markup=False)
    results.print(f"Plan label: {plan_label(plan)}; never approved.", highlight=False, markup=False)
    for warning in plan.warnings:
        if warning.stops:
            results.print(f"STOP  {warning.message}", style="bold red", markup=False)
    if "report.dcm" not in made:
        results.print(f"note  There is no {REPORT} beside the plan: none was written.", style="yellow", markup=False)
    if plan.override:
        results.print("note  The dose is the console's, in the longer time.", style="yellow", markup=False)
    results.print(DISCLAIMER, style="dim")
