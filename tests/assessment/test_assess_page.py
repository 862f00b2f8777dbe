"""docs/assess.md: what it shows is what the program prints, and its Python runs."""

from __future__ import annotations

import pytest

from shown_in_docs import docs_page, lines, printed, python_printed, shown_commands

PAGE = docs_page("assess")
COMMANDS = shown_commands(PAGE)


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_what_is_shown_is_what_is_printed(command: str, shown: str) -> None:
    assert lines(printed(command)) == lines(shown)


def test_its_python_runs() -> None:
    assert python_printed(PAGE).splitlines() == [
        "the tumour infiltrates the pedicle ('IORT-06',)",
        "stabilisation, then stereotactic radiosurgery",
    ]
