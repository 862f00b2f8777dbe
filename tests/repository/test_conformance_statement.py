"""The conformance statement claims what the program writes, no more and no less, and no class that nothing reads."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pydicom.uid
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from metaspine.exchange.deidentify import KINDS
from metaspine.exchange.writing.objects import Kind, new_object
from metaspine.exchange.writing.record import record
from metaspine.exchange.writing.rtplan import rtplan

ROOT = Path(__file__).parents[2]
EXCHANGE = ROOT / "src" / "metaspine" / "exchange"
STATEMENT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "tests" / "exchange" / "writing"))
from planned_objects import STUDY, WHEN, small_plan, structure_set  # noqa: E402
from test_record_object import interrupted, rest  # noqa: E402

sys.path.insert(0, str(ROOT / "tests" / "cli"))
from test_export_command import exported_without_slices  # noqa: E402
from test_export_command import objects as exported_objects  # noqa: E402


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", STATEMENT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def attributes(title: str) -> set[str]:
    return {keyword for row in rows(title) for keyword in row[0].split(", ")}


def classes(column: int) -> set[str]:
    return {row[1] for row in rows("SOP classes") if row[column] == "yes"}


def kinds_written() -> set[str]:
    """The SOP classes that the writers make objects of, by their own words: Kind(RTPlanStorage, ...)."""
    calls = [
        node
        for path in (EXCHANGE / "writing").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Kind"
    ]
    return {str(getattr(pydicom.uid, call.args[0].id)) for call in calls if isinstance(call.args[0], ast.Name)}


def classes_named_by_readers() -> set[str]:
    names = {
        name
        for path in EXCHANGE.glob("*.py")
        if path.name != "deidentify.py"
        for name in re.findall(r"\b\w+Storage\b", path.read_text(encoding="utf-8"))
    }
    return {str(getattr(pydicom.uid, name)) for name in names if hasattr(pydicom.uid, name)}


def keywords(dataset: Dataset) -> set[str]:
    return {element.keyword for element in dataset.iterall()}


@cache
def objects() -> dict[str, list[Dataset]]:
    made = exported_objects()
    plan = rtplan(small_plan(), study=STUDY, structure_set=structure_set(), when=WHEN)
    first = record(interrupted(), plan_object=plan, study=STUDY)
    second = record(rest(), plan_object=plan, study=STUDY, continues=first)
    return {
        "CT Image": [exported_without_slices()["ct0000.dcm"]],
        "RT Structure Set": [made["rtstruct.dcm"]],
        "RT Dose": [made["rtdose-console.dcm"]],
        "RT Plan": [made["rtplan.dcm"]],
        "RT Brachy Treatment Record": [first, second],
        "Encapsulated PDF": [made["report.dcm"]],
    }


def test_the_sop_classes_written_and_deidentified_are_the_programs() -> None:
    assert classes(2) == kinds_written()
    assert classes(4) == set(KINDS)


def test_no_class_is_said_to_be_read_that_no_reader_names() -> None:
    assert classes(3) <= classes_named_by_readers()
    assert len(classes(3)) >= 3


def test_names_and_uids_of_the_classes_are_the_standards() -> None:
    for row in rows("SOP classes"):
        assert UID(row[1]).name == row[0]


@pytest.mark.parametrize(
    "title", ["CT Image", "RT Structure Set", "RT Dose", "RT Plan", "RT Brachy Treatment Record", "Encapsulated PDF"]
)
def test_the_attributes_are_those_that_are_written(title: str) -> None:
    written = set().union(*map(keywords, objects()[title]))
    common = attributes("Every object")
    assert attributes(title) - common == written - common
    assert common - {"OperatorsName"} <= written


def test_what_every_object_has_is_what_a_new_one_has() -> None:
    bare = new_object(Kind(pydicom.uid.RTPlanStorage, "RTPLAN", "x"), study=STUDY, content="x", when=WHEN)
    assert attributes("Every object") == keywords(bare)
    encoding = section("Encoding of what is written")
    for found in (bare, *(dataset for made in objects().values() for dataset in made)):
        syntax = found.file_meta.TransferSyntaxUID
        assert f"{syntax.name}, {syntax}" in encoding
    assert bare.SpecificCharacterSet in encoding
