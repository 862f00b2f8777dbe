"""Both conventions side by side, and the reference engine through compute_dose."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from metaspine.dosimetry import compute_dose, irradiation_of, reference_doses
from metaspine.dosimetry.absolute import AbsoluteRate
from metaspine.dosimetry.reference import Stop
from metaspine.dosimetry.reference_beside_console import BesideConsole, beside_console
from metaspine.dosimetry.walls import Wall
from metaspine.errors import InputError
from metaspine.geometry import Grid, Volume
from metaspine.patient.plan import DwellPosition, Plan
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import DoseConvention
from metaspine.running import silent
from metaspine.transport.scatter import Sampling

NEEDLE = read_applicator("intrabeam-needle")
FRAME = "test"
IMAGE = Grid.around(np.zeros(3), half_extent_mm=32.0, spacing_mm=1.0, frame_of_reference=FRAME)
POINTS = IMAGE.point_mm(np.moveaxis(np.indices(IMAGE.shape), 0, -1))
X, Y, Z = np.moveaxis(POINTS, -1, 0)
RATE = AbsoluteRate(3.836e13, 10.0, 6.85e-14, 0.001, 1, 1)


def structure(name: str, role: Role, mask: np.ndarray) -> Structure:
    return Structure(name, role, Volume(mask, IMAGE), Origin.SYNTHETIC)


def behind(x_from: float) -> np.ndarray:
    return np.asarray((x_from <= X) & (x_from + 4 > X) & (np.abs(Y) < 4) & (np.abs(Z) < 10))


LESION = structure("lesion", Role.LESION, np.asarray(X**2 + Y**2 + Z**2 < 36))
WALLED = structure("cord", Role.SPINAL_CORD, behind(14.0))
OPEN = structure("sac", Role.THECAL_SAC, behind(-17.0))
FAR = structure("far", Role.CAUDA_EQUINA, behind(26.0))


def case() -> tuple[Plan, Scan]:
    """Soft tissue with a wall of compact bone on the left only, between source and cord."""
    hounsfield = np.where((X >= 9) & (X < 12), 1400.0, 20.0)
    scan = Scan(Volume(hounsfield, IMAGE), (LESION, WALLED, OPEN, FAR), ScanOrigin("made", "a" * 64))
    plan = SimpleNamespace(
        dwell=DwellPosition(np.zeros(3), np.array([0.0, 0.0, 1.0]), 240.0),
        applicator=NEEDLE,
        output=NEEDLE.nominal,
        vertebra=SimpleNamespace(frame_of_reference=FRAME),
        scan_sha256="a" * 64,
        lesion=LESION,
        limiting_structure=WALLED,
        prescription=SimpleNamespace(applied_distance_mm=13.0),
    )
    return cast(Plan, plan), scan


@pytest.fixture(scope="module")
def places() -> dict[str, BesideConsole]:
    plan, scan = case()
    irradiation = irradiation_of(plan, scan, spacing_mm=1.0, half_extent_mm=18.0)
    stop = Stop(relative_uncertainty=None, histories=10_000)
    doses = reference_doses(irradiation, stop=stop, sampling=Sampling(rays_per_batch=1000), rate=RATE, progress=silent)
    return {found.place: found for found in beside_console(plan, scan, doses)}


def test_behind_the_wall_monte_carlo_gives_far_less_and_in_the_open_it_does_not(
    places: dict[str, BesideConsole],
) -> None:
    walled, unwalled = places["Hottest 0.03 cm3 of cord"], places["Hottest 0.03 cm3 of sac"]
    assert walled.voxels == unwalled.voxels == 30
    assert 4 * 7.04 * (7.2 / 15) ** 3 < walled.console_gy < 4 * 7.04 * (7.2 / 14) ** 3
    assert walled.console_gy == pytest.approx(unwalled.console_gy, rel=0.05)
    assert walled.ratio < 0.5 < 0.9 < unwalled.ratio
    assert f"{walled.to_water_gy:.2f} Gy to water in medium" in walled.sentence


def test_the_surgeon_is_told_in_words_only_what_the_numbers_say(places: dict[str, BesideConsole]) -> None:
    walled, unwalled = places["Hottest 0.03 cm3 of cord"], places["Hottest 0.03 cm3 of sac"]
    assert (walled.wall, unwalled.wall) == (Wall.INTACT, Wall.LITTLE)
    assert 2.0 < walled.bone_mm < 3.6
    assert unwalled.bone_mm == 0.0
    assert walled.for_the_surgeon == (
        f"Behind the intact wall (bone worth {walled.bone_mm:.1f} mm of cortex) cord gets {walled.to_water_gy:.1f} Gy, "
        f"not {walled.console_gy:.1f} Gy."
    )
    assert unwalled.for_the_surgeon.startswith(
        "Little bone stands in the way (bone worth 0.0 mm of cortex): the console's dose holds for sac"
    )
    assert places["Border of lesion"].for_the_surgeon == ""
    assert places["Hottest 0.03 cm3 of far"].for_the_surgeon == ""


@pytest.mark.parametrize(
    ("water_gy", "wall", "words"),
    [
        (2.6, Wall.INTACT, "Behind the intact wall (bone worth 2.1 mm of cortex) cord gets 2.6 Gy, not 8.0 Gy."),
        (6.7, Wall.INTACT, "Behind the intact wall (bone worth 2.1 mm of cortex) the console's dose holds for cord"),
        (6.4, Wall.THIN, "Behind some bone (bone worth 2.1 mm of cortex) cord gets 6.4 Gy, not 8.0 Gy."),
        (9.9, Wall.LITTLE, "Little bone stands in the way (bone worth 2.1 mm of cortex): the console's dose holds"),
        (10.1, Wall.LITTLE, "Little bone stands in the way (bone worth 2.1 mm of cortex): cord gets MORE than the"),
    ],
)
def test_a_difference_is_one_only_beyond_its_band(water_gy: float, wall: Wall, words: str) -> None:
    """1 SD of 10.5 %: the band around 8 Gy ends at 8 / (1 + 0.2058) = 6.63 Gy and at 8 / (1 - 0.2058) = 10.07 Gy."""
    found = BesideConsole("cord", 30, 8.0, water_gy, water_gy, 0.105, "cord", wall, 2.1)
    near_edge = replace(found, to_water_gy=6.64)
    assert near_edge.differs is False
    assert replace(found, to_water_gy=6.62).differs is True
    assert found.for_the_surgeon.startswith(words)


def test_the_border_and_the_prescribed_distance_are_told_and_each_structure_once(
    places: dict[str, BesideConsole],
) -> None:
    assert len(places) == 5
    prescribed = places["Prescribed distance, 13 mm from the isocentre"]
    assert prescribed.console_gy == pytest.approx(4 * 7.04 * (7.2 / 13) ** 3, rel=0.02)
    assert places["Border of lesion"].voxels > 100


def test_a_structure_off_the_grid_is_said_to_be_so(places: dict[str, BesideConsole]) -> None:
    far = places["Hottest 0.03 cm3 of far"]
    assert far.voxels == 0
    assert np.isnan(far.console_gy)
    assert "nothing is said of it" in far.sentence


def test_compute_dose_runs_the_reference_engine_by_its_name() -> None:
    plan, scan = case()
    dose = compute_dose(plan, scan, engine="reference", spacing_mm=2.0, half_extent_mm=16.0)
    assert dose.convention is DoseConvention.MONTE_CARLO_MEDIUM
    assert dose.provenance.engine == "reference"
    assert dose.provenance.scan_sha256 == "a" * 64
    assert any("tube voltage is unknown" in note for note in dose.notes)
    with pytest.raises(InputError, match=r"no dose engine 'magic'.*reference, water"):
        compute_dose(plan, scan, engine="magic")
