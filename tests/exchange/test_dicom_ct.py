"""DICOM CT series: geometry against the standard's formula and SimpleITK, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from scipy.spatial.transform import Rotation
from synthetic_dicom import (
    INSTANCE,
    PATIENT_POSITIONS,
    SERIES,
    STUDY,
    setting,
    slope_hu,
    stored_pixels,
    write_series,
)

from metaspine.errors import Cancelled, ImageError
from metaspine.exchange.dicom_ct import read_dicom_ct
from metaspine.exchange.hounsfield import HounsfieldCheck
from metaspine.exchange.scans import read_scan


def _centres(image) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.grid.shape], indexing="ij"), axis=-1)
    return image.grid.point_mm(index)


def _assert_shows_the_field(image, tolerance_hu: float = 0.51) -> None:
    np.testing.assert_allclose(image.values, slope_hu(_centres(image)), atol=tolerance_hu)


def _simple_itk(paths: list[Path]) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def _assert_same_as_simple_itk(volume, image: SimpleITK.Image) -> None:
    """Every voxel centre of the independent reader holds the same value at the same LPS point."""
    array = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in array.shape], indexing="ij"), axis=-1).reshape(-1, 3)
    index = index[:: max(1, len(index) // 4000)]
    points = np.array([image.TransformContinuousIndexToPhysicalPoint([float(n) for n in row]) for row in index])
    ours = volume.grid.index(points)
    np.testing.assert_allclose(ours, np.rint(ours), atol=1e-3)
    i, j, k = np.rint(ours).astype(int).T
    np.testing.assert_allclose(volume.values[i, j, k], array[tuple(index.T)], rtol=0, atol=1e-4)


@pytest.mark.parametrize("position", PATIENT_POSITIONS)
@pytest.mark.parametrize("towards", [1, -1])
def test_every_patient_position_lies_where_the_standard_says(tmp_path, position, towards):
    axes = PATIENT_POSITIONS[position]
    step = towards * 3.0 * np.cross(*axes)
    paths = write_series(tmp_path, axes=axes, step_mm=step, change=setting("PatientPosition", position))
    scan = read_scan(tmp_path)
    assert scan.origin.patient_position == position
    assert scan.image.grid.right_handed
    _assert_shows_the_field(scan.image)
    _assert_same_as_simple_itk(scan.image, _simple_itk(paths if towards > 0 else paths[::-1]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**31), st.booleans())
def test_oblique_slices_lie_where_the_standard_says(tmp_path_factory, seed, reverse):
    axes = Rotation.random(random_state=seed).as_matrix()[:2]
    folder = tmp_path_factory.mktemp("oblique")
    write_series(folder, axes=tuple(axes), step_mm=(-2.5 if reverse else 2.5) * np.cross(*axes), size=(4, 5, 6))
    _assert_shows_the_field(read_dicom_ct(folder).volume)


def test_the_order_of_file_names_does_not_matter(tmp_path):
    paths = write_series(tmp_path / "straight")
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for name, path in zip(("c", "a", "e", "b", "d"), paths, strict=True):
        (shuffled / name).write_bytes(path.read_bytes())
    first, second = read_scan(tmp_path / "straight"), read_scan(shuffled)
    np.testing.assert_array_equal(first.image.values, second.image.values)
    np.testing.assert_array_equal(first.image.grid.affine, second.image.grid.affine)
    assert first.origin.sha256 == second.origin.sha256


def test_mirroring_the_patient_mirrors_the_image(tmp_path):
    def bright_left(points):
        return np.where(points[..., 0] > 0, 300.0, -100.0)

    write_series(tmp_path / "left", field=bright_left)
    write_series(tmp_path / "right", field=lambda points: bright_left(points * (-1, 1, 1)))
    for name, left_hu, right_hu in (("left", 300, -100), ("right", -100, 300)):
        image = read_scan(tmp_path / name).image
        assert image.sample([[1.0, 0.0, 0.0], [-3.0, 0.0, 0.0]]).tolist() == [left_hu, right_hu]


def test_a_tilted_gantry_is_resampled_upright_with_a_note(tmp_path):
    tilt = np.radians(18.5)
    axes = ((1.0, 0.0, 0.0), (0.0, np.cos(tilt), -np.sin(tilt)))
    write_series(tmp_path, axes=axes, step_mm=(0, 0, 2.5), size=(12, 30, 20), first_mm=(-10, -30, 0), pixel_mm=(2, 1))
    scan = read_scan(tmp_path)
    assert any("gantry tilted by 18.5 degrees" in note for note in scan.notes)
    assert scan.origin.resampled
    np.testing.assert_allclose(scan.image.grid.directions.T @ scan.image.grid.directions, np.eye(3), atol=1e-9)
    centre = np.array([[0.0, 0.0, 5.0], [3.0, -4.0, 7.0], [-5.0, 6.0, 9.0]])
    np.testing.assert_allclose(scan.image.sample(centre), slope_hu(centre), atol=1.5)


def test_a_stated_tilt_that_the_geometry_denies_is_refused(tmp_path):
    write_series(tmp_path, change=setting("GantryDetectorTilt", "-12"))
    with pytest.raises(ImageError, match="GantryDetectorTilt says -12 degrees"):
        read_scan(tmp_path)


@pytest.mark.parametrize(("signed", "slope", "intercept"), [(1, 1, 0), (1, 2, -1000), (0, 1, -1024), (0, 0.4, -1024.3)])
def test_rescaling_signed_and_unsigned(tmp_path, signed, slope, intercept):
    def change(dataset: Dataset, k: int) -> None:
        dataset.PixelRepresentation = signed

    paths = write_series(tmp_path, slope=slope, intercept=intercept, change=change)
    image = read_scan(tmp_path).image
    _assert_shows_the_field(image, tolerance_hu=slope / 2 + 0.01)
    _assert_same_as_simple_itk(image, _simple_itk(paths))
    assert image.values.dtype == (np.float32 if slope == 0.4 else np.int16)


def test_every_slice_has_its_own_rescaling(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        dataset.RescaleIntercept = -1024 + 10 * k
        dataset.PixelData = (stored_pixels(dataset) - 10 * k).astype("<i2").tobytes()

    write_series(tmp_path, change=change)
    _assert_shows_the_field(read_scan(tmp_path).image)


def test_unused_high_bits_are_ignored_and_padding_in_them_becomes_air(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        stored = stored_pixels(dataset).astype("<u2")
        stored[1, 1] |= 0x1000  # an overlay bit above the twelve that are stored
        stored[0, 0] = 63536  # -2000 as written by some scanners
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.add_new("PixelPaddingValue", "US", 63536)
        dataset.PixelData = stored.tobytes()

    write_series(tmp_path, change=change)
    scan = read_scan(tmp_path)
    expected = slope_hu(_centres(scan.image))
    assert (scan.image.values[0, 0] == -1024).all()
    np.testing.assert_array_equal(scan.image.values[1:, 1:], expected[1:, 1:])
    assert any("padding" in note for note in scan.notes)


def test_a_padding_value_written_without_its_sign(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        stored = stored_pixels(dataset)
        stored[0, 0] = -2000
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "US", 63536)

    write_series(tmp_path, change=change)
    scan = read_scan(tmp_path)
    assert "5 voxels that the files mark as padding were set to -1024 HU" in scan.notes
    assert (scan.image.values[0, 0] == -1024).all()


def test_a_padding_value_that_tissue_may_have_is_left_and_noted(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        dataset.add_new("PixelPaddingValue", "SS", int(stored_pixels(dataset)[3, 3]))

    write_series(tmp_path, change=change)
    scan = read_scan(tmp_path)
    _assert_shows_the_field(scan.image)
    assert any("PixelPaddingValue" in note and "left as it is" in note for note in scan.notes)


def test_monochrome1_does_not_change_hounsfield_units(tmp_path):
    write_series(tmp_path, change=setting("PhotometricInterpretation", "MONOCHROME1"))
    _assert_shows_the_field(read_scan(tmp_path).image)


def test_run_length_encoded_pixels(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        dataset.compress(RLELossless, generate_instance_uid=False)

    write_series(tmp_path, change=change)
    _assert_shows_the_field(read_scan(tmp_path).image)


def test_two_series_are_listed_and_chosen_by_uid(tmp_path):
    write_series(tmp_path / "a")
    other = f"{SERIES}.7"

    def change(dataset: Dataset, k: int) -> None:
        dataset.SeriesInstanceUID, dataset.SeriesDescription, dataset.ConvolutionKernel = other, "bone", "B70f"
        dataset.SOPInstanceUID += ".7"

    write_series(tmp_path / "b", change=change, size=(4, 5, 6))
    with pytest.raises(ImageError) as caught:
        read_scan(tmp_path)
    for part in (SERIES, other, "spine", "bone", "5 slices", "4 slices", "B30f", "B70f", "series=UID"):
        assert part in str(caught.value)
    scan = read_scan(tmp_path, series=other)
    assert scan.image.grid.shape == (6, 5, 4)
    assert any(SERIES in note and "not the one chosen" in note for note in scan.notes)
    assert read_scan(tmp_path / "b" / "s000.dcm").origin.series_uid == other
    with pytest.raises(ImageError, match=r"no CT series 1\.2\.3"):
        read_scan(tmp_path, series="1.2.3")


def test_localisers_other_objects_and_files_are_set_aside_with_a_note(tmp_path):
    write_series(tmp_path)

    def scout(dataset: Dataset, k: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.SeriesInstanceUID += ".8"

    def capture(dataset: Dataset, k: int) -> None:
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.SeriesInstanceUID += ".9"

    write_series(tmp_path, axes=((1, 0, 0), (0, 0, -1)), size=(1, 5, 6), change=scout, prefix="scout")
    write_series(tmp_path, size=(1, 5, 6), change=capture, prefix="capture")
    (tmp_path / "readme.txt").write_text("from the archive")
    scan = read_scan(tmp_path)
    _assert_shows_the_field(scan.image)
    notes = " | ".join(scan.notes)
    for part in ("scout000.dcm (localiser)", "capture000.dcm (Secondary Capture", "readme.txt"):
        assert part in notes


def test_a_duplicate_of_the_same_content_is_noted_and_one_of_other_content_refused(tmp_path):
    write_series(tmp_path)
    write_series(tmp_path, size=(1, 7, 9), prefix="copy")
    scan = read_scan(tmp_path)
    _assert_shows_the_field(scan.image)
    assert any("repeats" in note for note in scan.notes)
    write_series(tmp_path, size=(1, 7, 9), prefix="copy", field=lambda points: slope_hu(points) + 1)
    with pytest.raises(ImageError, match=r"same position as .* shows something else"):
        read_scan(tmp_path)


def test_a_missing_slice_is_refused_with_its_place(tmp_path):
    write_series(tmp_path)[2].unlink()
    with pytest.raises(ImageError) as caught:
        read_scan(tmp_path)
    for part in (
        "1 slice is missing between s001.dcm",
        "s003.dcm",
        "-8.00, -1.00 mm",
        "-8.00, 5.00 mm",
        "6.00 mm apart",
    ):
        assert part in str(caught.value)


def _moved(step: int, by_mm: tuple[float, float, float]):
    def change(dataset: Dataset, k: int) -> None:
        if k == step:
            dataset.ImagePositionPatient = [
                float(a) + b for a, b in zip(dataset.ImagePositionPatient, by_mm, strict=True)
            ]

    return change


def _without(keyword: str):
    def change(dataset: Dataset, k: int) -> None:
        delattr(dataset, keyword)

    return change


def _empty_class(dataset: Dataset, k: int) -> None:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.SOPClassUID = ""


REFUSED = {
    "uneven spacing": (_moved(2, (0, 0, 0.5)), "unevenly spaced"),
    "a slice off the line": (_moved(2, (1.5, 0, 0)), "1.50 mm off the line"),
    "mixed orientation": (setting("ImageOrientationPatient", [1, 0, 0, 0, 0, -1], only=4), "orientation"),
    "mixed sizes": (setting("PixelSpacing", [2.0, 1.1], only=1), "pixel spacing"),
    "two frames of reference": (setting("FrameOfReferenceUID", "1.2.3", only=3), "frame of reference"),
    "no orientation": (_without("ImageOrientationPatient"), "ImageOrientationPatient is missing"),
    "no position": (_without("ImagePositionPatient"), "ImagePositionPatient is missing"),
    "no pixel spacing": (_without("PixelSpacing"), "PixelSpacing is missing"),
    "no intercept": (_without("RescaleIntercept"), "RescaleIntercept is missing"),
    "no pixels": (_without("PixelData"), "truncated or malformed"),
    "an empty frame of reference": (setting("FrameOfReferenceUID", ""), "FrameOfReferenceUID is empty"),
    "an empty class": (_empty_class, "SOPClassUID missing or empty"),
    "axes that are none": (setting("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "no two perpendicular unit vectors"),
    "negative spacing": (setting("PixelSpacing", [-1, 1]), "pixels have no size"),
    "a stated size beyond the pixels": (setting("Rows", 400), "truncated or malformed"),
    "an enormous stated size": (setting("Rows", 65535), "truncated or malformed"),
    "slope zero": (setting("RescaleSlope", 0), "RescaleSlope is 0"),
    "not Hounsfield units": (setting("RescaleType", "MGML"), "are MGML, not Hounsfield units"),
    "colour": (setting("PhotometricInterpretation", "RGB"), "RGB"),
    "several frames": (setting("NumberOfFrames", 2), "2 frames"),
    "an intercept forgotten": (setting("RescaleIntercept", 1024), "no value is negative"),
    "an intercept twice": (setting("RescaleIntercept", -2048), "above -900 HU"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_trusted_is_refused_with_its_reason(tmp_path, fault):
    change, reason = REFUSED[fault]
    write_series(tmp_path, change=change)
    with pytest.raises(ImageError) as caught:
        read_scan(tmp_path)
    assert reason in str(caught.value)
    assert caught.value.where.startswith(str(tmp_path))
    assert caught.value.remedy


def test_a_wrong_value_representation_is_refused(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        del dataset.ImagePositionPatient
        dataset.add_new("ImagePositionPatient", "LO", "here\\there\\everywhere")

    write_series(tmp_path, change=change)
    with pytest.raises(ImageError, match="ImagePositionPatient should hold 3 finite numbers"):
        read_scan(tmp_path)


def test_one_slice_is_no_volume(tmp_path):
    write_series(tmp_path, size=(1, 7, 9))
    with pytest.raises(ImageError, match="one CT slice, which is no volume"):
        read_scan(tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.97])
def test_a_truncated_file_is_refused_by_name(tmp_path, kept):
    path = write_series(tmp_path)[2]
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ImageError) as caught:
        read_scan(tmp_path)
    assert caught.value.where == str(path)
    assert "truncated" in caught.value.what


def test_deflated_files_and_several_enhanced_ones_are_refused_with_their_reason(tmp_path):
    def deflated(dataset: Dataset, k: int) -> None:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    write_series(tmp_path / "deflated", change=deflated)
    with pytest.raises(ImageError, match="deflated"):
        read_scan(tmp_path / "deflated")
    write_series(tmp_path / "enhanced", change=setting("SOPClassUID", EnhancedCTImageStorage))
    with pytest.raises(ImageError, match="one of 5 multi-frame files of the series"):
        read_scan(tmp_path / "enhanced")


def test_a_folder_without_ct_and_a_missing_path_are_refused(tmp_path):
    with pytest.raises(ImageError, match="holds no CT series"):
        read_scan(tmp_path)
    with pytest.raises(ImageError, match="no such file or folder"):
        read_scan(tmp_path / "missing")
    (tmp_path / "ct.mha").write_text("")
    with pytest.raises(ImageError, match="neither a DICOM folder"):
        read_scan(tmp_path / "ct.mha")


def test_slices_thinner_than_their_distance_are_noted(tmp_path):
    write_series(tmp_path, change=setting("SliceThickness", "1"))
    assert any("3.00 mm apart and 1.00 mm thick" in note for note in read_scan(tmp_path).notes)


def test_progress_is_told_and_may_stop_the_reading(tmp_path):
    write_series(tmp_path)
    heard: list[tuple[str, float]] = []
    read_scan(tmp_path, progress=lambda step, fraction: heard.append((step, fraction)))
    assert {"looking through the DICOM folder", "reading the CT slices"} < {step for step, _ in heard}
    assert all(0 <= fraction <= 1 for _, fraction in heard)
    assert heard[-1][1] == 1

    def stop(step: str, fraction: float) -> None:
        if step == "reading the CT slices":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        read_scan(tmp_path, progress=stop)


def test_where_the_scan_came_from(tmp_path):
    import hashlib

    paths = write_series(tmp_path)
    origin = read_scan(tmp_path).origin
    assert origin.sha256 == hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    assert (origin.series_uid, origin.tube_voltage_kv, origin.convolution_kernel) == (SERIES, 120.0, "B30f")
    assert origin.description == "spine"


IDENTITY = {
    "PatientName": "Example^Ada",
    "PatientID": "17",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "StudyID": "S1",
    "StudyDate": "20260304",
    "StudyTime": "101112",
    "AccessionNumber": "A5",
    "ReferringPhysicianName": "Referrer^R",
}


def _identified(dataset: Dataset, k: int) -> None:
    for keyword, value in IDENTITY.items():
        setattr(dataset, keyword, value)


def test_whose_scan_it_is_and_which_slices_it_was_made_of(tmp_path):
    write_series(tmp_path, change=_identified, step_mm=(0, 0, -3.0))
    origin = read_scan(tmp_path).origin
    assert origin.study is not None
    assert origin.study.study_uid == STUDY
    assert (origin.study.patient_name, origin.study.patient_id, origin.study.birth_date) == (
        "Example^Ada",
        "17",
        "19500102",
    )
    assert (origin.study.sex, origin.study.study_id, origin.study.accession_number) == ("F", "S1", "A5")
    assert (origin.study.study_date, origin.study.study_time) == ("20260304", "101112")
    assert origin.study.referring_physician == "Referrer^R"
    assert origin.instance_uids == tuple(f"{INSTANCE}.{k}" for k in (4, 3, 2, 1, 0))
    assert not origin.resampled
    assert "Ada" not in repr(origin)


def test_a_series_that_mixes_patients_is_refused(tmp_path):
    write_series(tmp_path, change=setting("PatientID", "another", only=2))
    with pytest.raises(ImageError, match="in its patient"):
        read_scan(tmp_path)


def test_slices_without_preamble_are_read_with_a_note(tmp_path):
    """A slice of no ending and no preamble must not vanish from the series' end."""
    paths = write_series(tmp_path)
    expected = read_scan(tmp_path).image.values
    for path in (paths[0], paths[4]):
        content = path.read_bytes()
        path.unlink()
        path.with_suffix("").write_bytes(content[132:])
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.image.values, expected)
    assert "2 files have no DICOM preamble and were read without (s000, s004)" in scan.notes


@pytest.mark.parametrize("implicit", [True, False])
def test_slices_without_preamble_and_meta_information(tmp_path, implicit):
    paths = write_series(tmp_path)
    expected = read_scan(tmp_path).image.values
    for path in paths:
        bare = Dataset()
        bare.update(pydicom.dcmread(path))
        bare.save_as(path.with_suffix(""), implicit_vr=implicit, little_endian=True)
        path.unlink()
    np.testing.assert_array_equal(read_scan(tmp_path).image.values, expected)


def test_a_damaged_preamble_is_not_taken_for_another_kind_of_file(tmp_path):
    path = write_series(tmp_path)[4]
    content = bytearray(path.read_bytes())
    content[128] = 0
    path.unlink()
    path.with_suffix("").write_bytes(content)
    with pytest.raises(ImageError, match="whose preamble is damaged"):
        read_scan(tmp_path)


def test_a_value_too_long_for_its_place_does_not_warn(tmp_path):
    def change(dataset: Dataset, k: int) -> None:
        dataset.add_new("AccessionNumber", "LO", "x" * 40)

    write_series(tmp_path, change=change)
    assert read_scan(tmp_path).origin.study.accession_number == "x" * 40


@pytest.mark.parametrize("count", [4, 5])
def test_the_median_of_an_image_with_fractions_is_exact(count):
    """Against NumPy's median, by what the refusal names."""
    random = np.random.default_rng(count)
    slices = [(800 + 0.25 * random.integers(0, 400, (5, 3))).astype(np.float32) for _ in range(count)]
    slices[0][0, 0] = -950.5
    check = HounsfieldCheck("here")
    values = np.stack([check.take(one) for one in slices])
    median = float(np.median(values[values > -900]))
    with pytest.raises(ImageError, match=f"the median of the voxels above -900 HU is {median:g} HU"):
        check.notes(values)
    whole, check = [np.rint(one).astype(np.int16) for one in slices], HounsfieldCheck("here")
    values = np.stack([check.take(one) for one in whole])
    median = float(np.median(values[values > -900]))
    with pytest.raises(ImageError, match=f"the median of the voxels above -900 HU is {median:g} HU"):
        check.notes(values)


@pytest.mark.parametrize(
    "folder", ["dicom_ct_rtstruct_sts037/ct", "dicom_ct_totalseg_T11T12/dicom", "dicom_seg_dcmqi/ct"]
)
def test_real_series_agree_with_simple_itk(shared_data, folder):
    reader = SimpleITK.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(shared_data / folder))
    expected = SimpleITK.Maximum(_simple_itk([Path(name) for name in names]), -1024)
    scan = read_scan(shared_data / folder)
    _assert_same_as_simple_itk(scan.image, expected)
