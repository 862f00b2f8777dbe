"""Limits and the evaluation of every structure, on structures whose distances are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from metaspine.dosimetry import Irradiation
from metaspine.dosimetry.water import water_dose
from metaspine.errors import FrameMismatch, InputError, StructureError
from metaspine.evaluation import Evaluation, check_limit, evaluate, nearest_distance_mm
from metaspine.evaluation.dvh import dose_volume
from metaspine.evaluation.fields import GridField, WaterField
from metaspine.evaluation.quadrature import quadrature
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.patient.dose import Dose
from metaspine.patient.plan import DwellPosition, LimitCheck
from metaspine.patient.prescription import DoseLimit
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.depth_dose import treatment_time_s
from metaspine.physics.uncertainty import largest_allowed_distance_mm, upper_95
from metaspine.running import silent

NEEDLE = read_applicator("intrabeam-needle")
OUTPUT = NEEDLE.nominal
FRAME = "test"
ISOCENTRE = np.array([0.2, 0.1, -0.3])
DWELL = DwellPosition(
    ISOCENTRE,
    np.array([-0.8, -0.6, 0.0]),
    treatment_time_s(OUTPUT, NEEDLE, dose_gy=8, distance_from_isocentre_mm=10.5),
)
GRID = Grid.around((0, 0, 0), half_extent_mm=60, spacing_mm=1, frame_of_reference=FRAME)
WHERE = GRID.point_mm(np.moveaxis(np.indices(GRID.shape), 0, -1))


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Volume:
    return Volume(((np.array(low) <= WHERE) & (np.array(high) >= WHERE)).all(axis=-1), GRID)


def structure(
    name: str, region: Volume | ContourSet, role: Role = Role.OTHER, origin: Origin = Origin.DRAWN
) -> Structure:
    return Structure(name, role, region, origin)


def in_water(grid: Grid) -> Dose:
    image = Volume(np.zeros(grid.shape), grid)
    return water_dose(Irradiation((DWELL,), NEEDLE, OUTPUT, grid, image, "0" * 64), progress=silent)


CANAL = structure("canal", box((-8, 14, -50), (8, 26, 50)), Role.BONY_CANAL)


def checked(wanted: Structure, limit_gy: float = 8.0, dwell: DwellPosition = DWELL) -> LimitCheck:
    return check_limit(
        wanted,
        DoseLimit("bony canal", limit_gy),
        dwell=dwell,
        applicator=NEEDLE,
        output=OUTPUT,
        tip_position_uncertainty_mm=1.5,
    )


def test_the_nearest_point_is_on_the_face() -> None:
    """The box of voxels begins half a voxel before its first centre: at y = 13.5."""
    assert nearest_distance_mm(CANAL.region, ISOCENTRE) == pytest.approx(13.4)


def test_point_maximum_is_the_dose_at_the_nearest_point() -> None:
    found = checked(CANAL)
    assert found.nearest_distance_mm == pytest.approx(13.4)
    assert found.point_maximum_gy == pytest.approx(8 * (10.5 / 13.4) ** 3)
    upper = upper_95(OUTPUT, dose_gy=found.point_maximum_gy, distance_mm=found.nearest_distance_mm, sigma_mm=1.5)
    assert found.point_maximum_upper_95_gy == pytest.approx(upper, rel=1e-6)


def test_d003cc_in_closed_form() -> None:
    """Behind a plane face at distance a the hottest 0.03 cc is a cap of a sphere of radius r about the source."""
    found = checked(CANAL)
    a = 13.4
    radii = np.linspace(a, a + 5, 20001)
    cap = math.pi * (radii - a) ** 2 * (2 * radii + a) / 3
    radius = float(np.interp(30.0, cap, radii))
    assert found.d003cc_gy == pytest.approx(8 * (10.5 / radius) ** 3, rel=0.003)
    assert found.d003cc_upper_95_gy is not None
    assert found.d003cc_gy < found.d003cc_upper_95_gy < found.point_maximum_upper_95_gy


def test_at_the_largest_allowed_distance_the_limit_is_just_met() -> None:
    nearest = nearest_distance_mm(CANAL.region, ISOCENTRE)
    allowed = largest_allowed_distance_mm(OUTPUT, dose_gy=8, limit_gy=8, nearest_distance_mm=nearest, sigma_mm=1.5)
    for distance, met in ((allowed, True), (allowed + 0.05, False)):
        time = treatment_time_s(OUTPUT, NEEDLE, dose_gy=8, distance_from_isocentre_mm=distance)
        found = checked(CANAL, dwell=DwellPosition(ISOCENTRE, DWELL.direction, time))
        assert found.met is met


def test_the_upper_bound_decides_not_the_nominal_dose() -> None:
    found = checked(CANAL, limit_gy=6.0)
    assert found.point_maximum_gy < 6.0 < found.point_maximum_upper_95_gy
    assert not found.met


def test_an_automatic_structure_does_not_decide() -> None:
    assert checked(CANAL).decides
    automatic = structure("canal", CANAL.region, Role.BONY_CANAL, Origin.AUTOMATIC)
    assert not checked(automatic).decides


def test_a_small_structure_has_no_d003cc() -> None:
    found = checked(structure("root", box((-1, 14, -1), (1, 16, 1))))
    assert found.d003cc_gy is None
    assert found.d003cc_upper_95_gy is None
    assert found.point_maximum_gy > 0


def test_a_structure_that_the_tip_may_touch_has_an_infinite_bound() -> None:
    found = checked(structure("touching", box((-5, 1, -5), (5, 10, 5))))
    assert math.isinf(found.point_maximum_upper_95_gy)
    assert not found.met


def test_a_far_structure_is_named() -> None:
    with pytest.raises(StructureError, match="within 40 mm"):
        checked(structure("far", box((50, 50, 50), (55, 55, 55))))


def test_a_grid_dose_agrees_with_the_depth_dose() -> None:
    """The 0.5 mm grid, read back between its voxels, is the closed form up to the applicator's surface."""
    grid = Grid.around(ISOCENTRE, half_extent_mm=20, spacing_mm=0.5, frame_of_reference=FRAME)
    dose = in_water(grid)
    points = np.random.default_rng(7).uniform(-11, 11, (20000, 3)) + ISOCENTRE
    water = WaterField((DWELL,), NEEDLE, OUTPUT)
    read, exact = GridField(dose.volume, water).dose_gy(points), water.dose_gy(points)
    assert np.isnan(exact).any()
    np.testing.assert_allclose(read, exact, rtol=1e-6, equal_nan=True)


def test_a_dose_that_is_not_water_is_read_between_its_voxels() -> None:
    """A dose attenuated by exp(-0.05 r) against water, on a 1 mm grid.

    Linear interpolation of the ratio errs by at most h^2/8 (0.05^2 + 2 0.05/r): 0.3 % from 5 mm on.
    """
    grid = Grid.around(ISOCENTRE + 0.3, half_extent_mm=15, spacing_mm=1.0, frame_of_reference=FRAME)
    dose = in_water(grid)
    distance = np.linalg.norm(grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - ISOCENTRE, axis=-1)
    water = WaterField((DWELL,), NEEDLE, OUTPUT)
    field = GridField(Volume(dose.volume.values * np.exp(-0.05 * distance), grid), water)
    points = np.random.default_rng(7).uniform(-9, 9, (20000, 3)) + ISOCENTRE
    away = np.linalg.norm(points - ISOCENTRE, axis=1)
    exact = water.dose_gy(points) * np.exp(-0.05 * away)
    read = field.dose_gy(points)
    np.testing.assert_allclose(read, exact, rtol=0.03, equal_nan=True)
    whole = (
        (away > 5) & np.isfinite(exact) & (np.linalg.norm(np.cross(points - ISOCENTRE, DWELL.direction), axis=1) > 5)
    )
    np.testing.assert_allclose(read[whole], exact[whole], rtol=0.003)


@dataclass(frozen=True)
class SmallPrescription:
    dose_gy: float = 8.0


@dataclass(frozen=True, eq=False)
class SmallPlan:
    """The parts of a plan that an evaluation looks at."""

    lesion: Structure
    limiting_structure: Structure
    dwell: DwellPosition = DWELL
    applicator: object = NEEDLE
    output: object = OUTPUT
    prescription: SmallPrescription = SmallPrescription()


def circle(radius: float, height: float) -> Contour:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return Contour(np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(90, height)]))


LESION = structure("GTV", ContourSet(tuple(circle(9, z) for z in np.arange(-8, 9, 2.0)), FRAME), Role.LESION)
FAR = structure("kidney", box((50, -10, -10), (58, 10, 10)), Role.ORGAN)
CORE = structure("core", box((0, 0, 0), (0, 0, 0)))
EMPTY = structure("empty", Volume(np.zeros(GRID.shape, dtype=bool), GRID))


@pytest.fixture(scope="module")
def dose() -> Dose:
    grid = Grid.around(ISOCENTRE, half_extent_mm=40, spacing_mm=1, frame_of_reference=FRAME)
    return in_water(grid)


@pytest.fixture(scope="module")
def evaluation(dose: Dose) -> Evaluation:
    image = Volume(np.zeros(GRID.shape, dtype=np.int16), GRID)
    scan = Scan(image, (LESION, CANAL, FAR, CORE, EMPTY), ScanOrigin("ct.nii.gz", "0" * 64))
    return evaluate(SmallPlan(LESION, CANAL), dose, scan)  # type: ignore[arg-type]


def test_every_structure_is_evaluated_or_left_out_with_its_reason(evaluation: Evaluation) -> None:
    assert [found.structure for found in evaluation.structures] == ["GTV", "canal"]
    reasons = dict(evaluation.left_out)
    assert "outside the dose grid" in reasons["kidney"]
    assert "inside the applicator" in reasons["core"]
    assert "empty" in reasons["empty"]
    with pytest.raises(StructureError, match="outside the dose grid"):
        evaluation.of("kidney")


def test_the_lesions_volume_says_what_it_leaves_out(evaluation: Evaluation) -> None:
    """A cylinder of radius 9 and height 18 around the needle, which enters it from behind."""
    lesion = evaluation.of("GTV")
    assert lesion.volume_cc == pytest.approx(math.pi * 81 * 18 / 1000, rel=0.003)
    needle = 2 / 3 * math.pi * 2.2**3 + math.pi * 2.2**2 * 8.7
    assert lesion.in_applicator_cc == pytest.approx(needle / 1000, rel=0.03)
    assert "end caps: prism" in lesion.convention
    assert any("inside the applicator" in note for note in lesion.notes)


def test_metrics_against_the_depth_dose_itself(evaluation: Evaluation) -> None:
    exact = dose_volume(quadrature(LESION.region, spacing_mm=0.25), WaterField((DWELL,), NEEDLE, OUTPUT))
    lesion = evaluation.of("GTV")
    for name, percent in (("D98", 98), ("D95", 95), ("D50", 50), ("D2", 2)):
        truth = exact.dose_to_volume_gy(percent / 100 * exact.dosed_mm3)
        metric = lesion.metric(name)
        assert metric.value == pytest.approx(truth, rel=0.01)
        assert metric.low is not None
        assert metric.high is not None
        assert metric.low <= metric.value <= metric.high
    coverage = lesion.metric("V8Gy")
    assert coverage.value == pytest.approx(float(exact.volume_above_mm3(8.0)) / exact.dosed_mm3, abs=0.003)
    assert lesion.metric("V8Gy (volume)").value == pytest.approx(coverage.value * exact.dosed_mm3 / 1000, rel=0.01)


def test_a_long_canal_has_open_cold_metrics_and_a_known_maximum(evaluation: Evaluation) -> None:
    canal = evaluation.of("canal")
    assert canal.outside_fraction == pytest.approx(1 - 80.6 / 101, abs=0.02)
    assert canal.metric("D98").value is None
    assert "not determinable" in canal.metric("D98").note
    from_depth_dose = checked(CANAL)
    assert canal.metric("point maximum").value == pytest.approx(from_depth_dose.point_maximum_gy, rel=0.005)
    assert canal.metric("D0.03cc").value == pytest.approx(from_depth_dose.d003cc_gy, rel=0.003)
    upper = canal.metric("point maximum, upper 95 %").value
    assert upper == pytest.approx(from_depth_dose.point_maximum_upper_95_gy, rel=0.01)
    assert canal.hottest_mm[1] == pytest.approx(13.5, abs=1e-6)


def test_a_structure_that_holds_the_applicator_has_no_upper_bound(evaluation: Evaluation) -> None:
    for name in ("point maximum, upper 95 %", "D0.03cc, upper 95 %"):
        metric = evaluation.of("GTV").metric(name)
        assert metric.value is None
        assert "applicator lies in the structure" in metric.note


def test_an_unknown_metric_is_answered_with_those_there_are(evaluation: Evaluation) -> None:
    with pytest.raises(InputError, match="D95"):
        evaluation.of("GTV").metric("D42")


def test_a_dose_of_another_frame_is_refused(dose: Dose) -> None:
    other = Grid.around((0, 0, 0), half_extent_mm=5, spacing_mm=1, frame_of_reference="other")
    scan = Scan(Volume(np.zeros(other.shape), other), (), ScanOrigin("ct.nii.gz", "0" * 64))
    with pytest.raises(FrameMismatch):
        evaluate(SmallPlan(LESION, CANAL), dose, scan)  # type: ignore[arg-type]
