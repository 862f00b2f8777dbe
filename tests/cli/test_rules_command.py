"""``metaspine rules``: all rules are listed in words, and the check finds what hangs in the air."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from metaspine.assessment.rules import Rule, rules_from
from metaspine.assessment.tables import rule_parts, rules
from metaspine.cli import rules as command
from metaspine.cli.exit_codes import ExitCode
from metaspine.evidence import citations, conflicts, entries

ROOT = Path(__file__).parent.parent.parent


def metaspine(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "metaspine", "rules", *arguments], capture_output=True, text=True, check=False
    )


def rule(name: str = "NOMS-15") -> Rule:
    (found,) = [each for each in command.listed_rules("noms") if each.id == name]
    return found


def test_every_rule_is_listed_as_json() -> None:
    listed = json.loads(metaspine("--json").stdout)
    assert [each["name"] for each in listed] == [each.name for name, part in rule_parts() for each in rules(name, part)]
    (one,) = [each for each in listed if each["name"] == "urgency.steroids.STER-07"]
    assert one == {
        "name": "urgency.steroids.STER-07",
        "table": "urgency",
        "part": "steroids",
        "id": "STER-07",
        "condition": "cord_signs is yes, and neuro.symptom_duration_days is above 0.5",
        "outcome": "GIVE_NOW_WINDOW_PASSED",
        "strength": "prefer",
        "evidence": ["STER-07", "STER-01", "STER-04"],
        "conflict": None,
    }


def test_one_table_as_a_page_and_as_markdown() -> None:
    page = metaspine("--table", "postoperative").stdout
    assert "postoperative.contraindications.SBRT-02 says ASIA_A  [avoid; SBRT-02]\n    when postop.asia is A" in page
    assert "NOMS-15" not in page
    markdown = metaspine("--table", "postoperative", "--markdown").stdout
    assert "## postoperative.contraindications" in markdown
    assert "| SBRT-02 | postop.asia is A | ASIA_A | avoid | SBRT-02 |" in markdown.splitlines()


def test_a_narrow_page_cuts_no_name() -> None:
    page = re.sub(r"\s", "", metaspine().stdout)
    assert "…" not in page
    assert all(each.name in page for name, part in rule_parts() for each in rules(name, part))


def test_an_unknown_table_is_an_error_of_input() -> None:
    result = metaspine("--table", "nomz")
    assert result.returncode == ExitCode.INPUT
    assert "there is no table 'nomz'" in result.stderr
    assert "noms" in result.stderr


@pytest.mark.parametrize(
    ("when", "any_of", "words"),
    [
        ({}, [], "always"),
        ({"a": [None, "x"]}, [], "a is not known or x"),
        ({"a": {"not": True}}, [], "a is anything but yes"),
        ({"a": {"at_least": 7}, "b": {"below": 0.5}}, [], "a is at least 7, and b is below 0.5"),
        ({"a": {"includes": "x"}}, [], "a is with x among them"),
        ({"a": False}, [{"b": True, "c": 1}, {"d": 2}], "a is no, and one of: b is yes and c is 1; or d is 2"),
        ({}, [{"b": {"above": 3}}, {"c": {"at_most": 2}}], "one of: b is above 3; or c is at most 2"),
    ],
)
def test_conditions_in_words(when: dict[str, object], any_of: list[dict[str, object]], words: str) -> None:
    (found,) = rules_from([{"id": "R", "when": when, "any_of": any_of, "evidence": ["E"]}])
    assert command.condition_in_words(found) == words


def test_nothing_hangs_in_the_air() -> None:
    assert command.faults_of_rules() == ()
    result = metaspine("--check")
    assert result.returncode == ExitCode.DONE, result.stdout
    assert "nothing is wrong" in result.stdout


def test_the_check_finds_each_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = (
        replace(rule(), evidence=()),
        replace(rule("NOMS-16a"), evidence=("NOMS-99",)),
        replace(rule("NOMS-07"), conflict="CONFLICT-NONE"),
    )
    monkeypatch.setattr(command, "listed_rules", lambda: faulty)
    monkeypatch.setattr(command, "uncited", lambda: ("SINS-99",))
    assert command.faults_of_rules() == (
        "noms.stabilisation.NOMS-15 rests on no evidence",
        "noms.stabilisation.NOMS-16a rests on NOMS-99, which does not exist",
        "noms.rows.NOMS-07 names the conflict CONFLICT-NONE, which does not exist",
        "nothing rests on SINS-99",
    )
    assert command.check_command() == ExitCode.DEFECT


def test_an_entry_that_only_defines_itself_or_names_a_rule_is_not_cited(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that a rule bears is no citation; what its evidence names is."""
    (entry,) = [entry for name, entry in entries().items() if name == "SBRT-02"]
    known = {**entries(), "AE-999": replace(entry, id="AE-999", statement="AE-999 says so.")}
    monkeypatch.setattr(citations, "entries", lambda: known)
    assert citations.uncited() == ("AE-999",)
    assert citations._OWN_NAME.sub("", "{id: SINS-02, evidence: [SINS-04]}") == "{, evidence: [SINS-04]}"


def test_what_is_used_beside_the_program_is_used_there() -> None:
    for name, path in citations._BESIDE_THE_PROGRAM.items():
        assert name in entries()
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), name


def test_every_selectable_conflict_is_read_somewhere() -> None:
    assert not {name for name in citations.uncited() if name in conflicts()}
