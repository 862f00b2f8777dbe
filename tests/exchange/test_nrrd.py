"""NRRD: geometry and values as SimpleITK has them, names and layers of 3D Slicer, nothing larger than declared."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest
import SimpleITK

from metaspine.errors import GridMismatch, ImageError, StructureError
from metaspine.exchange.label_maps import read_label_map
from metaspine.exchange.nrrd import is_nrrd, read_nrrd, read_nrrd_layers
from metaspine.geometry import Grid
from metaspine.patient.structure import Role

TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
DIRECTIONS = {
    "upright": np.eye(3),
    "flipped": np.diag([-1.0, 1.0, -1.0]),
    "exchanged": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "oblique": TURN if np.linalg.det(TURN) > 0 else -TURN,
}


def of_simple_itk(path, direction=DIRECTIONS["upright"], dtype=np.int16, *, compressed=True):
    values = np.random.default_rng(1).integers(0, 100, size=(4, 5, 6)).astype(dtype)
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-10.5, 20.25, 300.125))
    image.SetDirection(np.asarray(direction).ravel().tolist())
    SimpleITK.WriteImage(image, str(path), compressed)
    return image, values


@pytest.mark.parametrize("compressed", [True, False], ids=["gzip", "raw"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_geometry_and_values_are_simple_itks(tmp_path, direction, compressed):
    image, values = of_simple_itk(tmp_path / "a.nrrd", DIRECTIONS[direction], compressed=compressed)
    read = read_nrrd(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(read.volume.values, values.transpose(2, 1, 0))
    for index in ((0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3), (3, 2, 1)):
        theirs = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(read.volume.grid.point_mm(index), theirs, atol=1e-9)
    assert read.volume.grid.frame_of_reference == f"nrrd-{read.sha256[:12]}"


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int32, np.uint32, np.float32, np.float64])
def test_every_kind_of_number(tmp_path, dtype):
    _, values = of_simple_itk(tmp_path / "a.nrrd", dtype=dtype)
    read = read_nrrd(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(read.volume.values, values.transpose(2, 1, 0))
    assert read.volume.values.dtype == dtype


def header(**changes):
    fields = {
        "type": "int16",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "2 3 4",
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(10,20,30)",
    } | {name.replace("_", " "): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join(["NRRD0004", "# by hand", *lines]).encode()


def write(path, data=None, *, keys="", **changes):
    values = np.arange(24, dtype="<i2").tobytes() if data is None else data
    path.write_bytes(header(**changes) + keys.encode() + b"\n\n" + values)
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1, 1)),
        ("LPS", (1, 1, 1)),
        ("right-anterior-superior", (-1, -1, 1)),
        ("RAS", (-1, -1, 1)),
        ("left-anterior-superior", (1, -1, 1)),
    ],
)
def test_every_space_that_knows_left_and_right(tmp_path, space, signs):
    grid = read_nrrd(write(tmp_path / "a.nrrd", space=space)).volume.grid
    np.testing.assert_allclose(grid.point_mm((1, 2, 3)), np.array(signs) * (11, 24, 39))


def test_big_endian(tmp_path):
    path = write(tmp_path / "a.nrrd", np.arange(24, dtype=">i2").tobytes(), endian="big")
    assert read_nrrd(path).volume.values[1, 2, 3] == 23


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": None}, "its space is not stated: left and right are unknown"),
        ({"space": "scanner-xyz"}, "its space is scanner-xyz"),
        ({"space_units": '"m" "m" "m"'}, "gives its lengths in m"),
        ({"space_directions": "(1,0,0) (0,2,0)"}, "2 of its axes lie in space"),
        ({"space_directions": "(1,0,0) (0,2,0) (0,nan,3)"}, "should be three finite numbers"),
        ({"space_directions": "(1,0,0) (0,2,0) (0,1,3)"}, "not perpendicular"),
        ({"space_directions": None}, "its header has no 'space directions'"),
        ({"space_origin": "(1,2)"}, "should be three finite numbers"),
        ({"sizes": "2 3"}, "gives 2 sizes"),
        ({"sizes": "2 3 5"}, "it holds 48 bytes where its header declares 60"),
        ({"sizes": "2 3 3"}, "it holds more bytes where its header declares 36"),
        ({"sizes": "2 3 -4"}, "declares 2 x 3 x -4 voxels"),
        ({"sizes": "99999 99999 99999"}, "(EXCHANGE-08)"),
        ({"type": "block"}, "holds block, which is not read"),
        ({"encoding": "bzip2"}, "is encoded as bzip2"),
        ({"data_file": "elsewhere.raw"}, "keeps its data in another file"),
        ({"byte_skip": "-1"}, "its data do not follow its header"),
        ({"dimension": "x"}, "is no readable NRRD image"),
    ],
)
def test_what_cannot_be_trusted_is_refused(tmp_path, changes, message):
    with pytest.raises(ImageError) as caught:
        read_nrrd(write(tmp_path / "a.nrrd", **changes))
    assert message in str(caught.value)


def test_a_bomb_is_inflated_no_further_than_declared(tmp_path):
    path = write(tmp_path / "a.nrrd", gzip.compress(b"\0" * 50_000_000), encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="it holds more bytes where its header declares 48"):
            read_nrrd(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ImageError, match="is no readable NRRD image"):
        read_nrrd(write(tmp_path / "b.nrrd", b"no gzip", encoding="gzip"))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"PNG")
    with pytest.raises(ImageError, match="is no NRRD file"):
        read_nrrd(tmp_path / "a.nrrd")
    (tmp_path / "b.nrrd").write_bytes(b"NRRD0004\ntype: short\n")
    with pytest.raises(ImageError, match="its header has no end"):
        read_nrrd(tmp_path / "b.nrrd")
    with pytest.raises(ImageError, match="there is no such file"):
        read_nrrd(tmp_path / "c.nrrd")
    assert is_nrrd(tmp_path / "x.SEG.NRRD")
    assert not is_nrrd(tmp_path / "x.nii.gz")


SEGMENTS = "\nSegment0_Name:=SpinalCord\nSegment0_LabelValue:=1\nSegment0_Layer:=0\nSegment1_Name:=GTV: T12\n"
SEGMENTS += "Segment1_LabelValue:=1\nSegment1_Layer:=1\nSegment2_Name:=vertebrae_T12\nSegment2_LabelValue:=2"


def test_overlapping_segments_of_slicer(tmp_path):
    """Two layers along an axis that is no space, first in the file's order; the third segment lies in layer 0."""
    layers = np.zeros((2, 2, 3, 4), dtype="<i2")
    layers[0, 0, :2], layers[0, 1, 2], layers[1, :, 1] = 1, 2, 1
    path = write(
        tmp_path / "a.seg.nrrd",
        layers.tobytes(order="F"),
        keys=SEGMENTS,
        dimension="4",
        sizes="2 2 3 4",
        space_directions="none (1,0,0) (0,2,0) (0,0,3)",
        kinds="list domain domain domain",
    )
    assert len(read_nrrd_layers(path)) == 2
    with pytest.raises(ImageError, match="holds 2 layers"):
        read_nrrd(path)
    grid = Grid.axis_aligned(origin_mm=(10, 20, 30), spacing_mm=(1, 2, 3), shape=(2, 3, 4), frame_of_reference="ct")
    structures, notes = read_label_map(path, grid=grid)
    found = {structure.name: structure for structure in structures}
    assert {name: int(item.region.values.sum()) for name, item in found.items()} == {
        "SpinalCord": 8,
        "vertebrae_T12": 4,
        "GTV: T12": 8,
    }
    assert (found["SpinalCord"].role, found["vertebrae_T12"].level) == (Role.SPINAL_CORD, "T12")
    np.testing.assert_allclose(found["GTV: T12"].region.grid.origin_mm, (10, 22, 30))
    assert notes == ("a.seg.nrrd: labels read as names in the file (header)",)


def test_a_label_map_in_another_axis_order_or_on_another_grid(tmp_path):
    grid = Grid.axis_aligned(origin_mm=(10, 20, 30), spacing_mm=(1, 2, 3), shape=(2, 3, 4), frame_of_reference="ct")
    values = np.zeros((2, 3, 4), dtype="<i2")
    values[0, 1, 2] = 1
    turned = np.ascontiguousarray(values[::-1])
    path = write(
        tmp_path / "SpinalCord.nrrd",
        turned.tobytes(order="F"),
        space_directions="(-1,0,0) (0,2,0) (0,0,3)",
        space_origin="(11,20,30)",
    )
    ((cord,), _) = read_label_map(path, grid=grid)
    assert (cord.name, cord.role) == ("SpinalCord", Role.SPINAL_CORD)
    np.testing.assert_allclose(cord.region.grid.origin_mm, (10, 22, 36))
    with pytest.raises(GridMismatch, match="another grid"):
        read_label_map(write(tmp_path / "b.nrrd", space_origin="(10,20,31)"), grid=grid)
    with pytest.raises(StructureError, match="holds no label"):
        read_label_map(write(tmp_path / "c.nrrd", b"\0" * 48), grid=grid)


def test_masks_of_dcmqi_and_a_dose_of_slicer(shared_data):
    for path in (
        shared_data / "dicom_seg_dcmqi" / "liver_spine_seg.nrrd",
        shared_data / "slicerrt-dvh" / "EclipseEnt_Dose.nrrd",
    ):
        image = SimpleITK.ReadImage(str(path))
        read = read_nrrd(path)
        np.testing.assert_array_equal(read.volume.values, SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0))
        last = [size - 1 for size in image.GetSize()]
        np.testing.assert_allclose(
            read.volume.grid.point_mm(last), image.TransformIndexToPhysicalPoint(last), atol=1e-6
        )
