"""The walk before pydicom: what a small file may hold, and where its elements must end."""

from __future__ import annotations

import struct
from io import BytesIO

import pydicom
import pytest
from bombs import BOMBS, EMPTY_ITEM, UNDEFINED, element
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from synthetic_dicom import square, write_series, write_structure_set

from metaspine.errors import ImageError, StructureError
from metaspine.exchange.dicom_prewalk import walk
from metaspine.exchange.scans import read_scan


@pytest.fixture
def ct(tmp_path):
    write_series(tmp_path / "ct", size=(3, 5, 6))
    return tmp_path / "ct"


@pytest.fixture
def structure_set(tmp_path):
    regions = {"GTV": [("CLOSED_PLANAR", square(3.0))], "Cord": [("OPEN_PLANAR", [0, 0, 0, 1, 1, 0])]}
    return write_structure_set(tmp_path / "rs.dcm", regions)


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_would_fill_the_memory_is_refused(ct, structure_set, name):
    bomb, reason = BOMBS[name]
    structure_set.write_bytes(structure_set.read_bytes() + bomb)
    with pytest.raises(StructureError, match=reason) as caught:
        read_scan(ct, structures=structure_set)
    assert caught.value.where == str(structure_set)
    assert caught.value.remedy


def test_a_bomb_in_a_slice_is_refused(ct):
    path = ct / "s001.dcm"
    path.write_bytes(path.read_bytes() + element(0x7FE1, 0x0010, b"SQ", UNDEFINED) + EMPTY_ITEM * 260_000)
    with pytest.raises(ImageError, match="EXCHANGE-10"):
        read_scan(ct)


def test_a_file_that_is_set_aside_is_not_walked_beyond_its_header(ct):
    path = write_structure_set(ct / "rs.dcm", {"GTV": [("CLOSED_PLANAR", square(3.0))]})
    path.write_bytes(path.read_bytes() + BOMBS["a million items"][0])
    assert any("rs.dcm (RT Structure Set" in note for note in read_scan(ct).notes)


def test_a_file_cut_anywhere_is_never_read_with_fewer_regions(ct, structure_set):
    content = structure_set.read_bytes()
    refused = 0
    for size in range(400, len(content) - 1, 3):
        structure_set.write_bytes(content[:size])
        try:
            scan = read_scan(ct, structures=structure_set)
        except StructureError:
            refused += 1
        else:
            assert len(scan.structures) + len(scan.unreadable) == 2, size
    assert refused > 100


def test_a_length_that_reaches_beyond_what_holds_it_is_refused(ct, structure_set):
    content = bytearray(structure_set.read_bytes())
    place = content.index(b"\x06\x30\x20\x00SQ") + 8
    (length,) = struct.unpack_from("<I", content, place)
    for stated in (length + 40, length - 20, len(content)):
        damaged = bytearray(content)
        struct.pack_into("<I", damaged, place, stated)
        structure_set.write_bytes(damaged)
        with pytest.raises(StructureError, match=r"truncated or malformed DICOM \("):
            read_scan(ct, structures=structure_set)


def test_a_set_without_its_contour_sequence_is_refused(ct, tmp_path):
    def change(dataset: Dataset) -> None:
        del dataset.ROIContourSequence

    path = write_structure_set(tmp_path / "rs.dcm", {"GTV": [("CLOSED_PLANAR", square(3.0))]}, change=change)
    with pytest.raises(StructureError, match="no ROIContourSequence, which every structure set must have"):
        read_scan(ct, structures=path)


def test_a_region_that_is_only_described_is_shown(ct, tmp_path):
    def change(dataset: Dataset) -> None:
        item = Dataset()
        item.ReferencedROINumber = 7
        dataset.RTROIObservationsSequence = Sequence([item])
        dataset.ROIContourSequence[1].ContourSequence = Sequence()
        del dataset.StructureSetROISequence[1]

    regions = {name: [("CLOSED_PLANAR", square(3.0))] for name in ("GTV", "lost")}
    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions, change=change))
    reason = "has a description and is not in the file's list of regions"
    assert scan.unreadable == (("ROI 2", reason), ("ROI 7", reason))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("undefined", [True, False])
def test_other_encodings_are_walked_alike(ct, structure_set, syntax, undefined):
    dataset = pydicom.dcmread(structure_set)
    for sequence in ("StructureSetROISequence", "ROIContourSequence"):
        dataset[sequence].is_undefined_length = undefined
        for item in dataset[sequence].value:
            item.is_undefined_length_sequence_item = undefined
    dataset.add_new(0x30110010, "UN", b"private")
    dataset.file_meta.TransferSyntaxUID = syntax
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(structure_set, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
    assert [item.name for item in read_scan(ct, structures=structure_set).structures] == ["GTV", "Cord"]
    content = structure_set.read_bytes()
    with pytest.raises((EOFError, ValueError)):
        walk(BytesIO(content[: len(content) - 30]))


def test_every_file_that_pydicom_ships_is_walked(tmp_path):
    """Files of many makers and encodings: what pydicom reads without complaint is not refused."""
    from pydicom.data import get_testdata_files

    names = (
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "rtplan.dcm",
        "rtdose.dcm",
    )
    names += ("rtstruct.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "nested_priv_SQ.dcm", "priv_SQ.dcm", "reportsi.dcm")
    for name in names:
        (path,) = (path for path in get_testdata_files(name) if path.endswith(f"/{name}"))
        with open(path, "rb") as stream:
            walk(stream)
