"""A centre's planning policy: what it may say, what is refused, and that every value is shown."""

from __future__ import annotations

from dataclasses import fields

import pytest

from metaspine.errors import PolicyError
from metaspine.evidence import look_up
from metaspine.planning.policy import PlanningPolicy, read_policy


def written(tmp_path, text: str):
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_changes_what_it_names(tmp_path):
    policy = read_policy(written(tmp_path, "canal_clearance_mm: 2\napproaches: [tight]\nmedial_angle_deg: [0, 30]\n"))
    assert policy.canal_clearance_mm == 2.0
    assert policy.approaches == ("tight",)
    assert policy.medial_angle_deg == (0.0, 30.0)
    assert policy.pedicle_margin_mm == PlanningPolicy().pedicle_margin_mm


def test_an_empty_file_is_the_default(tmp_path):
    assert read_policy(written(tmp_path, "")) == PlanningPolicy()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("canal_clearence_mm: 2", "canal_clearence_mm"),
        ("canal_clearance_mm: two", "canal_clearance_mm"),
        ("canal_clearance_mm: '2'", "canal_clearance_mm"),
        ("canal_clearance_mm: -1", "Give a value from 0 to 10"),
        ("canal_clearance_mm: .nan", "canal_clearance_mm"),
        ("medial_angle_deg: [30, 0]", "smaller angle first"),
        ("approaches: [anterior]", "approaches"),
        ("approaches: []", "approaches"),
        ("- 1", "name: value"),
        ("a: [", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(PolicyError, match=words) as caught:
        read_policy(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PolicyError, match="nowhere"):
        read_policy(tmp_path / "nowhere.yaml")


def test_every_value_is_shown_with_unit_and_evidence():
    shown = dict(PlanningPolicy().shown())
    assert set(shown) == {item.name for item in fields(PlanningPolicy)}
    assert shown["pedicle_margin_mm"] == "1 mm (PLAN-02, C)"
    assert shown["working_channel_diameter_mm"].endswith("(PLAN-01, S)")
    for item in fields(PlanningPolicy):
        assert look_up(item.metadata["evidence"]).statement
