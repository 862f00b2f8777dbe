"""The tumour board's paper: two pages, whatever the patient, and everything on them can be read."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

import metaspine as ms
from metaspine.assessment import assess
from metaspine.assessment.board import prepare_board
from metaspine.cli.board_page import score_text
from metaspine.errors import OutputError
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.policy import BoardPolicy
from metaspine.patient.scoring import says_something
from metaspine.reports.board import board_paper
from metaspine.reports.board_page import IN_THE_HEAD, score_row
from metaspine.reports.typesetting import typeset

WORKED = Path(__file__).parent.parent / "assessment" / "data" / "cases.json"
PATIENTS: list[dict[str, Any]] = json.loads(WORKED.read_text(encoding="utf-8"))["cases"]
SECTIONS = ("patient", "oncology", "lesion", "lesions", "neuro", "postop")
DATE = datetime(2026, 11, 28, tzinfo=UTC)


def pages_of(document: dict[str, Any]) -> list[str]:
    case = case_from_document(document)
    pdf = typeset(board_paper(case, prepare_board(case, assess(case)), date=DATE), at=DATE)
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_a_worked_patient_fits_on_two_pages(patient: dict[str, Any]) -> None:
    pages = pages_of({name: patient[name] for name in SECTIONS if name in patient})
    assert len(pages) == 2
    assert all(DISCLAIMER in page for page in pages)
    assert "In this order" in pages[0]
    assert "Scores (never decide by one alone)" in " ".join(pages)


def test_the_paper_names_the_policy_and_says_unknown_of_an_unknown_urgency() -> None:
    case = case_from_document({"oncology": {"primary": "sclc"}, "lesion": {"level": "T8"}})
    policy = BoardPolicy("Example Hospital", {"CONFLICT-SCLC": "s2_resistant"}, "2026-1")
    paper = board_paper(case, prepare_board(case, assess(case, policy)), date=DATE)
    assert paper.identity.endswith("policy: Example Hospital, version 2026-1")
    pages = PdfReader(io.BytesIO(typeset(paper, at=DATE))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "Policy: Example Hospital, version 2026-1: departs from the default in 1 of 13 conflicts." in text
    assert "Urgency unknown" in text
    assert "not specified" not in text


def three_lesions() -> dict[str, Any]:
    base = {"pain": "mechanical", "bone_lesion": "lytic", "prior_rt_at_level": False}
    return {
        "patient": {"age_years": 66, "sex": "M", "expected_survival_months": 14, "tolerates_open_surgery": True},
        "oncology": {"primary": "rcc", "histology_confirmed": True},
        "lesions": [
            base | {"level": "L3", "escc": "1a"},
            base | {"level": "T8", "escc": "3", "collapse": "gt50"},
            base | {"level": "T9", "escc": "0"},
        ],
        "neuro": {"myelopathy": True, "symptom_duration_days": 0.3},
    }


def test_three_lesions_are_told_apart_and_the_compressing_one_comes_first() -> None:
    first, *_ = pages_of(three_lesions())
    assert first.index("T8") < first.index("L3 among the other lesions")
    assert "Treat T8 first" in first
    assert first.count("Dexamethasone 10 mg i.v., then 16 mg a day") == 1


def test_the_paper_says_when_how_and_between_what() -> None:
    first, second = pages_of({name: PATIENTS[0][name] for name in SECTIONS if name in PATIENTS[0]})
    for words in ("preferred", "acceptable", "Would replace", "In short", "T10: the options", "Around the decision"):
        assert words in first
    for words in ("If nothing is done", "Tomita", "Most told by"):
        assert words in second


def test_a_score_never_stands_without_its_warnings_its_ground_and_what_it_misses() -> None:
    case = case_from_document(three_lesions())
    found = prepare_board(case, assess(case))
    paper = " ".join(pages_of(three_lesions()))
    terminal = " ".join(score_text(score).plain for score in found.scores.values() if says_something(score))
    shown = [score for score in found.scores.values() if says_something(score) and score.name not in IN_THE_HEAD]
    assert shown
    for score in shown:
        *_, said, ground = score_row(score)
        for warning in score.warnings:
            assert warning in said
            assert warning in terminal
        assert all(name in ground for name in score.basis.evidence)
        assert said.split(" ", 1)[0] in paper


def test_it_is_written_whole(tmp_path: Path) -> None:
    case = case_from_document(three_lesions())
    target = ms.write_board(case, prepare_board(case, assess(case)), to=tmp_path / "board.pdf")
    assert len(PdfReader(target).pages) >= 2
    assert [path.name for path in tmp_path.iterdir()] == ["board.pdf"]
    with pytest.raises(OutputError, match="cannot be written"):
        ms.write_board(case, prepare_board(case, assess(case)), to=tmp_path / "absent" / "board.pdf")


def test_the_same_case_gives_the_same_bytes() -> None:
    case = case_from_document(three_lesions())
    paper = board_paper(case, prepare_board(case, assess(case)), date=DATE)
    assert typeset(paper, at=DATE) == typeset(paper, at=DATE)
