"""What every score's file must keep to, what it says of survival, and what a reader is told of it."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from score_cases import case_of, scored

from metaspine.assessment import in_words
from metaspine.assessment.document import plain
from metaspine.assessment.score_facts import months_between
from metaspine.assessment.score_tables import score_table, score_tables
from metaspine.assessment.scoring import about, score, score_names
from metaspine.assessment.tables import words
from metaspine.errors import InputError
from metaspine.evidence import Confidence, entries, look_up
from metaspine.patient.case import Comorbidity, FrailtyFinding

NAMES = score_names()


def test_the_scores_there_are() -> None:
    assert set(NAMES) == {
        "sins",
        "escc",
        "kps",
        "ecog",
        "tokuhashi_1990",
        "tokuhashi_revised",
        "tomita",
        "bauer_original",
        "bauer_modified",
        "bollen",
        "nesms",
        "katagiri_2014",
        "osri",
        "rades_2008_survival",
        "rades_2008_ambulation",
        "rades_elderly",
        "rades_bsc_2013",
        "van_der_linden",
        "chao_2012",
        "balagamwala_2018",
        "prism",
        "metsss",
        "sorg_classic",
        "sorg_ml_90_day",
        "sorg_ml_1_year",
        "charlson",
        "mfi5",
        "mstfi",
        "frankel",
        "ais",
        "clavien_dindo",
        "isrc_sectors",
        "tomita_type",
        "wbb",
        "nrs",
        "pain_response",
        "spino",
        "vcf_relative_hazard",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_code_has_words_and_every_statement_evidence(name: str) -> None:
    described = about(name)
    assert len(described.title) > 3
    assert described.evidence
    assert set(described.evidence) <= entries().keys()
    assert (described.state == "computed") is not bool(described.because)
    for item in described.items:
        assert in_words("score_item", item.name)
        assert item.points
        assert all(finding for finding, _ in item.points)
    for band in described.bands:
        assert in_words("score_meaning", band.code)
    for entry in scored(name).narrowing:
        assert in_words("key", entry.key)
    document = plain(described)
    assert document["name"] == name


@pytest.mark.parametrize("name", [name for name, table in score_tables().items() if table.items])
def test_the_extremes_of_the_items_are_the_range(name: str) -> None:
    table = score_table(name)
    together = prod if table.content.get("combine") == "product" else sum
    ends = tuple(together(end(item.unknown) for item in table.items) for end in (min, max))
    assert ends == pytest.approx(tuple(table.content["range"]), abs=0.01)


@pytest.mark.parametrize("name", [name for name, table in score_tables().items() if table.bands])
def test_the_bands_cover_the_range_without_gap_or_overlap(name: str) -> None:
    table = score_table(name)
    least, most = (int(end) for end in table.content["range"])
    step = 10 if name == "kps" else 1
    for total in range(least, most + 1, step):
        assert sum(band.least <= total <= band.most for band in table.bands) == 1, total


PUBLISHED: dict[str, dict[str, str]] = {
    "tomita": {
        "wide_or_marginal_excision": "mean 50 months [V]",
        "marginal_or_intralesional_excision": "mean 23.5 months [V]",
        "palliative_surgery": "mean 15 months [V]",
        "supportive_care": "mean 6 months [V]",
    },
    "bauer_modified": {
        "lt6mo": "under 6 months; median 4.8 months [R-M]",
        "gt6mo": "over 6 months; median 18.2 months [R-M]",
        "gt12mo": "over 12 months; median 28.4 months [R-M]",
    },
    "bollen": {
        "bollen_a": "median 31.2 months (25.2-37.3) [V]",
        "bollen_b": "median 15.4 months (11.9-18.2) [V]",
        "bollen_c": "median 4.8 months (4.1-5.4) [V]",
        "bollen_d": "median 1.6 months (1.4-1.9) [V]",
    },
    "katagiri_2014": {
        "katagiri_low": "1 year 91 %, 2 years 78 % [V]",
        "katagiri_intermediate": "6, 12 and 24 months 74, 49 and 28 % [R-H]",
        "katagiri_high": "6 months 27 %, 1 year 6 % [V]",
    },
    "nesms": {
        "nesms_0": "",
        "nesms_1": "odds ratio of death within 1 year 31.30 (8.82-111.04) against a score of 3 [V]",
        "nesms_2": "odds ratio of death within 1 year 7.04 (2.47-20.08) against a score of 3 [V]",
        "nesms_3": "",
    },
    "van_der_linden": {
        "vdl_a": "median 3 months [V]",
        "vdl_b": "median 9 months [V]",
        "vdl_c": "median 19 months [V]",
    },
    "chao_2012": {
        "chao_1": "median 21.1 months [R-H]",
        "chao_2": "median 8.7 months [R-H]",
        "chao_3": "median 2.4 months [R-H]",
    },
    "rades_2008_survival": {
        "rades_survival_20_25": "6 months 4 % [V]",
        "rades_survival_26_30": "6 months 11 % [V]",
        "rades_survival_31_35": "6 months 48 % [V]",
        "rades_survival_36_40": "6 months 87 % [R-M]",
        "rades_survival_41_45": "6 months 99 % [R-M]",
    },
    "osri": {},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_survival_is_as_printed_with_its_confidence(name: str) -> None:
    assert {band.code: band.survival for band in about(name).bands} == PUBLISHED[name]


def test_nothing_doubtful_is_shown_as_survival() -> None:
    for table in score_tables().values():
        for entry in table.content.get("survival", {}).values():
            assert look_up(entry["evidence"]).confidence is not Confidence.RECALLED_LOW


def test_what_s3_says_of_sorg_is_not_quoted() -> None:
    for name in ("sorg_classic", "sorg_ml_90_day", "sorg_ml_1_year"):
        assert "71" not in " ".join(look_up(entry).statement for entry in about(name).evidence)


@pytest.mark.parametrize(
    ("name", "conflict"),
    [
        ("tokuhashi_revised", "CONFLICT-TOKUHASHI-VERTEBRAL"),
        ("tomita", "CONFLICT-TOMITA-RAPID"),
        ("prism", "CONFLICT-PRISM"),
        ("sorg_classic", "CONFLICT-SORG-ACCURACY"),
    ],
)
def test_a_conflict_between_sources_stands_beside_its_score(name: str, conflict: str) -> None:
    statements = about(name).evidence
    assert conflict in {*statements, *(look_up(statement).conflict for statement in statements)}


def test_every_statement_about_a_score_is_used() -> None:
    used = {identifier for name in NAMES for identifier in about(name).evidence}
    stated = {identifier for identifier in entries() if identifier.startswith("SCORE-")}
    in_warnings = {"SCORE-OSRI-03", "SCORE-UNPROVEN-01"}
    assert stated - used == in_warnings
    assert any("SCORE-OSRI-03" in warning for warning in about("osri").warnings)


FAVOURABLE, MODERATE, UNFAVOURABLE = "breast", "rcc", "nsclc"


@pytest.mark.parametrize(
    ("primary", "kps", "visceral", "brain", "letter"),
    [
        (FAVOURABLE, 80, "none", False, "a"),
        (FAVOURABLE, 70, "none", False, "b"),
        (FAVOURABLE, 80, "removable", False, "b"),
        (FAVOURABLE, 80, "none", True, "b"),
        (FAVOURABLE, 70, "removable", False, "c"),
        (FAVOURABLE, 70, "none", True, "c"),
        (MODERATE, 80, "none", False, "b"),
        (MODERATE, 80, "unremovable", True, "b"),
        (MODERATE, 70, "none", False, "c"),
        (UNFAVOURABLE, 80, "unremovable", True, "c"),
        (UNFAVOURABLE, 70, "none", False, "d"),
        ("unknown", 70, "none", False, "d"),
        ("colorectal", 80, "none", False, "c"),
    ],
)
def test_bollen(primary: str, kps: int, visceral: str, brain: bool, letter: str) -> None:
    facts = {"oncology__primary": primary, "patient__kps": kps}
    found = scored("bollen", **facts, oncology__visceral_mets=visceral, oncology__brain_mets=brain)
    assert found.meaning == f"bollen_{letter}"
    if primary != FAVOURABLE:
        assert scored("bollen", **facts).meaning == f"bollen_{letter}"


@pytest.mark.parametrize("primary", ["melanoma", "lymphoma", "other"])
def test_a_profile_that_is_not_recalled_is_not_filled_in(primary: str) -> None:
    found = scored("bollen", oncology__primary=primary, patient__kps=80)
    assert (found.state, found.meanings) == ("not_applicable", ())
    assert "SCORE-BOLLEN-03" in found.basis.evidence


def test_every_primary_has_a_place_in_bollen() -> None:
    content = score_table("bollen").content
    listed = [one for several in content["profiles"].values() for one in several]
    assert sorted([*listed, *content["not_in_table"]["primaries"]]) == sorted(words()["primary"])


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("toku", "tokuhashi_1990, tokuhashi_revised"),
        ("katagiri", "katagiri_2014"),
        ("Bauer modified", "bauer_modified"),
    ],
)
def test_an_unknown_score_names_the_nearest(name: str, nearest: str) -> None:
    case = case_of()
    with pytest.raises(InputError, match=f"there is no score '{name}'.*{nearest}"):
        score(name, case, case.lesions[0])
    with pytest.raises(InputError, match="`metaspine scores` lists them all"):
        about("zzzz")


@pytest.mark.parametrize("name", NAMES)
def test_a_score_reads_primary_and_level_only_where_it_says_so(name: str) -> None:
    needs = about(name).needs
    for key, values in (
        ("oncology__primary", ("breast", "nsclc", "unknown", "chordoma")),
        ("lesion__level", ("T8", "L5")),
    ):
        found = {plain(scored(name, **{key: value})).__repr__() for value in values}
        assert (len(found) > 1) is (key.replace("__", ".") in needs)


def test_diseases_and_findings_have_words() -> None:
    assert set(words()["comorbidity"]) == set(Comorbidity.__args__)  # type: ignore[attr-defined]
    assert set(words()["frailty_finding"]) == set(FrailtyFinding.__args__)  # type: ignore[attr-defined]
    items: Any = score_table("mstfi").content["items"]
    assert set(items) == set(FrailtyFinding.__args__)  # type: ignore[attr-defined]


def test_months_between_dates() -> None:
    from datetime import date

    assert months_between(date(2020, 1, 15), date(2022, 7, 15)) == 30
    assert months_between(date(2020, 1, 15), date(2022, 7, 16)) > 30
    assert months_between(date(2020, 1, 15), date(2022, 7, 14)) < 30
    assert months_between(date(2015, 3, 1), date(2020, 3, 1)) == 60


def test_a_score_as_plain_values() -> None:
    found = plain(scored("tomita", oncology__visceral_mets="none"))
    assert found["items"] == {"primary": 1, "visceral": 0, "bone": None}
    assert found["reachable"] == [2, 3]
    assert found["narrowing"][0] == {"key": "oncology.vertebral_mets", "width": 1}
    assert found["basis"]["missing"] == ["oncology.vertebral_mets", "oncology.extraspinal_bone_mets"]
