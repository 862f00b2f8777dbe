"""``metaspine batch``: the table it writes, what it reports, its exit codes; nothing half-written."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from metaspine.assessment import advice_document, assess
from metaspine.assessment.advice_table import COLUMNS, advice_rows, score_columns
from metaspine.assessment.scoring import score_names
from metaspine.cli.batch import BatchRequest, batch_command
from metaspine.cli.exit_codes import ExitCode
from metaspine.errors import CaseError, InputError, OutputError, PolicyError
from metaspine.exchange.case_file import case_from_document

HEADER = (
    "id,oncology.primary,oncology.histology_confirmed,lesion.level,lesion.escc,"
    "neuro.presentation,neuro.myelopathy,neuro.cauda_equina"
)
TABLE = f"""{HEADER}
A,breast,true,T8,0,local_pain,false,false
A,,,L3,2,,,
B,sclc,true,T8,1a,local_pain,false,false
"""
BAD = "C,brest,true,T8,0,,,\n"


def written(folder: Path, text: str, name: str = "cases.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_lesion_with_what_assess_says(tmp_path: Path) -> None:
    code = batch_command(BatchRequest(written(tmp_path, TABLE), tmp_path / "out.csv"))
    assert code is ExitCode.DONE
    rows = rows_of(tmp_path / "out.csv")
    assert [(row["id"], row["level"], row["decides"]) for row in rows] == [
        ("A", "T8", "false"),
        ("A", "L3", "true"),
        ("B", "T8", "true"),
    ]
    neuro = {"presentation": "local_pain", "myelopathy": False, "cauda_equina": False}
    lesions = [{"level": "T8", "escc": "0"}, {"level": "L3", "escc": "2"}]
    case = case_from_document(
        {"oncology": {"primary": "breast", "histology_confirmed": True}, "lesions": lesions, "neuro": neuro}
    )
    for row, found in zip(rows, advice_document(assess(case))["lesions"], strict=False):
        assert row["acceptable"] == ";".join(found["noms"]["acceptable"])
        assert row["flags"] == ";".join(found["noms"]["flags"])
        assert row["urgency"] == found["urgency"]["class"]
        assert row["mri_within_h"] == str(found["urgency"]["mri_within_h"])
        assert row["sins_reachable"] == "{} to {}".format(*found["sins"]["range"])
        assert row["steroids"] == found["steroids"]
        assert row["iort_stabilisation_reasons"] == ";".join(found["iort_stabilisation"]["reasons"])
        assert row["en_bloc_criteria_met"] == ("" if found["en_bloc_criteria_met"] is None else "false")
        assert row["tokuhashi_revised"] == ""
        assert "patient.kps" in row["missing"].split(";")
    assert rows[2]["recommendation"] == ""
    assert rows[2]["policy"] == ""


def test_every_column_is_a_cell_of_text() -> None:
    case = case_from_document({"oncology": {"primary": "unknown"}, "lesion": {"level": "T8"}})
    (cells,) = advice_rows(case, assess(case))
    assert len(cells) == len(COLUMNS)
    assert all(isinstance(cell, str) and cell != "None" for cell in cells)
    assert list(advice_rows(case, assess(case), ("level", "escc"))) == [["T8", ""]]


def test_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    table = written(tmp_path, TABLE)
    batch_command(BatchRequest(table, tmp_path / "out.csv", columns="sins_category, recommendation"))
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "id,sins_category,recommendation"
    with pytest.raises(InputError, match=r"there is no column 'sin_category'\. Did you mean sins_category\?"):
        batch_command(BatchRequest(table, tmp_path / "out.csv", columns="sin_category"))


def test_every_score_can_be_asked_for() -> None:
    document = {
        "oncology": {"primary": "breast", "histology_confirmed": True},
        "patient": {"kps": 60},
        "lesions": [{"level": "T8", "escc": "0"}, {"level": "L3", "escc": "2"}],
    }
    case = case_from_document(document)
    asked = tuple(score_columns())
    assert {name.removesuffix("_meaning").removesuffix("_reachable") for name in asked} == set(score_names())
    first, second = (dict(zip(asked, row, strict=True)) for row in advice_rows(case, assess(case), asked))
    assert (first["kps"], first["kps_meaning"], first["kps_reachable"]) == ("60", "kps_60", "60 to 60")
    # Favourable profile with a Karnofsky of 60: the visceral metastases, not known here, decide between B and C.
    assert (first["bollen"], first["bollen_meaning"]) == ("", "bollen_b;bollen_c")
    assert (first["mfi5"], first["mfi5_reachable"]) == ("", "0 to 5")
    assert first["mfi5_meaning"] == "robust;pre_frail;frail"
    assert (first["sorg_classic"], first["sorg_classic_meaning"]) == ("", "")
    assert (first["escc_meaning"], second["escc_meaning"]) == ("escc_0", "escc_2")


def test_a_policy_changes_the_table_and_stands_on_it(tmp_path: Path) -> None:
    policy = written(tmp_path, "centre: Here\nchoices: {CONFLICT-SCLC: s2_resistant}\n", "policy.yaml")
    batch_command(BatchRequest(written(tmp_path, TABLE), tmp_path / "out.csv", policy=policy))
    row = rows_of(tmp_path / "out.csv")[2]
    assert row["radiosensitivity"] == "radioresistant"
    assert row["policy"] == "CONFLICT-SCLC=s2_resistant"
    policy.write_text("centre: Here\nchoices: {CONFLICT-SCLC: none}\n")
    with pytest.raises(PolicyError, match="is no side"):
        batch_command(BatchRequest(written(tmp_path, TABLE), tmp_path / "out.csv", policy=policy))


def test_bad_rows_are_reported_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out, errors = written(tmp_path, TABLE + BAD), tmp_path / "out.csv", tmp_path / "errors.csv"
    assert batch_command(BatchRequest(table, out, errors=errors)) is ExitCode.REFUSED
    assert [row["id"] for row in rows_of(out)] == ["A", "A", "B"]
    (fault,) = rows_of(errors)
    assert (fault["id"], fault["row"]) == ("C", "5")
    assert fault["where"].endswith("row 5, oncology.primary")
    assert "'brest' is not one of its words" in fault["what"]
    assert "Did you mean breast?" in fault["remedy"]
    said = " ".join(capsys.readouterr().err.split())
    assert "2 of 3 patients, 3 rows" in said
    assert "1 could not be used" in said


def test_many_bad_rows_are_not_all_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"P{number},brest,true,T8,0,,,\n" for number in range(25))
    batch_command(BatchRequest(written(tmp_path, f"{HEADER}\n{rows}"), tmp_path / "out.csv"))
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("is not one of its words") == 20
    assert "and 5 more; --errors FILE writes all of them" in said


def test_a_table_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    table, out = written(tmp_path, f'{TABLE}C,"breast\n'), tmp_path / "out.csv"
    out.write_text("an earlier result")
    with pytest.raises(CaseError, match="not well-formed CSV"):
        batch_command(BatchRequest(table, out, errors=tmp_path / "errors.csv"))
    assert out.read_text() == "an earlier result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "out.csv"]


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    table = written(tmp_path, TABLE)
    for request in (
        BatchRequest(table, table),
        BatchRequest(table, tmp_path / "out.csv", errors=tmp_path / "out.csv"),
        BatchRequest(table, tmp_path / "out.csv", errors=table),
    ):
        with pytest.raises(InputError, match="two of the files are the same"):
            batch_command(request)
    assert table.read_text() == TABLE


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        batch_command(BatchRequest(written(tmp_path, TABLE), tmp_path / "nowhere" / "out.csv"))


def test_the_command_line(tmp_path: Path) -> None:
    table = written(tmp_path, TABLE + BAD)
    command = [sys.executable, "-m", "metaspine", "batch", str(table), "--to", str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.REFUSED
    assert done.stdout == ""
    assert "row 5, oncology.primary" in done.stderr.replace("\n", "")
    assert len(rows_of(tmp_path / "out.csv")) == 3


@pytest.mark.parametrize(("after_s", "shown"), [(-1.0, True), (1e9, False)])
def test_only_work_that_takes_long_shows_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], after_s: float, shown: bool
) -> None:
    monkeypatch.setattr("metaspine.cli.batch._PROGRESS_AFTER_S", after_s)
    batch_command(BatchRequest(written(tmp_path, TABLE), tmp_path / "out.csv"))
    assert ("· assessing" in capsys.readouterr().err) is shown
