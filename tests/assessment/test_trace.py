"""The trace names the very rules of the advice, the facts they fired on, and what almost decided otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cases import known
from worked_patients import PATIENTS, facts

from metaspine.assessment import assess
from metaspine.assessment.document import plain
from metaspine.assessment.tables import rule_parts, rules
from metaspine.assessment.trace import trace
from metaspine.assessment.what_if import what_if
from metaspine.exchange.case_file import case_from_document, read_case
from metaspine.patient.advice import Advice, LesionAdvice
from metaspine.patient.trace import AlmostFired, AskedFact, Fired, Trace, Traced


def said(traced: Traced, part: str) -> list[Any]:
    return [fired.said.outcome for fired in traced.fired if fired.said.rule.startswith(f"{part}.")]


def of_lesion(traced: Traced, advice: LesionAdvice) -> None:
    """Every answer of a lesion that rules give is among what its rules said."""
    stop = said(traced, "noms.stops")
    assert said(traced, "noms.capacity") == [advice.noms.surgical_capacity]
    assert sorted(said(traced, "noms.flags")) == list(advice.noms.flags)
    assert sorted(said(traced, "noms.hard_stops")) == list(advice.noms.hard_stops)
    assert stop == ([advice.noms.recommendation] if stop else [])
    if not stop:
        assert (advice.noms.table_2013 or advice.noms.acceptable[0]) in said(traced, "noms.rows")
    assert said(traced, "urgency.mri_within_h") == [advice.urgency.mri_within_h]
    assert said(traced, "urgency.treatment_within_h") == [advice.urgency.treatment_within_h]
    assert said(traced, "urgency.biopsy_within_h") == [advice.urgency.biopsy_within_h]
    assert said(traced, "urgency.class") == [advice.urgency.urgency_class]
    assert said(traced, "urgency.steroids") == [advice.steroids.value]
    assert said(traced, "sins.mechanical_urgency") == [advice.mechanical_urgency.value]
    assert tuple(sorted(said(traced, "iort.stabilisation"))) == advice.iort_stabilisation.reason_codes
    assert tuple(sorted(said(traced, "iort.kyphoplasty"))) == advice.iort_kyphoplasty.reason_codes
    assert set(said(traced, "iort.role")) == {advice.iort_stabilisation.role, advice.iort_kyphoplasty.role}
    for part in ("ebrt_schedule", "preop_embolisation", "en_bloc_criteria_met"):
        assert said(traced, f"treatment.{part}") == [getattr(advice, part).value]
    if advice.postop_sbrt is not None:
        for part in ("contraindications", "indications"):
            assert tuple(sorted(said(traced, f"postoperative.{part}"))) == getattr(advice.postop_sbrt, part)


def of_patient(traced: Traced, advice: Advice) -> None:
    for part in ("survival_surgery_rule", "goals_of_care"):
        assert said(traced, f"treatment.{part}") == [getattr(advice, part).value]
    assert tuple(said(traced, "treatment.flags")) == advice.flags
    assert tuple(said(traced, "treatment.prognosis_flags")) == advice.prognosis_flags


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_the_rules_of_the_trace_say_what_the_advice_says(patient: dict[str, Any]) -> None:
    case = case_from_document(facts(patient))
    advice, found = assess(case), trace(case)
    of_patient(found.of_patient, advice)
    for traced, lesion in zip(found.of_lesions, advice.lesions, strict=True):
        assert traced.level == lesion.level
        of_lesion(traced, lesion)


def of(**changes: Any) -> Traced:
    return traced_of(known(**changes)).of_lesions[0]


def traced_of(document: dict[str, Any]) -> Trace:
    return trace(case_from_document(document))


def fired(traced: Traced, name: str) -> Fired:
    (found,) = [each for each in traced.fired if each.said.rule == name]
    return found


def almost(traced: Traced, name: str) -> AlmostFired | None:
    found = [each for each in traced.almost if each.said.rule == name]
    return found[0] if found else None


def test_a_rule_is_shown_with_the_facts_it_fired_on() -> None:
    found = fired(of(neuro__presentation="clinical_cord_compression"), "urgency.steroids.STER-06b")
    assert found.said.outcome == "CONFLICT_GIVE_OR_DEFER"
    assert found.said.conflict == "CONFLICT-STEROIDS"
    assert found.said.evidence[:2] == ("STER-06", "NOMS-19")
    assert found.facts[:2] == (AskedFact("cord_signs", True), AskedFact("compression", "low"))


def test_of_alternatives_only_those_that_hold_are_shown() -> None:
    found = fired(of(oncology__brain_mets=True, patient__ecog=3), "treatment.en_bloc_criteria_met.SURG-08-FAILS")
    assert {(fact.name, fact.value) for fact in found.facts} == {
        ("patient.expected_survival_months", 12),
        ("oncology.brain_mets", True),
        ("patient.ecog", 3),
    }


def test_what_almost_decided_is_named_with_what_was_wanted() -> None:
    found = almost(of(), "urgency.biopsy_within_h.URG-15")
    assert found is None  # neither unproven nor with cord signs: two conditions away
    found = almost(of(oncology__histology_confirmed=False), "urgency.biopsy_within_h.URG-15")
    assert found is not None
    assert (found.fact, found.wanted, found.said.outcome) == (AskedFact("cord_signs", False), "yes", 24)
    unknown = almost(of(patient__expected_survival_months=None), "noms.capacity.CAPACITY-SURVIVAL")
    assert unknown is not None
    assert (unknown.fact, unknown.wanted) == (AskedFact("patient.expected_survival_months", None), "below 3")


def test_nothing_almost_fired_that_would_change_nothing() -> None:
    """A rule behind the one that decided, one that says the same, and a known fact that is simply another one."""
    behind = of(lesion__pain="none", lesion__collapse="none")
    assert fired(behind, "noms.rows.NOMS-01").facts[0] == AskedFact("compression", "low")
    assert almost(behind, "noms.rows.NOMS-02") is not None
    assert almost(behind, "noms.rows.NOMS-04") is None
    same = of(lesion__pain="none", lesion__collapse="none", patient__expected_survival_months=5)
    assert fired(same, "treatment.ebrt_schedule.RT-01").said.outcome == "8Gy/1"
    assert almost(same, "treatment.ebrt_schedule.RT-02b") is None  # a deficit alone is wanting, for the same 8 Gy
    assert almost(same, "noms.stops.STOP-PREGNANT") is None
    assert almost(of(patient__pregnant=None), "noms.stops.STOP-PREGNANT") is not None


def test_lesions_and_patient_are_kept_apart() -> None:
    document = known()
    lesion = document.pop("lesion")
    document["lesions"] = [lesion, lesion | {"level": "L2", "levels_involved": ["L2"], "escc": "3"}]
    found = traced_of(document)
    assert [traced.level for traced in found.of_lesions] == ["T8", "L2"]
    assert [said(traced, "urgency.class") for traced in found.of_lesions] == [["elective"], ["urgent"]]
    assert said(found.of_patient, "urgency.class") == []
    assert said(found.of_patient, "treatment.goals_of_care") == ["PALLIATIVE_INTENT"]


def test_a_rule_that_fired_in_one_reading_of_its_list_did_not_almost_fire_in_another() -> None:
    """Indeterminate stability: the rows are read with and without stabilising."""
    both = of(oncology__primary="rcc")
    rows = [each.said.rule for each in both.fired if "rows" in each.said.rule]
    assert rows == ["noms.rows.NOMS-04", "noms.rows.NOMS-03"]
    assert almost(both, "noms.rows.NOMS-04") is None


PAGE = (Path(__file__).parent.parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "l1" / "case.yaml"


def test_the_page_on_rules_shows_what_the_program_says() -> None:
    case = read_case(EXAMPLE)
    (found,) = trace(case).of_lesions
    fired_lines = {f"{each.said.rule} says {each.said.outcome}: {shown(each.facts)}" for each in found.fired}
    almost_lines = {
        f"{each.said.rule} would say {each.said.outcome}: {shown((each.fact,))}, wanted {each.wanted}"
        for each in found.almost
    }
    what_if_lines = {
        f"{change.key} {each.value}: {altered.part} {altered.after}"
        for change in what_if(case)
        for each in change.alternatives
        for altered in each.alters
    }
    said_by_the_program = (fired_lines, almost_lines, what_if_lines)
    blocks = [block.split("```")[0].strip().splitlines() for block in PAGE.split("```text\n")[1:]]
    for block, lines in zip(blocks, said_by_the_program, strict=True):
        assert block
        assert set(block) <= lines


def shown(asked: tuple[AskedFact, ...]) -> str:
    return ", ".join(f"{fact.name} {fact.value}" for fact in asked)


def test_names_lead_to_rules_and_the_document_is_json() -> None:
    found = traced_of(known(oncology__primary="sclc"))
    names = {each.name for name, part in rule_parts() for each in rules(name, part)}
    assert {each.said.rule for traced in found.of_lesions for each in (*traced.fired, *traced.almost)} <= names
    document = json.loads(json.dumps(plain(found)))
    assert document["of_lesions"][0]["fired"][0]["said"]["rule"] == found.of_lesions[0].fired[0].said.rule
