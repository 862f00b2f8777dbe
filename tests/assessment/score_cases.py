"""Cases that say only what a score is asked about."""

from __future__ import annotations

from typing import Any

from metaspine.assessment.scoring import score
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.case import Case
from metaspine.patient.scoring import Scored


def case_of(**facts: Any) -> Case:
    """The case of some facts, e.g. ``case_of(patient__kps=80)``; primary and level are breast and T8 unless stated."""
    document: dict[str, Any] = {"oncology": {"primary": "breast"}, "lesion": {"level": "T8"}}
    for path, value in facts.items():
        section, _, key = path.partition("__")
        if key:
            document.setdefault(section, {})[key] = value
        else:
            document[section] = value
    return case_from_document(document)


def scored(name: str, **facts: Any) -> Scored:
    """A score of the case of some facts."""
    case = case_of(**facts)
    return score(name, case, case.lesions[0])
