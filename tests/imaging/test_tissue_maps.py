"""Materials and densities of a synthetic body: tissues, bone, lesions, overrides, findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import metaspine as ms
from metaspine.errors import FrameMismatch, ImageError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.imaging.densities import (
    ADIPOSE,
    AIR,
    FIRST_BONE,
    LUNG,
    SOFT,
    WATER,
    Override,
    tissue_map,
    tissues,
    without_contrast,
)
from metaspine.imaging.findings import FindingKind, find_foreign, structure_or_finding
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.physics.materials import cement, material
from metaspine.physics.photon_data import coefficients
from metaspine.physics.tissues import bone, bone_level, bone_levels, compact_share

SHAPE = (30, 30, 20)
GRID = Grid.axis_aligned(origin_mm=(0, 0, 0), shape=SHAPE, spacing_mm=(1, 1, 2), frame_of_reference="1.2.3")
VERTEBRA = (slice(8, 24), slice(8, 24), slice(4, 16))
LESION = (slice(12, 18), slice(12, 18), slice(8, 12))
VESSEL = (slice(2, 6), slice(2, 6), slice(0, 20))
CANAL = (slice(26, 29), slice(10, 16), slice(0, 20))


def structure(name: str, role: Role, box: tuple[slice, slice, slice], level: str = "") -> Structure:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[box] = True
    return Structure(name, role, Volume(mask, GRID), Origin.DRAWN, level=level)


def body(**boxes: float) -> Scan:
    """A body of 40 HU with a porous vertebra (80 HU), a lytic lesion in it, a vessel and a canal."""
    values = {"VERTEBRA": 80.0, "LESION": 45.0, "VESSEL": 45.0, "CANAL": 15.0} | boxes
    image = np.full(SHAPE, 40.0, dtype=np.float32)
    for name, hounsfield in values.items():
        image[globals()[name]] = hounsfield
    structures = (
        structure("T12", Role.VERTEBRA, VERTEBRA, "T12"),
        structure("lesion", Role.LESION, LESION, "T12"),
        structure("aorta", Role.VESSEL, VESSEL),
        structure("canal", Role.BONY_CANAL, CANAL),
    )
    return Scan(Volume(image, GRID), structures, ScanOrigin("ct", "0", tube_voltage_kv=120))


def with_box(scan: Scan, box: tuple[slice, slice, slice], hounsfield: float) -> Scan:
    image = np.array(scan.image.values)
    image[box] = hounsfield
    return Scan(Volume(image, GRID), scan.structures, scan.origin)


def with_structure(scan: Scan, added: Structure) -> Scan:
    return Scan(scan.image, (*scan.structures, added), scan.origin)


@pytest.mark.parametrize(
    ("hounsfield", "kind", "density"),
    [
        (-1000, AIR, 0.00121),
        (-3000, AIR, 0.00121),
        (-800, LUNG, 0.2062),
        (-80, ADIPOSE, 0.947),
        (40, SOFT, 1.0443),
        (99, SOFT, 1.0757),
    ],
)
def test_tissues_by_their_density(hounsfield: float, kind: int, density: float) -> None:
    scan = with_box(body(), (slice(0, 1), slice(28, 29), slice(0, 1)), hounsfield)
    found = tissue_map(scan)
    assert found.material.values[0, 28, 0] == kind
    assert found.density.values[0, 28, 0] == pytest.approx(density, abs=2e-3)


def test_types_and_water_first() -> None:
    found = tissue_map(body())
    assert found.material.values.dtype == np.uint8
    assert found.density.values.dtype == np.float32
    assert found.materials[WATER].name == "water"
    assert found.materials == tissues()
    assert len(found.materials) < 255


def test_a_porous_vertebra_is_bone_and_its_lesion_is_not() -> None:
    found = tissue_map(body())
    assert found.material.values[9, 9, 6] > FIRST_BONE
    assert (found.material.values[LESION] == SOFT).all()
    assert found.material.values[26, 26, 6] == SOFT


def test_bone_outside_outlined_structures_begins_at_100_hu() -> None:
    scan = with_box(body(), (slice(0, 1), slice(28, 30), slice(0, 1)), 101)
    assert tissue_map(scan).material.values[0, 28, 0] >= FIRST_BONE


def test_every_bone_density_is_within_the_stated_error() -> None:
    """4 % in attenuation and energy transfer from 8 to 50 keV (docs/materials.md)."""
    energy = np.arange(8.0, 51.0, 3.0)
    levels = [coefficients(each, energy) for each in bone_levels()]
    for density in np.linspace(1.0, 1.95, 60):
        exact = coefficients(bone(float(compact_share(density))), energy)
        used = levels[int(bone_level(density))]
        np.testing.assert_allclose(used.total, exact.total, rtol=0.04)
        np.testing.assert_allclose(used.transfer, exact.transfer, rtol=0.04)


def test_bone_of_the_density_of_compact_bone_is_compact_bone() -> None:
    assert float(compact_share(1.92)) == 1
    assert float(compact_share(0.9)) == 0
    assert dict(bone(1.0).mass_fractions) == dict(material("cortical").mass_fractions)
    halfway = bone(float(compact_share(1.4)))
    assert halfway.density_g_cm3 == pytest.approx(1.4)


def test_overrides_win_and_are_noted() -> None:
    scan = body()
    rod = structure("rod", Role.OTHER, (slice(20, 22), slice(9, 11), slice(4, 16)))
    bubble = structure("gas", Role.OTHER, (slice(20, 21), slice(9, 10), slice(4, 5)))
    found = tissue_map(
        scan,
        overrides=[
            Override(rod, material("titanium")),
            Override(bubble, material("air")),
            Override(scan.structure("lesion"), cement(barium_sulfate_percent=30), density_g_cm3=1.5),
        ],
    )
    assert found.materials[found.material.values[21, 10, 10]].name == "titanium"
    assert found.density.values[21, 10, 10] == pytest.approx(4.54)
    assert found.material.values[20, 9, 4] == AIR
    assert found.density.values[14, 14, 10] == pytest.approx(1.5)
    assert any("lesion is bone cement: PMMA + 30 % BaSO4, 1.5 g/cm3" in note for note in found.notes)


def test_an_override_by_contours_lands_on_its_slices() -> None:
    square = np.array([[9.5, 9.5], [13.5, 9.5], [13.5, 13.5], [9.5, 13.5]])
    planes = [Contour(np.column_stack([square, np.full(4, z)])) for z in (10.0, 12.0)]
    drawn = Structure("cage", Role.OTHER, ContourSet(tuple(planes), "1.2.3"), Origin.DRAWN)
    found = tissue_map(body(), overrides=[Override(drawn, material("peek"))])
    inside = np.argwhere(found.material.values == len(found.materials) - 1)
    assert inside.min(axis=0).tolist() == [10, 10, 5]
    assert inside.max(axis=0).tolist() == [13, 13, 6]


def test_an_override_that_touches_no_voxel_is_refused() -> None:
    grid = Grid.axis_aligned(origin_mm=(500, 0, 0), shape=(2, 2, 2), spacing_mm=(1, 1, 1), frame_of_reference="1.2.3")
    far = Structure("far", Role.OTHER, Volume(np.ones((2, 2, 2), bool), grid), Origin.DRAWN)
    with pytest.raises(StructureError, match="far: the structure covers no voxel of the scan"):
        tissue_map(body(), overrides=[Override(far, material("air"))])


def test_an_override_of_another_frame_is_refused() -> None:
    grid = Grid.axis_aligned(origin_mm=(0, 0, 0), shape=(2, 2, 2), spacing_mm=(1, 1, 1), frame_of_reference="9.9")
    other = Structure("other", Role.OTHER, Volume(np.ones((2, 2, 2), bool), grid), Origin.DRAWN)
    with pytest.raises(FrameMismatch, match="other"):
        tissue_map(body(), overrides=[Override(other, material("air"))])


def test_nothing_foreign_in_a_plain_body() -> None:
    assert find_foreign(body()) == ()
    assert not any("?" in caution for caution in tissue_map(body()).cautions)


def test_metal_is_found_located_and_asked_about() -> None:
    box = (slice(20, 23), slice(9, 12), slice(5, 11))
    (finding,) = find_foreign(with_box(body(), box, 3000))
    assert finding.kind is FindingKind.METAL
    assert finding.volume_cm3 == pytest.approx(3 * 3 * 6 * 2 / 1000)
    assert finding.centre_mm == pytest.approx((21, 10, 15))
    assert finding.near == "T12"
    assert "Which metal" in finding.sentence
    assert "Until this is answered" in finding.sentence


def test_metal_is_titanium_alloy_until_it_is_answered_and_says_so() -> None:
    box = (slice(20, 23), slice(9, 12), slice(5, 11))
    scan = with_box(body(), box, 3000)
    asked = tissue_map(scan)
    assert asked.materials[asked.material.values[21, 10, 8]].name == "titanium-alloy"
    assert any("metal 1" in caution for caution in asked.cautions)
    answered = tissue_map(scan, overrides=[Override(asked.findings[0].structure, material("tantalum"))])
    assert answered.materials[answered.material.values[21, 10, 8]].name == "tantalum"
    assert answered.findings == ()
    assert not any("metal 1" in caution for caution in answered.cautions)


def test_two_bright_voxels_are_no_metal() -> None:
    assert find_foreign(with_box(body(), (slice(20, 22), slice(9, 10), slice(5, 6)), 3000)) == ()


def test_cement_is_asked_about_and_a_bright_wall_is_not() -> None:
    (finding,) = find_foreign(with_box(body(), (slice(10, 18), slice(10, 18), slice(6, 12)), 1600))
    assert finding.kind is FindingKind.CEMENT
    assert "BaSO4" in finding.question
    wall = with_box(body(), (slice(8, 24), slice(8, 10), slice(4, 16)), 1600)
    assert find_foreign(wall) == ()


def test_a_bright_vessel_is_contrast_and_read_as_bone_only_with_a_caution() -> None:
    scan = body(VESSEL=350.0)
    found = tissue_map(scan)
    (finding,) = found.findings
    assert finding.kind is FindingKind.CONTRAST
    assert finding.structure.name == "aorta"
    assert (found.material.values[VESSEL] >= FIRST_BONE).all()
    assert any("aorta (350 HU)" in caution and "Was contrast given" in caution for caution in found.cautions)
    answered = tissue_map(scan, overrides=without_contrast(found.findings))
    assert {answered.materials[number].name for number in np.unique(answered.material.values[VESSEL])} == {"blood"}
    assert answered.findings == ()


def test_a_bright_canal_is_a_myelogram() -> None:
    (finding,) = find_foreign(body(CANAL=220.0))
    assert finding.kind is FindingKind.MYELOGRAM
    (override,) = without_contrast([finding])
    assert override.material.name == "soft"


def test_a_vessel_without_contrast_is_left_alone() -> None:
    assert find_foreign(body(VESSEL=60.0)) == ()


def test_where_nothing_is_outlined_contrast_is_not_ruled_out() -> None:
    scan = body()
    bare = Scan(scan.image, scan.structures[:2], scan.origin)
    cautions = " ".join(tissue_map(bare).cautions)
    assert "No vessel is outlined" in cautions
    assert "No canal, sac or cord is outlined" in cautions
    assert "is outlined" not in " ".join(tissue_map(scan).cautions)


def test_unordered_axes_and_flips_place_structures_rightly() -> None:
    """The same body stored with flipped and exchanged axes has the same material at the same place."""
    scan = with_box(body(), (slice(20, 23), slice(9, 12), slice(5, 11)), 3000)
    flipped = np.diag([-1.0, 1.0, 2.0, 1.0])
    flipped[0, 3] = SHAPE[0] - 1
    grid = Grid(flipped, SHAPE, "1.2.3")
    stored = Scan(Volume(scan.image.values[::-1], grid), scan.structures, scan.origin)
    np.testing.assert_array_equal(tissue_map(stored).material.values[::-1], tissue_map(scan).material.values)


def test_a_voxel_without_a_number_is_refused() -> None:
    with pytest.raises(ImageError, match=r"ct: 1 voxels have no Hounsfield number, the first at index \(0, 28, 0\)"):
        tissue_map(with_box(body(), (slice(0, 1), slice(28, 29), slice(0, 1)), np.nan))


def test_an_unknown_tube_voltage_is_a_caution() -> None:
    scan = body()
    unknown = Scan(scan.image, scan.structures, ScanOrigin("ct", "0"))
    assert any("tube voltage is unknown" in caution for caution in tissue_map(unknown).cautions)


def test_voxels_above_the_curve_are_counted() -> None:
    scan = with_box(body(), (slice(0, 1), slice(29, 30), slice(0, 2)), 4000)
    assert any("2 voxels lie above the curve's last point" in note for note in tissue_map(scan).notes)


def test_the_example_has_contrast_in_its_aorta(example_folder: Path) -> None:
    scan = ms.read_scan(example_folder / "t12" / "ct.nii.gz", structures=example_folder / "t12" / "labels.nii.gz")
    found = tissue_map(scan)
    aorta = next(finding for finding in found.findings if finding.structure.name == "aorta")
    assert aorta.kind is FindingKind.CONTRAST
    assert aorta.median_hu > 300
    assert aorta.near == "T12"
    assert not [finding for finding in found.findings if finding.kind is FindingKind.METAL]
    assert any("tube voltage is unknown" in caution for caution in found.cautions)


def test_the_hip_of_a_real_scan_is_metal(shared_data: Path) -> None:
    folder = shared_data / "ct_totalseg_lumbar_3mm"
    scan = ms.read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    kinds = [finding.kind for finding in find_foreign(scan)]
    assert kinds == [FindingKind.METAL]


def test_contrast_in_the_great_veins_of_a_real_scan_is_asked_about(shared_data: Path) -> None:
    folder = shared_data / "ct_lidc0001_thoracolumbar"
    scan = ms.read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    names = {finding.structure.name for finding in find_foreign(scan) if finding.kind is FindingKind.CONTRAST}
    assert {"aorta", "superior_vena_cava"} <= names


def test_what_was_asked_about_is_found_under_its_name() -> None:
    scan = with_box(body(), (slice(9, 13), slice(9, 13), slice(6, 10)), 3000)
    assert structure_or_finding(scan, "aorta") is scan.structure("aorta")
    metal = structure_or_finding(scan, "metal 1")
    found = tissue_map(scan, overrides=[Override(metal, material("tantalum"))])
    assert found.materials[found.material.values[10, 10, 7]].name == "tantalum"
    assert not [each for each in found.findings if each.kind is FindingKind.METAL]
    with pytest.raises(StructureError, match=r"no structure 'metal 2'.*metal 1, T12, lesion"):
        structure_or_finding(scan, "metal 2")
