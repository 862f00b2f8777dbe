"""What others say about a DICOM file: dciodvfy, the standard's own tables, DCMTK, pydicom."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value


def programs(name: str) -> list[Path]:
    """Every program of that name: the one beside Python and the system's, which may be another edition."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name)
    return [path for path in dict.fromkeys([beside, Path(found) if found else beside]) if path.is_file()]


def program(name: str) -> Path:
    """One program, or the test is skipped by its name."""
    found = programs(name)
    if not found:
        pytest.skip(f"{name} is not installed (make tools)")
    return found[0]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)


# dciodvfy ------------------------------------------------------------------------------------------------------------


def dciodvfy(path: Path, recognised_as: str) -> list[str]:
    """What every edition of dciodvfy finds wrong.

    A verdict counts only when the program ended by itself (0 or 1) and names the object: it aborts on pixels of 32
    bits, and then its output holds no word of an error.
    """
    editions = programs("dciodvfy")
    if not editions:
        pytest.skip("dciodvfy is not installed")
    faults = []
    for edition in editions:
        done = run(edition, path)
        lines = (done.stderr + done.stdout).splitlines()
        faults += [f"{edition}: {line}" for line in lines if line.startswith("Error")]
        if done.returncode != 0 and not faults:
            faults.append(f"{edition}: ended with {done.returncode}: {lines[-1:]}")
        if recognised_as not in lines:
            faults.append(f"{edition}: not recognised as {recognised_as}")
    return faults


# DCMTK ---------------------------------------------------------------------------------------------------------------


def dcmdump(path: Path) -> list[str]:
    """What dcmdump complains of while it parses the file."""
    done = run(program("dcmdump"), "-q", "+E", path)
    complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:", "F:"))]
    return complaints if done.returncode == 0 else [*complaints, f"ended with {done.returncode}"]


def dcm2json(path: Path) -> list[str]:
    """Where DCMTK and pydicom read different values."""
    done = run(program("dcm2json"), path)
    if done.returncode != 0:
        return [f"dcm2json ended with {done.returncode}: {done.stderr}"]
    theirs = {tag: item for tag, item in json.loads(done.stdout).items() if not tag.startswith("0002")}
    return list(_differences(theirs, pydicom.dcmread(path).to_json_dict(), ""))


def _differences(one: Any, other: Any, where: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                if (one.get(key) or other.get(key)) not in (None, [], ""):
                    yield f"{where}/{key}: only one of the two has it"
            else:
                yield from _differences(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"{where}: {len(one)} and {len(other)} values"
        for number, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _differences(left, right, f"{where}[{number}]")
    elif not _same(one, other):
        yield f"{where}: {str(one)[:60]!r} and {str(other)[:60]!r}"


def _same(one: Any, other: Any) -> bool:
    if one == other:
        return True
    try:
        return float(one) == pytest.approx(float(other), rel=1e-15)
    except (TypeError, ValueError):
        return False


# pydicom -------------------------------------------------------------------------------------------------------------


def strict_reading(path: Path) -> list[str]:
    """What pydicom finds when it checks every value against its representation."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        return [fault for element in pydicom.dcmread(path).iterall() for fault in _value_faults(element)]
    except (ValueError, TypeError) as error:
        return [str(error)]
    finally:
        config.settings.reading_validation_mode = before


def _value_faults(element: pydicom.DataElement) -> Iterator[str]:
    if element.VR in ("SQ", "OW", "OB", "OF", "OD"):
        return
    if element.is_empty:
        return
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        written = value if element.VR in ("FD", "FL", "SL", "SS", "UL", "US", "AT", "UN") else str(value)
        try:
            validate_value(element.VR, written, config.RAISE)
        except (ValueError, TypeError) as error:
            yield f"{element.keyword}: {error}"


# The standard's tables, as highdicom ships them ----------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """When a 1C or 2C attribute is required; ``else_absent`` where it may not be there otherwise."""

    required: Callable[[Dataset, Dataset], bool]
    else_absent: bool = False


Conditions = Mapping[str, Condition]
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@cache
def _standard(name: str) -> Any:
    return json.loads((files("highdicom._standard") / f"{name}.json").read_text(encoding="utf-8"))


def tables(
    dataset: Dataset, iod: str, *, modules: frozenset[str] = frozenset(), conditions: Conditions | None = None
) -> list[str]:
    """What the standard's module tables demand and the object lacks, and what it holds that no module has.

    Parameters
    ----------
    iod
        Its name in highdicom's tables.
    modules
        The conditional and optional modules that the object must satisfy.
    conditions
        Of 1C and 2C attributes, by path and keyword ("ROIContourSequence/.../ContourData").
    """
    pytest.importorskip("highdicom")
    used = _standard("iod_module_map")[iod]
    allowed: set[str] = set()
    faults: list[str] = []
    for module in used:
        attributes = _standard("module_attribute_map")[module["key"]]
        allowed |= {item["keyword"] for item in attributes if not item["path"]}
        if module["usage"] == "M" or module["key"] in modules:
            for attribute in attributes:
                faults += _attribute_faults(dataset, attribute, conditions or {})
    faults += [
        f"{element.keyword or element.tag} belongs to no module of {iod}"
        for element in dataset
        if element.keyword not in allowed | {"SpecificCharacterSet"}
    ]
    return list(dict.fromkeys(faults))


def _attribute_faults(dataset: Dataset, attribute: Mapping[str, Any], conditions: Conditions) -> Iterator[str]:
    keyword, kind, path = attribute["keyword"], attribute["type"], attribute["path"]
    if len(path) == 1 and path[0] in _FUNCTIONAL_GROUPS:  # in one of the two; consistency.py looks at which
        return
    name = "/".join([*path, keyword])
    for item in _items(dataset, path):
        condition = conditions.get(name) or conditions.get(keyword)
        required = kind in ("1", "2") or (
            kind in ("1C", "2C") and condition is not None and condition.required(dataset, item)
        )
        if required and keyword not in item:
            yield f"{name} is missing (type {kind})"
        elif required and kind.startswith("1") and _empty(item, keyword):
            yield f"{name} is empty (type {kind})"
        elif not required and condition is not None and condition.else_absent and keyword in item:
            yield f"{name} may not be there"


def _items(dataset: Dataset, path: list[str]) -> Iterator[Dataset]:
    if not path:
        yield dataset
        return
    for item in dataset.get(path[0]) or ():
        yield from _items(item, path[1:])


def _empty(item: Dataset, keyword: str) -> bool:
    value = item[keyword].value
    return value is None or (hasattr(value, "__len__") and len(value) == 0)
