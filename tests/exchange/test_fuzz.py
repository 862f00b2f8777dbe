"""Damaged DICOM files by the thousand: each is refused in a message, or read whole; none crashes, none loses a part.

``make fuzz`` runs 10,000 and says how they ended; METASPINE_FUZZ sets the number.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import gdcm
import numpy as np
import pytest
from damage import damaged_dicom
from synthetic_dicom import square, write_series, write_structure_set
from test_images import enhanced, mr, write_mr

from metaspine.errors import MetaspineError
from metaspine.exchange.images import read_image
from metaspine.exchange.scans import read_scan

FILES = int(os.environ.get("METASPINE_FUZZ", "2000"))
SHARE = {"slice": 0.2, "last slice": 0.1, "structure set": 0.3, "enhanced": 0.1, "mr": 0.1, "compressed": 0.2}
Case = tuple[Path, Callable[[], int], int, int]
"""The file to damage, how to count what was read, how much there is, and where its header ends."""


def _slice(folder: Path) -> Case:
    paths = write_series(folder, size=(3, 5, 6))
    return paths[1], lambda: read_scan(folder).image.grid.shape[2], 3, 1100


def _last_slice(folder: Path) -> Case:
    paths = write_series(folder, size=(3, 5, 6))
    return paths[2], lambda: read_scan(folder).image.grid.shape[2], 3, 700


def _structure_set(folder: Path) -> Case:
    write_series(folder / "ct", size=(3, 5, 6))
    regions = {
        "GTV": [("CLOSED_PLANAR", square(3.0)), ("POINT", [0, 0, 0])],
        "Cord": [("OPEN_PLANAR", [0, 0, 0, 1, 1, 0])],
    }
    path = write_structure_set(folder / "rs.dcm", regions)

    def regions_found() -> int:
        scan = read_scan(folder / "ct", structures=path)
        assert all(structure.region.contours for structure in scan.structures)
        return len(scan.structures) + len(scan.unreadable)

    return path, regions_found, 2, 1500


def _enhanced(folder: Path) -> Case:
    path = enhanced(write_series(folder / "slices", size=(3, 5, 6)), folder / "one" / "e.dcm")
    return path, lambda: read_scan(path).image.grid.shape[2], 3, 1700


def _mr(folder: Path) -> Case:
    paths = write_mr(folder, mr(), size=(3, 5, 6))
    return paths[1], lambda: read_image(folder).volume.grid.shape[2], 3, 1100


def _compressed(folder: Path) -> Case:
    paths = write_series(folder, size=(3, 15, 16))
    for path, syntax in zip(paths, COMPRESSED.values(), strict=True):
        compress(path, syntax)
    return paths[1], lambda: read_scan(folder).image.grid.shape[2], 3, 1400


COMPRESSED = {
    "JPEG 2000": gdcm.TransferSyntax.JPEG2000Lossless,
    "JPEG": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG-LS": gdcm.TransferSyntax.JPEGLSLossless,
}


def compress(path: Path, syntax: int) -> None:
    """Compress a slice by GDCM."""
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


CASES = {
    "slice": _slice,
    "last slice": _last_slice,
    "structure set": _structure_set,
    "enhanced": _enhanced,
    "mr": _mr,
    "compressed": _compressed,
}


@pytest.mark.parametrize("kind", CASES)
def test_damaged_files_are_refused_or_read_whole(tmp_path, kind):
    path, read, whole, head = CASES[kind](tmp_path)
    assert read() == whole
    content, random = path.read_bytes(), np.random.default_rng(20261129)
    outcome: Counter[str] = Counter()
    start = time.perf_counter()
    for number in range(round(SHARE[kind] * FILES)):
        path.write_bytes(damaged_dicom(content, random, head))
        try:
            found = read()
        except MetaspineError as error:
            outcome["refused" if error.what and error.where and error.remedy else "refused without a reason"] += 1
        else:
            outcome["read whole"] += 1
            assert found >= whole, f"damage {number}: {found} of {whole} were read, and nothing says so"
    seconds = time.perf_counter() - start
    print(f"\n{kind}: {dict(outcome)}, {1000 * seconds / outcome.total():.0f} ms each")
    assert set(outcome) <= {"refused", "read whole"}
    assert outcome["refused"] > outcome.total() / 5


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_codestream_of_another_size_never_reaches_the_decoder(tmp_path, kind):
    """GDCM ends the program on one that is larger, and takes part of the rows of one that is smaller."""
    import pydicom

    paths = write_series(tmp_path, size=(3, 15, 16))
    expected = read_scan(tmp_path).image.values
    for path in paths:
        compress(path, COMPRESSED[kind])
    np.testing.assert_array_equal(read_scan(tmp_path).image.values, expected)
    for rows, columns in ((7, 9), (150, 160), (15, 14), (30, 16)):
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.Rows, dataset.Columns = rows, columns
            dataset.save_as(path)
        message = f"announces {rows} x {columns} pixels of 16 bits, and its compressed picture is 15 x 16"
        with pytest.raises(MetaspineError, match=message):
            read_scan(tmp_path)


def test_a_codestream_without_a_header_never_reaches_the_decoder(tmp_path):
    path = write_series(tmp_path, size=(3, 15, 16))[1]
    compress(path, COMPRESSED["JPEG"])
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xc4")] = 0x4E  # a marker lost; GDCM would end the program
    path.write_bytes(content)
    with pytest.raises(MetaspineError, match="the compressed pixels have no readable header"):
        read_scan(tmp_path)
