"""DICOM SEG: each segment on the image's own voxels, in any orientation; overlaps kept, nothing resampled."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK
from synthetic_dicom import HEAD_FIRST_SUPINE, PATIENT_POSITIONS, write_series
from synthetic_seg import code, write_seg

from metaspine.errors import FrameMismatch, GridMismatch, StructureError
from metaspine.exchange.dicom_ct import read_dicom_ct
from metaspine.exchange.scans import read_scan
from metaspine.exchange.seg import is_seg, read_seg
from metaspine.geometry import Grid
from metaspine.patient.structure import Origin, Role
from metaspine.running import silent

FIRST_MM = (-6.0, -8.0, -4.0)
TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
AXES = {**PATIENT_POSITIONS, "oblique": (tuple(TURN[0]), tuple(TURN[1]))}


def image(folder, axes=HEAD_FIRST_SUPINE) -> Grid:
    """Five slices 3 mm apart of 7 rows (2 mm) and 9 columns (1 mm)."""
    write_series(folder, axes=axes)
    return read_dicom_ct(folder, series=None, progress=silent).volume.grid


def blob(points):
    """Not symmetric in any direction."""
    return (points @ np.array([3.0, 7.0, 11.0]) > -80) & (points @ np.array([5.0, -2.0, 1.0]) < 12)


def other(points):
    return points @ np.array([1.0, 1.0, 1.0]) > -6


def about_the_middle(mask, axes):
    """The mask moved to the middle of an image with these axes."""
    along_row, along_column = np.asarray(axes)
    middle = FIRST_MM + 4 * along_row + 6 * along_column + 6 * np.cross(along_row, along_column)
    return lambda points: mask(points - middle + (-2.0, -2.0, 2.0))


def centres_mm(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def on_the_grid(region, grid: Grid) -> np.ndarray:
    """The region's values on the whole grid, placed by its own affine."""
    whole = np.zeros(grid.shape, dtype=region.values.dtype)
    start = np.rint(grid.index(region.grid.origin_mm)).astype(int)
    np.testing.assert_allclose(region.grid.affine[:3, :3], grid.affine[:3, :3])
    stop = start + region.grid.shape
    whole[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = region.values
    return whole


def axial(axes=HEAD_FIRST_SUPINE, **more):
    normal = np.cross(*axes)
    return {"axes": axes, "first_mm": FIRST_MM, "pixel_mm": (2.0, 1.0), "size": (5, 7, 9), "step_mm": 3 * normal} | more


@pytest.mark.parametrize("position", AXES)
def test_overlapping_segments_in_every_orientation(tmp_path, position):
    grid = image(tmp_path / "ct", AXES[position])
    first, second = (about_the_middle(mask, AXES[position]) for mask in (blob, other))
    path = write_seg(tmp_path / "seg.dcm", {"GTV": first, "SpinalCord": second}, **axial(AXES[position]))
    assert is_seg(path)
    found = read_seg(path, grid=grid)
    gtv, cord = found.structures
    np.testing.assert_array_equal(on_the_grid(gtv.region, grid), first(centres_mm(grid)))
    np.testing.assert_array_equal(on_the_grid(cord.region, grid), second(centres_mm(grid)))
    assert (on_the_grid(gtv.region, grid) & on_the_grid(cord.region, grid)).any()
    assert (gtv.role, gtv.origin, cord.role, cord.source) == (
        Role.LESION,
        Origin.DRAWN,
        Role.SPINAL_CORD,
        str(path),
    )
    assert (found.unreadable, found.notes) == ((), ())


FRAMES = {
    "a part of the image, from the top down": {
        "axes": HEAD_FIRST_SUPINE,
        "first_mm": (-4.0, -4.0, 5.0),
        "pixel_mm": (2.0, 1.0),
        "size": (3, 4, 5),
        "step_mm": (0, 0, -3.0),
    },
    "rows and columns exchanged": {
        "axes": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
        "first_mm": FIRST_MM,
        "pixel_mm": (1.0, 2.0),
        "size": (5, 9, 7),
        "step_mm": (0, 0, 3.0),
    },
    "sagittal, upside down": {
        "axes": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
        "first_mm": (-6.0, -8.0, 8.0),
        "pixel_mm": (3.0, 2.0),
        "size": (9, 5, 7),
        "step_mm": (1.0, 0, 0),
    },
    "coronal, mirrored": {
        "axes": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
        "first_mm": (2.0, -8.0, -4.0),
        "pixel_mm": (3.0, 1.0),
        "size": (7, 5, 9),
        "step_mm": (0, 2.0, 0),
    },
}


@pytest.mark.parametrize("frames", FRAMES)
def test_frames_of_other_orientations_and_of_a_part(tmp_path, frames):
    """What the frames hold, by the formula at the voxels that they cover; nothing elsewhere."""
    grid = image(tmp_path / "ct")
    form = FRAMES[frames]
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob}, **form)
    (found,) = read_seg(path, grid=grid).structures
    along_row, along_column = (np.asarray(axis) for axis in form["axes"])
    local = centres_mm(grid) - form["first_mm"]
    planes, rows, columns = form["size"]
    step = np.asarray(form["step_mm"])
    reach = ((along_row, form["pixel_mm"][1], columns), (along_column, form["pixel_mm"][0], rows))
    covered = np.all(
        [(local @ axis > -1e-6) & (local @ axis < (count - 1) * spacing + 1e-6) for axis, spacing, count in reach]
        + [(local @ step > -1e-6) & (local @ step < (planes - 1) * (step @ step) + 1e-6)],
        axis=0,
    )
    expected = blob(centres_mm(grid)) & covered
    assert 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(on_the_grid(found.region, grid), expected)


def test_voxels_outside_the_image_are_counted(tmp_path):
    grid = image(tmp_path / "ct")
    path = write_seg(
        tmp_path / "seg.dcm",
        {"GTV": lambda points: np.ones(points.shape[:-1]), "far": lambda points: points[..., 2] < -5},
        **axial(first_mm=(-8.0, -8.0, -7.0), size=(3, 7, 9)),
    )
    found = read_seg(path, grid=grid)
    assert found.structures[0].region.grid.shape == (7, 7, 2)
    assert f"GTV: {3 * 63 - 2 * 49} of its voxels lie outside the image" in found.notes
    assert found.unreadable == (("far", "lies outside the image"),)


def test_occupancies_are_coverage_and_probabilities_are_cut_at_a_half(tmp_path):
    grid = image(tmp_path / "ct")

    def share(points):
        return np.clip((points[..., 2] + 4) / 12, 0, 1)

    occupied = write_seg(tmp_path / "a.dcm", {"GTV": share}, **axial(kind="FRACTIONAL"))
    found = read_seg(occupied, grid=grid)
    np.testing.assert_allclose(
        on_the_grid(found.structures[0].region, grid), share(centres_mm(grid)), atol=0.5 / 200 + 1e-6
    )
    probable = write_seg(tmp_path / "b.dcm", {"GTV": share}, **axial(kind="FRACTIONAL", fractional="PROBABILITY"))
    found = read_seg(probable, grid=grid)
    np.testing.assert_array_equal(on_the_grid(found.structures[0].region, grid), share(centres_mm(grid)) >= 0.5)
    assert "its fractions are probabilities" in found.notes[0]


def test_what_a_segment_is_by_its_codes_and_who_made_it(tmp_path):
    def coded(dataset):
        vertebra, lesion = dataset.SegmentSequence
        vertebra.SegmentedPropertyTypeCodeSequence = pydicom.Sequence([code("45439003", "T12 vertebra")])
        vertebra.SegmentAlgorithmType = "AUTOMATIC"
        lesion.SegmentedPropertyTypeCodeSequence = pydicom.Sequence([code("52988006", "Lesion")])
        lesion.AnatomicRegionSequence = pydicom.Sequence([code("45439003", "T12 vertebra")])
        lesion.SegmentAlgorithmType = "SEMIAUTOMATIC"

    grid = image(tmp_path / "ct")
    path = write_seg(tmp_path / "seg.dcm", {"Segment_1": blob, "Segment_2": other}, **axial(change=coded))
    vertebra, lesion = read_seg(path, grid=grid).structures
    assert (vertebra.name, vertebra.role, vertebra.level) == ("Segment_1", Role.VERTEBRA, "T12")
    assert (vertebra.origin, vertebra.confirmed) == (Origin.AUTOMATIC, False)
    assert (lesion.role, lesion.level, lesion.origin, lesion.confirmed) == (Role.LESION, "T12", Origin.UNKNOWN, False)


def test_segments_that_cannot_be_read_are_named(tmp_path):
    def damaged(dataset):
        dataset.SegmentSequence[1].SegmentNumber = 9
        first, second = dataset.PerFrameFunctionalGroupsSequence[1:3]
        second.PlanePositionSequence = first.PlanePositionSequence

    grid = image(tmp_path / "ct")
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob, "SpinalCord": other}, **axial(change=damaged))
    found = read_seg(path, grid=grid)
    assert found.structures == ()
    assert set(found.unreadable) == {
        ("GTV", "has two frames on one plane"),
        ("SpinalCord", "has no voxel"),
        ("segment 2", "has frames and is not in the file's list of segments"),
    }


def test_another_frame_or_another_grid_is_refused(tmp_path):
    grid = image(tmp_path / "ct")
    elsewhere = Grid(grid.affine, grid.shape, "1.2.3")
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob}, **axial())
    with pytest.raises(FrameMismatch, match=r"1\.2\.3"):
        read_seg(path, grid=elsewhere)
    for shifted in (
        axial(first_mm=(-6.06, -8.0, -4.0)),
        axial(pixel_mm=(2.0, 1.01)),
        axial(axes=((0.99995, 0.01, 0.0), (-0.01, 0.99995, 0.0))),
    ):
        with pytest.raises(GridMismatch, match="pixels are not voxels of the image"):
            read_seg(write_seg(tmp_path / "other.dcm", {"GTV": blob}, **shifted), grid=grid)
    every_other = axial(step_mm=(0, 0, 6.0), size=(3, 7, 9))
    with pytest.raises(GridMismatch, match="slices are 6 mm apart and the image's 3"):
        read_seg(write_seg(tmp_path / "other.dcm", {"GTV": blob}, **every_other), grid=grid)


def setting(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("SegmentationType", "SURFACE"), "unknown type SURFACE"),
        (lambda d: delattr(d, "SegmentSequence"), "holds no segment"),
        (lambda d: d.SegmentSequence.append(d.SegmentSequence[0]), "two of its segments share a number"),
        (setting("NumberOfFrames", 4), "declares 4 frames and describes 5"),
        (lambda d: delattr(d, "SharedFunctionalGroupsSequence"), "PlaneOrientationSequence is missing"),
        (setting("PixelData", b"\0\0"), "truncated or malformed"),
        (setting("Rows", 0), "declares 5 frames of 0 x 9 pixels"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, message):
    grid = image(tmp_path / "ct")
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob}, **axial(change=change))
    with pytest.raises(StructureError) as caught:
        read_seg(path, grid=grid)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (setting("MaximumFractionalValue", 100), "its fractions exceed MaximumFractionalValue, 100"),
        (setting("SegmentationFractionalType", "OTHER"), "holds fractions of the unknown kind OTHER"),
    ],
)
def test_fractions_that_mean_nothing_are_refused(tmp_path, change, message):
    grid = image(tmp_path / "ct")
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob}, **axial(kind="FRACTIONAL", change=change))
    with pytest.raises(StructureError, match=message):
        read_seg(path, grid=grid)


def of_highdicom(folder, pixels, kind):
    """Write the masks [plane, row, column, segment] with highdicom, on the slices of a series."""
    highdicom = pytest.importorskip("highdicom")
    sources = []
    for path in sorted(folder.glob("*.dcm")):
        source = pydicom.dcmread(path)
        source.PatientID, source.PatientName, source.PatientBirthDate, source.PatientSex = "1", "Phantom^T12", "", ""
        source.StudyDate = source.StudyTime = source.AccessionNumber = source.StudyID = None
        source.ReferringPhysicianName = source.PositionReferenceIndicator = source.Laterality = ""
        sources.append(source)
    codes = pydicom.sr.codedict.codes
    segments = [
        highdicom.seg.SegmentDescription(
            number,
            f"segment {number}",
            codes.SCT.Tissue,
            codes.SCT.SpinalCord,
            "MANUAL",
        )
        for number in (1, 2)
    ]
    return highdicom.seg.Segmentation(
        sources,
        pixels,
        kind,
        segments,
        highdicom.UID(),
        1,
        highdicom.UID(),
        1,
        "metaspine",
        "tests",
        "1",
        "1",
        fractional_type="OCCUPANCY",
    )


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("position", ["HFS", "FFP", "oblique"])
def test_what_highdicom_writes(tmp_path, position, kind):
    grid = image(tmp_path / "ct", AXES[position])
    first, second = (about_the_middle(mask, AXES[position])(centres_mm(grid)) for mask in (blob, other))
    second &= ~first if kind == "LABELMAP" else True
    pixels = np.stack([first, second], axis=-1).transpose(2, 1, 0, 3)
    segmentation = of_highdicom(tmp_path / "ct", pixels.astype(np.float64 if kind == "FRACTIONAL" else np.uint8), kind)
    segmentation.save_as(tmp_path / "seg.dcm")
    found = read_seg(tmp_path / "seg.dcm", grid=grid)
    for structure, expected in zip(found.structures, (first, second), strict=True):
        np.testing.assert_array_equal(on_the_grid(structure.region, grid), expected)
        assert structure.role is Role.SPINAL_CORD
    assert found.unreadable == ()


@pytest.fixture(scope="module")
def dcmqi(shared_data):
    folder = shared_data / "dicom_seg_dcmqi"
    return folder, read_dicom_ct(folder / "ct", series=None, progress=silent).volume.grid


def test_a_liver_of_dcmqi_is_its_own_label_map(dcmqi):
    folder, grid = dcmqi
    (liver,) = read_seg(folder / "liver.dcm", grid=grid).structures
    labels = SimpleITK.ReadImage(str(folder / "liver_spine_seg.nrrd"))
    inside = SimpleITK.GetArrayFromImage(labels).transpose(2, 1, 0) == 1
    assert labels.GetOrigin() == pytest.approx(grid.origin_mm, abs=1e-3)
    np.testing.assert_array_equal(on_the_grid(liver.region, grid), inside)
    assert (liver.name, liver.role) == ("Liver", Role.ORGAN)


def test_five_overlapping_segments_of_dcmqi_as_highdicom_reads_them(dcmqi):
    highdicom = pytest.importorskip("highdicom")
    folder, grid = dcmqi
    found = read_seg(folder / "partial_overlaps.dcm", grid=grid)
    theirs = highdicom.seg.segread(folder / "partial_overlaps.dcm")
    assert [structure.name for structure in found.structures] == [item.segment_label for item in theirs.SegmentSequence]
    for number, structure in enumerate(found.structures, start=1):
        volume = theirs.get_volume(segment_numbers=[number], combine_segments=False)
        voxels = np.argwhere(volume.array[..., 0])
        points = np.column_stack([voxels, np.ones(len(voxels))]) @ volume.affine.T
        expected = np.zeros(grid.shape, dtype=bool)
        expected[tuple(np.rint(grid.index(points[:, :3])).astype(int).T)] = True
        np.testing.assert_array_equal(on_the_grid(structure.region, grid), expected)


def test_a_scan_takes_segmentations_and_nrrd_label_maps_among_its_structures(tmp_path):
    image(tmp_path / "ct")
    path = write_seg(tmp_path / "seg.dcm", {"GTV": blob}, **axial())
    mask = SimpleITK.GetImageFromArray(np.pad(np.ones((1, 2, 3), dtype=np.uint8), ((1, 3), (2, 3), (1, 5))))
    mask.SetOrigin(FIRST_MM)
    mask.SetSpacing((1.0, 2.0, 3.0))
    SimpleITK.WriteImage(mask, str(tmp_path / "SpinalCord.nrrd"))
    scan = read_scan(tmp_path / "ct", structures=[path, tmp_path / "SpinalCord.nrrd"])
    assert [structure.name for structure in scan.structures] == ["GTV", "SpinalCord"]
    assert int(scan.structure("SpinalCord").region.values.sum()) == 6
    assert scan.origin.structure_files[0][0] == str(path)


def test_a_ct_in_nrrd_with_its_own_label_map(tmp_path):
    values = np.full((4, 5, 6), 40, dtype=np.int16)
    values[:, :2] = -1000
    labels = np.zeros_like(values)
    labels[1, 3, 2] = 1
    for name, array in (("ct.nrrd", values), ("vertebrae_T12.nrrd", labels)):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / name))
    scan = read_scan(tmp_path / "ct.nrrd", structures=tmp_path / "vertebrae_T12.nrrd")
    assert scan.image.grid.shape == (6, 5, 4)
    assert scan.frame_of_reference.startswith("nrrd-")
    assert scan.structure("vertebrae_T12").level == "T12"


def test_other_objects_are_no_structures(tmp_path):
    image(tmp_path / "ct")
    with pytest.raises(StructureError, match="is neither an RTSTRUCT nor a DICOM SEG nor a label map"):
        read_scan(tmp_path / "ct", structures=tmp_path / "ct" / "s000.dcm")
