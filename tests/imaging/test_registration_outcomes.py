"""The measuring of registrations itself: what is counted as wrong, and that a stopped run goes on where it stood."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from validation.chapter import MISS, Chapter
from validation.registration import Outcome, first_of_each, measured, tables, trials


def test_a_wrong_place_that_was_accepted_falls_short() -> None:
    right = [Outcome(trial, True, 0.3, 0.5, 1.0, 1.0) for trial in first_of_each()]
    assert not Chapter("", "", tables(right)).missed()
    for n, trial in enumerate(first_of_each()):
        outcomes = list(right)
        outcomes[n] = Outcome(trial, True, 30.0, 0.5, 1.0, 1.0)
        missed = Chapter("", "", tables(outcomes)).missed()
        assert trial.family in [row[0] for row in missed]
        assert all(row[-1] == MISS for row in missed)


def test_a_median_above_the_goal_falls_short() -> None:
    outcomes = [Outcome(trial, True, 0.8, 1.0, 1.0, 1.0) for trial in first_of_each()]
    assert Chapter("", "", tables(outcomes)).missed()


def test_every_trial_differs_from_every_other() -> None:
    assert len({json.dumps(asdict(trial)) for trial in trials()}) == len(trials())


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """What the log holds is not tried again: there are no data to try it on."""
    wanted = first_of_each()[:3]
    told = [
        Outcome(wanted[0], True, 0.25, 0.5, 1.5, 1.25),
        Outcome(wanted[1], False, refusal="level: no"),
        Outcome(wanted[2], True, 0.75, 0.875, 1.0, 1.0),
    ]
    log = tmp_path / "outcomes.jsonl"
    log.write_text("".join(json.dumps(asdict(one)) + "\n" for one in told))
    found = measured(tmp_path / "no data", wanted, processes=1, log=log)
    assert [(one.trial, one.accepted, one.refusal) for one in found] == [
        (one.trial, one.accepted, one.refusal) for one in told
    ]
    assert found[2].target_mm == 0.75
    assert np.isnan(found[1].target_mm)
