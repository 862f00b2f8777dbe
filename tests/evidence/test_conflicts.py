"""Conflicts between sources: every one has its sides with their sources, and one entry of evidence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from metaspine.assessment.tables import rule_parts
from metaspine.assessment.tables import rules as rules_of
from metaspine.errors import InputError
from metaspine.evidence import bibliography, conflicts, entries, look_up

MODULE = import_module("metaspine.evidence.conflicts")
SELECTABLE = {
    "CONFLICT-SRS-HIGH-GRADE": ("s1_surgery", "s3_srs"),
    "CONFLICT-SCLC": ("ask", "s1_sensitive", "s2_resistant"),
    "CONFLICT-STEROIDS": ("show_both", "give", "defer"),
    "CONFLICT-STEROID-DOSE": ("s3_10mg_then_16mg", "nice_16mg"),
    "CONFLICT-EN-BLOC": ("s1_srs", "s3_en_bloc"),
    "CONFLICT-CEMENT": ("conditional", "s0_excluded", "s4_accepted"),
    "CONFLICT-PEDICLE": ("s4_type_2", "s0_excluded"),
    "CONFLICT-ESCC-3": ("conditional", "s0_excluded"),
    "CONFLICT-TARGETED": ("s2_not_routine", "s1_s3_consider"),
    "CONFLICT-PTV": ("table5_0_2mm", "table2_2_5mm"),
    "CONFLICT-PRV": ("table5_0_2mm", "text_1_5_2mm"),
    "CONFLICT-GTV-DMIN": ("s1_15gy", "s2_14gy"),
    "CONFLICT-PROPHYLACTIC-CEMENT": ("s2_no_evidence", "s1_before_treatment"),
}
"""Where a centre may choose, the side of section G first."""


@pytest.mark.parametrize("identifier", sorted(conflicts()))
def test_every_side_is_grounded(identifier: str) -> None:
    conflict = conflicts()[identifier]
    assert conflict.question.endswith("?")
    assert conflict.why
    assert next(iter(conflict.sides)) == conflict.default
    for side in conflict.sides.values():
        assert side.statement.endswith(".")
        assert set(side.references) <= bibliography().keys()


def test_where_a_centre_may_choose() -> None:
    assert {name: tuple(found.sides) for name, found in conflicts().items() if found.selectable} == SELECTABLE


def test_a_conflict_is_an_entry_with_the_references_of_its_sides() -> None:
    entry = look_up("CONFLICT-CEMENT")
    assert set(entry.references) == {"project", "S0", "S1", "S4"}
    assert "not offered alone" in entry.statement
    assert entry.note == conflicts()["CONFLICT-CEMENT"].why


def test_every_conflict_that_a_rule_or_statement_names_is_one() -> None:
    named = {entry.conflict for entry in entries().values() if entry.conflict.startswith("CONFLICT-")}
    assert named
    rules = (rule for name, part in rule_parts() for rule in rules_of(name, part))
    assert named | {rule.conflict for rule in rules if rule.conflict} <= conflicts().keys()


GOOD: dict[str, Any] = {
    "summary": "They differ.",
    "question": "Which?",
    "why": "Because.",
    "selectable": True,
    "default": "two",
    "sides": {
        "one": {"statement": "One.", "references": ["S1"], "confidence": "S"},
        "two": {"statement": "Two.", "references": ["project"], "confidence": "C"},
    },
}


@pytest.fixture
def a_file_of_conflicts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    content: dict[str, Any] = {"CONFLICT-X": copy.deepcopy(GOOD)}
    monkeypatch.setattr(MODULE, "data_files", lambda _: ["one.yaml"])
    monkeypatch.setattr(MODULE, "read_data", lambda _: content)
    conflicts.cache_clear()
    yield content
    conflicts.cache_clear()


def test_the_default_stands_first(a_file_of_conflicts: dict[str, Any]) -> None:
    assert list(conflicts()["CONFLICT-X"].sides) == ["two", "one"]
    assert a_file_of_conflicts


def test_a_default_that_is_no_side(a_file_of_conflicts: dict[str, Any]) -> None:
    a_file_of_conflicts["CONFLICT-X"]["default"] = "three"
    with pytest.raises(InputError, match="CONFLICT-X needs two sides or more, its default three among them"):
        conflicts()


def test_a_conflict_of_one_side(a_file_of_conflicts: dict[str, Any]) -> None:
    del a_file_of_conflicts["CONFLICT-X"]["sides"]["one"]
    with pytest.raises(InputError, match="CONFLICT-X needs two sides"):
        conflicts()


def test_a_side_without_a_known_source(a_file_of_conflicts: dict[str, Any]) -> None:
    a_file_of_conflicts["CONFLICT-X"]["sides"]["one"]["references"] = ["Nobody1999"]
    with pytest.raises(InputError, match="CONFLICT-X, one, cites Nobody1999, unknown to the bibliography"):
        conflicts()


@pytest.mark.usefixtures("a_file_of_conflicts")
def test_a_conflict_that_stands_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "data_files", lambda _: ["one.yaml", "two.yaml"])
    with pytest.raises(InputError, match=r"two.yaml: the conflict CONFLICT-X is defined twice"):
        conflicts()
