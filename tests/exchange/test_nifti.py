"""NIfTI: orientation against nibabel's own RAS, what is refused, and writing."""

from __future__ import annotations

import hashlib
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from metaspine.errors import ImageError, OutputError
from metaspine.exchange.nifti import read_nifti, write_volume
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Grid, Volume

TO_LPS = np.array([-1.0, -1.0, 1.0])


def slope_hu(points_lps_mm: np.ndarray) -> np.ndarray:
    return points_lps_mm @ np.array([3.0, 7.0, 11.0]) - 20.0


def save_field(path, affine, shape=(4, 5, 6), *, dtype=np.float32):
    """Write a NIfTI file whose values are a field of LPS, placed by nibabel alone."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    values = slope_hu(nib.affines.apply_affine(affine, index) * TO_LPS)
    nib.save(nib.Nifti1Image(values.astype(dtype), affine), path)
    return path


def centres(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1))


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3))))
def test_every_axis_order_and_flip_lies_where_nibabel_says(tmp_path, order, signs):
    affine = np.eye(4)
    affine[:3, :3] = (np.diag([1.0, 2.0, 3.0]) * signs)[list(order)]
    affine[:3, 3] = (-3, 4, -5)
    image = read_scan(save_field(tmp_path / "ct.nii", affine)).image
    np.testing.assert_allclose(image.values, slope_hu(centres(image.grid)), atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_oblique_axes_lie_where_nibabel_says(tmp_path_factory, seed):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() @ np.diag([1.0, 1.5, 2.0])
    affine[:3, 3] = (-3, 4, -5)
    image = read_scan(save_field(tmp_path_factory.mktemp("nifti") / "ct.nii", affine)).image
    np.testing.assert_allclose(image.values, slope_hu(centres(image.grid)), atol=0.01)


def test_mirroring_the_file_mirrors_the_patient(tmp_path):
    values = np.full((9, 5, 5), -100, dtype=np.int16)
    values[7] = 300
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 3] = -8
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "right.nii.gz")
    nib.save(nib.Nifti1Image(values[::-1], affine), tmp_path / "left.nii.gz")
    for name, x_mm in (("right", -6.0), ("left", 6.0)):  # RAS +x is LPS -x, the patient's right
        image = read_scan(tmp_path / f"{name}.nii.gz").image
        assert image.sample([[x_mm, -4.0, 4.0], [-x_mm, -4.0, 4.0]]).tolist() == [300.0, -100.0]


def test_scl_slope_and_intercept_are_applied(tmp_path):
    image = nib.Nifti1Image(np.arange(-60, 60, dtype=np.int16).reshape(4, 5, 6), np.eye(4))
    image.header.set_slope_inter(0.5, -10)
    nib.save(image, tmp_path / "ct.nii")
    expected = np.asarray(nib.load(tmp_path / "ct.nii").get_fdata())
    assert expected.min() < -20
    np.testing.assert_allclose(read_scan(tmp_path / "ct.nii").image.values, expected)


def _header_changed(path, **fields):
    """Write a plausible CT, then set fields of its header in the file itself."""
    save_field(path, np.eye(4))
    content = bytearray(path.read_bytes())
    header = nib.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    path.write_bytes(bytes(content))
    return path


def test_the_qform_is_taken_where_there_is_no_sform(tmp_path):
    path = _header_changed(tmp_path / "ct.nii", sform_code=0, qform_code=1, qoffset_x=-10)
    assert read_nifti(path).volume.grid.origin_mm[0] == 10


def test_sform_and_qform_apart_are_noted_or_refused(tmp_path):
    near = read_nifti(_header_changed(tmp_path / "near.nii", sform_code=1, qform_code=1, qoffset_x=0.2))
    assert any("differ by up to 0.20 mm" in note for note in near.notes)
    assert near.volume.grid.origin_mm[0] == 0
    with pytest.raises(ImageError, match=r"up to 3\.0 mm apart"):
        read_nifti(_header_changed(tmp_path / "far.nii", sform_code=1, qform_code=1, qoffset_x=3))


REFUSED = {
    "neither sform nor qform": ({"sform_code": 0, "qform_code": 0}, "left and right are unknown"),
    "metres": ({"xyzt_units": 1}, "lengths in meter"),
    "an enormous stated size": ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "EXCHANGE-08"),
    "a size beyond the values": ({"dim": [3, 40, 50, 60, 1, 1, 1, 1]}, "no readable NIfTI image"),
    "no voxels": ({"dim": [3, 0, 5, 6, 1, 1, 1, 1]}, "EXCHANGE-08"),
    "negative sizes": ({"dim": [3, -4, -5, 6, 1, 1, 1, 1]}, "(-4, -5, 6)"),
    "a time series": ({"dim": [4, 4, 5, 2, 3, 1, 1, 1]}, "4 dimensions"),
    "two dimensions": ({"dim": [2, 4, 5, 1, 1, 1, 1, 1]}, "2 dimensions"),
    "colours": ({"datatype": 128, "bitpix": 24}, "no plain numbers"),
    "a flat voxel": ({"srow_x": [0, 0, 0, 0], "sform_code": 1, "qform_code": 0}, "no size"),
    "a sheared affine": ({"srow_x": [1, 0.3, 0, 0], "sform_code": 1, "qform_code": 0}, "not perpendicular"),
    "an orientation code that is none": ({"sform_code": 500, "qform_code": 1}, "header is damaged"),
    "a negative spacing": ({"pixdim": [1, -1, 1, 1, 1, 1, 1, 1]}, "header is damaged"),
    "an affine of NaN": ({"srow_x": [np.nan, 0, 0, 0], "sform_code": 1, "qform_code": 0}, "finite"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_trusted_is_refused_with_its_reason(tmp_path, fault):
    fields, reason = REFUSED[fault]
    path = _header_changed(tmp_path / "ct.nii", **fields)
    with pytest.raises(ImageError) as caught:
        read_scan(path)
    assert reason in str(caught.value)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def _save(path, values):
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return path


def _field(shape=(20, 20, 20)):
    return np.random.default_rng(1).normal(0, 100, shape).astype(np.float32)


VALUES_REFUSED = {
    "NaN": (lambda v: np.where(v == v.max(), np.nan, v), "1 of 8000 voxels are not numbers"),
    "infinite": (lambda v: np.where(v > 300, np.inf, v), "not numbers"),
    "beyond any CT": (lambda v: v * 1000, "above 32000 HU"),
    "intercept forgotten": (lambda v: v + 1024, "no value is negative"),
    "intercept forgotten, padding": (lambda v: np.where(np.arange(20) < 4, -2000, v + 1024), "the median"),
    "intercept twice": (lambda v: np.where(np.arange(20) < 2, v - 600, v - 1024), "the median"),
    "almost nothing but air": (lambda v: np.where(np.arange(8000).reshape(v.shape) < 300, 40, -1000), "only 3.8 %"),
}


@pytest.mark.parametrize("fault", VALUES_REFUSED)
def test_absurd_values_are_refused(tmp_path, fault):
    change, reason = VALUES_REFUSED[fault]
    with pytest.raises(ImageError) as caught:
        read_scan(_save(tmp_path / "ct.nii.gz", change(_field()).astype(np.float32)))
    assert reason in str(caught.value)
    assert caught.value.where
    assert caught.value.remedy


def test_padding_becomes_air_with_a_note(tmp_path):
    values = np.rint(_field())
    values[:3] = -3024
    scan = read_scan(_save(tmp_path / "ct.nii.gz", values))
    assert (scan.image.values[:3] == -1024).all()
    np.testing.assert_array_equal(scan.image.values[3:], values[3:])
    assert any("1200 voxels (15.0 %) below -1100 HU, down to -3024" in note for note in scan.notes)
    assert scan.image.values.dtype == np.int16


def test_a_truncated_or_foreign_file_is_refused(tmp_path):
    whole = _save(tmp_path / "ct.nii.gz", _field()).read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("text", b"no image at all" * 100)):
        path = tmp_path / f"{name}.nii.gz"
        path.write_bytes(content)
        with pytest.raises(ImageError, match="no readable NIfTI image"):
            read_scan(path)
    with pytest.raises(ImageError, match="no such file"):
        read_scan(tmp_path / "missing.nii.gz")


def _oblique_volume() -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix() @ np.diag([1.0, 2.0, 3.0])
    affine[:3, 3] = (5, -6, 7)
    values = np.random.default_rng(2).random((4, 5, 6))
    return Volume(values, Grid(affine, (4, 5, 6), "1.2.3"))


@pytest.mark.parametrize("name", ["dose.nii", "dose.nii.gz"])
def test_what_is_written_lies_where_nibabel_and_simple_itk_find_it(tmp_path, name):
    import SimpleITK

    volume = _oblique_volume()
    write_volume(volume, tmp_path / name)
    image = nib.load(tmp_path / name)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(image.dataobj), volume.values.astype(np.float32))
    other = SimpleITK.ReadImage(str(tmp_path / name))
    for index in ((0, 0, 0), (3, 4, 5), (1, 0, 2)):
        lps = volume.grid.point_mm(index)
        np.testing.assert_allclose(nib.affines.apply_affine(image.affine, index) * TO_LPS, lps, atol=1e-5)
        np.testing.assert_allclose(other.TransformIndexToPhysicalPoint(index), lps, atol=1e-4)


def test_the_same_volume_gives_the_same_bytes_and_reads_back(tmp_path):
    volume = _oblique_volume()
    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(volume, tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert (tmp_path / "a.nii.gz").read_bytes()[4:8] == b"\0\0\0\0"  # gzip's own date
    back = read_nifti(tmp_path / "a.nii.gz").volume
    np.testing.assert_allclose(back.grid.affine, volume.grid.affine, atol=1e-5)


def test_the_hash_is_that_of_the_whole_file(tmp_path):
    path = tmp_path / "ct.nii"
    nib.save(nib.Nifti1Image(np.rint(_field((100, 100, 120))), np.eye(4)), path)
    assert path.stat().st_size > 4 << 20
    assert read_nifti(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_unwritable_place_leaves_nothing_behind(tmp_path):
    with pytest.raises(OutputError):
        write_volume(_oblique_volume(), tmp_path / "missing" / "dose.nii.gz")
    with pytest.raises(ImageError, match=r"End it in \.nii"):
        write_volume(_oblique_volume(), tmp_path / "dose.mha")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["ct_lidc0001_thoracolumbar", "ct_totalseg_lumbar_3mm", "ct_tptbox_L3", "openkbp_hn_pt1"]
)
def test_real_images_lie_where_nibabel_says(shared_data, name):
    path = shared_data / name / "ct.nii.gz"
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    scan = read_scan(path)
    index = np.random.default_rng(3).integers(0, values.shape, (200, 3))
    lps = nib.affines.apply_affine(image.affine, index) * TO_LPS
    ours = scan.image.grid.index(lps)
    np.testing.assert_allclose(ours, np.rint(ours), atol=1e-4)
    np.testing.assert_array_equal(
        scan.image.values[tuple(np.rint(ours).astype(int).T)], np.maximum(values[tuple(index.T)], -1030)
    )
    assert scan.frame_of_reference == f"nifti-{scan.origin.sha256[:12]}"
