"""Two conventions of dose on the pages and in the files: named everywhere, mixed nowhere."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from made_up_advice import make_advice, make_case
from pypdf import PdfReader
from test_plan_page import text

from metaspine.dosimetry import compute_dose
from metaspine.dosimetry.reference_beside_console import BesideConsole
from metaspine.dosimetry.walls import Wall
from metaspine.errors import InputError, OutputError
from metaspine.evaluation import MonteCarlo, evaluate
from metaspine.evaluation.monte_carlo import at_other_time
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.reports import write_monte_carlo, write_report
from metaspine.reports.monte_carlo_files import CHECKPOINT, FILES, PAGES
from metaspine.reports.monte_carlo_page import check_table, monte_carlo_pages, place_table, words

WALLED = BesideConsole("Hottest 0.03 cm3 of cord", 30, 8.0, 2.7, 2.6, 0.12, "cord", Wall.INTACT, 2.1)
OPEN = replace(WALLED, to_water_gy=7.6, wall=Wall.LITTLE, bone_mm=0.1)


def plain(row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.replace("\u00a0", " ") for cell in row)


@pytest.fixture(scope="module")
def console(console_plan: Plan, scan: Scan) -> Dose:
    return compute_dose(console_plan, scan, spacing_mm=2.0, half_extent_mm=24.0)


def all_pages(plan: Plan, scan: Scan, dose: Dose, monte_carlo: MonteCarlo) -> str:
    return "\n".join(text(page) for page in monte_carlo_pages(plan, scan, dose, monte_carlo))


def test_every_place_has_both_doses_with_medium_and_uncertainty(
    console_plan: Plan, scan: Scan, console: Dose, monte_carlo: MonteCarlo
) -> None:
    page = all_pages(console_plan, scan, console, monte_carlo)
    for found in monte_carlo.places:
        assert found.place in page
        for dose in (found.console_gy, found.to_medium_gy, found.to_water_gy):
            assert f"{dose:.2f} Gy" in page or f"{dose:.1f} Gy" in page
    for name in ("Prescribed distance, 11.6 mm", "Border of lesion", "spinal_cord"):
        assert any(name in found.place for found in monte_carlo.places)
    for convention in (
        "Monte Carlo, to medium",
        "Monte Carlo, to water in medium",
        "Prescription and limit are in console",
    ):
        assert convention in page
    assert "Nothing on this page changes the treatment time." in page
    assert "DOS-07" in page


def test_no_canal_is_invented_where_bone_closes_around_none(monte_carlo: MonteCarlo) -> None:
    derived = [found for found in monte_carlo.places if "bony canal" in found.place]
    assert derived or any("No dose to the bony canal is shown" in note for note in monte_carlo.notes)


def test_the_surgeon_reads_what_the_numbers_say_and_nothing_where_there_are_none() -> None:
    (block,) = words((WALLED, OPEN, replace(WALLED, structure="", place="Border of lesion")))
    assert [remark.text for remark in block.remarks] == [
        "Behind the intact wall (bone worth 2.1 mm of cortex) cord gets 2.6 Gy, not 8.0 Gy.",
        "Little bone stands in the way (bone worth 0.1 mm of cortex): the console's dose holds for cord: 7.6 Gy by "
        "Monte Carlo, 8.0 Gy by the console, the same within the uncertainty.",
    ]
    assert words((replace(WALLED, voxels=0), replace(WALLED, wall=None))) == ()


def test_a_place_off_the_grid_says_so_in_the_table(monte_carlo: MonteCarlo) -> None:
    far = replace(WALLED, voxels=0, console_gy=float("nan"), to_medium_gy=float("nan"), to_water_gy=float("nan"))
    table = place_table(replace(monte_carlo, places=(WALLED, far)))
    assert plain(table.rows[0]) == (WALLED.place, "8.00 Gy", "2.70 Gy", "2.60 Gy", "12.0 %", "0.33")
    assert "no voxel of the dose grid lies there" in table.rows[1][1]
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_both_checks_have_tolerance_and_verdict(monte_carlo: MonteCarlo) -> None:
    check = monte_carlo.check
    point = check.in_water[0]
    good = replace(
        check,
        in_water=(replace(point, distance_mm=7.0, engine_gy=1.02, table_gy=1.0),),
        agreeing_share=0.951,
        voxels=1000,
        median_difference=-0.012,
    )
    water, tissue = map(plain, check_table(good).rows)
    assert water[2:] == ("largest difference +2.0 %, at 7.0 mm from the isocentre", "3 %", "passed")
    assert tissue[2:] == ("95.1 % of 1000 voxels within 15 %; median -1.2 %", "95 % of voxels within 15 %", "passed")
    bad = replace(good, in_water=(replace(point, engine_gy=1.031, table_gy=1.0),), agreeing_share=0.949)
    assert [row[-1] for row in check_table(bad).rows] == ["NOT PASSED", "NOT PASSED"]
    assert "no voxel outside metal's shadow" in check_table(replace(good, voxels=0)).rows[1][2]


def test_each_picture_names_its_convention(
    console_plan: Plan, scan: Scan, console: Dose, monte_carlo: MonteCarlo
) -> None:
    page = monte_carlo_pages(console_plan, scan, console, monte_carlo)[1]
    drawn = page.blocks[0].pictures  # type: ignore[union-attr]
    assert [(picture.name, picture.title) for picture in drawn[:2]] == [
        ("axial-console", "Axial: console dose (water, depth-dose table)"),
        ("axial-monte_carlo_water", "Axial: Monte Carlo dose to water in medium"),
    ]
    for picture, convention in zip(drawn, ("console dose", "Monte Carlo, to water in medium") * 2, strict=True):
        assert convention in [label.text for label in picture.labels]
    assert drawn[0].svg != drawn[1].svg


def pdf_text(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages).split())


def report(folder: Path, scan: Scan, plan: Plan, dose: Dose, monte_carlo: MonteCarlo | None) -> Path:
    result = evaluate(plan, dose, scan)
    return write_report(make_case(), make_advice(), scan, plan, dose, result, monte_carlo=monte_carlo, to=folder)


def test_the_report_holds_the_pages_and_the_files_lie_beside_it(
    tmp_path: Path, console_plan: Plan, scan: Scan, console: Dose, monte_carlo: MonteCarlo
) -> None:
    path = report(tmp_path, scan, console_plan, console, monte_carlo)
    assert {item.name for item in tmp_path.iterdir()} == {"report.pdf", "plan.json", "dose.nii.gz", "dvh.csv", *FILES}
    whole = pdf_text(path)
    for words_ in (
        "Two conventions of dose",
        "Independent calculation",
        "DOS-06",
        "Monte Carlo dose to medium; dose to",
    ):
        assert words_ in whole.replace("\u200b", ""), words_
    for name, volume in (
        ("monte-carlo-dose-to-medium.nii.gz", monte_carlo.doses.to_medium.volume),
        ("monte-carlo-dose-to-water-in-medium.nii.gz", monte_carlo.doses.to_water.volume),
        ("monte-carlo-statistical-uncertainty-to-medium.nii.gz", monte_carlo.doses.statistical_uncertainty),
        (
            "monte-carlo-statistical-uncertainty-to-water-in-medium.nii.gz",
            monte_carlo.doses.statistical_uncertainty_to_water,
        ),
    ):
        image = nib.load(tmp_path / name)
        assert np.allclose(image.get_fdata(), volume.values, rtol=1e-6, equal_nan=True)
        assert np.allclose(image.affine, np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.grid.affine)
    numbers = json.loads((tmp_path / "monte-carlo.json").read_text(encoding="utf-8"))
    assert numbers["places"][0]["console_gy"] == pytest.approx(monte_carlo.prescribed.console_gy, abs=0.001)
    assert numbers["time_by_monte_carlo"] is False
    assert numbers["independent_calculation"]["passed"] is monte_carlo.check.passed


def test_a_run_alone_gets_its_own_pages(
    tmp_path: Path, console_plan: Plan, scan: Scan, console: Dose, monte_carlo: MonteCarlo
) -> None:
    path = write_monte_carlo(scan, console_plan, console, monte_carlo, to=tmp_path)
    assert {item.name for item in tmp_path.iterdir()} == {PAGES, *FILES}
    whole = pdf_text(path)
    assert "Two conventions of dose" in whole
    assert "NOT FOR TREATMENT" in whole
    (tmp_path / PAGES).unlink()
    (tmp_path / PAGES).mkdir()
    with pytest.raises(OutputError):
        write_monte_carlo(scan, console_plan, console, monte_carlo, to=tmp_path)


def test_conventions_and_plans_are_not_mixed(
    tmp_path: Path, console_plan: Plan, scan: Scan, console: Dose, monte_carlo: MonteCarlo
) -> None:
    result = evaluate(console_plan, console, scan)
    patient = (make_case(), make_advice(), scan, console_plan)
    with pytest.raises(InputError, match=r"they are never mixed.*Monte Carlo run as monte_carlo"):
        write_report(*patient, monte_carlo.doses.to_medium, result, to=tmp_path)
    longer = replace(console_plan, dwell=replace(console_plan.dwell, time_s=301.0))
    with pytest.raises(InputError, match=r"computed for another plan"):
        report(tmp_path, scan, longer, console, monte_carlo)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [FILES[0], PAGES, CHECKPOINT])
def test_a_plan_is_not_written_beside_another_plans_monte_carlo_dose(
    name: str, tmp_path: Path, console_plan: Plan, scan: Scan, console: Dose
) -> None:
    (tmp_path / name).write_text("earlier", encoding="utf-8")
    with pytest.raises(OutputError, match=r"earlier plan's Monte Carlo files.*another folder"):
        report(tmp_path, scan, console_plan, console, None)
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_dose_is_proportional_to_time(console_plan: Plan, scan: Scan, monte_carlo: MonteCarlo) -> None:
    longer = replace(console_plan, dwell=replace(console_plan.dwell, time_s=2 * console_plan.dwell.time_s))
    twice = at_other_time(monte_carlo, longer, scan)
    for before, after in zip(monte_carlo.places, twice.places, strict=True):
        assert after.to_water_gy == pytest.approx(2 * before.to_water_gy, rel=1e-6)
        assert after.console_gy == pytest.approx(2 * before.console_gy, rel=1e-6)
    assert twice.doses.to_medium.provenance == monte_carlo.doses.to_medium.provenance
    assert twice.check.largest_in_water.deviation == pytest.approx(monte_carlo.check.largest_in_water.deviation)
