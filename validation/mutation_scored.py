"""What the tests have scored: which of them can tell a changed table of a score from the one that stands.

A test that has a score computed notices a change of its table only where the score of its patient becomes another one.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from metaspine.assessment import scoring
from metaspine.assessment.score_facts import score_facts
from metaspine.assessment.score_tables import score_tables
from metaspine.assessment.tables import _files, table
from validation.mutation_reach import Scorings


class ScoredByTests:
    """For every score of whom it was computed, and by which tests."""

    def __init__(self) -> None:
        self._tests: dict[str, dict[bytes, set[str]]] = {}
        self._patients: dict[bytes, Any] = {}

    def add(self, test: str, scorings: Scorings) -> None:
        """Add what a test had computed."""
        for name, patients in scorings.items():
            for patient in patients:
                self._patients[patient] = self._patients.get(patient) or pickle.loads(patient)  # noqa: S301 - our own
                self._tests.setdefault(name, {}).setdefault(patient, set()).add(test)

    def answers(self, name: str) -> Mapping[bytes, Any]:
        """Return the score of everyone of whom it was ever computed."""
        return {patient: self._answer(name, patient) for patient in self._tests.get(name, {})}

    def all_answers(self) -> Mapping[str, Mapping[bytes, Any]]:
        """Return the answers of every score, by the file of its table."""
        files = {str(table(name).get("score", name)): path for name, path in _files().items()}
        return {files[name]: self.answers(name) for name in score_tables()}

    def told_apart(self, file: str, before: Mapping[bytes, Any]) -> set[str]:
        """Return the tests for whose patients the score of a file is another one than before."""
        stem = next(name for name, path in _files().items() if path == file)
        name = str(table(stem).get("score", stem))
        tests = self._tests.get(name, {})
        now = self.answers(name)
        return {test for patient in now if now[patient] != before[patient] for test in tests[patient]}

    def _answer(self, name: str, patient: bytes) -> Any:
        case, lesion = self._patients[patient]
        try:
            return scoring._scored(score_tables()[name], case, lesion, score_facts(case, lesion))
        except Exception as error:  # noqa: BLE001 - whatever a changed table does is an answer
            return repr(error)
