"""The pathway around the decision: when each rule speaks and is silent; nothing invented, nothing said twice."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from pathway_cases import (
    ALSO_SILENT,
    ALSO_SPEAKS,
    AND_SILENT,
    CORD,
    EGFR,
    HIGH,
    PRIOR,
    RESISTANT,
    SAFE,
    SEPARATION,
    SPEAKS,
    SRS,
    STAB_SRS,
    STABLE,
    UNSTABLE,
    Changes,
    clearance,
    document_of,
    event,
)
from test_any_case import CASES, case_of
from worked_patients import PATIENTS, facts

from metaspine.assessment import advice_document, assess
from metaspine.assessment.answers import answered_facts, answered_patient_facts
from metaspine.assessment.differential import differential, other_causes
from metaspine.assessment.pathway import pathway, topics
from metaspine.assessment.rules import Facts, Rule
from metaspine.assessment.tables import rules, table, table_names, words
from metaspine.evidence import entries
from metaspine.evidence.conflicts import conflicts
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.advice import Advice
from metaspine.patient.case import Case
from metaspine.patient.pathway import Advisory, Pathway, Strength
from metaspine.patient.policy import BoardPolicy

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "metaspine"
STRENGTHS: list[str] = list(get_args(Strength))
RULES = [
    rule
    for name in topics()
    for part in ("of_patient", "of_lesion")
    if part in table(name)
    for rule in rules(name, part)
]


def answered(changes: Changes) -> tuple[Case, Advice, Pathway]:
    case = case_from_document(document_of(changes))
    advice = assess(case, BoardPolicy(choices=changes.get("policy", {})))
    return case, advice, pathway(case, advice)


def everything(found: Pathway) -> list[Advisory]:
    return [*found.of_patient, *(one for lesion in found.of_lesions for one in lesion)]


def said(**changes: Any) -> dict[str, Advisory]:
    return {one.rule: one for one in everything(answered(changes)[2])}


@pytest.mark.parametrize("name", SPEAKS)
def test_a_rule_speaks_and_is_silent(name: str) -> None:
    speaks, silent = SPEAKS[name]
    assert name in said(**speaks)
    assert name not in said(**silent)


def test_every_rule_has_its_two_cases_and_ids_stand_once() -> None:
    names = [rule.id for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(names) == SPEAKS.keys()


def test_every_table_of_the_pathway_has_rules_of_a_scope_or_is_the_table_of_rows() -> None:
    assert set(table_names("pathway")) - set(topics()) == {"rows"}
    assert set(topics()) == words()["topic"].keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_a_sentence_with_ground_and_weight(rule: Any) -> None:
    assert rule.strength in STRENGTHS
    assert rule.evidence
    assert set(rule.evidence) <= entries().keys()
    assert re.fullmatch(r"[A-Z0-9][A-Z0-9_]*", rule.then)
    assert not rule.conflict or rule.conflict in conflicts().keys() & set(rule.evidence)
    asked = [
        condition for group in (rule.when, *rule.any_of) for condition in group if condition.fact.startswith("policy.")
    ]
    for condition in asked:
        identifier = condition.fact.removeprefix("policy.")
        assert rule.conflict == identifier
        assert conflicts()[identifier].selectable
        assert set(condition.operand) <= conflicts()[identifier].sides.keys()
    assert_plain(rule.extra["says"])


def assert_plain(statement: str) -> None:
    """A sentence for the board holds no code, no id of a rule and no key of the case file."""
    assert statement.endswith(".")
    assert statement[0].isupper() or statement[0].isdigit()
    assert not re.search(r"[A-Z0-9]+_[A-Z0-9_]+|\b[A-Z]{2,}-[0-9]{1,2}[a-z]?\b", statement), statement
    assert not re.search(r"\b(?:patient|lesion|neuro|oncology)\.[a-z]", statement), statement


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.conflict], ids=lambda rule: rule.id)
def test_every_side_of_a_conflict_that_a_rule_follows_is_written(rule: Any) -> None:
    read = {
        side
        for other in RULES
        for condition in other.when
        if condition.fact == f"policy.{rule.conflict}"
        for side in condition.operand
    }
    assert not read or read == conflicts()[rule.conflict].sides.keys()


FORBIDDEN = ("Versteeg", "SORG", "Klekamp", "radiofrequency", "RFA", "75 %", "23.6 %", "several hundred", "90 %, 71 %")
"""What the clinical rules call errors of the reviews (D3), or figures that may not be quoted."""


def test_errors_of_the_reviews_are_not_repeated() -> None:
    for rule in RULES:
        for wrong in FORBIDDEN:
            assert wrong not in rule.extra["says"], rule.id


def test_no_recalled_and_doubtful_statement_is_used() -> None:
    for rule in RULES:
        assert all(entries()[name].confidence != "R-L" for name in rule.evidence), rule.id


@settings(max_examples=120, deadline=None)
@given(CASES)
def test_every_case_has_a_pathway_that_is_grounded_and_ordered(document: dict[str, Any]) -> None:
    case = case_of(document)
    advice = assess(case)
    before = replace(case)
    found = pathway(case, advice)
    assert case == before
    assert found == pathway(case, advice)
    assert len(found.of_lesions) == len(case.lesions)
    for scope in (found.of_patient, *found.of_lesions):
        weights = [STRENGTHS.index(one.strength) for one in scope]
        assert weights == sorted(weights)
        assert len({one.statement for one in scope}) == len(scope)
    of_patient = {one.statement for one in found.of_patient}
    assert not any(one.statement in of_patient for lesion in found.of_lesions for one in lesion)
    for one in everything(found):
        assert one.basis.evidence
        assert set(one.basis.evidence) <= entries().keys()
        assert set(one.basis.missing) <= words()["key"].keys()
        assert_plain(one.statement)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_safety_that_no_case_may_break(document: dict[str, Any]) -> None:
    case = case_of(document)
    advice = assess(case)
    found = pathway(case, advice)
    of_patient = {one.rule for one in found.of_patient}
    if case.patient.pregnant:
        assert "PREGNANCY-01" in of_patient
        assert not of_patient & {"BONE-05", "BONE-06", "IMG-01", "IMG-02"}
    if case.oncology.primary in ("hemangioma", "chordoma", "unknown"):
        assert not any(name.startswith("BONE") for name in of_patient)
    if any(lesion.steroids.value in ("GIVE_NOW_WINDOW_PASSED", "CONFLICT_GIVE_OR_DEFER") for lesion in advice.lesions):
        assert {"STER-04", "STER-10"} <= of_patient
    for lesion, of_lesion in zip(advice.lesions, found.of_lesions, strict=True):
        names = {one.rule for one in of_lesion}
        if lesion.escc.compression == "high":
            assert not names & {"SURG-11a", "SURG-11f", "SURG-11g"}
        if lesion.iort_kyphoplasty.status == "ineligible":
            assert not names & {"KYPHO-05", "KYPHO-06", "KYPHO-07"}
        if lesion.iort_stabilisation.status == "ineligible":
            assert not names & {"IORT-20", "IORT-31", "IORT-32"}


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_a_worked_patient_gets_a_page_and_not_a_book(patient: dict[str, Any]) -> None:
    case = case_from_document(facts(patient))
    assert 3 <= len(everything(pathway(case, assess(case)))) <= 30


def test_the_pathway_changes_nothing_of_the_advice() -> None:
    case, advice, _ = answered({**UNSTABLE, "patient__expected_survival_months": 2})
    before = advice_document(assess(case))
    pathway(case, advice)
    assert advice_document(advice) == before
    assert advice.leading.noms.surgical_capacity == "none"
    assert "SURVIVAL_LT_3MO" in advice.leading.noms.flags


def test_remaining_systemic_options_soften_only_the_words() -> None:
    short = {**UNSTABLE, "patient__expected_survival_months": 2}
    with_options, without = (
        answered({**short, "oncology__systemic_options_remaining": options}) for options in (True, False)
    )
    assert advice_document(with_options[1]) == advice_document(without[1])
    assert "SURG-02-SOFT" in {one.rule for one in with_options[2].of_lesions[0]}
    assert "SURG-02-SOFT" not in said(**{**short, "patient__expected_survival_months": 3})


@pytest.mark.parametrize(
    ("clearance_ml_min", "rule"),
    [
        (29.9, "BONE-02"),
        (30, "BONE-03"),
        (34.9, "BONE-03"),
        (35, "BONE-04"),
        (60, "BONE-04"),
        (60.1, None),
        (None, None),
    ],
)
def test_zoledronate_by_creatinine_clearance(clearance_ml_min: float | None, rule: str | None) -> None:
    found = said(**clearance(clearance_ml_min)).keys()
    assert found & {"BONE-02", "BONE-03", "BONE-04"} == ({rule} if rule else set())
    assert ("BONE-05" in found) == (rule != "BONE-02")


def test_what_to_check_before_a_bone_agent() -> None:
    nothing_known = {**dict.fromkeys(SAFE), "patient__pregnant": None}
    assert set(said(**nothing_known)["BONE-09"].basis.missing) == {
        "patient.pregnant",
        "patient.creatinine_clearance_ml_min",
        "laboratory.corrected_calcium_mg_dl",
        "laboratory.vitamin_d_ng_ml",
        "patient.dental_check_done",
    }
    man = {**SAFE, "patient__sex": "M", "patient__pregnant": None}
    assert "BONE-09" not in said(**man)
    assert said(**{**man, "laboratory__vitamin_d_ng_ml": None})["BONE-09"].basis.missing == (
        "laboratory.vitamin_d_ng_ml",
    )


@pytest.mark.parametrize("primary", ["hemangioma", "chordoma", "lymphoma", "plasmacytoma", "leukemia"])
def test_bone_agents_are_for_metastases_of_solid_tumours_and_for_myeloma(primary: str) -> None:
    assert not any(name.startswith("BONE") for name in said(oncology__primary=primary))
    assert "BONE-05" in said(oncology__primary="multiple_myeloma")


@pytest.mark.parametrize(
    ("count", "speaks"), [(1, True), (5, True), (6, False), (None, False)], ids=lambda value: str(value)
)
def test_one_to_five_metastases(count: int | None, speaks: bool) -> None:
    assert ("SBRT-07" in said(**SRS, oncology__total_metastases_count=count)) == speaks


def test_more_metastases_in_the_bones_than_stated_are_not_few() -> None:
    assert "SBRT-07" not in said(**SRS, oncology__total_metastases_count=5, oncology__extraspinal_bone_mets=5)


@pytest.mark.parametrize(("day", "rule"), [(0, "AE-02"), (30, "AE-02"), (31, "AE-03"), (None, "AE-01")])
def test_the_day_of_an_event(day: int | None, rule: str) -> None:
    found = said(**event("surgical site infection", "IIIb", day))
    assert rule in found
    assert len(found.keys() & {"AE-01", "AE-02", "AE-03"}) == 1
    assert "AE-04" in found


def test_an_event_that_no_table_names_is_recorded_and_not_guessed() -> None:
    found = said(**event("dural tear"))
    assert "AE-02" in found
    assert not found.keys() & {f"AE-0{n}" for n in range(4, 9)}


def test_no_events_without_an_operation() -> None:
    assert not any(name.startswith("AE-") for name in said())


def test_three_levels_are_for_the_board() -> None:
    for levels, speaks in ((2, False), (3, True), (4, False)):
        assert ("SBRT-16" in said(postop__contiguous_levels=levels)) == speaks
        assert ("SBRT-16" in said(**STAB_SRS, lesion__contiguous_levels=levels)) == speaks


@pytest.mark.parametrize(("months", "speaks"), [(4.9, False), (5, True), (None, True)])
def test_re_irradiation_schedules_keep_the_interval(months: float | None, speaks: bool) -> None:
    found = said(lesion__prior_rt_at_level={"months_ago": months})
    assert ("RT-06" in found) == speaks
    assert "misprint" in said(**PRIOR)["RT-06"].statement


def test_the_differential_names_what_does_not_fit_and_the_other_causes() -> None:
    notes = said(**CORD)["DDX-01a"].basis.notes
    assert notes[0] == (
        "What does not fit: ESCC grade (MRI) 0, presentation clinical cord compression, myelopathy yes, ASIA grade C"
    )
    for cause in (
        "leptomeningeal metastasis",
        "intramedullary metastasis",
        "radiation myelopathy",
        "meningitis",
        "epidural abscess or haematoma",
        "spinal lipomatosis",
    ):
        assert cause in notes[1]


@pytest.mark.parametrize("grade", ["asia", "frankel"])
def test_a_graded_deficit_without_compression_is_not_passed_over(grade: str) -> None:
    other = {"asia": "frankel", "frankel": "asia"}[grade]
    found = said(**{f"neuro__{grade}": "A", f"neuro__{other}": None, "lesion__escc": "0"})
    assert found["DDX-01d"].strength == "warn"
    (unfitting, _) = found["DDX-01d"].basis.notes
    assert f"{grade.upper() if grade == 'asia' else 'Frankel'} grade A" in unfitting
    assert unfitting.endswith("myelopathy no, cauda equina syndrome no")


def test_a_compressed_level_explains_the_signs_of_another() -> None:
    _, _, found = answered({**CORD, **HIGH, "beside": {"lesion__level": "L1", "lesion__escc": "1a"}})
    first, second = ({one.rule for one in lesion} for lesion in found.of_lesions)
    assert not any(name.startswith("DDX") for name in first)
    assert "DDX-01b" in second
    assert "DDX-01a" not in second


def test_rules_of_the_differential_without_a_pathway() -> None:
    case, advice, _ = answered(CORD)
    facts_of_lesion = answered_facts(case, case.lesions[0], advice, advice.lesions[0])
    (rule,) = differential(facts_of_lesion)
    assert rule.id == "DDX-01a"
    assert len(other_causes(rule)) == 6
    assert other_causes(rules("cement", "of_lesion")[0]) == ()


def test_the_pathway_follows_the_policy_of_the_advice() -> None:
    case, _, found = answered(STAB_SRS)
    choices = {"CONFLICT-PTV": "table2_2_5mm", "CONFLICT-PRV": "text_1_5_2mm", "CONFLICT-GTV-DMIN": "s2_14gy"}
    other = pathway(case, assess(case, BoardPolicy(choices=choices)))
    changed = {one.rule for one in everything(found)} ^ {one.rule for one in everything(other)}
    assert changed == {"VOL-03a", "VOL-03b", "VOL-04a", "VOL-04b", "SBRT-09a", "SBRT-09b"}


@pytest.mark.parametrize("changes", [STAB_SRS, SRS, SEPARATION, {**RESISTANT, **STABLE, **PRIOR}], ids=str)
def test_fracture_after_radiosurgery_is_never_an_absolute_risk(changes: Changes) -> None:
    found = said(**changes)
    assert "an absolute risk cannot be given" in found["TOX-02"].statement
    assert "None of them is this patient's risk" in found["TOX-03"].statement


def test_local_control_by_a_targeted_drug_is_never_claimed() -> None:
    for identifier, one in said(**EGFR, oncology__previous_targeted_drug=False).items():
        if identifier.startswith(("MUT-03", "MUT-04")):
            assert "control" not in one.statement
    assert "no local control is claimed" in said(**EGFR)["MUT-05"].statement


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SSI", "AE-04"),
        ("wound infection", "AE-04"),
        ("DVT left leg", "AE-05"),
        ("port infection", "AE-06"),
        ("Seroma", "AE-07"),
        ("new paraparesis", "AE-08"),
        ("IORT aborted", "IORT-30"),
    ],
)
def test_events_are_recognised_by_their_words(text: str, kind: str) -> None:
    kinds = {*(f"AE-0{n}" for n in range(4, 9)), "IORT-30"}
    assert said(**event(text)).keys() & kinds == {kind}


def test_high_dose_dexamethasone_is_forbidden_before_all_else() -> None:
    _, _, found = answered({**CORD, **HIGH})
    assert found.of_patient[0].rule == "STER-04"
    assert found.of_patient[0].strength == "stop"


def test_the_page_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "pathway.md").read_text(encoding="utf-8")
    (code,), (shown,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("python", "text"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == shown


@pytest.mark.parametrize("name", sorted(ALSO_SILENT.keys() | AND_SILENT.keys()))
def test_a_rule_is_silent_where_one_of_its_conditions_fails(name: str) -> None:
    for changes in (*ALSO_SILENT.get(name, ()), *AND_SILENT.get(name, ())):
        assert name not in said(**changes), changes


@pytest.mark.parametrize("name", ALSO_SPEAKS)
def test_a_rule_speaks_in_each_of_its_alternatives(name: str) -> None:
    for changes in ALSO_SPEAKS[name]:
        assert name in said(**changes), changes


def facts_of(changes: Changes) -> dict[str, list[Facts]]:
    case, advice, _ = answered(changes)
    lesions = zip(case.lesions, advice.lesions, strict=True)
    return {
        "of_patient": [answered_patient_facts(case, advice)],
        "of_lesion": [answered_facts(case, lesion, advice, of_lesion) for lesion, of_lesion in lesions],
    }


def without_one(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule without one of its conditions, or without one of its alternatives."""
    for condition in rule.when:
        yield condition.fact, replace(rule, when=tuple(each for each in rule.when if each is not condition))
    for group in rule.any_of:
        left = tuple(each for each in rule.any_of if each is not group)
        yield "+".join(condition.fact for condition in group), replace(rule, any_of=left)


IMPLIED = {("NOMS-14", "compression")}
"""Cord signs and a row that decompresses leave no other compression; the condition stands for the reader."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_condition_of_a_rule_shows(rule: Rule) -> None:
    tables = (SPEAKS, ALSO_SPEAKS, ALSO_SILENT, AND_SILENT)
    scope = rule.part.rpartition(".")[2]
    cases = [facts_of(changes)[scope] for each in tables for changes in each.get(rule.id, ())]
    whole = [any(rule.holds(facts) for facts in case) for case in cases]
    unseen = {
        (rule.id, name)
        for name, changed in without_one(rule)
        if [any(changed.holds(facts) for facts in case) for case in cases] == whole
    }
    assert unseen <= IMPLIED


def test_every_entry_of_the_pathway_is_used() -> None:
    written = yaml.safe_load((SOURCE / "evidence" / "data" / "pathway.yaml").read_text(encoding="utf-8"))
    assert written.keys() - {name for rule in RULES for name in rule.evidence} == set()
