"""Every score, computed from its own table or taken from outside; each says what it rests on and what would narrow it.

``score`` computes one; ``scores_of_patient`` and ``scores_of_lesion`` compute all that belong there. A score whose
items are not all known has no total but a range and the items that would narrow it most. What is switched off or not
public never has a total that metaspine made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from metaspine.assessment.outside_scores import from_outside, switched_off
from metaspine.assessment.rules import Facts
from metaspine.assessment.score_about import ScoreAbout, about
from metaspine.assessment.score_facts import score_facts
from metaspine.assessment.score_shapes import class_score, defined_only, grade_score, points_score, with_warnings
from metaspine.assessment.score_tables import ScoreTable, score_table, score_tables
from metaspine.assessment.special_scores import SPECIAL
from metaspine.patient.case import Case, LesionFacts
from metaspine.patient.scoring import Scored

__all__ = ["ScoreAbout", "about", "score", "score_names", "scores_of_lesion", "scores_of_patient"]


def score_names() -> tuple[str, ...]:
    """Return the names of all scores, in the order of the alphabet."""
    return tuple(score_tables())


def score(name: str, case: Case, lesion: LesionFacts) -> Scored:
    """Return one score of a patient's lesion, or of the patient where the score belongs to the patient.

    Raises
    ------
    InputError
        When there is no score of that name; the message names the nearest ones.
    """
    return _scored(score_table(name), case, lesion, score_facts(case, lesion))


def scores_of_patient(case: Case) -> Mapping[str, Scored]:
    """Return every score that belongs to the patient, by its name."""
    return _scores_of("patient", case, case.lesions[0])


def scores_of_lesion(case: Case, lesion: LesionFacts) -> Mapping[str, Scored]:
    """Return every score that belongs to a lesion, by its name."""
    return _scores_of("lesion", case, lesion)


def _scores_of(whose: str, case: Case, lesion: LesionFacts) -> dict[str, Scored]:
    facts = score_facts(case, lesion)
    return {
        name: _scored(table, case, lesion, facts)
        for name, table in score_tables().items()
        if table.content["of"] == whose
    }


def _scored(table: ScoreTable, case: Case, lesion: LesionFacts, facts: Facts) -> Scored:
    return with_warnings(_shape(table, case, lesion)(table, facts), table, facts)


def _shape(table: ScoreTable, case: Case, lesion: LesionFacts) -> Callable[[ScoreTable, Facts], Scored]:
    content = table.content
    state = content.get("state", "computed")
    if state == "switched_off":
        return partial(switched_off, given=case.scores_from_outside)
    if state == "external":
        return partial(from_outside, given=case.scores_from_outside)
    if state == "not_applicable":
        return defined_only
    if "special" in content:
        return partial(SPECIAL[content["special"]], case=case, lesion=lesion)
    if table.classes:
        return class_score
    return grade_score if "grades" in content else points_score
