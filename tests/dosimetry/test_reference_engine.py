"""The reference engine: water, walls of bone, threads, stopping, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from metaspine.dosimetry import reference_run
from metaspine.dosimetry.absolute import AbsoluteRate, absolute_rate, reference_distance_mm
from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_dose, reference_doses, resumed
from metaspine.dosimetry.reference_tissues import Tissues, all_water, tissues_around
from metaspine.errors import Cancelled, DeviceFileError, InputError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.imaging.densities import Override
from metaspine.imaging.findings import structure_or_finding
from metaspine.patient.plan import DwellPosition
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.materials import material
from metaspine.running import silent
from metaspine.transport.scatter import Sampling

NEEDLE = read_applicator("intrabeam-needle")
ISOCENTRE = np.array([3.2, -4.5, 100.2])
UP = np.array([0.0, 0.0, 1.0])
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)
FEW = Sampling(seed=1, rays_per_batch=300)


def grid(half_extent_mm: float = 14.0, spacing_mm: float = 2.0) -> Grid:
    return Grid.around(ISOCENTRE, half_extent_mm=half_extent_mm, spacing_mm=spacing_mm, frame_of_reference="test")


def irradiation(where: Grid, tissues: Tissues | None, time_s: float = 60.0) -> Irradiation:
    dwell = DwellPosition(ISOCENTRE, UP, time_s)
    image = Volume(np.zeros(where.shape), where)
    return Irradiation((dwell,), NEEDLE, NEEDLE.nominal, where, image, "0" * 64, tissues)


def run(
    tissues: Tissues | None = None, *, histories: int = 3000, sampling: Sampling = FEW, time_s: float = 60.0
) -> ReferenceDoses:
    where = grid()
    asked = irradiation(where, tissues or all_water(where), time_s)
    stop = Stop(relative_uncertainty=None, distance_mm=10.0, histories=histories)
    return reference_doses(asked, stop=stop, sampling=sampling, rate=RATE, progress=silent)


def offsets(where: Grid) -> np.ndarray:
    return where.point_mm(np.moveaxis(np.indices(where.shape), 0, -1)) - ISOCENTRE


def on_equator(where: Grid, distance_mm: float, half_width_mm: float = 1.0) -> np.ndarray:
    from_source = offsets(where)
    distance = np.linalg.norm(from_source, axis=-1)
    return (np.abs(distance - distance_mm) < half_width_mm) & (np.abs(from_source[..., 2]) < 0.5 * distance)


@pytest.fixture(scope="module")
def in_water() -> ReferenceDoses:
    return run(histories=9000)


def with_wall(where: Grid, inner_mm: float, outer_mm: float) -> Tissues:
    """Water with a spherical shell of cortical bone."""
    water = all_water(where)
    distance = np.linalg.norm(offsets(water.density.grid), axis=-1)
    wall = (distance >= inner_mm) & (distance < outer_mm)
    cortical = material("cortical")
    density = np.where(wall, cortical.density_g_cm3, water.density.values).astype(np.float32)
    return Tissues(
        Volume(wall.astype(np.uint8), water.material.grid),
        Volume(density, water.density.grid),
        (*water.materials, cortical),
    )


@pytest.fixture(scope="module")
def wall_and_water() -> tuple[ReferenceDoses, ReferenceDoses]:
    where = grid(16.0, 0.5)
    stop = Stop(relative_uncertainty=None, distance_mm=10.0, histories=10_000)
    sampling = FEW._replace(rays_per_batch=1000)
    bare = replace(NEEDLE, filters=())
    wall, water = (
        reference_doses(
            replace(irradiation(where, tissues), applicator=bare),
            stop=stop,
            sampling=sampling,
            rate=RATE,
            progress=silent,
        )
        for tissues in (with_wall(where, 10.0, 12.0), all_water(where))
    )
    return wall, water


def test_calibration_gives_water_the_outputs_dose_rate_at_the_reference_distance() -> None:
    rate = absolute_rate(NEEDLE, NEEDLE.nominal, sampling=Sampling(seed=3, rays_per_batch=500))
    where = grid(12.0, 1.0)
    asked = irradiation(where, all_water(where))
    stop = Stop(relative_uncertainty=None, distance_mm=10.0, histories=10_000)
    doses = reference_doses(
        asked, stop=stop, sampling=Sampling(seed=4, rays_per_batch=1000), rate=rate, progress=silent
    )
    shell = np.abs(np.linalg.norm(offsets(where), axis=-1) - 10.0) < 0.5
    shell &= np.abs(offsets(where)[..., 2]) < 5.0
    table = dose_rate_gy_per_min(NEEDLE.nominal.depth_dose, np.linalg.norm(offsets(where)[shell], axis=-1))
    ratio = float((doses.to_water.volume.values[shell] / table).mean())
    assert ratio == pytest.approx(1.0, abs=0.01)
    assert rate.distance_mm == reference_distance_mm(NEEDLE.nominal) == 10.0


def test_in_water_both_doses_are_one_and_fall_near_the_inverse_cube(in_water: ReferenceDoses) -> None:
    np.testing.assert_allclose(in_water.to_medium.volume.values, in_water.to_water.volume.values, rtol=1e-5)
    near, far = (in_water.to_water.volume.values[on_equator(grid(), r)] for r in (6.0, 12.0))
    distance_near, distance_far = (np.linalg.norm(offsets(grid())[on_equator(grid(), r)], axis=-1) for r in (6.0, 12.0))
    slope = np.log((far * distance_far**3).mean() / (near * distance_near**3).mean()) / np.log(2.0) - 3.0
    assert -3.3 < slope < -2.6


def test_dose_is_proportional_to_time_and_dwells_add_up(in_water: ReferenceDoses) -> None:
    twice = run(histories=9000, time_s=120.0)
    np.testing.assert_allclose(twice.to_medium.volume.values, 2 * in_water.to_medium.volume.values, rtol=1e-5)
    where = grid()
    one = irradiation(where, all_water(where))
    two = replace(one, dwells=(one.dwells[0], one.dwells[0]))
    stop = Stop(relative_uncertainty=None, distance_mm=10.0, histories=18_000)
    both = reference_doses(two, stop=stop, sampling=FEW, rate=RATE, progress=silent)
    np.testing.assert_allclose(both.to_medium.volume.values, 2 * in_water.to_medium.volume.values, rtol=1e-5)
    assert both.to_medium.provenance.histories == 18_000


@pytest.mark.parametrize(("distance_mm", "expected"), [(12.75, 0.306), (15.25, 0.361)])
def test_a_cortical_wall_takes_two_thirds_of_the_dose_behind_it(
    wall_and_water: tuple[ReferenceDoses, ReferenceDoses], distance_mm: float, expected: float
) -> None:
    """PENELOPE's ratios for an unfiltered gold source and a wall from 10 to 12 mm, here of half-millimetre voxels."""
    behind, water = (doses.to_water.volume for doses in wall_and_water)
    shell = on_equator(water.grid, distance_mm, half_width_mm=0.25)
    ratio = float(behind.values[shell].mean() / water.values[shell].mean())
    assert ratio == pytest.approx(expected, rel=0.06)


def test_bone_itself_gets_several_times_the_dose_of_water(
    wall_and_water: tuple[ReferenceDoses, ReferenceDoses],
) -> None:
    """PENELOPE: 4.65 at 10.25 mm falling to 2.07 at 11.75 mm; the mean of the wall lies between."""
    behind, water = wall_and_water
    wall = on_equator(water.to_water.volume.grid, 11.0, half_width_mm=0.5)
    ratio = float(behind.to_medium.volume.values[wall].mean() / water.to_water.volume.values[wall].mean())
    assert 2.07 < ratio < 4.65
    assert (behind.to_medium.volume.values[wall] > 3 * behind.to_water.volume.values[wall]).all()


def test_what_a_dose_says_of_itself(in_water: ReferenceDoses) -> None:
    medium, water = in_water.to_medium, in_water.to_water
    assert (medium.convention, water.convention) == (
        DoseConvention.MONTE_CARLO_MEDIUM,
        DoseConvention.MONTE_CARLO_WATER,
    )
    assert (medium.provenance.engine, medium.provenance.seed, medium.provenance.histories) == ("reference", 1, 9000)
    assert medium.provenance.filters == ("0.0025 mm nickel (SRC-09)", "0.31 mm aluminium (SRC-10)")
    table = NEEDLE.nominal.depth_dose
    common = table.relative_uncertainty**2 + table.direction_relative_uncertainty**2 + RATE.relative_uncertainty**2
    statistics = in_water.statistical_uncertainty.values
    known = np.isfinite(statistics)
    np.testing.assert_allclose(
        medium.relative_uncertainty.values[known], np.sqrt(common + statistics[known] ** 2), rtol=1e-5
    )
    assert np.isnan(medium.volume.values[7, 7, 7])
    assert np.isnan(medium.volume.values[7, 7, 2])


def test_the_stated_uncertainty_is_that_of_repeated_runs() -> None:
    runs = [run(sampling=FEW._replace(seed=seed)) for seed in range(10, 18)]
    shell = on_equator(grid(), 10.0)
    values = np.array([one.to_medium.volume.values[shell] for one in runs])
    seen = values.std(axis=0, ddof=1) / values.mean(axis=0)
    stated = np.array([one.statistical_uncertainty.values[shell] for one in runs])
    assert np.sqrt((seen**2).mean()) == pytest.approx(np.sqrt((stated**2).mean()), rel=0.2)


def test_more_histories_continue_the_same_run_and_the_seed_matters(in_water: ReferenceDoses) -> None:
    again = run(histories=9000)
    np.testing.assert_array_equal(again.to_medium.volume.values, in_water.to_medium.volume.values)
    other = run(histories=9000, sampling=FEW._replace(seed=2))
    assert not np.array_equal(other.to_medium.volume.values, in_water.to_medium.volume.values)


def test_a_run_stops_at_the_uncertainty_asked_for(in_water: ReferenceDoses) -> None:
    where = grid()
    asked = irradiation(where, all_water(where))
    first = run()
    stop = Stop(relative_uncertainty=first.reached * 0.7, distance_mm=10.0)
    done = reference_doses(asked, stop=stop, sampling=FEW, rate=RATE, progress=silent)
    assert done.reached <= first.reached * 0.7
    assert (done.to_medium.provenance.histories or 0) > 3000


def test_a_resumed_run_is_the_same_as_a_long_one(in_water: ReferenceDoses) -> None:
    stop = Stop(relative_uncertainty=None, distance_mm=10.0, histories=9000)
    longer = resumed(run(histories=3000), stop=stop, progress=silent)
    assert longer.to_medium.provenance.histories == 9000
    np.testing.assert_array_equal(longer.to_medium.volume.values, in_water.to_medium.volume.values)
    np.testing.assert_array_equal(longer.statistical_uncertainty.values, in_water.statistical_uncertainty.values)
    with pytest.raises(InputError, match="above 0"):
        resumed(in_water, stop=Stop(histories=0), progress=silent)


def test_a_run_stops_in_time() -> None:
    where = grid()
    stop = Stop(relative_uncertainty=1e-9, distance_mm=10.0, seconds=1e-3)
    asked = irradiation(where, all_water(where))
    done = reference_doses(asked, stop=stop, sampling=FEW, rate=RATE, progress=silent)
    assert done.to_medium.provenance.histories == 3000


_PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_reference_engine import run
doses = run()
print(hashlib.sha256(doses.to_medium.volume.values.tobytes() + doses.to_water.volume.values.tobytes()).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit() -> None:
    here = os.path.dirname(__file__)
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, here],
            env={**os.environ, "NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(hashes) == 1


def test_cancelling_stops_the_run() -> None:
    def listener(step: str, fraction: float) -> None:
        if step == "Monte Carlo dose":
            raise Cancelled("cancelled by the user", remedy="Start again")

    where = grid()
    with pytest.raises(Cancelled):
        reference_doses(irradiation(where, all_water(where)), sampling=FEW, rate=RATE, progress=listener)


def scan_of(hounsfield: np.ndarray, where: Grid) -> Scan:
    return Scan(Volume(hounsfield, where), (), ScanOrigin("made", "0" * 64))


def test_tissues_come_from_the_scan_and_say_what_is_not_known() -> None:
    image = Grid.around(ISOCENTRE, half_extent_mm=20.0, spacing_mm=1.0, frame_of_reference="test")
    hounsfield = np.full(image.shape, 40.0)
    hounsfield[30:, :, :] = 900.0
    hounsfield[5:9, 5:9, 5:9] = 3000.0
    tissues = tissues_around(scan_of(hounsfield, image), grid(10.0, 1.0))
    dense = tissues.density.grid.index(ISOCENTRE + np.array([15.0, 0, 0])).round().astype(int)
    assert tissues.density.values[tuple(dense)] > 1.4
    said = " ".join(tissues.notes)
    assert "tube voltage is unknown" in said
    assert "Metal" in said
    assert "scan ends" in said
    assert tissues.metal.any()


def test_what_is_seen_and_unanswered_is_named_where_photons_come_near_it() -> None:
    image = Grid.around(ISOCENTRE, half_extent_mm=30.0, spacing_mm=1.0, frame_of_reference="test")
    for first, names in ((20, ("metal 1",)), (0, ())):
        hounsfield = np.full(image.shape, 40.0)
        hounsfield[first : first + 4, first : first + 4, first : first + 4] = 3000.0
        scan = scan_of(hounsfield, image)
        assert tissues_around(scan, grid(5.0, 1.0)).unanswered == names
        answer = Override(structure_or_finding(scan, "metal 1"), material("titanium"))
        answered = tissues_around(scan, grid(5.0, 1.0), overrides=[answer])
        assert answered.unanswered == ()
        assert answered.metal.any() == bool(names)


def test_what_lies_outside_the_scan_is_refused() -> None:
    image = Grid.around(ISOCENTRE, half_extent_mm=30.0, spacing_mm=1.0, frame_of_reference="test")
    scan = scan_of(np.full(image.shape, 40.0), image)
    elsewhere = Grid.around(ISOCENTRE + 90.0, half_extent_mm=5.0, spacing_mm=1.0, frame_of_reference="test")
    rod = Structure("rod", Role.OTHER, Volume(np.ones(elsewhere.shape), elsewhere), Origin.DRAWN)
    with pytest.raises(StructureError, match="rod: the structure covers no voxel of the scan"):
        tissues_around(scan, grid(5.0, 1.0), overrides=[Override(rod, material("titanium"))])


def test_a_source_in_metal_is_refused() -> None:
    where = grid()
    water = all_water(where)
    metal = replace(water, density=Volume(np.full(water.density.values.shape, 4.4, np.float32), water.density.grid))
    with pytest.raises(InputError, match=r"inside metal \(4\.4 g/cm3\).*Move the isocentre"):
        run(metal)


def test_a_voxel_without_material_or_density_is_refused() -> None:
    water = all_water(grid())
    odd = np.array(water.material.values)
    odd[3, 4, 5] = 7
    with pytest.raises(
        InputError, match=r"1 voxels hold a material that the tables don't have.*\(3, 4, 5\).*Give tissues"
    ):
        run(replace(water, material=Volume(odd, water.material.grid)))
    empty = np.array(water.density.values)
    empty[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="every voxel needs a density"):
        run(replace(water, density=Volume(empty, water.density.grid)))


def test_energies_outside_the_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = replace(reference_run.spectrum_of(NEEDLE), edges_kev=np.array([30.0, 70.0]), photons_per_bin=np.ones(1))
    monkeypatch.setattr(reference_run, "spectrum_of", lambda _: hard)
    with pytest.raises(InputError, match=r"70.*cross sections cover"):
        run()


def test_a_source_outside_the_grid_is_refused() -> None:
    where = grid()
    asked = irradiation(where, all_water(where))
    away = replace(asked, dwells=(DwellPosition(ISOCENTRE + 80.0, UP, 60.0),))
    with pytest.raises(InputError, match=r"lies outside the dose grid.*Ask for the dose on a grid around"):
        reference_doses(away, sampling=FEW, rate=RATE, progress=silent)


@pytest.mark.parametrize("stop", [Stop(histories=0), Stop(relative_uncertainty=None), Stop(seconds=-1.0)])
def test_a_run_that_would_never_or_not_start_is_refused(stop: Stop) -> None:
    where = grid()
    with pytest.raises(InputError, match=r"a run to an uncertainty of .* Give at least one of them, above 0"):
        reference_doses(irradiation(where, all_water(where)), stop=stop, rate=RATE, progress=silent)


def test_missing_tissues_dwells_and_spectra_are_refused() -> None:
    where = grid()
    with pytest.raises(InputError, match=r"no tissues.*tissues_around"):
        reference_dose(irradiation(where, None), progress=silent)
    with pytest.raises(InputError, match="dwell times of"):
        reference_doses(irradiation(where, all_water(where), -1.0), rate=RATE, progress=silent)
    nameless = replace(irradiation(where, all_water(where)), applicator=replace(NEEDLE, spectrum=""))
    with pytest.raises(DeviceFileError, match=r"names no spectrum.*Name the source"):
        reference_doses(nameless, rate=RATE, progress=silent)
