"""The dose page and the histogram file: metrics with bands, conventions stated, numbers as the evaluation has them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from test_plan_page import text

from metaspine.evaluation.dvh import DoseVolumeCurve
from metaspine.evaluation.evaluate import Evaluation, StructureDose, evaluate
from metaspine.evaluation.metrics import Metric
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role
from metaspine.physics.applicators import DoseConvention
from metaspine.reports.dose_page import MOST_OTHERS, dose_notice, dose_page, metric_words
from metaspine.reports.dvh_plot import Curve, dvh_picture
from metaspine.reports.histogram_file import COLUMNS, histogram_csv
from metaspine.reports.lines import LESION


def structure_dose(name: str, role: Role = Role.OTHER, *, hottest_gy: float = 3.0, level: str = "") -> StructureDose:
    curve = DoseVolumeCurve(np.array([0.0, 1.0, 4.0, 8.0]), np.array([1.0, 0.9, 0.5, 0.25]))
    metrics = (
        Metric("D95", 0.8123, "Gy", 0.80, 0.82),
        Metric("D98", None, "Gy", 0.0, 0.4, "not determinable: 13% of the volume lies outside the dose grid (DVH-05)"),
        Metric("point maximum", hottest_gy, "Gy", hottest_gy, hottest_gy),
        Metric("D0.03cc", None, "Gy", None, None, "the structure is smaller than 0.03 cc (0.012 cc)"),
        Metric("V8Gy", 0.25, "", 0.25, 0.25),
        Metric("V8Gy (volume)", 0.025, "cc", 0.025, 0.025),
        Metric("point maximum, upper 95 %", 2 * hottest_gy, "Gy", 2 * hottest_gy, 2 * hottest_gy),
    )
    return StructureDose(
        name,
        role,
        level,
        False,
        2.5,
        0.5 if role is Role.LESION else 0.0,
        0.0,
        "voxel cells",
        curve,
        metrics,
        (0.0, 0.0, 0.0),
    )


@pytest.fixture
def result() -> Evaluation:
    return Evaluation(
        (
            structure_dose("lesion", Role.LESION, hottest_gy=900.0),
            structure_dose("spinal_cord", Role.SPINAL_CORD),
            structure_dose("vertebrae_T12", Role.VERTEBRA, level="T12"),
            structure_dose("aorta", Role.VESSEL, hottest_gy=1.5),
        ),
        (("liver", "it lies wholly outside the dose grid"), ("spleen", "it lies wholly outside the dose grid")),
        8.0,
        DoseConvention.CONSOLE,
        "water",
        "water",
        ("computed as if all were water",),
    )


def test_metrics_are_shown_with_unit_and_band(plan: Plan, dose: Dose, result: Evaluation) -> None:
    page = text(dose_page(plan, dose, result))
    assert "0.81 Gy (0.80 Gy to 0.82 Gy)" in page
    assert "not determinable: 0.00 Gy to 0.40 Gy" in page
    assert "the structure is smaller than 0.03 cc (0.012 cc)" in page
    assert "25.0 %" in page
    assert "0.025 cc" in page
    assert "DVH-03" in page


def test_a_structure_around_the_needle_gets_no_upper_bound(plan: Plan, dose: Dose, result: Evaluation) -> None:
    page = text(dose_page(plan, dose, result))
    assert "none: the applicator lies in it" in page
    assert "1800 Gy" not in page
    assert "6.00 Gy" in page


def test_the_statement_about_intact_bone_names_convention_engine_and_medium(dose: Dose) -> None:
    notice = dose_notice(dose)
    assert "behind intact bone it overstates" in notice.title
    for words in ("console dose (water, depth-dose table)", "engine: water", "dose to water"):
        assert words in notice.text
    other = replace(dose, provenance=replace(dose.provenance, engine="reference"))
    assert "overstates" not in dose_notice(other).title


def test_structures_without_dose_are_named_with_the_reason(plan: Plan, dose: Dose, result: Evaluation) -> None:
    assert "it lies wholly outside the dose grid\nliver, spleen" in text(dose_page(plan, dose, result))


def test_more_structures_than_fit_are_counted_and_the_hottest_stay(plan: Plan, dose: Dose, result: Evaluation) -> None:
    many = tuple(structure_dose(f"organ {n}", hottest_gy=0.1 * n) for n in range(1, 60))
    page = text(dose_page(plan, dose, replace(result, structures=(*result.structures, *many))))
    assert f"{60 - MOST_OTHERS} further structures" in page
    assert "organ 59" in page
    assert "organ 1\n" not in page


def test_an_evaluation_of_nothing_is_still_a_page(plan: Plan, dose: Dose, result: Evaluation) -> None:
    page = text(dose_page(plan, dose, replace(result, structures=(), left_out=())))
    assert "No structure of the plan could be evaluated." in page
    assert "Every structure was evaluated." in page


def test_an_unevaluated_metric_says_why() -> None:
    assert metric_words(None) == "not determinable, because it was not evaluated"
    assert metric_words(Metric("x", None, "Gy", None, None, "no upper bound")) == "no upper bound"


def test_the_histogram_file_holds_every_curve_and_its_conventions(result: Evaluation) -> None:
    lines = histogram_csv(result).splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert any("console dose" in line and "dose to water" in line for line in comments)
    assert any("DVH-01" in line for line in comments)
    assert any("not evaluated: liver: it lies wholly outside" in line for line in comments)
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1:5] == [
        ["lesion", "0", "2", "1"],
        ["lesion", "1", "1.8", "0.9"],
        ["lesion", "4", "1", "0.5"],
        ["lesion", "8", "0.5", "0.25"],
    ]
    assert {row[0] for row in rows[1:]} == {"lesion", "spinal_cord", "vertebrae_T12", "aorta"}


def test_hostile_structure_names_survive_the_histogram_file(result: Evaluation) -> None:
    name = 'a,"b"\n# not a comment'
    hostile = replace(result, structures=(replace(result.structures[0], structure=name),))
    sheet = histogram_csv(hostile)
    body = sheet[sheet.index("structure,dose_gy") :]
    assert {row[0] for row in list(csv.reader(io.StringIO(body)))[1:]} == {name}


def test_the_plot_names_every_curve_and_marks_the_prescription() -> None:
    curve = Curve("lesion (2.50 cc)", np.array([0.0, 1.0, 8.0]), np.array([1.0, 0.9, 0.2]), LESION)
    picture = dvh_picture((curve,), prescribed_gy=8.0)
    words = [label.text for label in picture.labels]
    assert {"lesion (2.50 cc)", "8 Gy", "dose / Gy (logarithmic)", "volume / %", "100", "16"} <= set(words)
    assert dvh_picture((curve,), prescribed_gy=8.0).svg == picture.svg
    eight, sixteen = (next(label.x for label in picture.labels if label.text == t) for t in ("8", "16"))
    four = next(label.x for label in picture.labels if label.text == "4")
    assert sixteen - eight == pytest.approx(eight - four)


def test_a_curve_around_the_needle_reaches_down_to_its_coldest_point(plan: Plan, dose: Dose, scan: Scan) -> None:
    vertebra = evaluate(plan, dose, scan).of("vertebrae_T12")
    positive = vertebra.curve.dose_gy > 0
    assert vertebra.metric("point maximum").value > 300
    assert vertebra.curve.dose_gy[positive][0] < 0.5
