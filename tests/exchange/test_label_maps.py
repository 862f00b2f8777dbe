"""Label maps: where they lie, what their numbers mean, what is refused."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import GridMismatch, StructureError
from metaspine.exchange.numbering import SCHEMES, numbering_table, read_mapping, recognise
from metaspine.exchange.scans import read_scan
from metaspine.patient.levels import LEVELS
from metaspine.patient.structure import Origin, Role

SHAPE = (12, 10, 24)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
AFFINE[:3, 3] = (-10, -9, -30)


@pytest.fixture
def ct(tmp_path):
    values = np.random.default_rng(1).normal(0, 100, SHAPE).astype(np.int16)
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "ct.nii.gz")
    return tmp_path / "ct.nii.gz"


def blocks(numbers_from_below, *, dtype=np.uint8):
    """A column of blocks, one number above the other, off the middle to the patient's right (RAS +x)."""
    values = np.zeros(SHAPE, dtype=dtype)
    for place, number in enumerate(numbers_from_below):
        values[7:10, 4:6, 2 * place : 2 * place + 2] = number
    return values


def save(path, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def names(scan):
    return [structure.name for structure in scan.structures]


def test_totalsegmentator_v2_is_recognised(ct, tmp_path):
    scan = read_scan(
        ct, structures=save(tmp_path / "labels.nii.gz", blocks([29, 30, 31, 32, 33, 79, 103, 117, 52, 10]))
    )
    t12 = scan.structure("vertebrae_T12")
    assert (t12.role, t12.level, t12.origin, t12.confirmed) == (Role.VERTEBRA, "T12", Origin.AUTOMATIC, False)
    roles = {structure.name: structure.role for structure in scan.structures}
    assert roles["spinal_cord"] is Role.SPINAL_CORD
    assert roles["rib_left_12"] is Role.RIB
    assert roles["aorta"] is Role.VESSEL
    assert roles["lung_upper_lobe_left"] is Role.LUNG
    assert any("totalsegmentator-v2 (recognised)" in note for note in scan.notes)


def test_verse_is_recognised_with_its_supernumerary_vertebrae(ct, tmp_path):
    scan = read_scan(ct, structures=save(tmp_path / "labels.nii.gz", blocks([26, 25, 24, 23, 22, 21, 20, 28, 19, 18])))
    assert {s.level for s in scan.of_role(Role.VERTEBRA)} == {"L6", "L5", "L4", "L3", "L2", "L1", "T13", "T12", "T11"}
    assert [s.name for s in scan.of_role(Role.SACRUM)] == ["sacrum"]


AMBIGUOUS = {
    "T12 and T11 of version 2, T3 and T2 of version 1": [32, 33, 79],
    "one vertebra": [20],
    "one vertebra of VerSe or organs": [20, 1],
    "upside down": [33, 32, 31, 117],
    "subregions": [41, 42, 43, 49, 50],
    "out of order": [20, 22, 21],
    "unknown to all": [201, 202],
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_an_ambiguous_numbering_is_refused_and_the_mapping_file_settles_it(ct, tmp_path, case):
    labels = save(tmp_path / "labels.nii.gz", blocks(AMBIGUOUS[case]))
    with pytest.raises(StructureError) as caught:
        read_scan(ct, structures=labels)
    assert caught.value.where == str(labels)
    assert "mapping file" in caught.value.remedy
    (tmp_path / "labels.yaml").write_text("scheme: totalsegmentator-v2\n")
    table = numbering_table("totalsegmentator-v2")
    expected = {table[n].name if n in table else f"label_{n}" for n in AMBIGUOUS[case]}
    assert set(names(read_scan(ct, structures=labels))) == expected


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SCHEMES), st.data())
def test_a_recognised_level_is_never_another_one(scheme, data):
    """Labels of one numbering, in place: recognised as that numbering or refused, never taken for another."""
    table = numbering_table(scheme)
    vertebrae = sorted(
        (n for n, e in table.items() if e.role is Role.VERTEBRA), key=lambda n: LEVELS.index(table[n].level)
    )
    first = data.draw(st.integers(0, len(vertebrae) - 1))
    shown = vertebrae[first : data.draw(st.integers(first + 1, len(vertebrae)))]
    others = data.draw(st.lists(st.sampled_from([n for n in table if n not in vertebrae]), max_size=5, unique=True))
    heights = {n: -30.0 * place for place, n in enumerate(shown)} | dict.fromkeys(others, -100.0)
    try:
        found = recognise(heights, where="labels")
    except StructureError:
        return
    wrong = {n for n in shown if n in found.labels and found.labels[n].level not in {"", table[n].level}}
    assert not wrong
    assert found.scheme == scheme


def test_vertebrae_in_the_wrong_order_are_noted(ct, tmp_path):
    mapping = tmp_path / "mine.yaml"
    mapping.write_text("scheme: totalsegmentator-v2")
    wrong = read_scan(ct, structures=save(tmp_path / "a.nii.gz", blocks([31, 33, 32])), labels=mapping)
    right = read_scan(ct, structures=save(tmp_path / "b.nii.gz", blocks([31, 32, 33])), labels=mapping)
    assert "a.nii.gz: the vertebra labelled T11 lies below the one labelled T12" in wrong.notes
    assert not any("lies below" in note for note in right.notes)


def test_the_mapping_files_of_the_documentation_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "scans.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example)
        assert read_mapping(tmp_path / f"{number}.yaml").labels
    for role in Role:
        assert role.value in text
    for origin in Origin:
        assert origin.value in text


def test_labels_that_the_numbering_lacks_are_kept_and_noted(ct, tmp_path):
    scan = read_scan(ct, structures=save(tmp_path / "labels.nii.gz", blocks([31, 32, 33, 117, 118])))
    assert scan.structure("label_118").role is Role.OTHER
    assert any("no name for label 118" in note for note in scan.notes)


def test_a_mapping_file_adds_and_overrides(ct, tmp_path):
    labels = save(tmp_path / "labels.nii.gz", blocks([31, 32, 200]))
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "scheme: totalsegmentator-v2\n"
        "labels:\n"
        "  200: {name: lesion_T12, role: lesion, level: T12, origin: synthetic}\n"
        "  31: {name: L1, role: vertebra, level: L1, confirmed_by: Dr Example}\n"
    )
    scan = read_scan(ct, structures=labels, labels=mapping)
    lesion = scan.structure("lesion_T12")
    assert (lesion.role, lesion.level, lesion.origin) == (Role.LESION, "T12", Origin.SYNTHETIC)
    assert scan.structure("L1").confirmed
    assert not scan.structure("vertebrae_T12").confirmed
    assert any("mapping file" in note for note in scan.notes)


MAPPINGS_REFUSED = {
    "an unknown role": ("scheme: none\nlabels: {1: {name: a, role: bone}}", "labels.1.role"),
    "an unknown level": ("scheme: none\nlabels: {1: {name: a, role: vertebra, level: T14}}", "labels.1.level"),
    "an unknown scheme": ("scheme: mine", "scheme"),
    "no scheme": ("labels: {1: {name: a, role: other}}", "scheme"),
    "an unknown key": ("scheme: none\ncolour: red", "colour"),
    "a label that is no number": ("scheme: none\nlabels: {bone: {name: a, role: other}}", "labels.bone"),
    "label zero": ("scheme: none\nlabels: {0: {name: a, role: other}}", "labels.0"),
    "no YAML": ("scheme: [", "is no YAML"),
    "a list": ("- scheme", "the whole file"),
    "nothing": ("", "the whole file"),
}


@pytest.mark.parametrize("fault", MAPPINGS_REFUSED)
def test_a_faulty_mapping_file_is_refused_with_its_key(tmp_path, fault):
    text, reason = MAPPINGS_REFUSED[fault]
    path = tmp_path / "labels.yaml"
    path.write_text(text)
    with pytest.raises(StructureError) as caught:
        read_mapping(path)
    assert reason in caught.value.what
    assert caught.value.where == str(path)
    with pytest.raises(StructureError, match="cannot be read"):
        read_mapping(tmp_path / "missing.yaml")


def test_names_in_the_header_are_taken(ct, tmp_path):
    image = nib.Nifti1Image(blocks([1, 2, 3]), AFFINE)
    rows = "".join(
        f'<Label Key="{n}" Red="1.0" Green="0.0" Blue="0.0" Alpha="1"><![CDATA[{t}]]></Label>\n'
        for n, t in ((1, "vertebrae_L2"), (2, "vertebrae_L1"), (3, "spinal_cord"))
    )
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", f"<LabelTable>{rows}</LabelTable>".encode()))
    nib.save(image, tmp_path / "labels.nii.gz")
    scan = read_scan(ct, structures=tmp_path / "labels.nii.gz")
    assert [(s.name, s.role, s.level) for s in scan.structures] == [
        ("vertebrae_L2", Role.VERTEBRA, "L2"),
        ("vertebrae_L1", Role.VERTEBRA, "L1"),
        ("spinal_cord", Role.SPINAL_CORD, ""),
    ]


def test_files_of_one_structure_are_named_after_the_file(ct, tmp_path):
    first = save(tmp_path / "vertebrae_T12.nii.gz", blocks([1]))
    second = save(tmp_path / "mask_SpinalCord.nii.gz", blocks([0, 1]))
    third = save(tmp_path / "swelling.nii.gz", blocks([0, 0, 1]))
    scan = read_scan(ct, structures=[first, second, third])
    assert [(s.name, s.role, s.level) for s in scan.structures] == [
        ("vertebrae_T12", Role.VERTEBRA, "T12"),
        ("SpinalCord", Role.SPINAL_CORD, ""),
        ("swelling", Role.OTHER, ""),
    ]
    assert {s.origin for s in scan.structures} == {Origin.UNKNOWN}
    assert len(scan.origin.structure_files) == 3


def test_structures_of_the_same_name_stay_apart(ct, tmp_path):
    (tmp_path / "other").mkdir()
    first = save(tmp_path / "liver.nii.gz", blocks([1]))
    second = save(tmp_path / "other" / "liver.nii.gz", blocks([0, 1]))
    scan = read_scan(ct, structures=[first, second])
    assert names(scan) == ["liver", "liver (2)"]
    assert any(str(second) in note for note in scan.notes)


def _reoriented(values, order, signs):
    """The same labels stored in another axis order, by nibabel."""
    wanted = np.array([[axis, sign] for axis, sign in zip(order, signs, strict=True)], dtype=float)
    return nib.Nifti1Image(values, AFFINE).as_reoriented(wanted)


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3))))
def test_the_same_grid_in_any_axis_order_is_the_same_structure(ct, tmp_path, order, signs):
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2:4, 5:9, 10:11] = 1
    nib.save(_reoriented(values, order, signs), tmp_path / "liver.nii.gz")
    structure = read_scan(ct, structures=tmp_path / "liver.nii.gz").structures[0]
    ras = nib.affines.apply_affine(AFFINE, np.argwhere(values))
    assert structure.region.grid.shape == (2, 4, 1)
    assert structure.region.values.all()
    assert structure.region.values.dtype == np.bool_
    assert structure.region.sample(ras * (-1, -1, 1)).min() == 1


def test_right_and_left_of_the_patient_change_places_with_the_file(ct, tmp_path):
    values = blocks([1])
    save(tmp_path / "right.nii.gz", values)
    save(tmp_path / "left.nii.gz", values[::-1])
    scan = read_scan(ct, structures=[tmp_path / "right.nii.gz", tmp_path / "left.nii.gz"])
    right, left = (s.region.grid.corners_mm()[:, 0] for s in scan.structures)
    assert right.max() < 0 < left.min()


def _moved(by_mm):
    affine = AFFINE.copy()
    affine[0, 3] += by_mm
    return affine


def _scaled():
    return AFFINE @ np.diag([1.01, 1, 1, 1])


OTHER_GRIDS = {
    "moved by a voxel": (SHAPE, _moved(2.0)),
    "moved by a tenth of a millimetre": (SHAPE, _moved(0.1)),
    "another spacing": (SHAPE, _scaled()),
    "another shape": ((12, 10, 23), AFFINE),
    "mirrored in place": (SHAPE, AFFINE @ np.diag([-1, 1, 1, 1])),
}


@pytest.mark.parametrize("case", OTHER_GRIDS)
def test_a_label_map_on_another_grid_is_refused_with_both_geometries(ct, tmp_path, case):
    shape, affine = OTHER_GRIDS[case]
    path = save(tmp_path / "liver.nii.gz", np.ones(shape, dtype=np.uint8), affine)
    with pytest.raises(GridMismatch) as caught:
        read_scan(ct, structures=path)
    assert caught.value.where == str(path)
    for geometry in ("12 x 10 x 24 voxels of 2.000 x 2.000 x 3.000 mm", " x ".join(str(n) for n in shape)):
        assert geometry in caught.value.what


def test_rounding_of_single_precision_is_no_other_grid(ct, tmp_path):
    path = save(tmp_path / "liver.nii.gz", np.ones(SHAPE, dtype=np.uint8), _moved(0.01))
    assert read_scan(ct, structures=path).structures[0].region.grid.origin_mm[0] == 10.0


VALUES_REFUSED = {
    "probabilities": (np.full(SHAPE, 0.5, dtype=np.float32), "not whole numbers"),
    "NaN": (
        np.where(np.arange(24) > 3, np.nan, 1).astype(np.float32) * np.ones(SHAPE, np.float32),
        "not whole numbers",
    ),
    "negative": (np.full(SHAPE, -1, dtype=np.int16), "run from -1"),
    "huge": (np.full(SHAPE, 10**6, dtype=np.int32), "1e+06"),
    "empty": (np.zeros(SHAPE, dtype=np.uint8), "holds no label"),
}


@pytest.mark.parametrize("fault", VALUES_REFUSED)
def test_what_is_no_label_map_is_refused(ct, tmp_path, fault):
    values, reason = VALUES_REFUSED[fault]
    path = save(tmp_path / "liver.nii.gz", values)
    with pytest.raises(StructureError) as caught:
        read_scan(ct, structures=path)
    assert reason in caught.value.what
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_whole_numbers_stored_as_fractions_are_read(ct, tmp_path):
    path = save(tmp_path / "liver.nii.gz", blocks([1]).astype(np.float64))
    assert read_scan(ct, structures=path).structures[0].region.values.sum() == blocks([1]).sum()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_tables_name_every_class_once(scheme):
    document = yaml.safe_load((files("metaspine.exchange") / "data" / f"{scheme}.yaml").read_text())
    assert document["scheme"] == scheme
    table = numbering_table(scheme)
    assert len({entry.name for entry in table.values()}) == len(table)
    for entry in table.values():
        assert (entry.role is Role.VERTEBRA) == bool(entry.level)
        assert entry.name.endswith(f"_{entry.level}") or not entry.level
    expected = {"totalsegmentator-v2": 117, "totalsegmentator-v1": 104, "verse": 7 + 12 + 6 + 3}
    assert len(table) == expected[scheme]


@pytest.mark.parametrize("name", ["ct_lidc0001_thoracolumbar", "ct_totalseg_lumbar_3mm", "dicom_ct_totalseg_T11T12"])
def test_the_table_agrees_with_the_names_that_came_with_real_labels(shared_data, name):
    import json

    theirs = json.loads((shared_data / name / "labels.json").read_text())
    table = numbering_table("totalsegmentator-v2")
    differing = {int(n): text for n, text in theirs.items() if int(n) not in table or table[int(n)].name != text}
    assert differing == ({118: "costal_cartilages"} if "lidc" in name else {})
