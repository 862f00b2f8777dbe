"""RTDOSE: every orientation and every form of the offset vector; nothing scaled, summed or taken for Gy silently."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from synthetic_dicom import FRAME, HEAD_FIRST_SUPINE, PATIENT_POSITIONS
from synthetic_dose import PLAN, slope_gy, write_dose

from metaspine.errors import ImageError
from metaspine.exchange.rtdose import is_rtdose, read_dose
from metaspine.patient.prior_dose import PriorDose

TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
ORIENTATIONS = {
    **PATIENT_POSITIONS,
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "oblique": (tuple(TURN[0]), tuple(TURN[1])),
}
UP, DOWN = (0.0, 3.0, 6.0, 9.0, 12.0), (0.0, -3.0, -6.0, -9.0, -12.0)
STEP_GY = 1e-5
"""Single precision of a dose below 30 Gy, and more than a step of 32 bits."""


def voxel_centres_mm(dose: PriorDose) -> np.ndarray:
    return dose.volume.grid.point_mm(np.moveaxis(np.indices(dose.volume.grid.shape), 0, -1))


def of_simple_itk(path: Path, points_mm: np.ndarray) -> np.ndarray:
    """SimpleITK's stored values (it leaves DoseGridScaling to the user) at LPS points that are its voxel centres."""
    image = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayViewFromImage(image)
    index = [image.TransformPhysicalPointToContinuousIndex(point.tolist()) for point in points_mm.reshape(-1, 3)]
    nearest = np.rint(index).astype(int)
    np.testing.assert_allclose(index, nearest, atol=1e-4)
    return np.array([values[k, j, i] for i, j, k in nearest]).reshape(points_mm.shape[:-1])


@pytest.mark.parametrize("offsets", [UP, DOWN], ids=["ascending", "descending"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_lies_where_it_was_written_and_where_simple_itk_has_it(tmp_path, orientation, offsets):
    path = write_dose(tmp_path / "dose.dcm", axes=ORIENTATIONS[orientation], offsets=offsets)
    dose = read_dose(path)
    points = voxel_centres_mm(dose)
    assert dose.volume.grid.shape == (9, 7, 5)
    np.testing.assert_allclose(dose.volume.values, slope_gy(points), atol=STEP_GY)
    scaling = float(pydicom.dcmread(path).DoseGridScaling)
    np.testing.assert_allclose(dose.volume.values, of_simple_itk(path, points) * scaling, atol=STEP_GY)
    assert dose.notes == ()


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP"])
def test_plastimatch_reads_the_same_dose(tmp_path, position, bits):
    program = shutil.which("plastimatch", path=Path(sys.executable).parent) or shutil.which("plastimatch")
    if program is None:
        pytest.skip("plastimatch is not installed")
    path = write_dose(tmp_path / "dose.dcm", axes=PATIENT_POSITIONS[position], bits=bits)
    command = [program, "convert", "--input", path, "--output-dose-img", tmp_path / "dose.mha"]
    subprocess.run(command, check=True, capture_output=True)
    dose = read_dose(path)
    theirs = of_simple_itk(tmp_path / "dose.mha", voxel_centres_mm(dose))
    np.testing.assert_allclose(dose.volume.values, theirs, atol=STEP_GY)


@pytest.mark.parametrize("bits", [16, 32])
def test_values_are_within_half_a_step_of_the_encoding(tmp_path, bits):
    path = write_dose(tmp_path / "dose.dcm", bits=bits)
    dose = read_dose(path)
    half_a_step = float(pydicom.dcmread(path).DoseGridScaling) / 2
    single = 25 * 2.0**-24
    assert np.abs(dose.volume.values - slope_gy(voxel_centres_mm(dose))).max() <= half_a_step + 2 * single


@pytest.mark.parametrize("offsets", [(-4.0, -1.0, 2.0, 5.0, 8.0), (-4.0, -7.0, -10.0, -13.0, -16.0)])
def test_absolute_heights_of_upright_axial_planes(tmp_path, offsets):
    path = write_dose(tmp_path / "dose.dcm", offsets=offsets, across_mm=np.array(offsets) + 4.0)
    dose = read_dose(path)
    points = voxel_centres_mm(dose)
    np.testing.assert_allclose(points[0, 0, :, 2], offsets)
    np.testing.assert_allclose(dose.volume.values, slope_gy(points), atol=STEP_GY)


def test_uneven_planes_are_filled_linearly_and_said(tmp_path):
    path = write_dose(tmp_path / "dose.dcm", offsets=(0.0, 2.0, 4.0, 10.0, 13.0))
    dose = read_dose(path)
    assert dose.volume.grid.shape == (9, 7, 14)
    np.testing.assert_allclose(dose.volume.values, slope_gy(voxel_centres_mm(dose)), atol=2 * STEP_GY)
    assert any("9 were added between them, linearly" in note for note in dose.notes)


def test_one_plane_with_its_thickness(tmp_path):
    def thick(dataset):
        dataset.SliceThickness = "2.5"

    path = write_dose(tmp_path / "dose.dcm", offsets=None, across_mm=(0.0,), change=thick)
    dose = read_dose(path)
    assert dose.volume.grid.shape == (9, 7, 1)
    assert dose.volume.grid.spacing_mm.tolist() == pytest.approx([1.5, 2.0, 2.5])
    np.testing.assert_allclose(dose.volume.values, slope_gy(voxel_centres_mm(dose)), atol=STEP_GY)


def test_what_the_file_says_of_its_dose_is_kept(tmp_path):
    def said(dataset):
        dataset.DoseType, dataset.DoseComment = "EFFECTIVE", "RBE 1.1"
        dataset.TissueHeterogeneityCorrection = ["IMAGE", "ROI_OVERRIDE"]

    dose = read_dose(write_dose(tmp_path / "dose.dcm", change=said))
    assert (dose.dose_type, dose.summation, dose.whole_plan) == ("EFFECTIVE", "PLAN", True)
    assert (dose.plan_uid, dose.comment) == (PLAN, "RBE 1.1")
    assert dose.volume.grid.frame_of_reference == FRAME
    assert dose.notes == ("correction for the tissues' densities, as stated: IMAGE, ROI_OVERRIDE",)


@pytest.mark.parametrize("summation", ["BEAM", "FRACTION", "CONTROL_POINT", "BRACHY"])
def test_a_part_of_a_plan_says_so(tmp_path, summation):
    dose = read_dose(write_dose(tmp_path / "d.dcm", change=lambda d: setattr(d, "DoseSummationType", summation)))
    assert not dose.whole_plan
    assert f"it is the dose of one {summation}, not of a whole plan" in dose.notes[0]


def test_several_plans_are_not_taken_for_one(tmp_path):
    def several(dataset):
        other = pydicom.Dataset()
        other.ReferencedSOPInstanceUID = "1.2.3"
        dataset.ReferencedRTPlanSequence.append(other)
        del dataset.DoseSummationType

    dose = read_dose(write_dose(tmp_path / "dose.dcm", change=several))
    assert dose.plan_uid == ""
    assert not dose.whole_plan
    assert any("it sums the doses of 2 plans" in note for note in dose.notes)
    assert any("DoseSummationType is missing" in note for note in dose.notes)


def test_a_signed_difference_keeps_its_sign(tmp_path):
    path = write_dose(
        tmp_path / "dose.dcm",
        field=lambda points: slope_gy(points) - 20,
        signed=True,
        change=lambda d: setattr(d, "DoseType", "ERROR"),
    )
    dose = read_dose(path)
    assert dose.volume.values.min() < 0
    np.testing.assert_allclose(dose.volume.values, slope_gy(voxel_centres_mm(dose)) - 20, atol=STEP_GY)
    assert "difference of doses" in dose.notes[0]


def setting(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


def removing(keyword):
    return lambda dataset: delattr(dataset, keyword)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("DoseUnits", "RELATIVE"), "its values are RELATIVE, not Gy"),
        (setting("DoseType", "CODED"), "its DoseType is 'CODED'"),
        (setting("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "is CT Image Storage, not an RTDOSE"),
        (removing("DoseGridScaling"), "DoseGridScaling is missing"),
        (setting("DoseGridScaling", "0"), "DoseGridScaling is 0"),
        (setting("DoseGridScaling", "1"), "they are not Gy, or DoseGridScaling is wrong (EXCHANGE-21)"),
        (removing("FrameOfReferenceUID"), "FrameOfReferenceUID is missing"),
        (removing("GridFrameOffsetVector"), "GridFrameOffsetVector is missing"),
        (setting("GridFrameOffsetVector", [0, 3, 6]), "places 3 planes and the file holds 5"),
        (
            setting("GridFrameOffsetVector", [1, 4, 7, 10, 13]),
            "starts at 1 mm: neither at 0 nor at the planes' z",
        ),
        (setting("GridFrameOffsetVector", [0, 3, 6, 3, 9]), "does not lead from plane to plane in one direction"),
        (setting("GridFrameOffsetVector", [0, 3, 6.1, 9.777, 12]), "no even step holds them (EXCHANGE-20)"),
        (setting("FrameIncrementPointer", 0x00280009), "not by GridFrameOffsetVector"),
        (setting("PixelSpacing", [0, 1]), "its pixels have no size"),
        (setting("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "no two perpendicular unit vectors"),
        (setting("NumberOfFrames", 2_000_000_000), "more than 1e+09 voxels (EXCHANGE-08)"),
        (setting("NumberOfFrames", 0), "declares 0 frames"),
        (setting("PixelData", b"\0" * 40), "is truncated or malformed DICOM"),
        (setting("BitsAllocated", 8), "holds 1 samples of 8 bits"),
    ],
)
def test_what_cannot_be_trusted_is_refused(tmp_path, change, message):
    path = write_dose(tmp_path / "dose.dcm", change=change)
    with pytest.raises(ImageError) as caught:
        read_dose(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_absolute_heights_on_turned_planes_are_refused(tmp_path):
    path = write_dose(tmp_path / "dose.dcm", axes=PATIENT_POSITIONS["HFP"], offsets=(-4, -1, 2, 5, 8))
    with pytest.raises(ImageError, match="not at 0, and only planes of the orientation 1 0 0 0 1 0 may state"):
        read_dose(path)


def test_a_plane_of_no_thickness_is_refused(tmp_path):
    path = write_dose(tmp_path / "dose.dcm", offsets=None, across_mm=(0.0,))
    with pytest.raises(ImageError, match="does not say how thick it is"):
        read_dose(path)


def test_negative_doses_are_refused(tmp_path):
    path = write_dose(tmp_path / "dose.dcm", field=lambda points: slope_gy(points) - 20, signed=True)
    with pytest.raises(ImageError, match="negative doses down to -"):
        read_dose(path)


def test_a_very_high_or_an_empty_dose_is_noted(tmp_path):
    def one_hot(points):
        return np.where(np.linalg.norm(points - points[2, 3, 4], axis=-1) < 0.1, 200.0, 8.0)

    assert "its highest dose is 200 Gy" in read_dose(write_dose(tmp_path / "a.dcm", field=one_hot)).notes[0]
    empty = read_dose(write_dose(tmp_path / "b.dcm", field=lambda points: 0 * points[..., 0]))
    assert empty.notes == ("its dose is 0 everywhere",)


@pytest.mark.parametrize(("said", "known"), [(2, True), (5, False)], ids=["as many", "others are 0 too"])
def test_zeros_that_stand_for_no_dose_are_none(tmp_path, said, known):
    """What our own RTDOSE says of the inside of the applicator, in words written out here (EXCHANGE-31)."""

    def hollow(points):
        values = slope_gy(points)
        values[2, 3, 4:6] = 0.0
        return values

    comment = f"NOMINAL; CONSOLE/WATER; 0 GY=UNDEFINED IN {said} VOXELS"
    path = write_dose(tmp_path / "d.dcm", field=hollow, change=lambda d: setattr(d, "DoseComment", comment))
    values, notes = read_dose(path).volume.values, read_dose(path).notes
    assert np.argwhere(np.isnan(values)).tolist() == ([[4, 3, 2], [5, 3, 2]] if known else [])
    assert np.count_nonzero(values == 0) == (0 if known else 2)
    assert notes[0].startswith(f"no dose is defined in {said} of its voxels" if known else "0 Gy stands for no dose in")
    silent = read_dose(write_dose(tmp_path / "e.dcm", field=hollow))
    assert (np.count_nonzero(silent.volume.values == 0), silent.notes) == (2, ())


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ImageError, match="there is no such file"):
        read_dose(tmp_path / "none.dcm")


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"])
def test_doses_of_another_planning_system(tmp_path, name):
    """pydicom's samples: relative, so refused; said to be Gy, the values that pydicom itself decodes from the first."""
    with pytest.raises(ImageError, match="RELATIVE"):
        read_dose(get_testdata_file(name))
    dataset = pydicom.dcmread(get_testdata_file(name))
    dataset.DoseUnits = "GY"
    dataset.save_as(tmp_path / name)
    dose = read_dose(tmp_path / name)
    stored = pydicom.dcmread(get_testdata_file("rtdose.dcm")).pixel_array
    np.testing.assert_allclose(dose.volume.values, stored.transpose(2, 1, 0) * 1e-6, rtol=1e-6)
    assert dose.volume.grid.origin_mm.tolist() == pytest.approx([189.43125, 199.43125, -761.87])
    assert dose.volume.grid.spacing_mm.tolist() == pytest.approx([10, 10, 5])
    assert not dose.whole_plan


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("name", ["rtdose_1frame.dcm", "rtdose_rle_1frame.dcm"])
def test_samples_whose_vector_is_of_other_planes(tmp_path, name):
    dataset = pydicom.dcmread(get_testdata_file(name))
    dataset.DoseUnits = "GY"
    dataset.save_as(tmp_path / name)
    with pytest.raises(ImageError, match="places 15 planes and the file holds 1"):
        read_dose(tmp_path / name)


def test_deflated_and_lossy_files_are_refused(tmp_path):
    def compressed(dataset):
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f"] * 5)

    with pytest.raises(ImageError, match="compressed as JPEG 2000 Image Compression, which is not read"):
        read_dose(write_dose(tmp_path / "lossy.dcm", change=compressed))
    dataset = pydicom.dcmread(write_dose(tmp_path / "plain.dcm"))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "deflated.dcm")
    with pytest.raises(ImageError, match="is deflated DICOM"):
        read_dose(tmp_path / "deflated.dcm")


def test_a_clinical_dose(shared_data):
    """An external beam plan for the breast: 129 x 194 x 98 voxels, at most 14.68 Gy (the data's own description)."""
    path = shared_data / "dicom_rt_breast_dicompyler" / "rtdose.dcm"
    assert is_rtdose(path)
    assert not is_rtdose(path.with_name("rtplan.dcm"))
    dose = read_dose(path)
    assert dose.volume.grid.shape == (194, 129, 98)
    assert float(dose.volume.values.max()) == pytest.approx(14.68, abs=0.005)
    assert dose.whole_plan
    points = voxel_centres_mm(dose)[::40, ::40, ::30]
    theirs = of_simple_itk(path, points) * 1.4e-5
    np.testing.assert_allclose(dose.volume.values[::40, ::40, ::30], theirs, atol=1e-6)
    assert dose.plan_uid == str(pydicom.dcmread(path.with_name("rtplan.dcm"), stop_before_pixels=True).SOPInstanceUID)


def test_a_shifted_dose_would_be_noticed(tmp_path):
    """The canary: offsets of the other sign, or rows and columns exchanged, do not give the written field."""
    path = write_dose(tmp_path / "dose.dcm", axes=HEAD_FIRST_SUPINE, offsets=DOWN, across_mm=UP)
    dose = read_dose(path)
    assert np.abs(dose.volume.values - slope_gy(voxel_centres_mm(dose))).max() > 0.1
