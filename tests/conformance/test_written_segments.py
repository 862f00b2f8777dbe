"""Written segments and the uncertainty of a dose, read by highdicom, SimpleITK and pydicom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_up_dose import LIES, STUDY, WHEN, grid_of, make_dose, make_rtplan, small_noise
from made_up_scan import INSTANCES, make_scan, masks
from test_written_doses import expected, thousand_voxels
from validators import dciodvfy

from metaspine.errors import GridMismatch, OutputError
from metaspine.exchange.seg import read_seg
from metaspine.exchange.writing.ct import write_ct
from metaspine.exchange.writing.rtdose import rtdose
from metaspine.exchange.writing.seg import write_seg
from metaspine.exchange.writing.uncertainty import UNDEFINED, uncertainty_map, write_uncertainty
from metaspine.geometry import Volume
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.rasterise import coverage
from metaspine.physics.applicators import DoseConvention

highdicom = pytest.importorskip("highdicom")
UPRIGHT = ("HFS", "HFP", "FFDR")


def read_segments(path: Path) -> dict[str, np.ndarray]:
    """Every segment as [i, j, k] of the slices it refers to."""
    seg = highdicom.seg.segread(path)
    pixels = seg.get_pixels_by_source_instance(list(INSTANCES), assert_missing_frames_are_empty=True)
    names = [seg.get_segment_description(n).segment_label for n in seg.segment_numbers]
    return {name: pixels[..., n].transpose(2, 1, 0) for n, name in enumerate(names)}


@pytest.mark.parametrize("lie", UPRIGHT)
def test_highdicom_finds_the_very_voxels_on_the_slices(lie: str, tmp_path: Path) -> None:
    scan = make_scan(lie)
    found = read_segments(write_seg(scan, tmp_path / "seg.dcm", when=WHEN))
    for name, mask in masks(scan.image.grid).items():
        assert np.array_equal(found[name] > 0, mask), name
    assert "catheter" not in found


def test_segments_lie_where_the_voxels_are(tmp_path: Path) -> None:
    scan = make_scan("FFDL")
    dataset = pydicom.dcmread(write_seg(scan, tmp_path / "seg.dcm", when=WHEN))
    pixels, grid = dataset.pixel_array, scan.image.grid
    orientation = np.reshape(
        dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)
    ).astype(float)
    spacing = [float(x) for x in dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing]
    for number, item in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if item.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1:
            first = np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
            rows, columns = np.nonzero(pixels[number])
            points = (
                first + np.outer(columns * spacing[1], orientation[0]) + np.outer(rows * spacing[0], orientation[1])
            )
            i, j, k = np.rint(grid.index(points)).astype(int).T
            assert masks(grid)["lesion_T12"][i, j, k].all()


def test_fractions_are_kept_in_255_steps(tmp_path: Path) -> None:
    scan = make_scan()
    found = read_segments(write_seg(scan, tmp_path / "seg.dcm", fractional=True, when=WHEN))
    region = scan.structure("GTV").region
    assert isinstance(region, ContourSet)
    own = coverage(region, scan.image.grid).values
    assert ((own > 0.1) & (own < 0.9)).any()
    assert np.abs(found["GTV"] - own).max() <= 0.5 / 255 + 1e-6


def test_what_cannot_be_a_segment_is_named(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_seg(make_scan(), tmp_path / "seg.dcm", when=WHEN))
    assert dataset.ImageComments.startswith("Not in this object: PTV (has no contours); catheter (")
    assert "thin (no voxel is at least half filled)" in dataset.ImageComments


def test_what_made_a_segment_is_said_or_not_recorded(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_seg(make_scan(), tmp_path / "seg.dcm", when=WHEN))
    made = {item.SegmentLabel: item for item in dataset.SegmentSequence}
    assert made["GTV"].SegmentAlgorithmType == "MANUAL"
    assert made["spinal_cord"].SegmentAlgorithmType == "AUTOMATIC"
    assert made["spinal_cord"].SegmentAlgorithmName == "not recorded"
    assert made["spinal_cord"].SegmentedPropertyTypeCodeSequence[0].CodeValue == "2748008"
    assert all("SegmentationAlgorithmIdentificationSequence" not in item for item in made.values())


def test_a_level_is_said_by_its_code_and_read_again(tmp_path: Path) -> None:
    scan = make_scan()
    levels = {"GTV": "L3", "spinal_cord": "L6"}
    levelled = [replace(item, level=levels.get(item.name, "")) for item in scan.structures]
    path = write_seg(replace(scan, structures=tuple(levelled)), tmp_path / "seg.dcm", when=WHEN)
    said = {
        item.SegmentLabel: [(code.CodeValue, code.CodeMeaning) for code in item.get("AnatomicRegionSequence", ())]
        for item in pydicom.dcmread(path).SegmentSequence
    }
    assert said == {"GTV": [("36470004", "L3 vertebra")], "island": [], "spinal_cord": [], "lesion_T12": []}
    assert dciodvfy(path, "Segmentation") == []
    read = {item.name: item.level for item in read_seg(path, grid=scan.image.grid).structures}
    assert (read["GTV"], read["island"]) == ("L3", "")


def test_a_scan_without_slices_is_refused_until_its_ct_is_written(tmp_path: Path) -> None:
    scan = make_scan("left-handed (NIfTI)", slices=False, frame="nifti-0123456789ab")
    with pytest.raises(OutputError, match=r"not that of DICOM slices.*write_ct"):
        write_seg(scan, tmp_path / "seg.dcm", when=WHEN)
    used = write_ct(scan, tmp_path / "ct", when=WHEN)
    dataset = pydicom.dcmread(write_seg(used, tmp_path / "seg.dcm", when=WHEN))
    listed = {item.ReferencedSOPInstanceUID for item in dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert listed == set(used.origin.instance_uids)


def test_a_structure_of_other_voxels_is_refused(tmp_path: Path) -> None:
    scan = make_scan()
    beside = replace(scan.structures[0], region=Volume(np.ones((21, 17, 13), bool), grid_of(LIES["HFS"])))
    with pytest.raises(GridMismatch, match="lesion_T12: the structure's voxels are not voxels of the scan"):
        write_seg(replace(scan, structures=(beside,)), tmp_path / "seg.dcm", when=WHEN)


def test_nothing_that_bounds_a_volume_is_refused(tmp_path: Path) -> None:
    scan = make_scan()
    with pytest.raises(OutputError, match="no structure bounds a volume"):
        write_seg(replace(scan, structures=(scan.structure("catheter"),)), tmp_path / "seg.dcm", when=WHEN)


@pytest.mark.parametrize(
    ("lie", "statistical"), [("HFS", False), ("HFS", True), ("left-handed (NIfTI)", False), ("oblique", True)]
)
def test_the_uncertainty_is_a_standard_deviation_in_gray_at_the_same_points(
    lie: str, statistical: bool, tmp_path: Path
) -> None:
    dose = make_dose(grid_of(LIES[lie]))
    written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
    noise = small_noise(dose) if statistical else None
    path = write_uncertainty(dose, tmp_path / "map.dcm", rtdose=written, study=STUDY, statistical=noise, when=WHEN)
    image = highdicom.imread(path)
    assert image.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == (
        written.SOPInstanceUID
    )
    volume = image.get_volume(apply_real_world_transform=False)
    voxels = thousand_voxels(dose.volume.grid)
    points = dose.volume.grid.point_mm(voxels)
    index = np.rint(volume.map_reference_to_indices(points)).astype(int)
    relative = noise or dose.relative_uncertainty
    wanted = expected(dose, voxels) * np.nan_to_num(relative.values[tuple(voxels.T)])
    defined = np.isfinite(dose.volume.values[tuple(voxels.T)])
    found = volume.array[tuple(index.T)]
    assert found[defined] == pytest.approx(wanted[defined], rel=1e-6)
    assert (found[~defined] == UNDEFINED).all()
    mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "Gy"
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeMeaning == "Standard Deviation"


def test_the_dose_itself_stays_as_it_is() -> None:
    dose = make_dose()
    written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
    before = written.to_json()
    uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN)
    assert written.to_json() == before


def test_another_dose_than_the_written_one_is_refused(tmp_path: Path) -> None:
    dose = make_dose()
    written = rtdose(make_dose(grid_of(LIES["sagittal"])), plan=make_rtplan(), study=STUDY, when=WHEN)
    with pytest.raises(GridMismatch, match="not on the grid of the dose"):
        write_uncertainty(dose, tmp_path / "map.dcm", rtdose=written, study=STUDY, when=WHEN)


def test_a_map_says_of_which_dose_it_is_and_whether_more_than_statistics_is_in_it() -> None:
    dose = make_dose(convention=DoseConvention.MONTE_CARLO_MEDIUM)
    written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
    whole = uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN)
    noise = uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN, statistical=small_noise(dose))
    assert whole.SeriesDescription == "1 SD in Gy of Monte Carlo dose to medium"
    assert noise.SeriesDescription == "Statistical 1 SD in Gy of Monte Carlo dose to medium"
    assert whole.SeriesInstanceUID != noise.SeriesInstanceUID
    assert "by the number of histories alone; that of output and direction is not in it" in noise.ImageComments
    assert "of output, direction and, where there are any, histories" in whole.ImageComments
    assert noise.ImageComments.startswith("NOMINAL; Monte Carlo dose to medium")


def test_the_noise_of_another_grid_is_refused() -> None:
    dose, other = make_dose(), make_dose(grid_of(LIES["sagittal"]))
    written = rtdose(dose, plan=make_rtplan(), study=STUDY, when=WHEN)
    with pytest.raises(GridMismatch, match="the uncertainty is not on the grid of the dose"):
        uncertainty_map(dose, rtdose=written, study=STUDY, when=WHEN, statistical=small_noise(other))
