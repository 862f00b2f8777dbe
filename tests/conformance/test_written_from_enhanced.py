"""What is written of an enhanced multi-frame CT refers to its frames, each by its number (PS3.3 table 10-3)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_up_dose import WHEN
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage
from validators import dciodvfy

from metaspine.errors import OutputError
from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.ct import write_ct
from metaspine.exchange.writing.rtstruct import write_rtstruct
from metaspine.exchange.writing.seg import write_seg
from metaspine.geometry import Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure

sys.path.insert(0, str(Path(__file__).parents[1] / "exchange"))
from synthetic_dicom import write_series
from test_images import enhanced

ORDER = (2, 0, 4, 1, 3)
"""Frames stand in any order: the first is the third slice."""


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    slices = write_series(tmp_path / "slices", size=(5, 12, 14))
    return enhanced([slices[k] for k in ORDER], tmp_path / "one" / "e.dcm")


@pytest.fixture
def scan(frames: Path) -> Scan:
    read = read_scan(frames.parent)
    grid = read.image.grid
    mask = np.zeros(grid.shape, bool)
    mask[3:8, 4:9, 1:5] = True
    square = np.array([[2.0, 2, 3], [6, 2, 3], [6, 7, 3], [2, 7, 3]])
    between = grid.point_mm(square - [0, 0, 0.5])
    at, off = (ContourSet((Contour(points),), grid.frame_of_reference) for points in (grid.point_mm(square), between))
    structures = (
        Structure("lesion", Role.LESION, Volume(mask, grid), Origin.SYNTHETIC, level="T12"),
        Structure("cord", Role.SPINAL_CORD, at, Origin.DRAWN),
        Structure("off the slices", Role.OTHER, off, Origin.DRAWN),
    )
    return replace(read, structures=structures)


def place_of(image: Dataset, number: int) -> list[float]:
    return [float(x) for x in image.PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0][0x00200032]]


def test_contours_refer_to_the_frame_that_they_lie_on(scan: Scan, frames: Path, tmp_path: Path) -> None:
    image, path = pydicom.dcmread(frames), write_rtstruct(scan, tmp_path / "rs.dcm", when=WHEN)
    written = pydicom.dcmread(path)
    lesion, cord, off = written.ROIContourSequence
    for contour in (*lesion.ContourSequence, *cord.ContourSequence):
        (reference,) = contour.ContourImageSequence
        assert reference.ReferencedSOPClassUID == EnhancedCTImageStorage
        assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert place_of(image, reference.ReferencedFrameNumber)[2] == pytest.approx(float(contour.ContourData[2]))
    numbers = {contour.ContourImageSequence[0].ReferencedFrameNumber for contour in lesion.ContourSequence}
    assert numbers == {ORDER.index(k) + 1 for k in (1, 2, 3, 4)}
    assert all("ContourImageSequence" not in contour for contour in off.ContourSequence)
    (study,) = written.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    (whole,) = study.RTReferencedSeriesSequence[0].ContourImageSequence
    assert (whole.ReferencedSOPInstanceUID, "ReferencedFrameNumber" in whole) == (image.SOPInstanceUID, False)
    assert "Refers to no image" not in written.StructureSetDescription
    assert dciodvfy(path, "RTStructureSet") == []


def test_contours_that_refer_to_frames_are_read(scan: Scan, frames: Path, tmp_path: Path) -> None:
    path = write_rtstruct(scan, tmp_path / "rs.dcm", when=WHEN)
    back = read_scan(frames.parent, structures=path)
    assert not any("referenced images" in note for note in back.notes)
    assert [(item.name, item.role, item.level) for item in back.structures] == [
        (item.name, item.role, item.level) for item in scan.structures
    ]
    own, read = scan.structure("cord").region, back.structure("cord").region
    assert isinstance(own, ContourSet)
    assert isinstance(read, ContourSet)
    np.testing.assert_allclose(read.contours[0].points_mm, own.contours[0].points_mm, atol=1e-6)
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[1].ContourSequence[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    dataset.save_as(path)
    assert any("1 of 2 referenced images are not in this series" in n for n in read_scan(frames, structures=path).notes)


@pytest.mark.parametrize("fractional", [False, True])
def test_segments_refer_to_the_frame_that_they_lie_on(
    scan: Scan, frames: Path, tmp_path: Path, fractional: bool
) -> None:
    pytest.importorskip("highdicom")
    image, path = pydicom.dcmread(frames), write_seg(scan, tmp_path / "seg.dcm", fractional=fractional, when=WHEN)
    written = pydicom.dcmread(path)
    pixels, found = written.pixel_array.reshape(-1, 12, 14), np.zeros((14, 12, 5), bool)
    for pixel, frame in zip(pixels, written.PerFrameFunctionalGroupsSequence, strict=True):
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert source.ReferencedSOPClassUID == EnhancedCTImageStorage
        assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID
        place = [float(x) for x in frame.PlanePositionSequence[0].ImagePositionPatient]
        assert place == pytest.approx(place_of(image, source.ReferencedFrameNumber))
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1:
            found[..., ORDER[source.ReferencedFrameNumber - 1]] = pixel.T > 0
    lesion = scan.structure("lesion").region
    assert isinstance(lesion, Volume)
    assert np.array_equal(found, lesion.values)
    assert dciodvfy(path, "Segmentation") == []


def test_frames_that_are_not_all_of_them_are_not_referred_to_by_segments(scan: Scan, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    part = replace(scan, origin=replace(scan.origin, frame_numbers=(9, 2, 3, 4, 5)))
    with pytest.raises(OutputError, match="is not that of DICOM slices"):
        write_seg(part, tmp_path / "seg.dcm", when=WHEN)


def test_a_derived_series_is_referred_to_by_its_own_slices(scan: Scan, tmp_path: Path) -> None:
    used = write_ct(scan, tmp_path / "ct", when=WHEN)
    written = pydicom.dcmread(write_rtstruct(used, tmp_path / "rs.dcm", when=WHEN))
    references = [item for drawn in written.ROIContourSequence[:2] for item in drawn.ContourSequence]
    assert {item.ContourImageSequence[0].ReferencedSOPInstanceUID for item in references} <= set(
        used.origin.instance_uids
    )
    assert not any("ReferencedFrameNumber" in item.ContourImageSequence[0] for item in references)
