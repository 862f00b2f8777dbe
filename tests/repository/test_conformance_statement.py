"""The conformance statement claims what the program writes, reads and speaks, no more and no less."""

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
from pynetdicom import ALL_TRANSFER_SYNTAXES, sop_class

from metaspine.exchange.deidentify import KINDS
from metaspine.exchange.network import dimse, listener
from metaspine.exchange.network.dealings import RETURNED, Caller
from metaspine.exchange.network.nodes import OWN_TITLE, Node, application_entity
from metaspine.exchange.seg import LABEL_MAP_SEGMENTATION
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
    """Return what stands under a heading, up to the next one of any depth."""
    found = re.search(rf"^##+ {re.escape(title)}$(.*?)(?=^##+ |\Z)", STATEMENT, re.MULTILINE | re.DOTALL)
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


def test_the_sop_classes_read_are_those_that_the_readers_name() -> None:
    directory = str(pydicom.uid.MediaStorageDirectoryStorage)
    assert classes(3) == (classes_named_by_readers() | {str(LABEL_MAP_SEGMENTATION)}) - {directory}


def test_names_and_uids_of_the_classes_are_the_standards() -> None:
    newer = {str(LABEL_MAP_SEGMENTATION): "Label Map Segmentation Storage"}
    """Than pydicom's list."""
    for row in rows("SOP classes"):
        assert newer.get(row[1], UID(row[1]).name) == row[0]


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


def named(*sop_classes: str) -> list[list[str]]:
    return [[UID(uid).name, uid] for uid in sop_classes]


def test_the_services_are_those_that_are_spoken() -> None:
    stated = {row[2]: row[1] for row in rows("Network services") if row[2]}
    assert all(UID(uid).name == name for uid, name in stated.items())
    spoken = set(re.findall(r"StudyRootQueryRetrieveInformationModel\w+|Verification", source("dimse.py")))
    assert set(stated) == {getattr(sop_class, name) for name in spoken}
    (storage,) = (row for row in rows("Network services") if row[0] == "C-STORE")
    kinds = [uid for uid, _ in listener.taken() if uid != sop_class.Verification]
    assert storage[1].endswith(f": {len(kinds)}")
    assert "Patient Root" in section("Network services")
    assert "PatientRoot" not in source("dimse.py")


def source(name: str) -> str:
    return (EXCHANGE / "network" / name).read_text(encoding="utf-8")


def test_the_associations_are_as_stated() -> None:
    caller, node = application_entity(OWN_TITLE), Node(OWN_TITLE, "127.0.0.1", 1)
    assert [row[0] for row in rows("Associations")][2] == "application context"
    stated = {row[0]: row[1:] for row in rows("Associations")}
    assert stated["title"][0].startswith(node.title)
    assert str(caller.implementation_class_uid) in stated["implementation"][0]
    assert caller.implementation_version_name.startswith("METASPINE_")
    assert stated["associations at once"] == ["1", str(listener.MOST_ASSOCIATIONS)]
    assert stated["longest PDU taken, bytes"] == [str(caller.maximum_pdu_size), str(listener.MOST_BYTES_AT_ONCE)]
    patience = [Caller().answer_within_s, listener.SILENCE_S]
    assert stated["silence after which it gives up"] == [f"{seconds:g} s" for seconds in patience]


def test_the_transfer_syntaxes_are_those_that_are_offered() -> None:
    stated = {row[0]: row[1] for row in rows("Transfer syntaxes")}
    taken = {syntax for uid, syntaxes in listener.taken() for syntax in syntaxes if uid == pydicom.uid.CTImageStorage}
    said = stated["C-STORE, listener"]
    assert set(re.findall(r"1\.2[\d.]*\d", said)) == listener.DEFLATED == set(ALL_TRANSFER_SYNTAXES) - taken
    assert f"all {len(ALL_TRANSFER_SYNTAXES)} " in said
    assert f"the {len(listener.DEFLATED)} deflated" in said
    fetched = {UID(syntax) for _, syntaxes in dimse._contexts_to_fetch() for syntax in syntaxes}
    plain = {pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian}
    assert all(UID(syntax).name in stated["C-STORE within C-GET"] for syntax in plain)
    words = {
        pydicom.uid.JPEG2000Lossless: "JPEG 2000 (lossless)",
        pydicom.uid.JPEGLosslessSV1: "JPEG Lossless (first-order prediction)",
        pydicom.uid.JPEGLSLossless: "JPEG-LS (lossless)",
        pydicom.uid.RLELossless: "RLE Lossless",
    }
    assert fetched - plain == set(words)
    assert all(word in stated["C-STORE within C-GET"] for word in words.values())


def test_the_statuses_are_those_that_are_answered() -> None:
    answered = [listener.STORED, listener.OUT_OF_RESOURCES, listener.OTHER_OBJECT, listener.NOT_UNDERSTOOD]
    assert [row[0] for row in rows("Status of C-STORE, listener")] == [f"0x{status:04X}" for status in answered]


def test_kinds_and_keys_of_a_query_are_those_asked_for() -> None:
    kinds = [str(getattr(pydicom.uid, name)) for name in dimse.FETCHED]
    assert rows("Kinds of objects asked for by C-GET") == named(*kinds)
    stated = {level: tuple(keys.split(", ")) for level, keys in rows("Keys of a query")}
    assert stated == dict(RETURNED)
