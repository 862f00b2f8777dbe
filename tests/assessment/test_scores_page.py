"""docs/scores.md: what it shows is what the program prints, its Python runs, and what it calls off is off."""

from __future__ import annotations

import re

import pytest

from metaspine.assessment.scoring import about, score_names
from shown_in_docs import docs_page, lines, printed, python_printed, shown_commands

PAGE = docs_page("scores")
COMMANDS = shown_commands(PAGE)


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_what_is_shown_is_what_is_printed(command: str, shown: str) -> None:
    assert lines(printed(command)) == lines(shown)


def test_its_python_runs() -> None:
    assert python_printed(PAGE) == "7 (7, 7) []\n28\n"


def test_everything_that_is_not_computed_is_in_the_table() -> None:
    off = {name for name in score_names() if about(name).state != "computed"}
    table = PAGE.partition("## What is off, and why")[2].partition("What was obtained")[0]
    assert off <= set(re.findall(r"`(\w+)`", table))
