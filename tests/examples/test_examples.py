"""The examples show what they claim: a real spine, a lesion after its recipe, the right side, and bytes made again."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml
from scipy import ndimage

CORD, LESION = 79, 200
VERTEBRAE = {"T10": 34, "T11": 33, "T12": 32, "L1": 31, "L2": 30, "L3": 29}
RIBS = {"left 11": 102, "left 12": 103, "right 11": 114, "right 12": 115}
AIR_HU, BONE_HU, CORTEX_HU = -900, 150, 250


def load_program(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_build", folder / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def program(example_folder: Path) -> ModuleType:
    return load_program(example_folder)


@pytest.fixture(scope="module", params=["t12", "l1"])
def example(request: pytest.FixtureRequest, example_folder: Path, program: ModuleType) -> tuple[Any, Any]:
    """One example as it ships, and its recipe."""
    recipe = next(lesion for lesion in program.LESIONS if lesion.folder == request.param)
    return program.read(example_folder / recipe.folder), recipe


@pytest.fixture(scope="module")
def source(program: ModuleType, shared_data: Path) -> Any:
    return program.crop(program.read(shared_data / "ct_lidc0001_thoracolumbar"))


def of_folder(program: ModuleType, example_folder: Path, folder: str) -> Any:
    return program.read(example_folder / folder)


def centre_mm(image: Any, mask: Any) -> np.ndarray:
    return nib.affines.apply_affine(image.affine, np.argwhere(mask).mean(axis=0))


def volume_mm3(image: Any, mask: Any) -> float:
    return float(mask.sum() * np.prod(image.spacing_mm))


def test_it_shows_the_thoracolumbar_spine(example: tuple[Any, Any]) -> None:
    image, _ = example
    present = set(np.unique(image.labels).tolist())
    assert present >= {*VERTEBRAE.values(), *RIBS.values(), CORD, LESION}
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    heights = [centre_mm(image, image.labels == number)[2] for number in VERTEBRAE.values()]
    assert heights == sorted(heights, reverse=True)


def test_the_skin_of_the_back_is_in_view_with_air_behind_it(example: tuple[Any, Any]) -> None:
    image, _ = example
    i, j, k = np.argwhere(image.labels == LESION).mean(axis=0).round().astype(int)
    behind = image.hu[i, :j, k]
    assert behind.min() <= AIR_HU
    skin = np.flatnonzero(behind[::-1] <= AIR_HU)[0]
    assert 40 < skin * image.spacing_mm[1] < 100, "the back's surface lies some centimetres behind the lesion"


def test_the_lesion_has_the_recipe_s_density_and_volume(example: tuple[Any, Any]) -> None:
    image, recipe = example
    lesion = image.labels == LESION
    depth_mm = ndimage.distance_transform_edt(lesion, sampling=image.spacing_mm)
    core = image.hu[depth_mm > 2.6]
    assert core.size > 300
    assert abs(core.mean() - 45) < 4 * 15 / np.sqrt(core.size)
    assert core.std() == pytest.approx(15, rel=0.1)
    nominal_mm3 = 4 / 3 * np.pi * np.prod(recipe.semi_axes_mm)
    assert volume_mm3(image, lesion) == pytest.approx(nominal_mm3, rel=0.02)
    assert np.linalg.norm(centre_mm(image, lesion) - recipe.centre_ras_mm) < 0.5


def test_the_t12_lesion_is_contained(program: ModuleType, example_folder: Path) -> None:
    image = of_folder(program, example_folder, "t12")
    lesion = image.labels == LESION
    in_plane = ndimage.binary_dilation(lesion, np.ones((3, 3, 1))) & ~lesion
    assert set(np.unique(image.labels[in_plane])) == {VERTEBRAE["T12"]}
    above_and_below = ndimage.binary_dilation(lesion, np.ones((1, 1, 3))) & ~lesion
    unlabelled = above_and_below & (image.labels != VERTEBRAE["T12"])
    assert image.hu[unlabelled].min() >= BONE_HU, "the automatic label leaves out some bone of the lower endplate"
    to_cord_mm = ndimage.distance_transform_edt(image.labels != CORD, sampling=image.spacing_mm)
    assert to_cord_mm[lesion].min() > 3.0


def test_the_l1_lesion_opens_the_posterior_wall_and_spares_the_thecal_sac(
    program: ModuleType, example_folder: Path
) -> None:
    image = of_folder(program, example_folder, "l1")
    lesion = image.labels == LESION
    around = ndimage.binary_dilation(lesion) & ~lesion
    assert 0 in image.labels[around], "the lesion looks into the epidural space"
    to_cord_mm = ndimage.distance_transform_edt(image.labels != CORD, sampling=image.spacing_mm)
    assert 0 < to_cord_mm[lesion].min() <= 3.0


def test_the_l1_lesion_lies_on_the_patient_s_left(program: ModuleType, example_folder: Path) -> None:
    image = of_folder(program, example_folder, "l1")
    lesion = centre_mm(image, image.labels == LESION)
    body = centre_mm(image, image.labels == VERTEBRAE["L1"])
    assert lesion[0] < body[0] - 4, "RAS: smaller x is more to the patient's left"
    left, right = (centre_mm(image, image.labels == RIBS[name])[0] for name in ("left 12", "right 12"))
    assert abs(lesion[0] - left) < abs(lesion[0] - right)


def test_the_liver_lies_to_the_right_of_the_aorta(example: tuple[Any, Any]) -> None:
    image, _ = example
    aorta = image.labels == 52
    assert image.hu[aorta].mean() > BONE_HU, "contrast"
    liver = centre_mm(image, image.labels == 5)
    assert liver[0] > centre_mm(image, aorta)[0], "RAS: larger x is more to the patient's right"


def test_the_l1_lesion_reaches_the_base_of_the_left_pedicle(
    program: ModuleType, example_folder: Path, shared_data: Path
) -> None:
    image = of_folder(program, example_folder, "l1")
    points = json.loads((shared_data / "landmarks.json").read_text())["ct_lidc0001_thoracolumbar/ct.nii.gz"]["L1"][
        "points"
    ]
    positions = nib.affines.apply_affine(image.affine, np.argwhere(image.labels == LESION))

    def nearest_mm(name: str) -> float:
        return float(np.linalg.norm(positions - points[name]["RAS"], axis=1).min())

    pedicle_height_mm = 16.0  # landmarks.json, dims_mm: the isthmus is at most half of it from the pedicle's base
    assert nearest_mm("pedicle_isthmus_left") < pedicle_height_mm / 2 < nearest_mm("pedicle_isthmus_right")


def test_the_recipe_is_that_of_the_landmarks(program: ModuleType, shared_data: Path) -> None:
    landmarks = json.loads((shared_data / "landmarks.json").read_text())["ct_lidc0001_thoracolumbar/ct.nii.gz"]
    pairs = ((program.T12, "T12", "A_central_lytic"), (program.L1, "L1", "B_posterior_left_lytic_pedicle"))
    for recipe, level, name in pairs:
        entry = landmarks[level]["suggested_lesions"][name]
        assert list(recipe.centre_ras_mm) == entry["centre_RAS"]
        assert list(recipe.semi_axes_mm) == entry["semi_axes_LR_AP_CC_mm"]
        assert [list(axis) for axis in recipe.axes_ras] == list(landmarks[level]["axes_RAS"].values())


def test_the_program_makes_the_shipped_voxels(example: tuple[Any, Any], source: Any, program: ModuleType) -> None:
    shipped, recipe = example
    made = program.insert(source, recipe)
    np.testing.assert_array_equal(made.hu, shipped.hu)
    np.testing.assert_array_equal(made.labels, shipped.labels)
    np.testing.assert_array_equal(made.affine, shipped.affine)


def test_nothing_but_the_lesion_was_changed(example: tuple[Any, Any], source: Any, program: ModuleType) -> None:
    shipped, _ = example
    changed = shipped.hu != source.hu
    from_lesion_mm = ndimage.distance_transform_edt(shipped.labels != LESION, sampling=source.spacing_mm)
    assert from_lesion_mm[changed].max() < 2.6, "one voxel's height beyond the label: the rim"
    assert (shipped.labels != source.labels).sum() == (shipped.labels == LESION).sum()
    assert not (changed & (source.labels == CORD)).any()


def test_the_t12_posterior_wall_is_the_patient_s_own(program: ModuleType, example_folder: Path, source: Any) -> None:
    shipped = of_folder(program, example_folder, "t12")
    changed = shipped.hu != source.hu
    vertebra = source.labels == VERTEBRAE["T12"]
    below_surface_mm = ndimage.distance_transform_edt(vertebra, sampling=source.spacing_mm)
    assert not (changed & (below_surface_mm <= 3.0) & (source.hu >= CORTEX_HU)).any()
    to_cord_mm = ndimage.distance_transform_edt(source.labels != CORD, sampling=source.spacing_mm)
    assert to_cord_mm[changed].min() > 3.0


def test_the_same_input_gives_the_same_bytes(
    program: ModuleType, shared_data: Path, example_folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(example_folder / "build.py"), str(shared_data / "ct_lidc0001_thoracolumbar")]
    subprocess.run([*command, "--to", str(tmp_path / "a")], check=True)
    image = program.read(tmp_path / "a" / "t12")
    program.write(tmp_path / "again.nii.gz", image.hu, image.affine)
    assert (tmp_path / "again.nii.gz").read_bytes() == (tmp_path / "a" / "t12" / "ct.nii.gz").read_bytes()


def test_the_mapping_file_names_the_lesion(example: tuple[Any, Any], example_folder: Path) -> None:
    _, recipe = example
    mapping = yaml.safe_load((example_folder / recipe.folder / "labels.yaml").read_text())
    level = recipe.folder.upper()
    assert mapping == {
        "scheme": "totalsegmentator-v2",
        "labels": {LESION: {"name": f"lesion_{level}", "role": "lesion", "level": level, "origin": "synthetic"}},
    }


def test_a_folder_without_the_ct_is_named(program: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no CT here; give the folder"):
        program.read(tmp_path)


def test_a_ct_and_labels_on_different_grids_are_refused(program: ModuleType, tmp_path: Path) -> None:
    values = np.zeros((4, 5, 6), np.int16)
    program.write(tmp_path / "ct.nii.gz", values, np.eye(4))
    program.write(tmp_path / "labels.nii.gz", values.astype(np.uint8), np.diag([1.0, 1.0, 2.0, 1.0]))
    with pytest.raises(SystemExit, match="different grids"):
        program.read(tmp_path)


def test_the_axes_of_the_published_ct_are_brought_to_r_a_s(program: ModuleType, tmp_path: Path) -> None:
    """The published file stores its columns from right to left."""
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    to_ras = np.array([[-2.0, 0, 0, 10], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    program.write(tmp_path / "cxr.nii.gz", values, to_ras)
    program.write(tmp_path / "mask.nii.gz", values.astype(np.uint8), to_ras)
    image = program.read(tmp_path)
    np.testing.assert_array_equal(image.hu, values[::-1])
    np.testing.assert_allclose(image.affine[:3, 3], [8.0, 0.0, 0.0])
