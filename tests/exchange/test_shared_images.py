"""Every CT, label map and RTSTRUCT of the shared data reads, or is refused for the reason that its SOURCES.md gives."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from metaspine.errors import FrameMismatch, ImageError, MetaspineError, StructureError
from metaspine.exchange.dicom_ct import read_dicom_ct
from metaspine.exchange.scans import read_scan

LIDC, LUMBAR, TPTBOX = "ct_lidc0001_thoracolumbar", "ct_totalseg_lumbar_3mm", "ct_tptbox_L3"
OPENKBP, SARCOMA, BREAST = "openkbp_hn_pt1", "dicom_ct_rtstruct_sts037", "dicom_rt_breast_dicompyler"
T11T12, TILT, SEG = "dicom_ct_totalseg_T11T12", "dicom_ct_gantry_tilt_phantom", "dicom_seg_dcmqi"

CT_FILES = [f"{name}/ct.nii.gz" for name in (LIDC, LUMBAR, TPTBOX, OPENKBP)]
CT_FOLDERS = [f"{SARCOMA}/ct", f"{T11T12}/dicom", TILT, f"{SEG}/ct"]
CT_REFUSED = {
    f"{T11T12}/dicom_malformed_empty_uids": "SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID missing",
    BREAST: "one CT slice, which is no volume",
}
MASKS = ("Brainstem", "LeftParotid", "Mandible", "PTV56", "PTV63", "PTV70", "RightParotid", "SpinalCord")
STRUCTURES = {
    f"{LIDC}/labels.nii.gz": (f"{LIDC}/ct.nii.gz", 86),
    f"{LUMBAR}/labels.nii.gz": (f"{LUMBAR}/ct.nii.gz", 61),
    f"{LUMBAR}/labels_body1_disc2.nii.gz": (f"{LUMBAR}/ct.nii.gz", 2),
    f"{TPTBOX}/labels_vertebra.nii.gz": (f"{TPTBOX}/ct.nii.gz", 3),
    f"{T11T12}/labels.nii.gz": (f"{T11T12}/dicom", 31),
    f"{SARCOMA}/rtstruct/RS.dcm": (f"{SARCOMA}/ct", 1),
    f"{SEG}/liver.dcm": (f"{SEG}/ct", 1),
    f"{SEG}/partial_overlaps.dcm": (f"{SEG}/ct", 5),
    **{f"{OPENKBP}/mask_{name}.nii.gz": (f"{OPENKBP}/ct.nii.gz", 1) for name in MASKS},
}
STRUCTURES_REFUSED = {
    f"{TPTBOX}/labels_subregion.nii.gz": (f"{TPTBOX}/ct.nii.gz", "fit no known numbering"),
    **{f"{SEG}/{name}_seg.nrrd": (f"{SEG}/ct", "no known numbering") for name in ("heart", "liver_spine", "spine")},
}
READ_ELSEWHERE = {f"{BREAST}/rtss.dcm"}
"""Its CT is one slice: test_rtstruct reads it on a grid of its frame of reference."""


def test_the_list_is_complete(shared_data):
    """A CT, label map or RTSTRUCT that is added to the shared data must be added here."""
    listed = {*CT_FILES, *STRUCTURES, *STRUCTURES_REFUSED, *READ_ELSEWHERE}
    folders = {*CT_FOLDERS, *CT_REFUSED}
    missing = []
    for path in sorted(shared_data.rglob("*")):
        name = path.relative_to(shared_data).as_posix()
        if name.endswith((".nii", ".nii.gz", "_seg.nrrd")) and "dose" not in name and name not in listed:
            missing.append(name)
        if name.endswith(".dcm"):
            modality = pydicom.dcmread(path, stop_before_pixels=True).Modality
            if modality == "CT" and path.parent.relative_to(shared_data).as_posix() not in folders:
                missing.append(name)
            if modality in {"RTSTRUCT", "SEG"} and name not in listed:
                missing.append(name)
    assert missing == []


@pytest.mark.parametrize("name", [*CT_FILES, *CT_FOLDERS])
def test_every_ct_reads(shared_data, name):
    scan = read_scan(shared_data / name)
    assert scan.image.values.dtype in (np.int16, np.float32)
    assert -1100 <= scan.image.values.min() < 0 < scan.image.values.max() < 32000
    assert len(scan.origin.sha256) == 64
    assert scan.structures == ()
    assert scan.unreadable == ()


@pytest.mark.parametrize("name", CT_REFUSED)
def test_every_other_ct_is_refused_for_its_reason(shared_data, name):
    with pytest.raises(ImageError) as caught:
        read_scan(shared_data / name)
    assert CT_REFUSED[name] in str(caught.value)
    assert str(shared_data / name) in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure_file_reads(shared_data, name):
    image, count = STRUCTURES[name]
    scan = read_scan(shared_data / image, structures=shared_data / name)
    assert len(scan.structures) == count
    assert scan.unreadable == ()


@pytest.mark.parametrize("name", STRUCTURES_REFUSED)
def test_every_other_structure_file_is_refused_for_its_reason(shared_data, name):
    image, reason = STRUCTURES_REFUSED[name]
    with pytest.raises(StructureError) as caught:
        read_scan(shared_data / image, structures=shared_data / name)
    assert reason in str(caught.value)


def test_the_subregions_read_with_a_mapping_file(shared_data, tmp_path):
    mapping = tmp_path / "subregions.yaml"
    rows = {41: "arch", 42: "spinous_process", 49: "body_cortex", 50: "body"}
    lines = [f"  {number}: {{name: {name}, role: other}}" for number, name in rows.items()]
    mapping.write_text("\n".join(["scheme: none", "labels:", *lines]))
    folder = shared_data / TPTBOX
    scan = read_scan(folder / "ct.nii.gz", structures=folder / "labels_subregion.nii.gz", labels=mapping)
    names = {structure.name for structure in scan.structures}
    assert names == {"arch", "spinous_process", "body_cortex", "body", *(f"label_{n}" for n in range(43, 49))}


def test_several_structure_files_come_together(shared_data):
    folder = shared_data / OPENKBP
    files = [folder / f"mask_{name}.nii.gz" for name in MASKS]
    scan = read_scan(folder / "ct.nii.gz", structures=files)
    assert [structure.name for structure in scan.structures] == list(MASKS)


def test_structures_of_another_patient_are_refused(shared_data):
    with pytest.raises(FrameMismatch):
        read_scan(shared_data / f"{T11T12}/dicom", structures=shared_data / f"{SARCOMA}/rtstruct/RS.dcm")
    with pytest.raises(MetaspineError, match="another grid"):
        read_scan(shared_data / f"{LUMBAR}/ct.nii.gz", structures=shared_data / f"{LIDC}/labels.nii.gz")


def test_a_label_map_or_a_dose_is_not_taken_for_a_ct(shared_data):
    for name in (f"{LIDC}/labels.nii.gz", f"{OPENKBP}/dose_gy.nii.gz"):
        with pytest.raises(ImageError, match="no value is negative"):
            read_scan(shared_data / name)


def test_the_vertebrae_lie_where_their_landmarks_are(shared_data):
    """The body centre of landmarks.json lies inside the vertebra of its level, for every CT with labels."""
    import json

    landmarks = json.loads((shared_data / "landmarks.json").read_text())
    checked = 0
    for name, (image, _) in STRUCTURES.items():
        for level, vertebra in landmarks.get(f"{name.split('/')[0]}/ct.nii.gz", {}).items():
            scan = read_scan(shared_data / image, structures=shared_data / name)
            for structure in scan.structures:
                if structure.level == level and structure.name == f"vertebrae_{level}":
                    point = vertebra["points"]["body_centre"]["LPS"]
                    assert structure.region.sample([point], outside=0)[0] > 0.5, (name, level)
                    checked += 1
    assert checked > 5


def test_the_tilted_phantom_is_upright_and_shows_the_same(shared_data):
    """Pixels of the tilted slices, placed by the standard's formula, are found in the upright volume."""
    image = read_dicom_ct(shared_data / TILT)
    assert any("gantry tilted by 18.5 degrees" in note for note in image.notes)
    path = sorted((shared_data / TILT).glob("*.dcm"))[8]
    dataset = pydicom.dcmread(path)
    hu = dataset.pixel_array.astype(float) + float(dataset.RescaleIntercept)
    row, column = np.random.default_rng(4).integers(60, 450, (2, 4000))
    axes = np.array(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
    spacing = [float(value) for value in dataset.PixelSpacing]
    points = np.array(dataset.ImagePositionPatient, dtype=float)
    points = points + column[:, None] * axes[0] * spacing[1] + row[:, None] * axes[1] * spacing[0]
    difference = np.abs(image.volume.sample(points) - hu[row, column])
    shifted = np.abs(image.volume.sample(points + np.array([0.0, 2.0, 0.0])) - hu[row, column])
    assert np.median(difference) < 12
    assert difference.mean() < 0.4 * shifted.mean()
