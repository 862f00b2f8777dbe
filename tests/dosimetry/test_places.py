"""Where a run's uncertainty is asked for, and what stands in the way: shells, structures, walls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from test_reference_beside_console import FAR, LESION, RATE, WALLED, case
from test_reference_engine import ISOCENTRE, grid, with_wall

from metaspine.dosimetry import irradiation_of, reference_doses
from metaspine.dosimetry.places import Place, place_of
from metaspine.dosimetry.reference import Stop
from metaspine.dosimetry.reference_tissues import Tissues, all_water
from metaspine.dosimetry.walls import CORTEX_G_CM3, SOFT_G_CM3, Wall, bone_before_mm, wall_of
from metaspine.errors import GridMismatch, InputError, StructureError
from metaspine.geometry import Volume
from metaspine.running import silent
from metaspine.transport.scatter import Sampling

FEW = Sampling(rays_per_batch=300)


def test_a_run_stops_at_the_uncertainty_of_a_named_structure() -> None:
    plan, scan = case()
    asked = irradiation_of(plan, scan, spacing_mm=2.0, half_extent_mm=18.0)
    cord = place_of(plan, scan, "cord", grid=asked.grid)
    assert int(cord.voxels.sum()) == 4
    doses = {
        place.name: reference_doses(
            asked, stop=Stop(0.04, histories=12_000, place=place), sampling=FEW, rate=RATE, progress=silent
        )
        for place in (cord, place_of(plan, scan, "lesion", grid=asked.grid, whole=True))
    }
    at_cord, at_lesion = doses.values()
    noise = at_cord.statistical_uncertainty.values[cord.voxels]
    assert at_cord.reached == pytest.approx(float(np.sqrt(np.mean(noise.astype(float) ** 2))), rel=1e-5)
    assert at_lesion.reached <= 0.04
    assert (at_cord.to_medium.provenance.histories or 0) > (at_lesion.to_medium.provenance.histories or 0)
    assert "the hottest 0.03 cm3 of cord" in at_cord.to_medium.notes[0]
    assert "lesion, all of it" in at_lesion.to_medium.notes[0]


def test_places_know_derived_structures_and_refuse_what_is_not_there() -> None:
    plan, scan = case()
    where = irradiation_of(plan, scan, spacing_mm=2.0, half_extent_mm=18.0).grid
    without = replace(scan, structures=(LESION, FAR))
    assert place_of(plan, without, WALLED.name, grid=where).voxels.any()
    with pytest.raises(StructureError, match=r"no structure 'liver'.*There are: lesion, far"):
        place_of(plan, without, "liver", grid=where)
    with pytest.raises(InputError, match=r"no voxel of far lies in the dose grid.*larger grid"):
        place_of(plan, scan, "far", grid=where)


def test_a_place_on_another_grid_or_inside_the_applicator_is_refused() -> None:
    plan, scan = case()
    asked = irradiation_of(plan, scan, spacing_mm=2.0, half_extent_mm=18.0)
    other = Place("elsewhere", np.ones((3, 3, 3), bool))
    with pytest.raises(GridMismatch, match=r"elsewhere: .3, 3, 3. voxels"):
        reference_doses(asked, stop=Stop(place=other), sampling=FEW, rate=RATE, progress=silent)
    with pytest.raises(InputError, match=r"no voxel of the dose grid.*80 mm from the isocentre"):
        reference_doses(asked, stop=Stop(distance_mm=80.0), sampling=FEW, rate=RATE, progress=silent)


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: float(np.linalg.norm(v)) > 0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(directions, min_size=1, max_size=20), st.floats(1.0, 24.0))
def test_a_closed_shell_of_bone_is_a_wall_for_all_that_lies_beyond_it(
    ways: list[tuple[float, float, float]], distance_mm: float
) -> None:
    """A shell of 3 mm of cortex in voxels of 1 mm."""
    tissues = with_wall(grid(14.0, 1.0), 8.0, 11.0)
    unit = np.array([np.array(way) / np.linalg.norm(way) for way in ways])
    points = ISOCENTRE + distance_mm * unit
    found = bone_before_mm(points, tissues, ISOCENTRE)
    if distance_mm < 7.0:
        assert (found == 0.0).all()
        assert wall_of(found) is Wall.LITTLE
    if distance_mm > 12.0:
        assert found == pytest.approx(3.0, abs=1.2)
        assert wall_of(found) is Wall.INTACT
    assert (bone_before_mm(points, all_water(grid(14.0, 1.0)), ISOCENTRE) == 0.0).all()


def test_a_smeared_wall_counts_as_much_as_a_sharp_one() -> None:
    """Three voxels of cortex across the way, then the same mass over seven."""
    water = all_water(grid(14.0, 1.0))
    depth = np.arange(water.density.grid.shape[0])
    sharp = np.where((depth >= 40) & (depth < 43), CORTEX_G_CM3, SOFT_G_CM3)
    blurred = SOFT_G_CM3 + ndimage.uniform_filter(sharp - SOFT_G_CM3, 5)
    point = [ISOCENTRE + np.array([26.0, 0.3, -0.2])]
    for across in (sharp, blurred):
        density = np.broadcast_to(across[:, None, None], water.density.grid.shape).astype(np.float32)
        assert bone_before_mm(point, opened(water, density), ISOCENTRE) == pytest.approx([3.0], abs=0.15)


def test_a_hole_in_the_wall_opens_it_and_metal_is_no_bone() -> None:
    where = grid(14.0, 1.0)
    tissues = with_wall(where, 8.0, 11.0)
    lps = tissues.density.grid.point_mm(np.moveaxis(np.indices(tissues.density.grid.shape), 0, -1)) - ISOCENTRE
    behind = ISOCENTRE + np.array([[15.0, y, 0.0] for y in np.linspace(-6, 6, 25)])
    hole = np.where(lps[..., 1] < 0, 1.0, tissues.density.values).astype(np.float32)
    found = bone_before_mm(behind, opened(tissues, hole), ISOCENTRE)
    assert wall_of(found) is Wall.THIN
    assert (found > 1.0).mean() == pytest.approx(0.5, abs=0.1)
    steel = np.where(tissues.density.values > 1.5, 7.9, 1.0).astype(np.float32)
    assert (bone_before_mm(behind, opened(tissues, steel), ISOCENTRE) == 0.0).all()


def opened(tissues: Tissues, density: np.ndarray) -> Tissues:
    return replace(tissues, density=Volume(density, tissues.density.grid))
