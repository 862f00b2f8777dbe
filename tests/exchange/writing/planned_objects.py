"""A small plan with its objects, and what judges them: dciodvfy and the standard's own tables."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, RTStructureSetStorage

from metaspine.exchange.writing.objects import Kind, new_object, reference, sequence
from metaspine.patient.plan import Plan
from metaspine.patient.study import Study

WHEN = datetime(2026, 1, 2, 9, 30, 15, tzinfo=UTC)
STUDY = Study("Doe^Jane", "17", "19500102", "F", "1.2.3", "S1", "20260101", "080000", "A1", "Ref^Doctor")


@cache
def made_up() -> Any:
    """The report tests' made-up patient."""
    path = Path(__file__).parents[2] / "reports" / "made_up_patient.py"
    specification = importlib.util.spec_from_file_location("made_up_patient_of_reports", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@cache
def small_plan() -> Plan:
    found = made_up()
    plan: Plan = found.make_plan(found.make_scan(found.scan_grid()))
    return plan


def structure_set(frame: str | None = None) -> Dataset:
    """A structure set of the made-up patient: lesion, cord, needle."""
    made = new_object(Kind(RTStructureSetStorage, "RTSTRUCT", "regions"), study=STUDY, content="regions", when=WHEN)
    frame = frame or made_up().FRAME
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "regions", "20260102", "093015"
    series = Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = "1.2.4", sequence([reference(CTImageStorage, "1.2.5")])
    study = reference("1.2.840.10008.3.1.2.3.1", STUDY.study_uid)
    study.RTReferencedSeriesSequence = sequence([series])
    item = Dataset()
    item.FrameOfReferenceUID, item.RTReferencedStudySequence = frame, sequence([study])
    made.ReferencedFrameOfReferenceSequence = sequence([item])
    names = (("lesion", "GTV"), ("spinal_cord", "ORGAN"), ("needle", "BRACHY_CHANNEL"))
    made.StructureSetROISequence = sequence(_region(number, name, frame) for number, (name, _) in enumerate(names, 4))
    made.RTROIObservationsSequence = sequence(_observed(number, kind) for number, (_, kind) in enumerate(names, 4))
    return made


def _region(number: int, name: str, frame: str) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName, item.ROIGenerationAlgorithm = number, name, "AUTOMATIC"
    item.ReferencedFrameOfReferenceUID = frame
    return item


def _observed(number: int, kind: str) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.RTROIInterpretedType, item.ROIInterpreter = kind, ""
    return item


def program(name: str) -> str:
    """The path of a validator; the test skips by its name where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (make tools)")
    return found


def dciodvfy(path: Path, *, first_line: str) -> list[str]:
    """The errors that dciodvfy finds; it must have known what the object is, and have come to its end."""
    run = subprocess.run([program("dciodvfy"), str(path)], capture_output=True, text=True, check=False, timeout=60)
    lines = (run.stderr + run.stdout).splitlines()
    errors = [line for line in lines if line.startswith("Error")]
    assert first_line in lines, lines
    assert (run.returncode == 0) == (not errors), (run.returncode, lines)
    extended = [line for line in lines if "not present in standard DICOM IOD" in line]
    return errors + extended


@cache
def _tables() -> tuple[dict[str, Any], dict[str, Any]]:
    pytest.importorskip("highdicom")
    folder = files("highdicom._standard")
    names = ("iod_module_map.json", "module_attribute_map.json")
    modules, attributes = (json.loads((folder / name).read_text(encoding="utf-8")) for name in names)
    return modules, attributes


Condition = Callable[[Dataset, Dataset], bool]
"""Whether an attribute must be there, by the whole object and the item that would hold it."""


def broken_rules(dataset: Dataset, kind: str, used: set[str], conditions: dict[str, Condition]) -> list[str]:
    """What the standard's tables demand and the object lacks.

    Parameters
    ----------
    used
        The modules that the standard leaves to the writer, and that it uses.
    conditions
        For attributes of type 1C and 2C, by their path.
    """
    modules, attributes = _tables()
    keys = [found["key"] for found in modules[kind] if found["usage"] == "M" or found["key"] in used]
    demanded = [row for key in keys for row in attributes[key]]
    return sorted({fault for row in demanded for fault in _faults(dataset, row, conditions)})


def _faults(dataset: Dataset, row: dict[str, Any], conditions: dict[str, Condition]) -> Iterator[str]:
    path, keyword, kind = row["path"], row["keyword"], row["type"]
    name = "/".join([*path, keyword])
    for item in _items(dataset, path):
        needed = kind in ("1", "2") or (name in conditions and conditions[name](dataset, item))
        if needed and keyword not in item:
            yield f"{name} is missing"
        if keyword in item and kind in ("1", "1C") and item[keyword].is_empty:
            yield f"{name} is empty"
        if name in conditions and not needed and keyword in item and kind == "1C":
            yield f"{name} is there without need"


def _items(dataset: Dataset, path: list[str]) -> Iterator[Dataset]:
    if not path:
        yield dataset
        return
    for item in dataset.get(path[0]) or []:
        yield from _items(item, path[1:])
