"""The CT as used, as a series that others read with the same values at the same places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from made_up_dose import LIES, STUDY, WHEN
from made_up_scan import make_scan
from test_written_doses import at_points, thousand_voxels

from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.ct import write_ct
from metaspine.exchange.writing.rtstruct import write_rtstruct
from metaspine.exchange.writing.uids import frame_uid
from metaspine.geometry import Volume

NIFTI_FRAME = "nifti-0123456789ab"


def read_by_simpleitk(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


@pytest.mark.parametrize("lie", LIES)
def test_simpleitk_and_our_reader_find_the_same_values_at_the_same_points(lie: str, tmp_path: Path) -> None:
    scan = make_scan(lie, slices=False, frame=NIFTI_FRAME)
    varied = np.random.default_rng(3).integers(-1000, 1500, scan.image.grid.shape).astype(np.int16)
    scan = replace(scan, image=Volume(varied, scan.image.grid))
    write_ct(scan, tmp_path / "ct", when=WHEN)
    voxels = thousand_voxels(scan.image.grid)
    points, wanted = scan.image.grid.point_mm(voxels), varied[tuple(voxels.T)]
    assert np.array_equal(at_points(read_by_simpleitk(tmp_path / "ct"), points), wanted)
    again = read_scan(tmp_path / "ct")
    assert again.frame_of_reference == frame_uid(NIFTI_FRAME)
    assert np.array_equal(np.rint(again.image.sample(points)), wanted)


def test_fractions_are_kept_within_half_a_step(tmp_path: Path) -> None:
    scan = make_scan(slices=False)
    rough = np.random.default_rng(3).uniform(-1000, 3000, scan.image.grid.shape).astype(np.float32)
    write_ct(replace(scan, image=Volume(rough, scan.image.grid)), tmp_path / "ct", when=WHEN)
    slices = [pydicom.dcmread(path) for path in sorted((tmp_path / "ct").iterdir())]
    step = float(slices[0].RescaleSlope)
    assert 0.06 < step < 0.062
    values = np.stack([item.pixel_array * step + float(item.RescaleIntercept) for item in slices])
    assert np.abs(values - rough.transpose(2, 1, 0)).max() <= step / 2 + 1e-3


def test_structures_may_refer_to_the_derived_slices(tmp_path: Path) -> None:
    scan = make_scan("left-handed (NIfTI)", slices=False, frame=NIFTI_FRAME)
    used = write_ct(scan, tmp_path / "ct", study=STUDY, when=WHEN)
    path = write_rtstruct(used, tmp_path / "structures.dcm", when=WHEN)
    structures = pydicom.dcmread(path)
    slices = [pydicom.dcmread(item) for item in (tmp_path / "ct").iterdir()]
    heights = {str(item.SOPInstanceUID): float(item.ImagePositionPatient[2]) for item in slices}
    assert structures.PatientID == "17"
    assert {structures.StudyInstanceUID} == {item.StudyInstanceUID for item in slices}
    for contour in structures.ROIContourSequence[0].ContourSequence:
        referenced = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert heights[referenced] == pytest.approx(float(contour.ContourData[2]))
    again = read_scan(tmp_path / "ct", structures=path)
    assert again.structure("lesion_T12")
    assert not any("references" in note or "referenced" in note for note in again.notes)


def test_all_that_is_written_for_a_nifti_scan_belongs_to_one_study(tmp_path: Path) -> None:
    scan = make_scan(slices=False, frame=NIFTI_FRAME)
    write_ct(scan, tmp_path / "ct", when=WHEN)
    write_rtstruct(scan, tmp_path / "ct" / "structures.dcm", when=WHEN)
    found = [pydicom.dcmread(path) for path in (tmp_path / "ct").iterdir()]
    assert len({item.StudyInstanceUID for item in found}) == 1
    assert len({item.FrameOfReferenceUID for item in found}) == 1
    assert len({item.SOPInstanceUID for item in found}) == len(found)
    assert len({item.SeriesInstanceUID for item in found}) == 2


def test_a_resampled_scan_says_so_and_its_structures_refer_to_no_slice(tmp_path: Path) -> None:
    scan = make_scan()
    tilted = replace(scan, origin=replace(scan.origin, resampled=True))
    structures = pydicom.dcmread(write_rtstruct(tilted, tmp_path / "structures.dcm", when=WHEN))
    assert "Refers to no image" in structures.StructureSetDescription
    assert "ContourImageSequence" not in structures.ROIContourSequence[0].ContourSequence[0]
    used = write_ct(tilted, tmp_path / "ct", when=WHEN)
    assert not used.origin.resampled
    assert set(used.origin.instance_uids).isdisjoint(scan.origin.instance_uids)
    first = pydicom.dcmread(tmp_path / "ct" / "ct0000.dcm")
    assert first.DerivationDescription.startswith("Slices of a tilted gantry resampled upright")
