"""Which structure is the lesion and which limits the dose; every unusable one is refused with what, where and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phantom_vertebra import Phantom, make_scan, make_vertebra

from metaspine.errors import FrameMismatch, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.planning.lesions import lesion_of
from metaspine.planning.limiting import neural_structures

PHANTOM = Phantom(spacing_mm=1.5)
VERTEBRA = make_vertebra(PHANTOM)


def ball(centre: tuple[float, float, float], radius_mm: float = 4.0, **named) -> Structure:
    inside = np.linalg.norm(PHANTOM.points() - np.asarray(centre), axis=-1) < radius_mm
    facts = {"name": "ball", "role": Role.LESION, "origin": Origin.DRAWN} | named
    return Structure(region=Volume(inside, PHANTOM.grid), **facts)


def scan_with(*structures: Structure, without: tuple[str, ...] = ()) -> Scan:
    scan = make_scan(PHANTOM)
    kept = tuple(structure for structure in scan.structures if structure.name not in without)
    return replace(scan, structures=(*kept, *structures))


def neighbour() -> Structure:
    """A block of bone of L1 that meets T12 at z = -12."""
    x, y, z = np.moveaxis(PHANTOM.points(), -1, 0)
    block = (np.abs(x) < 25) & (y < -8) & (y > -36) & (z < -12.5)
    return Structure("vertebrae_L1", Role.VERTEBRA, Volume(block, PHANTOM.grid), Origin.AUTOMATIC, level="L1")


def test_the_one_lesion_at_the_level_is_taken():
    assert lesion_of(scan_with(), "T12", None).name == "lesion"


def test_a_lesion_without_a_level_is_found_by_where_it_lies():
    scan = scan_with(ball((0, -22, 0), name="GTV"), without=("lesion",))
    assert lesion_of(scan, "T12", None).name == "GTV"


def test_two_lesions_must_be_told_apart():
    with pytest.raises(StructureError, match=r"2 lesions at T12.*Name the lesion.*lesion, second"):
        lesion_of(scan_with(ball((-12, -22, 0), name="second", level="T12")), "T12", None)


def test_no_lesion_is_said():
    with pytest.raises(StructureError, match="no lesion at T12"):
        lesion_of(scan_with(without=("lesion",)), "T12", None)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(StructureError, match=r"no structure 'tumour'.*lesion"):
        lesion_of(scan_with(), "T12", "tumour")


def test_the_cord_is_no_lesion():
    with pytest.raises(StructureError, match="cord: is a spinal cord, not a lesion"):
        lesion_of(scan_with(), "T12", "cord")


def test_an_empty_lesion_is_refused():
    empty = Structure(
        "empty", Role.LESION, Volume(np.zeros(PHANTOM.grid.shape, dtype=bool), PHANTOM.grid), Origin.DRAWN
    )
    with pytest.raises(StructureError, match="empty: the structure holds no voxel"):
        lesion_of(scan_with(empty), "T12", "empty")


def test_a_lesion_outside_the_ct_is_refused():
    far = Grid.axis_aligned(
        origin_mm=(200, 0, 0), spacing_mm=2.0, shape=(5, 5, 5), frame_of_reference=PHANTOM.grid.frame_of_reference
    )
    lesion = Structure("far", Role.LESION, Volume(np.ones(far.shape, dtype=bool), far), Origin.DRAWN)
    with pytest.raises(StructureError, match=r"far: the lesion lies outside the CT.*Use the CT"):
        lesion_of(scan_with(lesion), "T12", "far")


def test_contours_that_reach_outside_the_ct_are_refused():
    square = np.array([[0, -10], [60, -10], [60, -30], [0, -30]], dtype=float)
    planes = tuple(Contour(np.column_stack([square, np.full(4, z)])) for z in (-1.1, 0.4, 1.9))
    lesion = Structure("drawn", Role.LESION, ContourSet(planes, PHANTOM.grid.frame_of_reference), Origin.DRAWN)
    with pytest.raises(StructureError, match=r"drawn: the lesion lies outside the CT \(\d+%"):
        lesion_of(scan_with(lesion), "T12", "drawn")


def test_a_lesion_on_another_frame_is_refused():
    grid = Grid(PHANTOM.grid.affine, PHANTOM.grid.shape, "2.25.999")
    lesion = Structure("moved", Role.LESION, Volume(np.ones(grid.shape, dtype=bool), grid), Origin.DRAWN)
    with pytest.raises(FrameMismatch, match=r"moved: .*2\.25\.999"):
        lesion_of(scan_with(), "T12", lesion)


def test_a_lesion_in_two_vertebrae_is_refused():
    both = ball((0, -22, -12), 7.0, name="both")
    with pytest.raises(StructureError, match=r"both: the lesion lies in two vertebrae.*T12.*L1"):
        lesion_of(scan_with(neighbour(), both), "T12", "both")


def test_a_lesion_of_another_level_is_refused():
    other = ball((0, -22, -19), 3.0, name="other")
    with pytest.raises(StructureError, match=r"other: the lesion lies in L1, not in T12"):
        lesion_of(scan_with(neighbour(), other), "T12", "other")


def test_a_lesion_in_no_bone_is_refused():
    with pytest.raises(StructureError, match="touches no labelled vertebra"):
        lesion_of(scan_with(ball((40, 35, 0), name="muscle")), "T12", "muscle")


def test_the_named_structure_limits():
    found = neural_structures(scan_with(), VERTEBRA, "cord")
    assert found.limiting.name == "cord"
    assert found.cautions == ()
    assert {structure.name for structure in found.kept_clear} == {"cord", "canal"}


def test_a_role_takes_the_confirmed_structure():
    automatic = ball((0, 0, 0), 4.0, name="cord_auto", role=Role.SPINAL_CORD, origin=Origin.AUTOMATIC)
    assert neural_structures(scan_with(automatic), VERTEBRA, "spinal cord").limiting.name == "cord"


def test_two_confirmed_cords_must_be_told_apart():
    other = ball((0, 0, 0), 4.0, name="cord_MR", role=Role.SPINAL_CORD)
    with pytest.raises(StructureError, match=r"cord, cord_MR: 2 structures.*Name the one"):
        neural_structures(scan_with(other), VERTEBRA, "spinal cord")


def test_without_a_cord_the_next_wider_structure_limits_and_is_said():
    found = neural_structures(scan_with(without=("cord",)), VERTEBRA, "spinal cord")
    assert found.limiting.role is Role.BONY_CANAL
    caution = next(caution for caution in found.cautions if caution.code == "LIMIT_BY_WIDER_STRUCTURE")
    assert "bony canal" in caution.message
    assert caution.evidence == "PLAN-18"


@pytest.mark.parametrize("origin", [Origin.AUTOMATIC, Origin.DERIVED, Origin.UNKNOWN])
def test_an_unconfirmed_limit_cannot_decide_alone(origin):
    scan = make_scan(PHANTOM, cord_origin=origin)
    caution = next(c for c in neural_structures(scan, VERTEBRA, "cord").cautions if c.code == "LIMIT_UNCONFIRMED")
    assert caution.stops
    assert "a person must confirm" in caution.message


def test_a_confirmed_automatic_cord_decides():
    scan = make_scan(PHANTOM, cord_origin=Origin.AUTOMATIC)
    named = tuple(replace(s, confirmed_by="A. Reader") if s.name == "cord" else s for s in scan.structures)
    assert neural_structures(replace(scan, structures=named), VERTEBRA, "cord").cautions == ()


@pytest.mark.parametrize(("role", "stops"), [(Role.ORGAN, True), (Role.VESSEL, True), (Role.OTHER, False)])
def test_a_limit_to_something_else_says_that_the_canal_is_not_limited(role, stops):
    other = replace(make_scan(Phantom()).structure("cord"), name="prv", role=role)
    found = neural_structures(scan_with(other), VERTEBRA, "prv")
    caution = next(c for c in found.cautions if c.code == "LIMIT_NOT_NEURAL")
    assert caution.stops is stops
    assert "prv" in caution.message
    assert VERTEBRA.level in caution.message


def test_an_unknown_limit_lists_roles_and_structures():
    with pytest.raises(StructureError, match=r"'myelum'.*spinal cord.*Structures: .*cord"):
        neural_structures(scan_with(), VERTEBRA, "myelum")


def test_a_limit_elsewhere_is_refused():
    low = replace(VERTEBRA, body_centre_mm=np.array([0.0, -22.0, -20.0]))
    scan = scan_with(ball((0, 0, 18), 3.0, name="cord_up", role=Role.SPINAL_CORD))
    with pytest.raises(StructureError, match="cord_up: the structure that limits the dose is not at T12"):
        neural_structures(scan, low, "cord_up")
