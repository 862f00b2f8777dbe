"""The assessment in words: every part with its sources, every gap said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_up_advice import make_advice, make_case, make_lesion
from test_plan_page import text

from metaspine.errors import LevelError, NotEligible
from metaspine.evidence import entries
from metaspine.patient.advice import Basis, Escc, IortEligibility, Reason
from metaspine.patient.case import Case, OncologyFacts
from metaspine.reports.assessment_page import assessment_page, escc_fact, iort_fact, noms_fact
from metaspine.reports.citations import cited, cited_in
from metaspine.reports.clinical_words import in_words
from metaspine.reports.refusal_page import refusal_page


def test_scores_stand_with_parts_range_and_what_is_missing() -> None:
    page = text(assessment_page(make_case(), make_advice(), level="T12"))
    for expected in (
        "9 to 13 of 18, not determinable from what is known; spine surgeon's consultation: yes",
        "location 3, pain 3, bone lesion 2, alignment unknown, collapse 1, posterolateral 0",
        "not exactly known: alignment",
        "grade 1a, low grade",
        "stabilisation, then stereotactic radiosurgery",
        "MRI within 336 h; treatment within 336 h; biopsy within no stated time",
        "not determinable, because items are missing; 4 to 9 possible",
        "63 years, F",
        "KPS 80, ECOG unknown",
        "2c is no grade; read as 2",
        "a targetable alteration, which the scores ignore",
        "increasingly obsolete scores: never decide by them alone",
    ):
        assert expected in page, expected
    assert not any(word in page.split() for word in ("None", "nan", "[]", "()"))


def test_each_part_names_its_evidence() -> None:
    page = text(assessment_page(make_case(), make_advice(), level="T12"))
    for identifier in ("SINS-05", "ESCC-01", "NOMS-04", "URG-01", "KYPHO-01", "GOALS-01"):
        assert identifier in page


def test_evidence_is_grouped_by_confidence() -> None:
    names = list(entries())[:3]
    groups = cited((*names, names[0], "NOT-THERE-1"))
    for name in names:
        assert groups.count(name) == 1
        assert f"{entries()[name].confidence.value}: " in groups
    assert groups.endswith("confidence unknown: NOT-THERE-1")
    assert cited(()) == "source unknown"
    assert cited_in(f"({names[0]}) and {names[1]}, not {names[0]} again, nor ABC-99") == (names[0], names[1])


def test_reasons_are_told_in_words_with_their_rule() -> None:
    page = text(assessment_page(make_case(), make_advice(refused=True), level="T12"))
    assert "ineligible: the tumour infiltrates the pedicle" in page
    assert f"excludes\n{entries()['IORT-06'].statement}\nS: IORT-06" in page
    assert f"not known\n{entries()['KYPHO-01'].statement}" in page
    assert "missing: lesion.tomita_type" in page


def test_what_the_canal_holds_is_not_said_where_the_level_leaves_it_open() -> None:
    note = "whether the canal holds cord, conus or cauda shows only on MR"
    assert escc_fact(Escc("1a", "low", "conus", Basis(("ESCC-03",), (), (note,)))).note.startswith(note)
    assert escc_fact(Escc("1a", "low", "cord", Basis(("ESCC-00",)))).note.startswith("the canal holds: cord")


def test_the_preferred_row_is_not_repeated_among_the_others() -> None:
    lesion = make_lesion()
    row, _ = noms_fact(lesion.noms)
    assert row.note.startswith("also acceptable: stereotactic radiosurgery; table of 2013: the same; open surgery")
    open_choice, _ = noms_fact(replace(lesion.noms, recommendation=None, table_2013=None))
    assert open_choice.note.startswith("acceptable: stabilisation, then stereotactic radiosurgery; stereotactic")
    assert "table of 2013: no row" in open_choice.note


def test_what_excludes_is_told_before_what_is_not_known() -> None:
    reasons = (
        Reason("CONSENT_UNKNOWN", "unknown", ("IORT-02",)),
        Reason("PEDICLE_INFILTRATION", "hard", ("IORT-06",)),
        Reason("ESCC_3_AMBIGUOUS_IN_SOURCE", "conditional", ("IORT-08",)),
    )
    fact = iort_fact("Stabilisation-IORT", IortEligibility("ineligible", reasons, None, Basis()))
    assert fact.value.startswith("ineligible: the tumour infiltrates the pedicle; consent is not recorded; ESCC 3")
    assert fact.value.count(";") == 2


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
    ("part", "code", "words"),
    [
        ("noms", None, "unknown"),
        ("iort_reason", "PEDICLE_INFILTRATION", "the tumour infiltrates the pedicle"),
        ("survival_surgery_rule", "BAND_6_24_OPEN", "6 to 24 months: open surgery as far as survival goes"),
    ],
)
def test_codes_become_the_words_of_the_assessment(part: str, code: str | None, words: str) -> None:
    assert in_words(part, code) == words


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
