"""Treating longer by Monte Carlo: only by name and reason, a new plan, both limits, stamped on every page."""

from __future__ import annotations

import ast
import io
import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from made_up_advice import make_advice, make_case
from pypdf import PdfReader
from test_plan_page import text

import metaspine
from metaspine.dosimetry import compute_dose
from metaspine.errors import InputError, OutputError
from metaspine.evaluation import MonteCarlo, evaluate
from metaspine.evaluation.monte_carlo import at_other_time
from metaspine.patient.plan import Caution, Plan
from metaspine.patient.scan import Scan
from metaspine.planning import treat_by_monte_carlo
from metaspine.planning.document import plan_document
from metaspine.reports import write_report
from metaspine.reports.plan_page import plan_page
from metaspine.reports.report import band

PLANNING = Path(metaspine.__file__).parent / "planning"
REASON, NAME = "the border lies behind bone", "Dr A. Example"
GIVEN_GY, CORD_RATIO = 5.0, 0.25


@pytest.fixture(scope="module")
def run(monte_carlo: MonteCarlo) -> MonteCarlo:
    """The run with doses that are easy to reckon with: 5 of 8 Gy at the prescribed distance, a quarter at the cord."""
    prescribed, border, cord, *rest = monte_carlo.places
    return replace(
        monte_carlo,
        places=(
            replace(prescribed, to_water_gy=GIVEN_GY),
            border,
            replace(cord, console_gy=2.0, to_water_gy=2.0 * CORD_RATIO, relative_uncertainty=0.1),
            *rest,
        ),
    )


@pytest.fixture(scope="module")
def longer(console_plan: Plan, run: MonteCarlo) -> Plan:
    return treat_by_monte_carlo(console_plan, run, reason=f" {REASON} ", responsible=NAME)


def test_the_time_is_the_consoles_times_prescribed_over_monte_carlo_dose(console_plan: Plan, longer: Plan) -> None:
    override = longer.override
    assert override is not None
    assert longer.dwell.time_s == override.time_s == pytest.approx(console_plan.dwell.time_s * 8.0 / 5.0)
    assert override.console_time_s == console_plan.dwell.time_s
    assert override.extra_share == pytest.approx(0.6)
    assert override.extra_s == pytest.approx(0.6 * console_plan.dwell.time_s)
    assert (override.reason, override.responsible) == (REASON, NAME)


def test_a_new_plan_is_made_and_the_old_one_stays(console_plan: Plan, longer: Plan) -> None:
    assert console_plan.override is None
    assert console_plan.dwell.time_s == 300.4
    changed = {"dwell", "limit", "override", "hand_check", "warnings"}
    for field in fields(Plan):
        same = getattr(console_plan, field.name) is getattr(longer, field.name)
        assert same is (field.name not in changed), field.name
    assert (longer.dwell.isocentre_mm == console_plan.dwell.isocentre_mm).all()


def test_the_limit_is_checked_in_both_conventions(console_plan: Plan, longer: Plan) -> None:
    """Console dose grows with the time; Monte Carlo's is a quarter of it, with its own 10 % and the tip's shift."""
    override, limit, before = longer.override, longer.limit, console_plan.limit
    assert override is not None
    assert limit.point_maximum_gy == pytest.approx(1.6 * before.point_maximum_gy)
    assert limit.point_maximum_upper_95_gy == pytest.approx(1.6 * before.point_maximum_upper_95_gy)
    assert override.limit_gy == pytest.approx(CORD_RATIO * limit.point_maximum_gy)
    away, shift = before.nearest_distance_mm, 1.645 * longer.applicator.tip_position_uncertainty_mm
    rise = 3 * math.log(away / (away - shift))
    expected = override.limit_gy * math.exp(math.hypot(1.645 * 0.1, rise))
    assert override.limit_upper_95_gy == pytest.approx(expected, rel=0.02)
    assert override.limit_met is (override.limit_upper_95_gy <= limit.maximum_gy)


def test_a_limit_broken_in_either_convention_and_a_failed_check_stop_the_plan(
    console_plan: Plan, run: MonteCarlo, longer: Plan
) -> None:
    codes = {caution.code: caution.stops for caution in longer.warnings}
    assert codes["TIME_BY_MONTE_CARLO"] is False
    assert ("LIMIT_NOT_MET" in codes) is not longer.limit.met
    assert ("MONTE_CARLO_CHECK_FAILED" in codes) is not run.check.passed
    prescribed, border, cord, *rest = run.places
    hot = replace(run, places=(replace(prescribed, to_water_gy=0.5), border, replace(cord, to_water_gy=4.0), *rest))
    broken = treat_by_monte_carlo(console_plan, hot, reason=REASON, responsible=NAME)
    stops = {caution.code for caution in broken.warnings if caution.stops}
    assert {"LIMIT_NOT_MET", "LIMIT_NOT_MET_BY_MONTE_CARLO"} <= stops
    assert broken.override is not None
    assert broken.override.limit_met is False
    assert "TIME_UNUSUAL" in {caution.code for caution in broken.warnings}


def test_a_time_that_rests_on_a_guess_of_the_tissues_is_stopped(console_plan: Plan, run: MonteCarlo) -> None:
    tissues = run.doses.irradiation.tissues
    assert tissues is not None
    stops = {}
    for unanswered in ((), ("aorta", "metal 1")):
        irradiation = replace(run.doses.irradiation, tissues=replace(tissues, unanswered=unanswered))
        guessed = replace(run, doses=replace(run.doses, irradiation=irradiation))
        made = treat_by_monte_carlo(console_plan, guessed, reason=REASON, responsible=NAME)
        stops[unanswered] = [one for one in made.warnings if one.code == "MONTE_CARLO_TISSUES_UNANSWERED"]
    assert stops[()] == []
    (stop,) = stops[("aorta", "metal 1")]
    assert stop.stops
    assert "nobody has said what aorta, metal 1 are made of" in stop.message


def test_a_stop_of_the_shorter_time_does_not_outlive_it(console_plan: Plan, run: MonteCarlo) -> None:
    stale = replace(console_plan, warnings=(Caution("TIME_UNUSUAL", "old", "PLAN-15"), *console_plan.warnings))
    made = treat_by_monte_carlo(stale, run, reason=REASON, responsible=NAME)
    assert "old" not in [caution.message for caution in made.warnings]
    kept = {caution.code for caution in console_plan.warnings}
    assert kept <= {caution.code for caution in made.warnings}


@pytest.mark.parametrize(("reason", "responsible"), [("", NAME), ("  ", NAME), (REASON, ""), (REASON, "\t")])
def test_without_a_name_and_a_reason_nothing_is_lengthened(
    console_plan: Plan, run: MonteCarlo, reason: str, responsible: str
) -> None:
    with pytest.raises(InputError, match=r"only with a reason and the name of who answers for it \(DOS-23\)"):
        treat_by_monte_carlo(console_plan, run, reason=reason, responsible=responsible)


def test_what_cannot_be_lengthened(console_plan: Plan, run: MonteCarlo, longer: Plan) -> None:
    enough = replace(run, places=(replace(run.prescribed, to_water_gy=8.01), *run.places[1:]))
    with pytest.raises(InputError, match=r"gives 8\.01 Gy .*asks for no longer time.*console's plan"):
        treat_by_monte_carlo(console_plan, enough, reason=REASON, responsible=NAME)
    nothing = replace(run, places=(replace(run.prescribed, to_water_gy=float("nan")), *run.places[1:]))
    with pytest.raises(InputError, match="asks for no longer time"):
        treat_by_monte_carlo(console_plan, nothing, reason=REASON, responsible=NAME)
    with pytest.raises(InputError, match=r"by Monte Carlo already \(Dr A\. Example\)"):
        treat_by_monte_carlo(longer, run, reason=REASON, responsible=NAME)
    same = replace(run, places=(replace(run.prescribed, console_gy=8.0, to_water_gy=7.4), *run.places[1:]))
    with pytest.raises(
        InputError, match=r"7\.40 Gy .* the console 8\.00 Gy, the same within the uncertainty \(DOS-22\)"
    ):
        treat_by_monte_carlo(console_plan, same, reason=REASON, responsible=NAME)


def test_a_run_of_another_plan_lengthens_nothing(console_plan: Plan, run: MonteCarlo) -> None:
    dwell = console_plan.dwell
    for other in (
        replace(console_plan, dwell=replace(dwell, time_s=299.0)),
        replace(console_plan, dwell=replace(dwell, direction=-dwell.direction)),
        replace(console_plan, scan_sha256="of another scan"),
        replace(console_plan, applicator=replace(console_plan.applicator, name="another")),
        replace(console_plan, output=replace(console_plan.output, description="serial number 9")),
    ):
        with pytest.raises(InputError, match="computed for another plan"):
            treat_by_monte_carlo(other, run, reason=REASON, responsible=NAME)


def test_the_act_stands_on_every_page_and_in_the_files(
    tmp_path: Path, scan: Scan, monte_carlo: MonteCarlo, longer: Plan
) -> None:
    run = at_other_time(monte_carlo, longer, scan)
    dose = compute_dose(longer, scan, spacing_mm=2.0, half_extent_mm=24.0)
    result = evaluate(longer, dose, scan)
    patient = (make_case(), make_advice(), scan, longer, dose, result)
    path = write_report(*patient, monte_carlo=run, to=tmp_path)
    for page in PdfReader(io.BytesIO(path.read_bytes())).pages:
        assert "TIME BY MONTE CARLO, NOT BY THE CONSOLE: +3.0 min (+60%), Dr A. Example" in page.extract_text()
    whole = " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())
    for words in ("3 min 00 s longer (+60.0 %)", "5 min 00 s", "8 min 01 s", REASON, "12.8 Gy console dose there"):
        assert words in whole.replace("\u00a0", " "), words
    document = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert document["treated_by_monte_carlo"]["responsible"] == NAME
    assert document["treated_by_monte_carlo"]["extra_time_s"] == pytest.approx(180.2, abs=0.1)
    assert json.loads((tmp_path / "monte-carlo.json").read_text(encoding="utf-8"))["time_by_monte_carlo"] is True
    with pytest.raises(OutputError, match=r"an earlier plan lies here.*never changes one.*another folder"):
        write_report(*patient, monte_carlo=run, to=tmp_path)


def test_a_consoles_plan_bears_no_such_stamp(console_plan: Plan, longer: Plan) -> None:
    assert "MONTE CARLO" not in band(console_plan)
    assert "MONTE CARLO" not in text(plan_page(console_plan))
    assert plan_document(console_plan)["treated_by_monte_carlo"] is None
    assert band(replace(longer, warnings=())).startswith("TIME BY MONTE CARLO")


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_no_other_path_in_planning_knows_a_monte_carlo_dose() -> None:
    """Planning sees the engines through the override alone: what it cannot see cannot lengthen a treatment."""
    knows_engine = ("metaspine.dosimetry", "metaspine.transport", "metaspine.evaluation.monte_carlo")
    allowed = {"metaspine.dosimetry.interior", "metaspine.dosimetry.water"}
    for path in sorted(PLANNING.glob("*.py")):
        known = {name for name in imported(path) if name.startswith(knows_engine)} - allowed
        assert known == ({"metaspine.evaluation.monte_carlo"} if path.stem == "monte_carlo_override" else set()), path
        makes_time = "DwellPosition(" in path.read_text(encoding="utf-8")
        assert makes_time is (path.stem in ("prescribing", "reading")), path
        assert ("time_s=" in path.read_text(encoding="utf-8")) <= (path.stem in ("monte_carlo_override", "reading")), (
            path
        )
    uses = {path.stem for path in PLANNING.glob("*.py") if "metaspine.planning.monte_carlo_override" in imported(path)}
    assert uses == {"__init__"}
