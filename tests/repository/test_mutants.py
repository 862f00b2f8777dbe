"""The mutants of the assessment take effect and go again without trace, and every explained survivor is one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from validation.mutants import Mutant, forget, keep_files
from validation.mutation import every_mutant, explanations, sample
from validation.mutation_reach import Reach
from validation.mutation_tests import ENDED, _child, _said

from metaspine.assessment import advice_document, assess, tables
from metaspine.assessment.scoring import about, score
from metaspine.exchange.case_file import case_from_document

BREAST_AT_T8 = case_from_document(
    {
        "patient": {"pregnant": True, "kps": 80},
        "oncology": {"primary": "breast", "histology_confirmed": True},
        "lesion": {"level": "T8", "escc": "0", "sins_reported_total": 6},
        "neuro": {"presentation": "local_pain"},
    }
)


@pytest.fixture(autouse=True)
def files_kept() -> Iterator[None]:
    read = tables._read
    keep_files()
    yield
    tables._read = read
    forget()


@cache
def by_name() -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in every_mutant()}


def answer() -> dict[str, object]:
    return advice_document(assess(BREAST_AT_T8))


def answer_or_error() -> object:
    try:
        return answer()
    except (AttributeError, KeyError, TypeError) as error:
        return repr(error)


def test_every_explained_survivor_is_still_a_mutant() -> None:
    assert explanations().keys() <= by_name().keys()


def test_every_explanation_says_something() -> None:
    assert [name for name, reason in explanations().items() if len(reason.split()) < 4] == []


def test_no_two_bear_one_name() -> None:
    names = [mutant.name for mutant in every_mutant()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "noms.stops: STOP-PREGNANT left out",
        "noms.stops.STOP-PREGNANT.when: patient.pregnant False for True",
        "noms.stops.STOP-PREGNANT: then NOT_APPLICABLE_BENIGN for MANUAL_REVIEW",
        "sins.categories.stable: to 5",
        "urgency.treatment_within_h.URG-13.when: neuro.presentation asymptomatic for local_pain",
        "tokuhashi_revised.items.kps.bins.2: points 3",
        "radiosensitivity.primaries.breast: used conflict",
        "escc.class: 0 high",
        "facts.lesion_facts: lesion.escc is None becomes lesion.escc is not None",
        "urgency.answer: return Answer(decision.outcome, basis_of((decision,), facts)) becomes return None",
    ],
)
def test_a_mutant_takes_effect_and_goes_without_trace(name: str) -> None:
    before = answer()
    with by_name()[name].in_place():
        assert answer_or_error() != before
    assert answer() == before


def test_what_changes_nothing_is_not_seen() -> None:
    nothing = Mutant("nothing", "", "", frozenset(), (), lambda: lambda: None)
    before = answer()
    with nothing.in_place():
        assert answer() == before


def test_a_sample_is_the_same_for_the_same_seed_and_holds_one_in_so_many() -> None:
    mutants = list(by_name().values())
    names = [mutant.name for mutant in sample(mutants, 10, 3)]
    assert names == [mutant.name for mutant in sample(mutants, 10, 3)]
    assert names != [mutant.name for mutant in sample(mutants, 10, 4)]
    assert len(set(names)) == len(mutants) // 10


def ended() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "never said"


@pytest.mark.parametrize(("work", "said"), [(lambda: "a test", "a test"), (lambda: "", ""), (ended, ENDED)])
def test_a_child_says_what_it_found_or_that_it_ended(work: Callable[[], str], said: str) -> None:
    assert _said(*_child(work)) == said


def test_what_is_looked_at_is_noted_and_what_only_builds_the_scores_is_not() -> None:
    reach = Reach({})
    with reach.of_a_file(), reach.of_a_test() as reached:
        assert score("tomita", BREAST_AT_T8, BREAST_AT_T8.lesions[0]).name == "tomita"
        about("osri")
    assert reach.scored.keys() == {"tomita"}
    assert "scores/osri.yaml" in reached
    assert not {"scores/tomita.yaml", "scores/prism.yaml"} & (reached | reach.by_caches)
