"""Conditions that are true, false or not known; the rule that decides; and what every table must keep to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.assessment import assess, in_words
from metaspine.assessment.among_lesions import facts_among
from metaspine.assessment.answers import answered_facts, answered_patient_facts
from metaspine.assessment.facts import lesion_facts, patient_facts
from metaspine.assessment.rules import (
    Facts,
    Rule,
    RuleList,
    consulted,
    decided,
    every_that_applies,
    first_that_applies,
    gathered,
    rules_from,
    unknown_facts,
)
from metaspine.assessment.sins import sins, sins_facts
from metaspine.assessment.tables import rule_parts, rules, table, words
from metaspine.evidence import entries
from metaspine.patient.case import Case, LesionFacts, OncologyFacts, Primary
from metaspine.patient.instability import sins_table


@pytest.mark.parametrize(
    ("wanted", "value", "truth"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", None, None),
        (["a", "b"], "b", True),
        (None, None, True),
        (None, "a", False),
        ([None, "a"], None, True),
        ([None, "a"], "b", False),
        (True, True, True),
        (True, 1, False),
        (False, 0, False),
        (False, None, None),
        ({"not": True}, False, True),
        ({"not": True}, None, True),
        ({"not": True}, True, False),
        ({"not": ["a", "b"]}, "b", False),
        ({"below": 3}, 2.9, True),
        ({"below": 3}, 3, False),
        ({"below": 3}, None, None),
        ({"at_most": 6}, 6, True),
        ({"at_most": 6}, 6.1, False),
        ({"above": 3}, 3, False),
        ({"above": 3}, 4, True),
        ({"at_least": 3}, 3, True),
        ({"at_least": 3}, 2, False),
    ],
    ids=str,
)
def test_conditions(wanted: Any, value: Any, truth: bool | None) -> None:
    (rule,) = rules_from([{"id": "R", "when": {"fact": wanted}, "then": "x", "evidence": ["E"]}])
    assert rule.holds({"fact": value}) is truth


def rule(name: str, **when: Any) -> dict[str, Any]:
    return {"id": name, "when": when, "then": name, "evidence": [name]}


def test_all_conditions_and_one_alternative() -> None:
    entry = rule("R", a=True) | {"any_of": [{"b": True, "c": True}, {"d": True}]}
    (found,) = rules_from([entry])
    nothing = dict.fromkeys("abcd", False)
    assert found.holds(nothing | {"a": True}) is False
    assert found.holds(nothing | {"a": True, "d": True}) is True
    assert found.holds(nothing | {"a": True, "b": True, "c": None}) is None
    assert found.holds(nothing | {"b": True, "c": True}) is False
    assert found.holds(nothing | {"a": None, "d": True}) is None


def test_the_first_rule_decides_and_says_what_could_have_decided() -> None:
    found = rules_from([rule("one", a=True, b=True), rule("two", c=True), rule("three", d=True), rule("last")])
    facts = {"a": None, "b": False, "c": None, "d": False}
    decision = decided(found, facts)
    assert decision.outcome == "last"
    assert decision.evidence == ("last",)
    assert decision.missing == ("c",)
    assert decided(found, facts | {"c": True}).outcome == "two"
    assert first_that_applies(found[:1], facts) is None
    with pytest.raises(ValueError, match="last rule"):
        decided(found[:1], facts)


def test_every_rule_that_applies() -> None:
    found = rules_from([rule("one", a=True), rule("two", b=None), rule("three", a={"not": True})])
    facts = {"a": None, "b": None}
    assert [each.id for each in every_that_applies(found, facts)] == ["two", "three"]
    assert unknown_facts(found, facts) == ("a", "b")


WORD = st.sampled_from("abc")
NUMBER = st.sampled_from([0, 0.5, 1, 2, 2.5, 3])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "word": st.none() | WORD,
    "other word": st.none() | WORD,
    "yes": st.none() | st.booleans(),
    "number": st.none() | NUMBER | st.floats(-1, 4),
    "count": st.none() | st.integers(-1, 4),
    "set": st.none() | st.lists(WORD, max_size=3).map(tuple),
}
"""Facts of every type that a case has; a fact is of one type."""


def wanted(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words = st.none() | values
    some = words | st.lists(words, min_size=1, max_size=3)
    return some | st.fixed_dictionaries({"not": some})


COMPARED = st.sampled_from(["below", "above", "at_most", "at_least"])
WANTED: dict[str, st.SearchStrategy[Any]] = {
    "word": wanted(WORD),
    "other word": wanted(WORD),
    "yes": wanted(st.booleans()),
    "number": wanted(NUMBER) | st.dictionaries(COMPARED, NUMBER, min_size=1, max_size=1),
    "count": wanted(st.integers(0, 3)) | st.dictionaries(COMPARED, st.integers(0, 3), min_size=1, max_size=1),
    "set": st.none() | st.fixed_dictionaries({"includes": WORD}),
}
WHEN = st.fixed_dictionaries({}, optional=WANTED)
RULES = st.lists(
    st.fixed_dictionaries({"when": WHEN}, optional={"any_of": st.lists(WHEN, min_size=1, max_size=3)}), max_size=6
).map(lambda entries: rules_from([{"id": f"R{n}", "evidence": ["E"], **e} for n, e in enumerate(entries)]))


def check_the_index(found: RuleList, facts: Facts) -> None:
    """All four functions, from ``Rule.holds`` alone."""
    truths = [each.holds(facts) for each in found]
    fired = tuple(each for each, truth in zip(found, truths, strict=True) if truth)
    open_to_decide = [each for each, truth in zip(found, truths, strict=True) if truth is not False]
    missing = tuple(dict.fromkeys(name for each in open_to_decide for name in each.unknown(facts)))
    assert every_that_applies(found, facts) == fired
    assert unknown_facts(found, facts) == missing
    assert (gathered(found, facts).rules, gathered(found, facts).missing) == (fired, missing)
    decision = first_that_applies(found, facts)
    if not fired:
        assert decision is None
        return
    until = [each for each in open_to_decide if found.index(each) <= found.index(fired[0])]
    assert decision is not None
    assert decision.rule is fired[0]
    assert decision.missing == tuple(dict.fromkeys(name for each in until for name in each.unknown(facts)))


@settings(max_examples=600, deadline=None)
@given(RULES, st.fixed_dictionaries(VALUES))
def test_the_index_says_what_the_rules_say(found: RuleList, facts: dict[str, Any]) -> None:
    check_the_index(found, facts)


def plausible_values(found: tuple[Rule, ...]) -> dict[str, st.SearchStrategy[Any]]:
    """For every fact that rules ask for: not known, what they name, something else, and both sides of every bound."""
    values: dict[str, set[Any]] = {}
    for condition in (condition for each in found for row in each.rows for condition in row):
        named = condition.operand if isinstance(condition.operand, tuple) else (condition.operand,)
        if condition.operator == "includes":
            named = ((), *((word,) for word in named))
        elif any(isinstance(value, bool) for value in named):
            named = (True, False)
        elif any(isinstance(value, int | float) for value in named):
            named = tuple(value + step for value in named if value is not None for step in (-0.1, 0, 0.1))
        values.setdefault(condition.fact, {None}).update(named)
    return {
        fact: st.sampled_from(
            sorted(
                named if any(isinstance(v, bool | int | float | tuple) for v in named) else named | {"another word"},
                key=str,
            )
        )
        for fact, named in values.items()
    }


@pytest.mark.parametrize(("name", "part"), rule_parts(), ids=lambda value: value)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_index_says_what_every_table_says(name: str, part: str, data: st.DataObject) -> None:
    found = rules(name, part)
    check_the_index(found, data.draw(st.fixed_dictionaries(plausible_values(found))))


def test_a_plain_tuple_of_rules_is_read_too() -> None:
    found = rules_from([rule("one", a=True), rule("two")])
    assert decided(tuple(found), {"a": None}).missing == ("a",)
    assert [each.id for each in every_that_applies(list(found), {"a": True})] == ["one", "two"]


def test_what_was_asked_can_be_heard() -> None:
    found = rules_from([rule("one", a=True), rule("two", b=True), rule("last")], part="table.part")
    facts = {"a": False, "b": None, "lesion.level": "T8", "c": 1}
    with consulted() as heard:
        decided(found, facts)
        every_that_applies(found, facts)
        unknown_facts(found, facts)
    decided(found, facts)
    assert [(each.first_only, [rule.name for rule in each.fired]) for each in heard] == [
        (True, ["table.part.last"]),
        (False, ["table.part.last"]),
    ]
    assert heard[0].facts == {"a": False, "b": None}
    assert heard[0].level == "T8"


@pytest.mark.parametrize(
    ("identifier", "confidence", "without"),
    [
        ("SINS-00", "S", "95.7"),
        ("ESCC-00", "S", "CSF"),
        ("ESCC-01", "R-H", "low grade"),
        ("RAD-07", "C", ""),
        ("G1-15", "C", ""),
    ],
)
def test_what_is_recalled_or_our_own_is_not_shown_as_stated(identifier: str, confidence: str, without: str) -> None:
    entry = entries()[identifier]
    assert entry.confidence == confidence
    assert not without or without not in entry.statement


PARTS = rule_parts()


def every_fact() -> set[str]:
    lesion = LesionFacts("T8")
    case = Case(OncologyFacts("breast"), (lesion,))
    known = {**lesion_facts(lesion, patient_facts(case)), **sins_facts(sins(lesion))}
    postop = {f"postop.{name}" for name in ("contiguous_levels", "asia", "residual_escc")}
    advice = assess(case)
    answered = answered_facts(case, lesion, advice, advice.leading)
    among = facts_among(case, advice)["T8"]
    return {*known, *postop, *LATER, *answered, *answered_patient_facts(case, advice), *among}


LATER = {
    "effective",
    "radiation",
    "stabilise",
    "surgical_capacity",
    "stop",
    "row",
    "upfront_surgery",
    "asia_a_replaced",
    "treatment_within_h",
    "a_row_decompresses",
    "a_row_stabilises",
    "status",
    "targetable_alteration",
    "radioresistant_primary",
    "option",
    "iort_role",
    "any_row_of_radiosurgery",
    "mri_within_h",
    "mri_after_treatment",
    "signs_explained_elsewhere",
    "biopsy_within_h",
    "rades_bsc_2013",
}
"""What a later step adds to the facts of a lesion."""


@pytest.mark.parametrize(("name", "part"), PARTS, ids=lambda value: value)
def test_every_rule_asks_for_facts_that_exist_and_has_evidence(name: str, part: str) -> None:
    facts = every_fact()
    for each in rules(name, part):
        asked = {condition.fact for group in (each.when, *each.any_of) for condition in group}
        assert asked <= facts, each.id
        assert each.evidence, each.id
        assert set(each.evidence) <= entries().keys(), each.id


@pytest.mark.parametrize(("name", "part"), PARTS, ids=lambda value: value)
def test_ids_stand_once(name: str, part: str) -> None:
    ids = [each.id for each in rules(name, part)]
    if part not in ("flags", "hard_stops"):
        ids = [identifier for identifier in ids if identifier != "URG-NONE"]
    assert len(set(ids)) == len(ids)


DECIDING = [
    ("noms", "stabilisation"),
    ("noms", "capacity"),
    ("noms", "rows"),
    *(("urgency", part) for part in ("mri_within_h", "treatment_within_h", "biopsy_within_h", "class", "steroids")),
    *(("treatment", part) for part in ("ebrt_schedule", "preop_embolisation", "en_bloc_criteria_met")),
    *(("treatment", part) for part in ("survival_surgery_rule", "goals_of_care")),
    ("iort", "role"),
    ("sins", "mechanical_urgency"),
]


@pytest.mark.parametrize(("name", "part"), DECIDING)
def test_a_deciding_list_ends_with_a_rule_that_always_fires(name: str, part: str) -> None:
    *earlier, last = rules(name, part)
    assert last.when == last.any_of == ()
    assert all(each.when or each.any_of for each in earlier)


def test_every_primary_has_a_class_and_a_place_in_every_score() -> None:
    primaries = set(Primary.__args__)  # type: ignore[attr-defined]
    content = table("radiosensitivity")
    assert content["primaries"].keys() == primaries - {"unknown"}
    assert set(words()["primary"]) == primaries
    for name in ("tokuhashi_revised", "tomita"):
        scored = table(name)["items"]["primary"]["words"].keys()
        assert scored | set(table(name)["not_in_table"]["primaries"]) == primaries, name
        assert not scored & set(table(name)["not_in_table"]["primaries"]), name


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("tokuhashi_revised", 0, 15), ("tomita", 2, 10), ("bauer_modified", 0, 4), ("sins", 0, 18)],
)
def test_bands_cover_the_range_without_gap_or_overlap(name: str, least: int, most: int) -> None:
    bands = table(name)["categories" if name == "sins" else "bands"]
    assert [number for band in bands for number in range(band["from"], band["to"] + 1)] == list(range(least, most + 1))


def test_the_extremes_of_sins_are_0_and_18() -> None:
    items = sins_table()["items"].values()
    assert (sum(item["unknown"][0] for item in items), sum(item["unknown"][1] for item in items)) == (0, 18)
    for item in items:
        ranges = item["points"].values()
        assert [min(low for low, _ in ranges), max(high for _, high in ranges)] == item["unknown"]


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("noms", {each.then for part in ("stops", "rows", "preferred", "beside") for each in rules("noms", part)}),
        ("flag", {each.then for each in rules("noms", "flags")}),
        ("flag", {each.then for part in ("flags", "prognosis_flags") for each in rules("treatment", part)}),
        ("hard_stop", {each.then for each in rules("noms", "hard_stops")}),
        ("capacity", {each.then for each in rules("noms", "capacity")}),
        ("steroids", {each.then for each in rules("urgency", "steroids")} - {None}),
        ("urgency_class", {each.then for each in rules("urgency", "class")}),
        ("mechanical_urgency", {each.then for each in rules("sins", "mechanical_urgency")} - {None}),
        ("iort_reason", {each.id for part in ("stabilisation", "kyphoplasty") for each in rules("iort", part)}),
        ("role", {each.then for each in rules("iort", "role")} - {None}),
        (
            "postop",
            {each.then for part in ("contraindications", "indications") for each in rules("postoperative", part)},
        ),
        ("ebrt_schedule", {each.then for each in rules("treatment", "ebrt_schedule")} - {None}),
        ("survival_surgery_rule", {each.then for each in rules("treatment", "survival_surgery_rule")} - {None}),
        ("goals_of_care", {each.then for each in rules("treatment", "goals_of_care")} - {None}),
        (
            "meaning",
            {
                band["name"]
                for name in ("tokuhashi_revised", "tomita", "bauer_modified")
                for band in table(name)["bands"]
            },
        ),
        ("escc", set(table("escc")["class"])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_code_has_words(section: str, codes: set[str]) -> None:
    for code in codes:
        assert len(in_words(section, code)) > 3, code


IORT_WEIGHTS = {"hard": "stop", "unknown": "warn", "conditional": "warn"}


def test_what_excludes_radiotherapy_from_inside_stops_and_all_else_warns() -> None:
    listed = [rule for procedure in ("stabilisation", "kyphoplasty") for rule in rules("iort", procedure)]
    assert [rule.name for rule in listed if rule.strength != IORT_WEIGHTS[rule.extra["weight"]]] == []


FURTHER_LISTS = [part for part in rule_parts() if part[1] in ("of_patient", "of_lesion", "flags", "hard_stops")]


@pytest.mark.parametrize(("name", "part"), FURTHER_LISTS)
def test_no_two_rules_of_a_list_that_is_heard_as_a_whole_say_the_same(name: str, part: str) -> None:
    codes = [rule.then for rule in rules(name, part)]
    assert sorted(codes) == sorted(set(codes))
