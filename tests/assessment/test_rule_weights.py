"""How much the rules outside the pathway weigh: what stops, what is preferred, what is only told (B, G1)."""

from __future__ import annotations

import pytest

from metaspine.assessment.tables import rules

WEIGHTS = {
    "stop": "noms.stops noms.hard_stops",
    "prefer": (
        "noms.stabilisation noms.rows noms.preferred noms.complete_deficit board.steps urgency.mri_within_h "
        "urgency.treatment_within_h urgency.biopsy_within_h urgency.steroids treatment.ebrt_schedule "
        "treatment.preop_embolisation"
    ),
    "accept": "noms.beside board.supportive postoperative.indications",
    "avoid": "postoperative.contraindications",
    "warn": "noms.flags sins.mechanical_urgency board.among_lesions treatment.flags treatment.prognosis_flags",
    "inform": (
        "noms.capacity board.because board.replaces iort.role urgency.class treatment.en_bloc_criteria_met "
        "treatment.survival_surgery_rule treatment.goals_of_care"
    ),
}
OF_ONE_RULE = {
    "board.steps.STEP-01": "stop",  # "before anything else"
    "board.among_lesions.BOARD-03": "avoid",  # more than three levels: "avoid surgery (no stable construct)"
    "board.among_lesions.BOARD-04": "inform",
    "board.among_lesions.BOARD-05": "inform",
}


@pytest.mark.parametrize(
    ("part", "weight"), [(part, weight) for weight, parts in WEIGHTS.items() for part in parts.split()]
)
def test_the_weight_of_a_list(part: str, weight: str) -> None:
    name, _, of_table = part.partition(".")
    listed = rules(name, of_table)
    assert {rule.name: rule.strength for rule in listed} == {
        rule.name: OF_ONE_RULE.get(rule.name, weight) for rule in listed
    }
