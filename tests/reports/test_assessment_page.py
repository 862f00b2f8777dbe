"""The assessment in words: every part with its sources, every gap said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_up_advice import make_advice, make_case
from test_plan_page import text

from metaspine.errors import LevelError, NotEligible
from metaspine.evidence import entries
from metaspine.patient.advice import Basis, Escc
from metaspine.patient.case import Case, OncologyFacts
from metaspine.reports.assessment_page import assessment_page, cited
from metaspine.reports.clinical_words import in_words
from metaspine.reports.refusal_page import refusal_page


def test_scores_stand_with_parts_range_and_what_is_missing() -> None:
    page = text(assessment_page(make_case(), make_advice(), level="T12"))
    for expected in (
        "9 to 13 of 18, not determinable; spine surgeon's consultation: yes",
        "location 3, pain 3, bone lesion 2, alignment unknown, collapse 1, posterolateral 0",
        "not exactly known: alignment",
        "grade 1a, low grade",
        "stabilisation, then stereotactic radiosurgery",
        "MRI within 336 h; treatment within 336 h; biopsy within no stated time",
        "not determinable, because missing data; 4 to 9 possible",
        "63 years, F",
        "KPS 80, ECOG unknown",
        "2c is no grade; read as 2",
        "targetable alteration not in traditional scores",
    ):
        assert expected in page, expected
    assert not any(word in page.split() for word in ("None", "nan", "[]", "()"))


def test_each_part_names_its_evidence_with_its_confidence() -> None:
    page = text(assessment_page(make_case(), make_advice(), level="T12"))
    for identifier in ("SINS-05", "ESCC-01", "NOMS-04", "URG-01", "KYPHO-01", "GOALS-01"):
        assert f"{identifier} (" in page
    known_id = next(iter(entries()))
    assert cited((known_id,)) == f"{known_id} ({entries()[known_id].confidence.value})"
    assert cited(("NOT-THERE-1",)) == "NOT-THERE-1 (confidence unknown)"
    assert cited(()) == "source unknown"


def test_reasons_are_told_in_words_with_their_rule() -> None:
    page = text(assessment_page(make_case(), make_advice(refused=True), level="T12"))
    assert "ineligible: pedicle infiltration" in page
    assert "excludes\nIORT-06" in page
    assert "not known\nKYPHO-01" in page
    assert "missing: lesion.tomita_type" in page


def test_the_lesion_at_the_plans_level_is_shown_and_all_are_listed() -> None:
    advice = make_advice("T8", "T12")
    page = assessment_page(make_case("T8", "T12"), advice, level="T12")
    assert page.heading == "Assessment of T12"
    assert "T8 decides for the patient" in text(page)
    assert "describes no lesion" not in page.standfirst


def test_a_plan_at_a_level_that_the_case_does_not_know_is_told() -> None:
    page = assessment_page(make_case("T8"), make_advice("T8"), level="T12")
    assert page.heading == "Assessment of T8"
    assert "The case file describes no lesion at T12" in page.standfirst


def test_a_case_of_which_nothing_is_known_prints_unknown() -> None:
    advice = make_advice()
    bare = replace(advice.lesions[0], escc=Escc(None, None, None, Basis()))
    page = text(assessment_page(Case(OncologyFacts("unknown"), ()), replace(advice, lesions=(bare,))))
    assert "grade unknown, class unknown" in page
    assert "not determinable, because the case file does not say, unknown" in page
    assert "source unknown" in page


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "unknown"),
        ("PEDICLE_INFILTRATION", "pedicle infiltration"),
        ("CEBRT", "conventional external-beam radiotherapy"),
    ],
)
def test_codes_become_words(code: str | None, words: str) -> None:
    assert in_words(code) == words


def test_a_refusal_says_what_where_what_to_do_and_what_instead() -> None:
    advice = make_advice(refused=True)
    refusal = NotEligible("pedicle infiltration excludes (IORT-06)", where="case, L1", remedy="Ask the board")
    page = refusal_page(advice, advice.leading, refusal)
    words = text(page)
    assert page.blocks[0].tone == "stop"
    for expected in ("pedicle infiltration excludes (IORT-06)", "case, L1", "Ask the board", "IORT-06", "Kypho-IORT"):
        assert expected in words
    assert "stabilisation, then stereotactic radiosurgery" in words


def test_a_refusal_for_another_cause_does_not_blame_eligibility() -> None:
    advice = make_advice()
    words = text(refusal_page(advice, advice.leading, LevelError("the labels say T11", where="ct.nii.gz")))
    assert "the labels say T11" in words
    assert "excludes" not in words
