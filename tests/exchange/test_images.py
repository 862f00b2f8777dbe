"""Images without Hounsfield units, and enhanced multi-frame files: the same slices whatever they come in."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from synthetic_dicom import (
    INSTANCE,
    PATIENT_POSITIONS,
    SERIES,
    enhanced,
    mr,
    setting,
    slope_hu,
    square,
    write_series,
    write_structure_set,
)

from metaspine.errors import Cancelled, FrameMismatch, ImageError
from metaspine.exchange.images import read_image, read_scan_or_image
from metaspine.exchange.scans import read_scan
from metaspine.patient.image import Image
from metaspine.patient.scan import Scan

SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def centres(image) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.grid.shape], indexing="ij"), axis=-1)
    return image.grid.point_mm(index)


def signal(points_mm: np.ndarray) -> np.ndarray:
    """Positive everywhere, as MR is."""
    return slope_hu(points_mm) + 400.0


def write_mr(folder, change, **options):
    return write_series(folder, field=signal, intercept=0.0, change=change, **options)


def test_a_sagittal_mr_lies_where_the_standard_says(tmp_path):
    paths = write_mr(tmp_path, mr(), axes=SAGITTAL)
    image = read_image(tmp_path)
    np.testing.assert_array_equal(image.volume.values, signal(centres(image.volume)))
    assert (image.origin.modality, image.origin.description) == ("MR", "t2_tse_sag")
    assert image.origin.instance_uids == tuple(f"{SERIES}.{k}" for k in range(5))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    other = reader.Execute()
    for index in ((0, 0, 0), (8, 6, 4), (3, 2, 1)):
        point = [other.TransformIndexToPhysicalPoint(index)]
        assert image.volume.sample(point)[0] == pytest.approx(other[index])


def test_series_of_different_weighting_are_listed_and_chosen_by_uid(tmp_path):
    t1, stir = f"{SERIES}.1", f"{SERIES}.2"
    write_mr(tmp_path / "a", mr("t1_tse_sag", t1, RepetitionTime="560", EchoTime="9.6"), axes=SAGITTAL)
    write_mr(
        tmp_path / "b",
        mr("stir_sag", stir, RepetitionTime="3500", EchoTime="54", InversionTime="160"),
        axes=SAGITTAL,
        size=(4, 7, 9),
    )
    with pytest.raises(ImageError, match="holds 2 image series") as caught:
        read_image(tmp_path)
    for part in ("t1_tse_sag, 5 slices, TR 560 ms, TE 9.6 ms", "TE 54 ms, TI 160 ms", t1, stir, "series=UID"):
        assert part in str(caught.value)
    assert read_image(tmp_path, series=stir).origin.description == "stir_sag"
    assert read_image(tmp_path / "a" / "s000.dcm").origin.series_uid == t1
    with pytest.raises(ImageError, match=r"holds no image series 1\.2\.3"):
        read_image(tmp_path, series="1.2.3")


def test_an_mr_beside_a_ct_does_not_disturb_it(tmp_path):
    write_series(tmp_path)
    write_mr(tmp_path, mr(series=f"{SERIES}.1"), prefix="mr")
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.image.values, slope_hu(centres(scan.image)))
    assert "set aside: mr000.dcm (MR Image Storage)" in scan.notes
    with pytest.raises(ImageError, match="is MR Image Storage, not a CT image"):
        read_scan(tmp_path / "mr000.dcm")


def test_an_mr_is_never_read_as_a_scan_nor_a_report_as_an_image(tmp_path):
    write_mr(tmp_path / "mr", mr())
    with pytest.raises(ImageError, match=r"holds no CT series .found: 5 MR Image Storage"):
        read_scan(tmp_path / "mr")
    with pytest.raises(ImageError, match="no such file or folder"):
        read_image(tmp_path / "missing")
    (tmp_path / "x.mha").write_text("")
    with pytest.raises(ImageError, match="neither a DICOM folder"):
        read_image(tmp_path / "x.mha")


def test_slope_and_intercept_are_taken_where_they_are_stated(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        mr()(dataset, k)
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, 3.0

    write_mr(tmp_path, change)
    image = read_image(tmp_path)
    np.testing.assert_allclose(image.volume.values, 0.5 * signal(centres(image.volume)) + 3)
    write_mr(tmp_path, lambda dataset, k: (mr()(dataset, k), setattr(dataset, "RescaleSlope", -1)))
    with pytest.raises(ImageError, match="RescaleIntercept is missing"):
        read_image(tmp_path)


REFUSED = {
    "a missing slice": (lambda paths: paths[2].unlink(), "1 slice is missing between"),
    "one slice": (lambda paths: [path.unlink() for path in paths[1:]], "one image slice, which is no volume"),
    "two echoes": (
        lambda paths: write_mr(paths[0].parent, mr(EchoTime="80"), prefix="e2", slope=2.0, size=(1, 7, 9)),
        "shows something else",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_slices_are_stacked_as_strictly_as_a_ct(tmp_path, fault):
    spoil, reason = REFUSED[fault]
    spoil(write_mr(tmp_path, mr()))
    with pytest.raises(ImageError, match=reason):
        read_image(tmp_path)


def test_a_ct_only_to_look_at_needs_no_hounsfield_units(tmp_path):
    write_series(tmp_path, change=setting("RescaleType", "MGML"))
    with pytest.raises(ImageError, match="not Hounsfield units"):
        read_scan(tmp_path)
    image = read_image(tmp_path)
    assert image.origin.modality == "CT"
    np.testing.assert_array_equal(image.volume.values, slope_hu(centres(image.volume)))


def test_a_nifti_image_and_one_that_holds_no_numbers(tmp_path):
    import nibabel as nib

    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "t1.nii")
    np.testing.assert_array_equal(read_image(tmp_path / "t1.nii").volume.values, values)
    values[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "t1.nii")
    with pytest.raises(ImageError, match="not numbers"):
        read_image(tmp_path / "t1.nii")


def test_progress_of_an_image_may_stop_its_reading(tmp_path):
    write_mr(tmp_path, mr())

    def stop(step: str, fraction: float) -> None:
        if step == "reading the slices":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        read_image(tmp_path, progress=stop)


def test_a_real_mr_slice_is_no_volume():
    path = get_testdata_file("MR_small.dcm")
    assert path is not None
    with pytest.raises(ImageError):
        read_image(path, series=str(pydicom.dcmread(path).SeriesInstanceUID) + ".9")


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
def test_an_enhanced_ct_is_the_same_as_its_slices(tmp_path, position):
    def change(dataset: Dataset, k: int) -> None:
        dataset.RescaleIntercept = -1024 + 10 * k
        stored = np.frombuffer(dataset.PixelData, "<i2") - 10 * k
        dataset.PixelData = stored.astype("<i2").tobytes()

    paths = write_series(tmp_path / "slices", axes=PATIENT_POSITIONS[position], change=change)
    enhanced([paths[k] for k in (2, 0, 4, 1, 3)], tmp_path / "one" / "e.dcm")
    expected, found = read_scan(tmp_path / "slices"), read_scan(tmp_path / "one")
    np.testing.assert_array_equal(found.image.values, expected.image.values)
    np.testing.assert_allclose(found.image.grid.affine, expected.image.grid.affine)
    assert found.frame_of_reference == expected.frame_of_reference
    assert (found.origin.tube_voltage_kv, found.origin.convolution_kernel) == (120.0, "B30f")
    assert found.origin.instance_uids == (f"{INSTANCE}.77",) * 5
    assert read_image(tmp_path / "one" / "e.dcm").volume.values.shape == expected.image.values.shape


def _move_a_frame(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient[2] += 0.5


def _two_phases(dataset: Dataset) -> None:
    places = dataset.PerFrameFunctionalGroupsSequence
    places[1].PlanePositionSequence = places[0].PlanePositionSequence


ENHANCED_REFUSED = {
    "frames and groups that disagree": (lambda d: d.PerFrameFunctionalGroupsSequence.pop(), "5 frames and describes 4"),
    "no groups": (lambda d: delattr(d, "PerFrameFunctionalGroupsSequence"), "5 frames and describes 0"),
    "no orientation": (
        lambda d: delattr(d.SharedFunctionalGroupsSequence[0], "PlaneOrientationSequence"),
        "frame 1: ImageOrientationPatient is missing",
    ),
    "no rescaling": (
        lambda d: delattr(d.PerFrameFunctionalGroupsSequence[3], "PixelValueTransformationSequence"),
        "frame 4: RescaleSlope is missing|RescaleSlope is missing",
    ),
    "an uneven step": (_move_a_frame, "frame 2 .* and e.dcm frame 3"),
    "phases": (_two_phases, "same position as e.dcm frame 1"),
    "pixels cut": (lambda d: setattr(d, "PixelData", d.PixelData[:-40]), "truncated or malformed"),
}


@pytest.mark.parametrize("fault", ENHANCED_REFUSED)
def test_an_enhanced_ct_that_cannot_be_trusted_is_refused(tmp_path, fault):
    change, reason = ENHANCED_REFUSED[fault]
    enhanced(write_series(tmp_path / "slices"), tmp_path / "one" / "e.dcm", change)
    with pytest.raises(ImageError, match=reason) as caught:
        read_scan(tmp_path / "one")
    assert "e.dcm" in str(caught.value)
    assert caught.value.remedy


def test_what_another_program_converted_is_the_same_as_its_slices(tmp_path):
    """highdicom's legacy conversion is the independent writer."""
    legacy = pytest.importorskip("highdicom.legacy", reason="highdicom has no wheel for this Python")

    def change(dataset: Dataset, k: int) -> None:
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"):
            setattr(dataset, keyword, "")
        for keyword in ("AccessionNumber", "StudyID", "ReferringPhysicianName", "Manufacturer"):
            setattr(dataset, keyword, "")
        dataset.SeriesNumber, dataset.InstanceNumber, dataset.PositionReferenceIndicator = 1, k + 1, ""

    paths = write_series(tmp_path / "slices", change=change)
    converted = legacy.LegacyConvertedEnhancedCTImage(
        legacy_datasets=[pydicom.dcmread(path) for path in paths],
        series_instance_uid=f"{SERIES}.5",
        series_number=5,
        sop_instance_uid=f"{INSTANCE}.500",
        instance_number=1,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    (tmp_path / "one").mkdir()
    converted.save_as(tmp_path / "one" / "e.dcm", enforce_file_format=True)
    expected, found = read_scan(tmp_path / "slices"), read_scan(tmp_path / "one")
    np.testing.assert_array_equal(found.image.values, expected.image.values)
    np.testing.assert_allclose(found.image.grid.affine, expected.image.grid.affine)


def test_what_kind_of_image_a_dicom_folder_holds_is_seen(tmp_path):
    """A CT is a scan whatever it comes in and beside; an MR is an image; the series asked for decides."""
    paths = write_series(tmp_path / "ct" / "slices")
    write_mr(tmp_path / "ct" / "mr", mr(series=f"{SERIES}.1"))
    enhanced(paths, tmp_path / "enhanced" / "e.dcm")
    for place in (tmp_path / "ct", paths[0], tmp_path / "enhanced"):
        assert isinstance(read_scan_or_image(place), Scan), place
    for image in (
        read_scan_or_image(tmp_path / "ct" / "mr"),
        read_scan_or_image(tmp_path / "ct", series=f"{SERIES}.1"),
        read_scan_or_image(tmp_path / "ct" / "mr" / "s000.dcm"),
    ):
        assert isinstance(image, Image)
        assert image.origin.modality == "MR"
    unscaled = read_scan_or_image(paths[0], hounsfield=False)
    assert isinstance(unscaled, Image)
    assert unscaled.origin.modality == "CT"


def test_structures_drawn_on_an_mr_are_read_with_it(tmp_path):
    write_mr(tmp_path / "mr", mr())
    drawn = tmp_path / "rtstruct.dcm"
    write_structure_set(drawn, {"GTV_T12": [("CLOSED_PLANAR", square(2.0, half_mm=2.0))]})
    image = read_image(tmp_path / "mr", structures=drawn)
    assert [(one.name, str(one.role)) for one in image.structures] == [("GTV_T12", "lesion")]
    assert image.origin.structure_files[0][0] == str(drawn)
    write_mr(tmp_path / "other", lambda dataset, k: (mr()(dataset, k), setattr(dataset, "FrameOfReferenceUID", "1.9")))
    with pytest.raises(FrameMismatch):
        read_image(tmp_path / "other", structures=drawn)


def test_an_nrrd_image_needs_no_hounsfield_units(tmp_path):
    values = SimpleITK.GetImageFromArray(np.arange(100, 124, dtype=np.int16).reshape(4, 3, 2))
    SimpleITK.WriteImage(values, tmp_path / "t2.nrrd")
    assert read_image(tmp_path / "t2.nrrd").volume.values[1, 2, 3] == 123
    with pytest.raises(ImageError, match="no value is negative"):
        read_scan_or_image(tmp_path / "t2.nrrd")
