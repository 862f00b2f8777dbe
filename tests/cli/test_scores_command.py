"""``metaspine scores``: the list, one explained, one computed from a case file or from a few facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from metaspine.assessment.scoring import score_names
from metaspine.cli.app import app
from metaspine.errors import InputError

CASE = Path(__file__).parent.parent.parent / "examples" / "l1" / "case.yaml"
RUN = CliRunner()


def printed(*words: str, width: int = 200) -> str:
    done = RUN.invoke(app, ["scores", *words], env={"COLUMNS": str(width), "TERM": "dumb", "NO_COLOR": "1"})
    if done.exception is not None:
        raise done.exception
    return done.stdout


def document(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


def test_the_list() -> None:
    text = printed()
    assert all(name in text for name in score_names())
    assert "multidisciplinary review required" in text
    assert [each["name"] for each in document()] == list(score_names())


def test_the_list_cuts_no_word_of_a_narrow_terminal() -> None:
    text = " ".join(printed(width=80).split())
    assert all(name in text for name in score_names())
    assert "…" not in text
    assert "METSSS (taken from outside)" in text


@pytest.mark.parametrize("name", score_names())
def test_each_is_explained_and_computed(name: str) -> None:
    assert f"({name})" in printed(name)
    (found,) = document(name, "--case", str(CASE))["scores"]
    assert found["name"] == name
    assert printed(name, "--case", str(CASE))


def test_an_explanation_has_points_bands_and_evidence_with_its_confidence() -> None:
    text = printed("tomita")
    for part in (
        "range 2 to 10, lower is better",
        "lung cancer",
        "mean 23.5 months [V]",
        "increasingly obsolete",
        "TOMITA-03",
    ):
        assert part in text
    assert "[R-H] recalled, textbook" in text
    assert "Tomita K, Kawahara N" in text


def test_one_score_of_a_few_facts() -> None:
    (found,) = document("tomita", "primary=nsclc", "oncology.visceral_mets=none", "vertebral_mets=1")["scores"]
    assert (found["items"]["primary"], found["reachable"], found["level"]) == (4, [5, 6], None)
    assert [entry["key"] for entry in found["narrowing"]] == ["oncology.extraspinal_bone_mets"]
    text = printed("tomita", "primary=nsclc", "oncology.visceral_mets=none", "vertebral_mets=1")
    assert "5 to 6 (the score goes from 2 to 10)" in text
    assert "number of extraspinal bone metastases" in text


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (["escc", "escc=2", "level=T8"], "escc_2"),
        (["ais", "neuro.asia=E"], "ais_e"),
        (
            ["mfi5", "comorbidities=diabetes", "hypertension_on_medication=true", "independent_in_daily_life=true"],
            "frail",
        ),
        (["isrc_sectors", "sectors=1,2"], "isrc_body_left_pedicle"),
        (["isrc_sectors", "sectors=[1,2]"], "isrc_body_left_pedicle"),
        (["kps", "patient.kps=80"], "kps_80"),
        (["chao_2012", "diagnosed_on=2020-01-15", "assessed_on=2024-01-15", "kps=80"], "chao_1"),
    ],
)
def test_facts_have_the_type_of_their_key(words: list[str], meaning: str) -> None:
    (found,) = document(*words)["scores"]
    assert found["meaning"] == meaning


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["toku"], "no score 'toku'.*tokuhashi_1990"),
        (["tomita", "visceral_mets=none"], "oncology.primary must be known for it.*oncology.primary="),
        (["sins", "pain=none"], "lesion.level must be known"),
        (["kps", "kps"], "'kps' is no fact.*key=value"),
        (["kps", "kps="], "is no fact"),
        (["kps", "kpss=80"], "no key 'kpss'.*kps"),
        (["kps", "zzzz=80"], "no key 'zzzz'.*metaspine schema"),
        (["kps", "kps=80", "patient.kps=70"], "patient.kps is written twice"),
        (["ais", "asia=E"], "'asia' stands in several sections. Write neuro.asia or postop.asia"),
        (["kps", "kps=75"], "75 is not possible"),
        (["escc", "level=T8", "escc=4"], "escc"),
        (["kps", "kps=80", "--case", str(CASE)], "both a case file and facts"),
    ],
)
def test_what_cannot_be_used_is_said(words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        printed(*words)


def test_every_lesion_of_a_case_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(
        "oncology: {primary: breast}\nlesions: [{level: T8, nrs: 7}, {level: L1, nrs: 2}]\n", encoding="utf-8"
    )
    found = document("nrs", "--case", str(path))["scores"]
    assert [(each["level"], each["meaning"]) for each in found] == [("T8", "pain_severe"), ("L1", "pain_mild")]
    assert len(document("kps", "--case", str(path))["scores"]) == 1
