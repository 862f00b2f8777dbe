"""The whole report: files written whole or not at all, the same bytes again, the numbers in the pages' text."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from made_up_advice import make_advice, make_case
from made_up_patient import make_dose, make_plan, make_scan, scan_grid
from pypdf import PdfReader

from metaspine.errors import Cancelled, FrameMismatch, NotEligible, NoTrajectory, OutputError
from metaspine.evaluation.evaluate import Evaluation, evaluate
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Caution, Plan
from metaspine.patient.scan import Scan
from metaspine.reports import write_refusal, write_report
from metaspine.reports.blocks import Table
from metaspine.reports.report import band, identity
from metaspine.reports.report_pages import refusal_pages, report_pages

FILES = {"report.pdf", "plan.json", "dose.nii.gz", "dvh.csv"}
HOSTILE = '#panic("x") $y$ *b* @ref [c] 🙂 \u202e שלום ' + "W" * 120


@pytest.fixture(scope="module")
def result(plan: Plan, dose: Dose, scan: Scan) -> Evaluation:
    return evaluate(plan, dose, scan)


@pytest.fixture(scope="module", autouse=True)
def _fixed_date() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1767323045")
        yield


def write(folder: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation) -> Path:
    return write_report(make_case(), make_advice(), scan, plan, dose, result, to=folder / "report.pdf")


def pages(path: Path) -> list[str]:
    return [page.extract_text().replace("\u00a0", " ") for page in PdfReader(io.BytesIO(path.read_bytes())).pages]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, scan: Scan, plan: Plan, dose: Dose, result: Evaluation) -> Path:
    return write(tmp_path_factory.mktemp("report"), scan, plan, dose, result)


def test_four_files_lie_in_the_folder_and_nothing_else(written: Path) -> None:
    assert {item.name for item in written.parent.iterdir()} == FILES


def test_the_pages_are_few_and_each_carries_band_disclaimer_level_date_and_version(written: Path) -> None:
    texts = pages(written)
    assert 4 <= len(texts) <= 7
    for number, text in enumerate(texts, start=1):
        assert "NOT FOR TREATMENT: nominal output, limit unconfirmed" in text
        assert DISCLAIMER in text
        assert "T12" in text
        assert f"page {number} of {len(texts)}" in text


def test_warnings_come_before_numbers_and_provenance_last(written: Path) -> None:
    texts = pages(written)
    first = texts[0]
    assert first.index("nobody confirmed it") < first.index("Treatment time")
    assert first.index("No calibration of your own device") < first.index("8.00 Gy")
    order = [
        next(n for n, text in enumerate(texts) if heading in text)
        for heading in (
            "Prescription requested",
            "Assessment of T12",
            "T12 on the CT",
            "Dose in water",
            "Needle paths considered",
            "References",
        )
    ]
    assert order == sorted(order)


def test_numbers_pictures_and_sources_are_text_in_the_pages(written: Path) -> None:
    whole = " ".join(" ".join(pages(written)).split())
    for expected in ("5 min 00 s", "7.96 Gy", "87.1 %", "16 Gy · 200 %", "T12 · sagittal", "W 1500 L 350 HU", "20 mm"):
        assert expected in whole, expected
    for expected in ("DVH-03", "PLAN-02", "stated in one of the source papers", "c" * 64):
        assert expected in whole.replace("\u200b", ""), expected


def test_the_files_beside_it_hold_what_the_values_hold(written: Path, dose: Dose) -> None:
    document = json.loads((written.parent / "plan.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    assert document
    image = nib.load(written.parent / "dose.nii.gz")
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ dose.volume.grid.affine
    assert np.allclose(image.affine, ras)
    assert np.allclose(image.get_fdata(), dose.volume.values, rtol=1e-6, equal_nan=True)
    assert "structure,dose_gy,volume_cc,volume_fraction" in (written.parent / "dvh.csv").read_text(encoding="utf-8")


def test_two_runs_give_the_same_bytes(
    written: Path, tmp_path: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation
) -> None:
    again = write(tmp_path, scan, plan, dose, result)
    for name in FILES:
        assert (again.parent / name).read_bytes() == (written.parent / name).read_bytes(), name


def test_another_date_gives_another_report(
    written: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scan: Scan,
    plan: Plan,
    dose: Dose,
    result: Evaluation,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767409445")
    assert "2026-01-03" in pages(write(tmp_path, scan, plan, dose, result))[0]
    assert "2026-01-02" in pages(written)[0]


def test_a_folder_is_made_and_other_files_in_it_stay(
    tmp_path: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation
) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    path = write_report(make_case(), make_advice(), scan, plan, dose, result, to=tmp_path)
    assert path == tmp_path / "report.pdf"
    assert {item.name for item in tmp_path.iterdir()} == {*FILES, "mine.txt"}
    nested = write(tmp_path / "a" / "b", scan, plan, dose, result)
    assert nested.is_file()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_target_that_cannot_be_written_leaves_nothing(
    name: str, tmp_path: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError) as caught:
        write(tmp_path, scan, plan, dose, result)
    assert str(tmp_path / name) in caught.value.where
    assert caught.value.what
    assert caught.value.remedy
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_a_folder_that_is_a_file_is_refused(
    tmp_path: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation
) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError):
        write(tmp_path / "out", scan, plan, dose, result)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a file"


def test_stopping_from_outside_leaves_nothing(
    tmp_path: Path, scan: Scan, plan: Plan, dose: Dose, result: Evaluation
) -> None:
    def stop(step: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        write_report(make_case(), make_advice(), scan, plan, dose, result, to=tmp_path / "report.pdf", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_of_another_frame_is_refused(tmp_path: Path, plan: Plan, dose: Dose, result: Evaluation) -> None:
    other = make_scan(replace(scan_grid(), frame_of_reference="2.25.9"))
    with pytest.raises(FrameMismatch):
        write(tmp_path, other, plan, dose, result)
    assert list(tmp_path.iterdir()) == []


def test_hostile_names_reach_the_page_as_they_are(tmp_path: Path) -> None:
    scan = make_scan(scan_grid())
    renamed = replace(
        scan, structures=(*scan.structures[:2], replace(scan.structures[2], name=HOSTILE)), notes=(HOSTILE,)
    )
    plan = replace(make_plan(scan), lesion=renamed.structures[2], warnings=(Caution("X", HOSTILE, HOSTILE, True),) * 20)
    dose = make_dose(renamed)
    path = write(tmp_path, renamed, plan, dose, evaluate(plan, dose, renamed))
    whole = "".join("".join(pages(path)).split()).replace("\u200b", "")
    assert '#panic("x")$y$*b*@ref[c]⟨U+1F642⟩⟨U+202E⟩' in whole
    assert "W" * 120 in whole


def test_a_plan_that_nothing_stops_has_no_band(plan: Plan) -> None:
    assert band(replace(plan, warnings=())) == ""
    assert band(replace(plan, warnings=(Caution("ODD", "m"),))) == ""
    assert band(plan).startswith("NOT FOR TREATMENT")


def test_identity_tells_cases_apart_and_holds_no_name(scan: Scan) -> None:
    assert identity(make_case(), scan) == identity(make_case(), scan)
    assert identity(make_case(), scan) != identity(make_case("L1"), scan)
    assert "scan" not in identity(make_case(), None)


def test_a_refusal_is_a_short_report_of_its_own(tmp_path: Path, scan: Scan) -> None:
    refusal = NotEligible("the tumour infiltrates the pedicle (IORT-06)", where="case", remedy="Ask the board")
    to = tmp_path / "report.pdf"
    path = write_refusal(make_case(), make_advice(refused=True), refusal, to=to, scan=scan)
    texts = pages(path)
    assert len(texts) <= 3
    assert {item.name for item in tmp_path.iterdir()} == {"report.pdf"}
    for text in texts:
        assert "NO PLAN WAS MADE" in text
        assert DISCLAIMER in text
    assert texts[0].index("infiltrates the pedicle") < texts[0].index("What could be considered instead")
    again = write_refusal(make_case(), make_advice(refused=True), refusal, to=tmp_path / "b.pdf", scan=scan)
    assert again.read_bytes() == path.read_bytes()


def test_a_refusal_without_a_scan_says_that_none_was_read(tmp_path: Path) -> None:
    path = write_refusal(make_case(), make_advice(), NoTrajectory("the rib lies in the way"), to=tmp_path)
    assert "none was read" in " ".join(pages(path))


@pytest.mark.parametrize("name", sorted(FILES - {"report.pdf"}))
def test_a_refusal_is_not_written_beside_an_earlier_plan(name: str, tmp_path: Path) -> None:
    for earlier in (name, "report.pdf"):
        (tmp_path / earlier).write_text("earlier", encoding="utf-8")
    with pytest.raises(OutputError, match="earlier plan") as caught:
        write_refusal(make_case(), make_advice(), NoTrajectory("the rib lies in the way"), to=tmp_path)
    assert name in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert "another folder" in caught.value.remedy
    assert {item.name: item.read_text(encoding="utf-8") for item in tmp_path.iterdir()} == {
        name: "earlier",
        "report.pdf": "earlier",
    }


def test_an_unwritable_refusal_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").mkdir()
    with pytest.raises(OutputError):
        write_refusal(make_case(), make_advice(), NoTrajectory("x"), to=tmp_path / "report.pdf")
    assert [item.name for item in tmp_path.iterdir()] == ["report.pdf"]


def test_every_row_of_every_table_has_its_columns(scan: Scan, plan: Plan, dose: Dose, result: Evaluation) -> None:
    case, advice = make_case("T8", "T12"), make_advice("T8", "T12", refused=True)
    of_plan = report_pages(case, advice, scan, plan, dose, result)
    of_refusal = refusal_pages(case, advice, NotEligible("x"), scan=scan, level="T12")
    tables = [block for page in (*of_plan, *of_refusal) for block in page.blocks if isinstance(block, Table)]
    assert len(tables) > 8
    for table in tables:
        assert len(table.widths) == len(table.columns), table.title
        assert {len(row) for row in table.rows} <= {len(table.columns)}, table.title
