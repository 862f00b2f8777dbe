"""RTSTRUCT: contours exactly as drawn, frames never mixed, nothing dropped."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_dicom import FRAME, INSTANCE, square, write_series, write_structure_set

from metaspine.errors import FrameMismatch, StructureError
from metaspine.exchange.numbering import entry_of_name
from metaspine.exchange.role_names import role_of_name
from metaspine.exchange.rtstruct import read_rtstruct
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Grid
from metaspine.patient.structure import Origin, Role


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "ct"
    write_series(folder, size=(8, 20, 20), first_mm=(-10, -20, -6))
    return folder


def test_contours_are_kept_exactly_as_drawn(ct, tmp_path):
    rough = [1.234567, -2.5, 3.0, 4.0, 5.5, 3.0, -6.25, 7.0, 3.0]
    path = write_structure_set(
        tmp_path / "rs.dcm",
        {
            "GTV": [("CLOSED_PLANAR", rough), ("CLOSED_PLANAR", square(6.0)), ("CLOSED_PLANAR", square(6.0, 2.0))],
            "needle": [("OPEN_NONPLANAR", [0, 0, 0, 1, 1, 5]), ("OPEN_PLANAR", [0, 0, 0, 1, 1, 0])],
            "isocentre": [("POINT", [1, 2, 3])],
        },
    )
    scan = read_scan(ct, structures=path)
    gtv = scan.structure("GTV")
    assert (gtv.role, gtv.origin, gtv.confirmed, gtv.source) == (Role.LESION, Origin.DRAWN, True, str(path))
    np.testing.assert_array_equal(gtv.region.contours[0].points_mm.ravel(), rough)
    assert [len(contour.points_mm) for contour in gtv.region.closed] == [3, 4, 4]
    assert [c.kind for c in scan.structure("needle").region.contours] == ["open", "open"]
    assert [c.kind for c in scan.structure("isocentre").region.contours] == ["point"]
    assert scan.unreadable == ()


def test_a_contour_too_long_for_explicit_vr_is_read(ct, tmp_path):
    angles = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    drawn = np.round(np.stack([8 * np.cos(angles), 8 * np.sin(angles), np.full(4000, 3.0)], axis=1), 6)
    with pytest.warns(UserWarning, match="changed from 'DS' to 'UN'"):
        path = write_structure_set(tmp_path / "rs.dcm", {"BODY": [("CLOSED_PLANAR", drawn.ravel().tolist())]})
    assert b"\x06\x30\x50\x00UN" in path.read_bytes()
    body = read_scan(ct, structures=path).structure("BODY")
    np.testing.assert_array_equal(body.region.contours[0].points_mm, drawn)


def test_a_repeated_first_point_is_taken_once(ct, tmp_path):
    values = [*square(3.0), *square(3.0)[:3]]
    path = write_structure_set(tmp_path / "rs.dcm", {"GTV": [("CLOSED_PLANAR", values)]})
    assert len(read_scan(ct, structures=path).structures[0].region.contours[0].points_mm) == 4


def test_another_frame_of_reference_is_refused_naming_both(ct, tmp_path):
    path = write_structure_set(tmp_path / "rs.dcm", {"GTV": [("CLOSED_PLANAR", square(3.0))]}, frame="1.2.3.4")
    with pytest.raises(FrameMismatch) as caught:
        read_scan(ct, structures=path)
    assert FRAME in str(caught.value)
    assert "1.2.3.4" in str(caught.value)
    assert caught.value.where == str(path)


def test_what_cannot_be_read_is_returned_with_its_reason(ct, tmp_path):
    good = [("CLOSED_PLANAR", square(3.0))]

    def damage(dataset: Dataset) -> None:
        drawn = {item.ReferencedROINumber: item for item in dataset.ROIContourSequence}
        drawn[2].ContourSequence = Sequence()
        dataset.StructureSetROISequence[2].ReferencedFrameOfReferenceUID = "1.2.3.4"
        drawn[4].ContourSequence[0].ContourGeometricType = "SPLINE"
        drawn[5].ContourSequence[0].NumberOfContourPoints = 9
        drawn[6].ContourSequence[0].ContourData = [1.0, 2.0]
        dataset.StructureSetROISequence[6].ROINumber = 99
        dataset.StructureSetROISequence[7].ROIName = ""
        dataset.StructureSetROISequence[9].ROINumber = 9
        drawn[11].ContourSequence[0].add_new("ContourOffsetVector", "DS", [0, 0, 2])

    regions = dict.fromkeys(
        ("GTV", "empty", "moved", "odd", "cut", "flat", "lost", "unnamed", "twin", "twin 2", "offset"), good
    )
    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions, change=damage))
    assert [s.name for s in scan.structures] == ["GTV", "ROI 8"]
    reasons = dict(scan.unreadable)
    assert "has no contours" in reasons["empty"]
    assert "1.2.3.4" in reasons["moved"]
    assert FRAME in reasons["moved"]
    assert "SPLINE" in reasons["odd"]
    assert "declares 9 points and holds 4" in reasons["cut"]
    assert "not finite triples" in reasons["flat"]
    assert "has no contours" in reasons["lost"]
    assert "shares its number 9" in reasons["twin"]
    assert "shares its number 9" in reasons["twin 2"]
    assert "ContourOffsetVector" in reasons["offset"]
    assert "not in the file's list" in reasons["ROI 7"]
    assert "not in the file's list" in reasons["ROI 10"]
    assert len(scan.structures) + len(scan.unreadable) == len(regions) + 2


def test_the_frame_of_the_file_serves_a_region_that_states_none(ct, tmp_path):
    def change(dataset: Dataset) -> None:
        del dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
        item = Dataset()
        item.FrameOfReferenceUID = FRAME
        dataset.ReferencedFrameOfReferenceSequence = Sequence([item])

    regions = {"GTV": [("CLOSED_PLANAR", square(3.0))]}
    assert read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions, change=change)).structures

    def unknown(dataset: Dataset) -> None:
        del dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID

    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs2.dcm", regions, change=unknown))
    assert scan.unreadable == (("GTV", "states no frame of reference"),)


def test_an_automatic_structure_is_not_taken_for_drawn(ct, tmp_path):
    regions = {"SpinalCord": [("CLOSED_PLANAR", square(3.0))]}
    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions, algorithm="AUTOMATIC"))
    cord = scan.structure("SpinalCord")
    assert (cord.origin, cord.confirmed) == (Origin.AUTOMATIC, False)


@pytest.mark.parametrize("algorithm", ["", "SEMIAUTOMATIC", "BY HAND"])
def test_a_structure_of_which_nobody_says_who_drew_it_is_unknown(ct, tmp_path, algorithm):
    regions = {"SpinalCord": [("CLOSED_PLANAR", square(3.0))]}
    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions, algorithm=algorithm))
    cord = scan.structure("SpinalCord")
    assert (cord.origin, cord.confirmed) == (Origin.UNKNOWN, False)
    assert any("it is not said who or what drew SpinalCord: unconfirmed until a person" in note for note in scan.notes)


def test_what_a_person_drew_is_confirmed_without_a_note(ct, tmp_path):
    regions = {"SpinalCord": [("CLOSED_PLANAR", square(3.0))]}
    scan = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions))
    assert scan.structure("SpinalCord").confirmed
    assert not any("not said who" in note for note in scan.notes)


@pytest.mark.parametrize(
    ("status", "reviewer", "confirmed_by"),
    [("APPROVED", "Reader^A", "Reader^A"), ("APPROVED", "", ""), ("UNAPPROVED", "Reader^A", "")],
)
def test_an_approval_with_a_name_confirms_a_whole_set(ct, tmp_path, status, reviewer, confirmed_by):
    def change(dataset: Dataset) -> None:
        dataset.ApprovalStatus, dataset.ReviewerName = status, reviewer
        item = Dataset()
        item.ObservationNumber = item.ReferencedROINumber = 1
        item.ROIInterpreter = "Somebody"
        dataset.RTROIObservationsSequence = Sequence([item])

    regions = {"SpinalCord": [("CLOSED_PLANAR", square(3.0))]}
    path = write_structure_set(tmp_path / "rs.dcm", regions, algorithm="", change=change)
    scan = read_scan(ct, structures=path)
    cord = scan.structure("SpinalCord")
    assert (cord.origin, cord.confirmed_by) == (Origin.UNKNOWN, confirmed_by)
    told = {"Reader^A": "was approved in its planning system, by Reader^A", "": "nobody is named: it confirms nothing"}
    assert any(told[reviewer] in note for note in scan.notes) == (status == "APPROVED")


def test_words_of_ours_in_the_file_of_another_are_not_believed(ct, tmp_path):
    def words(dataset: Dataset) -> None:
        dataset.StructureSetROISequence[0].ROIDescription = "role spinal cord; level T12; origin drawn"

    def ours(dataset: Dataset) -> None:
        words(dataset)
        dataset.Manufacturer = "metaspine"

    regions = {"ROI 1": [("CLOSED_PLANAR", square(3.0))]}
    for change, expected in (
        (words, (Role.OTHER, "", Origin.AUTOMATIC)),
        (ours, (Role.SPINAL_CORD, "T12", Origin.DRAWN)),
    ):
        path = write_structure_set(tmp_path / "rs.dcm", regions, algorithm="AUTOMATIC", change=change)
        region = read_scan(ct, structures=path).structure("ROI 1")
        assert (region.role, region.level, region.origin) == expected


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("lesion_T12", "T12"),
        ("GTV L3", "L3"),
        ("GTV_Th11", "T11"),
        ("Metastasis-C7", "C7"),
        ("lesion t 9", "T9"),
        ("GTV", ""),
        ("GTV1", ""),
        ("lesion 12", ""),
        ("GTV_T1", ""),
        ("GTV_T2", ""),
        ("GTV_T11_T12", ""),
        ("GTV_L7", ""),
        ("GTV_T12_ring", ""),
        ("PTV_T12", ""),
    ],
)
def test_a_lesion_has_the_level_that_its_name_states_without_doubt(name, level):
    assert entry_of_name(name).level == level


def test_contours_outside_the_image_and_too_small_are_noted(ct, tmp_path):
    regions = {
        "GTV": [("CLOSED_PLANAR", square(3.0)), ("CLOSED_PLANAR", square(300.0))],
        "dot": [("CLOSED_PLANAR", [0.0, 0.0, 3.0])],
    }
    notes = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions)).notes
    assert "GTV: 50.0 % of its contour points lie outside the image" in notes
    assert any(note.startswith("dot: 1 closed contours of fewer than three points") for note in notes)


def test_contours_off_the_slices_are_noted(ct, tmp_path):
    on_slices = {"GTV": [("CLOSED_PLANAR", square(3.0)), ("CLOSED_PLANAR", square(6.05))]}
    between = {"GTV": [("CLOSED_PLANAR", square(3.0)), ("CLOSED_PLANAR", square(4.25))]}
    notes = [read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", r)).notes for r in (on_slices, between)]
    assert notes[0] == ()
    assert notes[1] == ("GTV: contours lie up to 1.25 mm off the image's slices",)


SOUND = {
    "ring": [square(z, half) for z in (0.0, 3.0) for half in (6.0, 3.0)],
    "islands": [square(z, 3.0, (x, 0.0)) for z in (0.0, 3.0) for x in (-4.0, 4.0)],
    "touching": [square(z, 3.0, (x, 0.0)) for z in (0.0, 3.0) for x in (-3.0, 3.0)],
    "two parts": [square(z) for z in (-6.0, -3.0, 12.0, 15.0)],
}
DOUBTFUL = {
    "crossing": (
        [square(z, 5.0, (x, 0.0)) for z in (0.0, 3.0) for x in (-3.0, 3.0)],
        "planes on which its lines cross, and what lies in two of them is a hole (even-odd): 2",
    ),
    "left out": (
        [square(z) for z in (0.0, 3.0, 9.0, 12.0)],
        "planes left out between its contours, filled from their neighbours: 1",
    ),
    "drawn twice": ([square(0.0), square(0.0)], "bounds no volume that can be used: the same contour is drawn twice"),
}


def test_contours_that_bound_what_they_show_are_not_noted(ct, tmp_path):
    regions = {name: [("CLOSED_PLANAR", line) for line in lines] for name, lines in SOUND.items()}
    notes = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions)).notes
    assert [note for note in notes if "outside the image" not in note] == []


@pytest.mark.parametrize("name", DOUBTFUL)
def test_contours_that_bound_another_volume_than_they_show_are_noted(ct, tmp_path, name):
    lines, said = DOUBTFUL[name]
    regions = {name: [("CLOSED_PLANAR", line) for line in lines]}
    notes = read_scan(ct, structures=write_structure_set(tmp_path / "rs.dcm", regions)).notes
    assert any(note.startswith(f"{name}: {said}") for note in notes), notes


def test_references_to_other_images_are_noted_and_matched_by_place(ct, tmp_path):
    def refer(uid: str):
        def change(dataset: Dataset) -> None:
            image = Dataset()
            image.ReferencedSOPInstanceUID = uid
            dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = Sequence([image])

        return change

    regions = {"GTV": [("CLOSED_PLANAR", square(3.0))]}
    own = read_scan(ct, structures=write_structure_set(tmp_path / "a.dcm", regions, change=refer(f"{INSTANCE}.3")))
    other = read_scan(ct, structures=write_structure_set(tmp_path / "b.dcm", regions, change=refer("1.2.3")))
    assert not any("referenced images" in note for note in own.notes)
    assert any("1 of 1 referenced images are not in this series" in note for note in other.notes)


def test_a_rejected_set_is_noted(ct, tmp_path):
    regions = {"GTV": [("CLOSED_PLANAR", square(3.0))]}
    path = write_structure_set(
        tmp_path / "rs.dcm", regions, change=lambda dataset: setattr(dataset, "ApprovalStatus", "REJECTED")
    )
    assert any("rejected" in note for note in read_scan(ct, structures=path).notes)


def test_files_that_are_no_structure_set_are_refused(ct, tmp_path):
    regions = {"GTV": [("CLOSED_PLANAR", square(3.0))]}
    path = write_structure_set(tmp_path / "rs.dcm", regions)
    (tmp_path / "cut.dcm").write_bytes(path.read_bytes()[:600])
    for name, reason in (("cut.dcm", "holds no region|truncated|neither"), ("missing.dcm", "no such file")):
        with pytest.raises(StructureError, match=reason):
            read_scan(ct, structures=tmp_path / name)
    with pytest.raises(StructureError, match="neither an RTSTRUCT nor"):
        read_scan(ct, structures=ct / "s000.dcm")
    empty = write_structure_set(tmp_path / "empty.dcm", {})
    with pytest.raises(StructureError, match="holds no region of interest"):
        read_scan(ct, structures=empty)


NAMES = {
    "SpinalCord": Role.SPINAL_CORD,
    "Spinal Cord": Role.SPINAL_CORD,
    "spinal_cord": Role.SPINAL_CORD,
    "Cord": Role.SPINAL_CORD,
    "CORD": Role.SPINAL_CORD,
    "Myelon": Role.SPINAL_CORD,
    "SpinalCord_PRV05": Role.OTHER,
    "Cord+5mm": Role.OTHER,
    "PRV Cord": Role.OTHER,
    "SpinalCanal": Role.BONY_CANAL,
    "Canal": Role.BONY_CANAL,
    "ear canal": Role.OTHER,
    "ThecalSac": Role.THECAL_SAC,
    "CaudaEquina": Role.CAUDA_EQUINA,
    "GTV": Role.LESION,
    "GTV_Mass_CT": Role.LESION,
    "GTV T12": Role.LESION,
    "GTVp1": Role.LESION,
    "GTV+5mm": Role.OTHER,
    "GTV_ring": Role.OTHER,
    "GTV-PTV": Role.OTHER,
    "PTV": Role.OTHER,
    "CTV": Role.OTHER,
    "BODY": Role.BODY,
    "vertebral body": Role.OTHER,
    "Aorta": Role.VESSEL,
    "A_Aorta_Desc": Role.VESSEL,
    "A_Carotid": Role.OTHER,
    "V_Venacava_I": Role.VESSEL,
    "IVC": Role.VESSEL,
    "Aorta_PRV": Role.OTHER,
    "Bowel_Small": Role.ORGAN,
    "Bag_Bowel": Role.OTHER,
    "Glnd_Adrenal_L": Role.ORGAN,
    "Rib12_L": Role.RIB,
    "Rueckenmark": Role.SPINAL_CORD,
    "cauda equina": Role.CAUDA_EQUINA,
    "vessel": Role.VESSEL,
    "other": Role.OTHER,
    "Lt Lung": Role.LUNG,
    "Lung_L": Role.LUNG,
    "Heart": Role.ORGAN,
    "Tumor Bed Block": Role.OTHER,
    "Breast": Role.OTHER,
    "": Role.OTHER,
    " ": Role.OTHER,
    "_": Role.OTHER,
}


@pytest.mark.parametrize("name", NAMES)
def test_roles_are_guessed_only_from_clear_names(name):
    assert role_of_name(name) is NAMES[name]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("vertebrae_T12", "T12"),
        ("Vertebra Th12", "T12"),
        ("T12 vertebra", "T12"),
        ("th12_Vertebra", "T12"),
        ("L1-vertebra (2)", "L1"),
        ("vertebra T14", None),
        ("T12", None),
        ("T12 vertebral body", None),
    ],
)
def test_a_vertebra_is_named_with_its_level_before_or_behind(name, level):
    entry = entry_of_name(name)
    assert (entry.role is Role.VERTEBRA, entry.level) == (level is not None, level or "")


def test_a_lesion_of_a_vertebra_is_no_vertebra():
    entry = entry_of_name("GTV T12 vertebra")
    assert (entry.role, entry.level) == (Role.LESION, "T12")


def _areas_by_plane(region):
    """Height, shoelace area and mean vertex of every closed contour.

    The reference's centroids are the mean vertices weighted by area: its drawn points, not its area's centroids.
    """
    for contour in region.closed:
        x, y, z = contour.points_mm.T
        area = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
        yield float(z.mean()), abs(area), contour.points_mm.mean(axis=0)


def _reference(shared_data):
    return json.loads((shared_data / "rtstruct_reference.json").read_text())


def _frame_grid(path) -> Grid:
    dataset = pydicom.dcmread(path)
    frame = dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    return Grid.axis_aligned(
        origin_mm=(-300, -600, -500), spacing_mm=5, shape=(120, 140, 150), frame_of_reference=frame
    )


@pytest.mark.parametrize("file", ["dicom_ct_rtstruct_sts037/rtstruct/RS.dcm", "dicom_rt_breast_dicompyler/rtss.dcm"])
def test_real_structure_sets_agree_with_the_reference(shared_data, file):
    reference = _reference(shared_data)[file]
    found = read_rtstruct(shared_data / file, grid=_frame_grid(shared_data / file))
    structures = {structure.name: structure for structure in found.structures}
    assert set(structures) == set(reference)
    for name, expected in reference.items():
        planes = list(_areas_by_plane(structures[name].region))
        z, area = np.array([p[0] for p in planes]), np.array([p[1] for p in planes])
        centre = np.average(np.array([p[2] for p in planes]), axis=0, weights=area)
        assert len(planes) == expected["contours"]
        assert len(np.unique(np.round(z, 2))) == expected["slices"]
        np.testing.assert_allclose([z.min(), z.max()], [expected["z_min"], expected["z_max"]], atol=0.006)
        volume = area.sum() * expected["slice_step"] / 1000
        np.testing.assert_allclose(volume, expected["sum_area_x_step_cm3"], atol=0.006)
        np.testing.assert_allclose(centre, expected["centroid_LPS"], atol=0.06)


def test_a_region_without_contours_in_a_real_set_is_shown(shared_data):
    path = shared_data / "dicom_rt_breast_dicompyler/rtss.dcm"
    found = read_rtstruct(path, grid=_frame_grid(path))
    assert found.unreadable == (("Areola", "has no contours"),)


def test_the_real_set_whose_references_resolve_nowhere_is_matched_by_frame(shared_data):
    folder = shared_data / "dicom_ct_rtstruct_sts037"
    scan = read_scan(folder / "ct", structures=folder / "rtstruct" / "RS.dcm")
    mass = scan.structure("GTV_Mass_CT")
    assert len(mass.region.contours) == 43
    assert any("43 of 43 referenced images" in note for note in scan.notes)
    heights = np.array([contour.points_mm[0, 2] for contour in mass.region.contours])
    k = scan.image.grid.index(np.array([[0, 0, z] for z in heights]))[:, 2]
    np.testing.assert_allclose(k, np.rint(k), atol=0.01)
