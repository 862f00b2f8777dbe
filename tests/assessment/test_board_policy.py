"""A centre's choices: the default is section G, each choice moves its own part alone, none loosens a hard stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cases import known
from hypothesis import given, settings
from hypothesis import strategies as st
from test_any_case import CASES, STOPS, case_of
from worked_patients import PATIENTS, facts

from metaspine.assessment import advice_document, assess
from metaspine.assessment.conflicts import conflict_documents, conflicts_of, policy_document
from metaspine.assessment.facts import patient_facts, policy_facts
from metaspine.assessment.pathway import pathway
from metaspine.assessment.rules import Rule
from metaspine.assessment.tables import rule_parts, rules, table
from metaspine.errors import PolicyError
from metaspine.evidence import conflicts
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.policy_file import read_board_policy
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy, Ground, selectable_conflicts

SECTION_G = {conflict.id: conflict.default for conflict in selectable_conflicts()}
OTHER_SIDES = [
    (conflict.id, side) for conflict in selectable_conflicts() for side in conflict.sides if side != conflict.default
]
POLICIES = st.fixed_dictionaries(
    {conflict.id: st.sampled_from(list(conflict.sides)) for conflict in selectable_conflicts()}
)
WORKED = [case_from_document(facts(patient)) for patient in PATIENTS]


def choosing(**sides: str) -> BoardPolicy:
    """A policy of the named conflicts, written with _ for -: SCLC="ask"."""
    return BoardPolicy(centre="Here", choices={f"CONFLICT-{name.replace('_', '-')}": sides[name] for name in sides})


def answer(document: dict[str, Any], policy: BoardPolicy = DEFAULT_POLICY) -> dict[str, Any]:
    return advice_document(assess(case_from_document(document), policy))


def changed(before: Any, after: Any, path: str = "") -> set[str]:
    """The paths of what differs, but for the explanation."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = (before.keys() | after.keys()) - {"explanation"}
        return {found for key in keys for found in changed(before.get(key), after.get(key), f"{path}.{key}".strip("."))}
    return set() if before == after else {path}


@pytest.mark.parametrize("number", range(len(WORKED)))
def test_the_default_is_section_g(number: int) -> None:
    case = WORKED[number]
    stated = assess(case, BoardPolicy(centre="Here", choices=SECTION_G))
    assert json.dumps(advice_document(stated)) == json.dumps(advice_document(assess(case)))


ROW = {"noms.recommendation", "noms.acceptable"}
MAY_CHANGE: dict[tuple[str, str], set[str]] = {
    ("CONFLICT-SRS-HIGH-GRADE", "s3_srs"): {
        *ROW,
        "preop_embolisation",
        "ebrt_schedule",
        "iort_stabilisation.role",
        "iort_kyphoplasty.role",
    },
    ("CONFLICT-SCLC", "s1_sensitive"): {
        *ROW,
        "noms.table_2013",
        "noms.flags",
        "radiosensitivity.effective",
        "ebrt_schedule",
    },
    ("CONFLICT-SCLC", "s2_resistant"): {
        *ROW,
        "noms.table_2013",
        "noms.flags",
        "radiosensitivity.effective",
        "ebrt_schedule",
    },
    ("CONFLICT-STEROIDS", "give"): {"steroids"},
    ("CONFLICT-STEROIDS", "defer"): {"steroids"},
    ("CONFLICT-CEMENT", "s0_excluded"): {
        "iort_kyphoplasty.status",
        "iort_kyphoplasty.reasons",
        "iort_kyphoplasty.role",
    },
    ("CONFLICT-CEMENT", "s4_accepted"): {"iort_kyphoplasty.status", "iort_kyphoplasty.reasons"},
    ("CONFLICT-PEDICLE", "s0_excluded"): {
        "iort_kyphoplasty.status",
        "iort_kyphoplasty.reasons",
        "iort_kyphoplasty.role",
    },
    ("CONFLICT-ESCC-3", "s0_excluded"): {
        "iort_stabilisation.status",
        "iort_stabilisation.reasons",
        "iort_stabilisation.role",
    },
}
"""What each side may move in table G3; all others are read by the pathway alone and move nothing there."""


@pytest.mark.parametrize(("conflict", "side"), OTHER_SIDES)
def test_a_choice_moves_its_own_part_alone(conflict: str, side: str) -> None:
    policy = BoardPolicy(choices={conflict: side})
    for case in WORKED:
        moved = changed(advice_document(assess(case)), advice_document(assess(case, policy)))
        assert moved <= MAY_CHANGE.get((conflict, side), set()), case.oncology.primary


HIGH = {
    "oncology__primary": "rcc",
    "lesion__escc": "2",
    "lesion__tomita_type": 4,
    "lesion__pain": "none",
    "lesion__nrs": 0,
}
UNSTABLE = {"lesion__alignment": "subluxation_translation", "lesion__collapse": "gt50"}
THIRTEEN = UNSTABLE | {"lesion__posterolateral": "bilateral"}
"""Unstable though the lesion of HIGH does not hurt."""


def test_radiosurgery_before_separation_surgery() -> None:
    found = answer(known(**HIGH), choosing(SRS_HIGH_GRADE="s3_srs"))
    assert changed(answer(known(**HIGH)), found) == {"noms.recommendation", "noms.acceptable", "preop_embolisation"}
    assert found["noms"]["acceptable"] == ["SRS", "SEP_SURG_THEN_SRS"]
    assert found["noms"]["table_2013"] == "SEP_SURG_THEN_SRS"
    assert (
        found["iort_stabilisation"]["role"] is None or found["iort_stabilisation"]["role"] == "SUBORDINATE_TO_SURGERY"
    )
    assert "CONFLICT-SRS-HIGH-GRADE" in found["explanation"]["parts"]["noms"]["evidence"]


@pytest.mark.parametrize(
    ("facts", "acceptable"),
    [
        (THIRTEEN, ["STAB_THEN_SRS", "SEP_SURG_THEN_SRS"]),
        ({"patient__tolerates_open_surgery": False}, ["SRS", "CEBRT"]),
        (THIRTEEN | {"patient__tolerates_open_surgery": False}, ["STAB_THEN_SRS", "STAB_THEN_CEBRT"]),
        ({"patient__expected_survival_months": 2}, ["CEBRT"]),
        ({"lesion__contiguous_levels": 4}, ["CEBRT"]),
        ({"neuro__myelopathy": True, "neuro__presentation": "clinical_cord_compression"}, ["SEP_SURG_THEN_SRS"]),
        ({"neuro__myelopathy": None}, ["SEP_SURG_THEN_SRS"]),
        ({"oncology__primary": "breast"}, ["CEBRT"]),
        ({"lesion__escc": "1c"}, ["SRS"]),
    ],
)
def test_radiosurgery_first_only_without_cord_signs(facts: dict[str, Any], acceptable: list[str]) -> None:
    found = answer(known(**(HIGH | facts)), choosing(SRS_HIGH_GRADE="s3_srs"))
    assert found["noms"]["acceptable"] == acceptable


@pytest.mark.parametrize(
    ("facts", "row"),
    [
        ({}, "SEP_SURG_THEN_SRS"),
        (THIRTEEN, "SEP_SURG_THEN_SRS"),
        ({"patient__tolerates_open_surgery": None}, "SEP_SURG_THEN_SRS"),
        ({"patient__expected_survival_months": 4}, "SEP_SURG_THEN_SRS"),
        ({"patient__tolerates_open_surgery": False}, "CEBRT"),
        (THIRTEEN | {"patient__tolerates_open_surgery": False}, "STAB_THEN_CEBRT"),
    ],
)
def test_what_the_table_says_stays_beside_the_choice(facts: dict[str, Any], row: str) -> None:
    found = answer(known(**(HIGH | facts)), choosing(SRS_HIGH_GRADE="s3_srs"))["noms"]
    assert found["table_2013"] == row
    assert row in found["acceptable"][1:]


CORD = {"neuro__myelopathy": True, "neuro__presentation": "clinical_cord_compression"}
COMPLETE = {
    "neuro__asia": "A",
    "neuro__frankel": "A",
    "neuro__ambulatory": False,
    "neuro__functional_radiculopathy": True,
}
"""A complete deficit that radiculopathy explains, so that there are no cord signs (NEURO-02)."""


@pytest.mark.parametrize("why_not", [CORD, COMPLETE, {"neuro__cauda_equina": None}], ids=["cord", "AIS A", "not known"])
@pytest.mark.parametrize("stability", [{}, THIRTEEN], ids=["stable", "unstable"])
@pytest.mark.parametrize("fitness", [True, False, None], ids=["fit", "unfit", "fitness not known"])
def test_where_radiosurgery_does_not_come_first(why_not: Any, stability: Any, fitness: bool | None) -> None:
    document = known(**(HIGH | stability | why_not | {"patient__tolerates_open_surgery": fitness}))
    assert changed(answer(document), answer(document, choosing(SRS_HIGH_GRADE="s3_srs"))) == set()


def test_what_keeps_radiosurgery_from_coming_first_is_missing() -> None:
    document = known(**HIGH, neuro__cauda_equina=None)
    for policy, asked in ((DEFAULT_POLICY, False), (choosing(SRS_HIGH_GRADE="s3_srs"), True)):
        missing = answer(document, policy)["explanation"]["parts"]["noms"]["missing"]
        assert ("neuro.cauda_equina" in missing) is asked


@pytest.mark.parametrize(
    ("primary", "side", "effective", "acceptable"),
    [
        ("sclc", "ask", "conflict", ["CEBRT", "SRS"]),
        ("sclc", "s1_sensitive", "radiosensitive", ["CEBRT"]),
        ("sclc", "s2_resistant", "radioresistant", ["SRS"]),
        ("lung", "s1_sensitive", "conflict", ["CEBRT", "SRS"]),
        ("lung", "s2_resistant", "radioresistant", ["SRS"]),
    ],
)
def test_the_class_of_small_cell_lung_cancer(primary: str, side: str, effective: str, acceptable: list[str]) -> None:
    stable = {"lesion__pain": "none", "lesion__nrs": 0}
    found = answer(known(oncology__primary=primary, **stable), choosing(SCLC=side))
    assert found["radiosensitivity"]["effective"] == effective
    assert found["radiosensitivity"]["conflict"]
    assert found["noms"]["acceptable"] == acceptable


SYMPTOMATIC = {
    "oncology__primary": "unknown",
    "oncology__histology_confirmed": False,
    "lesion__escc": "2",
    "lesion__tomita_type": 4,
    "neuro__presentation": "clinical_cord_compression",
    "neuro__myelopathy": True,
    "neuro__acute_cord_compression": True,
}
DISCORDANT = SYMPTOMATIC | {"oncology__primary": "breast", "oncology__histology_confirmed": True, "lesion__escc": "0"}


@pytest.mark.parametrize("facts", [SYMPTOMATIC, DISCORDANT], ids=["unproven", "not explained by the image"])
@pytest.mark.parametrize(
    ("side", "days", "steroids"),
    [
        ("show_both", 0.2, "CONFLICT_GIVE_OR_DEFER"),
        ("give", 0.2, "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H"),
        ("give", 0.5, "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H"),
        ("give", 0.6, "GIVE_NOW_WINDOW_PASSED"),
        ("defer", 0.2, "DEFER_UNTIL_TISSUE"),
        ("defer", 3, "DEFER_UNTIL_TISSUE"),
    ],
)
def test_steroids_with_an_open_diagnosis(facts: dict[str, Any], side: str, days: float, steroids: str) -> None:
    document = known(**facts, neuro__symptom_duration_days=days)
    assert answer(document, choosing(STEROIDS=side))["steroids"] == steroids
    proven = known(**(SYMPTOMATIC | {"oncology__primary": "breast", "oncology__histology_confirmed": True}))
    assert answer(proven, choosing(STEROIDS=side))["steroids"] == answer(proven)["steroids"]


@pytest.mark.parametrize(
    ("side", "status", "reasons"),
    [
        ("conditional", "conditional", ["UNSTABLE_KYPHOPLASTY_ALONE_NOT_AN_OPTION_KRAUSS"]),
        ("s0_excluded", "ineligible", ["UNSTABLE_EXCLUDED_BY_POLICY"]),
        ("s4_accepted", "eligible", []),
    ],
)
def test_cement_in_an_unstable_vertebra(side: str, status: str, reasons: list[str]) -> None:
    found = answer(known(**UNSTABLE), choosing(CEMENT=side))["iort_kyphoplasty"]
    assert (found["status"], found["reasons"]) == (status, reasons)
    assert answer(known(), choosing(CEMENT=side)) == answer(known())


def test_an_undetermined_stability_is_not_stable_where_instability_excludes() -> None:
    partly = {"lesion__alignment": None, "lesion__collapse": None}
    assert answer(known(**partly))["iort_kyphoplasty"]["status"] == "eligible"
    found = answer(known(**partly), choosing(CEMENT="s0_excluded"))["iort_kyphoplasty"]
    assert (found["status"], found["reasons"]) == ("indeterminate", ["STABILITY_UNKNOWN"])


@pytest.mark.parametrize(
    ("facts", "status", "reasons"),
    [
        ({"lesion__pedicle_infiltration": True}, "ineligible", ["PEDICLE_INFILTRATION"]),
        ({"lesion__tomita_type": 2}, "ineligible", ["PEDICLE_INFILTRATION"]),
        ({"lesion__pedicle_infiltration": None}, "indeterminate", ["PEDICLE_INFILTRATION_UNKNOWN"]),
        ({"lesion__pedicle_infiltration": None, "lesion__tomita_type": 2}, "ineligible", ["PEDICLE_INFILTRATION"]),
        ({}, "eligible", []),
    ],
)
def test_an_infiltrated_pedicle_and_kyphoplasty(facts: dict[str, Any], status: str, reasons: list[str]) -> None:
    found = answer(known(**facts), choosing(PEDICLE="s0_excluded"))["iort_kyphoplasty"]
    assert (found["status"], found["reasons"]) == (status, reasons)
    assert answer(known(**facts))["iort_kyphoplasty"]["status"] == "eligible"


def test_escc_3_as_exclusion() -> None:
    facts = {"lesion__escc": "3", "lesion__tomita_type": 4}
    assert answer(known(**facts))["iort_stabilisation"]["reasons"] == ["ESCC_3_AMBIGUOUS_IN_SOURCE"]
    found = answer(known(**facts), choosing(ESCC_3="s0_excluded"))["iort_stabilisation"]
    assert (found["status"], found["reasons"]) == ("ineligible", ["ESCC_3_EXCLUDED_BY_POLICY"])
    two = facts | {"lesion__escc": "2"}
    assert answer(known(**two), choosing(ESCC_3="s0_excluded")) == answer(known(**two))


@settings(max_examples=200, deadline=None)
@given(CASES, POLICIES)
def test_no_policy_loosens_a_hard_stop(document: dict[str, Any], choices: dict[str, str]) -> None:
    case = case_of(document)
    default, chosen = assess(case), assess(case, BoardPolicy(choices=choices))
    for before, after in zip(default.lesions, chosen.lesions, strict=True):
        assert after.noms.hard_stops == before.noms.hard_stops
        assert after.urgency == before.urgency
        assert after.mechanical_urgency == before.mechanical_urgency
        assert after.noms.surgical_capacity == before.noms.surgical_capacity
        if before.noms.recommendation in STOPS:
            assert after.noms == before.noms
        for old, new in (
            (before.iort_stabilisation, after.iort_stabilisation),
            (before.iort_kyphoplasty, after.iort_kyphoplasty),
        ):
            assert {reason for reason in old.reasons if reason.weight == "hard"} <= set(new.reasons)
            assert old.status != "ineligible" or new.status == "ineligible"
            assert old.status != "indeterminate" or new.status in ("indeterminate", "ineligible")


@settings(max_examples=100, deadline=None)
@given(CASES, POLICIES)
def test_cord_signs_are_decompressed_whatever_is_chosen(document: dict[str, Any], choices: dict[str, str]) -> None:
    case = case_of(document | {"neuro": document["neuro"] | {"myelopathy": True}})
    choices |= {"CONFLICT-SCLC": "ask"}
    default, chosen = assess(case), assess(case, BoardPolicy(choices=choices))
    for before, after in zip(default.lesions, chosen.lesions, strict=True):
        assert after.noms == before.noms
        assert after.steroids.value in (
            "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H",
            "GIVE_NOW_WINDOW_PASSED",
            "CONFLICT_GIVE_OR_DEFER",
            "DEFER_UNTIL_TISSUE",
        )


def test_the_facts_that_rules_read() -> None:
    assert policy_facts(DEFAULT_POLICY) == {f"policy.{name}": side for name, side in SECTION_G.items()}
    found = patient_facts(WORKED[0], choosing(SCLC="s2_resistant"))
    assert found["policy.CONFLICT-SCLC"] == "s2_resistant"
    assert found["policy.CONFLICT-PTV"] == "table5_0_2mm"


def test_a_patients_conflicts_stand_side_by_side() -> None:
    case = case_from_document(known(**UNSTABLE))
    policy = BoardPolicy(
        "Here", {"CONFLICT-CEMENT": "s4_accepted"}, "1", {"CONFLICT-CEMENT": Ground("our own results")}
    )
    for followed in (DEFAULT_POLICY, policy):
        (found,) = conflict_documents(conflicts_of(case, assess(case, followed)))
        assert found["id"] == "CONFLICT-CEMENT"
        assert [side["key"] for side in found["sides"]] == ["conditional", "s0_excluded", "s4_accepted"]
        assert found["sides"][1] == {
            "key": "s0_excluded",
            "statement": "Kyphoplasty is not an option in instability.",
            "references": ["S0"],
            "confidence": "S",
        }
        assert found["followed"] == followed.side("CONFLICT-CEMENT")
    assert (found["chosen_by_centre"], found["reason"]) == (True, "our own results")
    stable = case_from_document(known(lesion__pain="none", lesion__collapse="none"))
    assert conflicts_of(stable, assess(stable)) == ()
    assert policy_document(policy) == {
        "centre": "Here",
        "version": "1",
        "departures": {"CONFLICT-CEMENT": "s4_accepted"},
    }
    assert policy_document(DEFAULT_POLICY) == {"centre": None, "version": None, "departures": {}}


@pytest.mark.parametrize(
    ("primary_and_facts", "conflict"),
    [
        ({**HIGH}, "CONFLICT-SRS-HIGH-GRADE"),
        ({"oncology__primary": "sclc"}, "CONFLICT-SCLC"),
        (SYMPTOMATIC, "CONFLICT-STEROIDS"),
        ({"oncology__primary": "rcc"}, "CONFLICT-EN-BLOC"),
        ({"lesion__escc": "3", "lesion__tomita_type": 4}, "CONFLICT-ESCC-3"),
    ],
)
def test_where_a_conflict_is_named(primary_and_facts: dict[str, Any], conflict: str) -> None:
    case = case_from_document(known(**primary_and_facts))
    assert conflict in [found.conflict.id for found in conflicts_of(case, assess(case))]


POLICY = """
centre: Example Hospital
version: 2026-1
choices:
  CONFLICT-SCLC: s2_resistant
  CONFLICT-STEROIDS:
    side: give
    reason: tissue takes us 36 h
    date: 2026-05-04
    approved_by: Board
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_policy_file(tmp_path: Path) -> None:
    policy = read_board_policy(written(tmp_path, POLICY))
    assert (policy.centre, policy.version) == ("Example Hospital", "2026-1")
    assert policy.choices == {"CONFLICT-SCLC": "s2_resistant", "CONFLICT-STEROIDS": "give"}
    ground = policy.grounds["CONFLICT-STEROIDS"]
    assert (ground.reason, str(ground.decided_on), ground.approved_by) == (
        "tissue takes us 36 h",
        "2026-05-04",
        "Board",
    )
    assert policy.departures == ("CONFLICT-SCLC", "CONFLICT-STEROIDS")
    assert policy.side("CONFLICT-PTV") == "table5_0_2mm"


def test_a_policy_that_chooses_nothing(tmp_path: Path) -> None:
    policy = read_board_policy(written(tmp_path, "centre: Here\nchoices:\n"))
    assert policy == BoardPolicy(centre="Here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the policy file is empty"),
        ("- a\n", "a policy is a mapping of keys"),
        ("choices: {}\n", "the policy has no centre. Write centre"),
        ("centre: X\nchoises: {}\n", "no key 'choises' here. Did you mean choices"),
        ("centre: X\nchoices: [a]\n", r"choices: the choices are a mapping, not \['a'\]"),
        (
            "centre: X\nchoices: {CONFLICT-SCCL: ask}\n",
            "CONFLICT-SCCL: there is no conflict of this name. Did you mean CONFLICT-SCLC",
        ),
        (
            "centre: X\nchoices: {CONFLICT-SCLC: s1_resistant}\n",
            "CONFLICT-SCLC: 's1_resistant' is no side of this conflict. Did you mean s2_resistant",
        ),
        ("centre: X\nchoices: {CONFLICT-WOUND: s1_both}\n", "CONFLICT-WOUND: this conflict is shown only"),
        (
            "centre: X\nchoices: {CONFLICT-SCLC: ask, CONFLICT-SCLC: s2_resistant}\n",
            "line 2: the key 'CONFLICT-SCLC' stands twice",
        ),
        ("centre: X\nchoices: {CONFLICT-SCLC: {reason: because}}\n", "choices.CONFLICT-SCLC: the policy has no side"),
        (
            "centre: X\nchoices: {CONFLICT-SCLC: {side: ask, reasons: b}}\n",
            "no key 'reasons' here. Did you mean reason",
        ),
        (
            "centre: X\nchoices: {CONFLICT-SCLC: {side: ask, date: 2026-02-30}}\n",
            "CONFLICT-SCLC.date: '2026-02-30' is no date",
        ),
        ("centre: X\nchoices: {CONFLICT-SCLC: [ask]}\n", r"CONFLICT-SCLC.side: \['ask'\] is no word"),
        ("centre: X\nchoices: {CONFLICT-SCLC: true}\n", "CONFLICT-SCLC.side: True is no word"),
        ("centre: X\nchoices: {CONFLICT-SCLC: null}\n", "choices.CONFLICT-SCLC: the policy has no side"),
        ("centre: [\n", "policy.yaml"),
    ],
)
def test_a_policy_file_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message) as raised:
        read_board_policy(written(tmp_path, text))
    assert "policy.yaml" in str(raised.value)
    assert raised.value.remedy


def test_a_policy_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"the policy file cannot be read \(No such file or directory\)"):
        read_board_policy(tmp_path / "none.yaml")


def test_a_policy_in_python_is_checked_too() -> None:
    with pytest.raises(PolicyError, match="CONFLICT-SCLC: 'sensitive' is no side of this conflict"):
        choosing(SCLC="sensitive")
    with pytest.raises(PolicyError, match=r"CONFLICT-SCLC: a ground without a choice\. State the chosen side too"):
        BoardPolicy(grounds={"CONFLICT-SCLC": Ground("because")})


def reading_rules() -> list[tuple[Rule, str, Any]]:
    """Every rule that reads a choice, with the conflict and the sides that it speaks for."""
    return [
        (rule, condition.fact.removeprefix("policy."), condition.operand)
        for name, part in rule_parts()
        for rule in rules(name, part)
        for condition in (*rule.when, *(one for group in rule.any_of for one in group))
        if condition.fact.startswith("policy.")
    ]


def test_every_policy_rule_names_its_conflict_its_evidence_and_a_published_side() -> None:
    for rule, conflict, sides in reading_rules():
        assert rule.conflict == conflict, rule.id
        assert conflict in rule.evidence, rule.id
        assert set(sides) <= conflicts()[conflict].sides.keys(), rule.id


def test_a_centre_may_choose_where_a_rule_reads_it_and_only_there() -> None:
    read_by_rules = {conflict for _, conflict, _ in reading_rules()}
    by_the_lists = {"CONFLICT-SCLC"} if table("radiosensitivity")["primaries"]["sclc"]["policy"] else set()
    assert read_by_rules | by_the_lists == set(SECTION_G)


def test_the_conflicts_of_the_pathway_stand_beside_those_of_the_decision() -> None:
    case = case_from_document(known(**SYMPTOMATIC))
    advice = assess(case)
    around = pathway(case, advice)
    advisories = [*around.of_patient, *(one for of_lesion in around.of_lesions for one in of_lesion)]
    named = {advisory.conflict for advisory in advisories} - {""}
    assert named
    found = {followed.conflict.id for followed in conflicts_of(case, advice, advisories)}
    assert found == named | {followed.conflict.id for followed in conflicts_of(case, advice)}
